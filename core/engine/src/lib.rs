//! From a message to a reply: [`route`], then [`gate`], then [`session`], then the [`host`], which waits in the
//! [`queue`] and runs the plugin, and what is said [`unasked`]; [`retrieve`] is what its searches do, with a [`lexicon`], and
//! [`normalise`] where a library is in several languages.
//!
//! Start reading at `host.rs`; the others are what it calls.
//!
//! **Invariant:** routing, gating, the session and the queue's order are pure functions of their arguments; only the
//! host waits.
//! **Invariant:** a plugin runs only with a [`Permit`](gate::Permit), and only the gate makes one.

pub mod host;
pub mod route;
pub mod gate;
pub mod quota;
pub mod session;
pub mod language;
pub mod compute;
pub mod unasked;
pub mod queue;
pub mod retrieve;
pub mod lexicon;
pub mod normalise;

pub use host::{Host, Parts, Settings};
pub use retrieve::Retriever;
