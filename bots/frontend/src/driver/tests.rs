//! What waits is asked about before it is said, and what a command keeps to its caller is never offered to all.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chat::{
    Audience, Command, Manifest, Place, Platform, PortError, RoomId, Visibility,
    ports::{Order, Seen},
};
use serde_json::json;

use super::*;
use crate::{Pace, Style, Tables};

const STYLE: Style = Style {
    part_max: 2_000,
    measure: |text| text.chars().count(),
    tables: Tables::Fixed,
    formulas: false,
    previews: false,
};

/// A platform that shows everything, an outbox, an inbox, and a dispatch that answers `private` alone and `narrowed` where
/// the room narrowed it.
#[derive(Default)]
struct World {
    sent: Mutex<Vec<(Value, String)>>,
    posts: Mutex<Vec<Post>>,
    /// Calls that may not be said any more.
    gone: Mutex<HashSet<CallId>>,
    is_down: AtomicBool,
}

impl World {
    fn driver(self: &Arc<Self>, doubt: Duration) -> Driver {
        Driver { doubt, ..Driver::new(Arc::new(Of(self.clone())), self.dispatch(), self.inbox(), self.outbox()) }
    }

    fn dispatch(self: &Arc<Self>) -> Arc<dyn Dispatch> {
        Arc::new(Of(self.clone()))
    }

    fn inbox(self: &Arc<Self>) -> Arc<dyn Inbox> {
        Arc::new(Of(self.clone()))
    }

    fn outbox(self: &Arc<Self>) -> Arc<dyn Outbox> {
        Arc::new(Of(self.clone()))
    }

    /// What was shown, each with where.
    fn shown(&self) -> Vec<String> {
        lock(&self.sent).iter().map(|(address, text)| format!("{}: {text}", address.as_str().unwrap_or("?"))).collect()
    }
}

/// A part with its buttons.
fn in_words(part: &Part) -> String {
    let buttons: String = part.actions.iter().map(|action| format!(" [{}]", action.label)).collect();
    format!("{}{buttons}", part.markdown)
}

/// The one world in every part of it.
struct Of(Arc<World>);

#[async_trait]
impl Screen for Of {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    fn style(&self) -> &Style {
        &STYLE
    }

    fn pace(&self) -> Pace {
        Pace { gap: Duration::ZERO, growth: 1.0, gap_max: Duration::ZERO }
    }

    fn bucket(&self, _: &Value) -> String {
        String::new()
    }

    async fn address(&self, message: &Message, audience: Audience) -> Result<Value, ScreenError> {
        Ok(match audience {
            Audience::Caller => json!(format!("to {}", message.author)),
            Audience::Room => json!(format!("in {}", message.place.room)),
        })
    }

    async fn open_room(&self, _: &Message, name: &str) -> Result<Value, ScreenError> {
        Ok(json!(name))
    }

    async fn take_in(&self, _: &Value, _: &MemberId) -> Result<(), ScreenError> {
        Ok(())
    }

    async fn send(&self, address: &Value, _: &str, part: &Part) -> Result<MessageId, ScreenError> {
        let mut sent = lock(&self.0.sent);
        sent.push((address.clone(), in_words(part)));
        Ok(MessageId(sent.len().to_string()))
    }

    async fn edit(&self, _: &Value, shown: &MessageId, part: &Part) -> Result<MessageId, ScreenError> {
        let number: usize = shown.0.parse().unwrap();
        lock(&self.0.sent)[number - 1].1 = in_words(part);
        Ok(shown.clone())
    }

    async fn remove(&self, _: &Value, _: &MessageId) -> Result<(), ScreenError> {
        Ok(())
    }

    async fn typing(&self, _: &Value) {}
}

#[async_trait]
impl Dispatch for Of {
    /// One that does not ask the gate again: whoever wants the room to see it gets that.
    async fn message(&self, message: Message) -> BoxStream<'static, Event> {
        let is_open = message.visibility == Some(Visibility::Room);
        let audience = if is_open { Audience::Room } else { Audience::Caller };
        let done = Event::Done { usage: chat::Usage::default() };
        let said = Event::Text { delta: format!("about {}", message.text) };
        futures::stream::iter([Event::Accepted { audience }, said, done]).boxed()
    }

    async fn overheard(&self, _: Overheard) -> BoxStream<'static, Event> {
        futures::stream::empty().boxed()
    }

    async fn take_up(&self, _: Platform) {}

    async fn removed(&self, _: &Place, _: &MessageId) {}

    async fn reacted(&self, _: &Place, _: &MemberId, _: &MessageId, _: &str, _: &MessageId) {}

    fn due(&self, _: &Order) -> BoxStream<'static, Event> {
        futures::stream::empty().boxed()
    }

    async fn give_up(&self, _: &Message) {}

    async fn complete(&self, _: Message, _: &str, _: &str) -> Vec<String> {
        Vec::new()
    }

    async fn may_show(&self, message: &Message) -> bool {
        message.text.contains("narrowed")
    }

    async fn may_say(&self, post: &Post) -> Result<bool, PortError> {
        if self.0.is_down.load(Ordering::Relaxed) {
            return Err(PortError::Refused { port: "members", reason: "the platform is down".to_owned() });
        }
        Ok(!lock(&self.0.gone).contains(&post.call))
    }

    fn visibility(&self, _: &RoomId, _: &Command) -> Visibility {
        Visibility::Room
    }

    async fn settled(&self) {}

    fn manifests(&self) -> Vec<&'static Manifest> {
        Vec::new()
    }
}

#[async_trait]
impl Inbox for Of {
    async fn open(&self, _: &Message) -> Result<Seen, PortError> {
        Ok(Seen::New)
    }

    async fn close(&self, _: &Message) -> Result<(), PortError> {
        Ok(())
    }

    async fn unfinished(&self, _: &chat::CommunityId) -> Result<Vec<Message>, PortError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Outbox for Of {
    async fn put(&self, post: &Post) -> Result<(), PortError> {
        let mut posts = lock(&self.0.posts);
        posts.retain(|known| known.call != post.call);
        posts.push(post.clone());
        Ok(())
    }

    async fn get(&self, call: &CallId) -> Result<Option<Post>, PortError> {
        Ok(lock(&self.0.posts).iter().find(|post| post.call == *call).cloned())
    }

    async fn pending(&self, _: Platform) -> Result<Vec<Post>, PortError> {
        Ok(lock(&self.0.posts).iter().filter(|post| post.body.is_some()).cloned().collect())
    }

    async fn showing(&self, _: Platform, _: &MessageId) -> Result<Option<Post>, PortError> {
        Ok(None)
    }

    async fn renewals(&self, _: &CallId) -> Result<Vec<CallId>, PortError> {
        Ok(Vec::new())
    }

    async fn remove(&self, call: &CallId) -> Result<(), PortError> {
        lock(&self.0.posts).retain(|post| post.call != *call);
        Ok(())
    }
}

fn asked(id: &str, text: &str) -> Message {
    let (community, room) = ("lab".into(), "seminar".into());
    Message {
        id: id.into(),
        place: Place { platform: Platform::Discord, community, room, thread: None, audience: Audience::Room },
        author: "ana".into(),
        text: text.to_owned(),
        invocation: None,
        attachments: Vec::new(),
        reply_to: None,
        about: None,
        visibility: None,
        addressed: true,
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// A reply that waits, for the author alone.
fn waiting(question: Message, address: Value) -> Post {
    let parts = [Part { markdown: "the answer".to_owned(), ..Part::default() }];
    let (call, body) = (question.call_id(), serde_json::to_value(parts).ok());
    let (shown, actions, of) = (Vec::new(), Vec::new(), Vec::new());
    Post { call, question, renews: None, address, shown, actions, of, body }
}

#[tokio::test]
async fn what_waited_is_not_said_to_who_may_not_read_it_any_more() {
    // One that was on its way, and one whose place is not known yet.
    for address in [json!("to ana"), Value::Null] {
        let world = Arc::new(World::default());
        let (own, other) = (waiting(asked("1", "a"), address.clone()), waiting(asked("2", "b"), address));
        for post in [&own, &other] {
            world.outbox().put(post).await.unwrap();
        }
        lock(&world.gone).insert(own.call.clone());
        let driver = world.driver(Duration::ZERO);
        driver.redeliver().await;
        assert_eq!(world.shown().len(), 1, "{:?}", world.shown());
        lock(&world.gone).clear();
        driver.redeliver().await;
        assert_eq!(world.shown().len(), 1, "it was let go: {:?}", world.shown());
        let kept = world.outbox().get(&own.call).await.unwrap().unwrap();
        assert!(kept.body.is_none(), "its words are not kept");
    }
}

#[tokio::test]
async fn what_waits_waits_on_while_nobody_can_tell_who_is_there() {
    let world = Arc::new(World::default());
    let post = waiting(asked("1", "a"), json!("to ana"));
    world.outbox().put(&post).await.unwrap();
    let driver = world.driver(DOUBT);
    world.is_down.store(true, Ordering::Relaxed);
    driver.redeliver().await;
    world.is_down.store(false, Ordering::Relaxed);
    // A platform that was connected just now may find out in a moment.
    lock(&world.gone).insert(post.call.clone());
    driver.redeliver().await;
    assert!(world.shown().is_empty());
    lock(&world.gone).clear();
    driver.redeliver().await;
    assert_eq!(world.shown(), ["to ana: the answer"]);
}

#[tokio::test]
async fn what_is_taken_back_is_so_whoever_may_read_it() {
    let world = Arc::new(World::default());
    let shown = Post { shown: vec!["9".into()], body: None, ..waiting(asked("notice:a/b", ""), json!("in seminar")) };
    let question = asked("notice:a/b#1", "");
    let body = Some(json!({ "revises": shown.call, "parts": [] }));
    let revision = Post { renews: Some(shown.call.clone()), body, ..waiting(question, Value::Null) };
    for post in [&shown, &revision] {
        world.outbox().put(post).await.unwrap();
        lock(&world.gone).insert(post.call.clone());
    }
    world.driver(Duration::ZERO).redeliver().await;
    assert!(lock(&world.posts).is_empty(), "both are done with");
}

#[tokio::test]
async fn only_what_a_room_or_a_press_narrowed_is_offered_and_shown_to_all() {
    let world = Arc::new(World::default());
    let driver = world.driver(DOUBT);
    driver.answer(asked("1", "private"), None, Vec::new()).await;
    driver.answer(asked("2", "narrowed"), None, Vec::new()).await;
    let last = |of: &str| world.shown().into_iter().rfind(|text| text.contains(of)).unwrap();
    assert_eq!(last("private"), "to ana: about private");
    assert_eq!(last("narrowed"), "to ana: about narrowed [Show to everyone]");
    // As an older version offered it under everything.
    let mut posts = world.posts.lock().unwrap().clone();
    for post in &mut posts {
        post.actions = vec![chat::Action { label: "Show to everyone".to_owned(), command: SHOW.to_owned() }];
        world.outbox().put(post).await.unwrap();
    }
    for (id, post) in ["3", "4"].iter().zip(&posts) {
        let message = Message { about: Some(post.call.clone()), ..asked(id, &format!("/{SHOW}")) };
        driver.answer(message, None, Vec::new()).await;
    }
    let public: Vec<String> = world.shown().into_iter().filter(|text| text.starts_with("in ")).collect();
    assert_eq!(public, ["in seminar: about narrowed"]);
}
