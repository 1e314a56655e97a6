//! Who may what: the homeserver's power levels and memberships as roles, at once.

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    Audience, MemberId, Place, PortError, Role, RoomId as RoomOf, Scope,
    ports::{self, Members},
};
use matrix_sdk::{
    Client, Room, RoomState,
    ruma::{Int, OwnedUserId, RoomId, UserId, events::room::power_levels::UserPowerLevel},
};

use crate::{
    Settings,
    direct::{has_joined, is_room},
};

/// The power level that looks after a room, by the convention of all clients.
const MODERATOR: i32 = 50;

/// Whether a person looks after a room.
pub(crate) async fn has_power(room: &Room, user: &UserId) -> bool {
    let level = room.get_user_power_level(user).await;
    level.is_ok_and(|level| level >= UserPowerLevel::Int(Int::from(MODERATOR)))
}

/// Roles, from the rooms that we are in.
pub(crate) struct MatrixMembers {
    pub(crate) client: Client,
    pub(crate) settings: Arc<Settings>,
}

impl MatrixMembers {
    /// The room of a place, where we are in it, and the person of that id; `None` where either does not belong to Matrix.
    fn found(&self, place: &Place, member: &MemberId) -> Option<(Room, OwnedUserId)> {
        let (user, room) = (UserId::parse(&member.0).ok()?, RoomId::parse(&place.room.0).ok()?);
        let room = self.client.get_room(&room).filter(|room| room.state() == RoomState::Joined)?;
        Some((room, user))
    }

    /// Between two a person is whom they are elsewhere: a member, if they share a room with us.
    async fn shares_room(&self, user: &UserId) -> matrix_sdk::Result<bool> {
        for room in self.client.joined_rooms() {
            if is_room(&room).await && has_joined(&room, user).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_up(&self, room: &Room, user: &UserId) -> matrix_sdk::Result<Role> {
        if !has_joined(room, user).await? {
            return Ok(Role::Guest);
        }
        if !is_room(room).await {
            return Ok(if self.shares_room(user).await? { Role::Member } else { Role::Guest });
        }
        Ok(if has_power(room, user).await { Role::Moderator } else { Role::Member })
    }
}

#[async_trait]
impl Members for MatrixMembers {
    async fn role(&self, place: &Place, member: &MemberId) -> Result<Role, PortError> {
        if self.settings.operators.iter().any(|operator| operator.trim() == member.0) {
            return Ok(Role::Operator);
        }
        let Some((room, user)) = self.found(place, member) else { return Ok(Role::Guest) };
        self.look_up(&room, &user).await.map_err(PortError::failed("matrix", "looking up a member"))
    }

    async fn sees(&self, place: &Place, member: &MemberId) -> Result<bool, PortError> {
        let Some((room, user)) = self.found(place, member) else { return Ok(false) };
        has_joined(&room, &user).await.map_err(PortError::failed("matrix", "looking up a member"))
    }

    async fn scopes(&self, _place: &Place, _member: &MemberId) -> Result<Vec<Scope>, PortError> {
        // Matrix knows no groups within a room.
        Ok(Vec::new())
    }

    async fn rooms(&self, place: &Place, member: &MemberId) -> Result<Vec<ports::Room>, PortError> {
        let Ok(user) = UserId::parse(&member.0) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for room in self.client.joined_rooms() {
            let failed = PortError::failed("matrix", "looking up a member's rooms");
            if is_room(&room).await && has_joined(&room, &user).await.map_err(failed)? {
                let (room, name) = (RoomOf(room.room_id().to_string()), room.name().unwrap_or_default());
                let place = Place { room, thread: None, audience: Audience::Room, ..place.clone() };
                found.push(ports::Room { place, name });
            }
        }
        Ok(found)
    }
}
