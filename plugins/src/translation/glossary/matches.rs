//! Terms in texts: whole words, any case, light inflection.

use std::{cmp::Reverse, collections::HashMap, ops::Range};

use chat::text::is_cjk;
use unicode_segmentation::UnicodeSegmentation;

use super::{Glossary, Term};

/// How many of the source's terms a translation renders as the glossary says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hits {
    /// Terms that stand in the source and have a translation, each counted once.
    pub expected: usize,
    /// Of these the ones whose translation stands in the output.
    pub found: usize,
}

impl Hits {
    /// The share that was found; 1 where nothing was expected.
    pub fn rate(self) -> f64 {
        if self.expected == 0 { 1.0 } else { self.found as f64 / self.expected as f64 }
    }
}

/// A word of a text: where it stands, and how it is spelled in lower case.
struct Word {
    range: Range<usize>,
    lower: String,
}

/// Spellings of a term's words, by how they are sought.
struct Sought<'a> {
    term: &'a Term,
    words: Vec<String>,
}

impl Glossary {
    /// The terms that stand in `text`, a text in the language `from`: in order, not overlapping, the longest where they
    /// would.
    ///
    /// A term stands there in any case and with a light ending of its language (`networks`, `Netze`, `Netzen`); terms
    /// in Chinese, Japanese or Korean stand anywhere, as these have no borders between words. A term that is not called
    /// anything in `from` is sought by its name. Costs time in the size of the glossary plus that of the text.
    pub fn matches(&self, text: &str, from: &str) -> Vec<(Range<usize>, &Term)> {
        let called = self.terms().map(|term| (term, term.called(from).unwrap_or(&term.name)));
        find(text, from, called)
    }

    /// The glossary hit rate of a translation from `from` to `to`: of each term of the source that has a translation,
    /// whether that stands in `output`.
    pub fn hits(&self, source: &str, output: &str, from: &str, to: &str) -> Hits {
        let mut expected: Vec<&Term> = self.matches(source, from).into_iter().map(|(_, term)| term).collect();
        expected.retain(|term| term.called(to).is_some());
        expected.sort_by_key(|term| &term.name);
        expected.dedup_by_key(|term| &term.name);
        // Each for itself: a longer translation must not hide a shorter one.
        let found = expected.iter().filter(|term| {
            let called = term.called(to).unwrap_or_default();
            !find(output, to, std::iter::once((**term, called))).is_empty()
        });
        Hits { expected: expected.len(), found: found.count() }
    }
}

fn find<'a>(
    text: &str,
    language: &str,
    called: impl Iterator<Item = (&'a Term, &'a str)>,
) -> Vec<(Range<usize>, &'a Term)> {
    let endings = endings(language);
    let mut spaced: HashMap<String, Vec<Sought<'a>>> = HashMap::new();
    let mut found = Vec::new();
    let lower = Lower::new(text);
    for (term, called) in called {
        if called.chars().any(is_cjk) {
            found.extend(lower.find(&called.to_lowercase()).map(|range| (range, term)));
            continue;
        }
        let words: Vec<String> = words(called).into_iter().map(|word| word.lower).collect();
        let Some(first) = words.first() else { continue };
        for form in forms(first, endings) {
            spaced.entry(form.to_owned()).or_default().push(Sought { term, words: words.clone() });
        }
    }
    let words = words(text);
    for (at, word) in words.iter().enumerate() {
        for form in forms(&word.lower, endings) {
            for sought in spaced.get(form).into_iter().flatten() {
                if let Some(range) = stands_at(text, &words[at..], &sought.words, endings) {
                    found.push((range, sought.term));
                }
            }
        }
    }
    longest(found)
}

/// Where a term stands if it begins with the first of `words`.
fn stands_at(text: &str, words: &[Word], sought: &[String], endings: &[&str]) -> Option<Range<usize>> {
    let words = words.get(..sought.len())?;
    let same = words.iter().zip(sought).all(|(word, sought)| {
        let forms_sought: Vec<&str> = forms(sought, endings).collect();
        forms(&word.lower, endings).any(|form| forms_sought.contains(&form))
    });
    let near = words.windows(2).all(|pair| {
        let between = &text[pair[0].range.end..pair[1].range.start];
        between.chars().count() < 3 && between.chars().all(|sign| sign.is_whitespace() || "-‐‑–'’.".contains(sign))
    });
    (same && near)
        .then(|| words.first().map(|first| first.range.start).zip(words.last().map(|last| last.range.end)))?
        .map(|(start, end)| start..end)
}

fn words(text: &str) -> Vec<Word> {
    let pieces = text.unicode_word_indices();
    pieces.map(|(at, word)| Word { range: at..at + word.len(), lower: word.to_lowercase() }).collect()
}

/// A word as it stands, and without each ending it may have; at least three letters are left.
fn forms<'w>(word: &'w str, endings: &'w [&str]) -> impl Iterator<Item = &'w str> {
    let cut = endings.iter().filter_map(|ending| word.strip_suffix(ending));
    std::iter::once(word).chain(cut.filter(|rest| rest.chars().count() > 2))
}

fn endings(language: &str) -> &'static [&'static str] {
    match language.to_lowercase().split('-').next().unwrap_or_default() {
        "en" => &["s", "es", "'s", "’s"],
        "de" => &["e", "n", "s", "en", "er", "es", "em", "ern"],
        "fr" | "es" | "pt" | "it" | "nl" => &["s", "es"],
        _ => &[],
    }
}

/// Of `found` the longest, then the longest of what is left; in the order of the text.
fn longest<'a>(mut found: Vec<(Range<usize>, &'a Term)>) -> Vec<(Range<usize>, &'a Term)> {
    found.sort_by_key(|(range, term)| (Reverse(range.len()), range.start, &term.name));
    let mut taken: std::collections::BTreeMap<usize, (Range<usize>, &'a Term)> = std::collections::BTreeMap::new();
    for (range, term) in found {
        let before = taken.range(..range.end).next_back();
        if before.is_none_or(|(_, (before, _))| before.end <= range.start) {
            taken.insert(range.start, (range, term));
        }
    }
    taken.into_values().collect()
}

/// A text in lower case that knows where each of its bytes came from.
struct Lower {
    text: String,
    /// For each byte of `text` the bytes of the character it came from.
    origins: Vec<(usize, usize)>,
}

impl Lower {
    fn new(source: &str) -> Self {
        let mut lower = Self { text: String::with_capacity(source.len()), origins: Vec::with_capacity(source.len()) };
        for (at, sign) in source.char_indices() {
            for low in sign.to_lowercase() {
                lower.text.push(low);
                lower.origins.resize(lower.text.len(), (at, at + sign.len_utf8()));
            }
        }
        lower
    }

    fn find<'t>(&'t self, sought: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        self.text.match_indices(sought).filter_map(move |(at, _)| {
            let start = self.origins.get(at)?.0;
            let end = self.origins.get((at + sought.len()).checked_sub(1)?)?.1;
            Some(start..end)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glossary() -> Glossary {
        Glossary::import_csv(
            "en,de,zh\nneural network,neuronales Netz,神经网络\nnetwork,Netz,网络\nloss,Verlust,损失\nfine-tuning,Feinabstimmung,微调\nBERT,,\n",
        )
        .expect("it is a glossary")
        .glossary
    }

    #[track_caller]
    fn check(input: &str, from: &str, expect: &[(&str, &str)]) {
        let glossary = glossary();
        let found: Vec<(&str, &str)> = glossary
            .matches(input, from)
            .into_iter()
            .map(|(range, term)| (&input[range], term.name.as_str()))
            .collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn the_longest_term_is_found_in_any_case_and_number() {
        check("Neural networks and a NETWORK.", "en", &[("Neural networks", "neural network"), ("NETWORK", "network")]);
        check("fine tuning, losses, glossy", "en", &[("fine tuning", "fine-tuning"), ("losses", "loss")]);
        check(
            "BERT in Netzen, neuronalen Netzen",
            "de",
            &[("BERT", "BERT"), ("Netzen", "network"), ("neuronalen Netzen", "neural network")],
        );
        check("networking is not neural, network", "en", &[("network", "network")]);
    }

    #[test]
    fn chinese_terms_need_no_borders() {
        check("这个神经网络的损失", "zh", &[("神经网络", "neural network"), ("损失", "loss")]);
    }

    #[test]
    fn hits_count_each_term_once() {
        let hits = |output| glossary().hits("The loss of networks, a loss of BERT.", output, "en", "de");
        assert_eq!(hits("Der Verlust der Netze."), Hits { expected: 2, found: 2 });
        assert_eq!(hits("Die Einbuße der Netze."), Hits { expected: 2, found: 1 });
        assert_eq!(Hits::default().rate(), 1.0);
    }

    proptest! {
        #[test]
        fn matches_are_sorted_and_on_borders(text in "(network|neural |İ|ẞ|神经网络|s|[ -]|é|.){0,20}") {
            for language in ["en", "de", "zh"] {
                let glossary = glossary();
                let mut end = 0;
                for (range, _) in glossary.matches(&text, language) {
                    prop_assert!(end <= range.start && range.start < range.end && text.get(range.clone()).is_some());
                    end = range.end;
                }
            }
        }
    }
}
