//! What is written of a call that ended.

use std::time::Duration;

use chat::{Call, cx::Trace, error::chain, ports::AuditEvent};
use jiff::Timestamp;

use super::Shared;

/// A call that ended, for the audit trail.
pub(super) struct Record {
    pub began: Timestamp,
    pub call: Call,
    pub outcome: &'static str,
    pub error: String,
    pub waited: Duration,
    pub ran: Duration,
    pub trace: Trace,
}

impl Shared {
    pub(super) async fn audit(&self, record: Record) {
        let Record { began, call, outcome, error, waited, ran, trace } = record;
        for warning in &trace.warnings {
            tracing::error!(warning, "a call went on without something");
        }
        let error = if error.is_empty() { trace.warnings.join("; ") } else { error };
        let event = AuditEvent {
            at: self.parts.clock.now(),
            began,
            call,
            outcome: outcome.to_owned(),
            error,
            waited,
            ran,
            usage: trace.usage,
            evidence: trace.evidence,
            model: self.parts.ports.generator.as_ref().map(|model| model.model().to_owned()).unwrap_or_default(),
            generations: trace.generations,
            decisions: trace.decisions,
            voices: trace.voices,
            messages: trace.messages,
        };
        if let Err(error) = self.parts.audit.record(event).await {
            tracing::error!(error = %chain(&error), "the audit trail failed");
        }
    }
}
