//! Work that keeps a processor busy, on threads of its own: one processor is always left to the threads that answer.

use std::{num::NonZero, sync::Arc, thread};

use async_trait::async_trait;
use chat::{PortError, ports::Compute};
use tokio::sync::Semaphore;

const PORT: &str = "compute";

/// Does so much at a time as there are processors, less one.
pub struct Processors(Arc<Semaphore>);

impl Default for Processors {
    fn default() -> Self {
        let all = thread::available_parallelism().map_or(1, NonZero::get);
        Self::new(all.saturating_sub(1).max(1))
    }
}

impl Processors {
    /// So many pieces of work at a time.
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }
}

#[async_trait]
impl Compute for Processors {
    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), PortError> {
        let doing = "waiting for a processor";
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(PortError::failed(PORT, doing))?;
        let done = tokio::task::spawn_blocking(move || {
            // Held to the end of the work, also where nobody waits for it any more.
            let _turn = turn;
            work();
        });
        done.await.map_err(PortError::failed(PORT, "doing what was handed in"))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        time::Duration,
    };

    use super::*;

    /// With one thread for all that waits: what reckons does not hold it.
    #[tokio::test]
    async fn work_does_not_hold_the_threads_that_answer() {
        let processors = Processors::new(1);
        let (go, may_go) = mpsc::channel::<()>();
        let work = processors.compute(Box::new(move || may_go.recv_timeout(Duration::from_secs(30)).unwrap()));
        let answers = async { go.send(()) };
        let (worked, answered) = tokio::join!(work, answers);
        assert!(worked.is_ok() && answered.is_ok());
    }

    #[tokio::test]
    async fn so_much_is_done_at_a_time_and_a_panic_frees_its_place() {
        let processors = Processors::new(1);
        assert!(processors.compute(Box::new(|| panic!("on purpose"))).await.is_err());
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let work = || {
            Box::new(|| {
                assert_eq!(RUNNING.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                thread::sleep(Duration::from_millis(5));
                RUNNING.fetch_sub(1, Ordering::SeqCst);
            })
        };
        let (one, two) = tokio::join!(processors.compute(work()), processors.compute(work()));
        assert!(one.is_ok() && two.is_ok());
    }

    #[tokio::test]
    async fn who_stops_waiting_leaves_the_queue() {
        let processors = Processors::new(1);
        let (go, may_go) = mpsc::channel::<()>();
        let long = processors.compute(Box::new(move || may_go.recv_timeout(Duration::from_secs(30)).unwrap()));
        tokio::pin!(long);
        let hurry = Duration::from_millis(20);
        assert!(tokio::time::timeout(hurry, &mut long).await.is_err());
        let waiting = processors.compute(Box::new(|| panic!("nobody waits for it")));
        assert!(tokio::time::timeout(hurry, waiting).await.is_err());
        go.send(()).unwrap();
        assert!(long.await.is_ok());
        assert!(processors.compute(Box::new(|| ())).await.is_ok());
    }
}
