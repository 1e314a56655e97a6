//! What rooms hold already: their history, and the files that came with it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Attachment, Message, MessageId, Place, PortError};

/// A message of a room's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Archived {
    /// The message.
    pub message: Message,
    /// What its author is called there; empty where that is not known.
    pub name: String,
    /// Whether the assistant said it.
    pub ours: bool,
    /// A permanent link to it.
    pub link: Option<String>,
}

/// A room's history, from its platform.
#[async_trait]
pub trait Archive: Send + Sync {
    /// At most `limit` (100 at most) messages before `before`, newest first.
    async fn page(&self, place: &Place, before: Option<Timestamp>, limit: usize) -> Result<Vec<Archived>, PortError>;

    /// A message of a place; none where it is gone, or where the platform gives out no single one.
    async fn message(&self, _place: &Place, _id: &MessageId) -> Result<Option<Archived>, PortError> {
        Ok(None)
    }

    /// Whether whoever comes to a place may read what was said there before: else nothing of it is told to all of them.
    async fn is_open(&self, _place: &Place) -> Result<bool, PortError> {
        Ok(true)
    }

    /// Whether a message that was there is gone for sure; false where that cannot be told.
    async fn is_gone(&self, _place: &Place, _id: &MessageId) -> Result<bool, PortError> {
        Ok(false)
    }

    /// What was said before `message` in its thread or its chain of replies, newest first, at most `limit`.
    async fn conversation(&self, message: &Message, limit: usize) -> Result<Vec<Archived>, PortError>;
}

/// The files that come with messages.
#[async_trait]
pub trait Attachments: Send + Sync {
    /// The bytes of an attachment of `place`, at most `bytes_max`.
    ///
    /// # Errors
    /// [`PortError::Refused`] where it is larger, or gone.
    async fn fetch(&self, place: &Place, attachment: &Attachment, bytes_max: u64) -> Result<Vec<u8>, PortError>;
}
