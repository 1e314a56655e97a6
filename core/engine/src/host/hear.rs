//! Plugins that hear what is said in a room: each message is a call of its own that nobody made.
//!
//! **Invariant:** it goes through the gate as its author's, so that no plugin hears whom a moderator blocked, and none where
//! it is turned off; what is said of it is said by notices alone. Of the words nothing stays in the audit trail.
//! **Invariant:** what was said before a plugin began to listen it does not hear, however late it comes; nor what was said by
//! who wanted to be left out when they said it.
//! **Invariant:** what is heard is kept until the plugins have dealt with it, so that the next process takes it up where this
//! one dies; a room's messages are dealt with in order. What is not kept any more when its turn comes, as its author was
//! forgotten, is heard by nobody.

use std::{collections::HashSet, sync::Arc};

use chat::{
    Args, Audience, Call, CallId, Command, Manifest, Message, MessageId, Overheard, Place, Platform, PortError, Switch,
    cx::{Echo, hears, kept, kept_of, listening},
    error::chain,
};
use futures::{channel::mpsc, future::join_all};
use tokio_util::sync::CancellationToken;

use super::{
    Asked, Shared,
    turns::{Turn, Turns},
};

/// A plugin that can hear, and the command by which its calls are known.
type Hearing = (&'static Manifest, &'static Command);

/// One that is to hear a message, and how the message is kept for it.
type Listener = (Hearing, Keeping);

/// How what is heard is kept until its turn comes.
enum Keeping {
    /// For the next process.
    Kept,
    /// Not at all: its author is not to be heard.
    Silent,
    /// Not, as that failed.
    Failed,
}

/// What is being heard.
#[derive(Default)]
pub(super) struct State {
    turns: Turns,
    /// Platforms on which it goes on with what the process before heard.
    taken_up: tokio::sync::Mutex<HashSet<Platform>>,
}

impl Shared {
    /// Hands a message to the plugins that listen in its room. They go on when this returns.
    pub(super) async fn hand_on(self: &Arc<Self>, heard: &Overheard) {
        let message = &heard.message;
        if message.addressed || message.place.audience == Audience::Caller || message.text.len() > Message::BYTES_MAX {
            return;
        }
        if self.hearers().next().is_none() {
            return;
        }
        self.take_up(message.place.platform).await;
        // Before anything is waited for that another message could be faster with.
        let turn = self.hearing.turns.take(&message.place.room);
        let mut listeners = Vec::new();
        for (manifest, command) in self.hearers() {
            match self.is_told(manifest.name, message).await {
                Ok(true) => listeners.push((manifest, command)),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = %chain(&error), "it cannot be told whether a plugin listens: it does not");
                }
            }
        }
        if listeners.is_empty() {
            return;
        }
        let Some(turn) = turn else {
            return tracing::warn!(room = %message.place.room, "more is said in a room than the plugins there can hear");
        };
        let mut kept_for: Vec<Listener> = Vec::with_capacity(listeners.len());
        for hearing in listeners {
            let keeping = self.keep(hearing.0.name, heard).await.unwrap_or_else(|error| {
                tracing::error!(error = %chain(&error), "what a plugin hears is not kept, and lost where this process dies");
                Keeping::Failed
            });
            kept_for.push((hearing, keeping));
        }
        self.deal_with(heard.clone(), kept_for, turn);
    }

    /// What the process before heard on a platform and had not dealt with, before anything that is heard there now.
    pub(super) async fn take_up(self: &Arc<Self>, platform: Platform) {
        let mut taken_up = self.hearing.taken_up.lock().await;
        if !taken_up.insert(platform) {
            return;
        }
        for hearing in self.hearers() {
            let name = hearing.0.name;
            match self.parts.ports.data.list(name, &kept_of(platform)).await {
                Ok(all) => {
                    for (key, value) in all {
                        match serde_json::from_value::<Overheard>(value) {
                            // Where too much waits the rest is for the next start.
                            Ok(heard) => match self.hearing.turns.take(&heard.message.place.room) {
                                Some(turn) => {
                                    // What another version kept may have another key.
                                    let keeping = if key == kept(&heard) { Keeping::Kept } else { Keeping::Failed };
                                    self.deal_with(heard, vec![(hearing, keeping)], turn);
                                }
                                None => tracing::warn!("more was heard than can be taken up now"),
                            },
                            Err(error) => {
                                tracing::error!(%error, "what was heard cannot be read");
                                self.drop_kept(name, &key).await;
                            }
                        }
                    }
                }
                Err(error) => {
                    tracing::error!(error = %chain(&error), "what was heard before is not taken up yet");
                    taken_up.remove(&platform);
                }
            }
        }
    }

    fn hearers(&self) -> impl Iterator<Item = Hearing> + use<> {
        let manifests = self.manifests().into_iter();
        manifests.filter_map(|manifest| Some((manifest, manifest.hears.and_then(|name| manifest.command(name))?)))
    }

    /// Whether a plugin listened when a message was said, and does now; or said it again before, and keeps up with it.
    async fn is_told(&self, plugin: &str, message: &Message) -> Result<bool, PortError> {
        let data = &self.parts.ports.data;
        let Some(listening) = data.get(plugin, &listening(&message.place)).await? else { return Ok(false) };
        let echo = Echo::key(&message.place, &message.id);
        Ok(hears(&listening, message.at) || data.get(plugin, &echo).await?.is_some())
    }

    /// Keeps what a plugin is to hear; nothing of whom none may hear, who is heard only so that what was said of them
    /// before is taken back.
    async fn keep(&self, plugin: &str, heard: &Overheard) -> Result<Keeping, PortError> {
        let (author, ports) = (&heard.message.author, &self.parts.ports);
        if self.is_unheard(&heard.message).await? {
            return Ok(Keeping::Silent);
        }
        let failed = PortError::failed("plugin data", "keeping what was heard");
        // Whose author was forgotten after they said it, that is not kept.
        let at = heard.message.at.min(self.parts.clock.now());
        let value = serde_json::to_value(heard).map_err(failed)?;
        // Beside its call, so that what nobody takes up goes with its age.
        let call = hearing_of(&heard.message, plugin);
        ports.data.set_beside(&call, at, plugin, Some(author), &kept(heard), value).await?;
        Ok(Keeping::Kept)
    }

    /// Whether who said something is not to be heard there.
    async fn is_unheard(&self, message: &Message) -> Result<bool, PortError> {
        let standing = self.parts.ports.register.standing_at(&message.author, message.at).await?;
        let is_blocked = self.is_blocked(&message.place, &message.author, &standing).await?;
        Ok(is_blocked || standing.consent.to(Switch::Omit))
    }

    /// Whether a message is still to be heard now that its turn has come. Of who was forgotten meanwhile nothing is kept any
    /// more, nor that they were not to be heard. Where that cannot be told, the next process tries again.
    async fn still_stands(&self, plugin: &str, keeping: &Keeping, heard: &Overheard) -> bool {
        let stands = match keeping {
            Keeping::Kept => self.parts.ports.data.get(plugin, &kept(heard)).await.map(|found| found.is_some()),
            Keeping::Silent => self.is_unheard(&heard.message).await,
            Keeping::Failed => Ok(true),
        };
        stands.unwrap_or_else(|error| {
            tracing::error!(error = %chain(&error), "it cannot be told whether what was said is still to be heard");
            false
        })
    }

    async fn drop_kept(&self, plugin: &str, key: &str) {
        if let Err(error) = self.parts.ports.data.set(plugin, None, key, None).await {
            tracing::error!(error = %chain(&error), "what was heard is kept, though it was dealt with");
        }
    }

    /// Has plugins hear a message, when its turn comes.
    fn deal_with(self: &Arc<Self>, heard: Overheard, listeners: Vec<Listener>, mut turn: Turn) {
        let host = Arc::clone(self);
        self.serving.spawn(async move {
            turn.come().await;
            join_all(listeners.into_iter().map(|listener| host.hear(listener, &heard))).await;
        });
    }

    async fn hear(&self, ((manifest, command), keeping): Listener, heard: &Overheard) {
        if !self.still_stands(manifest.name, &keeping, heard).await {
            return;
        }
        let message = &heard.message;
        let call = Self::call_of(message, manifest.name, command, Args::default());
        let call = Call { id: hearing_of(message, manifest.name), unasked: true, ..call };
        // It ends with its deadline; nobody listens to what it says here.
        let (events, _kept) = mpsc::unbounded();
        let asked = Asked { message, heard: Some(heard) };
        let mut record = self.call(asked, call, command, &events, &CancellationToken::new()).await;
        self.drop_kept(manifest.name, &kept(heard)).await;
        // Of what was let pass nothing is known afterwards.
        if record.trace.has_echoed || !["done", "refused"].contains(&record.outcome) {
            record.trace.generations.clear();
            self.audit(record).await;
        }
    }

    /// What was said again of a message that is gone is taken back.
    pub(super) async fn take_back(&self, place: &Place, message: &MessageId) {
        for manifest in self.manifests().into_iter().filter(|manifest| manifest.hears.is_some()) {
            if let Err(error) = self.take_back_of(manifest.name, place, message).await {
                tracing::error!(error = %chain(&error), "what was said again of a removed message still stands");
            }
        }
    }

    async fn take_back_of(&self, plugin: &str, place: &Place, message: &MessageId) -> Result<(), PortError> {
        let ports = &self.parts.ports;
        let Some(value) = ports.data.get(plugin, &Echo::key(place, message)).await? else { return Ok(()) };
        let echo: Echo = serde_json::from_value(value).map_err(PortError::failed("plugin data", "reading an echo"))?;
        ports.notify.revise(&echo.to, &echo.posted, None, self.parts.clock.now()).await
    }
}

/// The call by which a plugin hears a message.
fn hearing_of(message: &Message, plugin: &str) -> CallId {
    CallId(format!("{}#{plugin}", message.call_id()))
}
