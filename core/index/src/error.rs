//! Why an index could not be opened, built or asked. Once it is open, the port's own error carries these as causes.

use std::{io, path::PathBuf};

use chat::PortError;

use crate::{PORT, schema::Mark};

/// What went wrong, for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// It was built with another encoder, splitter or weighting.
    #[error("the index was built with {found}, now it would need {wanted}; run `colloquy library reindex`")]
    Stamp {
        /// What it was built with.
        found: Mark,
        /// What was asked for.
        wanted: Mark,
    },
    /// Its files cannot be read; it is derived data, so nothing is lost.
    #[error("the index in {} is damaged ({reason}); run `colloquy library reindex` to build it again", dir.display())]
    Damaged {
        /// Where it lies.
        dir: PathBuf,
        /// What could not be read.
        reason: String,
    },
    /// Another process holds it.
    #[error("the index in {} is in use by another process", dir.display())]
    InUse {
        /// Where it lies.
        dir: PathBuf,
    },
    /// The disk is almost full: a write into a mapped file would kill the process.
    #[error("the disk of the index has {free_mib} MiB left and needs {needed_mib}; make room and try again")]
    DiskFull {
        /// What is left.
        free_mib: u64,
        /// What it takes to go on.
        needed_mib: u64,
    },
    /// The file system refused.
    #[error("while {doing} in {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The engine in this process failed.
    #[error("the vector engine failed while {doing}: {reason}")]
    Engine {
        /// What it was doing.
        doing: &'static str,
        /// Its own words.
        reason: String,
    },
    /// The server failed or could not be reached.
    #[error("the Qdrant server failed while {doing}")]
    Server {
        /// What was asked of it.
        doing: &'static str,
        /// Its own account.
        #[source]
        source: Box<qdrant_client::QdrantError>,
    },
    /// The server does not keep a collection's metadata.
    #[error("collection `{collection}` does not say what it was built with: the server must be Qdrant 1.16 or newer")]
    Unstamped {
        /// Its name.
        collection: String,
    },
}

impl IndexError {
    /// For `map_err` on file operations.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.into(), source }
    }

    /// For `map_err` on the engine.
    pub(crate) fn engine<E: ToString>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Engine { doing, reason: error.to_string() }
    }

    /// For `map_err` on the server.
    pub(crate) fn server(doing: &'static str) -> impl FnOnce(qdrant_client::QdrantError) -> Self {
        move |source| Self::Server { doing, source: Box::new(source) }
    }

    /// The port's error with this one as its cause.
    pub(crate) fn port(doing: &'static str) -> impl FnOnce(Self) -> PortError {
        PortError::failed(PORT, doing)
    }
}
