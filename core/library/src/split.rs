//! From a document to its passages: whole sentences of one section, sized in the embedder's tokens.
//!
//! **Invariant:** a passage is `document.text[span]`; spans are in order; every sentence outside the references is in
//! a passage, whole unless it alone is over the limit.
//! **Invariant:** a section that fits the limit is one passage: an abstract is never cut in two without need.

use std::{borrow::Cow, ops::Range};

use chat::{Document, Passage, PassageId, text};

/// How long passages are, in tokens as the caller counts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitLimits {
    /// Where a passage of a longer section ends, give or take a sentence.
    pub tokens_target: usize,
    /// No passage, its heading included, is longer: the embedder's limit less its special tokens.
    pub tokens_max: usize,
    /// Sentences of the passage before that open the next one of the same section.
    pub overlap_sentences: usize,
}

impl Default for SplitLimits {
    /// 200 of at most 254 tokens (MiniLM takes 256 with its two special ones), one sentence of overlap.
    fn default() -> Self {
        Self { tokens_target: 200, tokens_max: 254, overlap_sentences: 1 }
    }
}

/// A stretch that is not cut: a sentence, or a piece of one that is over the limit.
struct Unit {
    span: Range<usize>,
    tokens: usize,
}

/// The passages of `document`, in order. `count_tokens` is called once per sentence and heading, and once per word of
/// a sentence that is over the limit.
pub fn split(document: &Document, count_tokens: &dyn Fn(&str) -> usize, limits: &SplitLimits) -> Vec<Passage> {
    let language = document.language.as_deref().unwrap_or("en");
    let mut passages = Vec::new();
    for (span, heading) in sections(document) {
        if is_references(heading) {
            continue;
        }
        let heading_tokens = if heading.is_empty() { 0 } else { count_tokens(heading) };
        // A heading that would leave no room is cut by the embedder, not the sentence.
        let room = |limit: usize| limit.saturating_sub(heading_tokens).max(limit / 2).max(1);
        let (target, most) = (room(limits.tokens_target.min(limits.tokens_max)), room(limits.tokens_max));
        let units = units(&document.text, span, language, count_tokens, most);
        for span in fill(&document.text, &units, target, most, limits.overlap_sentences) {
            passages.push(Passage {
                id: PassageId {
                    document: document.id.clone(),
                    ordinal: u32::try_from(passages.len()).unwrap_or(u32::MAX),
                },
                text: document.text[span.clone()].to_owned(),
                page: document.page_at(span.start),
                section: Some(heading.to_owned()).filter(|heading| !heading.is_empty()),
                span,
            });
        }
    }
    passages
}

/// Whether a heading opens a list of references, which is no prose.
pub fn is_references(heading: &str) -> bool {
    let last = heading.rsplit(" > ").next().unwrap_or_default().to_lowercase();
    let last = last.trim_matches(|found: char| !found.is_alphabetic());
    matches!(
        last,
        "references"
            | "reference"
            | "bibliography"
            | "literature cited"
            | "works cited"
            | "literature"
            | "references and notes"
            | "cited literature"
            | "literaturverzeichnis"
            | "références"
            | "referencias"
            | "参考文献"
    )
}

/// What is embedded and searched: the passage under its heading. What is quoted is the passage alone.
pub fn with_heading(passage: &Passage) -> Cow<'_, str> {
    match &passage.section {
        Some(heading) => Cow::Owned(format!("{}\n{}", heading.replace(" > ", ", "), passage.text)),
        None => Cow::Borrowed(&passage.text),
    }
}

/// The document's stretches by section, with their headings.
fn sections(document: &Document) -> Vec<(Range<usize>, &str)> {
    let borders = document.sections.iter().map(|(start, heading)| (*start, heading.as_str()));
    let starts: Vec<(usize, &str)> = [(0, "")].into_iter().chain(borders).collect();
    let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([document.text.len()]);
    starts
        .iter()
        .zip(ends)
        .filter(|((start, _), end)| start < end)
        .map(|((start, heading), end)| (*start..end, *heading))
        .collect()
}

/// Bytes of a word that are cut at once.
const WINDOW: usize = 1 << 10;

fn units(
    text: &str,
    span: Range<usize>,
    language: &str,
    count_tokens: &dyn Fn(&str) -> usize,
    most: usize,
) -> Vec<Unit> {
    let mut units = Vec::new();
    for sentence in text::sentences(&text[span.clone()], language) {
        let sentence = sentence.start + span.start..sentence.end + span.start;
        let tokens = count_tokens(&text[sentence.clone()]);
        if tokens <= most {
            units.push(Unit { span: sentence, tokens });
        } else {
            cut(text, sentence, count_tokens, most, &mut units);
        }
    }
    units
}

/// Cuts a sentence over the limit between words, and a word over the limit between characters.
fn cut(text: &str, sentence: Range<usize>, count_tokens: &dyn Fn(&str) -> usize, most: usize, units: &mut Vec<Unit>) {
    let mut piece: Option<Unit> = None;
    let mut at = sentence.start;
    let words = text[sentence.clone()].split_inclusive(char::is_whitespace).flat_map(in_windows);
    for word in words {
        let span = at..at + word.trim_end().len();
        at += word.len();
        if span.is_empty() {
            continue;
        }
        let tokens = count_tokens(&text[span.clone()]);
        match &mut piece {
            Some(open) if open.tokens + tokens <= most => {
                open.span.end = span.end;
                open.tokens += tokens;
            }
            _ => {
                units.extend(piece.take());
                piece = cut_word(text, span, tokens, count_tokens, most, units);
            }
        }
    }
    units.extend(piece);
}

/// A word in pieces of a kilobyte: what is longer is no word, and counting its tokens again and again would take for ever.
fn in_windows(mut word: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (window, rest) = word.split_at(word.floor_char_boundary(WINDOW));
        word = rest;
        Some(window).filter(|window| !window.is_empty())
    })
}

/// Pushes all but the last part of a word; hands that back.
fn cut_word(
    text: &str,
    mut span: Range<usize>,
    mut tokens: usize,
    count_tokens: &dyn Fn(&str) -> usize,
    most: usize,
    units: &mut Vec<Unit>,
) -> Option<Unit> {
    while tokens > most {
        let mut end = span.start + (span.len() / 2).max(1);
        let mut head;
        loop {
            while !text.is_char_boundary(end) {
                end += 1;
            }
            head = count_tokens(&text[span.start..end]);
            let half = span.start + (end - span.start) / 2;
            let second = text[span.start..end].char_indices().nth(1).map_or(end, |(second, _)| span.start + second);
            if head <= most || half < second {
                break;
            }
            end = half;
        }
        if end >= span.end {
            break;
        }
        units.push(Unit { span: span.start..end, tokens: head });
        span.start = end;
        tokens = count_tokens(&text[span.clone()]);
    }
    Some(Unit { span, tokens })
}

/// Groups units: up to the target, preferably to a paragraph's end; what remains joins the last group where it fits.
fn fill(text: &str, units: &[Unit], target: usize, most: usize, overlap: usize) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut first = 0;
    let mut rest: usize = units.iter().map(|unit| unit.tokens).sum();
    let mut covered = 0;
    while covered < units.len() {
        let mut tokens: usize = units[first..covered].iter().map(|unit| unit.tokens).sum();
        let mut next = covered;
        while next < units.len() {
            let unit = &units[next];
            let is_new = next > covered;
            if is_new && tokens + rest > most {
                let is_break = text[units[next - 1].span.end..unit.span.start].contains("\n\n");
                if tokens + unit.tokens > target || (is_break && tokens * 10 >= target * 7) {
                    break;
                }
            }
            tokens += unit.tokens;
            rest -= unit.tokens;
            next += 1;
        }
        spans.push(units[first].span.start..units[next - 1].span.end);
        covered = next;
        // The overlap must leave most of the next passage to what is new, and never repeat a passage whole.
        let before = std::mem::replace(&mut first, covered);
        let mut shared = 0;
        while covered < units.len() && covered - first < overlap && first > before + 1 {
            shared += units[first - 1].tokens;
            if shared * 3 > target || shared + units[covered].tokens > most {
                break;
            }
            first -= 1;
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use chat::{DocumentId, Identifiers, Provenance};
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn document(text: &str, sections: &[(usize, &str)]) -> Document {
        Document {
            id: DocumentId("0123456789abcdef".into()),
            scope: "community:lab".parse().unwrap(),
            title: "T".into(),
            authors: Vec::new(),
            year: None,
            venue: None,
            language: None,
            identifiers: Identifiers::default(),
            provenance: Provenance::default(),
            retracted: false,
            text: text.into(),
            pages: vec![0, 20],
            sections: sections.iter().map(|(at, name)| (*at, (*name).to_owned())).collect(),
        }
    }

    #[track_caller]
    fn check(text: &str, sections: &[(usize, &str)], limits: (usize, usize, usize), want: &[&str]) {
        let limits = SplitLimits { tokens_target: limits.0, tokens_max: limits.1, overlap_sentences: limits.2 };
        let passages = split(&document(text, sections), &words, &limits);
        assert_eq!(passages.iter().map(|passage| passage.text.as_str()).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_word_without_end_is_cut_in_time() {
        let (text, counted) = ("a,".repeat(50_000), std::cell::Cell::new(0));
        let count = |text: &str| {
            counted.set(counted.get() + text.len());
            text.len()
        };
        let limits = SplitLimits { tokens_target: 128, tokens_max: 200, overlap_sentences: 0 };
        let passages = split(&document(&text, &[]), &count, &limits);
        assert_eq!(passages.iter().map(|passage| passage.text.len()).sum::<usize>(), text.len());
        assert!(passages.iter().all(|passage| passage.text.len() <= 200));
        assert!(counted.get() < 20 * text.len(), "{} bytes were counted", counted.get());
    }

    #[test]
    fn a_section_that_fits_is_one_passage() {
        check(
            "One two three. Four five six. Seven eight.",
            &[],
            (3, 8, 1),
            &["One two three. Four five six. Seven eight."],
        );
    }

    #[test]
    fn a_longer_section_is_cut_between_sentences_with_one_of_overlap() {
        let text = "One two. Three four. Five six. Seven eight. Nine ten.";
        check(text, &[], (6, 7, 0), &["One two. Three four. Five six.", "Seven eight. Nine ten."]);
        check(text, &[], (6, 7, 1), &["One two. Three four. Five six.", "Five six. Seven eight. Nine ten."]);
    }

    #[test]
    fn no_passage_crosses_a_section_and_references_are_left_out() {
        let text = "One two.\n\nThree four.\n\n[1] Old paper.\n\nThanks all.";
        let sections = [(10, "Methods"), (23, "References"), (39, "Thanks")];
        check(text, &sections, (50, 60, 1), &["One two.", "Three four.", "Thanks all."]);
    }

    #[test]
    fn a_sentence_over_the_limit_is_cut_between_words() {
        check("one two three four five six seven", &[], (3, 3, 1), &["one two three", "four five six", "seven"]);
        let bytes = |text: &str| text.len();
        let limits = SplitLimits { tokens_target: 4, tokens_max: 4, overlap_sentences: 0 };
        let pieces = split(&document("ééééé", &[]), &bytes, &limits);
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), "ééééé");
        assert!(pieces.iter().all(|piece| piece.text.len() <= 4));
    }

    #[test]
    fn passages_know_page_and_section() {
        let passages = split(
            &document("One two three four five. Six.", &[(0, "A")]),
            &words,
            &SplitLimits { tokens_target: 5, tokens_max: 6, overlap_sentences: 0 },
        );
        assert_eq!(passages[1].page, Some(2));
        assert_eq!(passages[1].section.as_deref(), Some("A"));
        assert_eq!(passages[1].id.to_string(), "0123456789abcdef-1");
        assert_eq!(with_heading(&passages[1]), "A\nSix.");
    }

    proptest! {
        #[test]
        fn every_sentence_outside_the_references_is_in_a_passage(
            paragraphs in prop::collection::vec("([A-Za-zé机]{1,9}[ ]?){1,40}[.!?] ([A-Z][a-zß]{1,5} ){0,30}[a-z]{1,4}[.]?", 1..8),
            references in any::<bool>(),
            target in 1_usize..40,
            spare in 0_usize..20,
            overlap in 0_usize..3,
        ) {
            let text = paragraphs.join("\n\n");
            let second = paragraphs[0].len() + 2;
            let heading = if references { "References" } else { "B" };
            let sections: Vec<(usize, &str)> = if paragraphs.len() > 1 { vec![(second, heading)] } else { vec![] };
            let document = document(&text, &sections);
            let limits = SplitLimits { tokens_target: target, tokens_max: target + spare, overlap_sentences: overlap };
            let passages = split(&document, &words, &limits);
            for passage in &passages {
                prop_assert_eq!(&text[passage.span.clone()], passage.text.as_str());
                prop_assert!(words(&passage.text) <= limits.tokens_max);
                prop_assert_eq!(passage.section.as_deref(), document.section_at(passage.span.start));
            }
            for pair in passages.windows(2) {
                prop_assert!(pair[0].span.start < pair[1].span.start && pair[0].span.end < pair[1].span.end);
            }
            for (span, heading) in super::sections(&document) {
                if is_references(heading) {
                    prop_assert!(passages.iter().all(|passage| passage.span.end <= span.start || passage.span.start >= span.end));
                    continue;
                }
                for sentence in text::sentences(&text[span.clone()], "en") {
                    let sentence = sentence.start + span.start..sentence.end + span.start;
                    let covers = |at: usize| passages.iter().any(|passage| passage.span.contains(&at));
                    for (at, character) in text[sentence.clone()].char_indices() {
                        prop_assert!(character.is_whitespace() || covers(sentence.start + at));
                    }
                    if words(&text[sentence.clone()]) * 2 <= limits.tokens_max {
                        let whole = |passage: &Passage| passage.span.start <= sentence.start && sentence.end <= passage.span.end;
                        prop_assert!(passages.iter().any(whole));
                    }
                }
            }
        }
    }
}
