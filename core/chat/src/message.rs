//! What a person said, as every frontend hands it in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Args, CallId, MemberId, MessageId, Place, Visibility, ports::ECHO};

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
    /// The command that the platform read already: a slash command, a button. Without one the text is read.
    pub invocation: Option<Invocation>,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The answer of ours that it is about: it replies to it, or presses one of its buttons.
    pub about: Option<CallId>,
    /// Who shall see the reply, where that is not for the room's policy to say. It never shows everyone what the command's
    /// manifest keeps to the caller.
    #[serde(default)]
    pub visibility: Option<Visibility>,
    /// Whether it is meant for the assistant: a mention, a direct message, a reply to it, the console.
    pub addressed: bool,
    /// When it was said.
    pub at: Timestamp,
}

impl Message {
    /// Longest text that is read, in bytes.
    pub const BYTES_MAX: usize = 16 * 1024;

    /// Whether it stands for what a person said and we say again: see [`Notice::of`](crate::ports::Notice::of). Who replies to
    /// that speaks to them, and not to the assistant.
    pub fn is_echo(&self) -> bool {
        let key = self.id.0.split_once("notice:").map(|(_, key)| key);
        key.is_some_and(|key| key.split('/').nth(1) == Some(ECHO))
    }

    /// The plugin that says something unasked, where this stands in for the message that it would answer: see
    /// [`Notice::question`](crate::ports::Notice::question).
    pub fn noticed_by(&self) -> Option<&str> {
        let (_, key) = self.id.0.split_once("notice:")?;
        key.split('/').next()
    }

    /// The call that this message makes: the same for the same message, so that answers are found by it again.
    pub fn call_id(&self) -> CallId {
        CallId::of(&self.place, &self.id)
    }
}

/// A command with its arguments, as a platform hands them over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Invocation {
    /// The command's name.
    pub command: String,
    /// Its arguments: untrusted, checked against the manifest by the router.
    pub args: Args,
    /// The language of the caller's client, where the platform says it: ISO 639-1.
    #[serde(default)]
    pub locale: Option<String>,
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
