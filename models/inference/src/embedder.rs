//! The `Embedder` port on an [`Encoder`]: a bounded queue and one thread that owns the model's buffers.
//!
//! Read [`queue`] (who is next), then [`request`] (a call, done slice by slice).
//!
//! **Invariant:** between two slices the queue is asked again, so that a query waits for one slice at most, however
//! long the ingest behind it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat::{
    PortError,
    ports::{EmbedTask, Embedder, Embedding},
};
use tokio::sync::oneshot;

use self::{
    queue::Queue,
    request::{Request, Step},
};
use crate::{
    ModelError,
    encoder::{Encoder, forward::Workspace},
};

pub(crate) mod queue;
mod request;
#[cfg(test)]
mod tests;

/// How the port is named in errors.
const PORT: &str = "embedder";

/// How long a slice should take: what a query may have to wait.
const SLICE: Duration = Duration::from_millis(40);

/// Tokens of the first slice, before there is a measurement.
const SLICE_TOKENS_FIRST: usize = 256;

/// Bounds of a slice in tokens.
const SLICE_TOKENS: std::ops::RangeInclusive<usize> = 128..=16_384;

/// An encoder behind a queue. Dropping it ends its thread after the slice in hand.
#[derive(Debug)]
pub struct QueuedEncoder {
    encoder: Arc<Encoder>,
    queue: Arc<Queue<Request>>,
}

impl QueuedEncoder {
    /// Starts the thread. At most `calls_max` queries and as many passage calls may wait; a further one is
    /// [`PortError::Overloaded`].
    ///
    /// # Errors
    /// [`ModelError::Io`] when the system starts no thread.
    pub fn start(encoder: Encoder, calls_max: usize) -> Result<Self, ModelError> {
        let encoder = Arc::new(encoder);
        let queue = Arc::new(Queue::new(calls_max));
        let worker = { (Arc::clone(&encoder), Arc::clone(&queue)) };
        thread::Builder::new()
            .name("embedder".to_owned())
            .spawn(move || work(&worker.0, &worker.1))
            .map_err(ModelError::io("start a thread for", encoder.name()))?;
        Ok(Self { encoder, queue })
    }

    /// The encoder itself, for measurements.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }
}

impl Drop for QueuedEncoder {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[async_trait]
impl Embedder for QueuedEncoder {
    fn model(&self) -> &str {
        self.encoder.name()
    }

    fn dims(&self) -> usize {
        self.encoder.dims()
    }

    fn is_multilingual(&self) -> bool {
        self.encoder.is_multilingual()
    }

    fn tokens_max(&self) -> usize {
        self.encoder.tokeniser().tokens_max()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.encoder.tokeniser().count(text)
    }

    async fn embed(&self, task: EmbedTask, texts: &[&str]) -> Result<Vec<Embedding>, PortError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (reply, answer) = oneshot::channel();
        let request = Request::new(task, texts.iter().map(|&text| text.to_owned()).collect(), reply);
        self.queue
            .push(task == EmbedTask::Query, request)
            .map_err(|retry_after| PortError::Overloaded { port: PORT, retry_after })?;
        answer.await.unwrap_or(Err(PortError::Cancelled { port: PORT }))
    }
}

/// The thread: one step of the next request at a time, until the queue closes.
fn work(encoder: &Encoder, queue: &Queue<Request>) {
    let mut workspace = Workspace::default();
    let mut slice_tokens = SLICE_TOKENS_FIRST;
    while let Some((query, mut request)) = queue.take() {
        let started = Instant::now();
        let step = catch_unwind(AssertUnwindSafe(|| request.step(encoder, &mut workspace, slice_tokens)));
        match step {
            Ok(Step::Tokenised) => queue.put_back(query, request),
            Ok(Step::Embedded { tokens, done }) => {
                slice_tokens = slice(slice_tokens, tokens, started.elapsed());
                if !done {
                    queue.put_back(query, request);
                }
            }
            Ok(Step::Failed) => {}
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a word").to_owned();
                tracing::error!(model = encoder.name(), %said, "the encoder panicked");
                workspace = Workspace::default();
                let source = format!("the encoder panicked: {said}").into();
                request.fail(PortError::Failed { port: PORT, doing: "encoding", source });
            }
        }
    }
}

/// The next slice's tokens, after `tokens` took `took`: halfway to what [`SLICE`] would have held.
fn slice(now: usize, tokens: usize, took: Duration) -> usize {
    if tokens * 2 < now {
        return now; // Too small a part to say how long a whole one takes.
    }
    let fits = tokens as f64 * SLICE.as_secs_f64() / took.as_secs_f64().max(1e-6);
    now.midpoint(fits as usize).clamp(*SLICE_TOKENS.start(), *SLICE_TOKENS.end())
}
