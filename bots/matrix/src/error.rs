//! Why Matrix does not work: `Display` with its causes speaks to the operator, [`MatrixError::public`] to everyone else.

use std::path::PathBuf;

use chat::error::Cause;

/// Why the Matrix frontend cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// Nobody logged in yet.
    #[error("there is no Matrix session in {}; run `colloquy matrix setup` first", .folder.display())]
    NoSession {
        /// Where one was looked for.
        folder: PathBuf,
    },
    /// The folder holds the session of another account or device, which setup does not overwrite by itself.
    #[error("{} holds the session of {found}, not of {wanted}; log in anew only if you mean to replace it", .folder.display())]
    OtherSession {
        /// The folder.
        folder: PathBuf,
        /// Whose session it is.
        found: String,
        /// Whose session was asked for.
        wanted: String,
    },
    /// Another process has the store open; two would lose each other's keys.
    #[error("the Matrix store in {} is in use by another process", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The homeserver revoked the session.
    #[error("the homeserver does not know this device any more; run `colloquy matrix setup` again")]
    SignedOut,
    /// A setting makes no sense.
    #[error("{what}")]
    Setting {
        /// Which, and what it must be.
        what: String,
    },
    /// Something below failed.
    #[error("Matrix failed while {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What went wrong below; no type of the SDK by its name.
        #[source]
        source: Cause,
    },
}

impl MatrixError {
    /// For `map_err`: a failure while `doing`.
    pub(crate) fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { doing, source: source.into() }
    }

    /// The sentence for those who do not run the machine: no path, host or token.
    pub fn public(&self) -> &'static str {
        match self {
            Self::NoSession { .. } | Self::OtherSession { .. } | Self::SignedOut => {
                "The assistant is not signed in to Matrix; its operator has to set it up."
            }
            Self::InUse { .. } => "The assistant's Matrix account is in use already.",
            Self::Setting { .. } => "The assistant's Matrix settings are wrong; its operator can see which in the log.",
            Self::Failed { .. } => "Matrix does not work for the assistant; its operator can see why in the log.",
        }
    }
}
