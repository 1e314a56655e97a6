//! What is kept of calls: while they are worked on, and after.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Prompt;
use crate::{Action, Call, CallId, CommunityId, MemberId, Message, MessageId, PassageId, Platform, PortError, Usage};

/// One event of the audit trail: enough to replay an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When it ended.
    pub at: Timestamp,
    /// When it began to wait for its turn.
    #[serde(default)]
    pub began: Timestamp,
    /// The call, with its arguments.
    pub call: Call,
    /// `done`, `failed`, `cancelled`, `refused` or `panicked`.
    pub outcome: String,
    /// For the operator: the error with its causes; empty where it went well.
    pub error: String,
    /// Time in the queue.
    pub waited: Duration,
    /// Time to run.
    pub ran: Duration,
    /// What it cost.
    pub usage: Usage,
    /// The passages that were found, best first in each search, with their scores.
    pub evidence: Vec<(PassageId, f32)>,
    /// The generator's id.
    pub model: String,
    /// What it was asked, and what it wrote.
    pub generations: Vec<Generation>,
    /// What was decided about what it wrote, in words without text of documents.
    pub decisions: Vec<String>,
    /// Whose words stand in the prompts, beside the caller's own.
    pub voices: Vec<MemberId>,
    /// The messages that stand in them, each as the call that it would make.
    #[serde(default)]
    pub messages: Vec<CallId>,
}

/// What a language model was asked, and what it wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The prompt, as sent.
    pub prompt: Prompt,
    /// All that came, as far as anybody listened.
    pub text: String,
}

/// Where events of the audit trail and jobs in flight are kept.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes one event.
    async fn record(&self, event: AuditEvent) -> Result<(), PortError>;

    /// The last event of a call, if nobody had it erased.
    async fn flight(&self, call: &CallId) -> Result<Option<AuditEvent>, PortError>;
}

/// What of a message is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new, and now in the inbox.
    New,
    /// It was there before.
    Before,
}

/// The messages being worked on: what was in flight when the process died is found here.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Remembers a message before any work on it.
    async fn open(&self, message: &Message) -> Result<Seen, PortError>;

    /// Its reply is complete.
    async fn close(&self, message: &Message) -> Result<(), PortError>;

    /// Messages that were opened and never closed, oldest first.
    async fn unfinished(&self, community: &CommunityId) -> Result<Vec<Message>, PortError>;
}

/// A reply on its way to a platform: kept until the platform has it, remembered so that it is found again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// The call that it answers; nonces and transaction ids are derived from it.
    pub call: CallId,
    /// What was asked.
    pub question: Message,
    /// The call that it answers anew: its question was edited, or its answer is shown to everyone.
    #[serde(default)]
    pub renews: Option<CallId>,
    /// Where it goes, in the frontend's own words.
    pub address: serde_json::Value,
    /// The platform's messages that show it, in order.
    pub shown: Vec<MessageId>,
    /// What can be done with it.
    pub actions: Vec<Action>,
    /// Whom else than the author of the question it is about: as long as it is on its way it is forgotten with each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<MemberId>,
    /// What it must show in the end, in the frontend's own words, or [`Post::NOTHING`]; none while it grows, and again
    /// once it is shown.
    pub body: Option<serde_json::Value>,
}

impl Post {
    /// The body of one that must show nothing in the end: what stands of it is taken down, and it is forgotten.
    pub const NOTHING: serde_json::Value = serde_json::Value::Null;

    /// The key of an address under which a secret stands that ends by itself: it is set to nothing then, and the address holds
    /// without it.
    pub const SECRET: &str = "interaction";

    /// The key of an address under which it stands until when its secret holds, in seconds since 1970.
    pub const SECRET_UNTIL: &str = "until";
}

/// Replies on their way out, and those that went out.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Writes or replaces a post.
    async fn put(&self, post: &Post) -> Result<(), PortError>;

    /// The post of a call.
    async fn get(&self, call: &CallId) -> Result<Option<Post>, PortError>;

    /// Posts of a platform whose body was never shown whole, oldest first.
    async fn pending(&self, platform: Platform) -> Result<Vec<Post>, PortError>;

    /// The post that this message of the platform shows a part of.
    async fn showing(&self, platform: Platform, shown: &MessageId) -> Result<Option<Post>, PortError>;

    /// The calls whose posts renew this one's.
    async fn renewals(&self, call: &CallId) -> Result<Vec<CallId>, PortError>;

    /// Removes a post, with all that plugins keep beside its call.
    async fn remove(&self, call: &CallId) -> Result<(), PortError>;
}
