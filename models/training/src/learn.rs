//! A small ranker, learned: logistic regression or one hidden layer, on a handful of numbers for each candidate.
//!
//! Read [`Ranker`] for what comes out, [`Options`] for what can be chosen, [`train()`] for how it is learned. Training can be
//! watched, stopped after any epoch and taken up again: the [`State`] holds all of it.
//!
//! **Invariant:** the same rows and options give the same ranker, interrupted or not.
//! **Invariant:** no type of candle leaves this module.

mod ranker;
mod train;

pub use ranker::{Layer, Ranker};
pub use train::{Options, Outcome, Progress, Row, State, TrainError, train};
