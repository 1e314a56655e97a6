//! What was said: kept, changed, and taken out with its document.

use chat::{
    Document, DocumentId, MemberId, Message, Overheard, RoomId, Switch, document::CONVERSATION, people::Register,
};
use jiff::{SignedDuration, Timestamp};

use super::{MODEL, document, message, open, passages, rows, vectors};
use crate::{Conversation, Entry, Gone, Line, LineKind, Store};

const FIRST: &str = "2026-11-03T12:00:00Z";

fn heard(id: &str, author: &str, minutes: i64) -> Overheard {
    let at = FIRST.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes);
    let message = Message {
        id: id.into(),
        author: author.into(),
        text: format!("{author} says {id}"),
        at,
        ..message(id, "lab", "seminar")
    };
    Overheard { message, link: Some(format!("https://chat/{id}")), name: author.to_owned(), room: "Seminar".to_owned() }
}

fn conversation(document: &str) -> Conversation {
    let (document, room) = (DocumentId(document.to_owned()), RoomId("seminar".to_owned()));
    Conversation { document, room, name: "Seminar".to_owned(), is_note: false, changes: 0 }
}

async fn keep(store: &Store, document: &str, heard: &Overheard) {
    let Message { id, author, at, text, place, .. } = heard.message.clone();
    let (kind, name, link) = (LineKind::Talk, heard.name.clone(), heard.link.clone());
    let line = Line { id, kind, author: Some(author), name, at, text, link };
    store.keep_lines(&place, &conversation(document), &[line]).await.unwrap();
}

/// Brings every document up to date, as far as the store goes.
async fn write(store: &Store) {
    for behind in store.conversations_behind().await.unwrap() {
        if store.lines_of(&behind.document).await.unwrap().is_empty() {
            store.drop_conversation(&behind).await.unwrap();
            continue;
        }
        let mut paper = document(&behind.document.0, "room:seminar");
        paper.provenance.format = CONVERSATION.to_owned();
        let paper: Document = paper;
        let (passages, vectors) = (passages(&paper), vectors());
        let entry = Entry { document: &paper, passages: &passages, vectors: &vectors, keys: &[] };
        store.put_many(MODEL, &[entry]).await.unwrap();
        store.conversation_written(&behind).await.unwrap();
    }
}

async fn said(store: &Store, document: &str) -> Vec<String> {
    let lines = store.lines_of(&DocumentId(document.to_owned())).await.unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn a_conversation_is_behind_until_it_is_written_and_again_when_it_changes() {
    let (_folder, store) = open().await;
    let first = heard("m1", "ana", 0);
    let place = first.message.place.clone();
    keep(&store, "c1", &first).await;
    keep(&store, "c1", &heard("m2", "bob", 5)).await;
    let tail = store.tail_of(&place, first.message.at + SignedDuration::from_mins(9)).await.unwrap().unwrap();
    assert_eq!((tail.document.0.as_str(), tail.count), ("c1", 2));
    assert_eq!(tail.at, first.message.at + SignedDuration::from_mins(5));
    assert_eq!(store.conversations_behind().await.unwrap().len(), 1);
    write(&store).await;
    assert!(store.conversations_behind().await.unwrap().is_empty());

    let mut edited = first.clone();
    assert!(store.say_anew(&edited).await.unwrap());
    assert!(store.conversations_behind().await.unwrap().is_empty(), "an edit that changes nothing");
    edited.message.text = "ana says otherwise".to_owned();
    assert!(store.say_anew(&edited).await.unwrap());
    assert_eq!(store.conversations_behind().await.unwrap().len(), 1);
    assert_eq!(said(&store, "c1").await, ["ana says otherwise", "bob says m2"]);
    assert!(!store.say_anew(&heard("m3", "ana", 6)).await.unwrap());
}

#[tokio::test]
async fn what_is_gone_takes_its_document_along_and_the_last_message_leaves_nothing() {
    let (_folder, store) = open().await;
    let (one, other) = (heard("m1", "ana", 0), heard("m2", "bob", 5));
    keep(&store, "c1", &one).await;
    keep(&store, "c1", &other).await;
    write(&store).await;
    let room = &one.message.place.room;
    let platform = one.message.place.platform;
    let elsewhere = Gone::Message(platform, &RoomId("hall".to_owned()), &one.message.id);
    assert_eq!(store.take_out(elsewhere).await.unwrap(), (0, vec![]));
    for (message, left) in [(&one, 1), (&other, 0)] {
        let gone = Gone::Message(platform, room, &message.message.id);
        let (count, documents) = store.take_out(gone).await.unwrap();
        assert_eq!((count, documents.len()), (1, 1));
        assert_eq!(rows(&store).await[..3], [0, 0, 0], "its document stays");
        write(&store).await;
        assert_eq!(rows(&store).await[0], left);
    }
    assert!(store.tail_of(&one.message.place, Timestamp::MAX).await.unwrap().is_none());
}

#[tokio::test]
async fn who_consents_no_more_and_who_is_forgotten_is_taken_out() {
    let (_folder, store) = open().await;
    let at = FIRST.parse().unwrap();
    let members: [MemberId; 3] = ["ana".into(), "bob".into(), "cleo".into()];
    for (member, id) in members.iter().zip(["m1", "m2", "m3"]) {
        store.set_consent(member, Switch::Index, true, at).await.unwrap();
        keep(&store, "c1", &heard(id, &member.0, 1)).await;
    }
    assert_eq!(store.take_out(Gone::Unconsented).await.unwrap().0, 0);
    store.set_consent(&members[0], Switch::Index, false, at).await.unwrap();
    // Another switch is no consent to this.
    store.set_consent(&members[0], Switch::Improve, true, at).await.unwrap();
    assert_eq!(store.take_out(Gone::Unconsented).await.unwrap().0, 1);
    assert_eq!(said(&store, "c1").await, ["bob says m2", "cleo says m3"]);
    let exported = store.personal(&members[1..2]).await.unwrap();
    let messages = &exported.iter().find(|(name, _)| name == "messages.json").unwrap().1;
    assert!(messages.to_string().contains("bob says m2") && !messages.to_string().contains("cleo"), "{messages}");
    assert_eq!(store.take_out(Gone::Of(&members[1..2])).await.unwrap().0, 1);
    assert_eq!(said(&store, "c1").await, ["cleo says m3"]);
}

#[tokio::test]
async fn what_a_room_keeps_no_longer_is_taken_out() {
    let (_folder, store) = open().await;
    keep(&store, "c1", &heard("m1", "ana", 0)).await;
    keep(&store, "c1", &heard("m2", "ana", 60)).await;
    let before = FIRST.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(30);
    let room = RoomId("seminar".to_owned());
    assert_eq!(store.rooms_kept().await.unwrap(), std::slice::from_ref(&room));
    assert_eq!(store.take_out(Gone::Before(&"hall".into(), before)).await.unwrap().0, 0);
    assert_eq!(store.take_out(Gone::Before(&room, before)).await.unwrap().0, 1);
    assert_eq!(said(&store, "c1").await, ["ana says m2"]);
}
