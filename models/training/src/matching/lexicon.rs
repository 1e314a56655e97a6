//! Lexical evidence: TF-IDF vectors of unit norm, whose product is a cosine.
//!
//! Source: Salton and Buckley, "Term-weighting approaches in automatic text retrieval", 1988; the variant is that of
//! scikit-learn with `sublinear_tf`: `(1 + ln tf) (1 + ln((1 + n) / (1 + df)))`.

use std::collections::{BTreeMap, HashMap};

/// How often each term stands in a body of texts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lexicon {
    texts: usize,
    /// Number and document frequency of each term.
    terms: HashMap<String, (u32, u32)>,
    /// Each term at its number.
    names: Vec<String>,
}

/// A text as weights by term number, in rising order, of unit norm. Terms that the lexicon lacks count in the norm alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weighed(pub(super) Vec<(u32, f32)>);

impl Lexicon {
    /// Counts `texts`, each as its terms.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a [String]>) -> Self {
        let mut lexicon = Self::default();
        for terms in texts {
            lexicon.texts += 1;
            let mut distinct: Vec<&String> = terms.iter().collect();
            distinct.sort_unstable();
            distinct.dedup();
            for term in distinct {
                // Looked up before it is copied: most terms are known.
                match lexicon.terms.get_mut(term) {
                    Some((_, frequency)) => *frequency += 1,
                    None => {
                        let number = lexicon.terms.len() as u32;
                        lexicon.terms.insert(term.clone(), (number, 1));
                        lexicon.names.push(term.clone());
                    }
                }
            }
        }
        lexicon
    }

    /// How many terms it knows: their numbers lie below.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// The term of a number.
    pub fn name(&self, term: u32) -> Option<&str> {
        self.names.get(term as usize).map(String::as_str)
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Weighs the terms of a text.
    pub fn weigh(&self, terms: &[String]) -> Weighed {
        let mut counts: BTreeMap<&str, f32> = BTreeMap::new();
        for term in terms {
            *counts.entry(term).or_default() += 1.0;
        }
        let mut square = 0.0f64;
        let mut weights = Vec::new();
        for (term, count) in counts {
            let known = self.terms.get(term);
            let frequency = known.map_or(0, |(_, frequency)| *frequency);
            let idf = 1.0 + ((1 + self.texts) as f32 / (1 + frequency) as f32).ln();
            let weight = (1.0 + count.ln()) * idf;
            square += f64::from(weight * weight);
            weights.extend(known.map(|(number, _)| (*number, weight)));
        }
        let norm = square.sqrt() as f32;
        weights.iter_mut().for_each(|(_, weight)| *weight /= norm);
        weights.sort_unstable_by_key(|(number, _)| *number);
        Weighed(weights)
    }
}

impl Weighed {
    /// Weights by term number, in rising order.
    pub fn weights(&self) -> &[(u32, f32)] {
        &self.0
    }

    /// Cosine of two texts, in 0..1.
    pub fn cosine(&self, other: &Self) -> f32 {
        let (mut a, mut b, mut sum) = (0, 0, 0.0);
        while let (Some((one, weight)), Some((two, by))) = (self.0.get(a), other.0.get(b)) {
            match one.cmp(two) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    sum += weight * by;
                    (a, b) = (a + 1, b + 1);
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    /// Against scikit-learn 1.9: `TfidfVectorizer(analyzer=str.split, sublinear_tf=True)`.
    #[test]
    fn the_cosine_is_that_of_scikit_learn() {
        let texts = ["parse tree parse word", "tree bank word", "neural word vector", "duck"].map(terms);
        let lexicon = Lexicon::new(texts.iter().map(Vec::as_slice));
        let weighed: Vec<Weighed> = texts.iter().map(|text| lexicon.weigh(text)).collect();
        for (a, b, want) in [(0, 1, 0.3660), (0, 2, 0.1330), (1, 2, 0.1843), (0, 3, 0.0), (2, 2, 1.0)] {
            let found = weighed[a].cosine(&weighed[b]);
            assert!((found - want).abs() < 1e-4, "{a} {b}: {found} is not {want}");
        }
    }

    #[test]
    fn an_unknown_term_takes_weight_from_the_known_ones() {
        let texts = [terms("a b"), terms("b c")];
        let lexicon = Lexicon::new(texts.iter().map(Vec::as_slice));
        let whole = lexicon.weigh(&texts[0]);
        assert!(lexicon.weigh(&terms("a b zebra")).cosine(&whole) < 0.999);
        assert_eq!(lexicon.weigh(&terms("zebra")).cosine(&whole), 0.0);
        assert_eq!(lexicon.weigh(&[]).cosine(&whole), 0.0);
    }
}
