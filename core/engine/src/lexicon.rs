//! How rare each term is in what a reader may read, and from that the score which orders what the index found.
//!
//! **Invariant:** what a scope holds counts for its readers alone: else how well a passage answers would tell a stranger
//! which words stand in papers that they may not read.
//!
//! The index fuses by rank, which forgets how good a hit is; this puts it back, without another model. The weights were
//! learned on SciFact train (listwise softmax, 5 folds): nDCG@10 .746 where the fusion alone gives .731.

use std::collections::{HashMap, HashSet};

use chat::{Readable, Scope, ports::Point, text};

/// BM25's saturation, length and title weights: those of the index.
const K1: f32 = 1.5;
const B: f32 = 0.75;
const TITLE: f32 = 3.0;

/// What a cosine, BM25 as a share of its most, the passage's coverage and its best sentence's coverage count.
const WEIGHTS: [f32; 4] = [11.2, 4.8, 3.8, 2.5];

/// Term statistics of a library, as it was when they were counted, scope by scope.
#[derive(Debug, Clone, Default)]
pub struct Lexicon(HashMap<Scope, Counts>);

/// What is counted of a scope.
#[derive(Debug, Clone, Default)]
struct Counts {
    passages: usize,
    terms: f64,
    frequencies: HashMap<String, u32>,
}

/// The statistics of what a reader may read.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    scopes: Vec<&'a Counts>,
    passages: usize,
    average_terms: f32,
}

/// How well a passage's words answer a question's, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lexical {
    /// BM25, as a share of the most that a passage can have.
    pub bm25: f32,
    /// Share of the question's information (its terms by how rare they are) in title and text.
    pub coverage: f32,
    /// The largest such share of one sentence.
    pub sentence: f32,
}

impl Lexicon {
    /// Counts a passage.
    pub fn count(&mut self, point: &Point) {
        let (title, body) = (text::terms(&point.title), text::terms(&point.text));
        let counts = self.0.entry(point.scope.clone()).or_default();
        counts.passages += 1;
        counts.terms += f64::from(TITLE * title.len() as f32 + body.len() as f32);
        for term in title.into_iter().chain(body).collect::<HashSet<String>>() {
            *counts.frequencies.entry(term).or_default() += 1;
        }
    }

    /// Those of what may be read.
    pub fn known(&self, readable: &Readable) -> Known<'_> {
        let scopes: Vec<&Counts> = readable.scopes().iter().filter_map(|scope| self.0.get(scope)).collect();
        let passages: usize = scopes.iter().map(|counts| counts.passages).sum();
        let terms: f64 = scopes.iter().map(|counts| counts.terms).sum();
        Known { scopes, passages, average_terms: (terms / passages.max(1) as f64) as f32 }
    }
}

impl Known<'_> {
    /// In how many passages a term stands.
    fn frequency(&self, term: &str) -> u32 {
        self.scopes.iter().filter_map(|counts| counts.frequencies.get(term)).sum()
    }

    /// `ln((N - df + 0.5) / (df + 0.5) + 1)`, as Qdrant computes it.
    fn idf(&self, term: &str) -> f32 {
        let (all, with) = (self.passages as f32, self.frequency(term) as f32);
        ((all - with + 0.5) / (with + 0.5) + 1.0).ln()
    }

    /// Compares a passage with the terms of a question, repeats included.
    pub fn compare(&self, question: &[String], title: &str, passage: &str) -> Lexical {
        let (title, body) = (text::terms(title), text::terms(passage));
        let mut frequencies: HashMap<&str, f32> = HashMap::new();
        for (terms, weight) in [(&title, TITLE), (&body, 1.0)] {
            for term in terms {
                *frequencies.entry(term).or_default() += weight;
            }
        }
        let length = TITLE * title.len() as f32 + body.len() as f32;
        let norm = K1 * (1.0 - B + B * length / self.average_terms.max(1.0));
        let (mut bm25, mut most) = (0.0, 0.0);
        for term in question.iter().filter(|term| self.frequency(term) > 0) {
            let (idf, tf) = (self.idf(term), frequencies.get(term.as_str()).copied().unwrap_or(0.0));
            bm25 += idf * tf * (K1 + 1.0) / (tf + norm);
            most += idf * (K1 + 1.0);
        }
        let distinct: HashSet<&str> = question.iter().map(String::as_str).collect();
        let all: f32 = distinct.iter().map(|term| self.idf(term)).sum();
        let share = |held: &HashSet<&str>| match all {
            all if all > 0.0 => distinct.intersection(held).map(|term| self.idf(term)).sum::<f32>() / all,
            _ => 0.0,
        };
        let title: HashSet<&str> = title.iter().map(String::as_str).collect();
        let sentences = text::sentences(passage, "en").into_iter().map(|range| {
            let terms = text::terms(&passage[range]);
            share(&terms.iter().map(String::as_str).collect())
        });
        let sentence = sentences.fold(share(&title), f32::max);
        let coverage = share(&frequencies.keys().copied().collect());
        Lexical { bm25: if most > 0.0 { bm25 / most } else { 0.0 }, coverage, sentence }
    }
}

/// The score of a passage with this cosine to the question.
pub fn score(cosine: f32, lexical: Lexical) -> f32 {
    let features = [cosine, lexical.bm25, lexical.coverage, lexical.sentence];
    features.iter().zip(WEIGHTS).map(|(feature, weight)| feature * weight).sum()
}

#[cfg(test)]
mod tests {
    use chat::{Audience, DocumentId, PassageId, Place, Platform};

    use super::*;

    /// Texts by the scope that holds them.
    fn lexicon(texts: &[(&str, &str)]) -> Lexicon {
        let mut lexicon = Lexicon::default();
        for ((scope, text), ordinal) in texts.iter().zip(0..) {
            lexicon.count(&Point {
                passage: PassageId { document: DocumentId("0".repeat(16)), ordinal },
                scope: scope.parse().unwrap(),
                title: String::new(),
                text: (*text).to_owned(),
                language: None,
                year: None,
                dense: Vec::new(),
            });
        }
        lexicon
    }

    /// What the room's people read together.
    fn reader() -> Readable {
        let place = Place {
            platform: Platform::Matrix,
            community: "lab".into(),
            room: "seminar".into(),
            thread: None,
            audience: Audience::Room,
        };
        Readable::of(&place, &"ana".into(), &[], &[])
    }

    #[test]
    fn what_may_not_be_read_counts_for_nothing() {
        let own = [("community:lab", "ducks swim on the lake"), ("room:seminar", "geese fly over the sea")];
        let foreign = ["ducks ducks", "quarks decay", "geese walk", "the sea is cold"];
        let foreign = foreign.map(|text| ("person:bob", text)).into_iter().cycle().take(400);
        let (alone, beside) = (lexicon(&own), lexicon(&own.into_iter().chain(foreign).collect::<Vec<_>>()));
        for question in ["Do ducks swim?", "Do quarks decay on the lake?", "Do geese fly?"] {
            let question = text::terms(question);
            for passage in ["Ducks swim.", "Geese fly over the sea.", "Quarks are small."] {
                let [without, with] =
                    [&alone, &beside].map(|lexicon| lexicon.known(&reader()).compare(&question, "", passage));
                assert_eq!(without, with, "{question:?} {passage}");
            }
        }
    }

    #[test]
    fn a_rare_term_counts_more_than_a_common_one() {
        let lexicon = lexicon(&["ducks swim", "geese swim", "swans swim"].map(|text| ("community:lab", text)));
        let lexicon = lexicon.known(&reader());
        let question = text::terms("ducks swim");
        let rare = lexicon.compare(&question, "", "Ducks walk.");
        let common = lexicon.compare(&question, "", "Boats swim.");
        assert!(rare.coverage > common.coverage && rare.bm25 > common.bm25, "{rare:?} {common:?}");
    }

    #[test]
    fn shares_lie_between_nothing_and_all() {
        let lexicon = lexicon(&["ducks swim on the lake", "geese fly"].map(|text| ("community:lab", text)));
        let lexicon = lexicon.known(&reader());
        let question = text::terms("Do ducks swim on the lake?");
        let all = lexicon.compare(&question, "", "Ducks swim. The lake is cold.");
        assert!((all.coverage - 1.0).abs() < 1e-6 && all.sentence < 1.0 && all.bm25 < 1.0, "{all:?}");
        assert_eq!(lexicon.compare(&question, "", "Geese fly."), Lexical { bm25: 0.0, coverage: 0.0, sentence: 0.0 });
        assert_eq!(lexicon.compare(&[], "", "Geese fly.").coverage, 0.0);
    }
}
