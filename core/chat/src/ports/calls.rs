//! What is kept of calls: while they are worked on, and after.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Prompt;
use crate::{Call, CallId, CommunityId, MemberId, Message, PassageId, PortError, Usage};

/// One event of the audit trail: enough to replay an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When it ended.
    pub at: Timestamp,
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
