//! Rows and the vocabulary: how documents, passages and vectors are written in columns and read back.
//!
//! **Invariant:** what cannot be read back is [`StoreError::Damaged`], never a default.

use std::fmt::Write;

use chat::{Document, DocumentId, Identifiers, Passage, PassageId, Provenance, Scope, ports::Embedding};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::FromRow;

use crate::StoreError;

/// Columns of [`DocumentRow`] without the long ones; the table is called `d`.
pub(crate) const LISTED: &str = "d.id, d.scope, d.title, d.authors, d.year, d.venue, d.language, d.doi, d.arxiv, \
     d.anthology, d.pubmed, d.file, d.format, d.content_hash, d.license, d.retracted";

/// Columns of [`PassageRow`]; the table is called `p`.
pub(crate) const PASSAGE: &str = "p.document, p.ordinal, p.span_start, p.span_end, p.page, p.section, \
     p.text AS passage_text";

/// A document; the last three stay empty where the query does not name them.
#[derive(FromRow)]
pub(crate) struct DocumentRow {
    id: String,
    scope: String,
    title: String,
    authors: String,
    year: Option<i16>,
    venue: Option<String>,
    language: Option<String>,
    doi: Option<String>,
    arxiv: Option<String>,
    anthology: Option<String>,
    pubmed: Option<String>,
    file: String,
    format: String,
    content_hash: String,
    license: Option<String>,
    retracted: bool,
    #[sqlx(default)]
    text: String,
    #[sqlx(default)]
    pages: Option<String>,
    #[sqlx(default)]
    sections: Option<String>,
}

impl DocumentRow {
    /// The document.
    pub(crate) fn document(self, doing: &'static str) -> Result<Document, StoreError> {
        Ok(Document {
            id: DocumentId(self.id),
            scope: scope(&self.scope, doing)?,
            title: self.title,
            authors: parse(&self.authors, doing)?,
            year: self.year,
            venue: self.venue,
            language: self.language,
            identifiers: Identifiers {
                doi: self.doi,
                arxiv: self.arxiv,
                anthology: self.anthology,
                pubmed: self.pubmed,
            },
            provenance: Provenance {
                file: self.file,
                format: self.format,
                content_hash: self.content_hash,
                license: self.license,
            },
            retracted: self.retracted,
            text: self.text,
            pages: self.pages.map_or(Ok(Vec::new()), |json| parse(&json, doing))?,
            sections: self.sections.map_or(Ok(Vec::new()), |json| parse(&json, doing))?,
        })
    }
}

/// A passage.
#[derive(FromRow)]
pub(crate) struct PassageRow {
    document: String,
    ordinal: i64,
    span_start: i64,
    span_end: i64,
    page: Option<i64>,
    section: Option<String>,
    passage_text: String,
}

impl PassageRow {
    /// The passage.
    pub(crate) fn passage(self, doing: &'static str) -> Result<Passage, StoreError> {
        Ok(Passage {
            id: passage_id(self.document, self.ordinal, doing)?,
            span: number(self.span_start, doing)?..number(self.span_end, doing)?,
            text: self.passage_text,
            page: self.page.map(|page| number(page, doing)).transpose()?,
            section: self.section,
        })
    }
}

/// A passage's id from its two columns.
pub(crate) fn passage_id(document: String, ordinal: i64, doing: &'static str) -> Result<PassageId, StoreError> {
    Ok(PassageId { document: DocumentId(document), ordinal: number(ordinal, doing)? })
}

/// A scope from its column.
pub(crate) fn scope(text: &str, doing: &'static str) -> Result<Scope, StoreError> {
    text.parse().map_err(StoreError::damaged::<chat::scope::ScopeError>(doing))
}

/// A vector as it is stored: 32-bit floats, little end first.
pub(crate) fn blob(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A vector as it was stored.
pub(crate) fn vector(blob: &[u8], doing: &'static str) -> Result<Embedding, StoreError> {
    let (values, rest) = blob.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(StoreError::damaged(doing)(format!("a vector of {} bytes", blob.len())));
    }
    Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// A value for a column of JSON.
pub(crate) fn json(value: &impl Serialize, doing: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed { doing, source: error.into() })
}

/// A value from a column of JSON.
pub(crate) fn parse<T: DeserializeOwned>(json: &str, doing: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(StoreError::damaged(doing))
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes any text");
        hex
    })
}

/// A number for a column; one past the column's range is its largest.
pub(crate) fn integer(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A number from a column.
pub(crate) fn number<T: TryFrom<i64>>(integer: i64, doing: &'static str) -> Result<T, StoreError> {
    T::try_from(integer).map_err(|_| StoreError::damaged(doing)(format!("{integer} is out of range")))
}
