//! What a person said, as every frontend hands it in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MemberId, MessageId, Place};

/// One message of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The platform's own id; the inbox remembers it, so that nothing is answered twice.
    pub id: MessageId,
    /// Where it was said.
    pub place: Place,
    /// Who said it.
    pub author: MemberId,
    /// Its text, at most [`Message::BYTES_MAX`] bytes; a longer one is refused at the gate.
    pub text: String,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// Whether it is meant for the assistant: a mention, a direct message, a reply to it, the console.
    pub addressed: bool,
    /// When it was said.
    pub at: Timestamp,
}

impl Message {
    /// Longest text that is read, in bytes.
    pub const BYTES_MAX: usize = 16 * 1024;
}

/// A file that came with a message: its bytes are fetched by the frontend when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name as given by the sender: untrusted.
    pub name: String,
    /// Media type as given by the sender: untrusted.
    pub media_type: Option<String>,
    /// Size in bytes.
    pub bytes: u64,
    /// Where the frontend finds it.
    pub handle: String,
}
