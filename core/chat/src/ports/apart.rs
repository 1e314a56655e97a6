//! Where strangers' files are read.

use async_trait::async_trait;
use serde_json::Value;

use crate::PortError;

/// Reads files of strangers in a process of their own, with limits on memory, time and output.
#[async_trait]
pub trait Apart: Send + Sync {
    /// What a plugin makes of a file in that process: [`Plugin::read_file`](super::Plugin::read_file).
    ///
    /// # Errors
    /// [`PortError::Refused`] with a clause for whoever brought the file, also where reading it ended that process.
    async fn read(&self, plugin: &str, work: &str, name: &str, bytes: Vec<u8>) -> Result<Value, PortError>;
}
