//! The manifest of files, refusals, and the names that papers are known by.

use chat::{DocumentId, Scope, ports::Documents};

use super::{MODEL, document, open, passages, rows, vectors};
use crate::{Entry, Refusal, SeenFile, Store};

/// A state with the documents `a` and `b`, and a file that both came of.
async fn with_a_file() -> (tempfile::TempDir, Store, SeenFile) {
    let (folder, store) = open().await;
    for name in ["a", "b"] {
        let one = document(name, "community:lab");
        store.put(&one, &passages(&one), MODEL, &vectors()).await.unwrap();
    }
    let seen = SeenFile {
        scope: lab(),
        file: "acl/2019.xml".to_owned(),
        bytes: 1 << 40,
        modified: "2026-11-03T10:00:00.123456789Z".parse().unwrap(),
        content_hash: "abc".to_owned(),
        reader: "anthology 1".to_owned(),
        documents: ["a", "b"].map(|id| DocumentId(id.to_owned())).to_vec(),
        refusals: vec![refusal("p19-3", "It has no title."), refusal("p19-4", "It is empty.")],
    };
    store.see(&seen).await.unwrap();
    (folder, store, seen)
}

fn refusal(entry: &str, sentence: &str) -> Refusal {
    Refusal { entry: entry.to_owned(), sentence: sentence.to_owned() }
}

fn lab() -> Scope {
    "community:lab".parse().unwrap()
}

#[tokio::test]
async fn a_file_is_known_to_the_nanosecond_after_opening_again() {
    let (folder, store, seen) = with_a_file().await;
    store.close().await;
    let store = Store::open(folder.path()).await.unwrap();
    assert_eq!(store.seen(&lab(), &seen.file).await.unwrap(), Some(seen));
    assert_eq!(store.seen(&lab(), "acl/2020.xml").await.unwrap(), None);
}

#[tokio::test]
async fn seeing_a_file_again_replaces_all_that_was_known_of_it() {
    let (_folder, store, seen) = with_a_file().await;
    let again = SeenFile {
        content_hash: "def".to_owned(),
        documents: seen.documents[1..].to_vec(),
        refusals: vec![refusal("", "It is encrypted.")],
        ..seen
    };
    store.see(&again).await.unwrap();
    assert_eq!(store.seen_files(&lab()).await.unwrap(), [again]);
    assert_eq!(rows(&store).await[4..], [1, 1, 1]);
}

#[tokio::test]
async fn an_updated_document_stays_in_its_file() {
    let (_folder, store, seen) = with_a_file().await;
    let mut one = document("a", "community:lab");
    one.title.push('!');
    store.put(&one, &passages(&one), MODEL, &vectors()).await.unwrap();
    assert_eq!(store.seen(&lab(), &seen.file).await.unwrap(), Some(seen));
}

#[tokio::test]
async fn removing_a_document_forgets_the_files_it_came_of() {
    let (_folder, store, seen) = with_a_file().await;
    let other = SeenFile { file: "b.pdf".to_owned(), documents: seen.documents[1..].to_vec(), ..seen.clone() };
    store.see(&other).await.unwrap();
    assert_eq!(store.remove(&seen.documents[..1]).await.unwrap(), 1);
    assert_eq!(store.seen_files(&lab()).await.unwrap(), [other]);
    store.remove(&seen.documents).await.unwrap();
    assert_eq!(rows(&store).await, [0; 7]);
}

#[tokio::test]
async fn a_forgotten_file_leaves_its_documents() {
    let (_folder, store, seen) = with_a_file().await;
    store.forget_file(&lab(), &seen.file).await.unwrap();
    assert_eq!(rows(&store).await, [2, 4, 4, 8, 0, 0, 0]);
}

#[tokio::test]
async fn a_file_cannot_claim_a_document_that_is_not_stored() {
    let (_folder, store, seen) = with_a_file().await;
    let wrong = SeenFile { file: "c.pdf".to_owned(), documents: vec![DocumentId("nobody".to_owned())], ..seen };
    store.see(&wrong).await.unwrap_err();
    assert_eq!(store.seen(&lab(), "c.pdf").await.unwrap(), None);
}

#[tokio::test]
async fn the_first_name_that_is_known_decides() {
    let (_folder, store, _) = with_a_file().await;
    let one = document("c", "community:lab");
    let keys = ["title:trees".to_owned()];
    let entry = Entry { document: &one, passages: &[], vectors: &[], keys: &keys };
    store.put_many(MODEL, &[entry]).await.unwrap();
    for (keys, want) in [
        (vec!["doi:nobody", "title:trees", "doi:10.1/a"], Some("c")),
        (vec!["doi:10.1/a", "title:trees"], Some("a")),
        (vec!["DOI:10.1/a"], None),
        (vec![], None),
    ] {
        let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        let found = store.document_by_keys(&lab(), &keys).await.unwrap();
        assert_eq!(found.as_ref().map(|id| id.0.as_str()), want, "{keys:?}");
    }
}

/// The measure of an ingest that is run again: one file of 5 000 entries.
#[tokio::test]
async fn a_file_of_5_000_unchanged_entries_is_told_at_once() {
    let (_folder, store) = open().await;
    let all: Vec<_> = (0..5_000).map(|number| document(&format!("{number:04}"), "community:lab")).collect();
    let passages: Vec<_> = all.iter().map(passages).collect();
    let entries: Vec<_> = all
        .iter()
        .zip(&passages)
        .map(|(document, passages)| Entry { document, passages, vectors: &[], keys: &[] })
        .collect();
    store.put_many(MODEL, &entries).await.unwrap();
    let seen = SeenFile {
        scope: lab(),
        file: "all.xml".to_owned(),
        bytes: 9,
        modified: jiff::Timestamp::UNIX_EPOCH,
        content_hash: "abc".to_owned(),
        reader: String::new(),
        documents: all.iter().map(|one| one.id.clone()).collect(),
        refusals: Vec::new(),
    };
    store.see(&seen).await.unwrap();

    let clock = std::time::Instant::now();
    assert_eq!(store.seen(&lab(), "all.xml").await.unwrap(), Some(seen));
    let by_file = clock.elapsed();
    let preview = store.preview(&entries).await.unwrap();
    let by_entry = clock.elapsed() - by_file;
    assert!(preview.iter().all(|stored| *stored == chat::ports::Stored::Unchanged));
    println!("5 000 unchanged: {by_file:?} by file, {by_entry:?} entry by entry");
    assert!(by_file.as_millis() < 500, "{by_file:?}");
}
