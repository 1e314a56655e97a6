//! The audit trail: a chain that shows every change, and outlives what it is about.

use std::time::Duration;

use chat::{
    Args, Call, CallId, Role, Usage, Value,
    ports::{Audit, AuditEvent, Generation, Prompt},
};

use super::{open, place};
use crate::Store;

/// A call of `caller` with every field set.
pub(super) fn event(caller: &str, outcome: &str) -> AuditEvent {
    AuditEvent {
        at: "2026-11-03T10:00:00.5Z".parse().unwrap(),
        began: "2026-11-03T09:59:58.5Z".parse().unwrap(),
        call: Call {
            id: CallId(format!("call of {caller}")),
            plugin: "qa".to_owned(),
            command: "ask".to_owned(),
            args: Args::from([("question", Value::Text(format!("{caller} asks why?"))), ("k", Value::Integer(3))]),
            caller: caller.into(),
            role: Role::Guest,
            place: place("lab", "seminar"),
            about: None,
            unasked: false,
        },
        outcome: outcome.to_owned(),
        error: String::new(),
        waited: Duration::from_nanos(5),
        ran: Duration::from_secs(2),
        usage: Usage { prompt_tokens: 7, ..Usage::default() },
        evidence: vec![(chat::PassageId { document: chat::DocumentId("a".to_owned()), ordinal: 3 }, 0.7)],
        model: "mini".to_owned(),
        generations: vec![Generation {
            prompt: Prompt::new("Answer.", format!("{caller} asks why?"), 64),
            text: format!("Because, {caller}."),
        }],
        decisions: vec!["sentence 1: struck, a number differs".to_owned()],
        voices: vec!["zoe".into()],
        messages: vec![CallId("discord:seminar:zoe said".to_owned())],
    }
}

/// Runs a statement behind the store's back.
async fn tamper(store: &Store, statement: &'static str) {
    sqlx::query(statement).execute(&store.write).await.unwrap();
}

async fn three() -> (tempfile::TempDir, Store) {
    let (folder, store) = open().await;
    for (caller, outcome) in [("ana", "done"), ("bob", "failed"), ("ana", "done")] {
        store.record(event(caller, outcome)).await.unwrap();
    }
    (folder, store)
}

#[tokio::test]
async fn the_audit_trail_keeps_every_event_in_order() {
    let (_folder, store) = open().await;
    // The same event twice is two events.
    for outcome in ["done", "failed", "failed"] {
        store.record(event("ana", outcome)).await.unwrap();
    }
    let want = [(1, event("ana", "done")), (2, event("ana", "failed")), (3, event("ana", "failed"))];
    assert_eq!(store.audit_events(0, 100).await.unwrap(), want);
    assert_eq!(store.audit_events(1, 1).await.unwrap(), want[1..2]);
    let call = &want[0].1.call.id;
    assert_eq!(store.flight(call).await.unwrap(), Some(event("ana", "failed")), "the last run of a call");
    assert_eq!(store.flight(&CallId("other".to_owned())).await.unwrap(), None);
}

#[tokio::test]
async fn a_chain_as_it_was_written_holds() {
    let (_folder, store) = open().await;
    let empty = store.audit_verify().await.unwrap();
    assert_eq!((empty.events, empty.head.as_str(), empty.broken), (0, "", None));
    let (_folder, store) = three().await;
    let check = store.audit_verify().await.unwrap();
    assert_eq!((check.events, check.flights, check.head.len(), check.broken), (3, 3, 64, None));
    // A person's tag is the same in all events, and another's is another.
    let tags: Vec<String> =
        sqlx::query_scalar("SELECT caller_tag FROM audit_event ORDER BY number").fetch_all(&store.read).await.unwrap();
    assert!(tags[0] == tags[2] && tags[0] != tags[1]);
}

#[tokio::test]
async fn whatever_is_changed_is_found_by_its_number() {
    for (statement, number, why) in [
        ("UPDATE audit_event SET outcome = 'done' WHERE number = 2", 2, "changed"),
        ("UPDATE audit_event SET at_us = at_us + 1 WHERE number = 1", 1, "changed"),
        ("UPDATE audit_event SET hash = previous WHERE number = 3", 3, "changed"),
        ("DELETE FROM audit_event WHERE number = 2", 2, "missing"),
        ("DELETE FROM audit_event WHERE number = 1", 1, "missing"),
        ("DELETE FROM audit_event WHERE number = 3", 3, "missing"),
        ("UPDATE audit_event SET number = 9 WHERE number = 3", 3, "missing"),
        ("UPDATE flight SET event = replace(event, 'why', 'how') WHERE number = 2", 2, "what is kept of its call"),
        ("UPDATE flight SET member = 'bob' WHERE number = 1", 1, "its caller was changed"),
        ("UPDATE flight_prompt SET generations = '[]' WHERE number = 3", 3, "what its language model was asked"),
        ("DELETE FROM caller_salt WHERE member = 'bob'", 2, "the salt of its caller is missing"),
    ] {
        let (_folder, store) = three().await;
        tamper(&store, statement).await;
        let (found, sentence) = store.audit_verify().await.unwrap().broken.unwrap();
        assert!(found == number && sentence.contains(why), "{statement}: {found} {sentence}");
    }
}

#[tokio::test]
async fn the_chain_outlives_whom_it_is_about() {
    let (_folder, store) = three().await;
    let before = store.audit_verify().await.unwrap();
    store.erase(&["ana".into()]).await.unwrap();
    let after = store.audit_verify().await.unwrap();
    assert_eq!((after.events, after.flights, after.broken), (3, 1, None));
    assert_eq!(after.head, before.head);
    assert_eq!(store.flight(&event("ana", "").call.id).await.unwrap(), None);
    // Who comes back is somebody else to the chain.
    store.record(event("ana", "done")).await.unwrap();
    let tags: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT caller_tag FROM audit_event").fetch_all(&store.read).await.unwrap();
    assert_eq!((tags.len(), store.audit_verify().await.unwrap().broken), (3, None));
}

#[tokio::test]
async fn a_trail_that_was_cut_off_lacks_the_head_that_was_noted() {
    let (_folder, store) = three().await;
    let (events, head) = store.audit_head().await.unwrap();
    assert_eq!((events, store.audit_holds(&head).await.unwrap()), (3, true));
    tamper(&store, "DELETE FROM flight WHERE number = 3").await;
    tamper(&store, "DELETE FROM audit_event WHERE number = 3").await;
    assert_eq!(store.audit_verify().await.unwrap().broken, None, "the chain alone does not tell");
    assert!(!store.audit_holds(&head).await.unwrap());
}

/// What a message said is in no prompt any more once it is removed; the rest of the record stays, and the chain holds.
#[tokio::test]
async fn a_removed_message_leaves_the_prompts_that_it_stood_in() {
    let (_folder, store) = three().await;
    let (removed, call) = (CallId("discord:seminar:zoe said".to_owned()), event("ana", "").call.id);
    assert_eq!(store.take_out_message(&CallId("discord:seminar:other".to_owned())).await.unwrap(), 0);
    assert_eq!(store.flight(&call).await.unwrap().unwrap().generations.len(), 1);
    assert_eq!(store.take_out_message(&removed).await.unwrap(), 3);
    let flight = store.flight(&call).await.unwrap().unwrap();
    assert!(flight.generations.is_empty() && !flight.evidence.is_empty());
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    // The question itself goes with all that is kept of its call, however often it was edited.
    let edited = Call { id: CallId(format!("{call}#2")), ..event("ana", "").call };
    store.record(AuditEvent { call: edited, ..event("ana", "done") }).await.unwrap();
    assert_eq!(store.take_out_message(&call).await.unwrap(), 3);
    let check = store.audit_verify().await.unwrap();
    assert_eq!((check.events, check.flights, check.broken), (4, 1, None));
}
