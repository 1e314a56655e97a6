//! How much of a summary is copied, and how short it is: what [`Rouge`](super::Rouge) does not see.
//!
//! Source: Grusky, Naaman and Artzi, "Newsroom: a dataset of 1.3 million summaries with diverse extractive strategies",
//! NAACL 2018, section 4. There spaCy cuts the words, and signs are words; here the words are those of Unicode's annex
//! 29, in lower case and without signs, so that every language can be read.

use std::collections::HashSet;
use unicode_segmentation::UnicodeSegmentation;

/// A summary beside its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    words: Vec<String>,
    source: Vec<String>,
    /// Lengths in words of the runs that the summary shares with the source.
    fragments: Vec<usize>,
}

impl Summary {
    /// Reads `summary`, made from `source`. Time grows with the product of their lengths.
    pub fn new(summary: &str, source: &str) -> Self {
        let [words, source] =
            [summary, source].map(|text| text.to_lowercase().unicode_words().map(str::to_owned).collect::<Vec<_>>());
        let fragments = fragments(&words, &source);
        Self { words, source, fragments }
    }

    /// Length in words.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// Words of the source for each word of the summary; 0 where the summary is empty.
    pub fn compression(&self) -> f64 {
        ratio(self.source.len(), self.words.len())
    }

    /// Extractive fragment coverage: the share of the summary's words that lie in a run from the source, in 0..1.
    pub fn coverage(&self) -> f64 {
        ratio(self.fragments.iter().sum(), self.words.len())
    }

    /// Extractive fragment density: the mean length of the run that a word of the summary lies in, in words; 0 for a
    /// word in none. A summary that is one sentence of its source has its length.
    pub fn density(&self) -> f64 {
        ratio(self.fragments.iter().map(|length| length * length).sum(), self.words.len())
    }

    /// Copy rate: the share of the summary's runs of `n` words that stand in the source, in 0..1; 0 where it has none.
    /// One less this is the share of "novel n-grams" of See et al., "Get to the point", ACL 2017.
    ///
    /// `n` is above 0.
    pub fn copied(&self, n: usize) -> f64 {
        let source: HashSet<&[String]> = self.source.windows(n).collect();
        let copied = self.words.windows(n).filter(|run| source.contains(run)).count();
        ratio(copied, self.words.windows(n).len())
    }
}

/// The greedy reading of figure 3 there: from each word on the longest run that the source has, then behind it. As
/// there, the search goes on behind a run that was found, also a shorter one.
fn fragments(words: &[String], source: &[String]) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut rest = words;
    while !rest.is_empty() {
        let mut longest = 0;
        let mut at = 0;
        while at < source.len() {
            let length = rest.iter().zip(&source[at..]).take_while(|(word, other)| word == other).count();
            longest = longest.max(length);
            at += length.max(1);
        }
        if longest > 0 {
            lengths.push(longest);
        }
        rest = &rest[longest.max(1)..];
    }
    lengths
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "We train a small model. It answers questions from papers, and it cites them.";

    /// `want`: coverage, density, and the share of copied words and of copied pairs.
    #[track_caller]
    fn check(summary: &str, source: &str, want: [f64; 4]) {
        let read = Summary::new(summary, source);
        let found = [read.coverage(), read.density(), read.copied(1), read.copied(2)];
        assert!(found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-12), "{found:?} is not {want:?}");
    }

    #[test]
    fn a_copied_sentence_is_as_dense_as_it_is_long() {
        check("It answers questions from papers.", SOURCE, [1.0, 5.0, 1.0, 1.0]);
    }

    #[test]
    fn runs_are_counted_where_they_break() {
        // "a small model" (3), not "that", "cites" (1), not "its", "papers" (1); pairs: 2 of 6.
        check("A small model that cites its papers", SOURCE, [5.0 / 7.0, 11.0 / 7.0, 5.0 / 7.0, 2.0 / 6.0]);
    }

    #[test]
    fn own_words_are_not_copied() {
        check("Nothing stands there", SOURCE, [0.0; 4]);
        check("", SOURCE, [0.0; 4]);
        check("words", "", [0.0; 4]);
    }

    #[test]
    fn words_of_other_scripts_are_read() {
        check("Модель отвечает", "Малая модель отвечает нам", [1.0, 2.0, 1.0, 1.0]);
        check("模型好", "小模型很好", [1.0, 5.0 / 3.0, 1.0, 0.5]);
    }

    #[test]
    fn compression_is_source_over_summary() {
        let read = Summary::new("It cites papers", SOURCE);
        assert_eq!((read.words(), read.compression()), (3, 14.0 / 3.0));
        assert_eq!(Summary::new("", SOURCE).compression(), 0.0);
    }
}
