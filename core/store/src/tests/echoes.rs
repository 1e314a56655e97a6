//! What is said again of people: kept until it is, moved with its room, and taken down with who said it.

use chat::{
    CallId, MemberId, Message, Place, Platform, RoomId,
    cx::{kept_of, listening},
    ports::{Outbox, PluginData, Post},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{open, ports::message};

const NOON: &str = "2026-11-03T12:00:00Z";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn room(platform: Platform, room: &str) -> Place {
    Place { platform, thread: None, ..super::place("lab", room) }
}

/// What `who` said and a bridge says again in the seminar, shown where `shown` names a message.
fn echo(who: &str, key: &str, shown: Option<&str>) -> Post {
    let question = Message {
        id: format!("notice:translation/{key}").as_str().into(),
        author: who.into(),
        text: String::new(),
        addressed: false,
        ..message("1", "lab", "seminar")
    };
    Post {
        call: question.call_id(),
        question,
        renews: None,
        address: json!({"channel": 7}),
        shown: shown.map(Into::into).into_iter().collect(),
        actions: Vec::new(),
        of: Vec::new(),
        body: shown.is_none().then(|| json!(["**zq-ana-zq**: words"])),
    }
}

#[tokio::test]
async fn what_begins_alike_is_listed_in_the_order_of_its_calls() {
    let (_folder, store) = open().await;
    for (plugin, key, seconds) in [
        ("translation", "heard:matrix:b", 2),
        ("translation", "heard:matrix:a", 3),
        ("translation", "heard:discord:a", 1),
        ("translation", "heard%matrix:a", 1),
        ("summary", "heard:matrix:c", 1),
    ] {
        let (call, at) = (CallId(key.to_owned()), at(NOON) + jiff::SignedDuration::from_secs(seconds));
        store.set_beside(&call, at, plugin, None, key, json!(seconds)).await.unwrap();
    }
    let listed = PluginData::list(&store, "translation", &kept_of(Platform::Matrix)).await.unwrap();
    assert_eq!(listed, [("heard:matrix:b".to_owned(), json!(2)), ("heard:matrix:a".to_owned(), json!(3))]);
}

#[tokio::test]
async fn what_was_said_again_of_a_forgotten_person_is_taken_down_by_what_names_nobody() {
    let (_folder, store) = open().await;
    let (shown, late) = (echo("ana", "echo/discord:hall:1", Some("51")), echo("ana", "echo/discord:hall:2", None));
    let others = [
        echo("bob", "echo/discord:hall:3", Some("53")),
        // An answer of hers, which goes without being taken down: it is no word of hers.
        echo("ana", "digest/4", Some("54")),
    ];
    for post in [&shown, &late].into_iter().chain(&others) {
        Outbox::put(&store, post).await.unwrap();
    }
    let (accounts, now): ([MemberId; 1], _) = (["ana".into()], at(NOON));
    assert_eq!(store.take_down_echoes(&accounts, at("2026-11-03T09:00:00Z"), now).await.unwrap(), 0, "said later");
    assert_eq!(store.take_down_echoes(&accounts, now, now).await.unwrap(), 1);
    store.erase(&accounts).await.unwrap();

    let pending = Outbox::pending(&store, Platform::Discord).await.unwrap();
    let [taking] = pending.as_slice() else { panic!("{pending:?}") };
    assert_eq!((&taking.address, &taking.shown, &taking.body), (&shown.address, &shown.shown, &Some(Post::NOTHING)));
    assert!(taking.question.author.0.is_empty() && taking.question.is_echo() && taking.question.at == now);
    assert!(!taking.call.0.contains("hall"), "nor does it tell what it was said of: {}", taking.call);
    for gone in [&shown, &late, &others[1]] {
        assert_eq!(Outbox::get(&store, &gone.call).await.unwrap(), None);
    }
    assert!(Outbox::get(&store, &others[0].call).await.unwrap().is_some());
    // Nobody knows of it any more once the platform did it.
    Outbox::remove(&store, &taking.call).await.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM post_shown").fetch_one(&store.read).await.unwrap();
    assert_eq!(rows, 1, "that of bob");
}

#[tokio::test]
async fn a_bridge_goes_on_where_its_room_does() {
    let (_folder, store) = open().await;
    let (old, new): (RoomId, RoomId) = ("!old:lab.example".into(), "!new:lab.example".into());
    let (old_hall, new_hall) = (room(Platform::Matrix, &old.0), room(Platform::Matrix, &new.0));
    let (far, other) = (room(Platform::Discord, "7"), room(Platform::Discord, "8"));
    let bridge = |to: &Place| json!({"here": "en", "there": "de", "room": to});
    let listens = async |place: &Place| PluginData::get(&store, "translation", &listening(place)).await.unwrap();
    let keep = async |place: &Place, value: Value| {
        store.set("translation", None, &listening(place), Some(value)).await.unwrap();
    };
    keep(&old_hall, bridge(&far)).await;
    keep(&far, bridge(&old_hall)).await;
    // It names the room, but as no place.
    let named = json!({"here": "en", "there": "de", "room": old});
    keep(&other, named.clone()).await;
    for _ in 0..2 {
        store.move_room(&old, &new).await.unwrap();
    }
    assert_eq!(listens(&old_hall).await, None);
    assert_eq!(listens(&new_hall).await, Some(bridge(&far)));
    assert_eq!(listens(&far).await, Some(bridge(&new_hall)));
    assert_eq!(listens(&other).await, Some(named));

    // What listens in the new room already stays.
    keep(&old_hall, bridge(&other)).await;
    store.move_room(&old, &new).await.unwrap();
    assert_eq!((listens(&old_hall).await, listens(&new_hall).await), (None, Some(bridge(&far))));
}
