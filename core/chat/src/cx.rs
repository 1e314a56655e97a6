//! All that a plugin has. A plugin has no other way to the world.
//!
//! **Invariant:** there is no search without the audience filter: [`Cx::search`] and [`Cx::documents`] add it,
//! and nothing else reaches the library but [`Cx::experts`], which weighs people by what they own and shows none of it.

mod asking;
mod citing;
mod computing;
mod echoing;
mod glossary;
mod history;
mod matching;
mod people;
mod reading;
mod rights;
mod schedule;
mod translating;

use std::sync::{Arc, Mutex};

use futures::{StreamExt, channel::mpsc, stream::BoxStream};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

pub use asking::Expert;
pub use citing::{Cited, Shown};
pub use echoing::{Below, Echo, LISTENING, OF_ROOM, hears, kept, kept_of, listening, of_room};
pub use glossary::Words;
pub use history::{Voice, Within};
pub use matching::Met;
pub use people::Side;
pub use translating::Pair;

use crate::{
    Attachment, Audience, Call, Document, DocumentId, Event, MessageId, Overheard, Passage, PassageId, PluginError,
    Policy, PortError, Readable, Scope, Standing, Usage,
    chronicle::Chronicle,
    people::{Personal, Register},
    ports::{
        Acquisition, Added, Apart, Archive, Attachments, Audit, Compute, Documents, EmbedTask, Embedder, Embedding,
        Evidence, Generation, Generator, Identified, LibraryStats, Linguist, Listing, Matching, Members, Notify,
        Outbox, Piece, PluginData, Prompt, Recommending, Schedule, Search, SearchRequest, Speaker, Translator,
    },
};

/// The ports behind every [`Cx`].
#[derive(Clone)]
pub struct Ports {
    /// Retrieval.
    pub search: Arc<dyn Search>,
    /// The documents.
    pub documents: Arc<dyn Documents>,
    /// The language model; none where the community runs without one.
    pub generator: Option<Arc<dyn Generator>>,
    /// Models that are made for translating, the preferred first.
    pub translators: Vec<Arc<dyn Translator>>,
    /// The encoder.
    pub embedder: Arc<dyn Embedder>,
    /// The rooms' history.
    pub archive: Arc<dyn Archive>,
    /// Files that come with messages.
    pub attachments: Arc<dyn Attachments>,
    /// Where files of strangers are parsed.
    pub apart: Arc<dyn Apart>,
    /// What takes files into the library.
    pub acquisition: Arc<dyn Acquisition>,
    /// The plugins' own data.
    pub data: Arc<dyn PluginData>,
    /// What is remembered of people and rooms.
    pub register: Arc<dyn Register>,
    /// What people may do with it.
    pub personal: Arc<dyn Personal>,
    /// What was said in rooms.
    pub chronicle: Arc<dyn Chronicle>,
    /// The audit trail.
    pub audit: Arc<dyn Audit>,
    /// The replies that were shown.
    pub outbox: Arc<dyn Outbox>,
    /// Who is in which room.
    pub members: Arc<dyn Members>,
    /// What is said without having been asked.
    pub notify: Arc<dyn Notify>,
    /// What rooms ordered to be done again and again.
    pub schedule: Arc<dyn Schedule>,
    /// People by their work.
    pub matching: Arc<dyn Matching>,
    /// What people may want to read.
    pub reading: Arc<dyn Recommending>,
    /// Which language a text is in.
    pub linguist: Arc<dyn Linguist>,
    /// What keeps a processor busy.
    pub compute: Arc<dyn Compute>,
}

/// What a call left behind for the audit trail.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// What its generations cost.
    pub usage: Usage,
    /// What its searches found, best first, with scores.
    pub evidence: Vec<(PassageId, f32)>,
    /// Its prompts, as sent, and what came of them.
    pub generations: Vec<Generation>,
    /// What it decided about that.
    pub decisions: Vec<String>,
    /// Whose words it was given, beside the caller's own.
    pub voices: Vec<crate::MemberId>,
    /// The messages that it was given, each as the call that it would make.
    pub messages: Vec<crate::CallId>,
    /// Failures that it went on without, with their causes.
    pub warnings: Vec<String>,
    /// Whether it said again what somebody said.
    pub has_echoed: bool,
}

/// One call's view of the world.
pub struct Cx {
    ports: Ports,
    call: Call,
    readable: Readable,
    language: String,
    locale: Option<String>,
    conversation: Vec<(Speaker, String)>,
    attachments: Vec<Attachment>,
    reply_to: Option<MessageId>,
    heard: Option<Overheard>,
    standing: Standing,
    policy: Policy,
    at: Timestamp,
    asked_at: Timestamp,
    code: u64,
    events: mpsc::UnboundedSender<Event>,
    trace: Arc<Mutex<Trace>>,
}

/// What the host knows of a call before it runs.
pub struct Setting {
    /// The call, as the gate let it through.
    pub call: Call,
    /// What everyone who will see the reply may read.
    pub readable: Readable,
    /// The caller's language: ISO 639-1.
    pub language: String,
    /// The language of the caller's client, where the platform says it: ISO 639-1.
    pub locale: Option<String>,
    /// What was said before in this thread, oldest first, as much as the session's budget holds.
    pub conversation: Vec<(Speaker, String)>,
    /// Files that came with the message, or with the one that it replies to.
    pub attachments: Vec<Attachment>,
    /// The message that the call's own replies to, or whose menu it was called from.
    pub reply_to: Option<MessageId>,
    /// The message that the call is made with, where nobody made it: a plugin hears what is said in the room.
    pub heard: Option<Overheard>,
    /// What is known of the caller.
    pub standing: Standing,
    /// The room's policy.
    pub policy: Policy,
    /// The time.
    pub at: Timestamp,
    /// When the message was said that the call is made with, by its platform's clock.
    pub asked_at: Timestamp,
    /// A number that nobody can guess.
    pub code: u64,
}

impl Cx {
    /// A view for one call. Only the host makes one.
    pub fn new(ports: Ports, setting: Setting, events: mpsc::UnboundedSender<Event>, trace: Arc<Mutex<Trace>>) -> Self {
        let Setting {
            call,
            readable,
            language,
            locale,
            conversation,
            attachments,
            reply_to,
            heard,
            standing,
            policy,
            at,
            asked_at,
            code,
        } = setting;
        Self {
            ports,
            call,
            readable,
            language,
            locale,
            conversation,
            attachments,
            reply_to,
            heard,
            standing,
            policy,
            at,
            asked_at,
            code,
            events,
            trace,
        }
    }

    /// The call being answered.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The caller's language: ISO 639-1.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// A fixed sentence in the caller's language: those that we speak ourselves are English and Chinese.
    pub fn said(&self, english: &str, chinese: &str) -> String {
        if self.language == "zh" { chinese.to_owned() } else { english.to_owned() }
    }

    /// The language of the caller's client, where the platform says it: ISO 639-1.
    pub fn locale(&self) -> Option<&str> {
        self.locale.as_deref()
    }

    /// The language that a text is most likely in; see [`Linguist::identify`].
    pub fn identify(&self, text: &str) -> Option<Identified> {
        self.ports.linguist.identify(text)
    }

    /// Whether the language model is known to translate into a language well enough to be asked unasked; of a pair of
    /// languages [`Cx::translates_between`] says more.
    pub fn translates(&self, into: &str) -> bool {
        self.ports.generator.as_ref().is_some_and(|generator| generator.translates(into))
    }

    /// What was said before in this thread, oldest first.
    pub fn conversation(&self) -> &[(Speaker, String)] {
        &self.conversation
    }

    /// Passages that everyone who will see the reply may read, best first.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn search(&self, request: &SearchRequest) -> Result<Vec<Evidence>, PluginError> {
        let found = self
            .ports
            .search
            .search(&self.readable, request)
            .await
            .map_err(PluginError::port("searching the library"))?;
        let scores = found.iter().map(|evidence| (evidence.passage.id.clone(), evidence.score));
        self.note(|trace| trace.evidence.extend(scores));
        Ok(found)
    }

    /// A readable document, whole, with its passages.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn document(&self, id: &DocumentId) -> Result<Option<(Document, Vec<Passage>)>, PluginError> {
        let reading = "reading a document";
        let readable = Some(&self.readable);
        let Some(document) = self.ports.documents.get(readable, id).await.map_err(PluginError::port(reading))? else {
            return Ok(None);
        };
        let passages = self.ports.documents.passages_of(readable, id).await.map_err(PluginError::port(reading))?;
        Ok(Some((document, passages)))
    }

    /// Readable documents by title.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn documents(&self, matching: &str, offset: usize, limit: usize) -> Result<Vec<Listing>, PluginError> {
        let listed = self.ports.documents.list(Some(&self.readable), matching, offset, limit);
        listed.await.map_err(PluginError::port("listing the library"))
    }

    /// How much is readable here.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn library_stats(&self) -> Result<LibraryStats, PluginError> {
        self.ports.documents.stats(Some(&self.readable)).await.map_err(PluginError::port("counting the library"))
    }

    /// Whether there is a language model.
    pub fn can_generate(&self) -> bool {
        self.ports.generator.is_some()
    }

    /// Longest prompt that still answers quickly, in tokens; 0 without a model.
    pub fn prompt_tokens_advised(&self) -> usize {
        self.ports.generator.as_ref().map_or(0, |generator| generator.prompt_tokens_advised())
    }

    /// How many of the language model's tokens a text takes; 0 without a model.
    pub fn count_tokens(&self, text: &str) -> usize {
        self.ports.generator.as_ref().map_or(0, |generator| generator.count_tokens(text))
    }

    /// Starts a generation; dropping the stream cancels it.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`] without a model.
    pub async fn generate(&self, prompt: Prompt) -> Result<BoxStream<'static, Result<Piece, PortError>>, PluginError> {
        let doing = "asking the language model";
        let Some(generator) = &self.ports.generator else {
            let source = PortError::Refused { port: "generator", reason: "no language model is configured".to_owned() };
            return Err(PluginError::Port { doing, source });
        };
        let pieces = generator.generate(prompt.clone()).await.map_err(PluginError::port(doing))?;
        let mut number = 0;
        self.note(|trace| {
            number = trace.generations.len();
            trace.generations.push(Generation { prompt, text: String::new() });
        });
        let trace = Arc::clone(&self.trace);
        let keep = move |piece: &Result<Piece, PortError>| {
            let (Ok(piece), Ok(mut trace)) = (piece, trace.lock()) else { return };
            match (piece, trace.generations.get_mut(number)) {
                (Piece::Text(text), Some(generation)) => generation.text.push_str(text),
                (Piece::Text(_), None) => {}
                (Piece::Done(usage), _) => trace.usage.add(usage),
            }
        };
        Ok(pieces.inspect(keep).boxed())
    }

    /// Generates JSON that meets `prompt.schema`, and reads it. Output that the token limit cut is asked for once more
    /// with twice the tokens.
    ///
    /// # Errors
    /// [`PluginError::Port`], also where both attempts are no JSON of that form.
    pub async fn generate_json<T: DeserializeOwned>(&self, mut prompt: Prompt) -> Result<T, PluginError> {
        for attempt in [1, 2] {
            let mut pieces = self.generate(prompt.clone()).await?;
            let mut text = String::new();
            while let Some(piece) = pieces.next().await {
                if let Piece::Text(more) = piece.map_err(PluginError::port("asking the language model"))? {
                    text.push_str(&more);
                }
            }
            match serde_json::from_str(text.trim()) {
                Ok(value) => return Ok(value),
                Err(_) if attempt == 1 => prompt.tokens_max *= 2,
                Err(error) => {
                    let source = PortError::failed("generator", "reading its JSON")(error);
                    return Err(PluginError::Port { doing: "asking the language model", source });
                }
            }
        }
        Err(PluginError::HungUp)
    }

    /// Embeds texts; see [`Embedder::embed`].
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn embed(&self, task: EmbedTask, texts: &[&str]) -> Result<Vec<Embedding>, PluginError> {
        self.ports.embedder.embed(task, texts).await.map_err(PluginError::port("embedding"))
    }

    /// The files that came with the call.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// Reads a file that came with the call into the library, for those who will see the reply: the room's scope in a
    /// room, the caller's own to the caller alone.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`] where the file is larger than `bytes_max`.
    pub async fn acquire(&self, attachment: &Attachment, bytes_max: u64) -> Result<Added, PluginError> {
        let bytes = self.attached(attachment, bytes_max).await?;
        self.shelve(&attachment.name, bytes).await
    }

    /// Reads what a link leads to into the library, as [`Cx::acquire`] does a file.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`] where it is not fetched, with a reason that the room may read.
    pub async fn acquire_link(&self, link: &str) -> Result<Added, PluginError> {
        let fetched = self.ports.acquisition.fetch(link).await;
        let (name, bytes) = fetched.map_err(PluginError::port("fetching a link"))?;
        self.shelve(&name, bytes).await
    }

    async fn shelve(&self, name: &str, bytes: Vec<u8>) -> Result<Added, PluginError> {
        let place = &self.call.place;
        let scope = match place.audience {
            Audience::Room => Scope::Room(place.room.clone()),
            Audience::Caller => Scope::Person(self.call.caller.clone()),
        };
        let added = self.ports.acquisition.add(&scope, (&self.call.caller, self.at), name, bytes).await;
        added.map_err(PluginError::port("reading a file into the library"))
    }

    /// The value under `key` in the plugin's own data.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn load(&self, key: &str) -> Result<Option<serde_json::Value>, PluginError> {
        self.ports.data.get(&self.call.plugin, key).await.map_err(PluginError::port("reading its data"))
    }

    /// Sets or, with `None`, removes the value under `key` in the plugin's own data.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn save(&self, key: &str, value: Option<serde_json::Value>) -> Result<(), PluginError> {
        self.ports.data.set(&self.call.plugin, None, key, value).await.map_err(PluginError::port("keeping its data"))
    }

    /// [`Cx::save`] for what is the caller's: it goes when they are forgotten.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn save_own(&self, key: &str, value: Option<serde_json::Value>) -> Result<(), PluginError> {
        let keeping = self.ports.data.set(&self.call.plugin, Some((&self.call.caller, self.at)), key, value);
        keeping.await.map_err(PluginError::port("keeping its data"))
    }

    /// Sets the value under `key` in the plugin's own data for as long as this call's answer is known: until its question
    /// is taken back, or it is too old to be found again.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn remember(&self, key: &str, value: serde_json::Value) -> Result<(), PluginError> {
        self.remember_in(&self.call.plugin, key, value).await
    }

    async fn remember_in(&self, plugin: &str, key: &str, value: serde_json::Value) -> Result<(), PluginError> {
        let Call { id, caller, .. } = &self.call;
        let keeping = self.ports.data.set_beside(id, self.at, plugin, Some(caller), key, value);
        keeping.await.map_err(PluginError::port("keeping its data"))
    }

    /// Notes what was decided about a draft, for who asks how an answer came about: short, no text of documents.
    pub fn decided(&self, what: String) {
        self.note(|trace| trace.decisions.push(what));
    }

    /// Notes a failure that the reply goes on without, for the operator.
    pub fn warn(&self, error: &dyn std::error::Error) {
        self.note(|trace| trace.warnings.push(crate::error::chain(error)));
    }

    /// Sends an event of the reply.
    ///
    /// # Errors
    /// [`PluginError::HungUp`] when the caller stopped listening: return it.
    pub fn reply(&self, event: Event) -> Result<(), PluginError> {
        self.events.unbounded_send(event).map_err(|_| PluginError::HungUp)
    }

    /// Sends a piece of text.
    ///
    /// # Errors
    /// As [`Cx::reply`].
    pub fn say(&self, text: impl Into<String>) -> Result<(), PluginError> {
        self.reply(Event::Text { delta: text.into() })
    }

    fn note(&self, write: impl FnOnce(&mut Trace)) {
        if let Ok(mut trace) = self.trace.lock() {
            write(&mut trace);
        }
    }
}
