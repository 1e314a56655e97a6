//! What the process that serves and one that reads say to each other: an order and the file's bytes in, lines of JSON out.

use std::time::Duration;

use library::{Draft, Works};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first line that a reader is told; the file's bytes follow it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) work: Work,
    /// The file's name, without folders.
    pub(super) name: String,
    /// How many bytes follow.
    pub(super) bytes: usize,
    /// Memory beside what the program itself takes, in MiB.
    pub(super) memory_mib: u64,
    /// Time, of the clock and of a processor.
    pub(super) time: Duration,
}

/// What is to be made of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Work {
    /// Papers and notes.
    Documents,
    /// A researcher's list of works.
    Works,
    /// What a plugin makes of it: [`Plugin::read_file`](chat::ports::Plugin::read_file).
    Plugin { plugin: String, work: String },
}

/// A line of a reader.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// A paper or note.
    Draft(Box<Draft>),
    /// An entry that could not be read.
    Entry {
        /// Where it stands.
        fragment: String,
        /// Why.
        sentence: String,
    },
    /// A list of works.
    Works(Works),
    /// What a plugin made of it.
    Value(Value),
    /// Nothing of it could be read, and why.
    Failed(String),
    /// That was all. What ends without it broke off.
    Done,
}
