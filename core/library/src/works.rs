//! A researcher's list of works: who it is of, and each work with its names. [`read_works`] tells the format and reads it.
//!
//! BibTeX, the ACL Anthology's XML and papers are read as the library reads them; [`json`] tells the two kinds of JSON apart,
//! [`orcid`] and [`scholar`] read them, and [`merge`](merge::merge) makes one work of several entries that mean it.
//!
//! **Invariant:** whose a list is, is what it says itself; nobody is named by a guess.

mod json;
mod merge;
mod orcid;
mod scholar;

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::{Draft, Limits, ReadError, clean, read};

/// Most works of one list; what is over is named in [`Works::refused`].
pub const WORKS_MAX: usize = 2_000;

/// Longest summary, in bytes: what is over is cut at a word.
const SUMMARY_MAX: usize = 4_000;

/// Most authors of one work, as large collaborations have them.
const AUTHORS_MAX: usize = 500;

/// Most sentences in [`Works::refused`].
const REFUSED_MAX: usize = 100;

/// Formats that give a summary only where they have an abstract: else their text is a sentence made of the other fields.
const RECORDS: [&str; 4] = ["bibtex", "anthology", "atom", "pubmed"];

/// What databases of works leave of markup in titles and abstracts.
static MARKUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)</?(?:(?:jats|mml):[a-z-]+|i|b|em|strong|sub|sup|p|br|span|scp|tt|u|italic|bold)(?:\s+[\w:-]+\s*=\s*"[^"<>]*")*\s*/?>"#,
    )
    .expect("a fixed pattern")
});

/// One work of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedWork {
    /// Its title; never empty.
    pub title: String,
    /// Its abstract; empty where the list has none.
    pub summary: String,
    /// Full names, in order; empty where the list names none.
    pub authors: Vec<String>,
    /// Its year.
    pub year: Option<i16>,
    /// What the world knows it by: `doi:10.1234/5678`, `arxiv:1707.08567`, `acl:p19-1374`, `pubmed:123`, `s2:` and a hash.
    pub ids: Vec<String>,
}

/// A list of works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Works {
    /// The works, in the order of the list; at most [`WORKS_MAX`].
    pub works: Vec<ListedWork>,
    /// Names that the list gives its owner; empty where it does not say whose it is.
    pub names: Vec<String>,
    /// Ids that it gives its owner: `orcid:0000-0002-1825-0097`, `s2:1741101`.
    pub ids: Vec<String>,
    /// What of it could not be read, each a sentence.
    pub refused: Vec<String>,
}

/// Reads a list of works, or a paper, which is a list of one: `name` is the file's name, `bytes` its content.
///
/// Entries with an id in common, or with title and year, are one work. Blocks for at most `limits.time_max`.
///
/// # Errors
/// [`ReadError`]: a sentence on why there is no work in it.
pub fn read_works(name: &str, bytes: &[u8], limits: &Limits) -> Result<Works, ReadError> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > limits.bytes_max {
        return Err(ReadError::TooLarge { bytes: size, max: limits.bytes_max });
    }
    let found = match json::read(name, bytes) {
        Some(found) => found?,
        None => documents(name, bytes, limits)?,
    };
    settle(found)
}

/// What the library reads as documents.
fn documents(name: &str, bytes: &[u8], limits: &Limits) -> Result<Works, ReadError> {
    let reading = read(name, bytes, limits)?;
    let refused = reading.refused.iter().map(|refusal| match refusal.fragment.as_str() {
        "" => format!("An entry: {}.", refusal.error),
        fragment => format!("{fragment}: {}.", refusal.error),
    });
    Ok(Works { refused: refused.collect(), works: reading.drafts.into_iter().map(work).collect(), ..Works::default() })
}

fn work(draft: Draft) -> ListedWork {
    let ids = &draft.identifiers;
    let named = [("doi", &ids.doi), ("arxiv", &ids.arxiv), ("acl", &ids.anthology), ("pubmed", &ids.pubmed)];
    ListedWork {
        ids: named.into_iter().filter_map(|(kind, id)| Some(format!("{kind}:{}", id.as_ref()?))).collect(),
        summary: summary(&draft),
        title: draft.title,
        authors: draft.authors,
        year: draft.year,
    }
}

/// The abstract of a draft; of a paper without one how it begins.
fn summary(draft: &Draft) -> String {
    let is_summary = |heading: &str| {
        let heading = heading.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').to_lowercase();
        ["abstract", "summary", "zusammenfassung", "résumé", "resumen", "摘要"]
            .iter()
            .any(|name| heading.starts_with(name))
    };
    let at = draft.sections.iter().position(|(_, heading)| is_summary(heading));
    let range = match at {
        Some(at) => {
            let end = draft.sections.get(at + 1).map_or(draft.text.len(), |(start, _)| *start);
            draft.sections[at].0..end
        }
        None if RECORDS.contains(&draft.format.as_ref()) => 0..0,
        None => 0..draft.text.len(),
    };
    draft.text.get(range).unwrap_or_default().trim().to_owned()
}

/// Cleans, merges and bounds what a reader found.
fn settle(found: Works) -> Result<Works, ReadError> {
    let Works { mut works, mut names, mut ids, mut refused } = found;
    works.retain_mut(|work| {
        work.title = plain(&work.title);
        work.summary = cut(plain(&work.summary), SUMMARY_MAX);
        work.authors.truncate(AUTHORS_MAX);
        work.authors.iter_mut().for_each(|author| *author = plain(author));
        work.authors.retain(|author| !author.is_empty());
        !work.title.is_empty()
    });
    let mut works = merge::merge(works);
    if works.len() > WORKS_MAX {
        refused.insert(0, format!("It lists {} works, and the first {WORKS_MAX} are read.", works.len()));
        works.truncate(WORKS_MAX);
    }
    if works.is_empty() {
        return Err(ReadError::Nothing { what: "work" });
    }
    if refused.len() > REFUSED_MAX {
        let more = refused.len() - REFUSED_MAX;
        refused.truncate(REFUSED_MAX);
        refused.push(format!("And {more} more."));
    }
    names.iter_mut().for_each(|name| *name = plain(name));
    names.retain(|name| !name.is_empty());
    distinct(&mut names);
    distinct(&mut ids);
    Ok(Works { works, names, ids, refused })
}

/// One line without markup, its entities resolved.
fn plain(text: &str) -> String {
    let text = html_escape::decode_html_entities(text);
    clean::line(&MARKUP.replace_all(&text, ""))
}

/// `text` cut at a word where it is longer than `max` bytes.
fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        let mut end = max;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(text[..end].rfind(' ').unwrap_or(end));
    }
    text
}

/// `orcid:0000-0002-1825-0097`; none where `text` has not the form of one.
fn orcid_id(text: &str) -> Option<String> {
    let text = text.trim().rsplit('/').next().unwrap_or_default().to_uppercase();
    let fits = text.len() == 19
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 9 | 14 => byte == b'-',
            18 => byte.is_ascii_digit() || byte == b'X',
            _ => byte.is_ascii_digit(),
        });
    fits.then(|| format!("orcid:{text}"))
}

/// Keeps the first of each.
fn distinct(values: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    values.retain(|value| seen.insert(value.clone()));
}

#[cfg(test)]
mod tests;
