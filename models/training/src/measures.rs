//! How good a result is, and how sure that is: [`Ranked`] for rankings, [`Confusion`] for decisions, [`Bootstrap`] for
//! the interval around a mean and the difference of two runs.
//!
//! A measure is computed per query first; its mean and interval over all queries come from [`Bootstrap::mean`], and
//! two runs over the same queries are compared by [`Bootstrap::difference`].

mod bootstrap;
mod confusion;
mod ranked;

pub use bootstrap::{Bootstrap, Difference, Interval};
pub use confusion::Confusion;
pub use ranked::Ranked;
