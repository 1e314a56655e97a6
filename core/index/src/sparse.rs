//! From terms to sparse vectors: BM25's weight of a term in a passage, counted here, and how often a question has it.
//!
//! The other factor, how rare a term is, the engine keeps over all points and multiplies in at search time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The free numbers of BM25. Kept with an index, which refuses any other than [`BM25`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bm25 {
    /// Saturation: how much a repeated term still adds.
    pub k1: f32,
    /// How much a long passage pays for its length, 0 to 1.
    pub b: f32,
    /// Terms of the average passage, title included; a constant, so that a weight never changes after it was written.
    pub average_terms: f32,
    /// What one occurrence in the title counts, in occurrences in the text.
    pub title_weight: f32,
}

/// The weighting in use, chosen on SciFact train, where the neighbourhood is flat (`k1` 1.2 to 2, title 2 to 4); the
/// length is that of its abstracts with three times their titles.
pub const BM25: Bm25 = Bm25 { k1: 1.5, b: 0.75, average_terms: 150.0, title_weight: 3.0 };

/// Weights by term, sorted by term id, no id twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sparse {
    /// Term ids.
    pub indices: Vec<u32>,
    /// Their weights.
    pub values: Vec<f32>,
}

/// A passage's vector: `tf·(k1 + 1) / (tf + k1·(1 - b + b·length/average))`, where title and text make up one `tf`.
pub fn passage(bm25: &Bm25, title: &str, text: &str) -> Sparse {
    let mut frequencies: BTreeMap<u32, f32> = BTreeMap::new();
    let mut length = 0.0;
    for (field, weight) in [(title, bm25.title_weight), (text, 1.0)] {
        for term in chat::text::terms(field) {
            *frequencies.entry(term_id(&term)).or_default() += weight;
            length += weight;
        }
    }
    let norm = bm25.k1 * (1.0 - bm25.b + bm25.b * length / bm25.average_terms);
    frequencies.into_iter().map(|(id, tf)| (id, tf * (bm25.k1 + 1.0) / (tf + norm))).collect()
}

/// A question's vector: how often each term stands in it.
pub fn question(text: &str) -> Sparse {
    let mut frequencies: BTreeMap<u32, f32> = BTreeMap::new();
    for term in chat::text::terms(text) {
        *frequencies.entry(term_id(&term)).or_default() += 1.0;
    }
    frequencies.into_iter().collect()
}

impl FromIterator<(u32, f32)> for Sparse {
    fn from_iter<I: IntoIterator<Item = (u32, f32)>>(pairs: I) -> Self {
        let (indices, values) = pairs.into_iter().unzip();
        Self { indices, values }
    }
}

/// A term's id: FNV-1a of 64 bits, folded to 32. Of a million distinct terms about 230 share theirs with another
/// (n²/2³³ pairs); such a pair counts as one term, which costs a little precision and never a hit.
fn term_id(term: &str) -> u32 {
    let hash = term
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    ((hash >> 32) ^ (hash & 0xffff_ffff)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(vector: &Sparse, term: &str) -> f32 {
        let at = vector.indices.binary_search(&term_id(term)).expect("the term is in the vector");
        vector.values[at]
    }

    #[test]
    fn ids_never_change() {
        assert_eq!([term_id("parser"), term_id("机器")], [3_604_998_466, 3_234_152_128]);
    }

    #[test]
    fn a_repeated_term_adds_less_each_time() {
        let vector = passage(&BM25, "", "cat dog dog fish fish fish");
        let (one, two, three) = (weight(&vector, "cat"), weight(&vector, "dog"), weight(&vector, "fish"));
        assert!(one < two && two < three && three - two < two - one, "{one} {two} {three}");
        assert!(three < BM25.k1 + 1.0);
    }

    #[test]
    fn a_long_passage_pays_for_its_length() {
        let long = format!("cat {}", "dog ".repeat(500));
        assert!(weight(&passage(&BM25, "", &long), "cat") < weight(&passage(&BM25, "", "cat dog"), "cat"));
    }

    #[test]
    fn a_term_of_average_frequency_and_length_weighs_one() {
        let bm25 = Bm25 { average_terms: 3.0, ..BM25 };
        assert!((weight(&passage(&bm25, "", "cat dog fish"), "cat") - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_title_counts_by_its_weight() {
        let heavy = Bm25 { title_weight: 3.0, ..BM25 };
        assert!(weight(&passage(&heavy, "cat", "dog"), "cat") > weight(&passage(&heavy, "", "cat dog"), "cat"));
    }

    #[test]
    fn a_question_counts_its_terms() {
        let vector = question("parsing parsers and the parser of trees");
        assert_eq!(vector.indices.len(), vector.values.len());
        assert!(vector.indices.is_sorted());
        assert_eq!(weight(&vector, "tree"), 1.0);
        assert_eq!(question("the of and").indices, [0u32; 0]);
    }
}
