//! From native events to messages: what is for us goes to the driver, all else ends here without work.
//!
//! Read [`Listener::heard`], then [`Listener::question`]; what is said about earlier messages (edits, removals,
//! reactions) is in `aftermath.rs`.

use std::sync::Arc;

use chat::{
    Attachment, Audience, CallId, CommunityId, Message, MessageId, Overheard, Place, Platform, RoomId, ports::Outbox,
};
use frontend::{Driver, driver::SHOW};
use jiff::Timestamp;
use matrix_sdk::{
    Client, Room, RoomState,
    deserialized_responses::{MemberEvent, TimelineEvent},
    ruma::{
        EventId, OwnedUserId,
        events::{
            AnySyncMessageLikeEvent, AnySyncTimelineEvent, SyncMessageLikeEvent, SyncStateEvent,
            room::{
                member::MembershipState,
                message::{OriginalSyncRoomMessageEvent, Relation},
                redaction::SyncRoomRedactionEvent,
            },
        },
    },
    sync::RoomUpdates,
};
use tokio::task::JoinSet;

use crate::{
    direct::{Kind, kind},
    native::{self, Native},
    reading::{self, Names, Reading},
    rooms::Rooms,
    unreadable::Unreadable,
};

/// How far into a text a name at its beginning may reach, in characters.
const NAME_CHARS_MAX: usize = 120;

/// Turns what a sync brings into messages.
pub(crate) struct Listener {
    pub(crate) client: Client,
    pub(crate) driver: Arc<Driver>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) community: CommunityId,
    pub(crate) own: OwnedUserId,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) unreadable: Arc<Unreadable>,
}

/// How a message stands to us.
pub(crate) struct Asked {
    reading: Reading,
    /// Where it was said.
    kind: Kind,
    is_command: bool,
}

impl Asked {
    /// Whether it is for us, whatever it replies to.
    pub(crate) fn is_for_us(&self) -> bool {
        self.kind != Kind::Room || self.is_command || self.reading.is_mention
    }
}

impl Listener {
    /// Hands on what a sync brought, each event in a task of its own: the sync goes on. Messages before `since` are old.
    pub(crate) async fn heard(
        self: &Arc<Self>,
        updates: RoomUpdates,
        since: Option<Timestamp>,
        tasks: &mut JoinSet<()>,
    ) {
        for room in updates.left.keys().filter_map(|id| self.client.get_room(id)) {
            self.rooms.left(&room).await;
        }
        for room in updates.invited.keys().filter_map(|id| self.client.get_room(id)) {
            let rooms = Arc::clone(&self.rooms);
            tasks.spawn(async move { rooms.invited(room).await });
        }
        for (id, update) in updates.joined {
            let Some(room) = self.client.get_room(&id) else { continue };
            if room.is_tombstoned() {
                let (rooms, room) = (Arc::clone(&self.rooms), room.clone());
                tasks.spawn(async move { rooms.replaced(room).await });
            } else if room.predecessor_room().is_some() {
                let (rooms, room) = (Arc::clone(&self.rooms), room.clone());
                tasks.spawn(async move { rooms.settle(room).await });
            }
            if update.timeline.limited && since.is_none() {
                tracing::debug!(room = %id, "more was said in a room than one sync brings; its beginning is not read");
            }
            for event in update.timeline.events {
                if event.sender().is_some_and(|sender| sender == self.own) {
                    continue;
                }
                let (listener, room) = (Arc::clone(self), room.clone());
                tasks.spawn(async move { listener.event(room, event, since).await });
            }
        }
    }

    async fn event(&self, room: Room, event: TimelineEvent, since: Option<Timestamp>) {
        let at = event.timestamp_raw().and_then(|at| Timestamp::from_millisecond(at.get().into()).ok());
        let is_old = since.is_some_and(|since| at.is_none_or(|at| at < since));
        let event = match event.kind.is_utd() {
            false => event,
            // Nobody gave us the keys of what was said before we came, and nobody should.
            true if is_old || self.is_before_join(&room, at.unwrap_or(Timestamp::MIN)).await => return,
            true => match self.unreadable.awaited(&room, &event).await {
                Some(event) => event,
                None => return,
            },
        };
        let Ok(AnySyncTimelineEvent::MessageLike(event)) = event.raw().deserialize() else { return };
        if room.state() != RoomState::Joined {
            return;
        }
        match event {
            AnySyncMessageLikeEvent::RoomMessage(SyncMessageLikeEvent::Original(event)) if !is_old => {
                self.said(&room, event).await;
            }
            AnySyncMessageLikeEvent::Reaction(SyncMessageLikeEvent::Original(event)) if !is_old => {
                self.reacted(&room, event).await;
            }
            AnySyncMessageLikeEvent::RoomRedaction(SyncRoomRedactionEvent::Original(event)) => {
                self.removed(&room, event).await;
            }
            _ => {}
        }
    }

    async fn said(&self, room: &Room, event: OriginalSyncRoomMessageEvent) {
        if let Some(Relation::Replacement(edit)) = &event.content.relates_to {
            let edit = edit.clone();
            return self.edited(room, event, edit).await;
        }
        let native = Native::of(event.event_id, event.sender, event.origin_server_ts, event.content);
        let Some(native) = native else { return };
        match self.question(room, native.clone()).await {
            Some(message) => self.driver.answer(message, None, Vec::new()).await,
            None => self.overheard(room, native).await,
        }
    }

    /// Something was said that was not meant for us.
    pub(crate) async fn overheard(&self, room: &Room, native: Native) {
        if native.is_notice || self.is_before_join(room, native.at).await {
            return;
        }
        // Between two everything is.
        let asked = self.asked(room, &native).await;
        if asked.is_for_us() {
            return;
        }
        let link = room.room_id().matrix_to_event_uri(native.id.clone()).to_string();
        let member = room.get_member_no_sync(&native.sender).await.ok().flatten();
        let name = member.and_then(|member| member.display_name().map(str::to_owned));
        let name = name.unwrap_or_else(|| native.sender.localpart().to_owned());
        let called = room.name().unwrap_or_default();
        let message = native.message(&self.community, &RoomId(room.room_id().to_string()), Audience::Room);
        self.driver.overhear(Overheard { message, link: Some(link), name, room: called }).await;
    }

    /// A room, as far as it matters to what is removed there.
    pub(crate) fn place(&self, room: &Room) -> Place {
        Place {
            platform: Platform::Matrix,
            community: self.community.clone(),
            room: RoomId(room.room_id().to_string()),
            thread: None,
            audience: Audience::Room,
        }
    }

    /// How a message stands to us, by itself.
    pub(crate) async fn asked(&self, room: &Room, native: &Native) -> Asked {
        // Who replies to what a person said, and we said again, speaks to that person, though a reply mentions us.
        let is_mentioned = native.mentions.as_ref().is_some_and(|mentions| mentions.user_ids.contains(&self.own))
            && !self.echoes(native).await;
        let may_name = is_mentioned
            || native.html.as_ref().is_some_and(|html| html.contains("matrix.to"))
            || native.text.chars().take(NAME_CHARS_MAX).any(|c| matches!(c, ':' | ',' | '：' | '，'));
        let display = if may_name { self.display(room).await } else { String::new() };
        let names = Names { user: self.own.as_str(), display: &display };
        let reading = reading::read(&native.text, native.html.as_deref(), is_mentioned, names);
        let is_command = reading::command(&reading.text).is_some_and(|word| self.is_command(word));
        Asked { kind: kind(room).await, is_command, reading }
    }

    /// The message in a native one, where it is for us: a command, a mention, a direct message, a reply to us.
    pub(crate) async fn question(&self, room: &Room, native: Native) -> Option<Message> {
        // Programs answer each other without end.
        if native.is_notice {
            return None;
        }
        let asked = self.asked(room, &native).await;
        let replied = match &native.reply_to {
            Some(_) if self.echoes(&native).await => None,
            Some(event) => self.shown(event).await,
            None => None,
        };
        let addressed = asked.kind != Kind::Room || asked.reading.is_mention || replied.is_some();
        if !(addressed || asked.is_command)
            || asked.reading.text.is_empty()
            || self.is_before_join(room, native.at).await
        {
            return None;
        }
        let about = match (replied, &native.thread) {
            (None, Some(root)) if native.reply_to.is_none() => self.shown(root).await,
            (replied, _) => replied,
        };
        let file = match &native.reply_to {
            Some(event) if native.file.is_none() && about.is_none() => self.file(room, event).await,
            _ => None,
        };
        // Where others can come in, nothing is said that is the asker's alone.
        let audience = if asked.kind == Kind::Direct { Audience::Caller } else { Audience::Room };
        let mut message = native.message(&self.community, &RoomId(room.room_id().to_string()), audience);
        message.text = asked.reading.text;
        message.attachments.extend(file);
        Some(Message { addressed, about, ..message })
    }

    /// Whether `word` is a command of ours: other programs' commands begin with `!` as well.
    pub(crate) fn is_command(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        word == SHOW || self.driver.dispatch().manifests().iter().any(|manifest| manifest.command(&word).is_some())
    }

    /// The answer of ours that an event shows.
    async fn shown(&self, event: &EventId) -> Option<CallId> {
        self.driver.showing(&MessageId(event.to_string())).await.map(|post| post.call)
    }

    /// Whether a message replies to what a person said and we said again.
    async fn echoes(&self, native: &Native) -> bool {
        let Some(event) = &native.reply_to else { return false };
        let shown = self.driver.showing(&MessageId(event.to_string())).await;
        shown.is_some_and(|post| post.question.is_echo())
    }

    /// The file that a message is.
    async fn file(&self, room: &Room, event: &EventId) -> Option<Attachment> {
        let event = room.event(event, None).await.ok()?;
        let event = native::original(event.raw())?;
        let content = native::latest(&event);
        Native::of(event.event_id, event.sender, event.origin_server_ts, content)?.file
    }

    /// What a room calls us.
    async fn display(&self, room: &Room) -> String {
        let member = room.get_member_no_sync(&self.own).await.ok().flatten();
        member.and_then(|member| member.display_name().map(str::to_owned)).unwrap_or_default()
    }

    /// Whether something was said before we came: whoever enters again is handed what was said long ago.
    pub(crate) async fn is_before_join(&self, room: &Room, at: Timestamp) -> bool {
        let Ok(Some(member)) = room.get_member_no_sync(&self.own).await else { return false };
        let MemberEvent::Sync(SyncStateEvent::Original(event)) = member.event().as_ref() else { return false };
        // A new name or picture is no arrival.
        let before = event.unsigned.prev_content.as_ref();
        let is_arrival = before.is_none_or(|before| before.membership != MembershipState::Join);
        let arrived = Timestamp::from_millisecond(event.origin_server_ts.get().into());
        is_arrival && arrived.is_ok_and(|arrived| at < arrived)
    }
}
