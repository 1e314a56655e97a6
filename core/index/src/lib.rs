//! The Index port on Qdrant: [`EdgeIndex`] in this process, [`ServerIndex`] on a server.
//!
//! Both are thin: what decides a search is pure and shared, so that the two answer alike. Read `schema` (what a point
//! looks like, what a filter must hold), `sparse` (BM25's weights), `fuse` (from two ranked lists to hits), then
//! `edge` with its `shard`, then `server`.
//!
//! **Invariant:** every search filters on scope, and `schema::musts` is the only place that decides a filter.
//! **Invariant:** the index is derived: whatever is lost or damaged here is built again from the documents.

mod error;
mod fuse;
mod schema;
mod sparse;

mod edge;
mod server;
mod shard;

pub use edge::EdgeIndex;
pub use error::IndexError;
pub use fuse::{DEPTH, RRF_K};
pub use schema::Mark;
pub use server::ServerIndex;
pub use sparse::{BM25, Bm25};

/// The port's name in errors.
const PORT: &str = "index";
