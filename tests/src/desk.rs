//! One process that serves one platform, at a time of ours: what people say to it, what it says to them, and what it says unasked.
//!
//! The platform is a double; host, store, outbox and all that is said are real.

use std::sync::{Arc, Mutex};

use chat::{
    Attachment, Audience, CallId, MemberId, Message, MessageId, Place, Platform, Visibility,
    ports::{Clock as _, Dispatch, Outbox, Post},
};
use frontend::{Bell, Naming, Notifier};
use futures::StreamExt as _;
use jiff::SignedDuration;
use serde_json::Value;
use server::{home::Home, platforms::Platforms};

use crate::{
    Reply, World,
    double::{Hands, PlatformDouble, STYLE},
};

/// The process.
pub struct Desk {
    /// Its parts.
    pub world: World,
    /// Who is who on its platform.
    pub platform: Arc<PlatformDouble>,
    /// Its time.
    pub clock: Arc<Hands>,
    /// What messages are handed to.
    pub dispatch: Arc<dyn Dispatch>,
    /// Its platforms.
    pub platforms: Platforms,
    said: usize,
}

impl Desk {
    /// A process without a language model, with an empty library.
    ///
    /// # Panics
    /// Where `at` is no time.
    pub async fn open(platform: PlatformDouble, at: &str) -> Self {
        let clock = Hands(Mutex::new(at.parse().expect("the story knows what time it is")));
        Self::of(World::library().await, Arc::new(platform), Arc::new(clock))
    }

    /// A process on what is there already: after another one ended.
    pub fn of(world: World, platform: Arc<PlatformDouble>, clock: Arc<Hands>) -> Self {
        let naming = Naming { person: |member| member.to_string(), place: |place| place.room.to_string() };
        let outbox: Arc<dyn Outbox> = Arc::new(world.home.store.clone());
        let mut platforms = platform.platforms();
        platforms.notify_by(Platform::Discord, Arc::new(Notifier::new(STYLE, naming, outbox, Bell::default())));
        let dispatch = world.home.host_at(platforms.clone(), clock.clone());
        Self { world, platform, clock, dispatch, platforms, said: 0 }
    }

    /// The parts of it.
    pub fn home(&self) -> &Home {
        &self.world.home
    }

    /// Lets time go by.
    ///
    /// # Panics
    /// At the end of time.
    pub fn wait(&self, hours: i64) {
        *self.clock.0.lock().expect("no thread panics with it") += SignedDuration::from_hours(hours);
    }

    /// A message in a room, which the others hear too.
    pub fn message(&mut self, room: &str, who: &str, text: &str) -> Message {
        self.said += 1;
        Message {
            id: MessageId(format!("m{}", self.said)),
            place: Place {
                platform: Platform::Discord,
                community: self.world.home.seat().place.community,
                room: room.into(),
                thread: None,
                audience: Audience::Room,
            },
            author: who.into(),
            text: text.to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: false,
            at: self.clock.now(),
        }
    }

    /// Says a message to the assistant; its reply.
    pub async fn reply(&self, message: Message) -> Reply {
        let reply = Reply { events: self.dispatch.message(message).await.collect().await };
        self.dispatch.settled().await;
        reply
    }

    /// Says something to the assistant; what it says.
    pub async fn says(&mut self, room: &str, who: &str, text: &str) -> String {
        let message = self.message(room, who, text);
        self.reply(message).await.text()
    }

    /// The same with files, which the platform has by their names.
    pub async fn sends(&mut self, room: &str, who: &str, text: &str, files: &[&str]) -> String {
        let attachment = |name: &&str| Attachment {
            name: (*name).to_owned(),
            media_type: None,
            bytes: 0,
            handle: (*name).to_owned(),
        };
        let attachments = files.iter().map(attachment).collect();
        let message = Message { attachments, ..self.message(room, who, text) };
        self.reply(message).await.text()
    }

    /// Links two accounts as their person does: an offer, and a confirmation by each.
    ///
    /// # Panics
    /// Where they are not linked then.
    pub async fn links(&mut self, room: &str, one: &str, other: &str) {
        let offer = code(&self.says(room, one, "!link").await);
        let theirs = code(&self.says(room, other, &format!("!link {offer}")).await);
        self.says(room, other, &format!("!link {theirs}")).await;
        let asked = self.told(one).await.pop().expect("it is asked");
        let said = self.says(room, one, &format!("!link {}", code(&words(&asked)))).await;
        assert!(said.contains("Your accounts are linked"), "{said}");
    }

    /// Presses what stands for a command under what was said for a call.
    pub async fn presses(&mut self, room: &str, who: &str, call: &CallId, command: &str) -> Reply {
        let about = Some(call.clone());
        let message = Message { about, addressed: true, ..self.message(room, who, &format!("!{command}")) };
        self.reply(message).await
    }

    /// What is on its way, oldest first; without what waits for its time.
    ///
    /// # Panics
    /// Where the store cannot be read.
    pub async fn posts(&self) -> Vec<Post> {
        let mut posts = Outbox::pending(&self.world.home.store, Platform::Discord).await.expect("the outbox reads");
        posts.retain(|post| post.body.as_ref().is_some_and(|body| body.get("due").is_none()));
        posts
    }

    /// What a person is told alone and unasked, oldest first.
    pub async fn told(&self, who: &str) -> Vec<Post> {
        let mut posts = self.posts().await;
        let who: MemberId = who.into();
        posts.retain(|post| post.question.visibility == Some(Visibility::Caller) && post.question.author == who);
        posts
    }
}

/// The code that a text about linking accounts tells.
///
/// # Panics
/// Where it tells none.
pub fn code(text: &str) -> String {
    let told = text.split("`link ").nth(1).and_then(|rest| rest.split('`').next());
    told.unwrap_or_else(|| panic!("no code: {text}")).to_owned()
}

/// The words of a post.
///
/// # Panics
/// Where it holds none.
pub fn words(post: &Post) -> String {
    let body = post.body.as_ref().expect("it is on its way");
    let parts = body.get("parts").unwrap_or(body).as_array().expect("a post has parts");
    parts.iter().map(|part: &Value| part["markdown"].as_str().unwrap_or_default()).collect()
}
