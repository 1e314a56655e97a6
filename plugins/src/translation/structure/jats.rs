//! JATS: titles, paragraphs, captions and cells are prose; references, names, formulas and code are not.
//!
//! **Invariant:** words are written with `&`, `<` and `>` as entities, so that the file stays well-formed.

use quick_xml::{Reader, events::Event};

use super::{
    ReadError,
    segment::{Builder, Part, Segment},
};

/// Deepest nesting.
const DEPTH_MAX: usize = 256;

/// Elements whose text is prose.
const PROSE: &[&str] =
    &["article-title", "attrib", "kwd", "p", "subject", "subtitle", "td", "term", "th", "title", "verse-line"];
/// Elements that end the prose they stand in; what is not known here belongs to it.
const BLOCKS: &[&str] = &[
    "answer",
    "array",
    "boxed-text",
    "caption",
    "chem-struct-wrap",
    "def",
    "def-item",
    "def-list",
    "disp-formula-group",
    "disp-quote",
    "fig",
    "fig-group",
    "fn",
    "fn-group",
    "graphic",
    "label",
    "list",
    "list-item",
    "media",
    "question",
    "sec",
    "speech",
    "statement",
    "supplementary-material",
    "table",
    "table-wrap",
    "tbody",
    "thead",
    "tr",
    "verse-group",
];
/// Elements that nothing is translated of. Within prose they stay where the model puts them.
const OPAQUE_INLINE: &[&str] = &[
    "alternatives",
    "chem-struct",
    "code",
    "email",
    "inline-formula",
    "inline-graphic",
    "inline-supplementary-material",
    "math",
    "monospace",
    "private-char",
    "sub",
    "sup",
    "tex-math",
    "uri",
    "xref",
];
/// The same, and they end the prose that they stand in.
const OPAQUE: &[&str] = &[
    "aff",
    "article-id",
    "contrib-group",
    "disp-formula",
    "history",
    "journal-meta",
    "permissions",
    "preformat",
    "pub-date",
    "ref-list",
    "self-uri",
];

pub(super) fn read(source: &str) -> Result<Vec<Segment>, ReadError> {
    let mut reader = Reader::from_str(source);
    let mut builder = Builder::new(source);
    // For each open element whether its text is prose.
    let mut open: Vec<bool> = Vec::new();
    let mut skipped: Option<(usize, usize)> = None;
    loop {
        let start = position(&reader, source);
        let event = reader.read_event();
        let end = position(&reader, source);
        let broken = |why: String| ReadError::Xml { at: start as u64, why };
        let event = event.map_err(|error| broken(error.to_string()))?;
        match &event {
            Event::Start(_) if open.len() >= DEPTH_MAX => {
                return Err(broken(format!("it is nested deeper than {DEPTH_MAX}")));
            }
            Event::DocType(declaration) if declaration.contains("<!ENTITY") => {
                return Err(broken("it declares entities".to_owned()));
            }
            Event::Eof if open.is_empty() => return Ok(builder.finish()),
            Event::Eof => return Err(broken("it ends within an element".to_owned())),
            _ => {}
        }
        // Within what is not translated only its end counts.
        if let Some((depth, from)) = skipped {
            match event {
                Event::Start(_) => open.push(false),
                Event::End(_) => {
                    open.pop();
                    if open.len() == depth {
                        skipped = None;
                        if open.last() == Some(&true) && is_inline(source, from) {
                            builder.markup(from..end);
                        }
                    }
                }
                _ => {}
            }
            continue;
        }
        let prose = open.last() == Some(&true);
        match event {
            Event::Start(tag) => {
                let name = tag.local_name();
                let name: &str = name.as_ref();
                let inline = prose && is_within(name);
                if OPAQUE.contains(&name) || OPAQUE_INLINE.contains(&name) {
                    if OPAQUE.contains(&name) {
                        builder.close();
                    }
                    skipped = Some((open.len(), start));
                    open.push(false);
                } else if inline {
                    builder.markup(start..end);
                    open.push(true);
                } else {
                    builder.close();
                    open.push(PROSE.contains(&name));
                }
            }
            Event::End(tag) => {
                let was_prose = open.pop() == Some(true);
                let name = tag.local_name();
                let name: &str = name.as_ref();
                if was_prose && open.last() == Some(&true) && is_within(name) {
                    builder.markup(start..end);
                } else {
                    builder.close();
                }
            }
            Event::Empty(tag) => {
                let name = tag.local_name();
                let name: &str = name.as_ref();
                if prose && is_within(name) && !OPAQUE.contains(&name) {
                    builder.markup(start..end);
                } else {
                    builder.close();
                }
            }
            Event::Text(_) if prose => builder.words(start..end),
            Event::GeneralRef(reference) if prose => {
                let name: &str = &reference;
                let known = match name {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => reference.resolve_char_ref().map_err(|error| broken(error.to_string()))?,
                };
                match known.filter(|sign| !sign.is_control()) {
                    Some(sign) => builder.unit(sign.encode_utf8(&mut [0; 4]), start..end),
                    // The names that JATS takes from HTML stay as they are.
                    None => builder.markup(start..end),
                }
            }
            Event::CData(_) | Event::Comment(_) | Event::PI(_) if prose => builder.markup(start..end),
            _ => {}
        }
    }
}

/// Whether an element belongs to the prose that it stands in.
fn is_within(name: &str) -> bool {
    !BLOCKS.contains(&name) && !PROSE.contains(&name)
}

/// Whether what was skipped from here on stood within prose rather than ended it.
fn is_inline(source: &str, from: usize) -> bool {
    let name =
        source[from..].trim_start_matches('<').split(|sign: char| sign.is_whitespace() || "/>".contains(sign)).next();
    let local = name.unwrap_or_default().rsplit(':').next().unwrap_or_default();
    OPAQUE_INLINE.contains(&local)
}

fn position(reader: &Reader<&[u8]>, source: &str) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(source.len())
}

pub(super) fn write(parts: &[Part<'_>]) -> String {
    let mut output = String::new();
    for part in parts {
        match part {
            Part::Raw { raw, .. } => output.push_str(raw),
            Part::Words(words) => {
                for sign in words.chars() {
                    match sign {
                        '&' => output.push_str("&amp;"),
                        '<' => output.push_str("&lt;"),
                        '>' => output.push_str("&gt;"),
                        other => output.push(other),
                    }
                }
            }
        }
    }
    output
}
