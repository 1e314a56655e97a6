//! Profiles: kept by account, replaced by id whichever account gave it, bounded, and told to have changed.

use chat::{
    MemberId,
    profile::{ENTRIES_MAX, Entry, EntryKind, Facts, entry_id},
};

use super::{MODEL, open};
use crate::{Conversation, Line, LineKind, ProfileEntry, ProfileLine, Store, StoreError};

/// A profile whose every text holds `who`.
pub(super) fn of(who: &str) -> (Facts, ProfileEntry) {
    let set = || [who.to_owned()].into();
    let facts = Facts {
        names: set(),
        ids: set(),
        groups: set(),
        conflicts: set(),
        availability: format!("{who} on Mondays"),
        ..Facts::default()
    };
    let text = format!("What {who} found");
    let entry = Entry {
        id: entry_id(EntryKind::Paper, &text),
        kind: EntryKind::Paper,
        summary: format!("{who} found it."),
        authors: vec![who.to_owned()],
        year: Some(2024),
        ids: vec![format!("doi:10.1000/{who}")],
        source: format!("{who}.bib"),
        text,
        room: None,
    };
    let lines = vec![line(&entry.text, 0.6), line(&entry.summary, -0.8)];
    (facts, ProfileEntry { entry, lines })
}

fn line(text: &str, number: f32) -> ProfileLine {
    ProfileLine { text: text.to_owned(), vector: vec![number, 1.0] }
}

fn statement(text: &str) -> ProfileEntry {
    let entry = Entry::statement(EntryKind::About, text, 2026);
    ProfileEntry { lines: vec![line(text, 0.5)], entry }
}

/// The texts that an account holds, each with how many lines.
async fn held(store: &Store, member: &str) -> Vec<(String, usize)> {
    let profiles = store.profiles_of(&[member.into()], MODEL).await.unwrap();
    let entries = profiles.into_values().flat_map(|profile| profile.entries);
    let mut held: Vec<(String, usize)> = entries.map(|kept| (kept.entry.text, kept.lines.len())).collect();
    held.sort();
    held
}

#[tokio::test]
async fn a_profile_outlives_the_process_as_it_was_given() {
    let (folder, store) = open().await;
    let (facts, entry) = of("ana");
    let ana: MemberId = "ana".into();
    store.keep_facts(&[], &ana, &facts).await.unwrap();
    assert_eq!(store.keep_entries(&[], &ana, MODEL, std::slice::from_ref(&entry)).await.unwrap(), 1);
    store.close().await;
    let store = Store::open(folder.path()).await.unwrap();
    let mut found = store.profiles_of(&["bob".into(), ana.clone()], MODEL).await.unwrap();
    assert_eq!(found.len(), 1);
    let of_ana = found.remove(&ana).unwrap();
    assert_eq!((of_ana.facts, of_ana.entries), (Some(facts), vec![entry]));
    assert_eq!(store.profiled().await.unwrap(), [ana]);
}

#[tokio::test]
async fn what_one_account_gives_anew_is_taken_from_the_others() {
    let (_folder, store) = open().await;
    let accounts: Vec<MemberId> = vec!["ana".into(), "ana2".into()];
    let (facts, _) = of("ana");
    store.keep_facts(&accounts, &accounts[0], &facts).await.unwrap();
    store.keep_facts(&accounts, &accounts[1], &Facts { away: true, ..facts }).await.unwrap();
    let both = [statement("I parse trees"), statement("I plant trees")];
    assert_eq!(store.keep_entries(&accounts, &accounts[0], MODEL, &both).await.unwrap(), 2);
    let again = [statement("I PARSE trees"), statement("I fell trees"), statement("I fell trees!")];
    assert_eq!(store.keep_entries(&accounts, &accounts[1], MODEL, &again).await.unwrap(), 1);

    assert_eq!(held(&store, "ana").await, [("I plant trees".to_owned(), 1)]);
    assert_eq!(held(&store, "ana2").await, [("I PARSE trees".to_owned(), 1), ("I fell trees!".to_owned(), 1)]);
    let found = store.profiles_of(&accounts, MODEL).await.unwrap();
    assert!(found[&accounts[0]].facts.is_none() && found[&accounts[1]].facts.as_ref().unwrap().away);

    let ids = [&both[0], &both[1], &statement("nothing")].map(|kept| kept.entry.id.clone());
    assert_eq!(store.discard_entries(&accounts, &ids).await.unwrap(), 2);
    assert_eq!(store.discard_entries(&accounts, &ids).await.unwrap(), 0);
    assert_eq!(held(&store, "ana2").await.len(), 1);
    store.keep_facts(&accounts, &accounts[0], &Facts::default()).await.unwrap();
    assert_eq!(store.profiled().await.unwrap(), [accounts[1].clone()]);
}

#[tokio::test]
async fn a_profile_has_a_limit_over_all_accounts() {
    let (_folder, store) = open().await;
    let accounts: Vec<MemberId> = vec!["ana".into(), "ana2".into()];
    let many: Vec<ProfileEntry> = (0..ENTRIES_MAX).map(|at| statement(&format!("I do {at}"))).collect();
    assert_eq!(store.keep_entries(&accounts, &accounts[0], MODEL, &many).await.unwrap(), ENTRIES_MAX);
    let more = [statement("I do 7"), statement("I do more")];
    let refused = store.keep_entries(&accounts, &accounts[1], MODEL, &more).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert!(held(&store, "ana2").await.is_empty());
    assert_eq!(store.keep_entries(&accounts, &accounts[1], MODEL, &more[..1]).await.unwrap(), 0);
    let said = Entry { kind: EntryKind::Message, ..statement("x").entry };
    let said = ProfileEntry { entry: said, lines: vec![] };
    assert!(matches!(
        store.keep_entries(&accounts, &"bob".into(), MODEL, &[said]).await,
        Err(StoreError::Refused { .. })
    ));
}

#[tokio::test]
async fn another_model_has_lines_of_its_own() {
    let (_folder, store) = open().await;
    let (ana, (_, entry)) = (MemberId::from("ana"), of("ana"));
    let id = entry.entry.id.clone();
    store.keep_entries(&[], &ana, MODEL, std::slice::from_ref(&entry)).await.unwrap();
    let accounts = [ana.clone()];
    assert!(store.entries_without_lines(&accounts, MODEL, 10).await.unwrap().is_empty());
    assert_eq!(store.entries_without_lines(&accounts, "other", 10).await.unwrap(), [(ana.clone(), entry.entry)]);
    assert!(store.entries_without_lines(&["bob".into()], "other", 10).await.unwrap().is_empty());
    let lines = [(ana.clone(), id, vec![line("one", 0.1)]), ("gone".into(), "x".into(), vec![line("two", 0.2)])];
    for _ in 0..2 {
        store.keep_lines_of_entries("other", &lines).await.unwrap();
    }
    let found = store.profiles_of(&accounts, "other").await.unwrap();
    assert_eq!(found[&ana].entries[0].lines, [line("one", 0.1)]);
    assert_eq!(held(&store, "ana").await[0].1, 2);
}

#[tokio::test]
async fn every_change_is_told() {
    let (_folder, store) = open().await;
    let (ana, (facts, entry)) = (MemberId::from("ana"), of("ana"));
    let (accounts, id) = ([ana.clone()], entry.entry.id.clone());
    let mut stamps = vec![store.profile_stamp().await.unwrap()];
    store.keep_facts(&[], &ana, &facts).await.unwrap();
    stamps.push(store.profile_stamp().await.unwrap());
    store.keep_entries(&[], &ana, MODEL, &[entry]).await.unwrap();
    stamps.push(store.profile_stamp().await.unwrap());
    store.keep_lines_of_entries("other", &[(ana, id.clone(), vec![line("one", 0.1)])]).await.unwrap();
    stamps.push(store.profile_stamp().await.unwrap());
    store.discard_entries(&accounts, &[id]).await.unwrap();
    stamps.push(store.profile_stamp().await.unwrap());
    store.erase(&accounts).await.unwrap();
    stamps.push(store.profile_stamp().await.unwrap());
    assert!(stamps.is_sorted_by(|one, two| one < two), "{stamps:?}");
    assert!(store.profiled().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_said_is_read_for_its_room_alone() {
    let (_folder, store) = open().await;
    for (room, id, at, kind, text) in [
        ("a", "1", "2026-11-01T00:00:00Z", LineKind::Talk, "first"),
        ("a", "2", "2026-11-02T00:00:00Z", LineKind::Talk, "second"),
        ("a", "3", "2026-11-03T00:00:00Z", LineKind::Talk, "third"),
        ("a", "4", "2026-11-04T00:00:00Z", LineKind::Mark, "no words"),
        ("b", "5", "2026-11-05T00:00:00Z", LineKind::Talk, "elsewhere"),
    ] {
        let line = Line {
            id: id.into(),
            kind,
            author: Some("ana".into()),
            name: "Ana".to_owned(),
            at: at.parse().unwrap(),
            text: text.to_owned(),
            link: None,
        };
        let conversation = Conversation {
            document: chat::DocumentId(format!("said in {room}")),
            room: room.into(),
            name: room.to_owned(),
            is_note: false,
            changes: 0,
        };
        store.keep_lines(&super::place("lab", room), &conversation, &[line]).await.unwrap();
    }
    let texts = async |room: &str, who: &str| -> Vec<String> {
        let said = store.said_in(&room.into(), &[who.into()], 2).await.unwrap();
        said.into_iter().map(|line| line.text).collect()
    };
    assert_eq!(texts("a", "ana").await, ["third", "second"]);
    assert_eq!(texts("b", "ana").await, ["elsewhere"]);
    assert!(texts("a", "bob").await.is_empty());
}
