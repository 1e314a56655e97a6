//! Placeholders: how they are written, and how they are read from what a model made of them.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::patterns::pattern;

/// How a placeholder is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `⟦1⟧`: a language model that reads bytes copies it well, and no text has it by chance.
    Brackets,
    /// `X1X`: for models with a fixed vocabulary, which would read rare brackets as unknown.
    Letters,
}

/// Placeholders found in a text, and the numbers each stands for: more than one where the model joined them.
pub(super) type Reading = Vec<(Range<usize>, Vec<usize>)>;

/// A number in the digits of any script.
const NUMBER: &str = r"(\p{Nd}{1,7})";

static BRACKETS: LazyLock<[Regex; 4]> = LazyLock::new(|| {
    [
        pattern(r"[⟦〚]\s*(\p{Nd}{1,7}(?:[\s,;、，،-]+\p{Nd}{1,7})*)\s*[⟧〛]"),
        pattern(&format!(r"[⟦〚]\s*{NUMBER}(?:\s*[⟧〛\]］】}}»>)])?")),
        pattern(&format!(r"[\[［【{{«<(]?{NUMBER}\s*[⟧〛]")),
        pattern(&format!(
            r"(?:\[{{1,2}}|［|【|〖|〔|\{{\{{|\{{|«|<<|<)\s*{NUMBER}\s*(?:\]{{1,2}}|］|】|〗|〕|\}}\}}|\}}|»|>>|>)"
        )),
    ]
});
/// Cyrillic and Greek letters and the sign of multiplication look like an X.
static LETTERS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        pattern(&format!(r"(?i)[xхχ×ｘ]\s*{NUMBER}\s*[xхχ×ｘ]")),
        pattern(&format!(r"(?i)[xхχ×ｘ]\s?{NUMBER}(?-u:\b)")),
        pattern(&format!(r"(?i){NUMBER}\s?[xхχ×ｘ]")),
    ]
});
static BRACKET_STRAYS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"⟦[^⟦⟧〚〛\n]{0,20}⟧|[⟦⟧〚〛]|(?:\[|［|【|〖|〔|\{|«|<)+\s*\p{Nd}{1,7}\s*(?:\]|］|】|〗|〕|\}|»|>)+")
});
static LETTER_STRAYS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)[xхχ×ｘ]?(?:\s*\p{Nd}+\s*[xхχ×ｘ])+|[xхχ×ｘ]\s*\p{Nd}+"));

impl Form {
    /// The placeholder of this number.
    pub fn write(self, number: usize) -> String {
        match self {
            Self::Brackets => format!("⟦{number}⟧"),
            Self::Letters => format!("X{number}X"),
        }
    }

    /// What in `text` would be read as a placeholder, whole or damaged.
    pub(super) fn strays(self, text: &str) -> Vec<Range<usize>> {
        let pattern = match self {
            Self::Brackets => &BRACKET_STRAYS,
            Self::Letters => &LETTER_STRAYS,
        };
        pattern.find_iter(text).map(|hit| hit.range()).collect()
    }

    /// The placeholders of `text`, whole ones first, damaged ones only for numbers of `1..=count` not found so far.
    pub(super) fn read(self, text: &str, count: usize) -> Reading {
        let tiers: &[Regex] = match self {
            Self::Brackets => BRACKETS.as_slice(),
            Self::Letters => LETTERS.as_slice(),
        };
        let mut found: Reading = Vec::new();
        let mut missing = vec![true; count + 1];
        for (tier, pattern) in tiers.iter().enumerate() {
            let mut added = Vec::new();
            for gap in gaps(text.len(), &found) {
                for hit in pattern.captures_iter(&text[gap.clone()]) {
                    let (Some(whole), Some(digits)) = (hit.get(0), hit.get(1)) else { continue };
                    let numbers = numbers(digits.as_str());
                    let is_new = numbers.iter().any(|number| missing.get(*number).is_some_and(|missing| *missing));
                    // A whole placeholder is one even if it says what another said; a damaged one may be a word.
                    if tier == 0 || is_new {
                        numbers.iter().filter(|number| **number <= count).for_each(|number| missing[*number] = false);
                        added.push((gap.start + whole.start()..gap.start + whole.end(), numbers));
                    }
                }
            }
            found.extend(added);
            found.sort_by_key(|(range, _)| range.start);
        }
        found
    }

    /// Words of a translation without the signs that only placeholders have.
    pub(super) fn without_debris(self, words: &str) -> String {
        match self {
            Self::Brackets => words.replace(['⟦', '⟧', '〚', '〛'], ""),
            Self::Letters => words.to_owned(),
        }
    }
}

fn gaps(length: usize, found: &[(Range<usize>, Vec<usize>)]) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(found.iter().map(|(range, _)| range.end));
    let ends = found.iter().map(|(range, _)| range.start).chain(std::iter::once(length));
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

fn numbers(digits: &str) -> Vec<usize> {
    let runs = digits.split(|sign: char| digit(sign).is_none()).filter(|run| !run.is_empty());
    runs.map(|run| run.chars().filter_map(digit).fold(0, |sum, digit| sum * 10 + digit)).collect()
}

/// The value of a decimal digit of the scripts that a translation may be in.
fn digit(sign: char) -> Option<usize> {
    const ZEROS: [char; 13] = ['0', '٠', '۰', '०', '০', '੦', '૦', '௦', '౦', '೦', '൦', '๐', '０'];
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(sign).checked_sub(u32::from(*zero)).filter(|value| *value < 10)?;
        usize::try_from(value).ok()
    })
}
