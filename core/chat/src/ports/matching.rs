//! People by their work: what they gave of themselves, and who fits a need.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    MemberId, PortError,
    profile::{Entry, Facts, Fit, Group, Need, Profile, Topic, Works},
};

/// What became of an introduction that was possible: what matching may learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They were shown.
    Shown,
    /// The seeker wanted to be introduced.
    Asked,
    /// They said yes.
    Accepted,
    /// They said no, or nothing.
    Declined,
}

/// Keeps profiles and matches people.
///
/// **Invariant:** nobody who is not in [`Need::among`] has any influence on what comes of a need.
#[async_trait]
pub trait Matching: Send + Sync {
    /// A person's profile, from all of their accounts; empty where they gave nothing.
    async fn profile(&self, accounts: &[MemberId]) -> Result<Profile, PortError>;

    /// What a person's entries are about: at most five topics, the largest first; none of fewer than two entries.
    async fn topics(&self, accounts: &[MemberId]) -> Result<Vec<Topic>, PortError>;

    /// Replaces what a person says of who they are; kept with this account, taken from the others.
    async fn set_facts(&self, accounts: &[MemberId], member: &MemberId, facts: &Facts) -> Result<(), PortError>;

    /// Keeps entries, each in the place of one of the same id; how many are new. With the account that gave them.
    ///
    /// # Errors
    /// [`PortError::Refused`] where there would be more than [`ENTRIES_MAX`](crate::profile::ENTRIES_MAX).
    async fn keep(&self, accounts: &[MemberId], member: &MemberId, entries: &[Entry]) -> Result<usize, PortError>;

    /// Removes entries; how many there were.
    async fn discard(&self, accounts: &[MemberId], ids: &[String]) -> Result<usize, PortError>;

    /// Reads a list of works: BibTeX, an ORCID works file, an export of the ACL Anthology or of Semantic Scholar; or a paper.
    ///
    /// # Errors
    /// [`PortError::Refused`] where it is none of these, with a reason that the room may read.
    async fn works(&self, name: &str, bytes: Vec<u8>) -> Result<Works, PortError>;

    /// Who fits a need, best first, at most `limit`; nobody whom nothing speaks for.
    async fn rank(&self, need: &Need, limit: usize) -> Result<Vec<Fit>, PortError>;

    /// Who of those together covers a need, at most `size`.
    async fn team(&self, need: &Need, size: usize) -> Result<Group, PortError>;

    /// Keeps what became of a possible introduction, of those who let the assistant learn from what they do.
    async fn outcome(
        &self,
        need: &str,
        seeker: &MemberId,
        fit: (&MemberId, &[f32]),
        outcome: Outcome,
        at: Timestamp,
    ) -> Result<(), PortError>;
}
