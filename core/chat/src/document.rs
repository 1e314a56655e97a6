//! What a library holds: documents, and the passages that answers cite.
//!
//! **Invariant:** a passage is a substring of its document's text: `text[start..end]`.

use std::{fmt, ops::Range};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Scope;

/// The format of what was said in a room: each section is a message, and its heading the message's permanent link.
pub const CONVERSATION: &str = "conversation";

/// A document's id: 16 hex digits, derived from its scope and identity, so that the same paper ingested
/// twice into one scope is one document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentId(pub String);

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A passage's id: its document and its ordinal from 0. Written `0123456789abcdef-7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PassageId {
    /// The document.
    pub document: DocumentId,
    /// Its place in the document, from 0.
    pub ordinal: u32,
}

impl fmt::Display for PassageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.document, self.ordinal)
    }
}

/// The names by which a paper is known. Each is normalised: lower case, no address before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifiers {
    /// `10.18653/v1/p19-1374`
    pub doi: Option<String>,
    /// `1707.08567`, without a version.
    pub arxiv: Option<String>,
    /// `p19-1374`, `2024.eacl-long.1`
    pub anthology: Option<String>,
    /// `pmc123456` or a PubMed number.
    pub pubmed: Option<String>,
}

/// Where a document comes from and what may be done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The whole path of the file it was read from, with a `#fragment` for one entry of many. For the operator alone.
    pub file: String,
    /// The format's name: `pdf`, `jats`, `anthology`, `bibtex`, `atom`, `html`, `markdown`, `text`; [`CONVERSATION`].
    pub format: String,
    /// SHA-256 of the input that it was read from, in hex: an unchanged one is not read again.
    pub content_hash: String,
    /// Licence as stated by the source, where it states one.
    pub license: Option<String>,
}

/// What moderators said of a document; it holds over what its source says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The licence; the source's own where there is none.
    pub license: Option<String>,
    /// Until then it leaves its own scope for nobody: no room reads it that was lent the scope.
    pub embargo: Option<Timestamp>,
    /// The same for ever.
    pub confidential: bool,
    /// Whether it was retracted, whatever its source says.
    pub retracted: bool,
}

/// A paper or a note, read and cleaned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Who owns it.
    pub scope: Scope,
    /// Its title; never empty.
    pub title: String,
    /// Full names, in order.
    pub authors: Vec<String>,
    /// Year of publication.
    pub year: Option<i16>,
    /// Journal, proceedings or site.
    pub venue: Option<String>,
    /// ISO 639-1 code, where it could be told.
    pub language: Option<String>,
    /// The names by which it is known.
    pub identifiers: Identifiers,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Whether its source says that it was retracted.
    pub retracted: bool,
    /// The cleaned text, NFC.
    pub text: String,
    /// Byte offset in `text` where each page starts, first page first; empty where the format has no pages.
    pub pages: Vec<usize>,
    /// Byte offset in `text` and heading of each section, in order.
    pub sections: Vec<(usize, String)>,
}

impl Document {
    /// The page, from 1, that holds the byte `offset`.
    pub fn page_at(&self, offset: usize) -> Option<u32> {
        match self.pages.partition_point(|start| *start <= offset) {
            0 => None,
            count => u32::try_from(count).ok(),
        }
    }

    /// The heading that the byte `offset` stands under.
    pub fn section_at(&self, offset: usize) -> Option<&str> {
        let after = self.sections.partition_point(|(start, _)| *start <= offset);
        after.checked_sub(1).map(|at| self.sections[at].1.as_str()).filter(|heading| !heading.is_empty())
    }

    /// Where it can be read: its DOI, arXiv or Anthology page.
    pub fn link(&self) -> Option<String> {
        let ids = &self.identifiers;
        None.or_else(|| ids.doi.as_ref().map(|id| format!("https://doi.org/{}", in_path(id))))
            .or_else(|| ids.arxiv.as_ref().map(|id| format!("https://arxiv.org/abs/{}", in_path(id))))
            .or_else(|| ids.anthology.as_ref().map(|id| format!("https://aclanthology.org/{}", in_path(id))))
    }

    /// Whether a quote of it may be a line with its neighbours. Without a known licence a line is quoted as scholars
    /// quote; a licence that reserves all rights, or forbids derivatives, is quoted as short as can be.
    pub fn quotes_freely(&self) -> bool {
        let license = self.provenance.license.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<&str> = license.split(|c: char| !c.is_alphanumeric()).collect();
        let reserved = license.contains("all rights reserved") || license.contains("all-rights-reserved");
        !(reserved || words.contains(&"nd") || license.contains("noderiv") || words.contains(&"proprietary"))
    }

    /// Whether it is what was said in a room.
    pub fn is_conversation(&self) -> bool {
        self.provenance.format == CONVERSATION
    }

    /// Authors for a source line: "Quan", "Quan and Valentino", "Quan et al.".
    pub fn authors_short(&self) -> String {
        let family = |name: &String| name.split_whitespace().next_back().unwrap_or_default().to_owned();
        match self.authors.as_slice() {
            [] => String::new(),
            [one] => family(one),
            [one, two] => format!("{} and {}", family(one), family(two)),
            [one, ..] => format!("{} et al.", family(one)),
        }
    }
}

/// A stretch of a document: what is embedded, retrieved and cited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Its id.
    pub id: PassageId,
    /// Its bytes in the document's text.
    pub span: Range<usize>,
    /// `document.text[span]`.
    pub text: String,
    /// Page of its first byte, from 1.
    pub page: Option<u32>,
    /// Heading that it stands under.
    pub section: Option<String>,
}

/// An identifier within an address, percent-encoded where a sign of it would end the address or be Markdown.
fn in_path(id: &str) -> String {
    let mut path = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'0'..=b'9'
            | b'a'..=b'z'
            | b'A'..=b'Z'
            | b'/'
            | b'.'
            | b'-'
            | b'_'
            | b':'
            | b';'
            | b'+'
            | b'='
            | b','
            | b'%' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}
