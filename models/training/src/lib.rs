//! The measures, and learning on the community's data.
//!
//! Everything here is a pure function of its arguments; a seed and the day are among them.

pub mod measures;

pub mod learn;
pub mod matching;
pub mod recommend;

mod vector;
