//! Nobody holds the writer: whoever is forgotten in a large state, others are answered meanwhile.

use std::time::{Duration, Instant};

use chat::{
    MemberId, Message,
    ports::{Inbox, PluginData},
};
use serde_json::json;

use super::{message, open};
use crate::Store;

/// Size of the state, in rows of a megabyte.
const MEGABYTES: i64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_inbox_answers_within_a_second_while_ten_are_forgotten_in_a_large_state() {
    let (folder, store) = open().await;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
         INSERT INTO plugin_datum (plugin, name, value) SELECT 'atlas', i, zeroblob(1000000) FROM n",
    )
    .bind(MEGABYTES)
    .execute(&store.write)
    .await
    .unwrap();
    let at = "2026-11-03T12:00:00Z".parse().unwrap();
    let members: Vec<MemberId> = (0..10).map(|number| MemberId(format!("zq-{number}-zq"))).collect();
    for (member, number) in members.iter().cycle().zip(0..2_000) {
        let words = format!("{member} {}", "x".repeat(number * 37 % 900));
        store.set("feedback", Some((member, at)), &format!("vote:{number}"), Some(json!(words))).await.unwrap();
    }
    let forgetting = members.iter().map(|member| {
        let (store, member) = (store.clone(), member.clone());
        tokio::spawn(async move {
            let accounts = [member];
            store.begin_forgetting(&accounts, at).await.unwrap();
            let erased = store.erase(&accounts).await.unwrap().0;
            store.scrub().await.unwrap();
            erased.counts
        })
    });
    let forgetting: Vec<_> = forgetting.collect();
    let (mut longest, mut opened) = (Duration::ZERO, 0);
    while !forgetting.iter().all(|one| one.is_finished()) {
        let started = Instant::now();
        let new = Message { author: "bob".into(), ..message(&format!("m{opened}"), "lab", "hall") };
        Inbox::open(&store, &new).await.unwrap();
        longest = longest.max(started.elapsed());
        opened += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for one in forgetting {
        assert_eq!(one.await.unwrap(), [("notes of plugins".to_owned(), 200)]);
    }
    assert!(longest < Duration::from_secs(1), "{opened} messages, the slowest took {longest:?}");
    assert!(store.check().await.unwrap().is_whole());
    let bytes = std::fs::read(folder.path().join(Store::FILE)).unwrap();
    assert!(!bytes.windows(7).any(|window| window.starts_with(b"zq-") && window.ends_with(b"-zq")), "traces are left");
    // Where nothing was erased nothing is done.
    let started = Instant::now();
    store.scrub().await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(50));
}
