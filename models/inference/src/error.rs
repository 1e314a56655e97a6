//! What can be wrong with a model: each sentence says what to do.

use std::{io, path::PathBuf};

use chat::error::Cause;

/// Why a model cannot be listed, fetched or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The catalogue is wrong.
    #[error("the model catalogue is wrong: {reason}")]
    Catalogue {
        /// Where and why.
        reason: String,
    },
    /// No model of that name.
    #[error("there is no model `{name}`; known are {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A file system call failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The source could not hand the model over.
    #[error("cannot fetch `{name}`: {reason}")]
    Fetch {
        /// The model.
        name: String,
        /// The source's own words, shortened.
        reason: String,
    },
    /// A file is not what the catalogue says.
    #[error(
        "`{file}` of `{name}` is not the file that the catalogue names: {what} is {found}, expected {expected}; it was \
         deleted, fetch again"
    )]
    Checksum {
        /// The model.
        name: String,
        /// The file.
        file: String,
        /// `size` or `SHA-256`.
        what: &'static str,
        /// As found.
        found: String,
        /// As pinned.
        expected: String,
    },
    /// It was not fetched.
    #[error("`{name}` is not on this machine; run `colloquy models fetch {name}`")]
    Missing {
        /// The model.
        name: String,
    },
    /// The file is no model that can be loaded.
    #[error("cannot load `{name}`: {reason}")]
    Unsupported {
        /// The model.
        name: String,
        /// Why, and what would do.
        reason: String,
    },
    /// It would not fit.
    #[error(
        "`{name}` needs about {need_mib} MiB of memory and {free_mib} MiB are free; choose a smaller one with `colloquy \
         models use NAME`"
    )]
    Memory {
        /// The model.
        name: String,
        /// What it takes.
        need_mib: u64,
        /// What there is.
        free_mib: u64,
    },
    /// The engine below broke while loading.
    #[error("loading `{name}` failed")]
    Load {
        /// The model.
        name: String,
        /// The engine's own words.
        #[source]
        source: Cause,
    },
}

impl ModelError {
    /// For `map_err`: a file system call failed.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
