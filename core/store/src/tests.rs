//! The contract of the state, on a real database in a temporary folder.
//!
//! Here is what the others share; `scopes` holds the privacy table, `disk` what happens when things break.

mod audit;
mod declared;
mod disk;
mod documents;
mod echoes;
mod forgotten;
mod jobs;
mod personal;
mod ports;
mod profiles;
mod reading;
mod register;
mod said;
mod schedule;
mod scopes;
mod scrub;

use chat::{
    Audience, Document, DocumentId, Identifiers, MemberId, Passage, PassageId, Place, Platform, Provenance, Readable,
    ports::Embedding,
};
use tempfile::TempDir;

use crate::Store;
use ports::{message, place};

/// The model that tests embed with.
const MODEL: &str = "mini";

/// A state in a folder of its own.
async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

/// A document with every field set, of `scope`.
fn document(id: &str, scope: &str) -> Document {
    Document {
        id: DocumentId(id.to_owned()),
        scope: scope.parse().unwrap(),
        title: format!("Über Bäume {id}"),
        authors: vec!["Ana María Quan".to_owned(), "王 伟".to_owned()],
        year: Some(2019),
        venue: Some("ACL".to_owned()),
        language: Some("en".to_owned()),
        identifiers: Identifiers {
            doi: Some(format!("10.1/{id}")),
            arxiv: Some(format!("1707.{id}")),
            anthology: Some(format!("p19-{id}")),
            pubmed: Some(format!("pmc{id}")),
        },
        provenance: Provenance {
            file: format!("{id}.xml"),
            format: "jats".to_owned(),
            content_hash: format!("hash of {id}"),
            license: Some("CC BY 4.0".to_owned()),
        },
        retracted: true,
        text: "Bäume wachsen. Langsam.".to_owned(),
        pages: vec![0, 16],
        sections: vec![(0, "Intro".to_owned()), (16, String::new())],
    }
}

/// Two passages of a [`document`], the second without page and section.
fn passages(document: &Document) -> Vec<Passage> {
    let passage = |ordinal, span: std::ops::Range<usize>, page, section: Option<&str>| Passage {
        id: PassageId { document: document.id.clone(), ordinal },
        text: document.text[span.clone()].to_owned(),
        span,
        page,
        section: section.map(str::to_owned),
    };
    vec![passage(0, 0..15, Some(1), Some("Intro")), passage(1, 16..24, None, None)]
}

/// Their vectors.
fn vectors() -> Vec<Embedding> {
    vec![vec![0.6, -0.8], vec![f32::MIN_POSITIVE, 1.0]]
}

/// What everyone in the room `seminar` of the community `lab` may read.
fn in_seminar() -> Readable {
    let place = Place {
        platform: Platform::Matrix,
        community: "lab".into(),
        room: "seminar".into(),
        thread: None,
        audience: Audience::Room,
    };
    Readable::of(&place, &MemberId("ana".to_owned()), &[], &[])
}

/// How many rows each table has: documents, passages, vectors, keys, files seen, documents seen, refusals.
async fn rows(store: &Store) -> Vec<i64> {
    let mut counts = Vec::new();
    for query in [
        "SELECT COUNT(*) FROM document",
        "SELECT COUNT(*) FROM passage",
        "SELECT COUNT(*) FROM passage_vector",
        "SELECT COUNT(*) FROM identity_key",
        "SELECT COUNT(*) FROM seen_file",
        "SELECT COUNT(*) FROM seen_document",
        "SELECT COUNT(*) FROM refusal",
    ] {
        counts.push(sqlx::query_scalar(query).fetch_one(&store.read).await.unwrap());
    }
    counts
}
