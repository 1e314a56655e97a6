//! Cuts a long Markdown text into messages: between lines, between paragraphs where that costs little; never inside a
//! grapheme or a citation; a fence that is cut is closed and opened again. Pure.
//!
//! A text that grows keeps the cuts that it had: only its last part changes.

use unicode_segmentation::UnicodeSegmentation;

/// What closes a fence.
const CLOSING: &str = "```";

/// An opening line longer than this is not repeated: only its ticks are.
const OPENING_CHARS_MAX: usize = 24;

/// A bracket that opens this close to a cut, in bytes, may be a citation: it is kept whole.
const CITATION_BYTES_MAX: usize = 24;

/// The parts of `text`, each at most `max` by `measure`; none where the text is blank. `max` is at least 100, and
/// `measure` is additive, as code points and bytes are.
pub fn split(text: &str, max: usize, measure: impl Fn(&str) -> usize) -> Vec<String> {
    let mut parts = Parts { done: Vec::new(), current: String::new(), fence: None, paragraph: None, max, measure };
    for line in text.split_inclusive('\n') {
        parts.line(line);
    }
    parts.flush();
    parts.done
}

struct Parts<M> {
    done: Vec<String>,
    current: String,
    /// The opening line of the fence that is open at the end of `current`.
    fence: Option<String>,
    /// Where the last paragraph of `current` that stands outside of fences begins.
    paragraph: Option<usize>,
    max: usize,
    measure: M,
}

impl<M: Fn(&str) -> usize> Parts<M> {
    fn line(&mut self, line: &str) {
        let is_fence = line.trim_start().starts_with(CLOSING);
        if is_fence && self.fence.is_none() {
            let opening = line.trim();
            let opening = if opening.chars().count() > OPENING_CHARS_MAX { CLOSING } else { opening };
            self.push(line, true);
            self.fence = Some(opening.to_owned());
        } else if is_fence {
            self.push(line, true);
            self.fence = None;
        } else {
            self.push(line, self.fence.is_some());
            if self.fence.is_none() && line.trim().is_empty() {
                self.paragraph = Some(self.current.len());
            }
        }
    }

    /// Appends a line, after a cut where it does not fit. `fenced`: it needs room for a closing fence after it.
    fn push(&mut self, line: &str, fenced: bool) {
        let reserve = if fenced { (self.measure)(CLOSING) + 1 } else { 0 };
        let mut line = line;
        while (self.measure)(&self.current) + (self.measure)(line) + reserve > self.max {
            let before = self.done.len();
            // The opening line that a reopened fence puts into an empty part is no content.
            let empty = self.fence.as_ref().map_or("", String::as_str) == self.current.trim_end();
            if !empty {
                self.cut();
            }
            if empty || self.done.len() == before {
                let room = self.max.saturating_sub((self.measure)(&self.current) + reserve);
                let at = self.fitting(line, room);
                self.current.push_str(&line[..at]);
                line = &line[at..];
                self.cut();
            }
        }
        self.current.push_str(line);
    }

    /// Ends the part: where the last paragraph begins if that lies in its second half, else here.
    fn cut(&mut self) {
        let carried = match self.paragraph.filter(|at| self.fence.is_none() && *at > self.current.len() / 2) {
            Some(at) => self.current.split_off(at),
            None => String::new(),
        };
        let open = self.fence.clone();
        self.flush();
        if let Some(opening) = open {
            self.current = format!("{opening}\n");
            self.fence = Some(opening);
        }
        self.current.push_str(&carried);
    }

    fn flush(&mut self) {
        let mut part = std::mem::take(&mut self.current);
        self.paragraph = None;
        if self.fence.take().is_some() {
            if !part.ends_with('\n') {
                part.push('\n');
            }
            part.push_str(CLOSING);
        }
        let part = part.trim_end();
        let part = part.trim_start_matches('\n');
        if !part.is_empty() {
            self.done.push(part.to_owned());
        }
    }

    /// How much of a line fits into `room`, in bytes: up to a space, else up to a grapheme; at least one grapheme.
    fn fitting(&self, line: &str, room: usize) -> usize {
        let (mut at, mut spent, mut space) = (0, 0, None);
        for grapheme in line.graphemes(true) {
            spent += (self.measure)(grapheme);
            if spent > room && at > 0 {
                break;
            }
            at += grapheme.len();
            if grapheme.chars().all(char::is_whitespace) {
                space = Some(at);
            }
        }
        let at = space.unwrap_or(at);
        let bracket = line[..at].rfind('[').filter(|open| !line[*open..at].contains(']'));
        match bracket {
            Some(open) if open > 0 && at - open <= CITATION_BYTES_MAX => open,
            _ => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn points(text: &str) -> usize {
        text.chars().count()
    }

    #[track_caller]
    fn check(text: &str, max: usize, want: Expect) {
        want.assert_eq(&split(text, max, points).join("\n=====\n"));
    }

    #[test]
    fn a_short_text_is_one_part_and_a_blank_one_none() {
        assert_eq!(split("hello\n", 100, points), ["hello"]);
        assert!(split(" \n\n ", 100, points).is_empty());
    }

    #[test]
    fn a_fence_is_closed_and_opened_again() {
        check(
            "```rust\nlet a = 1;\nlet b = 2;\nlet c = 3;\n```\nend",
            34,
            expect![[r#"
            ```rust
            let a = 1;
            let b = 2;
            ```
            =====
            ```rust
            let c = 3;
            ```
            end"#]],
        );
    }

    #[test]
    fn paragraphs_stay_together_where_that_costs_little() {
        check(
            "one two three\n\nfour five six\n\nseven eight nine ten",
            40,
            expect![[r#"
            one two three

            four five six
            =====
            seven eight nine ten"#]],
        );
    }

    #[test]
    fn a_long_line_is_cut_between_words_and_beside_citations() {
        check(
            "alpha beta gamma [1, 2] delta",
            22,
            expect![[r#"
            alpha beta gamma
            =====
            [1, 2] delta"#]],
        );
    }

    /// What the parts say, without the fences that a cut adds.
    fn letters(text: &str) -> String {
        text.lines()
            .filter(|line| !line.trim_start().starts_with("```"))
            .flat_map(|line| line.chars().filter(|c| !c.is_whitespace()))
            .collect()
    }

    fn citations(text: &str) -> usize {
        let pattern = regex::Regex::new(r"\[\d+(, \d+)*\]").unwrap();
        pattern.find_iter(text).count()
    }

    fn markdown() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            "[a-z]{1,12}",
            "[α-ω]{1,6}",
            "[一-龥]{1,9}",
            Just("[1]".to_owned()),
            Just("[2, 3]".to_owned()),
            Just("👩‍🔬".to_owned()),
            Just("e\u{301}e\u{301}".to_owned()),
            "[a-z]{150,260}",
        ];
        let line = prop::collection::vec(word, 0..30).prop_map(|words| words.join(" "));
        let block = prop_oneof![
            prop::collection::vec(line.clone(), 1..6).prop_map(|lines| lines.join("\n")),
            prop::collection::vec(line, 1..12).prop_map(|lines| format!("```py\n{}\n```", lines.join("\n"))),
        ];
        prop::collection::vec(block, 0..8).prop_map(|blocks| blocks.join("\n\n"))
    }

    proptest! {
        #[test]
        fn every_part_fits_and_nothing_is_lost_or_cut_in_two(text in markdown(), max in 100_usize..400) {
            let parts = split(&text, max, points);
            for part in &parts {
                prop_assert!(points(part) <= max, "{} of {max}: {part}", points(part));
                let fences = part.lines().filter(|line| line.trim_start().starts_with("```")).count();
                prop_assert!(fences % 2 == 0, "{part}");
            }
            let whole = parts.join("\n");
            prop_assert_eq!(letters(&whole), letters(&text));
            prop_assert_eq!(citations(&whole), citations(&text));
            let clusters = |text: &str| text.graphemes(true).filter(|g| !g.trim().is_empty() && *g != "`").count();
            let fenced = |text: &str| text.lines().filter(|l| l.trim_start().starts_with("```py")).count() * 2;
            prop_assert_eq!(clusters(&whole) - fenced(&whole), clusters(&text) - fenced(&text));
        }

        #[test]
        fn a_growing_text_keeps_its_cuts(text in markdown(), max in 100_usize..400) {
            let cut = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            // Whole lines, as they grow: half a fence line is no fence yet.
            let head = text[..cut].rfind('\n').map_or("", |at| &text[..=at]);
            let (early, late) = (split(head, max, points), split(&text, max, points));
            for (a, b) in early.iter().rev().skip(1).rev().zip(&late) {
                prop_assert_eq!(a, b);
            }
        }
    }
}
