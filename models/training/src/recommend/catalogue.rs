//! The papers that can be recommended.

use crate::{
    matching::{Lexicon, Line, MatchError, Weighed},
    vector::dot,
};

/// A paper.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paper {
    /// Its vector and terms: title and abstract as one.
    pub line: Line,
    /// The day it appeared or came into the library, counted from any day, the same for all.
    pub day: i32,
}

/// Papers by number, packed.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    dims: usize,
    vectors: Vec<f32>,
    terms: Vec<Weighed>,
    days: Vec<i32>,
    lexicon: Lexicon,
}

impl Catalogue {
    /// Packs `papers`; their terms are weighed by how rare they are among them.
    ///
    /// # Errors
    /// [`MatchError`] where vectors differ in length or hold what is no number. A paper without a vector is no error.
    pub fn new(papers: &[Paper]) -> Result<Self, MatchError> {
        let lexicon = Lexicon::new(papers.iter().map(|paper| paper.line.terms.as_slice()));
        let dims = papers.iter().map(|paper| paper.line.vector.len()).find(|length| *length > 0).unwrap_or(0);
        let mut vectors = Vec::with_capacity(dims * papers.len());
        for (place, paper) in papers.iter().enumerate() {
            let vector = &paper.line.vector;
            if !vector.is_empty() && vector.len() != dims {
                return Err(MatchError::Dims { got: vector.len(), want: dims });
            }
            if vector.iter().any(|number| !number.is_finite()) {
                return Err(MatchError::NotFinite { what: "a vector" });
            }
            vectors.extend(vector);
            vectors.resize((place + 1) * dims, 0.0);
        }
        Ok(Self {
            dims,
            vectors,
            terms: papers.iter().map(|paper| lexicon.weigh(&paper.line.terms)).collect(),
            days: papers.iter().map(|paper| paper.day).collect(),
            lexicon,
        })
    }

    /// How many papers.
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// The terms and their numbers.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Cosine of two papers' vectors.
    pub fn cosine(&self, one: u32, two: u32) -> f32 {
        dot(self.vector(one), self.vector(two))
    }

    pub(super) fn dims(&self) -> usize {
        self.dims
    }

    pub(super) fn vector(&self, paper: u32) -> &[f32] {
        let start = paper as usize * self.dims;
        &self.vectors[start..start + self.dims]
    }

    pub(super) fn terms(&self, paper: u32) -> &[(u32, f32)] {
        self.terms[paper as usize].weights()
    }

    pub(super) fn day(&self, paper: u32) -> i32 {
        self.days[paper as usize]
    }
}
