//! What a community remembers of its people and rooms, and what people may do with what is remembered of them.
//!
//! **Invariant:** silence is no: every switch of [`Consent`] is off until the person turns it on.

use std::{collections::BTreeSet, fmt};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{MemberId, Place, Policy, PortError, Role, RoomId, Visibility, profile::Accounts};

/// How far ahead of ours the clock of a platform is believed to be.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);

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

    /// Whether it protects a person: it then holds for all of their accounts once one of them asked for it. The others allow
    /// something, and hold where every account of the person allowed it.
    pub fn is_protective(self) -> bool {
        self == Self::Omit
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
pub struct Consent(pub BTreeSet<Switch>);

impl Consent {
    /// Whether a switch is on.
    pub fn to(&self, switch: Switch) -> bool {
        self.0.contains(&switch)
    }
}

/// From when on a change counts that was asked for at `said` and is made `now`: from when it was asked for, by the clock of the
/// platform, which is the clock of what is said there before and after it. A time more than an hour ahead of ours is an error
/// of that clock: such a change counts from `now`.
pub fn counts_from(said: Timestamp, now: Timestamp) -> Timestamp {
    if said.duration_since(now) > AHEAD_MAX { now } else { said }
}

/// Where a person is answered nothing. An operator is answered all the same: see the gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// In all rooms, as an operator decided.
    pub everywhere: bool,
    /// In these rooms, as their moderators decided.
    pub rooms: BTreeSet<RoomId>,
}

impl Blocked {
    /// Whether they are answered nothing in a room.
    pub fn holds_in(&self, room: &RoomId) -> bool {
        self.everywhere || self.rooms.contains(room)
    }
}

/// What is known of a person before a call of theirs runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Their accounts on all platforms, this one among them, sorted.
    pub accounts: Vec<MemberId>,
    /// What they consented to: with each of their accounts, or, of what protects them, with any of them.
    pub consent: Consent,
    /// The role that the operator gave this account, whatever its platform says. It is no other account's.
    pub grant: Option<Role>,
    /// Where this account is answered nothing.
    pub blocked: Blocked,
}

/// An account that another one is to be joined with, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Which.
    pub member: MemberId,
    /// Where it spoke of it, and is told of it.
    pub place: Place,
    /// All accounts that come with it, itself among them, sorted.
    pub accounts: Accounts,
}

/// What a code did that an account said. Nothing is shared before [`Linking::Linked`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linking<P = Party> {
    /// It was another account's offer, which this account may now see, and confirm with a code of its own.
    Shown(P),
    /// This account confirmed; the other one is now to confirm with a code of its own.
    Confirmed(P),
    /// Both confirmed: they are one person.
    Linked(P),
}

impl<P> Linking<P> {
    /// The same with the other account in other form.
    pub fn map<Q>(self, with: impl FnOnce(P) -> Q) -> Linking<Q> {
        match self {
            Self::Shown(party) => Linking::Shown(with(party)),
            Self::Confirmed(party) => Linking::Confirmed(with(party)),
            Self::Linked(party) => Linking::Linked(with(party)),
        }
    }
}

/// What the community remembers of people and rooms.
///
/// **Invariant:** consents and policies are kept with the time from which on they count, so that what was said before a change is
/// judged by how things stood when it was said, however late it is heard.
#[async_trait]
pub trait Register: Send + Sync {
    /// What is known of a person; the default where nothing is, with this one account.
    async fn standing(&self, member: &MemberId) -> Result<Standing, PortError>;

    /// The same of somebody who said something at a time. Of their consent, what allows something is in it where it was on at
    /// that time and is on now; what protects them, where it was on at that time or is on now.
    async fn standing_at(&self, member: &MemberId, said: Timestamp) -> Result<Standing, PortError>;

    /// Turns a switch of a person's consent from a time on: on with this account; off with all of theirs, or, of what protects
    /// them, with this account. It counts no earlier than the change before it.
    async fn set_consent(&self, member: &MemberId, switch: Switch, on: bool, at: Timestamp) -> Result<(), PortError>;

    /// Those who consented and are not blocked everywhere: person by person, each with their accounts, sorted. An account that
    /// is blocked is left out, with all that it owns.
    async fn willing(&self, switch: Switch) -> Result<Vec<Accounts>, PortError>;

    /// Gives an account a role, or takes it.
    async fn set_grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), PortError>;

    /// Answers a person nothing from now on, in a room or, without one, in all. Or answers again: what was decided in that
    /// room ends or, without one, all that was decided on them anywhere.
    async fn set_blocked(&self, member: &MemberId, room: Option<&RoomId>, blocked: bool) -> Result<(), PortError>;

    /// A room's policy.
    async fn policy(&self, room: &RoomId) -> Result<Policy, PortError>;

    /// The same for what was said at a time: it indexes messages where it did at that time, was not paused then, and does now.
    async fn policy_at(&self, room: &RoomId, said: Timestamp) -> Result<Policy, PortError>;

    /// Who sees a room's replies by its policy, without waiting: some platforms must say it before they may wait.
    fn visibility(&self, room: &RoomId) -> Visibility;

    /// Sets a room's policy from a time on, or, with `None`, the default again. It counts no earlier than the change before it.
    async fn set_policy(&self, room: &RoomId, policy: Option<&Policy>, at: Timestamp) -> Result<(), PortError>;

    /// The rooms with a policy of their own.
    async fn policies(&self) -> Result<Vec<(RoomId, Policy)>, PortError>;

    /// Whether everything is paused, whatever the rooms' policies say.
    async fn is_paused(&self) -> Result<bool, PortError>;

    /// Pauses everything, or ends that.
    async fn pause_all(&self, paused: bool) -> Result<(), PortError>;

    /// Keeps a code that another account of the same person can say until then. One offer an account: it takes the place of the
    /// one before.
    async fn offer_link(&self, member: &MemberId, place: &Place, code: &str, until: Timestamp)
    -> Result<(), PortError>;

    /// An account says a code: an offer's, or the one by which it confirms. `next` is what is to be said for the next step, by
    /// this account after [`Linking::Shown`], by the other one, until `until`, after [`Linking::Confirmed`]. Nothing where no such
    /// code holds now, where it is not this account's to say, or where the two are one person already.
    async fn say_link(
        &self,
        member: &MemberId,
        place: &Place,
        code: &str,
        next: (&str, Timestamp),
        now: Timestamp,
    ) -> Result<Option<Linking>, PortError>;

    /// The account that confirmed and waits for this one to do the same, with the code for it.
    async fn pending_link(&self, member: &MemberId, now: Timestamp) -> Result<Option<(Party, String)>, PortError>;

    /// Ends an offer with a code by which this account would have confirmed; whether there was one.
    async fn refuse_link(&self, member: &MemberId, code: &str) -> Result<bool, PortError>;

    /// Takes this account from the others of the person from a time on; whether there were others. Each account keeps the switches
    /// that were turned on with it.
    async fn unlink(&self, member: &MemberId, at: Timestamp) -> Result<bool, PortError>;
}

/// What was erased of a person, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Each kind of thing in a word or two, with how many: `("documents", 3)`; kinds with none are left out.
    pub counts: Vec<(String, usize)>,
}

/// What a person is handed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// A ZIP archive of JSON and files.
    pub archive: Vec<u8>,
    /// The files that it has no room for, which only the operator can hand over.
    pub left_out: Vec<String>,
}

/// What people may do with what is remembered of them: in every store, with every account of theirs. Each is done a few
/// times an hour, and for one person once at a time; more is [`PortError::Refused`] with a sentence that says when.
#[async_trait]
pub trait Personal: Send + Sync {
    /// All that is kept of a person `at` a time: what they said and own, and nothing that others said or that they could
    /// read only once.
    async fn export(&self, member: &MemberId, at: Timestamp) -> Result<Export, PortError>;

    /// Removes all that is kept of a person `at` a time, and keeps nothing of what they began before, however late it ends;
    /// what was removed. Of the audit trail remains that something happened, without who and what.
    async fn forget(&self, member: &MemberId, at: Timestamp) -> Result<Erased, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, now: &str, want: &str) {
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        assert_eq!(counts_from(at(said), at(now)), at(want), "said {said}, made {now}");
    }

    #[test]
    fn a_change_counts_from_when_it_was_asked_for_unless_that_is_far_ahead() {
        check("2026-11-24T12:00:00Z", "2026-11-24T12:00:07Z", "2026-11-24T12:00:00Z");
        check("2026-11-24T12:00:07Z", "2026-11-24T12:00:00Z", "2026-11-24T12:00:07Z");
        check("2026-11-24T13:00:01Z", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z");
    }
}
