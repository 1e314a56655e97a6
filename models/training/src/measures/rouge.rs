//! ROUGE: how much of a reference summary's words a summary has, as Google's `rouge_score` 0.1.2 computes it with
//! `use_stemmer=True`.
//!
//! Source: Lin, "ROUGE: a package for automatic evaluation of summaries", 2004. All scores lie in 0..1.
//!
//! **Invariant:** only ASCII letters and digits are read, as in the original: for a language in another script every
//! score is 0, so take [`Chrf`](super::Chrf) there.

use nltk_porter::{Mode, PorterStemmer};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

use super::ngrams;

/// Precision, recall and their harmonic mean, each in 0..1 and 0 where there is nothing to compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The share of the summary that the reference has.
    pub precision: f64,
    /// The share of the reference that the summary has.
    pub recall: f64,
    /// `2 P R / (P + R)`.
    pub f1: f64,
}

impl Score {
    fn new(hits: usize, found: usize, wanted: usize) -> Self {
        let [precision, recall] = [found, wanted].map(|all| hits as f64 / all.max(1) as f64);
        let f1 = if hits == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        Self { precision, recall, f1 }
    }
}

/// A summary against its reference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Rouge {
    /// ROUGE-1: shared words.
    pub rouge_1: Score,
    /// ROUGE-2: shared pairs of neighbouring words.
    pub rouge_2: Score,
    /// ROUGE-L: the longest common subsequence of words of the whole texts.
    pub rouge_l: Score,
    /// ROUGE-Lsum: for each sentence of the reference the union of its longest common subsequences with those of the
    /// summary (section 3.2 there). A sentence is a line of the text: who wants this measure sets them so.
    pub rouge_l_sum: Score,
}

impl Rouge {
    /// Compares `summary` with one reference.
    pub fn new(summary: &str, reference: &str) -> Self {
        let stemmer = PorterStemmer::new(Mode::Nltk);
        let texts = [summary, reference];
        let [found, wanted] = texts.map(|text| tokens(&stemmer, text));
        let lines = texts.map(|text| text.split('\n').map(|line| tokens(&stemmer, line)).collect::<Vec<_>>());
        Self {
            rouge_1: of_ngrams(&found, &wanted, 1),
            rouge_2: of_ngrams(&found, &wanted, 2),
            rouge_l: Score::new(Common::new(&wanted, &found).length(), found.len(), wanted.len()),
            rouge_l_sum: of_lines(&lines[0], &lines[1]),
        }
    }

    /// Compares `summary` with several references: each measure is that of the reference with its highest F1, as
    /// SciTLDR counts it (Cachola et al., "TLDR: Extreme summarization of scientific documents", 2020) and
    /// `rouge_score`'s `score_multi`. Without references everything is 0.
    pub fn best<S: AsRef<str>>(summary: &str, references: impl IntoIterator<Item = S>) -> Self {
        references.into_iter().fold(Self::default(), |best, reference| {
            let next = Self::new(summary, reference.as_ref());
            let better = |old: Score, new: Score| if new.f1 > old.f1 { new } else { old };
            Self {
                rouge_1: better(best.rouge_1, next.rouge_1),
                rouge_2: better(best.rouge_2, next.rouge_2),
                rouge_l: better(best.rouge_l, next.rouge_l),
                rouge_l_sum: better(best.rouge_l_sum, next.rouge_l_sum),
            }
        })
    }
}

/// Words in lower case, those above three characters stemmed with NLTK's variant of Porter's first stemmer.
fn tokens(stemmer: &PorterStemmer, text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| if word.len() > 3 { stemmer.stem(word) } else { word.to_owned() })
        .filter(|stem| !stem.is_empty())
        .collect()
}

fn of_ngrams(found: &[String], wanted: &[String], n: usize) -> Score {
    let hits = ngrams::clipped(&ngrams::count(found, n), &ngrams::count(wanted, n));
    Score::new(hits, (found.len() + 1).saturating_sub(n), (wanted.len() + 1).saturating_sub(n))
}

fn of_lines(found: &[Vec<String>], wanted: &[Vec<String>]) -> Score {
    // A word counts no more often than both texts have it, which the paper does not say and ROUGE 1.5.5 does.
    let [mut found_left, mut wanted_left] = [found, wanted].map(|lines| {
        let mut left = HashMap::new();
        for word in lines.iter().flatten() {
            *left.entry(word.as_str()).or_insert(0usize) += 1;
        }
        left
    });
    let mut hits = 0;
    for line in wanted {
        let mut united = vec![false; line.len()];
        for other in found {
            Common::new(line, other).mark(&mut united);
        }
        for (word, _) in line.iter().zip(united).filter(|(_, is_common)| *is_common) {
            if let (Some(f @ 1..), Some(w @ 1..)) =
                (found_left.get_mut(word.as_str()), wanted_left.get_mut(word.as_str()))
            {
                (*f, *w) = (*f - 1, *w - 1);
                hits += 1;
            }
        }
    }
    let [found, wanted] = [found, wanted].map(|lines| lines.iter().map(Vec::len).sum());
    Score::new(hits, found, wanted)
}

/// The longest common subsequence of two texts, by dynamic programming.
struct Common<'a> {
    wanted: &'a [String],
    found: &'a [String],
    /// Its length for the first `i` wanted and the first `j` found words, at `i * (found.len() + 1) + j`.
    lengths: Vec<usize>,
}

impl<'a> Common<'a> {
    fn new(wanted: &'a [String], found: &'a [String]) -> Self {
        let lengths = vec![0; (wanted.len() + 1) * (found.len() + 1)];
        let mut table = Self { wanted, found, lengths };
        for (i, word) in wanted.iter().enumerate() {
            for (j, other) in found.iter().enumerate() {
                let length =
                    if word == other { table.at(i, j) + 1 } else { table.at(i, j + 1).max(table.at(i + 1, j)) };
                let cell = (i + 1) * (found.len() + 1) + j + 1;
                table.lengths[cell] = length;
            }
        }
        table
    }

    fn at(&self, i: usize, j: usize) -> usize {
        self.lengths[i * (self.found.len() + 1) + j]
    }

    fn length(&self) -> usize {
        self.at(self.wanted.len(), self.found.len())
    }

    /// Marks the wanted words of one such subsequence. Which one, where there are several, decides the union: this is
    /// the path that `rouge_score` takes.
    fn mark(&self, marks: &mut [bool]) {
        let (mut i, mut j) = (self.wanted.len(), self.found.len());
        while i > 0 && j > 0 {
            if self.wanted[i - 1] == self.found[j - 1] {
                (i, j) = (i - 1, j - 1);
                marks[i] = true;
            } else if self.at(i, j - 1) > self.at(i - 1, j) {
                j -= 1;
            } else {
                i -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `want`: F1 of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum.
    #[track_caller]
    fn check(summary: &str, reference: &str, want: [f64; 4]) {
        let rouge = Rouge::new(summary, reference);
        let found = [rouge.rouge_1, rouge.rouge_2, rouge.rouge_l, rouge.rouge_l_sum].map(|score| score.f1);
        assert!(found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-9), "{found:?} is not {want:?}");
    }

    #[test]
    fn the_examples_of_the_paper_come_out() {
        // Section 3.1: S1 against S2 and S3.
        check("police kill the gunman", "police killed the gunman", [1.0; 4]);
        check("the gunman kill police", "police killed the gunman", [1.0, 1.0 / 3.0, 0.5, 0.5]);
        // Section 3.2: the union of (w1 w2) and (w1 w3 w5) has 4 of 5 words; the candidates have 10.
        let union = Rouge::new("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5").rouge_l_sum;
        assert_eq!((union.recall, union.precision), (0.8, 0.4));
    }

    #[test]
    fn endings_and_signs_do_not_count() {
        check("Relational networks, happily trained!", "relation network - HAPPILY: training", [1.0; 4]);
        check("naïve", "na ve", [1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn short_words_keep_their_ending() {
        check("his gas", "hi ga", [0.0; 4]);
    }

    #[test]
    fn nothing_scores_zero() {
        for (summary, reference) in [("", ""), ("a", ""), ("", "a"), ("…", "…"), ("Σ", "Σ")] {
            check(summary, reference, [0.0; 4]);
        }
        assert_eq!(Rouge::best("a", [""; 0]), Rouge::default());
    }

    #[test]
    fn each_measure_takes_its_own_best_reference() {
        let best = Rouge::best("a b c d", ["d c b a", "a b x y z v w"]);
        assert_eq!(best.rouge_1.f1, 1.0);
        assert_eq!((best.rouge_2.precision, best.rouge_2.recall), (1.0 / 3.0, 1.0 / 6.0));
    }
}
