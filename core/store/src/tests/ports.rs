//! Plugin data, the audit trail and the inbox.

use std::time::Duration;

use chat::{
    Args, Audience, Call, CommunityId, Message, PassageId, Place, Platform, Role, Usage, Value,
    ports::{Audit, AuditEvent, Inbox, Outbox, PluginData, Post, Seen},
};
use serde_json::json;

use super::open;
use crate::Store;

fn place(community: &str, room: &str) -> Place {
    Place {
        platform: Platform::Discord,
        community: community.into(),
        room: room.into(),
        thread: Some(chat::ThreadId("t".to_owned())),
        audience: Audience::Room,
    }
}

fn message(id: &str, community: &str, room: &str) -> Message {
    Message {
        id: id.into(),
        place: place(community, room),
        author: "ana".into(),
        text: format!("warum {id}? \u{1f333}"),
        addressed: true,
        invocation: None,
        attachments: Vec::new(),
        reply_to: None,
        about: None,
        at: "2026-11-03T10:00:00Z".parse().unwrap(),
    }
}

async fn unfinished(store: &Store, community: &str) -> Vec<Message> {
    Inbox::unfinished(store, &CommunityId(community.to_owned())).await.unwrap()
}

#[tokio::test]
async fn a_plugin_sees_its_own_data_only() {
    let (_folder, store) = open().await;
    let value = json!({"votes": [1, 2.5, null], "ü": "\u{0}"});
    store.set("qa", "k", Some(value.clone())).await.unwrap();
    store.set("atlas", "k", Some(json!(null))).await.unwrap();
    assert_eq!(PluginData::get(&store, "qa", "k").await.unwrap(), Some(value));
    assert_eq!(PluginData::get(&store, "atlas", "k").await.unwrap(), Some(json!(null)));
    for (plugin, key) in [("q", "ak"), ("QA", "k"), ("qa", "K"), ("qa%", "k")] {
        assert_eq!(PluginData::get(&store, plugin, key).await.unwrap(), None, "{plugin} {key}");
    }
    store.set("qa", "k", Some(json!(2))).await.unwrap();
    assert_eq!(PluginData::get(&store, "qa", "k").await.unwrap(), Some(json!(2)));
    store.set("qa", "k", None).await.unwrap();
    store.set("qa", "k", None).await.unwrap();
    assert_eq!(PluginData::get(&store, "qa", "k").await.unwrap(), None);
    assert_eq!(PluginData::get(&store, "atlas", "k").await.unwrap(), Some(json!(null)));
}

#[tokio::test]
async fn the_audit_trail_keeps_every_event_in_order() {
    let (_folder, store) = open().await;
    let event = |outcome: &str| AuditEvent {
        at: "2026-11-03T10:00:00.5Z".parse().unwrap(),
        call: Call {
            id: chat::CallId("c".to_owned()),
            plugin: "qa".to_owned(),
            command: "ask".to_owned(),
            args: Args::from([("question", Value::Text("why?".to_owned())), ("k", Value::Integer(3))]),
            caller: "ana".into(),
            role: Role::Guest,
            place: place("lab", "seminar"),
            about: None,
        },
        outcome: outcome.to_owned(),
        error: String::new(),
        waited: Duration::from_nanos(5),
        ran: Duration::from_secs(2),
        usage: Usage { prompt_tokens: 7, ..Usage::default() },
        passages: vec![PassageId { document: chat::DocumentId("a".to_owned()), ordinal: 3 }],
        model: "mini".to_owned(),
        prompts: vec!["00".to_owned()],
    };
    // The same event twice is two events.
    for outcome in ["done", "failed", "failed"] {
        store.record(event(outcome)).await.unwrap();
    }
    let want = [(1, event("done")), (2, event("failed")), (3, event("failed"))];
    assert_eq!(store.audit_events(0, 100).await.unwrap(), want);
    assert_eq!(store.audit_events(1, 1).await.unwrap(), want[1..2]);
}

#[tokio::test]
async fn an_opened_message_is_unfinished_until_it_is_closed_even_after_a_crash() {
    let (folder, store) = open().await;
    let (late, early) = (message("9", "lab", "seminar"), message("1", "lab", "seminar"));
    assert_eq!(Inbox::open(&store, &late).await.unwrap(), Seen::New);
    assert_eq!(Inbox::open(&store, &early).await.unwrap(), Seen::New);
    assert_eq!(Inbox::open(&store, &late).await.unwrap(), Seen::Before);

    // Not closed, as after a crash.
    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(unfinished(&store, "lab").await, [late.clone(), early.clone()], "in order of opening");
    for _ in 0..2 {
        Inbox::close(&store, &late).await.unwrap();
        assert_eq!(unfinished(&store, "lab").await, std::slice::from_ref(&early));
    }
    assert_eq!(Inbox::open(&store, &late).await.unwrap(), Seen::Before, "nothing is answered twice");
    assert_eq!(unfinished(&store, "lab").await, [early]);
}

#[tokio::test]
async fn a_message_is_known_by_its_room_and_community_too() {
    let (_folder, store) = open().await;
    let all = [message("1", "lab", "a"), message("1", "lab", "b"), message("1", "other", "a")];
    for one in &all {
        assert_eq!(Inbox::open(&store, one).await.unwrap(), Seen::New);
    }
    Inbox::close(&store, &all[0]).await.unwrap();
    Inbox::close(&store, &message("never opened", "lab", "a")).await.unwrap();
    assert_eq!(unfinished(&store, "lab").await, all[1..2]);
    assert_eq!(unfinished(&store, "other").await, all[2..]);
}

#[tokio::test]
async fn the_words_of_a_closed_message_are_forgotten() {
    let (folder, store) = open().await;
    let mut secret = message("1", "lab", "a");
    secret.text = "nobody shall read this later".to_owned();
    Inbox::open(&store, &secret).await.unwrap();
    Inbox::close(&store, &secret).await.unwrap();
    store.close().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.text.len()).any(|window| window == secret.text.as_bytes()));
    }
}

#[tokio::test]
async fn a_post_is_pending_until_its_body_is_shown_and_is_found_by_what_shows_it() {
    let (_folder, store) = open().await;
    let question = message("1", "lab", "seminar");
    let mut post = Post {
        call: question.call_id(),
        question,
        address: json!({"channel": "7"}),
        shown: vec!["a".into()],
        actions: vec![chat::Action { label: "Show".to_owned(), command: "line 1".to_owned() }],
        body: None,
    };
    Outbox::put(&store, &post).await.unwrap();
    assert!(store.pending(Platform::Discord).await.unwrap().is_empty());
    post.body = Some(json!([{"markdown": "hi"}]));
    post.shown = vec!["a".into(), "b".into()];
    Outbox::put(&store, &post).await.unwrap();
    assert_eq!(store.pending(Platform::Discord).await.unwrap(), std::slice::from_ref(&post));
    assert!(store.pending(Platform::Matrix).await.unwrap().is_empty());
    assert_eq!(store.showing(Platform::Discord, &"b".into()).await.unwrap().as_ref(), Some(&post));
    assert_eq!(store.showing(Platform::Matrix, &"b".into()).await.unwrap(), None);
    assert_eq!(Outbox::get(&store, &post.call).await.unwrap().as_ref(), Some(&post));

    let later = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.forget_posts(later).await.unwrap(), 0, "what was not shown is not forgotten");
    post.body = None;
    Outbox::put(&store, &post).await.unwrap();
    assert_eq!(store.forget_posts(later).await.unwrap(), 1);
    assert_eq!(store.showing(Platform::Discord, &"b".into()).await.unwrap(), None);
}
