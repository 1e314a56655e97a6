//! Direct messages: which rooms are some, and the one with a person.
//!
//! **Invariant:** a room that a third person is in, is invited to or may enter by themselves is no direct message,
//! whatever its account data calls it: what is for one person alone never goes there.

use std::collections::HashMap;

use matrix_sdk::{
    Client, Room, RoomState,
    ruma::{
        OwnedRoomId, OwnedUserId, UserId,
        events::room::{history_visibility::HistoryVisibility, member::MembershipState},
    },
};
use tokio::sync::Mutex;

/// Whether a room is a direct message: two people, no way in for others but an invitation, and no name of its own
/// unless its account data calls it one. A channel that two people have entered so far has a name.
pub(crate) fn is_direct(room: &Room) -> bool {
    let is_open =
        room.is_public().unwrap_or(false) || room.history_visibility_or_default() == HistoryVisibility::WorldReadable;
    let is_marked = room.direct_targets_length() > 0;
    let is_named = room.name().is_some() || room.canonical_alias().is_some();
    let is_pair = match room.active_members_count() {
        // Some homeservers do not count; then the account data is all there is.
        0 => is_marked,
        count => count <= 2,
    };
    is_pair && !is_open && (is_marked || !is_named)
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

/// Finds and makes direct messages.
pub(crate) struct Direct {
    client: Client,
    /// Those that this process made or found; held while one is made, so that nobody gets two.
    known: Mutex<HashMap<OwnedUserId, OwnedRoomId>>,
}

impl Direct {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// The direct message with a person: one that is there, else a new one, encrypted.
    pub(crate) async fn with(&self, user: &UserId) -> matrix_sdk::Result<Room> {
        let mut known = self.known.lock().await;
        if let Some(room) = known.get(user).and_then(|id| self.client.get_room(id)) {
            // One that was made a moment ago is not counted yet.
            let is_ours_alone = room.active_members_count() == 0 || is_direct(&room);
            if room.state() == RoomState::Joined && is_ours_alone && has(&room, user).await? {
                return Ok(room);
            }
        }
        let marked: Vec<Room> = self.client.get_dm_rooms(user).collect();
        // A direct message that its other side began need not be marked.
        let others = self.client.joined_rooms().into_iter().filter(|room| room.active_members_count() == 2);
        let mut found = None;
        for room in marked.into_iter().chain(others).filter(is_direct) {
            if has(&room, user).await? {
                found = Some(room);
                break;
            }
        }
        let room = match found {
            Some(room) => room,
            None => self.client.create_dm(user).await?,
        };
        known.insert(user.to_owned(), room.room_id().to_owned());
        Ok(room)
    }
}
