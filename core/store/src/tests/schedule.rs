//! What rooms ordered: kept, due, done, moved and forgotten.

use chat::{
    Args, Value,
    ports::{Order, Rhythm, Schedule},
};
use jiff::{Timestamp, civil::Weekday};

use super::{open, place};
use crate::Store;

const DUE: &str = "2026-11-30T08:00:00.000001Z";

pub(super) fn order(room: &str, key: &str, member: &str) -> Order {
    Order {
        key: key.to_owned(),
        plugin: "summary".to_owned(),
        command: "digest".to_owned(),
        args: Args::from([("action", Value::Text("now".to_owned())), ("who", Value::Text(member.to_owned()))]),
        member: member.into(),
        place: place("lab", room),
        rhythm: Rhythm { day: Some(Weekday::Monday), time: "09:00".parse().unwrap(), zone: "Europe/Berlin".to_owned() },
        next: at(DUE),
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

async fn keys(store: &Store, now: &str) -> Vec<String> {
    let due = store.due(at(now)).await.unwrap();
    due.into_iter().map(|order| format!("{}/{}", order.place.room, order.key)).collect()
}

#[tokio::test]
async fn an_order_outlives_the_process_as_it_was_given_and_is_replaced_by_the_next() {
    let (folder, store) = open().await;
    let (weekly, other) = (order("a", "digest", "ana"), order("b", "digest", "ana"));
    let mut daily = order("a", "daily", "bob");
    (daily.rhythm.day, daily.place.thread, daily.args) = (None, None, Args::default());
    for order in [&weekly, &daily, &other, &weekly] {
        store.order(order).await.unwrap();
    }
    store.close().await;
    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(store.orders_of(&"a".into()).await.unwrap(), [daily.clone(), weekly.clone()]);
    let anew = Order { member: "cleo".into(), next: at("2026-12-01T00:00:00Z"), ..weekly.clone() };
    store.order(&anew).await.unwrap();
    assert_eq!(store.orders_of(&"a".into()).await.unwrap(), [daily, anew]);
    assert!(store.cancel(&"a".into(), "summary", "digest").await.unwrap());
    for (room, plugin, key) in [("a", "summary", "digest"), ("a", "qa", "daily"), ("c", "summary", "daily")] {
        assert!(!store.cancel(&room.into(), plugin, key).await.unwrap(), "{room} {plugin} {key}");
    }
    assert_eq!(store.orders_of(&"a".into()).await.unwrap().len(), 1);
    assert_eq!(store.orders_of(&"b".into()).await.unwrap(), [other]);
}

#[tokio::test]
async fn an_order_is_due_from_its_time_on_and_done_once_for_it() {
    let (_folder, store) = open().await;
    let (first, mut second) = (order("b", "digest", "ana"), order("a", "digest", "ana"));
    second.next = at("2026-11-30T08:00:00.000002Z");
    for order in [&second, &first] {
        store.order(order).await.unwrap();
    }
    assert!(keys(&store, "2026-11-30T08:00:00Z").await.is_empty());
    assert_eq!(keys(&store, DUE).await, ["b/digest"]);
    assert_eq!(keys(&store, "2027-01-01T00:00:00Z").await, ["b/digest", "a/digest"], "the longest due first");
    for _ in 0..2 {
        store.done(&first, at("2026-12-07T08:00:00Z")).await.unwrap();
    }
    // For the time that was done before, nothing is done again.
    store.done(&first, at("2027-12-07T08:00:00Z")).await.unwrap();
    assert_eq!(keys(&store, "2026-12-07T08:00:00Z").await, ["a/digest", "b/digest"]);
    assert_eq!(keys(&store, "2026-12-07T07:59:59Z").await, ["a/digest"]);
    // Nor is one that was ended meanwhile made again.
    store.cancel(&"a".into(), "summary", "digest").await.unwrap();
    store.done(&second, at("2026-12-07T08:00:00Z")).await.unwrap();
    assert!(store.orders_of(&"a".into()).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_room_ordered_goes_on_where_the_room_does() {
    let (_folder, store) = open().await;
    let (digest, report) = (order("old", "digest", "ana"), order("old", "report", "ana"));
    let own = order("new", "digest", "bob");
    for order in [&digest, &report, &own] {
        store.order(order).await.unwrap();
    }
    for _ in 0..2 {
        store.move_room(&"old".into(), &"new".into()).await.unwrap();
    }
    assert!(store.orders_of(&"old".into()).await.unwrap().is_empty());
    let mut moved = report;
    // A thread stays behind.
    (moved.place.room, moved.place.thread) = ("new".into(), None);
    assert_eq!(store.orders_of(&"new".into()).await.unwrap(), [own, moved], "its own digest stays");
}
