//! Sources with their lines: what every plugin shows that writes from papers, so that each line can be checked.
//!
//! **Invariant:** a quoted line is a substring of the stored text.

use std::ops::Range;

use chat::{Cx, Document, Passage, PluginError, Quote, Source, cx::Shown, ports::Evidence};

/// Text around a line in which its neighbours are looked for, in bytes, on each side.
const AROUND_BYTES: usize = 2_000;

/// Longest quote of a paper whose licence reserves all rights, in characters.
const RESERVED_CHARS_MAX: usize = 160;

/// What is remembered of a source.
pub fn shown(evidence: &Evidence) -> Shown {
    let Evidence { passage, line, .. } = evidence;
    Shown { passage: passage.id.clone(), line: passage.text.get(line.clone()).unwrap_or_default().to_owned() }
}

/// A found passage as a source.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn source(cx: &Cx, evidence: &Evidence, number: usize) -> Result<Source, PluginError> {
    let Evidence { document, passage, line, .. } = evidence;
    if document.is_conversation()
        && let Some((whole, _)) = cx.document(&document.id).await?
    {
        // Only the whole says which message a line is of.
        return Ok(cited(&whole, quote(&whole, passage, line), number));
    }
    Ok(cited(document, quote(document, passage, line), number))
}

/// A line of a document as a source.
pub fn cited(document: &Document, mut quote: Quote, number: usize) -> Source {
    Source {
        number,
        title: if document.retracted { format!("[retracted] {}", document.title) } else { document.title.clone() },
        authors: document.authors_short(),
        year: document.year,
        link: match document.is_conversation() {
            true => quote.section.take(),
            false => document.link(),
        },
        quote,
    }
}

/// A line of a passage with its neighbours, all verbatim: from the whole text where `document` has it, else from the
/// passage.
pub fn quote(document: &Document, passage: &Passage, line: &Range<usize>) -> Quote {
    let start = passage.span.start + line.start;
    let (text, line_start) = match document.text.get(passage.span.clone()) {
        Some(own) if *own == passage.text => (around(&document.text, start), start),
        _ => ((0, passage.text.as_str()), line.start),
    };
    let (offset, text) = text;
    let sentences = chat::text::sentences(text, "en");
    let at = line_start - offset;
    let at = sentences.iter().position(|sentence| sentence.contains(&at));
    let is_free = document.quotes_freely();
    let neighbour = |index: Option<usize>| {
        let range = index.and_then(|index| sentences.get(index)).filter(|_| is_free);
        range.map(|range| text[range.clone()].trim().to_owned()).unwrap_or_default()
    };
    Quote {
        document: passage.id.document.clone(),
        passage: passage.id.clone(),
        line: quotable(passage.text.get(line.clone()).unwrap_or_default(), is_free).to_owned(),
        before: neighbour(at.and_then(|at| at.checked_sub(1))),
        after: neighbour(at.map(|at| at + 1)),
        page: document.page_at(start).or(passage.page),
        // Of a conversation it is the link to the message.
        section: document.section_at(start).map(str::to_owned).or_else(|| passage.section.clone()),
    }
}

/// The line, or its beginning where the licence lets no more be quoted.
fn quotable(line: &str, is_free: bool) -> &str {
    let limit = line.char_indices().nth(RESERVED_CHARS_MAX).map(|(at, _)| at).filter(|_| !is_free);
    let Some(limit) = limit else { return line };
    line[..limit].rfind(char::is_whitespace).map_or(&line[..limit], |at| &line[..at])
}

/// The paragraphs of `text` around the byte `at`, and where they begin.
fn around(text: &str, at: usize) -> (usize, &str) {
    let border = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = border(at.saturating_sub(AROUND_BYTES));
    let end = border((at + AROUND_BYTES).min(text.len()));
    // From a paragraph's border where there is one, so that the first sentence is whole.
    let start = text[start..at].find("\n\n").map_or(start, |found| start + found + 2);
    (start, &text[start..end])
}

/// Where a shown source stands now; none where it is gone or may not be read here.
///
/// # Errors
/// [`PluginError::Port`].
pub async fn find(cx: &Cx, wanted: &Shown) -> Result<Option<(Document, Quote)>, PluginError> {
    let Some((document, passages)) = cx.document(&wanted.passage.document).await? else { return Ok(None) };
    // Its own passage first: another may hold the same line.
    let own = passages.iter().filter(|passage| passage.id == wanted.passage);
    let found = own.chain(&passages).find_map(|passage| Some((passage, passage.text.find(&wanted.line)?)));
    let quote = found.map(|(passage, at)| quote(&document, passage, &(at..at + wanted.line.len())));
    Ok(quote.map(|quote| (document, quote)))
}
