//! Runs calls: inbox, route, gate, queue, session, plugin, audit, in this order.
//!
//! Each plugin runs in a task of its own, so that a panic costs one reply; a deadline and a hung-up caller end it.

mod again;
mod hear;
mod order;
mod overhear;
mod record;
mod turns;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat::{
    Audience, Call, Command, Cx, Event, Manifest, MemberId, Message, MessageId, Overheard, Place, Platform,
    PluginError, Policy, PortError, Role, RoomId, Usage, Visibility,
    cx::{Ports, Setting, Trace},
    error::chain,
    ports::{Audit, Clock, Dispatch, EmbedTask, Embedding, Inbox, Members, Order, Plugin, Post, Seen, Speaker},
};
use futures::{StreamExt, channel::mpsc, stream::BoxStream};
use tokio::sync::OnceCell;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use uuid::Uuid;

use self::record::Record;
use crate::{
    gate::{self, Circumstances, Load, Permit},
    language,
    queue::{Party, Queue},
    quota::{Quotas, Rates},
    route::Route,
    session,
    unasked::Interruptions,
};

/// A mention this far from every utterance is a question to the library.
const UTTERANCE_COSINE_MIN: f32 = 0.55;

/// Proposals that come later are of no use to who types.
const COMPLETE_WITHIN: Duration = Duration::from_secs(1);

/// Proposals that a platform shows, at most.
const PROPOSALS_MAX: usize = 25;

/// Longest that the history of a room is waited for.
const CONVERSATION_WITHIN: Duration = Duration::from_secs(10);

/// How many messages of a thread are considered for the session.
const SESSION_MESSAGES_MAX: usize = 20;

/// The language of who says nothing that has one.
const DEFAULT_LANGUAGE: &str = "en";

/// What the host joins.
pub struct Parts {
    /// The ports behind every call.
    pub ports: Ports,
    /// Who may what.
    pub members: Arc<dyn Members>,
    /// Messages in flight.
    pub inbox: Arc<dyn Inbox>,
    /// The audit trail.
    pub audit: Arc<dyn Audit>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The plugins; the first command of the first is what a bare mention means.
    pub plugins: Vec<Arc<dyn Plugin>>,
}

/// The host's limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Calls that run at a time.
    pub slots: usize,
    /// Calls that run or wait, in all.
    pub in_all_max: usize,
    /// Calls that run or wait, of one caller.
    pub of_caller_max: usize,
    /// Tokens of conversation that a call sees.
    pub session_tokens: usize,
    /// Calls a minute.
    pub rates: Rates,
}

/// From a message to a reply. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    settings: Settings,
    queue: Queue,
    quotas: Quotas,
    interruptions: Mutex<Interruptions>,
    hearing: hear::State,
    serving: TaskTracker,
    utterances: OnceCell<Vec<(&'static str, &'static Command, Embedding)>>,
}

/// What a call is made with.
#[derive(Clone, Copy)]
struct Asked<'a> {
    message: &'a Message,
    /// Where nobody made the call: what a plugin hears.
    heard: Option<&'a Overheard>,
}

impl<'a> From<&'a Message> for Asked<'a> {
    fn from(message: &'a Message) -> Self {
        Self { message, heard: None }
    }
}

/// How a call ended.
enum Outcome {
    Done,
    Refused(String),
    /// Refused without a word: they were told often enough.
    Silenced,
    Failed(PluginError),
    Panicked,
    Overdue(Duration),
    Cancelled,
}

impl Host {
    /// A host of these parts.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let (queue, quotas) = (Queue::new(settings.slots), Quotas::new(settings.rates));
        let serving = TaskTracker::new();
        serving.close();
        let (interruptions, utterances) = (Mutex::default(), OnceCell::new());
        let hearing = hear::State::default();
        let shared = Shared { parts, settings, queue, quotas, interruptions, hearing, serving, utterances };
        Self { shared: Arc::new(shared) }
    }
}

#[async_trait]
impl Dispatch for Host {
    async fn message(&self, message: Message) -> BoxStream<'static, Event> {
        let (events, stream) = mpsc::unbounded();
        let (token, taken) = (CancellationToken::new(), CancellationToken::new());
        let shared = Arc::clone(&self.shared);
        self.shared.serving.spawn(shared.serve(message, events, token.clone(), taken.clone()));
        // Dropping the stream drops the guard, which ends the call.
        let state = (stream, taken, token.drop_guard());
        let next = |(mut stream, taken, guard): (_, CancellationToken, DropGuard)| async move {
            let event: Option<Event> = mpsc::UnboundedReceiver::next(&mut stream).await;
            if event.is_none() {
                taken.cancel();
            }
            event.map(|event| (event, (stream, taken, guard)))
        };
        futures::stream::unfold(state, next).fuse().boxed()
    }

    async fn overheard(&self, heard: Overheard) -> BoxStream<'static, Event> {
        Arc::clone(&self.shared).overheard(heard).await
    }

    async fn take_up(&self, platform: Platform) {
        self.shared.take_up(platform).await;
    }

    async fn removed(&self, place: &Place, id: &MessageId) {
        self.shared.removed(place, id).await;
    }

    async fn reacted(&self, place: &Place, member: &MemberId, message: &MessageId, emoji: &str, mark: &MessageId) {
        self.shared.reacted(place, member, message, emoji, mark).await;
    }

    fn due(&self, order: &Order) -> BoxStream<'static, Event> {
        Arc::clone(&self.shared).due(order.clone())
    }

    async fn give_up(&self, message: &Message) {
        self.shared.close(message).await;
    }

    async fn complete(&self, message: Message, argument: &str, typed: &str) -> Vec<String> {
        self.shared.complete(message, argument, typed).await.unwrap_or_default()
    }

    async fn may_show(&self, message: &Message) -> bool {
        self.shared.may_show(message).await
    }

    async fn may_say(&self, post: &Post) -> Result<bool, PortError> {
        self.shared.may_say(post).await
    }

    fn visibility(&self, room: &RoomId, command: &Command) -> Visibility {
        let policy = Policy { visibility: self.shared.parts.ports.register.visibility(room), ..Policy::default() };
        match gate::audience(Audience::Room, command, &policy, None) {
            Audience::Room => Visibility::Room,
            Audience::Caller => Visibility::Caller,
        }
    }

    async fn settled(&self) {
        self.shared.serving.wait().await;
    }

    fn manifests(&self) -> Vec<&'static Manifest> {
        self.shared.manifests()
    }
}

impl Shared {
    fn manifests(&self) -> Vec<&'static Manifest> {
        self.parts.plugins.iter().map(|plugin| plugin.manifest()).collect()
    }

    async fn serve(
        self: Arc<Self>,
        message: Message,
        events: mpsc::UnboundedSender<Event>,
        token: CancellationToken,
        taken: CancellationToken,
    ) {
        let route = self.routed(&message);
        if route == Route::Ignore {
            return;
        }
        match self.parts.inbox.open(&message).await {
            Ok(Seen::New) => {}
            Ok(Seen::Before) => return,
            Err(error) => {
                tracing::error!(error = %chain(&error), "the inbox failed");
                let sentence = "I could not take your message; the operator can see why in the log.".to_owned();
                send(&events, Event::Failed { sentence });
                return;
            }
        }
        if let Some((plugin, command, args)) = self.meant(route, &events).await {
            let call = Self::call_of(&message, plugin, command, args);
            let record = self.call((&message).into(), call, command, &events, &token).await;
            self.audit(record).await;
        }
        drop(events);
        // Until the stream is polled past its last event, which takes the reply, or dropped: then the frontend died over
        // it, or gave it up and says so.
        token.cancelled().await;
        if taken.is_cancelled() {
            self.close(&message).await;
        }
    }

    async fn close(&self, message: &Message) {
        if let Err(error) = self.parts.inbox.close(message).await {
            tracing::error!(error = %chain(&error), "the inbox failed");
        }
    }

    /// What the message asks for; a wrong call is answered here.
    async fn meant(
        &self,
        route: Route,
        events: &mpsc::UnboundedSender<Event>,
    ) -> Option<(&'static str, &'static Command, chat::Args)> {
        match route {
            Route::Ignore => None,
            Route::Call { plugin, command, args } => Some((plugin, command, args)),
            Route::Usage(sentence) => {
                send(events, Event::Text { delta: sentence });
                send(events, Event::Done { usage: Usage::default() });
                None
            }
            Route::Mention(text) => {
                let (plugin, command) = self.nearest(&text).await?;
                let free = command.arguments.iter().find(|argument| argument.kind == chat::Kind::Text);
                let args = free.map(|argument| chat::Args::from([(argument.name, chat::Value::Text(text))]));
                Some((plugin, command, args.unwrap_or_default()))
            }
        }
    }

    /// The command whose example utterances lie nearest to `text`, or the first command of the first plugin.
    async fn nearest(&self, text: &str) -> Option<(&'static str, &'static Command)> {
        let manifests = self.manifests();
        let first = manifests.first().and_then(|manifest| Some((manifest.name, manifest.commands.first()?)));
        // What cannot be compared is a question to the library.
        let Ok(utterances) = self.utterances.get_or_try_init(|| self.embed_utterances()).await else { return first };
        // Where one plugin alone listens, there is nothing to choose.
        if utterances.iter().all(|(plugin, _, _)| Some(*plugin) == first.map(|(plugin, _)| plugin)) {
            return first;
        }
        let head: String = text.chars().take(500).collect();
        let embedded = self.parts.ports.embedder.embed(EmbedTask::Query, &[&head]).await;
        let Some(vector) = embedded.ok().and_then(|mut vectors| vectors.pop()) else { return first };
        let cosine = |other: &Embedding| vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
        let best = utterances.iter().map(|(plugin, command, other)| (cosine(other), *plugin, *command));
        match best.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((cosine, plugin, command)) if cosine >= UTTERANCE_COSINE_MIN => Some((plugin, command)),
            _ => first,
        }
    }

    async fn embed_utterances(&self) -> Result<Vec<(&'static str, &'static Command, Embedding)>, PortError> {
        let mut found = Vec::new();
        for manifest in self.manifests() {
            for command in manifest.commands.iter().filter(|command| !command.utterances.is_empty()) {
                let vectors = self.parts.ports.embedder.embed(EmbedTask::Query, command.utterances).await?;
                found.extend(vectors.into_iter().map(|vector| (manifest.name, command, vector)));
            }
        }
        Ok(found)
    }

    /// The call that a message makes.
    fn call_of(message: &Message, plugin: &str, command: &Command, args: chat::Args) -> Call {
        Call {
            id: message.call_id(),
            plugin: plugin.to_owned(),
            command: command.name.to_owned(),
            args,
            caller: message.author.clone(),
            role: Role::Guest,
            place: message.place.clone(),
            about: message.about.clone(),
            unasked: false,
        }
    }

    async fn call(
        &self,
        asked: Asked<'_>,
        mut call: Call,
        command: &Command,
        events: &mpsc::UnboundedSender<Event>,
        token: &CancellationToken,
    ) -> Record {
        let (entered, began) = (Instant::now(), self.parts.clock.now());
        let message = asked.message;
        let command = &command.called_with(&call.args);
        let trace = Arc::new(Mutex::new(Trace::default()));
        let mut started = entered;
        let load = self.load(&call.caller);
        let permit = self.permit(asked, &mut call, command, load).await;
        let outcome = match permit.and_then(|permit| self.within_quota(&call).map(|()| permit)) {
            // A platform that shows a command as being worked on must be told its end.
            Err(Outcome::Refused(_)) if !call.unasked && was_typed(message) && !self.quotas.tells(&call.caller) => {
                Outcome::Silenced
            }
            Err(outcome) => outcome,
            Ok(permit) => {
                call = permit.call().clone();
                send(events, Event::Accepted { audience: call.place.audience });
                let room = call.place.room.clone();
                let caller = match asked.heard {
                    // Beside who asks something, and not in their place.
                    Some(_) => MemberId(format!("hears:{room}")),
                    None => call.caller.clone(),
                };
                let party = Party { caller, room };
                let mut ticket = self.queue.enter(party);
                let mut has_waited = false;
                let waiting = |position: usize| {
                    has_waited = true;
                    send(events, Event::Progress { text: format!("You are number {position} in the queue.") });
                };
                let has_come = tokio::select! {
                    () = token.cancelled() => false,
                    () = ticket.turn(waiting) => true,
                };
                started = Instant::now();
                let permit = match (has_come, has_waited) {
                    (false, _) => Err(Outcome::Cancelled),
                    (true, false) => Ok(permit),
                    (true, true) => self.permit_again(asked, &permit, command).await,
                };
                match permit {
                    Ok(permit) => {
                        call = permit.call().clone();
                        self.run(permit, command, asked, events, &trace, token).await
                    }
                    Err(outcome) => outcome,
                }
            }
        };
        let usage = trace.lock().map(|trace| trace.usage.clone()).unwrap_or_default();
        let (outcome, error) = self.tell(&outcome, usage, events);
        if gate::bytes(&call) > Message::BYTES_MAX {
            // Refused for its size: the trail does not keep what was not read.
            call.args = chat::Args::default();
        }
        let (waited, ran) = (started - entered, started.elapsed());
        let trace = trace.lock().map(|trace| trace.clone()).unwrap_or_default();
        Record { began, call, outcome, error, waited, ran, trace }
    }

    /// Proposals of the plugin whose command is being typed. Neither queued nor audited: it must be quick, and says
    /// nothing that a search by the same caller would not.
    async fn complete(&self, message: Message, argument: &str, typed: &str) -> Option<Vec<String>> {
        let invocation = message.invocation.as_ref()?;
        let found = self.parts.plugins.iter().find_map(|plugin| {
            let command = plugin.manifest().command(&invocation.command)?;
            Some((plugin, command))
        });
        let (plugin, command) = found?;
        command.arguments.iter().find(|known| known.name == argument && known.completes)?;
        let args = invocation.args.clone();
        let mut call = Call { about: None, ..Self::call_of(&message, plugin.manifest().name, command, args) };
        let (command, load) = (command.called_with(&invocation.args), self.load(&call.caller));
        let permit = self.permit((&message).into(), &mut call, &command, load).await.ok()?;
        let setting = Setting {
            call: permit.call().clone(),
            readable: permit.readable().clone(),
            language: self.language_of(typed, permit.policy()),
            locale: None,
            conversation: Vec::new(),
            attachments: Vec::new(),
            reply_to: None,
            heard: None,
            standing: permit.standing().clone(),
            policy: permit.policy().clone(),
            at: self.parts.clock.now(),
            asked_at: message.at,
            code: 0,
        };
        // Nobody listens: a completion has no reply.
        let (events, _) = mpsc::unbounded();
        let cx = Cx::new(self.parts.ports.clone(), setting, events, Arc::default());
        let proposals =
            tokio::time::timeout(COMPLETE_WITHIN, plugin.complete(&cx, argument, typed)).await.ok()?.ok()?;
        Some(proposals.into_iter().take(PROPOSALS_MAX).collect())
    }

    async fn permit(
        &self,
        asked: Asked<'_>,
        call: &mut Call,
        command: &Command,
        load: Load,
    ) -> Result<Permit, Outcome> {
        let failed = |doing| move |source| Outcome::Failed(PluginError::Port { doing, source });
        let (members, register) = (&self.parts.members, &self.parts.ports.register);
        let manifest = self.manifests().into_iter().find(|manifest| manifest.name == call.plugin);
        let Some(manifest) = manifest else { return Err(Outcome::Panicked) };
        let standing = register.standing(&call.caller).await.map_err(failed("looking up the caller"))?;
        let policy = register.policy(&call.place.room).await.map_err(failed("looking up the room's policy"))?;
        let paused = register.is_paused().await.map_err(failed("asking whether everything is paused"))?;
        call.role = members.role(&call.place, &call.caller).await.map_err(failed("looking up the caller's role"))?;
        call.role = call.role.max(standing.grant.unwrap_or(Role::Guest));
        let mut place = call.place.clone();
        let wish = asked.message.visibility;
        place.audience = gate::audience(place.audience, command, &policy, wish);
        let extra = members.scopes(&place, &call.caller).await.map_err(failed("looking up what may be read"))?;
        let (standing_of, policy_of, extra) = (&standing, &policy, extra.as_slice());
        let (standing, policy) = (standing_of, policy_of);
        let around = Circumstances { manifest, command, standing, policy, paused, extra, load, asked: wish };
        let permit = gate::gate(call.clone(), around).map_err(Outcome::Refused)?;
        // What is heard is told to nobody alone, and of every message nobody asks where its author is.
        let is_away = asked.heard.is_none()
            && self.is_away(permit.call()).await.map_err(failed("looking up where somebody is"))?;
        let permit = permit.at(self.parts.clock.now());
        Ok(if is_away { permit.outside() } else { permit })
    }

    /// Who runs the machine may ask as much as it bears, and what nobody asked us is nobody's.
    fn within_quota(&self, call: &Call) -> Result<(), Outcome> {
        match call.role {
            _ if call.unasked => Ok(()),
            Role::Operator => Ok(()),
            _ => self.quotas.take(&call.caller, &call.place.room).map_err(Outcome::Refused),
        }
    }

    async fn run(
        &self,
        permit: Permit,
        command: &Command,
        Asked { message, heard }: Asked<'_>,
        events: &mpsc::UnboundedSender<Event>,
        trace: &Arc<Mutex<Trace>>,
        token: &CancellationToken,
    ) -> Outcome {
        let call = permit.call().clone();
        let Some(plugin) = self.parts.plugins.iter().find(|plugin| plugin.manifest().name == call.plugin) else {
            return Outcome::Panicked;
        };
        let setting = Setting {
            call: call.clone(),
            readable: permit.readable().clone(),
            language: self.language_of(&message.text, permit.policy()),
            locale: message.invocation.as_ref().and_then(|invocation| invocation.locale.clone()),
            // What is heard stands for itself.
            conversation: if heard.is_some() { Vec::new() } else { self.conversation(message, trace).await },
            attachments: message.attachments.clone(),
            reply_to: message.reply_to.clone(),
            heard: heard.cloned(),
            standing: permit.standing().clone(),
            policy: permit.policy().clone(),
            at: self.parts.clock.now(),
            asked_at: message.at,
            // Its low half is random.
            code: Uuid::now_v7().as_u64_pair().1,
        };
        let cx = Cx::new(self.parts.ports.clone(), setting, events.clone(), Arc::clone(trace));
        let plugin = Arc::clone(plugin);
        let mut task = tokio::spawn(async move { plugin.run(&cx, &call).await });
        let ended = tokio::select! {
            ended = &mut task => ended,
            () = token.cancelled() => {
                task.abort();
                return Outcome::Cancelled;
            }
            () = tokio::time::sleep(command.deadline) => {
                task.abort();
                return Outcome::Overdue(command.deadline);
            }
        };
        match ended {
            Ok(Ok(())) => Outcome::Done,
            Ok(Err(PluginError::HungUp)) => Outcome::Cancelled,
            Ok(Err(PluginError::Refused(sentence))) => Outcome::Refused(sentence),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::Panicked,
        }
    }

    /// The language that a call is answered in: the room's, else its own where it has one.
    fn language_of(&self, text: &str, policy: &Policy) -> String {
        match policy.language.as_str() {
            "" => language::of_question(self.parts.ports.linguist.as_ref(), text, DEFAULT_LANGUAGE),
            code => code.to_owned(),
        }
    }

    /// What was said before in this thread. An archive that fails costs the context, not the answer.
    async fn conversation(&self, message: &Message, trace: &Mutex<Trace>) -> Vec<(Speaker, String)> {
        let reading = self.parts.ports.archive.conversation(message, SESSION_MESSAGES_MAX);
        // A slow platform must not hold the slot: the answer goes on without.
        let before = tokio::time::timeout(CONVERSATION_WITHIN, reading).await.unwrap_or_else(|_| Ok(Vec::new()));
        let before = before.unwrap_or_else(|error| {
            tracing::warn!(error = %chain(&error), "the room's history cannot be read");
            Vec::new()
        });
        if let Ok(mut trace) = trace.lock() {
            let others = before.iter().filter(|one| !one.ours && one.message.author != message.author);
            trace.messages = before.iter().filter(|one| !one.ours).map(|one| one.message.call_id()).collect();
            trace.voices = others.map(|one| one.message.author.clone()).collect();
            trace.voices.sort();
            trace.voices.dedup();
        }
        let generator = self.parts.ports.generator.as_ref();
        let count = |text: &str| generator.map_or(text.len() / 4, |generator| generator.count_tokens(text));
        session::fit(&before, self.settings.session_tokens, count)
    }

    /// Tells the caller how it ended; what the audit calls it, and the error for the operator.
    fn tell(&self, outcome: &Outcome, usage: Usage, events: &mpsc::UnboundedSender<Event>) -> (&'static str, String) {
        let (name, error, last) = match outcome {
            Outcome::Done => ("done", String::new(), Event::Done { usage }),
            Outcome::Refused(sentence) => ("refused", String::new(), Event::Failed { sentence: sentence.clone() }),
            Outcome::Silenced => return ("refused", String::new()),
            Outcome::Failed(PluginError::Usage { want, .. }) => {
                send(events, Event::Text { delta: (*want).to_owned() });
                ("usage", String::new(), Event::Done { usage })
            }
            Outcome::Failed(error) => {
                let (sentence, error) = (error.public(), chain(error));
                tracing::error!(error, "a call failed");
                ("failed", error, Event::Failed { sentence })
            }
            Outcome::Panicked => {
                tracing::error!("a plugin panicked");
                let sentence = "Something on my side broke; the operator can see what in the log.".to_owned();
                ("panicked", "the plugin panicked".to_owned(), Event::Failed { sentence })
            }
            Outcome::Overdue(deadline) => {
                let sentence = format!("This took longer than {} seconds, so I stopped.", deadline.as_secs());
                ("overdue", String::new(), Event::Failed { sentence })
            }
            Outcome::Cancelled => ("cancelled", String::new(), Event::Failed { sentence: "Stopped.".to_owned() }),
        };
        send(events, last);
        (name, error)
    }
}

/// Whether a message is words of a person, and no command or button that a platform shows as being worked on.
fn was_typed(message: &Message) -> bool {
    message.invocation.is_none() && !message.text.starts_with('/')
}

/// Sends to a caller who may have left: the drop guard, not this, ends the call.
fn send(events: &mpsc::UnboundedSender<Event>, event: Event) {
    let _ = events.unbounded_send(event);
}
