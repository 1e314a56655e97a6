//! Direct messages: which rooms are some, and the one with a person.
//!
//! **Invariant:** what is for one person alone goes into a room that nobody else is in, is invited to or can enter by
//! themselves, whatever its account data calls it: it is looked at again each time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chat::error::chain;
use matrix_sdk::{
    Client, Room, RoomMemberships, RoomState,
    ruma::{
        OwnedRoomId, OwnedUserId, UserId,
        events::room::{history_visibility::HistoryVisibility, member::MembershipState},
        room::JoinRule,
    },
};

/// How long a room that we made may take until a sync has brought all of it.
const MADE_WITHIN: Duration = Duration::from_secs(30);

/// People whose direct message is remembered at most.
const KNOWN_MAX: usize = 10_000;

/// What a room is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Between us and one person, and closed to others: what is said there is theirs alone.
    Direct,
    /// Between us and one person, but others can enter it, look into it or read along: whoever writes there means us, and
    /// is told what every room is told.
    Pair,
    /// A room of several, or one that waits for more.
    Room,
}

/// What decides on that.
#[derive(Debug, Clone)]
struct Facts {
    /// How one enters; none where that is not known.
    join_rule: Option<JoinRule>,
    history: HistoryVisibility,
    /// How many have joined, we among them.
    joined: usize,
    /// How many are invited.
    invited: usize,
    /// Whether our account data calls it a direct message.
    is_marked: bool,
    /// A channel that two people have entered so far has a name.
    is_named: bool,
    is_encrypted: bool,
    /// Whether we made it.
    is_ours: bool,
}

impl Facts {
    async fn of(room: &Room) -> matrix_sdk::Result<Self> {
        let members = room.members(RoomMemberships::ACTIVE).await?;
        let are = |state| members.iter().filter(|member| *member.membership() == state).count();
        Ok(Self {
            join_rule: room.join_rule(),
            history: room.history_visibility_or_default(),
            joined: are(MembershipState::Join),
            invited: are(MembershipState::Invite),
            is_marked: is_marked(room),
            is_named: is_named(room),
            is_encrypted: room.latest_encryption_state().await?.is_encrypted(),
            is_ours: room.create_content().is_some_and(|made| made.creator == room.own_user_id()),
        })
    }

    fn kind(&self) -> Kind {
        if self.joined + self.invited > 2 || (self.is_named && !self.is_marked) {
            return Kind::Room;
        }
        // Who is only invited may never have wanted the room, and who made it may be somebody else.
        let is_met = match (self.joined, self.invited) {
            (2, 0) => true,
            (1, 1) => self.is_ours,
            _ => false,
        };
        let is_closed =
            self.join_rule.as_ref().is_some_and(is_closed) && self.history != HistoryVisibility::WorldReadable;
        if is_met && is_closed && (self.is_encrypted || self.is_ours) { Kind::Direct } else { Kind::Pair }
    }
}

/// Whether nobody enters but by an invitation.
fn is_closed(rule: &JoinRule) -> bool {
    matches!(rule, JoinRule::Invite | JoinRule::Private)
}

fn is_marked(room: &Room) -> bool {
    room.direct_targets_length() > 0
}

fn is_named(room: &Room) -> bool {
    room.name().is_some() || room.canonical_alias().is_some()
}

async fn looked_up(room: &Room) -> matrix_sdk::Result<Kind> {
    // What is plain needs no list of members, which the homeserver may have to be asked for.
    if room.active_members_count() > 2 || (is_named(room) && !is_marked(room)) {
        return Ok(Kind::Room);
    }
    Ok(Facts::of(room).await?.kind())
}

/// What a room is to us now.
pub(crate) async fn kind(room: &Room) -> Kind {
    looked_up(room).await.unwrap_or_else(|error| {
        tracing::warn!(room = %room.room_id(), error = %chain(&error), "could not look up who is in a room");
        Kind::Pair
    })
}

/// Whether a room is one of several people.
pub(crate) async fn is_room(room: &Room) -> bool {
    match room.active_members_count() {
        // Some homeservers do not count.
        0 => kind(room).await == Kind::Room,
        count => count > 2 || (is_named(room) && !is_marked(room)),
    }
}

/// Whether a person is in a room, or invited to it.
pub(crate) async fn has(room: &Room, user: &UserId) -> matrix_sdk::Result<bool> {
    let member = room.get_member(user).await?;
    Ok(member.is_some_and(|member| matches!(member.membership(), MembershipState::Join | MembershipState::Invite)))
}

/// Whether a person has joined a room.
pub(crate) async fn has_joined(room: &Room, user: &UserId) -> matrix_sdk::Result<bool> {
    // The sender of an event comes with it; the whole list is asked for once, where that does not tell.
    let member = match room.get_member_no_sync(user).await? {
        Some(member) => Some(member),
        None => room.get_member(user).await?,
    };
    Ok(member.is_some_and(|member| *member.membership() == MembershipState::Join))
}

/// A person's direct message, as far as one is known; locked while it is looked for or made, so that nobody gets two.
type Known = Arc<tokio::sync::Mutex<Option<OwnedRoomId>>>;

/// Finds and makes direct messages.
pub(crate) struct Direct {
    client: Client,
    /// By person, so that nobody waits for another's.
    known: Mutex<HashMap<OwnedUserId, Known>>,
    /// Rooms that this process made, for whom and when.
    made: Mutex<HashMap<OwnedRoomId, (OwnedUserId, Instant)>>,
}

impl Direct {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default(), made: Mutex::default() }
    }

    /// Whether what is for a person alone may be said in a room now.
    pub(crate) async fn is_with(&self, room: &Room, user: &UserId) -> matrix_sdk::Result<bool> {
        if room.state() != RoomState::Joined {
            return Ok(false);
        }
        if self.is_new(room, user) {
            // What the homeserver said of it so far must not speak against it.
            return Ok(room.join_rule().is_none_or(|rule| is_closed(&rule)) && room.active_members_count() <= 2);
        }
        Ok(looked_up(room).await? == Kind::Direct && has(room, user).await?)
    }

    /// Whether we made a room for a person a moment ago: no sync may have brought it yet.
    fn is_new(&self, room: &Room, user: &UserId) -> bool {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(room.room_id()).is_some_and(|(of, at)| of == user && at.elapsed() < MADE_WITHIN)
    }

    fn known(&self, user: &UserId) -> Known {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            // One that is being looked for has another owner just now.
            known.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(known.entry(user.to_owned()).or_default())
    }

    /// The direct message with a person: one that is there, else a new one, encrypted.
    pub(crate) async fn with(&self, user: &UserId) -> matrix_sdk::Result<Room> {
        let known = self.known(user);
        let mut known = known.lock().await;
        let before = known.as_ref().and_then(|id| self.client.get_room(id));
        // One that our account data names first: its other side may have begun it without.
        let marked: Vec<Room> = self.client.get_dm_rooms(user).collect();
        let others = self.client.joined_rooms().into_iter().filter(|room| {
            let heroes = room.heroes();
            room.active_members_count() == 2 && (heroes.is_empty() || heroes.iter().any(|hero| hero.user_id == *user))
        });
        for room in before.into_iter().chain(marked).chain(others) {
            if self.is_with(&room, user).await? {
                *known = Some(room.room_id().to_owned());
                return Ok(room);
            }
        }
        let room = self.client.create_dm(user).await?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, (_, at)| at.elapsed() < MADE_WITHIN);
        made.insert(room.room_id().to_owned(), (user.to_owned(), Instant::now()));
        *known = Some(room.room_id().to_owned());
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::room::Restricted;

    use super::*;

    /// What a person begins in an ordinary client.
    fn usual() -> Facts {
        Facts {
            join_rule: Some(JoinRule::Invite),
            history: HistoryVisibility::Shared,
            joined: 2,
            invited: 0,
            is_marked: true,
            is_named: false,
            is_encrypted: true,
            is_ours: false,
        }
    }

    #[track_caller]
    fn check(facts: Facts, want: Kind) {
        assert_eq!(facts.kind(), want, "{facts:?}");
    }

    #[test]
    fn a_direct_message_is_between_two_and_closed() {
        check(usual(), Kind::Direct);
        check(Facts { join_rule: Some(JoinRule::Private), ..usual() }, Kind::Direct);
        check(Facts { is_marked: false, ..usual() }, Kind::Direct);
        check(Facts { is_named: true, ..usual() }, Kind::Direct);
        for history in [HistoryVisibility::Invited, HistoryVisibility::Joined] {
            check(Facts { history, ..usual() }, Kind::Direct);
        }
        // A channel that waits for more, and one that has more.
        check(Facts { is_named: true, is_marked: false, ..usual() }, Kind::Room);
        check(Facts { joined: 3, ..usual() }, Kind::Room);
        check(Facts { invited: 1, ..usual() }, Kind::Room);
    }

    #[test]
    fn a_room_that_others_can_enter_is_no_direct_message() {
        let restricted = || Restricted::new(Vec::new());
        let open = [JoinRule::Public, JoinRule::Knock];
        let through = [JoinRule::Restricted(restricted()), JoinRule::KnockRestricted(restricted())];
        for rule in open.into_iter().chain(through).map(Some).chain([None]) {
            check(Facts { join_rule: rule.clone(), ..usual() }, Kind::Pair);
            check(Facts { join_rule: rule.clone(), is_marked: false, ..usual() }, Kind::Pair);
            check(Facts { join_rule: rule, is_ours: true, ..usual() }, Kind::Pair);
        }
        check(Facts { history: HistoryVisibility::WorldReadable, ..usual() }, Kind::Pair);
    }

    #[test]
    fn who_is_only_invited_is_met_in_a_room_of_ours_alone() {
        check(Facts { joined: 1, invited: 1, ..usual() }, Kind::Pair);
        check(Facts { joined: 1, invited: 1, is_ours: true, ..usual() }, Kind::Direct);
        check(Facts { joined: 1, invited: 0, is_ours: true, ..usual() }, Kind::Pair);
        check(Facts { joined: 0, invited: 0, ..usual() }, Kind::Pair);
    }

    #[test]
    fn a_room_of_somebody_else_is_encrypted_or_no_direct_message() {
        check(Facts { is_encrypted: false, ..usual() }, Kind::Pair);
        check(Facts { is_encrypted: false, is_ours: true, ..usual() }, Kind::Direct);
    }
}
