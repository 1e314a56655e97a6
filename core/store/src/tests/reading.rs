//! What is kept of papers and people, what may be recommended, and what came of introductions.

use chat::{
    Audience, Document, DocumentId, MemberId, Place, Provenance, Readable, Scope, Switch,
    document::{CONVERSATION, Rights},
    people::Register,
    ports::{Documents, Outcome, Verdict},
};
use jiff::Timestamp;

use super::{MODEL, document, in_seminar, open, passages, place, vectors};
use crate::{Introduction, Store};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn id(text: &str) -> DocumentId {
    DocumentId(text.to_owned())
}

/// Papers of the community, each under its id, none of them retracted.
async fn plant(store: &Store, ids: &[&str]) {
    for id in ids {
        put(store, &sound(id, "community:lab")).await;
    }
}

fn sound(id: &str, scope: &str) -> Document {
    Document { retracted: false, ..document(id, scope) }
}

async fn put(store: &Store, document: &Document) {
    store.put(document, &passages(document), MODEL, &vectors()).await.unwrap();
}

#[tokio::test]
async fn the_last_word_on_a_paper_counts_and_one_on_none_is_none() {
    let (_folder, store) = open().await;
    plant(&store, &["a", "b"]).await;
    let ana: MemberId = "ana".into();
    let said = [("a", Verdict::Up), ("b", Verdict::Saved), ("gone", Verdict::Up), ("a", Verdict::Down)];
    for (second, (paper, verdict)) in (0..).zip(said) {
        store.keep_verdict(&ana, &id(paper), verdict, at(second)).await.unwrap();
    }
    store.keep_verdict(&"bob".into(), &id("a"), Verdict::More, at(9)).await.unwrap();
    let words = store.verdicts(Some(&[ana])).await.unwrap();
    let told: Vec<_> = words.iter().map(|word| (word.document.0.as_str(), word.verdict, word.at)).collect();
    assert_eq!(told, [("b", Verdict::Saved, at(1)), ("a", Verdict::Down, at(3))]);
    assert_eq!(store.verdicts(None).await.unwrap().len(), 3);
    assert!(store.verdicts(Some(&[])).await.unwrap().is_empty());
    // They go with the paper.
    store.remove(&[id("a")]).await.unwrap();
    assert_eq!(store.verdicts(None).await.unwrap().len(), 1);
    assert!(store.check().await.unwrap().is_whole());
}

#[tokio::test]
async fn what_was_shown_to_an_account_stays_shown() {
    let (_folder, store) = open().await;
    plant(&store, &["a", "b", "c"]).await;
    for _ in 0..2 {
        store.keep_shown(&"ana".into(), &[id("b"), id("a"), id("gone")], at(1)).await.unwrap();
    }
    store.keep_shown(&"ana2".into(), &[id("c"), id("a")], at(1)).await.unwrap();
    let both: [MemberId; 2] = ["ana".into(), "ana2".into()];
    assert_eq!(store.shown_papers(&["ana".into()], None).await.unwrap(), [id("a"), id("b")]);
    assert_eq!(store.shown_papers(&both, None).await.unwrap(), ["a", "b", "c"].map(id));
    assert!(store.shown_papers(&["bob".into()], None).await.unwrap().is_empty());
    // What was shown at another time too stays shown.
    store.keep_shown(&"ana2".into(), &[id("b")], at(2)).await.unwrap();
    assert_eq!(store.shown_papers(&both, Some(at(1))).await.unwrap(), [id("b")]);
    assert_eq!(store.shown_papers(&both, Some(at(2))).await.unwrap(), ["a", "b", "c"].map(id));
}

#[tokio::test]
async fn an_embargo_ends_by_itself() {
    let (_folder, store) = open().await;
    put(&store, &sound("hall", "room:hall")).await;
    store.set_rights(&id("hall"), &Rights { embargo: Some(at(100)), ..Rights::default() }).await.unwrap();
    let lent = Readable::of(&place("lab", "seminar"), &"ana".into(), &[], &[Scope::Room("hall".into())]);
    let own = Readable::of(&place("lab", "hall"), &"ana".into(), &[], &[]);
    let read = async |readable: Readable| store.list(Some(&readable), "", 0, 9).await.unwrap().len();
    assert_eq!((read(lent.clone()).await, read(own).await), (0, 1), "without a time it holds");
    assert_eq!((read(lent.clone().at(at(99))).await, read(lent.at(at(100))).await), (0, 1));
}

#[tokio::test]
async fn nothing_is_recommended_that_may_not_be_read_or_passed_on() {
    let (_folder, store) = open().await;
    plant(&store, &["a", "embargoed", "confidential", "withdrawn"]).await;
    put(&store, &document("retracted", "community:lab")).await;
    put(&store, &sound("hall", "room:hall")).await;
    put(&store, &sound("own", "person:ana")).await;
    let said = sound("said", "room:seminar");
    let said =
        Document { provenance: Provenance { format: CONVERSATION.to_owned(), ..said.provenance.clone() }, ..said };
    put(&store, &said).await;
    let held = |id: &str| Rights {
        embargo: (id == "embargoed").then(|| at(1 << 30)),
        confidential: id == "confidential",
        retracted: id == "withdrawn",
        ..Rights::default()
    };
    for paper in ["embargoed", "confidential", "withdrawn"] {
        store.set_rights(&id(paper), &held(paper)).await.unwrap();
    }
    let open_to = async |readable: &Readable, since: Option<Timestamp>| {
        let papers = store.readable_papers(readable, since).await.unwrap();
        papers.into_iter().filter(|(_, open)| *open).map(|(id, _)| id.0).collect::<Vec<_>>()
    };
    assert!(open_to(&in_seminar(), None).await.is_empty(), "none has arrived yet");
    store.note_arrivals(at(10)).await.unwrap();
    assert_eq!(open_to(&in_seminar(), None).await, ["a"]);
    for (when, open) in [(at((1 << 30) - 1), vec!["a"]), (at(1 << 30), vec!["a", "embargoed"])] {
        assert_eq!(open_to(&in_seminar().at(when), None).await, open, "an embargo ends at its time");
    }
    let alone = Place { audience: Audience::Caller, ..place("lab", "seminar") };
    let alone = Readable::of(&alone, &"ana".into(), &[], &[]);
    assert_eq!(open_to(&alone, None).await, ["a", "own"]);
    let lent = Readable::of(&place("lab", "seminar"), &"ana".into(), &[], &[Scope::Room("hall".into())]);
    assert_eq!(open_to(&lent, None).await, ["a", "hall"]);
    // What may be read without being recommended is told too: its title may be named.
    assert_eq!(store.readable_papers(&in_seminar(), None).await.unwrap().len(), 5);

    plant(&store, &["later"]).await;
    store.note_arrivals(at(20)).await.unwrap();
    assert_eq!(open_to(&in_seminar(), None).await, ["a", "later"]);
    assert_eq!(open_to(&in_seminar(), Some(at(11))).await, ["later"]);
    // Read again, it is not new again.
    put(&store, &Document { title: "Otherwise".to_owned(), ..sound("a", "community:lab") }).await;
    store.note_arrivals(at(30)).await.unwrap();
    assert_eq!(open_to(&in_seminar(), Some(at(11))).await, ["later"]);
    let titles = store.readable_titles(&in_seminar(), &["hall", "later", "a"].map(id)).await.unwrap();
    assert_eq!(titles.iter().map(|(_, title)| title.as_str()).collect::<Vec<_>>(), ["Über Bäume later", "Otherwise"]);
}

#[tokio::test]
async fn papers_come_with_the_vectors_of_one_model_and_the_mark_changes_with_them() {
    let (_folder, store) = open().await;
    let none = store.reading_mark(MODEL).await.unwrap();
    plant(&store, &["a", "b"]).await;
    store.note_arrivals(at(5)).await.unwrap();
    let papers = store.papers(MODEL).await.unwrap();
    assert_eq!((papers.len(), papers[0].arrived, papers[0].vectors.len()), (2, at(5), 2));
    assert_eq!((papers[0].text.as_str(), papers[1].title.as_str()), ("Bäume wachsen.\nLangsam.\n", "Über Bäume b"));
    assert!(store.papers("another").await.unwrap().iter().all(|paper| paper.vectors.is_empty()));

    let before = store.reading_mark(MODEL).await.unwrap();
    assert!(!before.has_papers_of(&none));
    store.keep_verdict(&"ana".into(), &id("a"), Verdict::Up, at(7)).await.unwrap();
    let after = store.reading_mark(MODEL).await.unwrap();
    assert!(after != before && after.has_papers_of(&before));
    store.set_consent(&"ana".into(), Switch::Improve, true, at(8)).await.unwrap();
    let consented = store.reading_mark(MODEL).await.unwrap();
    assert_ne!(consented, after);
    store.set_blocked(&"bob".into(), None, true).await.unwrap();
    assert_ne!(store.reading_mark(MODEL).await.unwrap(), consented);
}

#[tokio::test]
async fn what_came_of_an_introduction_adds_up() {
    let (_folder, store) = open().await;
    let (ana, bob, cleo): (MemberId, MemberId, MemberId) = ("ana".into(), "bob".into(), "cleo".into());
    let features = [0.5, 0.25];
    let told = [
        (&bob, Outcome::Shown, 1),
        (&cleo, Outcome::Shown, 1),
        (&bob, Outcome::Asked, 2),
        (&bob, Outcome::Accepted, 3),
        (&bob, Outcome::Shown, 4),
    ];
    for (person, outcome, second) in told {
        store.keep_outcome("parsing", &ana, (person, &features), outcome, at(second)).await.unwrap();
    }
    store.keep_outcome("plants", &ana, (&cleo, &features), Outcome::Declined, at(5)).await.unwrap();
    let of = |need: &str, person: &MemberId, second, asked, accepted| Introduction {
        need: need.to_owned(),
        seeker: ana.clone(),
        person: person.clone(),
        features: features.to_vec(),
        at: at(second),
        asked,
        accepted,
    };
    let want = [
        of("parsing", &bob, 1, true, Some(true)),
        of("parsing", &cleo, 1, false, None),
        of("plants", &cleo, 5, true, Some(false)),
    ];
    assert_eq!(store.introductions().await.unwrap(), want);
}
