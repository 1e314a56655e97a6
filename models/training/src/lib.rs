//! The measures, and learning on the community's data.
//!
//! Everything in [`measures`] is a pure function of its arguments; a seed is one of them.

pub mod measures;
