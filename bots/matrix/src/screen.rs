//! What Matrix can do with a reply: a message, its edits, files and reactions beside it.
//!
//! **Invariant:** no call waits out a limit: it is said as [`ScreenError::Later`], and the driver decides.

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
}

/// Matrix, as far as replies go.
pub(crate) struct MatrixScreen {
    client: Client,
    style: Style,
    pace: Pace,
    direct: Arc<Direct>,
    files: Mutex<HashMap<MessageId, Vec<OwnedEventId>>>,
    /// When the homeserver last asked to wait.
    limited: Arc<Mutex<Option<Instant>>>,
}

impl MatrixScreen {
    pub(crate) fn new(client: Client, edit_gap: Duration) -> Self {
        let style = STYLE;
        let pace = Pace { gap: edit_gap, growth: 1.5, gap_max: GAP_MAX };
        let direct = Arc::new(Direct::new(client.clone()));
        Self { client, style, pace, direct, files: Mutex::default(), limited: Arc::default() }
    }

    fn open(&self, address: &Value) -> Result<(Address, Room), ScreenError> {
        let address: Address = serde_json::from_value(address.clone()).map_err(ScreenError::failed)?;
        let room = self.client.get_room(&address.room).filter(|room| room.state() == RoomState::Joined);
        let gone = || ScreenError::Gone { reason: format!("not in the room {}", address.room) };
        let room = room.ok_or_else(gone)?;
        Ok((address, room))
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
        let is_private = audience == Audience::Caller && message.place.audience == Audience::Room;
        let address = if is_private {
            let asker = asker.map_err(ScreenError::failed)?;
            let private = self.within(self.direct.with(&asker)).await?;
            if let (Some(room), Some(question)) = (self.client.get_room(&room), &question) {
                self.react(&room, question, vec![PRIVATE]);
            }
            Address { room: private.room_id().to_owned(), question: None, thread: None, asker: None }
        } else {
            let thread = message.place.thread.as_ref().and_then(|root| EventId::parse(&root.0).ok());
            // A notice may be for nobody in particular.
            Address { room, question, thread, asker: asker.ok().filter(|_| !is_echo) }
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
        let address = Address { room, question: None, thread: None, asker: None };
        serde_json::to_value(&address).map_err(ScreenError::failed)
    }

    async fn take_in(&self, address: &Value, member: &MemberId) -> Result<(), ScreenError> {
        let gone = || ScreenError::Gone { reason: format!("`{member}` is nobody on Matrix") };
        let user = UserId::parse(&member.0).map_err(|_| gone())?;
        let (_, room) = self.open(address)?;
        // Invited once more, somebody who is there already would be refused.
        if self.within(direct::has(&room, &user)).await? {
            return Ok(());
        }
        self.within(room.invite_user_by_id(&user)).await
    }

    async fn send(&self, address: &Value, nonce: &str, part: &Part) -> Result<MessageId, ScreenError> {
        let (address, room) = self.open(address)?;
        let is_first = nonce.ends_with("/0");
        let relation = content::reply(address.question.clone(), address.thread.clone());
        let mentioned = address.asker.clone().filter(|_| is_first);
        let content = content::message(content::text(part), relation, mentioned);
        let sending = room.send(content).with_transaction_id(transaction(nonce)).with_request_config(once());
        let event = self.within(sending.into_future()).await?.response.event_id;
        let shown = MessageId(event.to_string());
        self.send_files(&room, &address, &shown, part).await?;
        self.react(&room, &event, reactions::offered(&part.actions));
        Ok(shown)
    }

    async fn edit(&self, address: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError> {
        let (address, room) = self.open(address)?;
        let event = EventId::parse(&shown.0).map_err(ScreenError::failed)?;
        let content: RoomMessageEventContent = content::edit(content::text(part), event.clone());
        self.within(room.send(content).with_request_config(once()).into_future()).await?;
        self.send_files(&room, &address, shown, part).await?;
        self.react(&room, &event, reactions::offered(&part.actions));
        Ok(shown.clone())
    }

    async fn remove(&self, address: &Value, shown: &MessageId) -> Result<(), ScreenError> {
        let (_, room) = self.open(address)?;
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
        let Ok((_, room)) = self.open(address) else { return };
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
