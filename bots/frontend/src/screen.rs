//! What a platform can do with a reply: the one thing that each platform's crate implements.

use std::time::Duration;

use async_trait::async_trait;
use chat::{Audience, MemberId, Message, MessageId, Platform};
use serde_json::Value;

use crate::{Pace, Part, Style};

/// Why a platform did not take something. `Display` speaks to the operator.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// It says when to try again.
    #[error("the platform asks to wait {after:?}")]
    Later {
        /// How long.
        after: Duration,
    },
    /// The room or the message is not there any more, or not for us: trying again is of no use.
    #[error("it is gone, or not ours to write: {reason}")]
    Gone {
        /// The platform's own account.
        reason: String,
    },
    /// It broke; it may work later.
    #[error("the platform failed")]
    Failed {
        /// What went wrong below.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ScreenError {
    /// For `map_err`.
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { source: source.into() }
    }
}

/// A platform, as far as replies go. Calls are quick or fail: a wait is said as [`ScreenError::Later`], never waited out.
#[async_trait]
pub trait Screen: Send + Sync {
    /// Which one.
    fn platform(&self) -> Platform;

    /// What its Markdown can do.
    fn style(&self) -> &Style;

    /// How often an answer may change.
    fn pace(&self) -> Pace;

    /// The bucket of the platform's limits that an address falls into.
    fn bucket(&self, address: &Value) -> String;

    /// Where a reply to `message` goes: its place, or for the caller alone a direct message with them.
    async fn address(&self, message: &Message, audience: Audience) -> Result<Value, ScreenError>;

    /// Opens a room in which nobody else is yet, at the place of `about`: where a reply there goes.
    ///
    /// # Errors
    /// [`ScreenError::Gone`] where the platform opens none for us there.
    async fn open_room(&self, about: &Message, name: &str) -> Result<Value, ScreenError>;

    /// Takes a person into a room that was opened; one who is there already stays.
    ///
    /// # Errors
    /// [`ScreenError::Gone`] where they cannot be taken in.
    async fn take_in(&self, address: &Value, member: &MemberId) -> Result<(), ScreenError>;

    /// Shows a part; the same `nonce` never shows it twice. Parts after the first follow the one before them.
    async fn send(&self, address: &Value, nonce: &str, part: &Part) -> Result<MessageId, ScreenError>;

    /// Replaces what a message shows; the message that shows it now, another one where the platform lets nobody edit the
    /// first any more.
    async fn edit(&self, address: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError>;

    /// Removes a message of ours.
    async fn remove(&self, address: &Value, shown: &MessageId) -> Result<(), ScreenError>;

    /// Shows that something is being done, for a few seconds. Failing costs nothing.
    async fn typing(&self, address: &Value);
}
