//! Why a file, or one entry of a file, could not be read. Each message is a sentence for the ingest's report.

use std::time::Duration;

/// Why an input gives no document. `Display` goes on from "FILE: ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is over the limit in bytes.
    #[error("it has {bytes} bytes, and at most {max} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// Its name says one format, its content another that is not read.
    #[error("it is named .{extension} but is {found}")]
    Disguised {
        /// What its name ends in.
        extension: String,
        /// What its content is, in words.
        found: &'static str,
    },
    /// Neither name nor content is one that a reader knows.
    #[error(
        "its format is not one that is read ({found}); PDF, JATS, PubMed, ACL Anthology, BibTeX, arXiv Atom, HTML, Markdown and plain text are"
    )]
    UnknownFormat {
        /// What it seems to be.
        found: String,
    },
    /// It needs a password.
    #[error("it is encrypted with a password; store it without one and try again")]
    Encrypted,
    /// A scan: pictures of pages.
    #[error("its {pages} pages hold pictures but no text layer; run it through OCR first")]
    NoTextLayer {
        /// How many pages it has.
        pages: usize,
    },
    /// It is over the limit in pages.
    #[error("it has {pages} pages, and at most {max} are read")]
    TooManyPages {
        /// How many pages it has.
        pages: usize,
        /// The limit.
        max: usize,
    },
    /// It declares XML entities, which can grow without bound.
    #[error("it declares XML entities of its own, which are never expanded; save it without them and try again")]
    Entities,
    /// Elements are nested too deeply.
    #[error("its elements are nested deeper than {max}")]
    TooDeep {
        /// The limit.
        max: usize,
    },
    /// The format's own rules are broken.
    #[error("it is broken {format}: {reason}")]
    Broken {
        /// The format's name.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// It is well-formed but says nothing.
    #[error("it holds no {what}")]
    Nothing {
        /// What was looked for.
        what: &'static str,
    },
    /// It is JSON of another kind than a list of works.
    #[error("it is JSON, but no list of works as ORCID or Semantic Scholar writes it")]
    NoList,
    /// It lists the works of several people, and whose they are cannot be told.
    #[error("it lists the works of {people} people; give one file for each")]
    SeveralPeople {
        /// How many.
        people: usize,
    },
    /// Reading took too long.
    #[error("reading it took longer than {limit:?}")]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The reader broke down; the file is at fault, or the reader.
    #[error("the reader broke down on it")]
    Panicked,
    /// The system gave no thread to read it on.
    #[error("there was no thread to read it on")]
    NoThread(#[source] std::io::Error),
}

impl ReadError {
    pub(crate) fn broken(format: &'static str, reason: impl ToString) -> Self {
        Self::Broken { format, reason: reason.to_string() }
    }
}
