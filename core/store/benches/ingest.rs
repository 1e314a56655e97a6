//! How fast documents are stored, and told to be unchanged: 5 000 abstracts of two passages with vectors of 384.

use std::hint::black_box;

use chat::{
    Audience, Document, DocumentId, Identifiers, Passage, PassageId, Place, Platform, Provenance, Readable,
    ports::{Documents, Embedding},
};
use divan::Bencher;
use store::{Entry, Store};
use tokio::runtime::Runtime;

const DOCUMENTS: usize = 5_000;
const DIMS: usize = 384;

fn main() {
    divan::main();
}

/// A document of about 1 200 characters.
fn document(number: usize) -> (Document, Vec<Passage>, Vec<Embedding>) {
    let half = format!("{number} {}", "Trees grow slowly in the north of the country. ".repeat(12));
    let document = Document {
        id: DocumentId(format!("{number:016x}")),
        scope: "community:lab".parse().expect("a scope"),
        title: format!("On the growth of trees, part {number}"),
        authors: vec!["Ana Quan".to_owned(), "Bo Larsen".to_owned(), "Cy Twombly".to_owned()],
        year: Some(2019),
        venue: Some("ACL".to_owned()),
        language: Some("en".to_owned()),
        identifiers: Identifiers {
            doi: Some(format!("10.1/{number}")),
            anthology: Some(format!("p19-{number}")),
            ..Identifiers::default()
        },
        provenance: Provenance {
            file: format!("all.xml#{number}"),
            format: "anthology".to_owned(),
            ..Provenance::default()
        },
        retracted: false,
        text: format!("{half}{half}"),
        pages: Vec::new(),
        sections: Vec::new(),
    };
    let passages = (0..2)
        .map(|ordinal| Passage {
            id: PassageId { document: document.id.clone(), ordinal },
            span: ordinal as usize * half.len()..(ordinal as usize + 1) * half.len(),
            text: half.clone(),
            page: None,
            section: None,
        })
        .collect();
    let row = |seed: usize| (0..DIMS).map(|at| ((at * 31 + seed * 17) % 101) as f32 / 1_010.0).collect();
    (document, passages, vec![row(number), row(number + 1)])
}

/// What the caller may read: their own, the room's and the community's, which is all there is.
fn readable() -> Readable {
    let place = Place {
        platform: Platform::Console,
        community: "lab".into(),
        room: "seminar".into(),
        thread: None,
        audience: Audience::Caller,
    };
    Readable::of(&place, &"ana".into(), &[], &[])
}

/// All documents as entries.
fn entries(all: &[(Document, Vec<Passage>, Vec<Embedding>)]) -> Vec<Entry<'_>> {
    all.iter().map(|(document, passages, vectors)| Entry { document, passages, vectors, keys: &[] }).collect()
}

async fn fill(store: &Store, entries: &[Entry<'_>], batch: usize) {
    for some in entries.chunks(batch) {
        store.put_many("mini", some).await.expect("there is space");
    }
}

#[divan::bench(args = [64, 512, 5_000], sample_count = 3, sample_size = 1)]
fn put_many(bencher: Bencher, batch: usize) {
    put_documents(bencher, DOCUMENTS, batch);
}

/// A transaction, and a sync to disk, for each.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn put_200_one_by_one(bencher: Bencher) {
    put_documents(bencher, 200, 1);
}

fn put_documents(bencher: Bencher, documents: usize, batch: usize) {
    let runtime = Runtime::new().expect("a runtime");
    let all: Vec<_> = (0..documents).map(document).collect();
    let entries = entries(&all);
    bencher
        .counter(divan::counter::ItemsCount::new(documents))
        .with_inputs(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let store = runtime.block_on(Store::open(folder.path())).expect("a store");
            (folder, store)
        })
        .bench_refs(|(_, store)| runtime.block_on(fill(store, &entries, batch)));
}

/// Runs `read` on a store that holds all documents.
fn on_a_full_store(bencher: Bencher, read: impl AsyncFn(&Store, &[Entry<'_>]) + Sync) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let all: Vec<_> = (0..DOCUMENTS).map(document).collect();
    let entries = entries(&all);
    let store = runtime.block_on(async {
        let store = Store::open(folder.path()).await.expect("a store");
        fill(&store, &entries, 512).await;
        store
    });
    bencher.bench_local(|| runtime.block_on(read(&store, &entries)));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn preview_5_000_unchanged(bencher: Bencher) {
    on_a_full_store(bencher, async |store, entries| {
        black_box(store.preview(entries).await.expect("a preview"));
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn points_10_000(bencher: Bencher) {
    on_a_full_store(bencher, async |store, _| {
        let mut after = None;
        loop {
            let page = store.points("mini", after.as_ref(), 1_000).await.expect("points");
            let Some(last) = page.last() else { break };
            after = Some(last.passage.clone());
        }
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn passages_of_a_search(bencher: Bencher) {
    let ids: Vec<_> = (0..20)
        .map(|number| PassageId { document: DocumentId(format!("{:016x}", number * 211)), ordinal: 1 })
        .collect();
    let readable = readable();
    on_a_full_store(bencher, async |store, _| {
        assert_eq!(store.passages(Some(&readable), &ids).await.expect("passages").len(), 20);
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn first_page_of_the_list(bencher: Bencher) {
    let readable = readable();
    on_a_full_store(bencher, async |store, _| {
        assert_eq!(store.list(Some(&readable), "", 0, 20).await.expect("a list").len(), 20);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn stats(bencher: Bencher) {
    let readable = readable();
    on_a_full_store(bencher, async |store, _| {
        black_box(store.stats(Some(&readable)).await.expect("stats"));
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn document_by_keys_100_times(bencher: Bencher) {
    let scope = "community:lab".parse().expect("a scope");
    let keys: Vec<Vec<String>> =
        (0..100).map(|number| vec![format!("doi:10.1/{}", number * 49), format!("title:{number}")]).collect();
    on_a_full_store(bencher, async |store, _| {
        for keys in &keys {
            assert!(store.document_by_keys(&scope, keys).await.expect("an answer").is_some());
        }
    });
}
