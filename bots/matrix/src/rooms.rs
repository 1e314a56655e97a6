//! Coming and going: invitations by the allow-list, being shown out, and rooms that move.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat::{RoomId, error::chain, ports::Acquisition};
use matrix_sdk::{
    Client, Room, RoomState,
    deserialized_responses::SyncOrStrippedState,
    ruma::{
        OwnedRoomId, OwnedUserId, RoomOrAliasId,
        api::client::membership::leave_room,
        events::{StateEventType, SyncStateEvent, room::tombstone::RoomTombstoneEventContent},
    },
};

use crate::allow::Allow;

/// Waits before each try to enter a room: an invitation may be here before the room is.
const TRIES_AFTER: [u64; 6] = [0, 2, 5, 15, 45, 120];

/// A room that one was shown out of is forgotten before the next look, or never.
const FORGET_WITHIN: Duration = Duration::from_secs(10);

/// Enters and leaves rooms.
pub(crate) struct Rooms {
    client: Client,
    allow: Allow,
    /// Rooms that are being entered.
    entering: Mutex<HashSet<OwnedRoomId>>,
    /// Rooms whose replacement was looked at: once per process, and an invitation to it is answered in any case.
    followed: Mutex<HashSet<OwnedRoomId>>,
    /// Rooms that were asked what they go on with: once per process.
    settled: Mutex<HashSet<OwnedRoomId>>,
    library: Arc<dyn Acquisition>,
}

fn lock(rooms: &Mutex<HashSet<OwnedRoomId>>) -> MutexGuard<'_, HashSet<OwnedRoomId>> {
    rooms.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rooms {
    pub(crate) fn new(client: Client, allow: Allow, library: Arc<dyn Acquisition>) -> Self {
        let (entering, followed, settled) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { client, allow, entering, followed, settled, library }
    }

    /// Answers an invitation: enters where the list admits who sent it, else declines.
    pub(crate) async fn invited(&self, room: Room) {
        let id = room.room_id().to_owned();
        if room.state() != RoomState::Invited || !lock(&self.entering).insert(id.clone()) {
            return;
        }
        match room.invite_details().await {
            Ok(invite) if self.allow.admits(invite.inviter_id.as_str()) => {
                tracing::info!(room = %id, by = %invite.inviter_id, "invited to a room");
                self.enter(&id, None).await;
            }
            Ok(invite) => {
                tracing::info!(room = %id, by = %invite.inviter_id, "declined an invitation from outside the allow-list");
                // Not `Room::leave`: that also leaves what the room claims to have been before.
                if let Err(error) = self.client.send(leave_room::v3::Request::new(id.clone())).await {
                    tracing::warn!(room = %id, error = %chain(&error), "an invitation could not be declined");
                }
            }
            Err(error) => tracing::warn!(room = %id, error = %chain(&error), "an invitation does not say from whom"),
        }
        lock(&self.entering).remove(&id);
    }

    /// Enters a room, by the server of `via` where it is none of ours.
    async fn enter(&self, id: &OwnedRoomId, via: Option<&OwnedUserId>) {
        let servers: Vec<_> = via.map(|user| user.server_name().to_owned()).into_iter().collect();
        for (tries, after) in (1..).zip(TRIES_AFTER) {
            tokio::time::sleep(Duration::from_secs(after)).await;
            if self.client.get_room(id).is_some_and(|room| room.state() == RoomState::Joined) {
                return;
            }
            let target = <&RoomOrAliasId>::from(&**id);
            match self.client.join_room_by_id_or_alias(target, &servers).await {
                Ok(_) => return tracing::info!(room = %id, "entered a room"),
                Err(error) => tracing::warn!(room = %id, tries, error = %chain(&error), "a room could not be entered"),
            }
        }
    }

    /// Forgets a room that we are no longer in, so that a new invitation is a new beginning. Awaited by the sync loop:
    /// forgetting must not meet the next invitation.
    pub(crate) async fn left(&self, room: &Room) {
        if room.state() == RoomState::Joined || room.state() == RoomState::Invited {
            return;
        }
        tracing::info!(room = %room.room_id(), "no longer in a room");
        match tokio::time::timeout(FORGET_WITHIN, room.forget()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(room = %room.room_id(), error = %chain(&error), "a room is not forgotten"),
            Err(_) => tracing::info!(room = %room.room_id(), "a room is not forgotten: it took too long"),
        }
    }

    /// Follows a room that was replaced, where who said so had the power to and is on the allow-list.
    pub(crate) async fn replaced(&self, room: Room) {
        let Some(successor) = room.successor_room().map(|successor| successor.room_id) else { return };
        let is_there = self.client.get_room(&successor).is_some_and(|room| room.state() == RoomState::Joined);
        if is_there || !lock(&self.followed).insert(room.room_id().to_owned()) {
            return;
        }
        match self.replaced_by(&room).await {
            Some(sender) => {
                tracing::info!(room = %room.room_id(), successor = %successor, by = %sender, "a room was replaced");
                self.enter(&successor, Some(&sender)).await;
            }
            None => tracing::warn!(room = %room.room_id(), "a room was replaced by somebody whom we do not follow"),
        }
    }

    /// What a room owned goes with it to the room that replaces it: where that one says itself that it goes on with it,
    /// and who said so in the old one had the power to and is on the allow-list.
    pub(crate) async fn settle(&self, room: Room) {
        let Some(before) = room.predecessor_room().and_then(|before| self.client.get_room(&before.room_id)) else {
            return;
        };
        let is_successor = before.successor_room().is_some_and(|successor| successor.room_id == room.room_id());
        if !is_successor || !lock(&self.settled).insert(room.room_id().to_owned()) {
            return;
        }
        if self.replaced_by(&before).await.is_none() {
            return;
        }
        let id = |room: &Room| RoomId(room.room_id().to_string());
        match self.library.move_room(&id(&before), &id(&room)).await {
            Ok(documents) => tracing::info!(room = %room.room_id(), documents, "a room goes on in another"),
            Err(error) => {
                tracing::error!(room = %room.room_id(), error = %chain(&error), "a room's documents did not follow it");
                lock(&self.settled).remove(room.room_id());
            }
        }
    }

    /// Who replaced a room, if they had the power to and are on the allow-list.
    async fn replaced_by(&self, room: &Room) -> Option<OwnedUserId> {
        let event = room.get_state_event_static::<RoomTombstoneEventContent>().await.ok()??;
        let SyncOrStrippedState::Sync(SyncStateEvent::Original(event)) = event.deserialize().ok()? else { return None };
        let levels = room.power_levels().await.ok()?;
        let has_power = levels.user_can_send_state(&event.sender, StateEventType::RoomTombstone);
        (has_power && self.allow.admits(event.sender.as_str())).then_some(event.sender)
    }
}
