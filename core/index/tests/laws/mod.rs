//! The laws of the Index port. Each is a function of an empty index; none knows which index it is given.

use std::collections::BTreeSet;

use chat::{
    Audience, DocumentId, PassageId, Place, Platform, PortError, Readable, Scope,
    ports::{Embedding, Hit, Index, IndexQuery, Point, SearchMode, Stamp},
};

const DIMS: usize = 8;
const MODES: [SearchMode; 3] = [SearchMode::Dense, SearchMode::Sparse, SearchMode::Hybrid];

pub fn stamp() -> Stamp {
    Stamp { model: "test".to_owned(), dims: DIMS, chunker: 1 }
}

/// `a-3`: passage 3 of document `a`.
fn id(name: &str) -> PassageId {
    let (document, ordinal) = name.split_once('-').unwrap();
    PassageId { document: DocumentId(document.to_owned()), ordinal: ordinal.parse().unwrap() }
}

/// A unit vector at an angle in the plane of the first two axes.
fn at(degrees: f32) -> Embedding {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let mut vector = vec![0.0; DIMS];
    (vector[0], vector[1]) = (cos, sin);
    vector
}

pub fn point(name: &str, scope: &str, degrees: f32, text: &str) -> Point {
    Point {
        passage: id(name),
        scope: scope.parse().unwrap(),
        title: String::new(),
        text: text.to_owned(),
        language: None,
        year: None,
        dense: at(degrees),
    }
}

/// What the scopes named can read, as the audience rule makes it.
pub fn reads(scopes: &[&str]) -> Readable {
    let place = Place {
        platform: Platform::Console,
        community: "nobody".into(),
        room: "nowhere".into(),
        thread: None,
        audience: Audience::Caller,
    };
    let scopes: Vec<Scope> = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
    Readable::of(&place, &"no-one".into(), &scopes, &[])
}

/// A hybrid search of `room:a`, at 0 degrees for "model".
pub fn query() -> IndexQuery {
    IndexQuery {
        readable: reads(&["room:a"]),
        text: "model".to_owned(),
        dense: Some(at(0.0)),
        mode: SearchMode::Hybrid,
        limit: 10,
        per_document_max: 0,
        documents: Vec::new(),
        languages: Vec::new(),
        year_min: None,
        year_max: None,
        diversity: 0.0,
    }
}

async fn found(index: &dyn Index, query: &IndexQuery) -> Vec<String> {
    let hits = index.search(query).await.unwrap();
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score), "best first: {hits:?}");
    hits.into_iter().map(|hit| hit.passage.to_string()).collect()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, PortError>) {
    assert!(matches!(result, Err(PortError::Refused { .. })), "{result:?}");
}

/// Repeatable numbers (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound
    }

    pub fn unit(&mut self, dims: usize) -> Embedding {
        let vector: Vec<f32> = (0..dims).map(|_| self.below(2001) as f32 / 1000.0 - 1.0).collect();
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.into_iter().map(|value| value / norm).collect()
    }
}

const SCOPES: [&str; 8] =
    ["community:lab", "group:nlp", "group:bio", "room:a", "room:b", "room:a ", "person:ana", "person:bob"];
const LANGUAGES: [&str; 3] = ["en", "zh", "de"];
const WORDS: [&str; 12] =
    ["model", "parser", "tree", "neural", "cell", "protein", "claim", "evidence", "model", "model", "data", "corpus"];

/// Documents of two passages each, over all scopes, languages and years.
pub fn library(documents: usize) -> Vec<Point> {
    let mut dice = Dice(7);
    let mut points = Vec::new();
    for document in 0..documents {
        let scope: Scope = SCOPES[document % SCOPES.len()].parse().unwrap();
        let language = (document % 4 > 0).then(|| LANGUAGES[document % 3].to_owned());
        let year = (document % 5 > 0).then(|| 2000 + (document % 20) as i16);
        for ordinal in 0..2 {
            let words: Vec<&str> = (0..12).map(|_| WORDS[dice.below(WORDS.len())]).collect();
            points.push(Point {
                passage: id(&format!("d{document:03}-{ordinal}")),
                scope: scope.clone(),
                title: WORDS[dice.below(WORDS.len())].to_owned(),
                text: words.join(" "),
                language: language.clone(),
                year,
                dense: dice.unit(DIMS),
            });
        }
    }
    points
}

/// Random queries: every mode, every filter alone and with others.
fn queries(count: usize) -> Vec<IndexQuery> {
    let mut dice = Dice(11);
    let mut maybe = move |bound: usize| dice.below(bound);
    let mut vectors = Dice(13);
    (0..count)
        .map(|number| IndexQuery {
            readable: reads(&(0..1 + maybe(3)).map(|_| SCOPES[maybe(SCOPES.len())]).collect::<Vec<_>>()),
            text: format!("{} {}", WORDS[maybe(WORDS.len())], WORDS[maybe(WORDS.len())]),
            dense: Some(vectors.unit(DIMS)),
            mode: MODES[number % 3],
            limit: [5, 100, 1000][maybe(3)],
            per_document_max: maybe(3),
            documents: match maybe(3) {
                0 => (0..40).map(|_| DocumentId(format!("d{:03}", maybe(160)))).collect(),
                _ => Vec::new(),
            },
            languages: match maybe(3) {
                0 => vec![LANGUAGES[maybe(3)].to_owned()],
                _ => Vec::new(),
            },
            year_min: (maybe(3) == 0).then(|| 2000 + maybe(20) as i16),
            year_max: (maybe(3) == 0).then(|| 2000 + maybe(20) as i16),
            diversity: [0.0, 0.0, 0.5][maybe(3)],
        })
        .collect()
}

/// The rule in plain words, for comparison.
fn may_be_found(query: &IndexQuery, point: &Point) -> bool {
    query.readable.allows(&point.scope)
        && (query.documents.is_empty() || query.documents.contains(&point.passage.document))
        && (query.languages.is_empty() || point.language.as_ref().is_some_and(|it| query.languages.contains(it)))
        && query.year_min.is_none_or(|min| point.year.is_some_and(|year| year >= min))
        && query.year_max.is_none_or(|max| point.year.is_some_and(|year| year <= max))
}

pub async fn write(index: &dyn Index, points: &[Point]) {
    index.upsert(points.to_vec()).await.unwrap();
}

pub async fn holds(index: &dyn Index, points: &[Point]) {
    let want: BTreeSet<PassageId> = points.iter().map(|point| point.passage.clone()).collect();
    assert_eq!(index.count().await.unwrap(), want.len());
    assert_eq!(index.passages().await.unwrap(), want.into_iter().collect::<Vec<_>>());
}

pub async fn a_written_point_is_found_by_the_next_search(index: &dyn Index) {
    for number in 0..5 {
        let name = format!("d{number}-0");
        write(index, &[point(&name, "room:a", 0.0, "a language model")]).await;
        for mode in MODES {
            assert!(found(index, &IndexQuery { mode, ..query() }).await.contains(&name), "{mode:?}");
        }
    }
}

pub async fn a_point_written_again_is_replaced(index: &dyn Index) {
    write(index, &[point("a-0", "room:a", 0.0, "a language model")]).await;
    let second = Point { year: Some(2020), ..point("a-0", "room:a", 90.0, "a syntax tree") };
    write(index, std::slice::from_ref(&second)).await;
    write(index, std::slice::from_ref(&second)).await;
    holds(index, &[second]).await;
    let sparse = IndexQuery { mode: SearchMode::Sparse, ..query() };
    assert!(found(index, &sparse).await.is_empty(), "its old terms");
    assert_eq!(found(index, &IndexQuery { text: "tree".to_owned(), ..sparse }).await, ["a-0"]);
    let dense = IndexQuery { mode: SearchMode::Dense, year_min: Some(2020), ..query() };
    assert!(index.search(&dense).await.unwrap()[0].score.abs() < 1e-3, "its old vector");
}

pub async fn more_points_than_a_batch_are_all_written(index: &dyn Index) {
    let points: Vec<Point> =
        (0..700).map(|number| point(&format!("d-{number}"), "room:a", number as f32 / 10.0, "model")).collect();
    write(index, &points).await;
    holds(index, &points).await;
    assert_eq!(found(index, &IndexQuery { limit: 1000, ..query() }).await.len(), 700);
}

pub async fn a_scope_never_leaks_on_any_path(index: &dyn Index) {
    let points = library(160);
    write(index, &points).await;
    for optimised in [false, true] {
        for query in queries(120) {
            for hit in index.search(&query).await.unwrap() {
                let point = points.iter().find(|point| point.passage == hit.passage).unwrap();
                assert!(query.readable.allows(&point.scope), "{} in {query:?}, {optimised}", point.scope);
            }
        }
        index.flush().await.unwrap();
    }
}

pub async fn filters_hold_on_every_path(index: &dyn Index) {
    let points = library(160);
    write(index, &points).await;
    for query in queries(120) {
        let query = IndexQuery { limit: 1000, per_document_max: 0, ..query };
        let want: BTreeSet<String> =
            points.iter().filter(|point| may_be_found(&query, point)).map(|point| point.passage.to_string()).collect();
        let found: BTreeSet<String> = found(index, &query).await.into_iter().collect();
        match query.mode {
            SearchMode::Sparse => assert!(found.is_subset(&want), "{query:?}"),
            SearchMode::Dense | SearchMode::Hybrid => assert_eq!(found, want, "{query:?}"),
        }
    }
}

pub async fn a_document_fills_no_more_than_its_share(index: &dyn Index) {
    let mut points: Vec<Point> =
        (0..20).map(|number| point(&format!("a-{number}"), "room:a", number as f32, "model model")).collect();
    points.push(point("b-0", "room:a", 60.0, "a model of something else"));
    write(index, &points).await;
    for mode in MODES {
        let found = found(index, &IndexQuery { mode, per_document_max: 2, ..query() }).await;
        assert_eq!(found.len(), 3, "{mode:?} {found:?}");
        assert!(found.contains(&"b-0".to_owned()));
    }
}

pub async fn diversity_puts_the_unlike_first(index: &dyn Index) {
    write(
        index,
        &[
            point("a-0", "room:a", 10.0, ""),
            point("a-1", "room:a", 11.0, ""),
            point("a-2", "room:a", 12.0, ""),
            point("b-0", "room:a", -40.0, ""),
        ],
    )
    .await;
    let dense = IndexQuery { mode: SearchMode::Dense, ..query() };
    assert_eq!(found(index, &dense).await, ["a-0", "a-1", "a-2", "b-0"]);
    let diverse = IndexQuery { diversity: 0.5, ..dense };
    assert_eq!(found(index, &diverse).await[..2], ["a-0", "b-0"]);
    assert_eq!(found(index, &IndexQuery { mode: SearchMode::Hybrid, ..diverse }).await[..2], ["a-0", "b-0"]);
}

pub async fn a_removed_document_is_gone(index: &dyn Index) {
    let points = library(30);
    write(index, &points).await;
    let gone = [DocumentId("d003".to_owned()), DocumentId("d011".to_owned()), DocumentId("none".to_owned())];
    index.remove(&gone).await.unwrap();
    index.remove(&[]).await.unwrap();
    let left: Vec<Point> = points.into_iter().filter(|point| !gone.contains(&point.passage.document)).collect();
    holds(index, &left).await;
    for mode in MODES {
        let all = IndexQuery { mode, readable: reads(&SCOPES), limit: 1000, ..query() };
        let found = found(index, &all).await;
        assert!(!found.iter().any(|name| name.starts_with("d003") || name.starts_with("d011")), "{found:?}");
    }
}

pub async fn passages_are_listed_in_order(index: &dyn Index) {
    assert_eq!(index.passages().await.unwrap(), []);
    assert_eq!(index.count().await.unwrap(), 0);
    let names = ["b-2", "b-10", "a-7", "c-0", "b-0"];
    let points: Vec<Point> = names.iter().map(|name| point(name, "room:a", 0.0, "model")).collect();
    write(index, &points).await;
    let listed: Vec<String> = index.passages().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["a-7", "b-0", "b-2", "b-10", "c-0"]);
    assert_eq!(index.count().await.unwrap(), 5);
}

pub async fn a_limit_is_kept(index: &dyn Index) {
    let points: Vec<Point> =
        (0..50).map(|number| point(&format!("d{number}-0"), "room:a", number as f32, "model")).collect();
    write(index, &points).await;
    for mode in MODES {
        for limit in [0, 1, 7, 50, 1000] {
            assert_eq!(found(index, &IndexQuery { mode, limit, ..query() }).await.len(), limit.min(50), "{mode:?}");
        }
        refused(index.search(&IndexQuery { mode, limit: 1001, ..query() }).await);
    }
}

pub async fn a_rare_term_beats_a_common_one(index: &dyn Index) {
    let mut points: Vec<Point> =
        (0..40).map(|number| point(&format!("d{number}-0"), "room:a", 0.0, "model model model here")).collect();
    points.push(point("rare-0", "room:a", 0.0, "one parser among many words"));
    write(index, &points).await;
    let sparse = IndexQuery { mode: SearchMode::Sparse, text: "model parser".to_owned(), ..query() };
    assert_eq!(found(index, &sparse).await[0], "rare-0");
    let hits = index.search(&sparse).await.unwrap();
    assert!(hits[0].score > 2.0 * hits[1].score, "{hits:?}");
}

pub async fn a_title_counts(index: &dyn Index) {
    write(index, &[Point { title: "On parsers".to_owned(), ..point("a-0", "room:a", 0.0, "model") }]).await;
    let sparse = IndexQuery { mode: SearchMode::Sparse, text: "parsers".to_owned(), ..query() };
    assert_eq!(found(index, &sparse).await, ["a-0"]);
}

pub async fn hybrid_finds_what_either_side_finds(index: &dyn Index) {
    let mut points: Vec<Point> =
        (0..30).map(|number| point(&format!("d{number}-0"), "room:a", 90.0 + number as f32, "noise")).collect();
    points.push(point("near-0", "room:a", 1.0, "other words"));
    points.push(point("words-0", "room:a", 170.0, "a parser"));
    points.push(point("both-0", "room:a", 2.0, "a parser"));
    write(index, &points).await;
    let hybrid = IndexQuery { text: "parser".to_owned(), limit: 3, ..query() };
    let hits = found(index, &hybrid).await;
    assert_eq!(hits[0], "both-0");
    assert_eq!(BTreeSet::from_iter(hits), BTreeSet::from(["both-0", "near-0", "words-0"].map(String::from)));
}

pub async fn the_cosine_is_the_cosine(index: &dyn Index) {
    write(index, &[point("a-0", "room:a", 60.0, "model"), point("b-0", "room:a", 180.0, "tree")]).await;
    for mode in [SearchMode::Dense, SearchMode::Hybrid] {
        let hits = index.search(&IndexQuery { mode, ..query() }).await.unwrap();
        let cosine = |name: &str| hits.iter().find(|hit| hit.passage == id(name)).unwrap().cosine.unwrap();
        assert!((cosine("a-0") - 0.5).abs() < 1e-3 && (cosine("b-0") + 1.0).abs() < 1e-3, "{hits:?}");
    }
    let hits = index.search(&IndexQuery { mode: SearchMode::Sparse, ..query() }).await.unwrap();
    assert!(matches!(hits[..], [Hit { cosine: None, .. }]), "{hits:?}");
}

pub async fn what_cannot_be_is_refused(index: &dyn Index) {
    let good = point("a-0", "room:a", 0.0, "model");
    let short = Point { dense: vec![1.0; DIMS - 1], ..point("b-0", "room:a", 0.0, "model") };
    let broken = Point { dense: vec![f32::NAN; DIMS], ..point("c-0", "room:a", 0.0, "model") };
    refused(index.upsert(vec![good.clone(), short]).await);
    refused(index.upsert(vec![good, broken]).await);
    holds(index, &[]).await;
    for mode in [SearchMode::Dense, SearchMode::Hybrid] {
        refused(index.search(&IndexQuery { mode, dense: None, ..query() }).await);
        refused(index.search(&IndexQuery { mode, dense: Some(vec![1.0; DIMS + 1]), ..query() }).await);
        refused(index.search(&IndexQuery { mode, dense: Some(vec![f32::INFINITY; DIMS]), ..query() }).await);
    }
}

pub async fn nothing_is_found_by_nothing(index: &dyn Index) {
    for mode in MODES {
        assert!(found(index, &IndexQuery { mode, ..query() }).await.is_empty(), "in an empty index");
    }
    write(index, &[]).await;
    write(index, &[point("a-0", "room:a", 0.0, "")]).await;
    for text in ["", "   ", "the of and", "?!"] {
        let words = IndexQuery { text: text.to_owned(), dense: None, mode: SearchMode::Sparse, ..query() };
        assert!(found(index, &words).await.is_empty(), "{text:?}");
        assert_eq!(found(index, &IndexQuery { text: text.to_owned(), ..query() }).await, ["a-0"], "{text:?}");
    }
}

pub async fn a_rebuilt_index_is_empty_and_stamped_anew(index: &dyn Index) {
    write(index, &library(30)).await;
    index.rebuild(&Stamp { dims: 3, ..stamp() }).await.unwrap();
    holds(index, &[]).await;
    refused(index.upsert(vec![point("a-0", "room:a", 0.0, "model")]).await);
    let short = Point { dense: vec![0.0, 0.0, 1.0], ..point("a-0", "room:a", 0.0, "model") };
    write(index, std::slice::from_ref(&short)).await;
    let dense = IndexQuery { dense: Some(vec![0.0, 0.0, 1.0]), ..query() };
    assert_eq!(found(index, &dense).await, ["a-0"]);
    index.rebuild(&Stamp { dims: 3, ..stamp() }).await.unwrap();
    holds(index, &[]).await;
}

pub async fn a_flushed_index_answers_as_before(index: &dyn Index) {
    let points = library(60);
    write(index, &points).await;
    let mut before = Vec::new();
    for query in queries(20) {
        before.push(found(index, &query).await);
    }
    index.flush().await.unwrap();
    holds(index, &points).await;
    for (query, want) in queries(20).iter().zip(before) {
        assert_eq!(found(index, query).await, want, "{query:?}");
    }
}

pub async fn same_answers(one: &dyn Index, other: &dyn Index) {
    let points = library(160);
    write(one, &points).await;
    write(other, &points).await;
    for query in queries(90) {
        let (mine, theirs) = (one.search(&query).await.unwrap(), other.search(&query).await.unwrap());
        assert_eq!(mine, theirs, "{query:?}");
    }
}
