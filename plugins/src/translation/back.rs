//! What is different in a text that was translated there and back: numbers, names, words. Pure.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::protect::{Fault, Kind, Span, spans, verify};

/// Words of each text that are compared, at most.
const WORDS_MAX: usize = 600;

/// Differences that are shown, at most.
const SHOWN_MAX: usize = 5;

/// Longest side of a difference, in characters.
const CHARS_MAX: usize = 80;

/// How two texts differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Numbers and protected spans of the first.
    pub fixed: usize,
    /// Of these, how many stand in the second.
    pub back: usize,
    /// Words of the first and what stands for them in the second, either may be empty: the telling ones first.
    pub changes: Vec<(String, String)>,
}

/// How `back` differs from `source`.
pub fn difference(source: &str, back: &str) -> Difference {
    let fixed = with_numbers(source);
    let lost: usize = match verify(source, &fixed, back) {
        Ok(()) => 0,
        Err(faults) => faults.iter().map(missing).sum(),
    };
    let mut changes = changes(source, back);
    changes.sort_by_key(|(before, after)| weight(before).min(weight(after)));
    changes.truncate(SHOWN_MAX);
    let shown = |text: String| text.chars().take(CHARS_MAX).collect::<String>();
    let changes = changes.into_iter().map(|(before, after)| (shown(before), shown(after))).collect();
    Difference { fixed: fixed.len(), back: fixed.len().saturating_sub(lost), changes }
}

/// The cosine of two rows of unit norm.
pub fn cosine(one: &[f32], two: &[f32]) -> f32 {
    one.iter().zip(two).map(|(a, b)| a * b).sum()
}

fn missing(fault: &Fault) -> usize {
    match fault {
        Fault::Lost { wanted, found, .. } => wanted - found,
        Fault::Foreign { .. } => 0,
    }
}

/// What is protected, and every other number.
fn with_numbers(text: &str) -> Vec<Span> {
    let mut fixed = spans(text, &[]);
    let mut numbers = Vec::new();
    let mut start = None;
    for (at, sign) in text.char_indices().chain([(text.len(), ' ')]) {
        match (sign.is_numeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                numbers.push(Span { range: from..at, kind: Kind::Number });
                start = None;
            }
            _ => {}
        }
    }
    numbers.retain(|number| {
        let is_apart = |span: &Span| span.range.end <= number.range.start || number.range.end <= span.range.start;
        fixed.iter().all(is_apart)
    });
    fixed.extend(numbers);
    fixed
}

/// A difference in a number tells most, then one in a name.
fn weight(words: &str) -> u8 {
    if words.contains(char::is_numeric) {
        0
    } else if words.contains(char::is_uppercase) {
        1
    } else {
        2
    }
}

/// The runs of words that do not stand in both texts, by their longest common subsequence.
fn changes(source: &str, back: &str) -> Vec<(String, String)> {
    let (one, two) = (words(source), words(back));
    let width = two.len() + 1;
    // For each pair of ends how many words they have in common.
    let mut common = vec![0_u16; (one.len() + 1) * width];
    for (i, (_, a)) in one.iter().enumerate().rev() {
        for (j, (_, b)) in two.iter().enumerate().rev() {
            let (down, right) = (common[(i + 1) * width + j], common[i * width + j + 1]);
            common[i * width + j] = if a == b { common[(i + 1) * width + j + 1] + 1 } else { down.max(right) };
        }
    }
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    let (mut from, mut to) = (0, 0);
    let mut close = |from: Range<usize>, to: Range<usize>| {
        if !from.is_empty() || !to.is_empty() {
            changes.push((run(source, &one[from]), run(back, &two[to])));
        }
    };
    while i < one.len() && j < two.len() {
        if one[i].1 == two[j].1 {
            close(from..i, to..j);
            (i, j) = (i + 1, j + 1);
            (from, to) = (i, j);
        } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    close(from..one.len(), to..two.len());
    changes
}

fn words(text: &str) -> Vec<(Range<usize>, String)> {
    let words = text.unicode_word_indices().take(WORDS_MAX);
    words.map(|(at, word)| (at..at + word.len(), word.to_lowercase())).collect()
}

/// The text from the first of these words to the last.
fn run(text: &str, words: &[(Range<usize>, String)]) -> String {
    match (words.first(), words.last()) {
        (Some((first, _)), Some((last, _))) => text[first.start..last.end].to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `want` are the changes as `before > after`.
    #[track_caller]
    fn check(source: &str, back: &str, fixed: (usize, usize), want: &[&str]) {
        let found = difference(source, back);
        let changes: Vec<String> = found.changes.iter().map(|(before, after)| format!("{before} > {after}")).collect();
        assert_eq!(((found.back, found.fixed), changes), (fixed, want.iter().map(|line| (*line).to_owned()).collect()));
    }

    #[test]
    fn what_came_back_is_no_difference() {
        check("The ducks dive [1] for 12 minutes.", "the ducks dive [1], for 12 minutes", (2, 2), &[]);
        check("", "", (0, 0), &[]);
    }

    #[test]
    fn numbers_that_changed_are_counted_and_shown_first() {
        check("We saw big ducks in 12 ponds.", "We saw large ducks in 13 ponds.", (0, 1), &["12 > 13", "big > large"]);
        check("It weighs 5 kg.", "It weighs 50 kg.", (0, 1), &["5 > 50"]);
        check("3 and 3", "3", (1, 2), &["and 3 > "]);
    }

    #[test]
    fn names_come_before_words() {
        let want = ["Ana > Anna", "so > thus", "fast > quickly"];
        check("so then Ana dives fast", "thus then Anna dives quickly", (0, 0), &want);
    }

    #[test]
    fn no_more_than_five_are_shown() {
        let found = difference("a x b x c x d x e x f x g", "1 x 2 x 3 x 4 x 5 x 6 x 7");
        assert_eq!(found.changes.len(), 5);
    }

    #[test]
    fn signs_of_chinese_are_words() {
        check("鸭子在池塘里", "鸭子在河里", (0, 0), &["池塘 > 河"]);
    }

    #[test]
    fn equal_rows_are_at_one() {
        assert!((cosine(&[0.6, 0.8], &[0.6, 0.8]) - 1.0).abs() < 1e-6);
    }
}
