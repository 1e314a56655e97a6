//! Which language a text is in.

/// A language that a text is in.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// ISO 639-1.
    pub code: &'static str,
    /// From 0.5 to 1: how sure that is against the next likely language. A word that stands in both is of either.
    pub confidence: f32,
}

/// Tells languages apart, in short texts too.
pub trait Linguist: Send + Sync {
    /// The language that a text is most likely in; none where it has no words, or none of a known language. Takes
    /// milliseconds for a message; of a long text the beginning is read.
    fn identify(&self, text: &str) -> Option<Identified>;
}
