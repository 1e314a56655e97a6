//! What is said in rooms without being meant for the assistant, and what is kept of it.
//!
//! **Invariant:** nothing of a person is kept here without their consent to [`Switch::Index`](crate::Switch::Index), and
//! nothing of a room whose policy does not index: the host asks both before it calls [`Chronicle::said`] or
//! [`Chronicle::note`].

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MemberId, Message, MessageId, Place, PortError, RoomId, people::Erased};

/// A message that was not meant for the assistant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overheard {
    /// The message; an edited one has the id of the first.
    pub message: Message,
    /// A permanent link to it.
    pub link: Option<String>,
    /// What the room calls its author.
    pub name: String,
    /// What the room is called; empty where that is not known.
    pub room: String,
}

/// A question with an answer that a moderator marked as the right one.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// What was asked.
    pub question: Overheard,
    /// What was answered.
    pub answer: Overheard,
    /// Whether the assistant answered it.
    pub is_ours: bool,
    /// The mark, as the platform names it: where that is removed, so is the note.
    pub mark: MessageId,
}

/// Keeps what was said, searchable where it was said.
#[async_trait]
pub trait Chronicle: Send + Sync {
    /// Keeps a message, or what it says now.
    async fn said(&self, heard: &Overheard) -> Result<(), PortError>;

    /// Keeps a question with its answer. Another mark on the same answer changes nothing.
    async fn note(&self, note: &Note) -> Result<(), PortError>;

    /// A message, or a mark, is gone, or may not be kept any more; whether it was kept.
    async fn removed(&self, place: &Place, id: &MessageId) -> Result<bool, PortError>;

    /// Takes out at once what its author does not consent to; how many messages. To be called wherever a consent ends.
    async fn heed(&self) -> Result<usize, PortError>;

    /// Takes out all of these accounts, with what was remembered of answers that cite it; what that was.
    async fn forget(&self, accounts: &[MemberId]) -> Result<Erased, PortError>;

    /// Takes out what was said in a room before a time.
    async fn expire(&self, room: &RoomId, before: Timestamp) -> Result<usize, PortError>;
}
