//! Why the state could not be read or written: `Display` for the operator, [`StoreError::public`] for the room.
//!
//! **Invariant:** no type of the database crosses the border; a cause is a box.

use std::{io, time::Duration};

use chat::{PortError, error::Cause};
use sqlx::migrate::MigrateError;

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No space is left; the write was undone whole, and the same write succeeds once there is space.
    #[error("the disk is full while {doing}")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// The database's own account.
        #[source]
        source: Cause,
    },
    /// Another write took longer than anyone waits.
    #[error("the database is busy while {doing}")]
    Busy {
        /// What was being done.
        doing: &'static str,
        /// The database's own account.
        #[source]
        source: Cause,
    },
    /// A later version of this program wrote the folder.
    #[error("the state has schema {found}, this colloquy knows schemas up to {known}: update colloquy")]
    Newer {
        /// The schema in the folder.
        found: i64,
        /// The newest one known here.
        known: i64,
    },
    /// The file is no database, or a broken one.
    #[error("the state is damaged (seen while {doing}): restore it from a backup, or remove it and ingest again")]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// What is wrong.
        #[source]
        source: Cause,
    },
    /// Another process works on the folder.
    #[error("another colloquy (process {}) uses this folder", process.map_or("unknown".to_owned(), |id| id.to_string()))]
    Locked {
        /// Its process id, where it could be read.
        process: Option<u32>,
    },
    /// What was to be written contradicts itself or what is there.
    #[error("refused: {reason}")]
    Refused {
        /// Why, in words for the operator.
        reason: String,
    },
    /// Anything else that broke below.
    #[error("the state failed while {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What went wrong below.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// The sentence for the room: no path, no SQL.
    pub fn public(&self) -> String {
        match self {
            Self::Full { .. } => "The disk is full, so nothing was changed; free some space and try again.".to_owned(),
            Self::Busy { .. } => "I am busy; please try again in a few seconds.".to_owned(),
            Self::Newer { .. } => {
                "A newer colloquy wrote this data folder; please update this one to open it.".to_owned()
            }
            Self::Locked { .. } => format!("{self}."),
            Self::Damaged { .. } | Self::Refused { .. } | Self::Failed { .. } => {
                "Something on my side broke; the operator can see what in the log.".to_owned()
            }
        }
    }

    /// For `map_err`: the same as an error of `port`. A full disk is refused with the public sentence, since
    /// trying again at once cannot help.
    pub fn port(port: &'static str) -> impl Fn(Self) -> PortError {
        move |error| match error {
            Self::Full { .. } => PortError::Refused { port, reason: error.public() },
            Self::Busy { .. } => PortError::Overloaded { port, retry_after: Duration::from_secs(2) },
            Self::Refused { reason } => PortError::Refused { port, reason },
            Self::Newer { .. } | Self::Locked { .. } => PortError::Refused { port, reason: error.to_string() },
            Self::Damaged { doing, .. } | Self::Failed { doing, .. } => {
                PortError::Failed { port, doing, source: error.into() }
            }
        }
    }

    /// For `map_err`: an error of the database while `doing`.
    pub(crate) fn sql(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |error| {
            if let sqlx::Error::Migrate(below) = &error
                && let MigrateError::VersionMissing(found) = below.as_ref()
            {
                return Self::Newer { found: *found, known: crate::schema_known() };
            }
            let code = code(&error);
            let source = error.into();
            match (code, code & 0xff) {
                (IO_SHM_SIZE, _) | (_, FULL) => Self::Full { doing, source },
                (_, BUSY) => Self::Busy { doing, source },
                (_, CORRUPT | NOT_A_DATABASE) => Self::Damaged { doing, source },
                _ => Self::Failed { doing, source },
            }
        }
    }

    /// For `map_err`: an error of the file system while `doing`.
    pub(crate) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull => Self::Full { doing, source: error.into() },
            _ => Self::Failed { doing, source: error.into() },
        }
    }

    /// For `map_err`: what was read back is not what was written.
    pub(crate) fn damaged<E: Into<Cause>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Damaged { doing, source: source.into() }
    }
}

// Result codes of https://sqlite.org/rescode.html; the low byte is the kind, the rest the detail.
const BUSY: i32 = 5;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;
// The shared-memory file beside the database could not grow.
const IO_SHM_SIZE: i32 = 4874;

/// The result code of what went wrong, at the bottom of it; 0 where there is none.
fn code(error: &sqlx::Error) -> i32 {
    match error {
        sqlx::Error::Database(below) => below.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0),
        sqlx::Error::PoolTimedOut => BUSY,
        sqlx::Error::Io(below) if below.kind() == io::ErrorKind::StorageFull => FULL,
        sqlx::Error::Migrate(below) => match below.as_ref() {
            MigrateError::Execute(below) | MigrateError::ExecuteMigration(below, _) => code(below),
            _ => 0,
        },
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => CORRUPT,
        _ => 0,
    }
}
