//! Abbreviations and references that lead back to themselves, or grow past all use: `biblatex` 0.12 follows them
//! without end, and the stack that overflows is the process's end.
//!
//! **Invariant:** what is handed to `biblatex` ends: no abbreviation and no reference leads back to itself.

use std::{collections::HashMap, fmt};

use biblatex::{Bibliography, Entry, ParseError, RawBibliography, RawChunk};

/// What all fields may hold once their abbreviations are written out, in bytes.
const WRITTEN_OUT_MAX: usize = 32 << 20;

/// Longest chain of entries of which one takes fields from the next, and most that one entry takes from in all.
const CHAIN_MAX: usize = 8;
const TAKEN_FROM_MAX: usize = 256;

/// Deepest use of abbreviations within abbreviations.
const ABBREVIATIONS_DEEP_MAX: usize = 64;

/// Why a text gives no bibliography.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The parser says so.
    Parse(ParseError),
    /// Something leads back to itself, or grows without bound.
    Endless(&'static str),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::Endless(what) => write!(f, "its {what} lead back to themselves, or grow past all use"),
        }
    }
}

impl From<ParseError> for Wrong {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

/// Reads a text of which all abbreviations and references end.
///
/// # Errors
/// [`Wrong`].
pub(super) fn parse(text: &str) -> Result<Bibliography, Wrong> {
    let raw = RawBibliography::parse(text)?;
    if !abbreviations_end(&raw) {
        return Err(Wrong::Endless("abbreviations"));
    }
    if !references_end(&raw)? {
        return Err(Wrong::Endless("references"));
    }
    Ok(Bibliography::from_raw(raw)?)
}

/// Whether every abbreviation ends, and all fields together stay small.
fn abbreviations_end(raw: &RawBibliography<'_>) -> bool {
    let values: HashMap<&str, &[biblatex::Spanned<RawChunk<'_>>]> =
        raw.abbreviations.iter().map(|pair| (pair.key.v, pair.value.v.as_slice())).collect();
    let mut lengths = HashMap::new();
    let mut left = WRITTEN_OUT_MAX;
    let fields = raw.entries.iter().flat_map(|entry| &entry.v.fields);
    for chunk in fields.flat_map(|field| &field.value.v) {
        let length = match chunk.v {
            RawChunk::Normal(text) => Some(text.len()),
            RawChunk::Abbreviation(name) => length(name, &values, &mut lengths, 0),
        };
        match length.and_then(|length| left.checked_sub(length)) {
            Some(less) => left = less,
            None => return false,
        }
    }
    true
}

/// How long an abbreviation is, written out; none where it does not end. `lengths` holds those that are known.
fn length<'a>(
    name: &'a str,
    values: &HashMap<&'a str, &'a [biblatex::Spanned<RawChunk<'a>>]>,
    lengths: &mut HashMap<&'a str, usize>,
    depth: usize,
) -> Option<usize> {
    if let Some(length) = lengths.get(name) {
        return Some(*length);
    }
    if depth > ABBREVIATIONS_DEEP_MAX {
        return None;
    }
    let mut sum = name.len();
    for chunk in values.get(name).copied().unwrap_or_default() {
        sum = sum.saturating_add(match chunk.v {
            RawChunk::Normal(text) => text.len(),
            RawChunk::Abbreviation(other) => length(other, values, lengths, depth + 1)?,
        });
    }
    lengths.insert(name, sum);
    Some(sum)
}

/// Whether no entry takes fields from itself, over however many others, and none from too many.
///
/// # Errors
/// Where the fields themselves cannot be read.
fn references_end(raw: &RawBibliography<'_>) -> Result<bool, ParseError> {
    let is_reference = |key: &str| key.eq_ignore_ascii_case("crossref") || key.eq_ignore_ascii_case("xdata");
    if !raw.entries.iter().flat_map(|entry| &entry.v.fields).any(|field| is_reference(field.key.v)) {
        return Ok(true);
    }
    // Read by the parser's own rules, under names that it does not follow.
    let mut aside = raw.clone();
    for field in aside.entries.iter_mut().flat_map(|entry| &mut entry.v.fields) {
        if field.key.v.eq_ignore_ascii_case("crossref") {
            field.key.v = CROSSREF;
        } else if field.key.v.eq_ignore_ascii_case("xdata") {
            field.key.v = XDATA;
        }
    }
    let aside = Bibliography::from_raw(aside)?;
    Ok(aside.iter().all(|entry| {
        let mut left = TAKEN_FROM_MAX;
        ends(entry, &aside, CHAIN_MAX, &mut left)
    }))
}

const CROSSREF: &str = "colloquy-crossref";
const XDATA: &str = "colloquy-xdata";

fn ends(entry: &Entry, all: &Bibliography, chain: usize, left: &mut usize) -> bool {
    let one = entry.get_as::<String>(CROSSREF).ok();
    let many = entry.get_as::<Vec<String>>(XDATA).unwrap_or_default();
    one.into_iter().chain(many).filter_map(|key| all.get(&key)).all(|next| {
        if chain == 0 || *left == 0 {
            return false;
        }
        *left -= 1;
        ends(next, all, chain - 1, left)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<&str>) {
        let found = parse(text).err().map(|wrong| wrong.to_string());
        assert!(found.is_none() == want.is_none() && found.clone().unwrap_or_default().contains(want.unwrap_or("")));
    }

    #[test]
    fn what_leads_back_to_itself_is_refused_and_not_followed() {
        let looped = Some("lead back to themselves");
        check("@string{a = a}\n@article{k, title = a}", looped);
        check("@string{a = b}\n@string{b = \"x\" # a}\n@article{k, title = a}", looped);
        check("@article{k, crossref = {k}, title = {x}}", looped);
        check("@article{k, CrossRef = \"l\", title = {x}}\n@book{l, crossref = {k}, title = {z}}", looped);
        check("@string{n = {k}}\n@article{k, crossref = n, title = {x}}", looped);
        check("@article{k, ids = {m, n}, crossref = {n}, title = {x}}", looped);
        check("@xdata{k, xdata = {j, k}, title = {x}}\n@article{a, xdata = {k}, title = {t}}", looped);
    }

    #[test]
    fn what_ends_is_read() {
        check("@string{acl = \"ACL\"}\n@article{k, title = {x} # acl, journal = acl, month = jan}", None);
        check("@article{k, crossref = {l}, title = {x}}\n@book{l, crossref = {gone}, title = {z}}", None);
        check("@string{unused = unused}\n@article{k, title = {x}}", None);
    }

    #[test]
    fn what_doubles_again_and_again_is_refused() {
        let letters: Vec<String> = (0..40).map(|number| format!("a{}", "b".repeat(number))).collect();
        let doubled: String =
            letters.windows(2).map(|pair| format!("@string{{{} = {} # {}}}\n", pair[1], pair[0], pair[0])).collect();
        let last = letters.last().unwrap();
        check(&format!("@string{{a = \"xxxx\"}}\n{doubled}@article{{k, title = {last}}}"), Some("grow past all use"));
        let data: String = (0..30)
            .map(|at| format!("@xdata{{k{at}, xdata = {{k{next}, k{next}, k{next}}}}}\n", next = at + 1))
            .collect();
        check(&format!("{data}@article{{a, xdata = {{k0}}, title = {{t}}}}"), Some("references"));
    }
}
