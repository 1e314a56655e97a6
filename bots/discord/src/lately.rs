//! What Discord said a moment ago, so that one call does not ask it the same again and again.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

/// Answers that are remembered at most.
const ENTRIES_MAX: usize = 10_000;

/// Since when an answer is asked for, and the answer once it came: who asks meanwhile waits for the same one.
type Entry<V> = (Instant, Arc<OnceCell<V>>);

/// Answers by what was asked, each for a short while; a failure is never remembered.
pub struct Lately<K, V> {
    life: Duration,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

impl<K: Eq + Hash, V: Clone> Lately<K, V> {
    /// Answers that are good for so long, counted from when they were asked for.
    pub fn new(life: Duration) -> Self {
        Self { life, entries: Mutex::default() }
    }

    /// What was answered lately, else what `ask` answers now.
    ///
    /// # Errors
    /// Those of `ask`.
    pub async fn get<E, A: Future<Output = Result<V, E>>>(&self, key: K, ask: impl FnOnce() -> A) -> Result<V, E> {
        self.entry(key).get_or_try_init(ask).await.cloned()
    }

    /// What was answered before is not good any more.
    pub fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    fn entry(&self, key: K) -> Arc<OnceCell<V>> {
        let mut entries = self.lock();
        if entries.len() >= ENTRIES_MAX {
            entries.retain(|_, (since, _)| since.elapsed() < self.life);
        }
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        let entry = entries.entry(key).or_insert_with(|| (Instant::now(), Arc::default()));
        if entry.0.elapsed() >= self.life {
            *entry = (Instant::now(), Arc::default());
        }
        Arc::clone(&entry.1)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Entry<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// How often Discord is asked where five ask at once, and one more after `changes`.
    async fn check(life: Duration, changes: impl Fn(&Lately<u64, u64>), want: usize) {
        let (lately, asked) = (Lately::new(life), &AtomicUsize::new(0));
        let ask = || async {
            tokio::task::yield_now().await;
            asked.fetch_add(1, Ordering::Relaxed);
            Ok::<u64, Infallible>(7)
        };
        let answers = futures::future::join_all((0..5).map(|_| lately.get(1, ask))).await;
        assert!(answers.into_iter().all(|answer| answer == Ok(7)));
        changes(&lately);
        lately.get(1, ask).await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), want);
    }

    #[tokio::test]
    async fn the_same_is_asked_once_for_a_while() {
        let long = Duration::from_secs(60);
        check(long, |_| (), 1).await;
        check(long, |lately| lately.forget(&2), 1).await;
        check(long, |lately| lately.forget(&1), 2).await;
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let lately: Lately<u64, u64> = Lately::new(Duration::from_secs(60));
        assert_eq!(lately.get(1, || async { Err("away") }).await, Err("away"));
        assert_eq!(lately.get(1, || async { Ok::<_, &str>(7) }).await, Ok(7));
    }

    #[tokio::test]
    async fn an_answer_grows_old() {
        let lately: Lately<u64, u64> = Lately::new(Duration::ZERO);
        assert_eq!(lately.get(1, || async { Ok::<_, &str>(7) }).await, Ok(7));
        assert_eq!(lately.get(1, || async { Ok::<_, &str>(8) }).await, Ok(8));
    }
}
