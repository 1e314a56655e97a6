//! Code and formulas, read from the left: what begins first hides all that stands within.

use std::collections::HashSet;

use super::{Kind, Span};

/// LaTeX environments whose content is no prose.
pub(in crate::translation) const ENVIRONMENTS: &[&str] = &[
    "align",
    "alignat",
    "aligned",
    "algorithm",
    "algorithmic",
    "array",
    "bmatrix",
    "cases",
    "comment",
    "displaymath",
    "eqnarray",
    "equation",
    "flalign",
    "gather",
    "gathered",
    "lstlisting",
    "longtable",
    "math",
    "matrix",
    "minted",
    "multline",
    "pmatrix",
    "split",
    "subequations",
    "tabular",
    "tabularx",
    "tabulary",
    "thebibliography",
    "tikzpicture",
    "verbatim",
    "Verbatim",
    "vmatrix",
];

/// Longest name of an environment that is read, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// How far the end of an inline piece may be, in bytes.
const INLINE_BYTES_MAX: usize = 2_000;

/// The code and the formulas of `text` in order.
pub(in crate::translation) fn scan(text: &str) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut endless = HashSet::new();
    let mut at = 0;
    while let Some(step) = text.get(at..).and_then(|rest| rest.find(['`', '~', '$', '\\'])) {
        at += step;
        let (length, kind) = match text.as_bytes()[at] {
            b'`' | b'~' => (fence(text, at).or_else(|| code(text, at)), Kind::Code),
            b'$' => (dollars(text, at), Kind::Formula),
            _ => (latex(&text[at..], &mut endless), Kind::Formula),
        };
        match length {
            Some(length) => {
                found.push(Span { range: at..at + length, kind });
                at += length;
            }
            None => at += skip(&text[at..]),
        }
    }
    found
}

/// The bytes to pass over where nothing begins: a run of the same sign, or an escape.
fn skip(rest: &str) -> usize {
    let first = rest.chars().next().unwrap_or(' ');
    match first {
        '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        _ => run(rest, first),
    }
}

fn run(rest: &str, sign: char) -> usize {
    rest.find(|other| other != sign).unwrap_or(rest.len())
}

/// A fenced block from its fence on: to a fence as long, or to the end.
fn fence(text: &str, at: usize) -> Option<usize> {
    let sign = text[at..].chars().next()?;
    let length = run(&text[at..], sign);
    // Not the whole line: it may be as long as the text.
    let before = text[..at].trim_end_matches([' ', '\t', '>']);
    if length < 3 || !(before.is_empty() || before.ends_with('\n')) {
        return None;
    }
    let mut lines = text[at..].split_inclusive('\n');
    let info = lines.next()?;
    if sign == '`' && info[length..].contains('`') {
        return None;
    }
    let mut end = info.len();
    for line in lines {
        let mark = line.trim_start_matches([' ', '\t', '>']).trim_end();
        if mark.len() >= length && mark.chars().all(|other| other == sign) {
            return Some(end + line.trim_end().len());
        }
        end += line.len();
    }
    Some(text[at..].trim_end().len())
}

/// Inline code: to the next run of as many backticks within the paragraph.
fn code(text: &str, at: usize) -> Option<usize> {
    if text.as_bytes()[at] != b'`' {
        return None;
    }
    let rest = paragraph(&text[at..]);
    let length = run(rest, '`');
    let mut end = length;
    while let Some(step) = rest[end..].find('`') {
        end += step;
        let closing = run(&rest[end..], '`');
        if closing == length {
            return Some(end + closing);
        }
        end += closing;
    }
    None
}

/// A formula between dollars.
fn dollars(text: &str, at: usize) -> Option<usize> {
    if text[at + 1..].starts_with(char::is_whitespace) {
        return None;
    }
    let rest = paragraph(&text[at..]);
    if rest.starts_with("$$") {
        let end = unescaped(rest, 2, "$$")?;
        return (end > 2).then_some(end + 2);
    }
    let end = unescaped(rest, 1, "$")?;
    let inside = &rest[1..end];
    let is_price = rest[end + 1..].starts_with(|next: char| next.is_ascii_digit()) || is_prose(inside);
    (!inside.is_empty() && !inside.ends_with(char::is_whitespace) && !is_price).then_some(end + 1)
}

/// Whether what stands between two dollars is words, as between two prices.
fn is_prose(inside: &str) -> bool {
    let words = inside.split_whitespace().filter(|word| word.len() > 2 && word.chars().all(char::is_alphabetic));
    !inside.contains(['\\', '^', '_', '=', '{']) && words.count() > 1
}

/// Where `mark` stands without a backslash before it.
fn unescaped(rest: &str, from: usize, mark: &str) -> Option<usize> {
    let mut at = from;
    while let Some(step) = rest.get(at..)?.find(['\\', '$']) {
        at += step;
        if rest[at..].starts_with(mark) {
            return Some(at);
        }
        at += skip(&rest[at..]).min(2);
        at = (at..rest.len()).find(|at| rest.is_char_boundary(*at))?;
    }
    None
}

/// What begins with a backslash. `endless` remembers the environments that never close, lest each be sought again.
fn latex<'a>(rest: &'a str, endless: &mut HashSet<&'a str>) -> Option<usize> {
    for (open, close) in [("\\(", "\\)"), ("\\[", "\\]")] {
        if rest.starts_with(open) {
            return paragraph(rest).find(close).map(|at| at + close.len());
        }
    }
    let name = rest.strip_prefix("\\begin{")?;
    let name = name[..name.floor_char_boundary(NAME_BYTES_MAX)].split('}').next()?;
    if !ENVIRONMENTS.contains(&name.trim_end_matches('*')) || endless.contains(name) {
        return None;
    }
    let length = environment(rest, name);
    if length.is_none() {
        endless.insert(name);
    }
    length
}

/// The length of the environment that `rest` begins, those of its own name within it included.
pub(in crate::translation) fn environment(rest: &str, name: &str) -> Option<usize> {
    let (open, close) = (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}"));
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let step = rest[at..].find(&close)?;
        depth += rest[at..at + step].matches(&open).count();
        at += step + close.len();
        depth = depth.saturating_sub(1);
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The start of `rest` in which an inline piece must end.
fn paragraph(rest: &str) -> &str {
    let mut end = rest.len().min(INLINE_BYTES_MAX);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    let rest = &rest[..end];
    let blank = rest.find("\n\n").into_iter().chain(rest.find("\n\r\n")).min();
    &rest[..blank.unwrap_or(rest.len())]
}
