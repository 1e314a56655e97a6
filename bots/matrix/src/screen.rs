//! What Matrix can do with a reply: a message, its edits, files and reactions beside it.
//!
//! **Invariant:** no call waits out a limit: it is said as [`ScreenError::Later`], and the driver decides.
//! **Invariant:** what is for one person alone is shown in a direct message with them and nowhere else: looked at before
//! each part and each edit, see [`MatrixScreen::opened`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use chat::{Audience, MemberId, Message, MessageId, Platform, error::chain};
use frontend::{Pace, Part, Screen, ScreenError, Style, Tables};
use matrix_sdk::{
    Client, Error, Room, RoomState,
    ruma::{
        EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
        api::{
            client::{
                redact::redact_event,
                room::create_room::{self, v3::RoomPreset},
            },
            error::{ErrorKind, RetryAfter},
        },
        events::{
            InitialStateEvent,
            reaction::ReactionEventContent,
            relation::Annotation,
            room::{encryption::RoomEncryptionEventContent, message::RoomMessageEventContent},
        },
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    content::{self, transaction},
    direct::{self, Direct},
    native, reactions,
    session::once,
    upload,
};

/// Longest part, in bytes of its Markdown: with its HTML and encrypted it stays an event.
const PART_BYTES_MAX: usize = 12_000;

/// Matrix's Markdown, with formulas.
pub(crate) const STYLE: Style =
    Style { part_max: PART_BYTES_MAX, measure: str::len, tables: Tables::Markdown, formulas: true, previews: false };

/// Longest gap between two growing edits.
const GAP_MAX: Duration = Duration::from_secs(30);

/// Longest a call may take, keys for a room's devices included.
const CALL_WITHIN: Duration = Duration::from_secs(45);

/// What a limit without a time means.
const LATER: Duration = Duration::from_secs(5);

/// How long no reactions are offered after a limit: what the homeserver still takes is for answers.
const NO_REACTIONS: Duration = Duration::from_secs(60);

/// Messages whose files are remembered, so that they go where the message goes.
const FILES_MAX: usize = 1_000;

/// Messages that are remembered to be in another room than their address, at most.
const MOVED_MAX: usize = 1_000;

/// Says in the room that the answer came elsewhere.
const PRIVATE: &str = "✉️";

/// Where a reply goes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    room: OwnedRoomId,
    /// What it replies to.
    pub(crate) question: Option<OwnedEventId>,
    thread: Option<OwnedEventId>,
    /// Whom its first part mentions.
    asker: Option<OwnedUserId>,
    /// Who alone may read it, where it is not for the whole room.
    #[serde(default)]
    alone: Option<OwnedUserId>,
}

/// Matrix, as far as replies go.
pub(crate) struct MatrixScreen {
    client: Client,
    style: Style,
    pace: Pace,
    direct: Arc<Direct>,
    files: Mutex<HashMap<MessageId, Vec<OwnedEventId>>>,
    /// Messages for one person alone that are not in the room of their address: others could enter that.
    moved: Mutex<HashMap<MessageId, OwnedRoomId>>,
    /// When the homeserver last asked to wait.
    limited: Arc<Mutex<Option<Instant>>>,
}

impl MatrixScreen {
    pub(crate) fn new(client: Client, edit_gap: Duration) -> Self {
        let style = STYLE;
        let pace = Pace { gap: edit_gap, growth: 1.5, gap_max: GAP_MAX };
        let direct = Arc::new(Direct::new(client.clone()));
        Self { client, style, pace, direct, files: Mutex::default(), moved: Mutex::default(), limited: Arc::default() }
    }

    /// A room that we are in.
    fn joined(&self, id: &RoomId) -> Result<Room, ScreenError> {
        let room = self.client.get_room(id).filter(|room| room.state() == RoomState::Joined);
        room.ok_or_else(|| ScreenError::Gone { reason: format!("not in the room {id}") })
    }

    /// Where a reply goes now. What is for one person alone leaves a room that others have come to be able to enter.
    async fn opened(&self, address: &Value) -> Result<(Address, Room), ScreenError> {
        let address = read(address)?;
        let Some(user) = &address.alone else {
            let room = self.joined(&address.room)?;
            return Ok((address, room));
        };
        if let Ok(room) = self.joined(&address.room)
            && self.within(self.direct.is_with(&room, user)).await?
        {
            return Ok((address, room));
        }
        tracing::info!(room = %address.room, "a room is no direct message any more; the reply goes to another one");
        let room = self.within(self.direct.with(user)).await?;
        let address = Address { question: None, thread: None, asker: None, ..address };
        Ok((address, room))
    }

    /// The room that a message of a reply is in.
    fn room_of(&self, address: &Address, shown: &MessageId) -> OwnedRoomId {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.get(shown).unwrap_or(&address.room).clone()
    }

    /// Notes where a message of a reply is.
    fn note_room(&self, address: &Address, shown: &MessageId, room: &RoomId) {
        if address.room == room {
            return;
        }
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if moved.len() >= MOVED_MAX {
            moved.clear();
        }
        moved.insert(shown.clone(), room.to_owned());
    }

    /// Shows a part as a new message; see [`Screen::send`].
    async fn send_to(
        &self,
        (address, room): (&Address, &Room),
        nonce: &str,
        is_first: bool,
        part: &Part,
    ) -> Result<MessageId, ScreenError> {
        let relation = content::reply(address.question.clone(), address.thread.clone());
        let mentioned = address.asker.clone().filter(|_| is_first);
        let content = content::message(content::text(part), relation, mentioned);
        let sending = room.send(content).with_transaction_id(transaction(nonce)).with_request_config(once());
        let event = self.within(sending.into_future()).await?.response.event_id;
        let shown = MessageId(event.to_string());
        self.note_room(address, &shown, room.room_id());
        self.send_files(room, address, &shown, part).await?;
        self.react(room, &event, reactions::offered(&part.actions));
        Ok(shown)
    }

    /// Sends the files of a part, each as a reply of its own; the same message never gets them twice.
    async fn send_files(
        &self,
        room: &Room,
        address: &Address,
        shown: &MessageId,
        part: &Part,
    ) -> Result<(), ScreenError> {
        for (index, file) in part.uploads.iter().enumerate() {
            let id = transaction(&format!("{shown}/{index}"));
            let sent = upload::send(room, address, file, id).await?;
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if files.len() >= FILES_MAX {
                files.clear();
            }
            let of_message = files.entry(shown.clone()).or_default();
            if !of_message.contains(&sent) {
                of_message.push(sent);
            }
        }
        Ok(())
    }

    /// A call that ends in time; a limit is remembered.
    async fn within<T>(&self, call: impl Future<Output = Result<T, Error>> + Send) -> Result<T, ScreenError> {
        let done = within(call).await;
        if let Err(ScreenError::Later { .. }) = &done {
            note(&self.limited);
        }
        done
    }

    /// Reacts to an event, as far as the homeserver takes it now.
    fn react(&self, room: &Room, event: &EventId, keys: Vec<&'static str>) {
        let limited = *self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.is_empty() || limited.is_some_and(|at| at.elapsed() < NO_REACTIONS) {
            return;
        }
        let (room, event, limited) = (room.clone(), event.to_owned(), Arc::clone(&self.limited));
        tokio::spawn(async move {
            for key in keys {
                let content = ReactionEventContent::new(Annotation::new(event.clone(), key.to_owned()));
                let id = transaction(&format!("{event}/{key}"));
                let sent = room.send(content).with_transaction_id(id).with_request_config(once()).await;
                let Err(error) = sent else { continue };
                if matches!(error.client_api_error_kind(), Some(ErrorKind::DuplicateAnnotation)) {
                    continue;
                }
                tracing::debug!(error = %chain(&error), "a reaction is not offered");
                if let ScreenError::Later { .. } = screen_error(error) {
                    note(&limited);
                }
                return;
            }
        });
    }
}

/// An address as it was kept.
fn read(address: &Value) -> Result<Address, ScreenError> {
    serde_json::from_value(address.clone()).map_err(ScreenError::failed)
}

fn note(limited: &Mutex<Option<Instant>>) {
    *limited.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

#[async_trait]
impl Screen for MatrixScreen {
    fn platform(&self) -> Platform {
        Platform::Matrix
    }

    fn style(&self) -> &Style {
        &self.style
    }

    fn pace(&self) -> Pace {
        self.pace
    }

    fn bucket(&self, address: &Value) -> String {
        address.get("room").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn address(&self, message: &Message, audience: Audience) -> Result<Value, ScreenError> {
        let asker = UserId::parse(&message.author.0);
        // What somebody said and is said again calls nobody, them least of all.
        let is_echo = message.is_echo();
        let question = native::event_of(&message.id);
        let room = RoomId::parse(&message.place.room.0).map_err(ScreenError::failed)?;
        let alone = match audience {
            Audience::Caller => Some(asker.clone().map_err(ScreenError::failed)?),
            Audience::Room => None,
        };
        let address = match alone {
            Some(user) if message.place.audience == Audience::Room => {
                let private = self.within(self.direct.with(&user)).await?;
                if let (Some(room), Some(question)) = (self.client.get_room(&room), &question) {
                    self.react(&room, question, vec![PRIVATE]);
                }
                let room = private.room_id().to_owned();
                Address { room, question: None, thread: None, asker: None, alone: Some(user) }
            }
            alone => {
                let thread = message.place.thread.as_ref().and_then(|root| EventId::parse(&root.0).ok());
                // A notice may be for nobody in particular.
                Address { room, question, thread, asker: asker.ok().filter(|_| !is_echo), alone }
            }
        };
        serde_json::to_value(&address).map_err(ScreenError::failed)
    }

    async fn open_room(&self, _: &Message, name: &str) -> Result<Value, ScreenError> {
        let encrypted =
            InitialStateEvent::with_empty_state_key(RoomEncryptionEventContent::with_recommended_defaults());
        let mut request = create_room::v3::Request::new();
        request.name = Some(name.to_owned());
        request.preset = Some(RoomPreset::PrivateChat);
        request.initial_state = vec![encrypted.to_raw_any()];
        let room = self.within(self.client.create_room(request)).await?.room_id().to_owned();
        let address = Address { room, question: None, thread: None, asker: None, alone: None };
        serde_json::to_value(&address).map_err(ScreenError::failed)
    }

    async fn take_in(&self, address: &Value, member: &MemberId) -> Result<(), ScreenError> {
        let gone = || ScreenError::Gone { reason: format!("`{member}` is nobody on Matrix") };
        let user = UserId::parse(&member.0).map_err(|_| gone())?;
        let room = self.joined(&read(address)?.room)?;
        // Invited once more, somebody who is there already would be refused.
        if self.within(direct::has(&room, &user)).await? {
            return Ok(());
        }
        self.within(room.invite_user_by_id(&user)).await
    }

    async fn send(&self, address: &Value, nonce: &str, part: &Part) -> Result<MessageId, ScreenError> {
        let (address, room) = self.opened(address).await?;
        self.send_to((&address, &room), nonce, nonce.ends_with("/0"), part).await
    }

    async fn edit(&self, address: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError> {
        let (address, room) = self.opened(address).await?;
        if self.room_of(&address, shown) != room.room_id() {
            // It goes on where it may.
            return self.send_to((&address, &room), &format!("{shown}/moved"), false, part).await;
        }
        let event = EventId::parse(&shown.0).map_err(ScreenError::failed)?;
        let content: RoomMessageEventContent = content::edit(content::text(part), event.clone());
        self.within(room.send(content).with_request_config(once()).into_future()).await?;
        self.send_files(&room, &address, shown, part).await?;
        self.react(&room, &event, reactions::offered(&part.actions));
        Ok(shown.clone())
    }

    async fn remove(&self, address: &Value, shown: &MessageId) -> Result<(), ScreenError> {
        // Taken back wherever it is, whoever can come there by now.
        let room = self.joined(&self.room_of(&read(address)?, shown))?;
        let event = EventId::parse(&shown.0).map_err(ScreenError::failed)?;
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(shown);
        for event in std::iter::once(event).chain(files.unwrap_or_default()) {
            let id = transaction(&format!("{event}/remove"));
            let request = redact_event::v3::Request::new(room.room_id().to_owned(), event, id);
            let removing = self.client.send(request).with_request_config(once()).into_future();
            self.within(async { removing.await.map_err(Error::from) }).await?;
        }
        Ok(())
    }

    async fn typing(&self, address: &Value) {
        let Ok(room) = read(address).and_then(|address| self.joined(&address.room)) else { return };
        // The answer does not wait for it.
        tokio::spawn(async move {
            let _ = tokio::time::timeout(LATER, room.typing_notice(true)).await;
        });
    }
}

/// A call that ends in time, and its error as the driver knows it.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, Error>> + Send) -> Result<T, ScreenError> {
    match tokio::time::timeout(CALL_WITHIN, call).await {
        Ok(done) => done.map_err(screen_error),
        Err(overdue) => Err(ScreenError::failed(overdue)),
    }
}

fn screen_error(error: Error) -> ScreenError {
    if let Error::WrongRoomState(_) = error {
        return ScreenError::Gone { reason: error.to_string() };
    }
    let Some(answer) = error.as_client_api_error() else { return ScreenError::failed(error) };
    match answer.error_kind() {
        Some(ErrorKind::LimitExceeded(limit)) => ScreenError::Later { after: after(limit.retry_after) },
        Some(ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::TooLarge) => {
            ScreenError::Gone { reason: error.to_string() }
        }
        _ if answer.status_code == 429 => ScreenError::Later { after: LATER },
        _ => ScreenError::failed(error),
    }
}

fn after(retry: Option<RetryAfter>) -> Duration {
    match retry {
        Some(RetryAfter::Delay(delay)) => delay,
        Some(RetryAfter::DateTime(at)) => at.duration_since(SystemTime::now()).unwrap_or(LATER),
        None => LATER,
    }
}
