//! Glossaries: the words that a community has settled on, by language.
//!
//! Reading order: [`Glossary`] here holds the terms; `csv` and `tbx` read and write them, `matches` finds them in texts.
//!
//! **Invariant:** no glossary holds more than [`TERMS_MAX`] terms, and no term is empty or longer than
//! [`TERM_CHARS_MAX`] characters.

mod csv;
mod tbx;
mod matches;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use matches::Hits;

/// Most terms of a glossary.
pub const TERMS_MAX: usize = 10_000;
/// Longest term or translation, in characters.
pub const TERM_CHARS_MAX: usize = 200;
/// Longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 1_000;
/// Most languages of a glossary.
pub const LANGUAGES_MAX: usize = 40;
/// Largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 8 << 20;

/// A term and what it is called in each language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Its name; also what it is called in a language that `languages` does not have.
    pub name: String,
    /// From language codes in lower case (`de`, `pt-br`) to what it is called there.
    pub languages: BTreeMap<String, String>,
    /// What a translator should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Term {
    /// What it is called in `language`, or in the language that this one is a variant of.
    pub fn called(&self, language: &str) -> Option<&str> {
        let language = language.to_lowercase();
        let broad = language.split('-').next().unwrap_or_default();
        self.languages.get(&language).or_else(|| self.languages.get(broad)).map(String::as_str)
    }
}

/// Terms by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glossary {
    terms: BTreeMap<String, Term>,
}

/// What came of a file: what could be read, and each row that could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The terms of the good rows.
    pub glossary: Glossary,
    /// The bad rows, in order.
    pub refused: Vec<Refused>,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("line {line}: {why}")]
pub struct Refused {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Why, as a clause that may be shown to whoever sent the file.
    pub why: String,
}

/// Why a file was not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is too large.
    #[error("the file has {bytes} bytes, more than {FILE_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Its first row names no language.
    #[error("line 1: no column is named by a language code such as `en` or `pt-br`")]
    NoLanguage,
    /// It is no XML, or goes deeper than any glossary does.
    #[error("line {line}: {why}")]
    Xml {
        /// Where reading ended.
        line: u64,
        /// Why.
        why: String,
    },
}

impl Glossary {
    /// The terms by name.
    pub fn terms(&self) -> impl Iterator<Item = &Term> {
        self.terms.values()
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The term of this name.
    pub fn get(&self, name: &str) -> Option<&Term> {
        self.terms.get(name)
    }

    /// Adds a term, or replaces the one of its name.
    ///
    /// # Errors
    /// A clause that says what is wrong with it; the glossary is as it was.
    pub fn insert(&mut self, term: Term) -> Result<(), String> {
        check_words("the term", &term.name, TERM_CHARS_MAX)?;
        for (language, words) in &term.languages {
            if !is_language(language) || *language != language.to_lowercase() {
                return Err(format!("`{}` is no language code", shortened(language)));
            }
            check_words(&format!("the translation `{language}`"), words, TERM_CHARS_MAX)?;
        }
        if term.languages.len() > LANGUAGES_MAX {
            return Err(format!("the term has {} languages, more than {LANGUAGES_MAX}", term.languages.len()));
        }
        if let Some(note) = &term.note {
            check_words("the note", note, NOTE_CHARS_MAX)?;
        }
        if self.terms.len() >= TERMS_MAX && !self.terms.contains_key(&term.name) {
            return Err(format!("the glossary is full: it has {TERMS_MAX} terms"));
        }
        self.terms.insert(term.name.clone(), term);
        Ok(())
    }

    /// Takes a term out.
    pub fn remove(&mut self, name: &str) -> Option<Term> {
        self.terms.remove(name)
    }

    /// [`Glossary::insert`] for a file's row: a name that stands twice is refused.
    fn add(&mut self, term: Term) -> Result<(), String> {
        if self.terms.contains_key(&term.name) {
            return Err(format!("the term `{}` stands twice", shortened(&term.name)));
        }
        self.insert(term)
    }
}

fn check_words(what: &str, words: &str, chars_max: usize) -> Result<(), String> {
    let chars = words.chars().count();
    if words.trim().is_empty() {
        Err(format!("{what} is empty"))
    } else if chars > chars_max {
        Err(format!("{what} has {chars} characters, more than {chars_max}"))
    } else if words.contains(char::is_control) {
        Err(format!("{what} has a line break or another control character"))
    } else {
        Ok(())
    }
}

/// Whether `code` has the form of a language code: `en`, `pt-BR`, `zh-Hant`.
fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.chars().all(|letter| letter.is_ascii_alphabetic())
        && parts.clone().count() < 4
        && parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|sign| sign.is_ascii_alphanumeric()))
}

/// The start of what a file says, for a message.
fn shortened(words: &str) -> String {
    words.chars().filter(|sign| !sign.is_control()).take(40).collect()
}
