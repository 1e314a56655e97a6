//! Conversations as documents, on the real store, encoder and index, at times of our own.

use std::sync::Arc;

use chat::{
    Audience, Message, Overheard, Place, Platform, Readable, Switch,
    chronicle::Chronicle as _,
    people::{Personal as _, Register as _},
    ports::{Documents as _, Search as _, SearchRequest},
};
use jiff::{SignedDuration, Timestamp};
use server::{people::Custodian, platforms::Platforms};
use tests::World;
use tokio_util::sync::CancellationToken;

const NOON: &str = "2026-11-24T12:00:00Z";

fn place() -> Place {
    Place {
        platform: Platform::Matrix,
        community: "lab".into(),
        room: "seminar".into(),
        thread: None,
        audience: Audience::Room,
    }
}

fn heard(id: &str, author: &str, text: &str, minutes: i64) -> Overheard {
    let message = Message {
        id: id.into(),
        place: place(),
        author: author.into(),
        text: text.to_owned(),
        invocation: None,
        attachments: Vec::new(),
        reply_to: None,
        about: None,
        visibility: None,
        addressed: false,
        at: NOON.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes),
    };
    let link = Some(format!("https://chat.example/{id}"));
    Overheard { message, link, name: author.to_owned(), room: "Seminar".to_owned() }
}

/// Three messages of two who consented, in two conversations.
async fn talk(world: &World) {
    for member in ["ana", "bob"] {
        world.home.store.set_consent(&member.into(), Switch::Index, true, NOON.parse().unwrap()).await.unwrap();
    }
    for (id, author, text, minutes) in [
        ("m1", "ana", "When does the boat leave?", 0),
        ("m2", "bob", "The boat Albatros leaves at noon.", 5),
        ("m3", "ana", "The signal lamp is amber.", 120),
    ] {
        world.home.chronicle.said(&heard(id, author, text, minutes)).await.unwrap();
    }
    write(world).await;
}

/// Writes what is behind.
async fn write(world: &World) {
    let now = CancellationToken::new();
    now.cancel();
    world.home.chronicle.tend(Arc::new(Platforms::default()), now).await;
}

async fn documents(world: &World) -> usize {
    world.home.store.stats(None).await.unwrap().documents
}

async fn found(world: &World, text: &str) -> Vec<(String, Option<String>)> {
    let readable = Readable::of(&place(), &"cleo".into(), &[], &[]);
    let found = world.home.retriever().search(&readable, &SearchRequest::new(text, 5)).await.unwrap();
    found.into_iter().map(|evidence| (evidence.passage.text, evidence.passage.section)).collect()
}

#[tokio::test]
async fn what_was_said_is_found_until_its_room_keeps_it_no_longer() {
    let world = World::library().await;
    talk(&world).await;
    assert_eq!(documents(&world).await, 2, "a pause of two hours parts conversations");
    let (text, link) = found(&world, "When does the boat Albatros leave?").await.remove(0);
    assert_eq!(text, "ana: When does the boat leave?\n\nbob: The boat Albatros leaves at noon.");
    assert_eq!(link.as_deref(), Some("https://chat.example/m1"));

    let year = NOON.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * 365);
    for (after_minutes, left) in [(-1, 2), (1, 2), (60, 1), (180, 0)] {
        world.home.chronicle.sweep(year + SignedDuration::from_mins(after_minutes)).await.unwrap();
        write(&world).await;
        assert_eq!(documents(&world).await, left, "{after_minutes} minutes after a year");
    }
    assert_eq!(world.home.index.count().await.unwrap(), 0);
}

#[tokio::test]
async fn who_is_forgotten_leaves_the_conversation_of_others() {
    let world = World::library().await;
    talk(&world).await;
    let erased = Custodian::new(&world.home).forget(&"ana".into(), Timestamp::now()).await.unwrap();
    assert!(erased.counts.contains(&("indexed messages".to_owned(), 2)), "{erased:?}");
    assert!(
        found(&world, "When does the boat Albatros leave?").await.is_empty(),
        "it is found before it is written anew"
    );
    write(&world).await;
    assert_eq!(documents(&world).await, 1);
    let (text, link) = found(&world, "When does the boat Albatros leave?").await.remove(0);
    assert_eq!(
        (text.as_str(), link.as_deref()),
        ("bob: The boat Albatros leaves at noon.", Some("https://chat.example/m2"))
    );
}
