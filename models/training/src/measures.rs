//! How good a result is, and how sure that is: [`Ranked`] for rankings, [`Confusion`] for decisions, [`Rouge`] and
//! [`Summary`] for summaries, [`Chrf`] and [`Bleu`] for translations, [`Clusters`] for conversations, [`Expertise`] for
//! who knows what, [`Bootstrap`] for the interval around a mean and the difference of two runs.
//!
//! A measure is computed per query first; its mean and interval over all queries come from [`Bootstrap::mean`], and
//! two runs over the same queries are compared by [`Bootstrap::difference`].
//!
//! **Invariant:** scores lie in 0..1; what is no score (a density, a compression, a length) says its unit.

mod bleu;
mod bootstrap;
mod chrf;
mod clusters;
mod confusion;
mod expertise;
mod ngrams;
mod ranked;
mod rouge;
mod summary;

pub use bleu::{Bleu, Tokenizer};
pub use bootstrap::{Bootstrap, Difference, Interval};
pub use chrf::Chrf;
pub use clusters::{Clusters, links};
pub use confusion::Confusion;
pub use expertise::Expertise;
pub use ranked::Ranked;
pub use rouge::{Rouge, Score};
pub use summary::Summary;
