//! Notices on their way: kept in the outbox, where the driver of their platform finds them.
//!
//! A notice is a post whose address is not known yet, and what happens by itself later a post that holds nothing but
//! its time: so both outlive the process, and `Driver::redeliver` is the one way out.

use std::sync::Arc;

use async_trait::async_trait;
use chat::{
    CallId, MemberId, Message, MessageId, Place, Platform, PortError, Visibility,
    ports::{Notice, Notify, Outbox, Post},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Part, Style, markdown, split::split};

/// Rung where something new is in the outbox, so that it need not wait for the next look.
#[derive(Clone, Default)]
pub struct Bell(Arc<tokio::sync::Notify>);

impl Bell {
    pub(crate) fn ring(&self) {
        // Kept where nobody waits just now.
        self.0.notify_one();
    }

    /// Waits until it is rung.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}

/// How a platform names people and places in a text, without calling anybody.
#[derive(Clone, Copy)]
pub struct Naming {
    /// A person.
    pub person: fn(&MemberId) -> String,
    /// A room or a thread.
    pub place: fn(&Place) -> String,
}

/// Puts the notices of one platform into the outbox.
pub struct Notifier {
    style: Style,
    naming: Naming,
    outbox: Arc<dyn Outbox>,
    bell: Bell,
    /// One at a time, so that none of a key is put twice.
    turn: tokio::sync::Mutex<()>,
}

impl Notifier {
    /// The bell is the one that the platform's driver listens to.
    pub fn new(style: Style, naming: Naming, outbox: Arc<dyn Outbox>, bell: Bell) -> Self {
        Self { style, naming, outbox, bell, turn: tokio::sync::Mutex::default() }
    }

    /// Keeps a notice; `body` makes what the post holds of its parts.
    async fn put(
        &self,
        question: Message,
        notice: &Notice,
        body: impl FnOnce(Value) -> Value,
    ) -> Result<CallId, PortError> {
        let call = question.call_id();
        let _turn = self.turn.lock().await;
        if self.outbox.get(&call).await?.is_some() {
            return Ok(call);
        }
        let parts = self.parts(notice);
        let parts = serde_json::to_value(&parts).map_err(PortError::failed("notify", "writing a notice"))?;
        let body = Some(body(parts));
        let of = gathering(body.as_ref().unwrap_or(&Value::Null)).map(|(gathering, _)| gathering.members);
        let of = of.unwrap_or_default().into_iter().chain(notice.of.clone()).collect();
        let (address, actions) = (Value::Null, notice.actions.clone());
        let post = Post { call: call.clone(), question, renews: None, address, shown: Vec::new(), actions, of, body };
        if let (Some(lapse), Some(Visibility::Caller)) = (&notice.lapse, post.question.visibility) {
            let after = SignedDuration::try_from(lapse.after).unwrap_or(SignedDuration::MAX);
            let due = post.question.at.saturating_add(after).map_err(PortError::failed("notify", "counting time"))?;
            let question = Message {
                id: MessageId(format!("{}#lapse", post.question.id)),
                text: format!("!{}", lapse.command),
                about: Some(call.clone()),
                addressed: true,
                ..post.question.clone()
            };
            let body = Some(json!({ DUE: due }));
            let lapse = Post { call: question.call_id(), question, actions: Vec::new(), body, ..post.clone() };
            self.outbox.put(&lapse).await?;
        }
        self.outbox.put(&post).await?;
        self.bell.ring();
        Ok(call)
    }

    fn parts(&self, notice: &Notice) -> Vec<Part> {
        let text = self.style.prose(notice.text.trim());
        let pieces = split(&text, self.style.part_max - CALL_CHARS_MAX, self.style.measure);
        let mut parts: Vec<Part> = pieces.into_iter().map(|markdown| Part { markdown, ..Part::default() }).collect();
        if let Some(first) = parts.first_mut() {
            first.calls.clone_from(&notice.calls);
        }
        if let Some(last) = parts.last_mut() {
            last.actions = notice.actions.iter().map(markdown::action).collect();
        }
        parts
    }
}

/// Room that is left for who is called.
const CALL_CHARS_MAX: usize = 64;

/// What the body of a post holds that is due at a time.
const DUE: &str = "due";

/// When a post is due that shows nothing, but is to be done.
pub(crate) fn due(body: &Value) -> Option<Timestamp> {
    body.get(DUE)?.as_str()?.parse().ok()
}

/// What the body of a post holds that revises another one: its call, and the parts that are to be shown in its place.
const REVISES: &str = "revises";
const PARTS: &str = "parts";

/// The call of the post that a body revises, and what that is to show.
pub(crate) fn revision(body: &Value) -> Option<(CallId, Value)> {
    let of = serde_json::from_value(body.get(REVISES)?.clone()).ok()?;
    Some((of, body.get(PARTS)?.clone()))
}

/// What the body of a post holds that opens a room of its own: for whom, and the parts that are shown there.
const GATHERS: &str = "gathers";

/// A room that is to be opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Gathering {
    /// What it is called.
    pub(crate) name: String,
    /// Who is in it, beside the assistant.
    pub(crate) members: Vec<MemberId>,
}

/// The room that a body opens, and what is shown there.
pub(crate) fn gathering(body: &Value) -> Option<(Gathering, Value)> {
    let gathering = serde_json::from_value(body.get(GATHERS)?.clone()).ok()?;
    Some((gathering, body.get(PARTS)?.clone()))
}

#[async_trait]
impl Notify for Notifier {
    async fn tell(&self, about: &Place, member: &MemberId, notice: &Notice, at: Timestamp) -> Result<(), PortError> {
        let question = notice.question(about, member.clone(), Visibility::Caller, at);
        self.put(question, &Notice { calls: None, ..notice.clone() }, |parts| parts).await.map(drop)
    }

    async fn post(&self, place: &Place, notice: &Notice, at: Timestamp) -> Result<(), PortError> {
        let author = notice.of.clone().or_else(|| notice.calls.clone()).unwrap_or_else(|| MemberId(String::new()));
        self.put(notice.question(place, author, Visibility::Room, at), notice, |parts| parts).await.map(drop)
    }

    async fn gather(
        &self,
        about: &Place,
        members: &[MemberId],
        name: &str,
        notice: &Notice,
        at: Timestamp,
    ) -> Result<(), PortError> {
        let author = notice.of.clone().unwrap_or_else(|| MemberId(String::new()));
        let place = Place { thread: None, ..about.clone() };
        let question = notice.question(&place, author, Visibility::Room, at);
        let gathering = Gathering { name: name.to_owned(), members: members.to_vec() };
        self.put(question, notice, |parts| json!({ GATHERS: gathering, PARTS: parts })).await.map(drop)
    }

    async fn revise(&self, _: &Place, posted: &CallId, text: Option<&str>, at: Timestamp) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let Some(post) = self.outbox.get(posted).await? else { return Ok(()) };
        let parts = text.map(|text| self.parts(&Notice::new("", text))).unwrap_or_default();
        let parts = serde_json::to_value(&parts).map_err(PortError::failed("notify", "writing a notice"))?;
        // The last word counts.
        for earlier in self.outbox.renewals(posted).await? {
            self.outbox.remove(&earlier).await?;
        }
        // A post of its own, which the driver carries over in turn: the first one may be on its way just now.
        let id = MessageId(format!("{}#{}", post.question.id, at.as_nanosecond()));
        let question = Message { id, at, ..post.question };
        let (call, body) = (question.call_id(), Some(json!({ REVISES: posted, PARTS: parts })));
        let renews = Some(posted.clone());
        self.outbox
            .put(&Post { call, question, renews, address: Value::Null, shown: Vec::new(), body, ..post })
            .await?;
        self.bell.ring();
        Ok(())
    }

    fn name(&self, _: Platform, member: &MemberId) -> String {
        (self.naming.person)(member)
    }

    fn whereabouts(&self, place: &Place) -> String {
        (self.naming.place)(place)
    }
}
