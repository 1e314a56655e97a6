//! Takes replies to a platform: the first sign at once, few edits while they grow, the end always, and nothing twice.
//!
//! Read [`Driver::answer`], then `growing`, then [`Driver::deliver`]; `after` is what becomes of an answer that stands,
//! and `recover` what a start does for the process before.
//!
//! **Invariant:** what a reply must show in the end is in the outbox before its message counts as answered, so that a
//! process that dies in between leaves either an unfinished message or a pending post, and never both undone.

mod after;
mod growing;
mod recover;
#[cfg(test)]
mod tests;

use std::{
    collections::{
        HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chat::{
    CallId, Event, MemberId, Message, MessageId, Overheard, Visibility,
    error::chain,
    ports::{Dispatch, Inbox, Outbox, Post},
};
use futures::{StreamExt, stream::BoxStream};
use metrics::{counter, gauge, histogram};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Answer, Bell, Part, Screen, ScreenError, pace::Budget};

use growing::Growing;

pub use after::SHOW;

/// The command behind the button that stops an answer while it grows.
pub const STOP: &str = "stop";

/// A growing edit that takes longer is given up: the next one says more.
const EDIT_WITHIN: Duration = Duration::from_secs(10);

/// Tries to show the end of a reply before it is left to [`Driver::redeliver`].
const TRIES: u32 = 6;

/// Longest wait that a platform may ask for within one try.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Between two looks for posts that are still pending.
const REDELIVER_EVERY: Duration = Duration::from_secs(30);

/// How long what waits must have been not to be said any more before it is let go: a platform that was just connected may not
/// know yet who is where.
const DOUBT: Duration = Duration::from_secs(20);

/// How often a platform is told that an answer is being written.
const TYPING_EVERY: Duration = Duration::from_secs(4);

/// Told whether a platform is connected, whenever that changes.
pub type Ready = Arc<dyn Fn(bool) + Send + Sync>;

/// Takes the replies of one platform there.
pub struct Driver {
    screen: Arc<dyn Screen>,
    dispatch: Arc<dyn Dispatch>,
    inbox: Arc<dyn Inbox>,
    outbox: Arc<dyn Outbox>,
    running: Mutex<HashMap<CallId, Running>>,
    budget: Mutex<Budget>,
    /// What was not to be said any more when it was looked at, and when that was first.
    doubted: Mutex<HashMap<CallId, Instant>>,
    doubt: Duration,
    idle: Notify,
    bell: Bell,
}

/// An answer that grows, or whose end is being shown.
struct Running {
    call: CallId,
    caller: MemberId,
    renews: Option<CallId>,
    stop: CancellationToken,
}

/// Ends the entry of an answer.
struct Entry<'a> {
    driver: &'a Driver,
    call: CallId,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(&self.driver.running).remove(&self.call);
        self.driver.idle.notify_waiters();
    }
}

/// What tells a message that shows a part from all others, and the same after a restart. One that was taken back and is said
/// again is another.
fn nonce(post: &Post, index: usize) -> String {
    format!("{}@{}/{index}", post.call, post.question.at.as_microsecond())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change leaves the map whole, so a panic elsewhere poisons nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Driver {
    /// A driver of one platform.
    pub fn new(
        screen: Arc<dyn Screen>,
        dispatch: Arc<dyn Dispatch>,
        inbox: Arc<dyn Inbox>,
        outbox: Arc<dyn Outbox>,
    ) -> Self {
        let (running, budget, idle) = (Mutex::default(), Mutex::default(), Notify::new());
        let (doubted, doubt, bell) = (Mutex::default(), DOUBT, Bell::default());
        Self { screen, dispatch, inbox, outbox, running, budget, doubted, doubt, idle, bell }
    }

    /// The same, which looks at the outbox whenever this bell is rung.
    pub fn listening(self, bell: Bell) -> Self {
        Self { bell, ..self }
    }

    /// What can be called, for command registration and completion.
    pub fn dispatch(&self) -> &dyn Dispatch {
        self.dispatch.as_ref()
    }

    /// Answers a message, from its first event to its last edit. `address`: where, if the platform knows already (an
    /// interaction); `shown`: what stands there already and is to be filled (a deferred response).
    pub async fn answer(&self, message: Message, address: Option<Value>, shown: Vec<MessageId>) {
        match self.to_show(&message).await {
            Some((question, first)) => self.respond(question, Some(first), None, Vec::new()).await,
            // That it is not shown is told to who wanted it.
            None if after::is_show(&message) => {
                let message = Message { visibility: Some(Visibility::Caller), ..message };
                self.respond(message, None, address, shown).await;
            }
            None => self.respond(message, None, address, shown).await,
        }
    }

    async fn respond(
        &self,
        mut message: Message,
        renews: Option<CallId>,
        address: Option<Value>,
        shown: Vec<MessageId>,
    ) {
        let started = Instant::now();
        if let Some(about) = message.about.take() {
            message.about = self.saw(&message, &about).await.then_some(about);
        }
        let stop = CancellationToken::new();
        // Where the platform delivered it twice, the first one goes on.
        let Some(_entry) = self.claim(&message.call_id(), &message.author, renews.clone(), &stop) else { return };
        let events = self.dispatch.message(message.clone()).await;
        self.show(message, renews, address, shown, events, (started, &stop)).await;
    }

    /// Hands on what was not meant for us; the answer to it, where there is one, stands as a reply to it.
    pub async fn overhear(&self, heard: Overheard) {
        let (started, stop, message) = (Instant::now(), CancellationToken::new(), heard.message.clone());
        let entry = self.claim(&message.call_id(), &message.author, None, &stop);
        // Heard though the answer to what it said before its edit still grows; dropping the events ends what comes of it.
        let events = self.dispatch.overheard(heard).await;
        let Some(_entry) = entry else { return };
        self.show(message, None, None, Vec::new(), events, (started, &stop)).await;
    }

    /// Shows a reply as it grows, to its end.
    async fn show(
        &self,
        message: Message,
        renews: Option<CallId>,
        address: Option<Value>,
        shown: Vec<MessageId>,
        mut events: BoxStream<'static, Event>,
        (started, stop): (Instant, &CancellationToken),
    ) {
        let mut growing = Growing {
            driver: self,
            post: Post {
                call: message.call_id(),
                question: message,
                renews,
                address: Value::Null,
                shown,
                actions: Vec::new(),
                of: Vec::new(),
                body: None,
            },
            answer: Answer::default(),
            started,
            is_unsure: false,
            edits: 0,
            next_edit: Instant::now(),
            is_dirty: false,
            last: Vec::new(),
        };
        let is_meant = growing.until_visible(&mut events, stop).await;
        match address {
            Some(address) => growing.post.address = address,
            // Not asked for before there is something to show: a private one may cost an invitation.
            None if !growing.answer.is_visible() => {
                // What was done without a word is done.
                return self.take_end(&growing, events, stop).await;
            }
            None => match self.place(&growing).await {
                Ok(address) => growing.post.address = address,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "a reply has nowhere to go");
                    if let ScreenError::Gone { .. } = error {
                        self.dispatch.give_up(&growing.post.question).await;
                    }
                    return;
                }
            },
        }
        if !is_meant {
            if growing.post.shown.is_empty() {
                return self.take_end(&growing, events, stop).await;
            }
            growing.answer.fail("I have answered this before.");
        }
        if !growing.post.shown.is_empty() {
            // So that the next process finds what this one was to fill, and a button on it its answer.
            self.put(&growing.post).await;
        }
        growing.run(&mut events, stop).await;
        if growing.answer.ended().is_none() {
            growing.answer.stop();
        }
        if !growing.answer.has_content() && !growing.post.shown.is_empty() {
            // Done without a word, where something stands that must be filled.
            growing.answer.take(Event::Text { delta: "✓".to_owned() });
        }
        growing.offer_to_show().await;
        // Kept before the message counts as answered: see the invariant.
        self.keep(&mut growing).await;
        self.take_end(&growing, events, stop).await;
        self.finish(&mut growing).await;
    }

    /// Now the message counts as answered.
    async fn take_end(&self, growing: &Growing<'_>, mut events: BoxStream<'static, Event>, stop: &CancellationToken) {
        if stop.is_cancelled() {
            drop(events);
            self.dispatch.give_up(&growing.post.question).await;
        } else {
            // Polled past its last event.
            let _ = events.next().await;
        }
    }

    /// Whether who sent a message may speak about an answer: they asked for it, or it was given in the same room. An id of
    /// a message can be written by anybody, wherever that message stands.
    async fn saw(&self, message: &Message, about: &CallId) -> bool {
        let post = self.outbox.get(about).await.ok().flatten();
        post.is_some_and(|post| {
            post.question.author == message.author || post.question.place.room == message.place.room
        })
    }

    /// Takes a call in hand; none where somebody else has it.
    fn claim(
        &self,
        call: &CallId,
        caller: &MemberId,
        renews: Option<CallId>,
        stop: &CancellationToken,
    ) -> Option<Entry<'_>> {
        match lock(&self.running).entry(call.clone()) {
            Occupied(_) => None,
            Vacant(free) => {
                free.insert(Running { call: call.clone(), caller: caller.clone(), renews, stop: stop.clone() });
                Some(Entry { driver: self, call: call.clone() })
            }
        }
    }

    /// Where a reply goes. A platform that is busy is asked again.
    async fn place(&self, growing: &Growing<'_>) -> Result<Value, ScreenError> {
        let mut tries = 0;
        loop {
            let error = match self.screen.address(&growing.post.question, growing.audience()).await {
                Ok(address) => return Ok(address),
                Err(error) => error,
            };
            tries += 1;
            let after = self.after(&error, tries);
            if matches!(error, ScreenError::Gone { .. }) || tries >= TRIES || after > WAIT_MAX {
                return Err(error);
            }
            tokio::time::sleep(after).await;
        }
    }

    /// Puts what a reply must show in the end into the outbox.
    async fn keep(&self, growing: &mut Growing<'_>) {
        let parts = growing.answer.parts(self.screen.style());
        growing.post.actions = growing.answer.actions().to_vec();
        growing.post.body = serde_json::to_value(&parts).ok();
        growing.last = parts;
        self.put(&growing.post).await;
    }

    async fn finish(&self, growing: &mut Growing<'_>) {
        if growing.post.body.is_none() {
            self.keep(growing).await;
        }
        let platform = self.screen.platform().to_string();
        let outcome = growing.answer.ended().map_or("stopped", super::answer::Ended::name);
        counter!("colloquy_answers_total", "platform" => platform.clone(), "outcome" => outcome).increment(1);
        if !growing.answer.has_content() && growing.post.shown.is_empty() {
            // Done without a word: there is nothing to show.
            growing.post.body = None;
            self.put(&growing.post).await;
            return;
        }
        let parts = std::mem::take(&mut growing.last);
        self.deliver(&mut growing.post, &parts, growing.is_unsure).await;
        histogram!("colloquy_answer_seconds", "platform" => platform).record(growing.started.elapsed().as_secs_f64());
    }

    /// Shows the end of a reply: edits what stands, sends what does not, removes what is too much. What cannot be shown
    /// now stays in the outbox. `is_unsure`: what was sent before may have arrived, though nobody said so.
    async fn deliver(&self, post: &mut Post, parts: &[Part], is_unsure: bool) {
        for (index, part) in parts.iter().enumerate() {
            let nonce = nonce(post, index);
            let (mut tries, mut is_unsure) = (0, is_unsure);
            loop {
                self.spend(&post.address);
                let is_new = index >= post.shown.len();
                let done = match post.shown.get(index) {
                    Some(shown) => self.screen.edit(&post.address, shown, part).await,
                    None => self.screen.send(&post.address, &nonce, part).await,
                };
                match done {
                    Ok(shown) => {
                        self.now_shows(post, index, shown).await;
                        // A nonce that was used before finds the message that it made, which says what it said then.
                        if !(is_new && is_unsure) {
                            break;
                        }
                    }
                    Err(ScreenError::Gone { reason }) => {
                        tracing::info!(reason, "a reply's place is gone");
                        post.body = None;
                        self.put(post).await;
                        return;
                    }
                    Err(error) => {
                        tries += 1;
                        is_unsure |= matches!(error, ScreenError::Failed { .. });
                        let after = self.after(&error, tries);
                        if tries >= TRIES || after > WAIT_MAX {
                            tracing::error!(error = %chain(&error), "a reply could not be shown; it stays in the outbox");
                            return;
                        }
                        tokio::time::sleep(after).await;
                    }
                }
            }
        }
        for extra in post.shown.split_off(parts.len().min(post.shown.len())) {
            if let Err(error) = self.screen.remove(&post.address, &extra).await {
                tracing::info!(error = %chain(&error), "a part too much could not be removed");
            }
        }
        post.body = None;
        self.put(post).await;
    }

    /// Remembers which message shows a part, so that it is found again.
    async fn now_shows(&self, post: &mut Post, index: usize, message: MessageId) {
        let known = post.shown.get(index) == Some(&message);
        self.count(if index < post.shown.len() { "edit" } else { "send" });
        if !known {
            let later = post.shown.len().min(index + 1);
            post.shown.splice(index..later, [message]);
            self.put(post).await;
        }
    }

    /// How long to wait after a failure.
    fn after(&self, error: &ScreenError, tries: u32) -> Duration {
        match error {
            ScreenError::Later { after } => {
                self.count("limited");
                *after
            }
            _ => Duration::from_millis(500) * 2_u32.pow(tries.min(8)),
        }
    }

    fn spend(&self, address: &Value) {
        let bucket = self.screen.bucket(address);
        lock(&self.budget).spend(&bucket, Instant::now(), self.screen.pace().gap);
    }

    fn count(&self, what: &'static str) {
        counter!("colloquy_posts_total", "platform" => self.screen.platform().to_string(), "what" => what).increment(1);
    }

    async fn put(&self, post: &Post) {
        if let Err(error) = self.outbox.put(post).await {
            tracing::error!(error = %chain(&error), "the outbox failed");
        }
    }

    /// Stops an answer that grows, where `caller` is who asked, or `anyone` may. Whether there was one.
    pub fn stop(&self, call: &CallId, caller: &MemberId, anyone: bool) -> bool {
        match lock(&self.running).get(call) {
            Some(running) if anyone || running.caller == *caller => {
                running.stop.cancel();
                true
            }
            _ => false,
        }
    }

    /// The answer that a message of ours shows a part of.
    pub async fn showing(&self, shown: &MessageId) -> Option<Post> {
        match self.outbox.showing(self.screen.platform(), shown).await {
            Ok(post) => post,
            Err(error) => {
                tracing::error!(error = %chain(&error), "the outbox failed");
                None
            }
        }
    }

    /// Looks after the outbox until `shutdown`.
    pub async fn tend(&self, shutdown: CancellationToken) {
        loop {
            let pause = if lock(&self.doubted).is_empty() { REDELIVER_EVERY } else { self.doubt / 10 };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.bell.rung() => self.redeliver().await,
                () = tokio::time::sleep(pause) => self.redeliver().await,
            }
            let running = lock(&self.running).len();
            gauge!("colloquy_answers_running", "platform" => self.screen.platform().to_string()).set(running as f64);
        }
    }

    /// Waits for the answers that grow, at most `grace`; then stops them, which says so to who asked.
    pub async fn drain(&self, grace: Duration) {
        let is_idle = || lock(&self.running).is_empty();
        if self.wait_until(is_idle, grace).await {
            return;
        }
        for running in lock(&self.running).values() {
            running.stop.cancel();
        }
        self.wait_until(is_idle, EDIT_WITHIN).await;
    }

    /// Whether `done` came true within `limit`.
    async fn wait_until(&self, done: impl Fn() -> bool, limit: Duration) -> bool {
        let wait = async {
            loop {
                let changed = self.idle.notified();
                tokio::pin!(changed);
                // Registered before the look, so that no change falls between.
                changed.as_mut().enable();
                if done() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }
}
