//! The two errors that cross crate borders. `Display` speaks to the operator, `public` to the room.

use std::{error::Error, time::Duration};

/// An error with its causes, for the operator.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// A cause, kept for the operator's log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a port could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The queue is full; the same request may succeed later.
    #[error("{port} is overloaded, retry after {retry_after:?}")]
    Overloaded {
        /// Which port.
        port: &'static str,
        /// When to try again.
        retry_after: Duration,
    },
    /// The caller stopped it, or its deadline passed.
    #[error("{port} was cancelled")]
    Cancelled {
        /// Which port.
        port: &'static str,
    },
    /// The request can never succeed as it is.
    #[error("{port} refused: {reason}")]
    Refused {
        /// Which port.
        port: &'static str,
        /// Why, in words for the operator.
        reason: String,
    },
    /// It broke; the cause is in `source` and only there.
    #[error("{port} failed while {doing}")]
    Failed {
        /// Which port.
        port: &'static str,
        /// What it was doing.
        doing: &'static str,
        /// What went wrong below.
        #[source]
        source: Cause,
    },
}

impl PortError {
    /// For `map_err`: a failure of `port` while `doing`.
    pub fn failed<E: Into<Cause>>(port: &'static str, doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Failed { port, doing, source: source.into() }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Overloaded { .. })
    }
}

/// Why a plugin could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The caller's words made no sense.
    #[error("bad argument `{given}`, want {want}")]
    Usage {
        /// What was given; never repeated in the room.
        given: String,
        /// The sentence for the caller.
        want: &'static str,
    },
    /// The caller may not do this.
    #[error("refused: {0}")]
    Refused(String),
    /// A port failed.
    #[error("while {doing}")]
    Port {
        /// What the plugin was doing.
        doing: &'static str,
        /// The port's own account.
        #[source]
        source: PortError,
    },
    /// The caller hung up.
    #[error("nobody reads the reply any more")]
    HungUp,
}

impl PluginError {
    /// For `map_err`: a port failed while the plugin was `doing` something.
    pub fn port(doing: &'static str) -> impl FnOnce(PortError) -> Self {
        move |source| Self::Port { doing, source }
    }

    /// The sentence for the room: no path, host, token or model output.
    pub fn public(&self) -> String {
        match self {
            Self::Usage { want, .. } => (*want).to_owned(),
            Self::Refused(sentence) => sentence.clone(),
            Self::Port { source: PortError::Overloaded { retry_after, .. }, .. } => {
                format!("I am busy; please try again in {} seconds.", retry_after.as_secs().max(1))
            }
            Self::Port { source: PortError::Cancelled { .. }, .. } | Self::HungUp => "Stopped.".to_owned(),
            Self::Port { .. } => "Something on my side broke; the operator can see what in the log.".to_owned(),
        }
    }
}
