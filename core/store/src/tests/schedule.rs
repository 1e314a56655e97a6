//! What rooms ordered: kept, due, done, moved and forgotten.

use chat::{
    Args, Audience, Place, Value,
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

/// The same, for `member` alone.
pub(super) fn own_order(room: &str, key: &str, member: &str) -> Order {
    let order = order(room, key, member);
    let place = Place { thread: None, audience: Audience::Caller, ..order.place };
    Order { place, ..order }
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

#[tokio::test]
async fn what_people_order_for_themselves_is_theirs_and_no_rooms() {
    let (folder, store) = open().await;
    let (of_room, of_ana, of_bob) =
        (order("a", "papers", "ana"), own_order("a", "papers", "ana"), own_order("a", "papers", "bob"));
    for order in [&of_room, &of_ana, &of_bob, &of_ana] {
        store.order(order).await.unwrap();
    }
    store.close().await;
    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(store.orders_of(&"a".into()).await.unwrap(), std::slice::from_ref(&of_room));
    assert_eq!(store.own_orders(&["ana".into()]).await.unwrap(), std::slice::from_ref(&of_ana));
    assert_eq!(store.own_orders(&["bob".into(), "ana".into(), "cleo".into()]).await.unwrap().len(), 2);
    assert_eq!(store.due(at(DUE)).await.unwrap(), [of_room.clone(), of_ana.clone(), of_bob.clone()]);
    let keys: std::collections::HashSet<String> = [&of_room, &of_ana, &of_bob].map(|order| order.notice("").key).into();
    assert_eq!(keys.len(), 3, "each is said once");

    for _ in 0..2 {
        store.done(&of_ana, at("2026-12-07T08:00:00Z")).await.unwrap();
    }
    assert_eq!(store.due(at(DUE)).await.unwrap(), [of_room, of_bob], "the others' are still due");
    // In another room: in the place of the one before.
    let elsewhere = own_order("b", "papers", "ana");
    store.order(&elsewhere).await.unwrap();
    assert_eq!(store.own_orders(&["ana".into()]).await.unwrap(), [elsewhere]);
    store.move_room(&"b".into(), &"new".into()).await.unwrap();
    assert_eq!(store.own_orders(&["ana".into()]).await.unwrap()[0].place.room, "new".into());
    for is_there in [true, false] {
        assert_eq!(store.cancel_own(&["ana".into(), "ana2".into()], "summary", "papers").await.unwrap(), is_there);
    }
    assert_eq!(store.own_orders(&["bob".into()]).await.unwrap().len(), 1);
}
