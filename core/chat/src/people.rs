//! What a community remembers of its people and rooms, and what people may do with what is remembered of them.
//!
//! **Invariant:** silence is no: every switch of [`Consent`] is off until the person turns it on.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MemberId, Policy, PortError, Role, RoomId, Visibility, profile::Accounts};

/// What a person can consent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Messages in rooms that index them are searchable there.
    Index,
    /// Others are shown this person as a collaborator.
    Match,
    /// Questions and feedback improve the assistant.
    Improve,
    /// This person may be asked in private what their papers speak to; others learn of it if they offer to help.
    Suggest,
    /// Summaries and bridges may say their name beside what they said.
    Name,
    /// Summaries leave out what they said, and bridges do not carry it. Off, they use it without a name: whoever reads them can read it in the room.
    Omit,
}

impl Switch {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Index, Self::Match, Self::Improve, Self::Suggest, Self::Name, Self::Omit];

    /// Its name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Match => "match",
            Self::Improve => "improve",
            Self::Suggest => "suggest",
            Self::Name => "name",
            Self::Omit => "omit",
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a person consented to: the switches that are on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Consent(pub std::collections::BTreeSet<Switch>);

impl Consent {
    /// Whether a switch is on.
    pub fn to(&self, switch: Switch) -> bool {
        self.0.contains(&switch)
    }
}

/// What is known of a person before a call of theirs runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Their accounts on all platforms, this one among them, sorted.
    pub accounts: Vec<MemberId>,
    /// What they consented to, with any account.
    pub consent: Consent,
    /// The role that the operator gave them, whatever their platform says.
    pub grant: Option<Role>,
    /// Whether they are answered nothing.
    pub blocked: bool,
}

/// What the community remembers of people and rooms.
#[async_trait]
pub trait Register: Send + Sync {
    /// What is known of a person; the default where nothing is, with this one account.
    async fn standing(&self, member: &MemberId) -> Result<Standing, PortError>;

    /// Turns a switch of a person's consent: on with this account, off with all of theirs.
    async fn set_consent(&self, member: &MemberId, switch: Switch, on: bool, at: Timestamp) -> Result<(), PortError>;

    /// Those who consented and are not blocked: person by person, each with all of their accounts, sorted.
    async fn willing(&self, switch: Switch) -> Result<Vec<Accounts>, PortError>;

    /// Gives a person a role, or takes it.
    async fn set_grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), PortError>;

    /// Answers a person nothing from now on, or answers again.
    async fn set_blocked(&self, member: &MemberId, blocked: bool) -> Result<(), PortError>;

    /// A room's policy.
    async fn policy(&self, room: &RoomId) -> Result<Policy, PortError>;

    /// Who sees a room's replies by its policy, without waiting: some platforms must say it before they may wait.
    fn visibility(&self, room: &RoomId) -> Visibility;

    /// Sets a room's policy, or, with `None`, the default again.
    async fn set_policy(&self, room: &RoomId, policy: Option<&Policy>) -> Result<(), PortError>;

    /// The rooms with a policy of their own.
    async fn policies(&self) -> Result<Vec<(RoomId, Policy)>, PortError>;

    /// Whether everything is paused, whatever the rooms' policies say.
    async fn is_paused(&self) -> Result<bool, PortError>;

    /// Pauses everything, or ends that.
    async fn pause_all(&self, paused: bool) -> Result<(), PortError>;

    /// Keeps a code that another account of the same person can say until then. One code an account.
    async fn offer_link(&self, member: &MemberId, code: &str, until: Timestamp) -> Result<(), PortError>;

    /// Links this account with the one that was given the code; that one. Nothing where no such code holds now, or
    /// where the code is this account's own. A code links once.
    async fn accept_link(&self, member: &MemberId, code: &str, now: Timestamp) -> Result<Option<MemberId>, PortError>;

    /// Takes this account from the others of the person; whether there were others. Each account keeps the switches
    /// that were turned on with it.
    async fn unlink(&self, member: &MemberId) -> Result<bool, PortError>;
}

/// What was erased of a person, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Each kind of thing in a word or two, with how many: `("documents", 3)`; kinds with none are left out.
    pub counts: Vec<(String, usize)>,
}

/// What people may do with what is remembered of them: in every store, with every account of theirs.
#[async_trait]
pub trait Personal: Send + Sync {
    /// All that is kept of a person, as one ZIP archive of JSON and files.
    async fn export(&self, member: &MemberId) -> Result<Vec<u8>, PortError>;

    /// Removes all that is kept of a person; what was removed. Of the audit trail remains that something happened,
    /// without who and what.
    async fn forget(&self, member: &MemberId) -> Result<Erased, PortError>;
}
