//! What must be the same everywhere of a text: its sentences, its terms, and how people's words stand in ours ([`inert`]).
//!
//! The splitter, the sparse index, the retriever and the guard all stand on the first two; a change of either changes
//! the chunker version in [`CHUNKER`].

mod inert;

use std::{borrow::Cow, collections::HashSet, ops::Range, sync::LazyLock};

use rust_stemmers::{Algorithm, Stemmer};
use sha2::{Digest as _, Sha256};
use unicode_segmentation::UnicodeSegmentation;

pub use inert::{BREAK, carried, code, fenced, inert, is_hidden, legible, line};

/// Version of the passages and terms that are derived from a text; the index refuses any other.
pub const CHUNKER: u32 = 1;

/// Abbreviations of papers after which no sentence ends, beyond those that `sentencex` knows.
const ABBREVIATIONS: &[&str] = &[
    "al", "approx", "ca", "cf", "dr", "e.g", "eq", "eqs", "etc", "fig", "figs", "i.e", "no", "nos", "pp", "prof",
    "ref", "refs", "resp", "sec", "sect", "secs", "spp", "st", "suppl", "tab", "viz", "vs", "w.r.t",
];

/// Lucene's English stop words, and the question words, which say nothing about a topic.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of",
    "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
    "what", "which", "who", "how", "why", "when", "where", "do", "does", "did", "can", "could", "from", "has", "have",
    "we", "our", "you", "your", "i", "me", "my", "us", "its", "any", "about", "than", "were", "been",
];

static STOP: LazyLock<HashSet<&'static str>> = LazyLock::new(|| STOP_WORDS.iter().copied().collect());
static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// What tells texts from others without being them: SHA-256 in hexadecimal, the length of each part counted. With a secret
/// among the parts nobody else can tell what of; without one, whoever guesses the parts can.
pub fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sentences of `text` as byte ranges in order, trimmed, none empty. `language` is an ISO 639-1 code, English
/// where it is unknown. Line breaks end no sentence; empty lines do.
pub fn sentences(text: &str, language: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for piece in sentencex::segment(language, text) {
        // `segment` hands out slices of `text`: their offset is the distance between the two.
        let start = piece.as_ptr() as usize - text.as_ptr() as usize;
        let trimmed = piece.trim();
        if trimmed.is_empty() {
            continue;
        }
        let start = start + (piece.len() - piece.trim_start().len());
        let range = start..start + trimmed.len();
        match found.last_mut() {
            Some(last) if runs_on(&text[last.clone()], trimmed, &text[last.end..range.start]) => last.end = range.end,
            _ => found.push(range),
        }
    }
    found
}

/// Whether `next` goes on with the sentence that `last` seemed to end.
fn runs_on(last: &str, next: &str, between: &str) -> bool {
    if between.matches('\n').count() > 1 {
        return false;
    }
    let Some(word) = last.strip_suffix('.').and_then(|head| head.rsplit([' ', '\n', '(', '\u{a0}']).next()) else {
        return false;
    };
    let word = word.to_lowercase();
    let starts_low = next.starts_with(|first: char| first.is_lowercase() || first.is_ascii_digit() || first == '(');
    ABBREVIATIONS.contains(&word.as_str())
        && (starts_low || matches!(word.as_str(), "dr" | "prof" | "fig" | "figs" | "eq" | "eqs" | "st" | "e.g" | "i.e"))
}

/// The terms of `text` for lexical evidence, in order, repeated as often as they stand: words in lower case without
/// stop words, stemmed by Snowball's English stemmer where they are Latin; Chinese, Japanese and Korean runs as
/// overlapping pairs of characters.
pub fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut previous: Option<(usize, char)> = None;
    for (at, word) in text.unicode_word_indices() {
        let first = word.chars().next().unwrap_or(' ');
        if is_cjk(first) {
            for (inner, character) in word.char_indices() {
                let here = at + inner;
                match previous {
                    Some((end, before)) if end == here => found.push(format!("{before}{character}")),
                    _ => {}
                }
                previous = Some((here + character.len_utf8(), character));
            }
            continue;
        }
        let lower = word.to_lowercase();
        for part in lower.split(['.', '\'', '’', '_', ':']).filter(|part| !part.is_empty()) {
            if STOP.contains(part) {
                continue;
            }
            found.push(stem(part).into_owned());
        }
    }
    found
}

/// The stem of a lower-case word.
pub fn stem(word: &str) -> Cow<'_, str> {
    if word.is_ascii() { STEMMER.stem(word) } else { Cow::Borrowed(word) }
}

/// A title without case, signs and spaces: copies of one paper have the same.
pub fn plain(title: &str) -> String {
    title.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a character is written without spaces between words.
pub fn is_cjk(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let found: Vec<&str> = sentences(text, "en").into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn an_abbreviation_ends_no_sentence() {
        check(
            "We use BERT (Devlin et al., 2019) as in Fig. 3. See Eq. 5 for details.",
            &["We use BERT (Devlin et al., 2019) as in Fig. 3.", "See Eq. 5 for details."],
        );
        check("Approx. 3.5% of E. coli cells died. What now?", &["Approx. 3.5% of E. coli cells died.", "What now?"]);
        check("Dr. Who et al. (2019) agree. Yes.", &["Dr. Who et al. (2019) agree.", "Yes."]);
        check("As shown by Smith et al. We agree.", &["As shown by Smith et al.", "We agree."]);
    }

    #[test]
    fn chinese_sentences_need_no_space() {
        check("我们使用模型。结果很好！", &["我们使用模型。", "结果很好！"]);
    }

    #[test]
    fn terms_are_stemmed_and_stop_words_left_out() {
        assert_eq!(terms("What are the Parsers' neural models?"), ["parser", "neural", "model"]);
        assert_eq!(terms("BRCA1 and e.g. 0.5%"), ["brca1", "e", "g", "0", "5"]);
    }

    #[test]
    fn chinese_terms_are_pairs() {
        assert_eq!(terms("机器翻译"), ["机器", "器翻", "翻译"]);
        assert_eq!(terms("机器 翻译"), ["机器", "翻译"]);
    }
}
