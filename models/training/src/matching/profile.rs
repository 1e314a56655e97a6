//! What is known of a person, and of what is wanted.

/// A line that can be shown as evidence: a sentence, a title with its abstract, a statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Its vector, of unit norm; empty where there is none, and then words alone speak for it.
    pub vector: Vec<f32>,
    /// Its terms, as `chat::text::terms` gives them.
    pub terms: Vec<String>,
}

/// A paper, a statement, a message: one thing that a person stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its lines. The best one speaks for the item, so that a long item has no louder voice than a short one.
    pub lines: Vec<Line>,
    /// The year it is from; one without a year never grows old.
    pub year: Option<i16>,
    /// How much it counts, above 0: 1 is a paper.
    pub weight: f32,
}

/// A person, as far as matching goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// What the person stands for, in any order.
    pub items: Vec<Item>,
}

/// Why profiles cannot be matched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// A vector of another encoder.
    #[error("a vector has {got} numbers, the others have {want}")]
    Dims {
        /// Its length.
        got: usize,
        /// The length of the others.
        want: usize,
    },
    /// A vector or a weight that no score can be made of.
    #[error("{what} is no number to count with")]
    NotFinite {
        /// Which one.
        what: &'static str,
    },
    /// More than one search may hold.
    #[error("{got} lines of a need, at most {max} can be matched")]
    NeedTooLong {
        /// How many.
        got: usize,
        /// How many may be.
        max: usize,
    },
}
