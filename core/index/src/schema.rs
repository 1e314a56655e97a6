//! What a point looks like and what a search must hold, in no engine's terms; and what is refused at the door.
//!
//! **Invariant:** [`musts`] is the only place that decides a filter, and its first condition is the scope.

use std::fmt;

use chat::{
    DocumentId, PassageId, PortError,
    ports::{IndexQuery, Point, SearchMode, Stamp},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    PORT,
    sparse::{self, BM25, Bm25, Sparse},
};

/// Name of the dense vector.
pub const DENSE: &str = "dense";
/// Name of the sparse vector.
pub const TERMS: &str = "terms";

/// Payload field: the owner. The tenant key, and the only field with links of its own in the graph.
pub const SCOPE: &str = "scope";
/// Payload field: the document's id.
pub const DOCUMENT: &str = "document";
/// Payload field: the passage's place in the document.
pub const ORDINAL: &str = "ordinal";
/// Payload field: the language, absent where it is unknown.
pub const LANGUAGE: &str = "language";
/// Payload field: the year, absent where it is unknown.
pub const YEAR: &str = "year";

/// Points per write: more would pass the limits of a message and of a log segment.
pub const BATCH: usize = 256;
/// Points per page of a listing.
pub const PAGE: usize = 4096;
/// Most hits of a search.
pub const LIMIT_MAX: usize = 1000;
/// Links per node of the graph; with [`EF_CONSTRUCT`] the engine's own default, and enough (see the bench).
pub const M: usize = 16;
/// Breadth of the search that links a new node.
pub const EF_CONSTRUCT: usize = 100;

/// Name space of point ids: made once, never to change.
const POINTS: Uuid = Uuid::from_u128(0x6b1d_7c1e_55d4_4c0a_9f0e_3a6c_0d9a_41c7);

/// All that an index was built with: the caller's stamp, and the weighting of terms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The caller's part.
    pub stamp: Stamp,
    /// The weights of terms.
    pub bm25: Bm25,
}

impl Mark {
    /// The mark of an index that is built now.
    pub fn new(stamp: &Stamp) -> Self {
        Self { stamp: stamp.clone(), bm25: BM25 }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stamp: Stamp { model, dims, chunker }, bm25 } = self;
        let Bm25 { k1, b, average_terms, title_weight } = bm25;
        write!(
            f,
            "model `{model}` ({dims} dimensions), chunker {chunker}, BM25 {k1}/{b}/{average_terms}/{title_weight}"
        )
    }
}

/// The id of a passage's point: the same passage is always the same point.
pub fn point_id(passage: &PassageId) -> Uuid {
    Uuid::new_v5(&POINTS, passage.to_string().as_bytes())
}

/// A value of a payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// A keyword.
    Text(String),
    /// A whole number.
    Number(i64),
}

/// The payload of a point.
pub fn payload(point: &Point) -> Vec<(&'static str, Field)> {
    let mut fields = vec![
        (SCOPE, Field::Text(point.scope.to_string())),
        (DOCUMENT, Field::Text(point.passage.document.0.clone())),
        (ORDINAL, Field::Number(point.passage.ordinal.into())),
    ];
    fields.extend(point.language.clone().map(|language| (LANGUAGE, Field::Text(language))));
    fields.extend(point.year.map(|year| (YEAR, Field::Number(year.into()))));
    fields
}

/// The passage that a payload's two fields name, where both are there.
pub fn passage(document: Option<&str>, ordinal: Option<i64>) -> Option<PassageId> {
    Some(PassageId { document: DocumentId(document?.to_owned()), ordinal: u32::try_from(ordinal?).ok()? })
}

/// A condition that every hit meets.
#[derive(Debug, Clone, PartialEq)]
pub enum Must {
    /// The field is one of these.
    Any(&'static str, Vec<String>),
    /// The year is known and lies between these, both included.
    Year(Option<i16>, Option<i16>),
}

/// The conditions of a query: its scopes first, always.
pub fn musts(query: &IndexQuery) -> Vec<Must> {
    let scopes = query.readable.scopes().iter().map(ToString::to_string).collect();
    let mut musts = vec![Must::Any(SCOPE, scopes)];
    if !query.documents.is_empty() {
        musts.push(of_documents(&query.documents));
    }
    if !query.languages.is_empty() {
        musts.push(Must::Any(LANGUAGE, query.languages.clone()));
    }
    if query.year_min.is_some() || query.year_max.is_some() {
        musts.push(Must::Year(query.year_min, query.year_max));
    }
    musts
}

/// The condition that a point belongs to one of these documents.
pub fn of_documents(documents: &[DocumentId]) -> Must {
    Must::Any(DOCUMENT, documents.iter().map(|document| document.0.clone()).collect())
}

/// The lists that a query needs: its vector for the dense one, its terms for the sparse one.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    /// The vector; none where the mode is sparse.
    pub dense: Option<Vec<f32>>,
    /// The terms; none where the mode is dense or no term is left of the words.
    pub terms: Option<Sparse>,
}

/// What to fetch for a query.
///
/// # Errors
/// [`PortError::Refused`] where the vector is missing, of another length or not of numbers, or the limit too high.
pub fn lists(stamp: &Stamp, query: &IndexQuery) -> Result<Lists, PortError> {
    if query.limit > LIMIT_MAX {
        return refused(format!("{} hits asked for, {LIMIT_MAX} at most", query.limit));
    }
    let dense = match (&query.dense, query.mode) {
        (_, SearchMode::Sparse) => None,
        (None, _) => return refused("a dense or hybrid search needs a vector".to_owned()),
        (Some(vector), _) => {
            check_vector(stamp, vector, "the query")?;
            Some(vector.clone())
        }
    };
    let terms = match query.mode {
        SearchMode::Dense => None,
        SearchMode::Sparse | SearchMode::Hybrid => Some(sparse::question(&query.text)),
    };
    Ok(Lists { dense, terms: terms.filter(|terms| !terms.indices.is_empty()) })
}

/// Checks points before any of them is written.
///
/// # Errors
/// [`PortError::Refused`] where a vector is of another length or not of numbers.
pub fn check_points(stamp: &Stamp, points: &[Point]) -> Result<(), PortError> {
    points.iter().try_for_each(|point| check_vector(stamp, &point.dense, &format!("passage {}", point.passage)))
}

fn check_vector(stamp: &Stamp, vector: &[f32], whose: &str) -> Result<(), PortError> {
    if vector.len() != stamp.dims {
        return refused(format!("the vector of {whose} has {} dimensions, want {}", vector.len(), stamp.dims));
    }
    if !vector.iter().all(|value| value.is_finite()) {
        return refused(format!("the vector of {whose} holds something that is no number"));
    }
    Ok(())
}

fn refused<T>(reason: String) -> Result<T, PortError> {
    Err(PortError::Refused { port: PORT, reason })
}
