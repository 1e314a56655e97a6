//! Putting, replacing, removing and reading documents as the operator sees them.

use chat::{
    Document, DocumentId, PassageId, Scope,
    ports::{Documents, Stored},
};

use super::{MODEL, document, open, passages, rows, vectors};
use crate::{Entry, SeenFile, Store};

async fn put(store: &Store, document: &Document) -> Stored {
    store.put(document, &passages(document), MODEL, &vectors()).await.unwrap()
}

fn id(document: &str, ordinal: u32) -> PassageId {
    PassageId { document: DocumentId(document.to_owned()), ordinal }
}

#[tokio::test]
async fn what_is_put_comes_back_whole_after_opening_again() {
    let (folder, store) = open().await;
    let full = document("a", "community:lab");
    let mut bare = Document {
        authors: Vec::new(),
        year: None,
        venue: None,
        language: None,
        identifiers: Default::default(),
        retracted: false,
        pages: Vec::new(),
        sections: Vec::new(),
        ..document("b", "person:ana:b")
    };
    bare.provenance.license = None;
    assert_eq!(put(&store, &full).await, Stored::Added);
    assert_eq!(put(&store, &bare).await, Stored::Added);
    store.close().await;

    let store = Store::open(folder.path()).await.unwrap();
    for one in [full, bare] {
        assert_eq!(store.passages_of(None, &one.id).await.unwrap(), passages(&one));
        assert_eq!(Documents::get(&store, None, &one.id).await.unwrap(), Some(one));
    }
    assert_eq!(Documents::get(&store, None, &DocumentId("c".to_owned())).await.unwrap(), None);
}

#[tokio::test]
async fn the_same_again_writes_nothing() {
    let (_folder, store) = open().await;
    let one = document("a", "community:lab");
    put(&store, &one).await;
    let frames = || async {
        let mut writer = store.write.acquire().await.unwrap();
        sqlx::query_as::<_, (i64, i64, i64)>("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *writer).await.unwrap().1
    };
    let before = frames().await;
    assert_eq!(put(&store, &one).await, Stored::Unchanged);
    assert_eq!(frames().await, before, "pages in the write-ahead log");
}

/// Every field of a document, and its passages, decide whether it is the same.
#[tokio::test]
async fn any_difference_is_an_update() {
    let (_folder, store) = open().await;
    let changes: [fn(&mut Document); 12] = [
        |one| one.title.push('!'),
        |one| one.authors.swap(0, 1),
        |one| one.year = None,
        |one| one.venue = None,
        |one| one.language = Some("de".to_owned()),
        |one| one.identifiers.pubmed = None,
        |one| one.provenance.file.push('x'),
        |one| one.provenance.content_hash.push('x'),
        |one| one.provenance.license = None,
        |one| one.retracted = false,
        |one| one.pages.push(20),
        |one| one.sections[1].1.push('x'),
    ];
    let mut one = document("a", "community:lab");
    put(&store, &one).await;
    for (number, change) in changes.iter().enumerate() {
        change(&mut one);
        assert_eq!(put(&store, &one).await, Stored::Updated, "change {number}");
        assert_eq!(Documents::get(&store, None, &one.id).await.unwrap().as_ref(), Some(&one), "change {number}");
        assert_eq!(put(&store, &one).await, Stored::Unchanged, "change {number}");
    }
    let stored = store.put(&one, &passages(&one)[..1], MODEL, &vectors()[..1]).await.unwrap();
    assert_eq!(stored, Stored::Updated, "other passages of the same text");
}

#[tokio::test]
async fn a_replaced_document_leaves_no_residue() {
    let (_folder, store) = open().await;
    let mut one = document("a", "community:lab");
    put(&store, &one).await;
    assert_eq!(rows(&store).await, [1, 2, 2, 4, 0, 0, 0]);
    one.identifiers.doi = None;
    store.put(&one, &passages(&one)[..1], "other", &[vec![1.0]]).await.unwrap();
    assert_eq!(rows(&store).await, [1, 1, 1, 3, 0, 0, 0]);
    assert_eq!(store.points(MODEL, None, 9).await.unwrap()[0].dense, Vec::<f32>::new());
    assert_eq!(store.points("other", None, 9).await.unwrap()[0].dense, [1.0]);
}

#[tokio::test]
async fn removing_counts_what_was_there_and_leaves_nothing() {
    let (_folder, store) = open().await;
    for name in ["a", "b", "c"] {
        put(&store, &document(name, "community:lab")).await;
    }
    let ids = ["a", "c", "c", "nobody"].map(|name| DocumentId(name.to_owned()));
    assert_eq!(store.remove(&ids).await.unwrap(), 2);
    assert_eq!(store.remove(&ids).await.unwrap(), 0);
    assert_eq!(store.remove(&[]).await.unwrap(), 0);
    assert_eq!(rows(&store).await, [1, 2, 2, 4, 0, 0, 0]);
    assert_eq!(store.passage_ids().await.unwrap(), [id("b", 0), id("b", 1)]);
}

#[tokio::test]
async fn passages_come_in_the_order_asked_for() {
    let (_folder, store) = open().await;
    let (a, b) = (document("a", "community:lab"), document("b", "room:attic"));
    put(&store, &a).await;
    put(&store, &b).await;
    let ids = [id("b", 1), id("a", 7), id("a", 0), id("nobody", 0), id("b", 1)];
    let found = store.passages(None, &ids).await.unwrap();
    let bare = |one: Document| Document { text: String::new(), sections: Vec::new(), ..one };
    let want = [
        (passages(&b)[1].clone(), bare(b.clone())),
        (passages(&a)[0].clone(), bare(a)),
        (passages(&b)[1].clone(), bare(b)),
    ];
    assert_eq!(found, want);
    assert_eq!(store.passages(None, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn points_are_read_page_by_page_in_numeric_order() {
    let (_folder, store) = open().await;
    let mut long = document("a", "community:lab");
    long.text = "x".repeat(12);
    let many: Vec<_> = (0..12)
        .map(|ordinal| chat::Passage {
            id: id("a", ordinal),
            span: ordinal as usize..ordinal as usize + 1,
            text: "x".to_owned(),
            page: None,
            section: None,
        })
        .collect();
    store.put(&long, &many, MODEL, &[]).await.unwrap();
    put(&store, &document("b", "community:lab")).await;

    let mut read = Vec::new();
    loop {
        let page = store.points(MODEL, read.last(), 5).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page.into_iter().map(|point| point.passage));
    }
    assert_eq!(read.len(), 14);
    assert!(read.is_sorted(), "{read:?}");
    assert_eq!(store.passage_ids().await.unwrap(), read);
}

#[tokio::test]
async fn vectors_are_kept_by_model_bit_for_bit_and_never_replaced() {
    let (_folder, store) = open().await;
    put(&store, &document("a", "community:lab")).await;
    let added = [(id("a", 0), vec![9.0]), (id("a", 1), vec![8.0]), (id("gone", 0), vec![7.0])];
    store.put_vectors(MODEL, &added).await.unwrap();
    store.put_vectors("large", &added[1..]).await.unwrap();
    let dense = |points: Vec<chat::ports::Point>| points.into_iter().map(|point| point.dense).collect::<Vec<_>>();
    assert_eq!(dense(store.points(MODEL, None, 9).await.unwrap()), vectors());
    assert_eq!(dense(store.points("large", None, 9).await.unwrap()), [vec![], vec![8.0]]);
    let point = &store.points(MODEL, None, 1).await.unwrap()[0];
    assert_eq!((point.title.as_str(), point.text.as_str()), ("Über Bäume a", "Bäume wachsen."));
    assert_eq!((point.language.as_deref(), point.year), (Some("en"), Some(2019)));
}

#[tokio::test]
async fn a_list_is_sorted_by_title_and_searched_in_title_and_author() {
    let (_folder, store) = open().await;
    for (name, title, author) in [("1", "beta 100%", "Ana"), ("2", "Äther", "Bo ÅS"), ("3", "Alpha", "X_Y")] {
        let one = document(name, "community:lab");
        put(&store, &Document { title: title.to_owned(), authors: vec![author.to_owned()], ..one }).await;
    }
    let titles = |matching: &'static str, offset, limit| {
        let store = store.clone();
        async move {
            let list = store.list(None, matching, offset, limit).await.unwrap();
            assert!(list.iter().all(|row| row.passages == 2 && row.year == Some(2019)));
            list.into_iter().map(|row| row.title).collect::<Vec<_>>()
        }
    };
    assert_eq!(titles("", 0, 9).await, ["Alpha", "beta 100%", "Äther"]);
    assert_eq!(titles("", 1, 1).await, ["beta 100%"]);
    assert_eq!(titles("ALPH", 0, 9).await, ["Alpha"]);
    assert_eq!(titles("ås", 0, 9).await, ["Äther"]);
    assert_eq!(titles("0%", 0, 9).await, ["beta 100%"]);
    assert_eq!(titles("x_y", 0, 9).await, ["Alpha"]);
    assert_eq!(titles("a_p", 0, 9).await, [""; 0]);
    assert_eq!(titles("%", 0, 9).await, ["beta 100%"]);
    assert!(store.list(None, &"x".repeat(100_000), 0, 9).await.is_err());
}

#[tokio::test]
async fn a_batch_compares_each_with_what_came_before_it() {
    let (_folder, store) = open().await;
    let (a, b) = (document("a", "community:lab"), document("b", "community:lab"));
    let newer = Document { year: Some(2020), ..a.clone() };
    let all = [&a, &b, &a, &newer].map(|one| (one, passages(one)));
    let vectors = vectors();
    let entries = all.each_ref().map(|(document, passages)| Entry { document, passages, vectors: &vectors, keys: &[] });
    let want = [Stored::Added, Stored::Added, Stored::Unchanged, Stored::Updated];
    assert_eq!(store.preview(&entries).await.unwrap(), want);
    assert_eq!(rows(&store).await[0], 0, "a preview writes nothing");
    assert_eq!(store.put_many(MODEL, &entries).await.unwrap(), want);
    assert_eq!(Documents::get(&store, None, &a.id).await.unwrap(), Some(newer));
    assert_eq!(rows(&store).await, [2, 4, 4, 8, 0, 0, 0]);
}

#[tokio::test]
async fn what_contradicts_itself_is_refused_whole() {
    let (_folder, store) = open().await;
    let (good, bad) = (document("a", "community:lab"), document("b", "community:lab"));
    let (fine, vectors) = (passages(&good), vectors());
    let wrong = |change: fn(&mut chat::Passage)| {
        let mut passages = passages(&bad);
        change(&mut passages[1]);
        passages
    };
    let cases = [
        (wrong(|one| one.text.push('x')), &vectors[..]),
        (wrong(|one| one.span = 1..24), &vectors[..]),
        (wrong(|one| one.span = 16..99), &vectors[..]),
        (wrong(|one| one.id.ordinal = 5), &vectors[..]),
        (wrong(|one| one.id.document.0.push('x')), &vectors[..]),
        (passages(&bad), &vectors[..1]),
    ];
    for (number, (passages, vectors_of)) in cases.iter().enumerate() {
        let entries = [
            Entry { document: &good, passages: &fine, vectors: &vectors, keys: &[] },
            Entry { document: &bad, passages, vectors: vectors_of, keys: &[] },
        ];
        let error = store.put_many(MODEL, &entries).await.unwrap_err();
        assert!(error.to_string().starts_with("refused: document b: "), "case {number}: {error}");
        assert_eq!(rows(&store).await[0], 0, "case {number}");
    }
}

#[tokio::test]
async fn what_a_room_owns_goes_with_it_to_the_room_that_it_goes_on_as() {
    let (_folder, store) = open().await;
    for (id, scope) in [("a", "room:old"), ("b", "room:other"), ("c", "room:new")] {
        let document = document(id, scope);
        store.put(&document, &passages(&document), MODEL, &vectors()).await.unwrap();
    }
    let scope = |name: &str| -> Scope { name.parse().unwrap() };
    let seen = |scope_name: &str, documents: &[&str]| SeenFile {
        scope: scope(scope_name),
        file: "a.md".to_owned(),
        bytes: 1,
        modified: jiff::Timestamp::UNIX_EPOCH,
        content_hash: "hash".to_owned(),
        reader: "1".to_owned(),
        documents: documents.iter().map(|id| DocumentId((*id).to_owned())).collect(),
        refusals: Vec::new(),
    };
    store.see(&seen("room:old", &["a"])).await.unwrap();
    store.see(&seen("room:new", &["c"])).await.unwrap();
    for _ in 0..2 {
        store.move_room(&"old".into(), &"new".into()).await.unwrap();
    }
    assert!(store.documents_of(&scope("room:old")).await.unwrap().is_empty());
    let ids = store.documents_of(&scope("room:new")).await.unwrap();
    assert_eq!(ids, [DocumentId("a".to_owned()), DocumentId("c".to_owned())]);
    assert!(store.seen_files(&scope("room:old")).await.unwrap().is_empty());
    assert_eq!(store.seen_files(&scope("room:new")).await.unwrap(), [seen("room:new", &["a", "c"])]);
    let points = store.points(MODEL, None, 10).await.unwrap();
    let moved: Vec<&Scope> =
        points.iter().filter(|point| point.passage.document.0 == "a").map(|point| &point.scope).collect();
    assert_eq!(moved, [&scope("room:new"), &scope("room:new")], "vectors and all");
}
