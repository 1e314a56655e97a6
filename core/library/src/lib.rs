//! Reads papers and notes into passages that keep their provenance.
//!
//! Read in this order: which files there are ([`walk`]), what a file holds ([`read`] picks one of the readers in
//! `format` and `pdf`), what a reader hands back ([`Draft`]), by which names two drafts are one paper
//! ([`identity`]), how text is cleaned ([`clean`]), how a document falls into passages ([`split`]), and what a
//! list of works says of a researcher ([`read_works`]).
//!
//! **Invariant:** a broken file costs that file: every reader runs on its own thread, with limits in bytes, pages, depth, time
//! and what its streams decode to. A hostile one is read in a process of its own, which is for the caller to start.
//! **Invariant:** headings stand in `sections`, never in the text: every sentence of the text can be quoted.

mod body;
pub mod clean;
mod draft;
mod error;
mod format;
pub mod identity;
mod license;
mod pdf;
mod read;
mod split;
mod walk;
mod works;
mod xml;

pub use draft::Draft;
pub use error::ReadError;
pub use read::{Input, Limits, Reader, Reading, Refusal, read, sha256};
pub use split::{SplitLimits, is_references, split, with_heading};
pub use walk::{Found, WalkError, walk};
pub use works::{ListedWork, WORKS_MAX, Works, read_works};
