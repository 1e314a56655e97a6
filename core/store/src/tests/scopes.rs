//! The privacy table: whatever is asked, a document of another scope is never visible.

use std::collections::BTreeSet;

use chat::{
    DocumentId, PassageId, Readable, Scope,
    ports::{Documents, LibraryStats},
};

use super::{MODEL, document, in_seminar, open, passages, vectors};
use crate::Store;

/// One document for each scope: two that everyone in the seminar may read, and those that they may not, among
/// them the caller's own and some that only look alike.
const SCOPES: [&str; 10] = [
    "community:lab",
    "room:seminar",
    "person:ana",
    "community:LAB",
    "community:lab2",
    "room:lab",
    "room:seminar ",
    "group:lab",
    "group:seminar",
    "person:%",
];

/// Every method that takes a `readable`.
#[derive(Debug)]
enum Method {
    Get,
    PassagesOf,
    Passages,
    List,
    ListMatching,
    Stats,
}

const METHODS: [Method; 6] =
    [Method::Get, Method::PassagesOf, Method::Passages, Method::List, Method::ListMatching, Method::Stats];

/// The scopes of all that a method gives, asked for everything there is.
async fn visible(store: &Store, readable: Option<&Readable>, method: &Method) -> BTreeSet<String> {
    let ids = || (0..SCOPES.len()).map(|number| DocumentId(format!("d{number}")));
    let scope_of = |id: &DocumentId| SCOPES[id.0[1..].parse::<usize>().unwrap()].to_owned();
    let mut seen = BTreeSet::new();
    match method {
        Method::Get => {
            for id in ids() {
                seen.extend(Documents::get(store, readable, &id).await.unwrap().map(|one| one.scope.to_string()));
            }
        }
        Method::PassagesOf => {
            for id in ids() {
                seen.extend(
                    store.passages_of(readable, &id).await.unwrap().iter().map(|one| scope_of(&one.id.document)),
                );
            }
        }
        Method::Passages => {
            let ids: Vec<_> = ids().map(|document| PassageId { document, ordinal: 0 }).collect();
            for (passage, document) in store.passages(readable, &ids).await.unwrap() {
                assert_eq!(passage.id.document, document.id);
                seen.insert(document.scope.to_string());
            }
        }
        Method::List | Method::ListMatching => {
            let matching = if matches!(method, Method::List) { "" } else { "bäume" };
            let list = store.list(readable, matching, 0, 100).await.unwrap();
            seen.extend(list.iter().map(|row| row.scope.to_string()));
        }
        // Each document has a format of its own, named after it.
        Method::Stats => {
            let LibraryStats { documents, passages, formats, .. } = store.stats(readable).await.unwrap();
            assert_eq!((documents, passages), (formats.len(), 2 * formats.len()));
            seen.extend(formats.iter().map(|(format, _)| scope_of(&DocumentId(format.clone()))));
        }
    }
    seen
}

#[tokio::test]
async fn no_method_shows_a_document_of_another_scope() {
    let (_folder, store) = open().await;
    for (number, scope) in SCOPES.iter().enumerate() {
        let mut one = document(&format!("d{number}"), scope);
        one.provenance.format = one.id.0.clone();
        store.put(&one, &passages(&one), MODEL, &vectors()).await.unwrap();
    }
    let readable = in_seminar();
    for method in METHODS {
        let want = ["community:lab", "room:seminar"].map(str::to_owned).into();
        assert_eq!(visible(&store, Some(&readable), &method).await, want, "{method:?} of a person");
        let all = SCOPES.map(str::to_owned).into();
        assert_eq!(visible(&store, None, &method).await, all, "{method:?} of the operator");
    }
}

#[tokio::test]
async fn a_paper_is_a_duplicate_only_within_its_scope() {
    let (_folder, store) = open().await;
    let one = document("a", "room:attic");
    store.put(&one, &passages(&one), MODEL, &vectors()).await.unwrap();
    let keys = crate::identity_keys(&one.identifiers);
    assert_eq!(keys, ["doi:10.1/a", "arxiv:1707.a", "anthology:p19-a", "pubmed:pmca"]);
    assert_eq!(store.document_by_keys(&one.scope, &keys).await.unwrap(), Some(one.id.clone()));
    let other: Scope = "room:seminar".parse().unwrap();
    assert_eq!(store.document_by_keys(&other, &keys).await.unwrap(), None);
}

#[tokio::test]
async fn a_document_never_moves_by_being_read_again() {
    let (_folder, store) = open().await;
    let one = document("a", "person:ana");
    store.put(&one, &passages(&one), MODEL, &vectors()).await.unwrap();
    let moved = document("a", "community:lab");
    let stored = store.put(&moved, &passages(&moved), MODEL, &vectors()).await.unwrap();
    assert_eq!(stored, chat::ports::Stored::Unchanged);
    assert_eq!(Documents::get(&store, Some(&in_seminar()), &one.id).await.unwrap(), None);
}

#[tokio::test]
async fn files_seen_are_told_by_scope() {
    let (_folder, store) = open().await;
    let seen = |scope: &str| crate::SeenFile {
        scope: scope.parse().unwrap(),
        file: "a.pdf".to_owned(),
        bytes: 1,
        modified: jiff::Timestamp::UNIX_EPOCH,
        content_hash: scope.to_owned(),
        reader: String::new(),
        documents: Vec::new(),
        refusals: Vec::new(),
    };
    let (mine, yours) = (seen("person:ana"), seen("person:bo"));
    store.see(&mine).await.unwrap();
    store.see(&yours).await.unwrap();
    assert_eq!(store.seen_files(&mine.scope).await.unwrap(), std::slice::from_ref(&mine));
    assert_eq!(store.seen(&yours.scope, "a.pdf").await.unwrap(), Some(yours));
    assert_eq!(store.seen(&"person:cy".parse().unwrap(), "a.pdf").await.unwrap(), None);
}
