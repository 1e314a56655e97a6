//! Plugin data, inbox and outbox.

use chat::{
    Audience, CommunityId, Message, Place, Platform,
    ports::{Inbox, Outbox, PluginData, Post, Seen},
};
use serde_json::json;

use super::open;
use crate::Store;

pub(super) fn place(community: &str, room: &str) -> Place {
    Place {
        platform: Platform::Discord,
        community: community.into(),
        room: room.into(),
        thread: Some(chat::ThreadId("t".to_owned())),
        audience: Audience::Room,
    }
}

pub(super) fn message(id: &str, community: &str, room: &str) -> Message {
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
        visibility: None,
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
    store.set("qa", None, "k", Some(value.clone())).await.unwrap();
    store.set("atlas", None, "k", Some(json!(null))).await.unwrap();
    assert_eq!(PluginData::get(&store, "qa", "k").await.unwrap(), Some(value));
    assert_eq!(PluginData::get(&store, "atlas", "k").await.unwrap(), Some(json!(null)));
    for (plugin, key) in [("q", "ak"), ("QA", "k"), ("qa", "K"), ("qa%", "k")] {
        assert_eq!(PluginData::get(&store, plugin, key).await.unwrap(), None, "{plugin} {key}");
    }
    store.set("qa", None, "k", Some(json!(2))).await.unwrap();
    assert_eq!(PluginData::get(&store, "qa", "k").await.unwrap(), Some(json!(2)));
    store.set("qa", None, "k", None).await.unwrap();
    store.set("qa", None, "k", None).await.unwrap();
    assert_eq!(PluginData::get(&store, "qa", "k").await.unwrap(), None);
    assert_eq!(PluginData::get(&store, "atlas", "k").await.unwrap(), Some(json!(null)));
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
        renews: None,
        address: json!({"channel": "7"}),
        shown: vec!["a".into()],
        actions: vec![chat::Action { label: "Show".to_owned(), command: "line 1".to_owned() }],
        of: Vec::new(),
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

#[tokio::test]
async fn what_is_kept_beside_a_call_goes_with_its_post_and_with_age() {
    let (_folder, store) = open().await;
    let at = |time: &str| time.parse().unwrap();
    let (call, other) = (chat::CallId("a".to_owned()), chat::CallId("b".to_owned()));
    let keys = async || {
        let mut there = Vec::new();
        for key in ["answer", "other", "old", "vote"] {
            there.extend(PluginData::get(&store, "qa", key).await.unwrap().map(|_| key));
        }
        there
    };
    store.set_beside(&call, at("2026-11-03T10:00:00Z"), "qa", None, "answer", json!(1)).await.unwrap();
    store.set_beside(&other, at("2026-11-03T10:00:00Z"), "qa", None, "other", json!(1)).await.unwrap();
    store.set_beside(&other, at("2026-10-01T10:00:00Z"), "qa", None, "old", json!(1)).await.unwrap();
    store.set("qa", None, "vote", Some(json!(1))).await.unwrap();
    Outbox::remove(&store, &call).await.unwrap();
    assert_eq!(keys().await, ["other", "old", "vote"]);
    store.forget_posts(at("2026-11-01T00:00:00Z")).await.unwrap();
    assert_eq!(keys().await, ["other", "vote"]);
    // What is set for good is not beside a call any more.
    store.set("qa", None, "other", Some(json!(2))).await.unwrap();
    Outbox::remove(&store, &other).await.unwrap();
    assert_eq!(keys().await, ["other", "vote"]);
}

#[tokio::test]
async fn answers_given_anew_are_found_by_the_first_call_after_a_restart() {
    let (folder, store) = open().await;
    let first = message("1", "lab", "seminar").call_id();
    for id in ["1#a", "1#b"] {
        let question = message(id, "lab", "seminar");
        let (call, renews) = (question.call_id(), Some(first.clone()));
        let (shown, actions) = (vec![id.into()], Vec::new());
        Outbox::put(
            &store,
            &Post { call, question, renews, address: json!({}), shown, actions, of: Vec::new(), body: None },
        )
        .await
        .unwrap();
    }
    let store = Store::open(folder.path()).await.unwrap();
    let found: Vec<String> = store.renewals(&first).await.unwrap().into_iter().map(|call| call.0).collect();
    assert_eq!(found, ["discord:seminar:1#a", "discord:seminar:1#b"]);
    assert!(store.renewals(&message("2", "lab", "seminar").call_id()).await.unwrap().is_empty());
}
