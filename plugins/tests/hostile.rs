//! Texts and files that were made to cost more than their length: each is read, cut, masked and put together in time.
//!
//! The times are for a slow machine without optimisation; what is quadratic takes minutes.

use std::time::{Duration, Instant};

use chat::text;
use plugins::{
    guard::{Guard, SourceText},
    summary::{talk, threads},
    translation::{
        glossary::{Glossary, Term},
        pieces,
        protect::{Masked, spans, verify},
        structure::{Document, Format},
    },
};

/// How long a file is, in bytes.
const BYTES: usize = 32 << 10;

/// How long one of them may take.
const WITHIN: Duration = Duration::from_secs(15);

/// What each of them repeats.
const PIECES: [&str; 96] = [
    "$ ",
    "$",
    "$$",
    "$$ ",
    "$a",
    "`",
    "` ",
    "```\n",
    "``` ",
    "~",
    "~ ",
    "~~~ ",
    "\\",
    "\\(",
    "\\[",
    "\\begin{",
    "\\begin{align}",
    "\\begin{b}",
    "\\begin{align}\\begin{align}\\end{align}",
    "\\end{",
    "{",
    "}",
    "\\a{",
    "[",
    "]",
    "](",
    "[a](",
    "[a](b)",
    "[a][",
    "![",
    "<",
    "<a",
    "<a ",
    "</",
    "<!--",
    "<!--&amp;",
    "<!--a--",
    "&",
    "&amp",
    "&amp;",
    "&#",
    "*",
    "**a",
    "*a_",
    "_a",
    "a_",
    "| a ",
    "|-",
    "> ",
    ">",
    "- ",
    "#",
    "1. ",
    "[^a]",
    "[^a]: ",
    "[a]: b\n",
    "\n",
    " ",
    "\t",
    ".",
    "a.",
    "a. ",
    "1.",
    "1,",
    "1e",
    "10^",
    "@",
    "@a",
    "<@",
    ":",
    "http://",
    "http://a ",
    "www.",
    "a@",
    "a@b.",
    "(",
    "(Aa, ",
    "(Aa and ",
    "Smith et al., ",
    "\\cite{",
    "⟦",
    "⟦1",
    "⟧",
    "X1",
    "中",
    "。",
    "é",
    "a-",
    "A1",
    "+a",
    "a/",
    "%\n",
    "%a",
    "\\verb",
    "\\item",
    "Dr. ",
];

/// Runs `work` on texts of these pieces: alone, and behind a word with an end that none of them has.
#[track_caller]
fn check_some(what: &str, pieces: impl Iterator<Item = &'static str>, work: impl Fn(&str)) {
    for piece in pieces {
        let whole = piece.repeat(BYTES / piece.len());
        for hostile in [format!("A word, then {whole} and an end"), whole] {
            let started = Instant::now();
            work(&hostile);
            let took = started.elapsed();
            assert!(took < WITHIN, "{what} of {piece:?} took {took:?}");
        }
    }
}

/// The same with each of them.
#[track_caller]
fn check(what: &str, work: impl Fn(&str)) {
    check_some(what, PIECES.into_iter(), work);
}

#[test]
fn a_text_is_made_legible_and_inert_in_time() {
    check("words", |hostile| {
        assert!(text::inert(hostile).len() <= 5 * hostile.len());
        drop((text::code(hostile), text::carried(hostile), text::fenced("", hostile)));
    });
}

#[test]
fn a_text_is_read_in_sentences_and_terms_in_time() {
    check("sentences", |hostile| {
        assert!(text::sentences(hostile, "en").len() <= hostile.len());
        assert!(text::terms(hostile).len() <= hostile.len());
    });
}

#[test]
fn a_file_is_cut_masked_and_put_together_in_time() {
    // What is prose is read alike in all of them.
    for (format, every) in [(Format::Markdown, 1), (Format::Latex, 1), (Format::Plain, 4), (Format::Jats, 4)] {
        check_some(&format!("{format:?}"), PIECES.into_iter().step_by(every), |hostile| {
            let hostile = match format {
                Format::Jats => {
                    let escaped = hostile.replace('&', "&amp;").replace('<', "&lt;");
                    format!("<article><p>{escaped}</p></article>")
                }
                _ => hostile.to_owned(),
            };
            let Ok(document) = Document::read(format, &hostile) else { return };
            for segment in document.segments() {
                let spans = segment.spans(&[]);
                let masked = Masked::new(segment.text(), spans.clone());
                assert!(masked.repair(masked.text()).is_ok());
                let measure = |range: std::ops::Range<usize>| range.len() / 4;
                drop(pieces::cut(segment.text(), &spans, "en", 400, &measure));
                drop(pieces::sentences(segment.text(), &spans, "en", 400, &measure));
            }
            assert_eq!(document.reassemble(&[]).as_deref(), Ok(hostile.as_str()));
        });
    }
}

/// A translation is judged piece by piece, each of a few hundred tokens.
#[test]
fn a_translation_is_judged_in_time() {
    check("judging", |hostile| {
        let source = &hostile[..hostile.floor_char_boundary(8 << 10)];
        drop(verify(source, &spans(source, &[]), source));
    });
}

#[test]
fn a_glossary_is_read_and_sought_in_time() {
    check("csv", |hostile| {
        drop(Glossary::import_csv(hostile));
        drop(Glossary::import_csv(&format!("en,de\n{hostile}")));
    });
    let languages: String =
        (0..20_000).map(|at| format!("<langSec xml:lang=\"l{at}\"><term>a</term></langSec>")).collect();
    let started = Instant::now();
    let read = Glossary::import_tbx(&format!("<tbx><conceptEntry>{languages}</conceptEntry></tbx>")).unwrap();
    assert!(read.glossary.is_empty() && started.elapsed() < WITHIN, "{:?}", started.elapsed());
    // Terms that all begin alike, and a text of that beginning.
    let mut glossary = Glossary::default();
    for at in 0..2_000 {
        let languages = [("de".to_owned(), format!("so {at}"))].into();
        glossary.insert(Term { name: format!("so {at}"), languages, note: None }).unwrap();
    }
    let started = Instant::now();
    assert!(glossary.matches(&"so ".repeat(8 << 10), "en").is_empty());
    assert!(started.elapsed() < WITHIN, "{:?}", started.elapsed());
}

#[test]
fn a_channel_is_told_apart_in_time() {
    check("a channel", |hostile| {
        let text = &hostile[..hostile.floor_char_boundary(4 << 10)];
        let line =
            threads::Line { author: "ana", names: &[text], at: jiff::Timestamp::UNIX_EPOCH, text, reply_to: None };
        let lines = vec![line; 20];
        let parents = threads::parents(&lines, None);
        let said = vec![talk::Said { author: "ana", text }; lines.len()];
        drop(talk::topics(&said, &[], &parents, &threads::conversations(&parents)));
    });
}

/// A draft is as long as a model may write, which is less.
#[test]
fn a_draft_is_checked_in_time() {
    check("a draft", |hostile| {
        let text = &hostile[..hostile.floor_char_boundary(4 << 10)];
        let mut guard = Guard::new("What is it?", vec![SourceText::new(1, text, text)]);
        drop(guard.accept(text, None));
    });
}
