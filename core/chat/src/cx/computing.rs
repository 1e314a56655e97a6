//! Work that keeps a processor busy, as a plugin hands it over.

use std::sync::mpsc;

use crate::{Cx, PluginError, PortError};

const DOING: &str = "reckoning";

impl Cx {
    /// What `work` gives, done beside the threads that answer: for what takes more than a few milliseconds and waits for
    /// nothing. A deadline ends the waiting, not the work, which must be bounded by itself.
    ///
    /// # Errors
    /// [`PluginError::Port`] where it panicked.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PluginError> {
        let (done, result) = mpsc::sync_channel(1);
        // The receiver is gone only where nobody waits any more.
        let work = move || drop(done.send(work()));
        self.ports.compute.compute(Box::new(work)).await.map_err(PluginError::port(DOING))?;
        result.recv().map_err(PortError::failed("compute", DOING)).map_err(PluginError::port(DOING))
    }
}
