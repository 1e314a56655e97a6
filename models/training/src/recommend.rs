//! What somebody may want to read: learned from what was saved and what was waved away, and explained.
//!
//! Read [`Catalogue`] for the papers, [`Feedback`] and [`Tastes`] for what people said of them, [`Signals`] for what speaks
//! for a paper, [`Model`] for how that becomes one number, [`digest()`] for what is shown and why, [`Trial`] for how good
//! it is. Papers and people are numbers here; who consented to be learned from is the caller's business.
//!
//! **Invariant:** a [`Model`] is used only where it was measured to be ahead of every baseline: [`Model::ranker`].
//! **Invariant:** a reason names what raised the score: without it the paper would stand lower.

mod catalogue;
mod digest;
mod feedback;
mod model;
mod neighbours;
mod signals;
mod trial;

pub use catalogue::{Catalogue, Paper};
pub use digest::{DigestOptions, Pick, Reason, digest, diverse};
pub use feedback::{Feedback, Taste, Tastes};
pub use model::{Comparison, Learned, Model, Report, learn};
pub use neighbours::{Neighbour, Neighbours};
pub use signals::{Signals, Way};
pub use trial::{Figures, RECALL_AT, Trial, split};
