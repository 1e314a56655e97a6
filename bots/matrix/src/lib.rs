//! The Matrix frontend: native events in, replies out. No logic of its own.
//!
//! Read in this order: what a text asks of us (`reading`, `reactions`, `allow`), a message taken apart
//! (`native`), what is sent (`html`, `content`, `upload`, `screen`), what is heard (`listen`, `aftermath`,
//! `unreadable`), where we are (`direct`, `rooms`), the ports (`members`, `archive`, `attachments`), and how
//! it starts and goes on (`session`, `setup`, `sync`, `health`).
//!
//! **Invariant:** no type of the SDK crosses the crate's border, and no address but the configured homeserver is called.

// The futures of the SDK nest deeper than the default limit.
#![recursion_limit = "256"]

mod reading;
mod reactions;
mod allow;
mod native;
mod html;
mod content;
mod upload;
mod screen;
mod direct;
mod rooms;
mod unreadable;
mod listen;
mod aftermath;
mod members;
mod archive;
mod attachments;
mod session;
mod setup;
mod health;
mod sync;
mod error;

use std::{path::PathBuf, time::Duration};

use chat::CommunityId;
use zeroize::Zeroizing;

pub use error::MatrixError;
pub use health::check;
pub use session::store_key;
pub use setup::{Existing, SetUp, setup};
pub use sync::Matrix;

/// How the frontend is set up. It holds a secret: never printed.
#[derive(Clone)]
pub struct Settings {
    /// The homeserver's address (`https://matrix.example.org`): the one that is called, whatever it recommends.
    pub homeserver: String,
    /// The assistant's account, as a user id (`@colloquy:example.org`) or its part before the colon.
    pub user: String,
    /// Whom the rooms belong to.
    pub community: CommunityId,
    /// Where the session and the store are kept: on a local disk, for one process.
    pub folder: PathBuf,
    /// Who may invite: user ids, `*:server` for everybody of a homeserver, `*` for everybody.
    pub allow: Vec<String>,
    /// User ids of those who run the machine; they may always invite.
    pub operators: Vec<String>,
    /// Between two growing edits of an answer.
    pub edit_gap: Duration,
    /// What the store is encrypted with; see [`store_key`].
    pub store_key: Zeroizing<[u8; 32]>,
    /// How long answers may go on after the word to stop.
    pub drain: Duration,
}

impl Settings {
    /// Between two growing edits, where nothing else is said: five to a minute keep within a homeserver's default limit
    /// (Synapse's is 0.2 messages per second after a burst of 10).
    pub const EDIT_GAP: Duration = Duration::from_secs(5);
}

/// How the account is logged in to, once. A secret: never printed.
pub enum Login {
    /// By its password, which makes a new device.
    Password(Zeroizing<String>),
    /// By the access token of a device that was made for this and nothing else.
    Token(Zeroizing<String>),
}
