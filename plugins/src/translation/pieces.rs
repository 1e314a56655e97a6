//! Cuts a text into pieces that a prompt can hold: whole sentences, and parts of one only where it is too long. Pure.

use std::ops::Range;

use super::protect::Span;

/// How fine a text is cut: between sentences, then behind clauses, then between words.
const LEVELS: usize = 3;

/// The pieces of `text` as byte ranges in order, trimmed, none empty, none with a border within one of `spans`, which are in
/// order and do not overlap. Each has
/// at most `limit` by `measure`, where a border can be found that makes it so.
pub fn cut(
    text: &str,
    spans: &[Span],
    language: &str,
    limit: usize,
    measure: &dyn Fn(Range<usize>) -> usize,
) -> Vec<Range<usize>> {
    let whole = trimmed(text, 0..text.len());
    let cutter = Cutter { text, spans, language, limit, measure };
    if whole.is_empty() { Vec::new() } else { cutter.pieces(whole, 0) }
}

/// The sentences of `text`, as [`cut`] gives pieces; one with more than `limit` by `measure` in parts.
pub fn sentences(
    text: &str,
    spans: &[Span],
    language: &str,
    limit: usize,
    measure: &dyn Fn(Range<usize>) -> usize,
) -> Vec<Range<usize>> {
    let whole = trimmed(text, 0..text.len());
    let cutter = Cutter { text, spans, language, limit, measure };
    let mut borders = cutter.borders(&whole, 0);
    borders.retain(|at| !is_within(spans, *at));
    let starts = std::iter::once(whole.start).chain(borders.iter().copied());
    let ends = borders.iter().copied().chain(std::iter::once(whole.end));
    let sentences = starts.zip(ends).map(|(start, end)| trimmed(text, start..end)).filter(|range| !range.is_empty());
    sentences.flat_map(|range| cutter.pieces(range, 1)).collect()
}

struct Cutter<'a> {
    text: &'a str,
    spans: &'a [Span],
    language: &'a str,
    limit: usize,
    measure: &'a dyn Fn(Range<usize>) -> usize,
}

impl Cutter<'_> {
    fn pieces(&self, range: Range<usize>, level: usize) -> Vec<Range<usize>> {
        if level >= LEVELS || (self.measure)(range.clone()) <= self.limit {
            return vec![range];
        }
        let mut borders = self.borders(&range, level);
        borders.retain(|at| !is_within(self.spans, *at));
        borders.push(range.end);
        let (mut start, mut pieces) = (range.start, Vec::new());
        let mut last: Option<Range<usize>> = None;
        for border in borders {
            let longer = trimmed(self.text, last.as_ref().map_or(start, |last| last.start)..border);
            if (self.measure)(longer.clone()) <= self.limit {
                last = Some(longer);
            } else {
                pieces.extend(last.replace(trimmed(self.text, start..border)));
            }
            start = border;
        }
        pieces.extend(last);
        pieces.retain(|piece| !piece.is_empty());
        pieces.into_iter().flat_map(|piece| self.pieces(piece, level + 1)).collect()
    }

    /// Where a piece may end within `range`.
    fn borders(&self, range: &Range<usize>, level: usize) -> Vec<usize> {
        let text = &self.text[range.clone()];
        let inner = |at: &usize| *at > 0 && *at < text.len();
        let found: Vec<usize> = match level {
            0 => chat::text::sentences(text, self.language).into_iter().map(|sentence| sentence.start).collect(),
            1 => {
                let wide = |sign: char| matches!(sign, '，' | '、' | '；' | '：' | '。' | '！' | '？');
                let clause = |sign: char, next: &str| {
                    wide(sign) || (matches!(sign, ',' | ';' | ':' | '—') && next.starts_with(char::is_whitespace))
                };
                let ends = text.char_indices().map(|(at, sign)| (at + sign.len_utf8(), sign));
                ends.filter(|(end, sign)| clause(*sign, &text[*end..])).map(|(end, _)| end).collect()
            }
            _ => {
                let free = |sign: char| sign.is_whitespace() || chat::text::is_cjk(sign);
                text.char_indices().filter(|(_, sign)| free(*sign)).map(|(at, _)| at).collect()
            }
        };
        found.into_iter().filter(inner).map(|at| range.start + at).collect()
    }
}

/// Whether a place lies within one of `spans`.
fn is_within(spans: &[Span], at: usize) -> bool {
    let before = spans.partition_point(|span| span.range.start < at).checked_sub(1);
    before.is_some_and(|before| at < spans[before].range.end)
}

/// The range without the spaces on both ends.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let inside = &text[range.clone()];
    let start = range.start + (inside.len() - inside.trim_start().len());
    start..start + inside.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translation::protect::spans;

    /// At most `limit` words, or characters where a text has none.
    #[track_caller]
    fn check(text: &str, limit: usize, want: &[&str]) {
        let measure = |range: Range<usize>| {
            let inside = &text[range];
            inside.split_whitespace().count().max(inside.chars().filter(|sign| chat::text::is_cjk(*sign)).count())
        };
        let found = cut(text, &spans(text, &[]), "en", limit, &measure);
        let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn what_fits_stays_whole() {
        check("One two. Three four. ", 4, &["One two. Three four."]);
        check("   ", 4, &[]);
        check("", 4, &[]);
    }

    #[test]
    fn sentences_stay_together_as_far_as_they_fit() {
        check("One two. Three four. Five six. Seven.", 4, &["One two. Three four.", "Five six. Seven."]);
        check("One. Two two two. Three.", 3, &["One.", "Two two two.", "Three."]);
    }

    #[test]
    fn a_long_sentence_is_cut_behind_a_clause_then_between_words() {
        check("So. One two, three four, five six.", 4, &["So.", "One two, three four,", "five six."]);
        check("one two three four five", 2, &["one two", "three four", "five"]);
        check("一二三，四五六。七八", 4, &["一二三，", "四五六。", "七八"]);
        check("一二三四五", 2, &["一二", "三四", "五"]);
    }

    #[test]
    fn sentences_come_one_by_one() {
        let check = |text: &str, limit: usize, want: &[&str]| {
            let measure = |range: Range<usize>| text[range].split_whitespace().count();
            let found = sentences(text, &spans(text, &[]), "en", limit, &measure);
            let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, want);
        };
        check(" One two. Three, four five. ", 9, &["One two.", "Three, four five."]);
        check("One two. Three, four five.", 2, &["One two.", "Three,", "four five."]);
        check("See `a b. C d` now. Yes.", 9, &["See `a b. C d` now.", "Yes."]);
        check("  ", 9, &[]);
    }

    #[test]
    fn nothing_protected_is_cut() {
        check("See `a b. C d` now", 2, &["See", "`a b. C d`", "now"]);
        check("Let $x = 1. Y = 2$ hold. Yes.", 8, &["Let $x = 1. Y = 2$ hold.", "Yes."]);
    }
}
