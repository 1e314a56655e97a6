//! What somebody may want to read next, and what they said of what they were shown.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DocumentId, MemberId, PortError, Readable};

/// A word on a paper. The last one of a person counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A thumb up.
    Up,
    /// A thumb down.
    Down,
    /// Kept for later.
    Saved,
    /// Waved away: not this one.
    Dismissed,
    /// More of this kind.
    More,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Up, Self::Down, Self::Saved, Self::Dismissed, Self::More];

    /// Its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Saved => "save",
            Self::Dismissed => "dismiss",
            Self::More => "more",
        }
    }

    /// What it says of what the person likes, from -1 to 1.
    pub fn value(self) -> f32 {
        match self {
            Self::Up | Self::More | Self::Saved => 1.0,
            Self::Dismissed => -0.5,
            Self::Down => -1.0,
        }
    }
}

/// Why a paper was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Because {
    /// It lies near a paper of the library that the person liked: its title, and the last word on it.
    Near(String, Verdict),
    /// It lies near an entry of the person's profile: its text.
    Profile(String),
    /// It is about what the person's papers are about: words of it.
    Topic(Vec<String>),
    /// Who liked this paper of the person's liked it too.
    Together(String),
    /// So many like it.
    Popular(u32),
    /// It came so many days ago.
    New(i32),
}

/// A paper for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// Which.
    pub document: DocumentId,
    /// Its title.
    pub title: String,
    /// Full names.
    pub authors: Vec<String>,
    /// Its year.
    pub year: Option<i16>,
    /// What raised it, most first; empty where it only fills the list.
    pub because: Vec<Because>,
}

/// What is asked for one person.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingRequest {
    /// Whom it is for.
    pub accounts: Vec<MemberId>,
    /// What may be recommended.
    pub readable: Readable,
    /// Only what came into the library since; all where there is none.
    pub since: Option<Timestamp>,
    /// Papers that were shown first at exactly this time count as not shown: what was due then may not have been told.
    pub due: Option<Timestamp>,
    /// Now.
    pub at: Timestamp,
    /// How many.
    pub limit: usize,
}

/// Recommends papers, and remembers what was said of them.
///
/// **Invariant:** of others only those count who let the assistant learn from what they do, and only as numbers: no reason
/// names anybody.
#[async_trait]
pub trait Recommending: Send + Sync {
    /// Papers for a person, best first: nothing that they were shown or said a word on. Nothing retracted, confidential, under
    /// embargo out of its scope, and no conversation.
    async fn papers_for(&self, request: &ReadingRequest) -> Result<Vec<Recommended>, PortError>;

    /// Papers near one of the library as of now, `at`, nearest first, without it.
    async fn similar(
        &self,
        readable: &Readable,
        document: &DocumentId,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Recommended>, PortError>;

    /// Whether there is anything to start from: a word of theirs, or an entry of their profile.
    async fn knows(&self, accounts: &[MemberId]) -> Result<bool, PortError>;

    /// Keeps a person's word on a paper.
    async fn rate(
        &self,
        member: &MemberId,
        document: &DocumentId,
        verdict: Verdict,
        at: Timestamp,
    ) -> Result<(), PortError>;

    /// The papers that they said so of last, the newest first, with their titles: those that are still readable.
    async fn rated(
        &self,
        accounts: &[MemberId],
        verdict: Verdict,
        readable: &Readable,
    ) -> Result<Vec<(DocumentId, String)>, PortError>;

    /// These were shown: they are not recommended to this person again.
    async fn shown(&self, member: &MemberId, documents: &[DocumentId], at: Timestamp) -> Result<(), PortError>;
}
