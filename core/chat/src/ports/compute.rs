//! Work that keeps a processor busy and waits for nothing: done beside the threads that answer.

use async_trait::async_trait;

use crate::PortError;

/// Does such work, so much at a time that the machine still answers.
#[async_trait]
pub trait Compute: Send + Sync {
    /// Does `work` when its turn comes; done when it is. Who stops waiting leaves the queue, but what has begun goes on to its
    /// end and keeps its turn until then: whoever hands it in bounds it.
    ///
    /// # Errors
    /// [`PortError::Failed`] where it panicked.
    async fn compute(&self, work: Box<dyn FnOnce() + Send>) -> Result<(), PortError>;
}
