//! What is said without having been asked just now: to a person alone, or in a room.
//!
//! **Invariant:** a notice of a key is said once, whatever happens in between, and revised in place; its buttons are found again, as an
//! answer's are, under [`Notice::call_id`].

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Action, Audience, CallId, MemberId, Message, MessageId, Place, Platform, PortError, Visibility};

/// What the key of a notice has behind its plugin's name that says again what a person said.
pub const ECHO: &str = "echo";

/// Something to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What makes it this one: letters, digits and signs, without spaces.
    pub key: String,
    /// Markdown.
    pub text: String,
    /// What can be done with it.
    pub actions: Vec<Action>,
    /// Whom it calls, in a room. Nobody else is ever called.
    pub calls: Option<MemberId>,
    /// The message that it replies to, in a room.
    pub reply_to: Option<MessageId>,
    /// The call whose post it replies to, in a room, where that may not be shown yet.
    pub below: Option<CallId>,
    /// What counts as pressed where nobody pressed anything; for one person alone.
    pub lapse: Option<Lapse>,
    /// Whose words it carries: it is forgotten with them.
    pub of: Option<MemberId>,
}

/// What happens by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// When, counted from the notice. It is then done once, unless it is too late to find out what about.
    pub after: Duration,
    /// The command, without a prefix. Nobody sees what it says.
    pub command: String,
}

impl Notice {
    /// A text, without more.
    pub fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        let (key, text) = (key.into(), text.into());
        Self { key, text, actions: Vec::new(), calls: None, reply_to: None, below: None, lapse: None, of: None }
    }

    /// The call under which the buttons of this notice are found, where it is told to a person alone.
    pub fn call_id(&self, about: &Place) -> CallId {
        self.question(about, MemberId(String::new()), Visibility::Caller, Timestamp::UNIX_EPOCH).call_id()
    }

    /// The call under which it is found where it is posted in a room.
    pub fn posted(&self, place: &Place) -> CallId {
        self.question(place, MemberId(String::new()), Visibility::Room, Timestamp::UNIX_EPOCH).call_id()
    }

    /// The message that it stands in for the answer to: nobody said it.
    pub fn question(&self, place: &Place, author: MemberId, visibility: Visibility, at: Timestamp) -> Message {
        // What is for one alone replies to nothing in the room.
        let reply_to = self.reply_to.as_ref().filter(|_| visibility == Visibility::Room);
        let before = reply_to.map(|message| format!("{message}#")).unwrap_or_default();
        Message {
            id: MessageId(format!("{before}notice:{}", self.key)),
            // As a place that all see: the visibility narrows it.
            place: Place { audience: Audience::Room, ..place.clone() },
            author,
            text: String::new(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: self.below.clone().filter(|_| visibility == Visibility::Room),
            visibility: Some(visibility),
            addressed: false,
            at,
        }
    }
}

/// Says what nobody asked for just now. Done when it is kept: the platform has it soon after, or after a restart.
#[async_trait]
pub trait Notify: Send + Sync {
    /// Tells a person alone. `about` is the place that it is about; whether they are there is the caller's to look up.
    async fn tell(&self, about: &Place, member: &MemberId, notice: &Notice, at: Timestamp) -> Result<(), PortError>;

    /// Says it where all in the place see it.
    async fn post(&self, place: &Place, notice: &Notice, at: Timestamp) -> Result<(), PortError>;

    /// Opens a room of their own for these people of one platform, called `name`, and says it there. Where the platform opens
    /// none, or they are of several, each is told alone. `about` is where they met.
    async fn gather(
        &self,
        about: &Place,
        members: &[MemberId],
        name: &str,
        notice: &Notice,
        at: Timestamp,
    ) -> Result<(), PortError>;

    /// Says a notice that was posted in other words, or, without any, takes it back. Nothing where it is not known (any more).
    async fn revise(&self, place: &Place, posted: &CallId, text: Option<&str>, at: Timestamp) -> Result<(), PortError>;

    /// A person's name in a text, which calls nobody.
    fn name(&self, platform: Platform, member: &MemberId) -> String;

    /// A place's name in a text, which leads there.
    fn whereabouts(&self, place: &Place) -> String;
}
