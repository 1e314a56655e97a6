//! The papers that can be recommended.

use std::sync::Arc;

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

/// Papers by number, packed. A clone shares them.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    dims: usize,
    lexicon: Arc<Lexicon>,
    papers: Arc<Packed>,
    /// Numbered after the others.
    beside: Arc<Packed>,
}

#[derive(Debug, Default)]
struct Packed {
    vectors: Vec<f32>,
    terms: Vec<Weighed>,
    days: Vec<i32>,
}

impl Packed {
    fn new(papers: &[Paper], lexicon: &Lexicon, dims: usize) -> Result<Self, MatchError> {
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
            vectors,
            terms: papers.iter().map(|paper| lexicon.weigh(&paper.line.terms)).collect(),
            days: papers.iter().map(|paper| paper.day).collect(),
        })
    }
}

impl Catalogue {
    /// Packs `papers`; their terms are weighed by how rare they are among them.
    ///
    /// # Errors
    /// [`MatchError`] where vectors differ in length or hold what is no number. A paper without a vector is no error.
    pub fn new(papers: &[Paper]) -> Result<Self, MatchError> {
        let lexicon = Lexicon::new(papers.iter().map(|paper| paper.line.terms.as_slice()));
        let dims = papers.iter().map(|paper| paper.line.vector.len()).find(|length| *length > 0).unwrap_or(0);
        let papers = Arc::new(Packed::new(papers, &lexicon, dims)?);
        Ok(Self { dims, lexicon: Arc::new(lexicon), papers, beside: Arc::default() })
    }

    /// The same papers, with these beside them in the place of what was beside them before: what one person wrote, to be
    /// liked by them and recommended to nobody. They are numbered after the others, and change no weight of those.
    ///
    /// # Errors
    /// As [`Self::new`]; [`MatchError::Dims`] too where vectors are not as long as those of the others.
    pub fn beside(&self, papers: &[Paper]) -> Result<Self, MatchError> {
        let beside = Arc::new(Packed::new(papers, &self.lexicon, self.dims)?);
        Ok(Self { beside, ..self.clone() })
    }

    /// How many papers.
    pub fn len(&self) -> usize {
        self.papers.days.len() + self.beside.days.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        let (packed, place) = self.place(paper);
        &packed.vectors[place * self.dims..(place + 1) * self.dims]
    }

    pub(super) fn terms(&self, paper: u32) -> &[(u32, f32)] {
        let (packed, place) = self.place(paper);
        packed.terms[place].weights()
    }

    pub(super) fn day(&self, paper: u32) -> i32 {
        let (packed, place) = self.place(paper);
        packed.days[place]
    }

    fn place(&self, paper: u32) -> (&Packed, usize) {
        let (paper, count) = (paper as usize, self.papers.days.len());
        if paper < count { (&self.papers, paper) } else { (&self.beside, paper - count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(vector: &[f32], terms: &str, day: i32) -> Paper {
        Paper { line: Line { vector: vector.to_vec(), terms: terms.split(' ').map(str::to_owned).collect() }, day }
    }

    #[test]
    fn what_stands_beside_is_compared_and_changes_nothing() {
        let all = Catalogue::new(&[paper(&[1.0, 0.0], "tree parse", 1), paper(&[0.0, 1.0], "duck", 2)]).unwrap();
        let with = all.beside(&[paper(&[0.6, 0.8], "parse zebra", 7)]).unwrap();
        assert_eq!((all.len(), with.len(), with.day(2)), (2, 3, 7));
        assert!((with.cosine(2, 1) - 0.8).abs() < 1e-6);
        assert_eq!(with.terms(0), all.terms(0));
        assert_eq!(with.terms(2).len(), 1, "a word that no paper has is none");
        assert_eq!(with.beside(&[]).unwrap().len(), 2);
        assert!(matches!(all.beside(&[paper(&[1.0], "tree", 0)]), Err(MatchError::Dims { got: 1, want: 2 })));
    }
}
