//! A room's history, decrypted, with edits applied and what was removed left out.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use chat::{
    Audience, Message, MessageId, Place, PortError,
    ports::{Archive, Archived},
};
use jiff::{SignedDuration, Timestamp};
use matrix_sdk::{
    Client, Room,
    deserialized_responses::TimelineEvent,
    room::{IncludeRelations, MessagesOptions, RelationsOptions},
    ruma::{
        EventId, OwnedEventId, OwnedRoomId, RoomId, UInt, UserId,
        events::{
            relation::RelationType,
            room::history_visibility::HistoryVisibility,
            room::message::{Relation, RoomMessageEventContentWithoutRelation},
        },
    },
};

use crate::{
    native::{self, Native},
    reactions,
};

/// Most messages of a page.
const PAGE_MAX: usize = 100;

/// Events that are asked for at a time.
const CHUNK: u32 = 100;

/// Chunks that one page reads through at most: a room may hold much that is no message.
const CHUNKS_MAX: usize = 20;

/// Places in rooms' histories that are remembered.
const PLACES_MAX: usize = 1_000;

/// How long a direct message without replies counts as one conversation.
const DIRECT_HOURS: i64 = 12;

/// Reads rooms' histories from the homeserver.
pub(crate) struct MatrixArchive {
    client: Client,
    /// Where the chunk begins that holds what was said before a time: who reads on page by page starts there.
    places: Mutex<HashMap<(String, Timestamp), String>>,
    /// Rooms whose keys were fetched from the backup: all at once, where the first is missing.
    opened: Mutex<HashSet<OwnedRoomId>>,
}

/// Takes events, newest first, and keeps the messages.
struct Reader<'a> {
    place: &'a Place,
    own: String,
    before: Option<Timestamp>,
    limit: usize,
    /// What messages say since their last edit; edits come before what they edit.
    edits: HashMap<OwnedEventId, (String, RoomMessageEventContentWithoutRelation)>,
    read: Vec<Archived>,
}

impl<'a> Reader<'a> {
    fn new(client: &Client, place: &'a Place, before: Option<Timestamp>, limit: usize) -> Self {
        let own = client.user_id().map(ToString::to_string).unwrap_or_default();
        Self { place, own, before, limit: limit.min(PAGE_MAX), edits: HashMap::new(), read: Vec::new() }
    }

    fn is_full(&self) -> bool {
        self.read.len() >= self.limit
    }

    fn take(&mut self, event: &TimelineEvent) {
        let Some(event) = native::original(event.raw()) else { return };
        if let Some(Relation::Replacement(edit)) = event.content.relates_to {
            let edited = (event.sender.to_string(), edit.new_content);
            self.edits.entry(edit.event_id).or_insert(edited);
            return;
        }
        let mut content = native::latest(&event);
        match self.edits.remove(&event.event_id) {
            Some((sender, edited)) if sender == event.sender => content.apply_replacement(edited),
            _ => {}
        }
        let link = RoomId::parse(&self.place.room.0).ok();
        let link = link.map(|room| room.matrix_to_event_uri(event.event_id.clone()).to_string());
        let native = Native::of(event.event_id, event.sender, event.origin_server_ts, content);
        let Some(native) = native.filter(|native| self.before.is_none_or(|before| native.at < before)) else { return };
        if self.is_full() {
            return;
        }
        let ours = native.sender == self.own;
        let mut message = native.message(&self.place.community, &self.place.room, self.place.audience);
        if ours {
            message.text = reactions::without_last_line(&message.text).to_owned();
        }
        let name = String::new();
        self.read.push(Archived { message, name, ours, link });
    }
}

/// What a user id is called where nothing better is known: `ana` of `@ana:example.org`.
fn localpart(user: &str) -> String {
    user.trim_start_matches('@').split(':').next().unwrap_or_default().to_owned()
}

/// Gives each message the name that its author has in the room.
async fn name(room: &Room, mut read: Vec<Archived>) -> Vec<Archived> {
    let mut names: HashMap<String, String> = HashMap::new();
    for archived in &mut read {
        let author = &archived.message.author.0;
        if !names.contains_key(author) {
            let member = match UserId::parse(author) {
                Ok(user) => room.get_member_no_sync(&user).await.ok().flatten(),
                Err(_) => None,
            };
            let name = member.and_then(|member| member.display_name().map(str::to_owned));
            names.insert(author.clone(), name.unwrap_or_else(|| localpart(author)));
        }
        archived.name.clone_from(&names[author]);
    }
    read
}

fn failed(doing: &'static str) -> impl FnOnce(matrix_sdk::Error) -> PortError {
    PortError::failed("matrix", doing)
}

impl MatrixArchive {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, places: Mutex::default(), opened: Mutex::default() }
    }

    fn room(&self, place: &Place) -> Result<Room, PortError> {
        let room = RoomId::parse(&place.room.0).ok().and_then(|id| self.client.get_room(&id));
        room.ok_or_else(|| PortError::Refused { port: "matrix", reason: format!("not in the room {}", place.room) })
    }

    async fn room_page(
        &self,
        room: &Room,
        place: &Place,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Archived>, PortError> {
        let mut reader = Reader::new(&self.client, place, before, limit);
        let mut from = before.and_then(|before| self.recall(place, before));
        for _ in 0..CHUNKS_MAX {
            let mut options = MessagesOptions::backward().from(from.as_deref());
            options.limit = UInt::from(CHUNK);
            let chunk = room.messages(options).await.map_err(failed("reading a room's history"))?;
            if self.fetched_keys(room, &chunk.chunk).await {
                continue;
            }
            for event in &chunk.chunk {
                reader.take(event);
            }
            if reader.is_full() {
                // The next page begins within this chunk.
                if let Some(last) = reader.read.last() {
                    self.remember(place, last.message.at, chunk.start);
                }
                break;
            }
            from = chunk.end;
            if from.is_none() {
                break;
            }
        }
        Ok(reader.read)
    }

    /// Whether keys came from the backup for what could not be read, so that it is worth asking again.
    async fn fetched_keys(&self, room: &Room, events: &[TimelineEvent]) -> bool {
        if !events.iter().any(|event| native::is_encrypted(event.raw())) {
            return false;
        }
        let id = room.room_id().to_owned();
        if !self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            return false;
        }
        self.client.encryption().backups().download_room_keys_for_room(&id).await.is_ok()
    }

    fn recall(&self, place: &Place, before: Timestamp) -> Option<String> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(&(place.room.0.clone(), before)).cloned()
    }

    fn remember(&self, place: &Place, before: Timestamp, from: String) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX {
            places.clear();
        }
        places.insert((place.room.0.clone(), before), from);
    }

    /// What was said in a thread, newest first; its root last.
    async fn thread_page(
        &self,
        room: &Room,
        place: &Place,
        root: &EventId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Archived>, PortError> {
        let doing = "reading a thread";
        let mut reader = Reader::new(&self.client, place, before, limit);
        let mut from: Option<String> = None;
        for _ in 0..CHUNKS_MAX {
            let options = RelationsOptions {
                from: from.clone(),
                limit: Some(UInt::from(CHUNK)),
                include_relations: IncludeRelations::RelationsOfType(RelationType::Thread),
                ..RelationsOptions::default()
            };
            let chunk = room.relations(root.to_owned(), options).await.map_err(failed(doing))?;
            if self.fetched_keys(room, &chunk.chunk).await {
                continue;
            }
            for event in &chunk.chunk {
                reader.take(event);
            }
            from = chunk.next_batch_token;
            if reader.is_full() || from.is_none() {
                break;
            }
        }
        if !reader.is_full() {
            reader.take(&room.event(root, None).await.map_err(failed(doing))?);
        }
        Ok(reader.read)
    }

    /// What a message replies to, what that replies to, and so on.
    async fn chain(&self, room: &Room, message: &Message, limit: usize) -> Result<Vec<Archived>, PortError> {
        let mut reader = Reader::new(&self.client, &message.place, None, limit);
        let mut next = message.reply_to.clone();
        while let Some(event) = next.take().and_then(|id| native::event_of(&id)) {
            let before = reader.read.len();
            // One that cannot be fetched any more ends the chain: what came after it is still of use.
            let Ok(event) = room.event(&event, None).await else { break };
            reader.take(&event);
            if reader.read.len() == before || reader.is_full() {
                break;
            }
            next = reader.read.last().and_then(|last| last.message.reply_to.clone());
        }
        Ok(reader.read)
    }
}

#[async_trait]
impl Archive for MatrixArchive {
    async fn page(&self, place: &Place, before: Option<Timestamp>, limit: usize) -> Result<Vec<Archived>, PortError> {
        let room = self.room(place)?;
        let page = match place.thread.as_ref().and_then(|root| EventId::parse(&root.0).ok()) {
            Some(root) => self.thread_page(&room, place, &root, before, limit).await,
            None => self.room_page(&room, place, before, limit).await,
        };
        Ok(name(&room, page?).await)
    }

    async fn message(&self, place: &Place, id: &MessageId) -> Result<Option<Archived>, PortError> {
        let (room, Some(event)) = (self.room(place)?, native::event_of(id)) else { return Ok(None) };
        let mut reader = Reader::new(&self.client, place, None, 1);
        reader.take(&room.event(&event, None).await.map_err(failed("reading a message"))?);
        Ok(reader.read.pop())
    }

    async fn is_open(&self, place: &Place) -> Result<bool, PortError> {
        let visibility = self.room(place)?.history_visibility_or_default();
        Ok(matches!(visibility, HistoryVisibility::Shared | HistoryVisibility::WorldReadable))
    }

    async fn is_gone(&self, place: &Place, id: &MessageId) -> Result<bool, PortError> {
        let (room, Some(event)) = (self.room(place)?, native::event_of(id)) else { return Ok(false) };
        let event = room.event(&event, None).await.map_err(failed("reading a message"))?;
        let unsigned = event.raw().get_field::<serde_json::Value>("unsigned").ok().flatten();
        Ok(unsigned.is_some_and(|unsigned| unsigned.get("redacted_because").is_some()))
    }

    async fn conversation(&self, message: &Message, limit: usize) -> Result<Vec<Archived>, PortError> {
        let place = &message.place;
        let room = self.room(place)?;
        let root = place.thread.as_ref().and_then(|root| EventId::parse(&root.0).ok());
        let mut before = match (root, &message.reply_to) {
            (Some(root), _) => self.thread_page(&room, place, &root, Some(message.at), limit).await?,
            (None, Some(_)) => self.chain(&room, message, limit).await?,
            (None, None) if place.audience == Audience::Caller => {
                let since = message.at - SignedDuration::from_hours(DIRECT_HOURS);
                let page = self.room_page(&room, place, Some(message.at), limit).await?;
                page.into_iter().take_while(|archived| archived.message.at >= since).collect()
            }
            (None, None) => Vec::new(),
        };
        // An edited question stands in the history as itself.
        let itself = native::event_of(&message.id).map(|event| MessageId(event.to_string()));
        let is_reaction = message.reply_to.is_some() && message.reply_to == itself;
        before.retain(|archived| is_reaction || Some(&archived.message.id) != itself.as_ref());
        Ok(before)
    }
}
