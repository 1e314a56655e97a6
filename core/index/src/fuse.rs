//! From ranked lists to hits: diversity, fusion by rank, the cap per document. Pure, and the same for every index.

use std::collections::HashMap;

use chat::{
    PassageId,
    ports::{Embedding, Hit, IndexQuery, SearchMode},
};

/// Rank constant of reciprocal rank fusion: `score = Σ 1/(k + rank)` with ranks from 1.
/// 1 is what Qdrant's default of 2 amounts to, whose ranks start from 0. On SciFact train it gives nDCG@10 .731 where
/// Cormack's 60 (SIGIR 2009) gives .719. Fused here, so that both implementations answer alike.
pub const RRF_K: f32 = 1.0;

/// Fewest entries of each list that are fused; a larger search takes three times its limit.
pub const DEPTH: usize = 100;

/// How many entries of each list a search of `limit` hits needs.
pub fn depth(limit: usize) -> usize {
    DEPTH.max(limit.saturating_mul(3))
}

/// An entry of one ranked list.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The passage.
    pub passage: PassageId,
    /// Its score in this list: the cosine, or BM25's.
    pub score: f32,
    /// Its vector, of unit norm; empty where no diversity was asked for.
    pub vector: Embedding,
}

/// The hits of a query, from its dense and its sparse list (either may be empty).
pub fn hits(query: &IndexQuery, mut dense: Vec<Ranked>, mut sparse: Vec<Ranked>) -> Vec<Hit> {
    sort(&mut dense);
    sort(&mut sparse);
    let cosines: HashMap<PassageId, f32> = dense.iter().map(|entry| (entry.passage.clone(), entry.score)).collect();
    if query.diversity > 0.0 {
        dense = diversify(dense, query.diversity.min(1.0));
    }
    let ranked = match query.mode {
        SearchMode::Dense => scored(dense),
        SearchMode::Sparse => scored(sparse),
        SearchMode::Hybrid => fuse(&[dense, sparse]),
    };
    cap(ranked, query.per_document_max)
        .take(query.limit)
        .map(|(passage, score)| Hit { cosine: cosines.get(&passage).copied(), passage, score })
        .collect()
}

/// Best first; equal scores by id, so that a search repeated is the same search.
fn sort(list: &mut [Ranked]) {
    list.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.passage.cmp(&b.passage)));
}

fn scored(list: Vec<Ranked>) -> Vec<(PassageId, f32)> {
    list.into_iter().map(|entry| (entry.passage, entry.score)).collect()
}

/// Reciprocal rank fusion: never a raw score, for cosine and BM25 have no common unit.
fn fuse(lists: &[Vec<Ranked>]) -> Vec<(PassageId, f32)> {
    let mut scores: HashMap<&PassageId, f32> = HashMap::new();
    for list in lists {
        for (rank, entry) in (1_u16..).zip(list) {
            *scores.entry(&entry.passage).or_default() += 1.0 / (RRF_K + f32::from(rank));
        }
    }
    let mut fused: Vec<(PassageId, f32)> = scores.into_iter().map(|(id, score)| (id.clone(), score)).collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    fused
}

/// Maximal marginal relevance (Carbonell & Goldstein 1998): each next entry is the one with the highest
/// `(1 - diversity)·cosine - diversity·likeness to what was chosen`, which becomes its score. The likeness is the
/// highest cosine, and never below 0: so scores only fall.
fn diversify(list: Vec<Ranked>, diversity: f32) -> Vec<Ranked> {
    let mut left: Vec<(Ranked, f32)> = list.into_iter().map(|entry| (entry, 0.0)).collect();
    let mut chosen: Vec<Ranked> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let value = |(entry, like): &(Ranked, f32)| (1.0 - diversity) * entry.score - diversity * like;
        // The first of the best: the list is sorted, so relevance breaks ties.
        let (at, score) = left
            .iter()
            .map(value)
            .enumerate()
            .fold((0, f32::NEG_INFINITY), |best, (at, score)| if score > best.1 { (at, score) } else { best });
        let (mut next, _) = left.remove(at);
        for (entry, like) in &mut left {
            *like = like.max(dot(&entry.vector, &next.vector));
        }
        next.score = score;
        chosen.push(next);
    }
    chosen
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// At most `per_document` passages of each document, the best ones; 0 for no limit.
fn cap(ranked: Vec<(PassageId, f32)>, per_document: usize) -> impl Iterator<Item = (PassageId, f32)> {
    let mut taken = HashMap::new();
    ranked.into_iter().filter(move |(passage, _)| {
        let count: &mut usize = taken.entry(passage.document.clone()).or_default();
        *count += 1;
        per_document == 0 || *count <= per_document
    })
}

#[cfg(test)]
mod tests {
    use chat::{Audience, DocumentId, Place, Platform, Readable};

    use super::*;

    fn id(name: &str) -> PassageId {
        let (document, ordinal) = name.split_once('-').unwrap();
        PassageId { document: DocumentId(document.to_owned()), ordinal: ordinal.parse().unwrap() }
    }

    fn list(entries: &[(&str, f32, [f32; 2])]) -> Vec<Ranked> {
        let entry = |(name, score, vector): &(&str, f32, [f32; 2])| Ranked {
            passage: id(name),
            score: *score,
            vector: vector.to_vec(),
        };
        entries.iter().map(entry).collect()
    }

    fn query(mode: SearchMode, limit: usize, per_document_max: usize, diversity: f32) -> IndexQuery {
        let place = Place {
            platform: Platform::Console,
            community: "lab".into(),
            room: "seminar".into(),
            thread: None,
            audience: Audience::Room,
        };
        IndexQuery {
            readable: Readable::of(&place, &"ana".into(), &[], &[]),
            text: String::new(),
            dense: None,
            mode,
            limit,
            per_document_max,
            documents: Vec::new(),
            languages: Vec::new(),
            year_min: None,
            year_max: None,
            diversity,
        }
    }

    #[track_caller]
    fn check(query: &IndexQuery, want: &[&str]) {
        let dense = list(&[
            ("a-0", 0.9, [1.0, 0.0]),
            ("a-1", 0.8, [1.0, 0.0]),
            ("a-2", 0.7, [1.0, 0.0]),
            ("b-0", 0.6, [0.0, 1.0]),
        ]);
        let sparse = list(&[("c-0", 9.0, [0.0; 2]), ("b-0", 8.0, [0.0; 2])]);
        let found = hits(query, dense, sparse);
        assert_eq!(found.iter().map(|hit| hit.passage.to_string()).collect::<Vec<_>>(), want);
        assert!(found.is_sorted_by(|a, b| a.score >= b.score), "{found:?}");
    }

    #[test]
    fn each_mode_reads_its_own_list() {
        check(&query(SearchMode::Dense, 9, 0, 0.0), &["a-0", "a-1", "a-2", "b-0"]);
        check(&query(SearchMode::Sparse, 9, 0, 0.0), &["c-0", "b-0"]);
    }

    #[test]
    fn what_both_lists_found_comes_first() {
        check(&query(SearchMode::Hybrid, 9, 0, 0.0), &["b-0", "a-0", "c-0", "a-1", "a-2"]);
    }

    #[test]
    fn a_document_fills_no_more_than_its_share() {
        check(&query(SearchMode::Dense, 9, 1, 0.0), &["a-0", "b-0"]);
        check(&query(SearchMode::Dense, 9, 2, 0.0), &["a-0", "a-1", "b-0"]);
    }

    #[test]
    fn the_limit_is_counted_after_the_cap() {
        check(&query(SearchMode::Dense, 2, 1, 0.0), &["a-0", "b-0"]);
        check(&query(SearchMode::Dense, 0, 0, 0.0), &[]);
    }

    #[test]
    fn diversity_puts_the_unlike_before_the_alike() {
        check(&query(SearchMode::Dense, 9, 0, 0.5), &["a-0", "b-0", "a-1", "a-2"]);
        check(&query(SearchMode::Dense, 9, 0, 1.0), &["a-0", "b-0", "a-1", "a-2"]);
    }

    #[test]
    fn the_cosine_comes_from_the_dense_list_alone() {
        let found = hits(&query(SearchMode::Hybrid, 9, 0, 0.5), list(&[("a-0", 0.5, [1.0, 0.0])]), {
            list(&[("a-0", 7.0, [0.0; 2]), ("c-0", 3.0, [0.0; 2])])
        });
        assert_eq!(found.iter().map(|hit| hit.cosine).collect::<Vec<_>>(), [Some(0.5), None]);
    }

    #[test]
    fn depth_grows_with_the_limit() {
        assert_eq!([depth(0), depth(10), depth(1000)], [100, 100, 3000]);
    }
}
