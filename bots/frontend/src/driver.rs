//! Takes replies to a platform: the first sign at once, few edits while they grow, the end always, and nothing twice.
//!
//! Read [`Driver::answer`], then [`Driver::deliver`]; [`Driver::recover`] is what a start does for the process before.
//!
//! **Invariant:** what a reply must show in the end is in the outbox before its message counts as answered, so that a
//! process that dies in between leaves either an unfinished message or a pending post, and never both undone.

use std::{
    collections::{
        HashMap, HashSet,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chat::{
    Action, Audience, CallId, CommunityId, Event, MemberId, Message, MessageId,
    error::chain,
    ports::{Dispatch, Inbox, Outbox, Post},
};
use futures::{StreamExt, stream::BoxStream};
use metrics::{counter, gauge, histogram};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Answer, Part, Screen, ScreenError, pace::Budget};

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

/// How often a platform is told that an answer is being written.
const TYPING_EVERY: Duration = Duration::from_secs(4);

/// Longest that the answer to a removed question may take to be shown for the last time, before it is removed.
const RETRACT_WITHIN: Duration = Duration::from_secs(600);

/// What is said where a process died over an answer.
const INTERRUPTED: &str = "I was interrupted while answering this; please ask again.";

/// Takes the replies of one platform there.
pub struct Driver {
    screen: Arc<dyn Screen>,
    dispatch: Arc<dyn Dispatch>,
    inbox: Arc<dyn Inbox>,
    outbox: Arc<dyn Outbox>,
    running: Mutex<HashMap<CallId, Running>>,
    budget: Mutex<Budget>,
    idle: Notify,
}

/// An answer that grows, or whose end is being shown.
struct Running {
    caller: MemberId,
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
        Self { screen, dispatch, inbox, outbox, running, budget, idle }
    }

    /// What can be called, for command registration and completion.
    pub fn dispatch(&self) -> &dyn Dispatch {
        self.dispatch.as_ref()
    }

    /// Answers a message, from its first event to its last edit. `address`: where, if the platform knows already (an
    /// interaction); `shown`: what stands there already and is to be filled (a deferred response).
    pub async fn answer(&self, mut message: Message, address: Option<Value>, shown: Vec<MessageId>) {
        let started = Instant::now();
        if let Some(about) = message.about.take() {
            message.about = self.saw(&message, &about).await.then_some(about);
        }
        let call = message.call_id();
        let stop = CancellationToken::new();
        // Where the platform delivered it twice, the first one goes on.
        let Some(_entry) = self.claim(&call, &message.author, &stop) else { return };
        let mut events = self.dispatch.message(message.clone()).await;
        let mut growing = Growing {
            driver: self,
            post: Post { call, question: message, address: Value::Null, shown, actions: Vec::new(), body: None },
            answer: Answer::default(),
            started,
            edits: 0,
            next_edit: Instant::now(),
            is_dirty: false,
            last: Vec::new(),
        };
        let is_meant = growing.until_visible(&mut events, &stop).await;
        match address {
            Some(address) => growing.post.address = address,
            // Not asked for before there is something to show: a private one may cost an invitation.
            None if !growing.answer.is_visible() => {
                // Polled past its end: what was done without a word is done.
                let _ = events.next().await;
                return;
            }
            None => match self.place(&growing).await {
                Ok(address) => growing.post.address = address,
                Err(error) => {
                    tracing::error!(error = %chain(&error), "a reply has nowhere to go");
                    return;
                }
            },
        }
        if !is_meant {
            if growing.post.shown.is_empty() {
                return;
            }
            growing.answer.fail("I have answered this before.");
        }
        if !growing.post.shown.is_empty() {
            // So that the next process finds what this one was to fill, and a button on it its answer.
            self.put(&growing.post).await;
        }
        growing.run(&mut events, &stop).await;
        if growing.answer.ended().is_none() {
            growing.answer.stop();
        }
        if !growing.answer.has_content() && !growing.post.shown.is_empty() {
            // Done without a word, where something stands that must be filled.
            growing.answer.take(Event::Text { delta: "✓".to_owned() });
        }
        // Kept before the stream is polled past its end: see the invariant.
        self.keep(&mut growing).await;
        if stop.is_cancelled() {
            drop(events);
        } else {
            // Polled past its last event: now the message counts as answered.
            let _ = events.next().await;
        }
        self.finish(&mut growing).await;
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
    fn claim(&self, call: &CallId, caller: &MemberId, stop: &CancellationToken) -> Option<Entry<'_>> {
        match lock(&self.running).entry(call.clone()) {
            Occupied(_) => None,
            Vacant(free) => {
                free.insert(Running { caller: caller.clone(), stop: stop.clone() });
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
        self.deliver(&mut growing.post, &parts).await;
        histogram!("colloquy_answer_seconds", "platform" => platform).record(growing.started.elapsed().as_secs_f64());
    }

    /// Shows the end of a reply: edits what stands, sends what does not, removes what is too much. What cannot be shown
    /// now stays in the outbox.
    async fn deliver(&self, post: &mut Post, parts: &[Part]) {
        for (index, part) in parts.iter().enumerate() {
            let nonce = format!("{}/{index}", post.call);
            let mut tries = 0;
            loop {
                self.spend(&post.address);
                let done = match post.shown.get(index) {
                    Some(shown) => self.screen.edit(&post.address, shown, part).await.map(|()| None),
                    None => self.screen.send(&post.address, &nonce, part).await.map(Some),
                };
                match done {
                    Ok(sent) => {
                        self.count(if sent.is_some() { "send" } else { "edit" });
                        if let Some(sent) = sent {
                            post.shown.push(sent);
                            self.put(post).await;
                        }
                        break;
                    }
                    Err(ScreenError::Gone { reason }) => {
                        tracing::info!(reason, "a reply's place is gone");
                        post.body = None;
                        self.put(post).await;
                        return;
                    }
                    Err(error) => {
                        tries += 1;
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

    /// The question is gone: its answer is stopped and removed.
    pub async fn retract(&self, question: &CallId) {
        if let Some(running) = lock(&self.running).get(question) {
            running.stop.cancel();
        }
        // The answer's last edit comes first: what is removed must not be shown again.
        let gone = || !lock(&self.running).contains_key(question);
        self.wait_until(gone, RETRACT_WITHIN).await;
        let Ok(Some(post)) = self.outbox.get(question).await else { return };
        for shown in &post.shown {
            if let Err(error) = self.screen.remove(&post.address, shown).await {
                tracing::warn!(error = %chain(&error), "an answer to a removed question stays");
            }
        }
        if let Err(error) = self.outbox.remove(question).await {
            tracing::error!(error = %chain(&error), "the outbox failed");
        }
    }

    /// What the process before left behind: ends that were not shown are shown, questions without one apologised for.
    pub async fn recover(&self, community: &CommunityId) {
        let platform = self.screen.platform();
        // What has its end needs no apology, though the process died before it said so.
        let ended: HashSet<CallId> = match self.outbox.pending(platform).await {
            Ok(posts) => posts.into_iter().map(|post| post.call).collect(),
            Err(error) => return tracing::error!(error = %chain(&error), "the outbox failed"),
        };
        self.redeliver().await;
        let unfinished = match self.inbox.unfinished(community).await {
            Ok(messages) => messages,
            Err(error) => return tracing::error!(error = %chain(&error), "the inbox failed"),
        };
        for message in unfinished.into_iter().filter(|message| message.place.platform == platform) {
            if !ended.contains(&message.call_id()) {
                self.apologise(message).await;
            } else if let Err(error) = self.inbox.close(&message).await {
                tracing::error!(error = %chain(&error), "the inbox failed");
            }
        }
    }

    async fn apologise(&self, message: Message) {
        let call = message.call_id();
        let Some(_entry) = self.claim(&call, &message.author, &CancellationToken::new()) else { return };
        let kept = self.outbox.get(&call).await.ok().flatten();
        let mut post = match kept {
            Some(post) => post,
            None => match self.screen.address(&message, message.place.audience).await {
                Ok(address) => {
                    let question = message.clone();
                    Post { call, question, address, shown: Vec::new(), actions: Vec::new(), body: None }
                }
                Err(error) => {
                    tracing::error!(error = %chain(&error), "an apology has nowhere to go");
                    return;
                }
            },
        };
        let parts = [Part { markdown: INTERRUPTED.to_owned(), ..Part::default() }];
        post.body = serde_json::to_value(&parts).ok();
        self.put(&post).await;
        if let Err(error) = self.inbox.close(&message).await {
            tracing::error!(error = %chain(&error), "the inbox failed");
        }
        self.deliver(&mut post, &parts).await;
    }

    /// Shows the ends of replies that are still in the outbox and that nobody is showing now.
    pub async fn redeliver(&self) {
        let pending = match self.outbox.pending(self.screen.platform()).await {
            Ok(pending) => pending,
            Err(error) => return tracing::error!(error = %chain(&error), "the outbox failed"),
        };
        for Post { call, question, .. } in pending {
            let Some(_entry) = self.claim(&call, &question.author, &CancellationToken::new()) else { continue };
            // As it is now that it is in hand: whoever had it before may have shown it.
            let Ok(Some(mut post)) = self.outbox.get(&call).await else { continue };
            let Some(body) = post.body.clone() else { continue };
            let parts: Vec<Part> = serde_json::from_value(body).unwrap_or_default();
            self.deliver(&mut post, &parts).await;
        }
    }

    /// Looks after the outbox until `shutdown`.
    pub async fn tend(&self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(REDELIVER_EVERY) => self.redeliver().await,
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

/// One answer while it grows.
struct Growing<'a> {
    driver: &'a Driver,
    post: Post,
    answer: Answer,
    started: Instant,
    edits: u32,
    next_edit: Instant,
    is_dirty: bool,
    /// The parts as they were shown last; at the end, as they must be shown.
    last: Vec<Part>,
}

impl Growing<'_> {
    fn audience(&self) -> Audience {
        self.answer.audience().unwrap_or(self.post.question.place.audience)
    }

    /// Takes events until there is something to show, the last one came, or the stop; whether there was any.
    async fn until_visible(&mut self, events: &mut BoxStream<'static, Event>, stop: &CancellationToken) -> bool {
        let mut is_meant = false;
        while !self.answer.is_visible() && self.answer.ended().is_none() {
            let event = tokio::select! {
                () = stop.cancelled() => break,
                event = events.next() => event,
            };
            let Some(event) = event else { break };
            is_meant = true;
            self.answer.take(event);
        }
        is_meant
    }

    /// Takes events and shows them, until the last one or the stop.
    async fn run(&mut self, events: &mut BoxStream<'static, Event>, stop: &CancellationToken) {
        let mut typing = tokio::time::interval(TYPING_EVERY);
        self.is_dirty = self.answer.is_visible();
        while self.answer.ended().is_none() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.next() => match event {
                    Some(event) => {
                        self.answer.take(event);
                        self.is_dirty = self.answer.is_visible();
                    }
                    None => return,
                },
                () = tokio::time::sleep_until(self.next_edit.into()), if self.is_dirty => self.show().await,
                _ = typing.tick() => self.driver.screen.typing(&self.post.address).await,
            }
        }
    }

    /// Shows what has grown, if the platform bears it now.
    async fn show(&mut self) {
        let screen = &self.driver.screen;
        let pace = screen.pace();
        let bucket = screen.bucket(&self.post.address);
        let gap = pace.after(self.edits);
        let is_first = self.edits == 0;
        // The first sign is not made to wait for other answers.
        if is_first {
            lock(&self.driver.budget).spend(&bucket, Instant::now(), pace.gap);
        } else if !lock(&self.driver.budget).take(&bucket, Instant::now(), pace.gap) {
            self.next_edit = Instant::now() + pace.gap;
            return;
        }
        let mut parts = self.answer.parts(screen.style());
        let stop = Action { label: "Stop".to_owned(), command: STOP.to_owned() };
        if let Some(first) = parts.first_mut() {
            first.actions.push(stop);
        }
        // One call to the platform at a time: the first part that differs.
        let changed = (0..parts.len()).find(|index| {
            *index >= self.post.shown.len() || self.last.get(*index).is_none_or(|last| *last != parts[*index])
        });
        self.is_dirty = changed.is_some();
        let Some(index) = changed else { return };
        match tokio::time::timeout(EDIT_WITHIN, self.place(index, &parts[index])).await {
            Ok(Ok(())) => {
                self.last.truncate(index);
                self.last.push(parts[index].clone());
                self.is_dirty = parts.len() > index + 1;
            }
            Ok(Err(error)) => {
                let after = self.driver.after(&error, 1);
                lock(&self.driver.budget).wait(&bucket, Instant::now() + after);
                tracing::debug!(error = %chain(&error), "a growing answer was not shown");
            }
            Err(_) => tracing::debug!("a growing answer was not shown in time"),
        }
        if is_first {
            let seconds = self.started.elapsed().as_secs_f64();
            histogram!("colloquy_first_visible_seconds", "platform" => screen.platform().to_string()).record(seconds);
        }
        self.edits += 1;
        self.next_edit = Instant::now() + gap;
    }

    async fn place(&mut self, index: usize, part: &Part) -> Result<(), ScreenError> {
        let screen = &self.driver.screen;
        match self.post.shown.get(index) {
            Some(shown) => {
                screen.edit(&self.post.address, shown, part).await?;
                self.driver.count("edit");
            }
            None => {
                let nonce = format!("{}/{index}", self.post.call);
                let shown = screen.send(&self.post.address, &nonce, part).await?;
                self.driver.count("send");
                self.post.shown.push(shown);
                // So that the next process finds what this one showed.
                self.driver.put(&self.post).await;
            }
        }
        Ok(())
    }
}
