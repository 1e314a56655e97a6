//! The traits between crates. All are object-safe; every implementation passes its port's contract suite.

mod apart;
mod archive;
mod calls;
mod compute;
mod linguist;
mod matching;
mod notify;
mod reading;
pub mod schedule;
mod translator;

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Call, CallId, Command, Cx, Document, DocumentId, Event, Manifest, MemberId, Message, MessageId, Overheard, Passage,
    PassageId, Place, Platform, PluginError, PortError, Readable, Role, RoomId, Scope, Usage, Visibility,
    document::Rights,
};

pub use apart::Apart;
pub use archive::{Archive, Archived, Attachments};
pub use calls::{Audit, AuditEvent, Generation, Inbox, Outbox, Post, Seen};
pub use compute::Compute;
pub use linguist::{Identified, Linguist};
pub use matching::{Matching, Outcome};
pub use notify::{ECHO, Lapse, Notice, Notify};
pub use reading::{Because, ReadingRequest, Recommended, Recommending, Verdict};
pub use schedule::{Clock, Order, Rhythm, Schedule};
pub use translator::{Translation, Translator};

/// A capability: what it says of itself, and what it does.
#[async_trait]
pub trait Plugin: Send + Sync {
    /// All that is public about it.
    fn manifest(&self) -> &'static Manifest;

    /// Answers one call through `cx.reply`. The host adds the last event, `Done` or `Failed`.
    ///
    /// # Errors
    /// [`PluginError`]; its public sentence becomes the reply's `Failed`.
    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError>;

    /// Values for `argument` that begin like `typed`, at most 25, best first: only what `cx` may read. Asked while the
    /// caller types, so it must answer within a second.
    ///
    /// # Errors
    /// [`PluginError`]; the caller then sees no proposals.
    async fn complete(&self, _cx: &Cx, _argument: &str, _typed: &str) -> Result<Vec<String>, PluginError> {
        Ok(Vec::new())
    }

    /// Parses a file of a stranger: what [`Cx::read_apart`] asks for, run in a process of its own that has nothing but the
    /// bytes. `work` tells the plugin's kinds of files apart.
    ///
    /// # Errors
    /// A clause for whoever brought the file.
    fn read_file(&self, _work: &str, _name: &str, _bytes: &[u8]) -> Result<serde_json::Value, String> {
        Err("this plugin reads no files".to_owned())
    }
}

/// What a frontend hands messages to.
#[async_trait]
pub trait Dispatch: Send + Sync {
    /// The reply to a message; empty where it was not meant for the assistant. Dropping it cancels the call.
    ///
    /// The message counts as answered when the stream is polled past its last event: whoever must not lose a reply
    /// keeps it first. One whose stream is dropped before is unfinished, unless it is given up.
    async fn message(&self, message: Message) -> BoxStream<'static, Event>;

    /// A person said something in a room that was not meant for the assistant, or edited it. The reply is empty but where
    /// the room wants questions answered that nobody addressed, and the evidence is strong.
    async fn overheard(&self, heard: Overheard) -> BoxStream<'static, Event>;

    /// The rooms of a platform can be reached: goes on with what the process before heard there and had not dealt with. To be
    /// said before anything that is heard there now; said again, it does nothing.
    async fn take_up(&self, platform: Platform);

    /// A message of a place, or a mark on one, is gone, whoever said it.
    async fn removed(&self, place: &Place, id: &MessageId);

    /// A person reacted with `emoji` to `message`; `mark` is the reaction, as [`Dispatch::removed`] will name it.
    async fn reacted(&self, place: &Place, member: &MemberId, message: &MessageId, emoji: &str, mark: &MessageId);

    /// Makes a call that is due, unasked: its reply, for all who are in its place. Empty where nothing is to be said, or may
    /// be said there now; it ends with `Failed` where that could not be found out. Dropping it cancels the call.
    fn due(&self, order: &Order) -> BoxStream<'static, Event>;

    /// Nobody wants more of the reply to a message: it counts as answered, though its stream was dropped.
    async fn give_up(&self, message: &Message);

    /// Proposals for an argument whose manifest asks for them, while `message` is being typed; empty where there are
    /// none or the caller may not call the command.
    async fn complete(&self, message: Message, argument: &str, typed: &str) -> Vec<String>;

    /// Whether the reply to a message may be shown to everyone in its room: where a policy or a press kept it to who asked, and
    /// not the command's manifest.
    async fn may_show(&self, message: &Message) -> bool;

    /// Whether what a post says may still be said where it was to be said, though it waited: the gate would let who asked ask
    /// again, they are still there, and the room still hears the assistant.
    ///
    /// # Errors
    /// [`PortError`] where that cannot be found out now.
    async fn may_say(&self, post: &Post) -> Result<bool, PortError>;

    /// Who will see a command's reply in a room, without waiting. `command` is as it is called: see [`Command::called_with`].
    fn visibility(&self, room: &RoomId, command: &Command) -> Visibility;

    /// Waits until no reply is in the making: what a dropped one leaves to write is then written.
    async fn settled(&self);

    /// Everything that can be called, for help and command registration.
    fn manifests(&self) -> Vec<&'static Manifest>;
}

/// A row of numbers, of unit norm.
pub type Embedding = Vec<f32>;

/// Which side of a search a text stands on: some encoders want a prefix for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedTask {
    /// What is looked for.
    Query,
    /// What is found.
    Passage,
}

/// Turns texts into vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The model's id in the catalogue; stored with the index, which refuses any other.
    fn model(&self) -> &str;

    /// Length of a row.
    fn dims(&self) -> usize;

    /// Whether texts of the same meaning in different languages lie near each other.
    fn is_multilingual(&self) -> bool {
        false
    }

    /// Longest text, in the encoder's own tokens; a longer one is cut at its end.
    fn tokens_max(&self) -> usize;

    /// How many of the encoder's own tokens a text takes, without special ones.
    fn count_tokens(&self, text: &str) -> usize;

    /// Embeds `texts`; row `i` of the result belongs to `texts[i]`.
    ///
    /// - Shape: `[n]` texts in, `[n][dims]` out, each row of unit norm.
    /// - Queries overtake passages: a long ingest never delays a question by more than one batch.
    /// - Cancel-safe: a dropped call leaves the queue.
    ///
    /// # Errors
    /// [`PortError::Overloaded`] when the queue is full. Never a part of the rows.
    async fn embed(&self, task: EmbedTask, texts: &[&str]) -> Result<Vec<Embedding>, PortError>;
}

/// Who speaks in a turn of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The person.
    User,
    /// The assistant.
    Assistant,
}

/// What a language model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// The rules; never cut.
    pub system: String,
    /// The conversation, oldest first; the last one is the user's.
    pub turns: Vec<(Speaker, String)>,
    /// Most tokens to generate.
    pub tokens_max: usize,
    /// 0 is greedy and repeatable.
    pub temperature: f32,
    /// Seed of the sampler.
    pub seed: u64,
    /// Words that end the generation.
    pub stop: Vec<String>,
    /// A JSON schema that the output must meet.
    pub schema: Option<serde_json::Value>,
}

impl Prompt {
    /// A greedy prompt of one turn.
    pub fn new(system: impl Into<String>, user: impl Into<String>, tokens_max: usize) -> Self {
        Self {
            system: system.into(),
            turns: vec![(Speaker::User, user.into())],
            tokens_max,
            temperature: 0.0,
            seed: 0,
            stop: Vec::new(),
            schema: None,
        }
    }
}

/// A piece of a generation.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text to append.
    Text(String),
    /// The generation is complete; nothing follows.
    Done(Usage),
}

/// Writes text.
#[async_trait]
pub trait Generator: Send + Sync {
    /// The model's id in the catalogue.
    fn model(&self) -> &str;

    /// Longest prompt and output together, in tokens.
    fn context_tokens(&self) -> usize;

    /// Longest prompt that still answers quickly on this machine, in tokens: short on a CPU, long on a GPU.
    fn prompt_tokens_advised(&self) -> usize;

    /// How many of the model's own tokens a text takes.
    fn count_tokens(&self, text: &str) -> usize;

    /// Whether it writes a language (ISO 639-1) as the catalogue says of it. A model that does not is asked for a
    /// translation by people only, never by us.
    fn translates(&self, _into: &str) -> bool {
        false
    }

    /// Starts a generation. Dropping the stream cancels it and frees the slot.
    ///
    /// # Errors
    /// [`PortError::Refused`] where the prompt and `tokens_max` do not fit the context: nothing is ever cut;
    /// [`PortError::Overloaded`] when the queue is full. The stream itself yields an error at most once, last.
    async fn generate(&self, prompt: Prompt) -> Result<BoxStream<'static, Result<Piece, PortError>>, PortError>;
}

/// A passage as the index holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its id; the point id is derived from it.
    pub passage: PassageId,
    /// Who owns it.
    pub scope: Scope,
    /// The document's title, a field of its own in the sparse vector.
    pub title: String,
    /// The passage's text; only its terms are kept.
    pub text: String,
    /// The document's language.
    pub language: Option<String>,
    /// The document's year.
    pub year: Option<i16>,
    /// The passage's vector.
    pub dense: Embedding,
}

/// Which evidence a search uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// Vectors alone.
    Dense,
    /// Terms alone (BM25).
    Sparse,
    /// Both, fused by rank.
    #[default]
    Hybrid,
}

/// A query to the index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexQuery {
    /// What may be found: always a filter, on every path.
    pub readable: Readable,
    /// The words, for the sparse side.
    pub text: String,
    /// The vector, for the dense side; needed but for `Sparse`.
    pub dense: Option<Embedding>,
    /// Which evidence.
    pub mode: SearchMode,
    /// How many hits, at most 1 000.
    pub limit: usize,
    /// Most hits of one document; 0 for no limit.
    pub per_document_max: usize,
    /// Only these documents; all where empty.
    pub documents: Vec<DocumentId>,
    /// Only these languages; all where empty.
    pub languages: Vec<String>,
    /// Only from this year on.
    pub year_min: Option<i16>,
    /// Only up to this year.
    pub year_max: Option<i16>,
    /// Maximal marginal relevance on the dense side: 0 none, 1 diversity alone.
    pub diversity: f32,
}

/// A hit of the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage.
    pub passage: PassageId,
    /// The fused score, comparable within one search only.
    pub score: f32,
    /// Cosine to the query, where the dense side found it.
    pub cosine: Option<f32>,
}

/// What an index was built with: any other is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The embedder's id.
    pub model: String,
    /// Length of its rows.
    pub dims: usize,
    /// Version of the passage splitter and of the sparse terms.
    pub chunker: u32,
}

/// The vector index: derived data, rebuilt or topped up from [`Documents`] at any time.
#[async_trait]
pub trait Index: Send + Sync {
    /// Writes points; one that exists is replaced. Visible to the next search.
    async fn upsert(&self, points: Vec<Point>) -> Result<(), PortError>;

    /// Removes every point of these documents.
    async fn remove(&self, documents: &[DocumentId]) -> Result<(), PortError>;

    /// The best hits, best first, never one outside `readable`.
    async fn search(&self, query: &IndexQuery) -> Result<Vec<Hit>, PortError>;

    /// The ids of all points, sorted: what a top-up compares with the state.
    async fn passages(&self) -> Result<Vec<PassageId>, PortError>;

    /// How many points.
    async fn count(&self) -> Result<usize, PortError>;

    /// Makes what was written durable, and optimises it for search.
    async fn flush(&self) -> Result<(), PortError>;

    /// Leaves no byte of what was removed in its files. Takes as long as writing what is left anew; searches go on. A
    /// server does so in its own time.
    async fn purge(&self) -> Result<(), PortError>;

    /// Empties it and stamps it anew (the new index is built aside, then swapped in).
    async fn rebuild(&self, stamp: &Stamp) -> Result<(), PortError>;
}

/// What changed in a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It was not there.
    Added,
    /// It was there with other content, and is replaced.
    Updated,
    /// It was there with the same content.
    Unchanged,
}

/// A row of `library list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing {
    /// Its id.
    pub id: DocumentId,
    /// Who owns it.
    pub scope: Scope,
    /// Its title.
    pub title: String,
    /// Full names.
    pub authors: Vec<String>,
    /// Year of publication.
    pub year: Option<i16>,
    /// The file it came from.
    pub file: String,
    /// How many passages.
    pub passages: usize,
}

/// How much a library holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LibraryStats {
    /// Documents.
    pub documents: usize,
    /// Passages.
    pub passages: usize,
    /// Characters of text.
    pub characters: usize,
    /// Documents by format, most first.
    pub formats: Vec<(String, usize)>,
}

/// The documents and their passages: the truth that the index is derived from.
///
/// `readable: None` is the operator's view, for ingest and the index; a call of a person always passes `Some`.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Writes a document with its passages in one transaction. `vectors[i]` belongs to `passages[i]`; they are
    /// kept beside the passage under the embedder's `model`, so that the index can be rebuilt without embedding.
    async fn put(
        &self,
        document: &Document,
        passages: &[Passage],
        model: &str,
        vectors: &[Embedding],
    ) -> Result<Stored, PortError>;

    /// A document, whole.
    async fn get(&self, readable: Option<&Readable>, id: &DocumentId) -> Result<Option<Document>, PortError>;

    /// A document's passages, in order.
    async fn passages_of(&self, readable: Option<&Readable>, id: &DocumentId) -> Result<Vec<Passage>, PortError>;

    /// Passages with their documents' listing data and pages (text and sections of the documents left empty), in the
    /// order of `ids`; one that is gone or not readable is left out.
    async fn passages(
        &self,
        readable: Option<&Readable>,
        ids: &[PassageId],
    ) -> Result<Vec<(Passage, Document)>, PortError>;

    /// Rows sorted by title, from `offset`; `matching` is a substring of title or author, any case, empty for all.
    async fn list(
        &self,
        readable: Option<&Readable>,
        matching: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Listing>, PortError>;

    /// How much there is.
    async fn stats(&self, readable: Option<&Readable>) -> Result<LibraryStats, PortError>;

    /// What moderators said of a document; the default where they said nothing.
    async fn rights(&self, id: &DocumentId) -> Result<Rights, PortError>;

    /// Keeps what moderators say of a document.
    async fn set_rights(&self, id: &DocumentId, rights: &Rights) -> Result<(), PortError>;

    /// Removes documents with all that was derived from them; how many there were.
    async fn remove(&self, ids: &[DocumentId]) -> Result<usize, PortError>;

    /// Points of passages after `after` in id order, at most `limit`: how an index is built or topped up.
    /// Passages without a vector of `model` come with an empty one, to be embedded.
    async fn points(&self, model: &str, after: Option<&PassageId>, limit: usize) -> Result<Vec<Point>, PortError>;

    /// Keeps vectors of `model` for passages that had none.
    async fn put_vectors(&self, model: &str, vectors: &[(PassageId, Embedding)]) -> Result<(), PortError>;

    /// All passage ids, sorted.
    async fn passage_ids(&self) -> Result<Vec<PassageId>, PortError>;
}

/// What came of a file that was added to the library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// Titles of documents that are new or say more than before.
    pub documents: Vec<String>,
    /// Documents that were known already.
    pub known: usize,
    /// Titles of documents that somebody else brought and that the file tells otherwise: that version waits for whoever looks
    /// after them.
    pub held: Vec<String>,
    /// Entries of the file that were refused, each with its sentence.
    pub refused: Vec<String>,
}

/// A file that tells a document otherwise than the library does, and waits for a decision. Nothing of it is in the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldVersion {
    /// Of which document.
    pub document: DocumentId,
    /// Its title in the library.
    pub title: String,
    /// The file.
    pub file: String,
    /// Who brought it.
    pub member: MemberId,
    /// When.
    pub at: Timestamp,
    /// What is other in it, in a few words.
    pub tells: String,
}

/// Takes files into the library.
#[async_trait]
pub trait Acquisition: Send + Sync {
    /// Reads a file that a member brought at a time into `scope`. It changes nothing that somebody else brought: see
    /// [`Added::held`].
    ///
    /// # Errors
    /// [`PortError`]; [`PortError::Refused`], with a reason for who brought it, where there is no room for it; a file that
    /// cannot be read is no error but a refusal in [`Added`].
    async fn add(
        &self,
        scope: &Scope,
        by: (&MemberId, Timestamp),
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Added, PortError>;

    /// Who brought a document; none for an operator, or where nobody knows.
    async fn brought_by(&self, id: &DocumentId) -> Result<Option<MemberId>, PortError>;

    /// The versions that wait in a scope, the oldest first.
    async fn versions(&self, scope: &Scope) -> Result<Vec<HeldVersion>, PortError>;

    /// Puts a version that waits in the place of its document, which is from then on nobody's who brought it; or drops it.
    ///
    /// # Errors
    /// [`PortError::Refused`] where its file does not hold it any more.
    async fn decide(&self, version: &HeldVersion, take: bool) -> Result<(), PortError>;

    /// What a link leads to: a name whose ending tells the format, and the bytes. Only from hosts that the operator named.
    ///
    /// # Errors
    /// [`PortError::Refused`], with a reason that the room may read.
    async fn fetch(&self, link: &str) -> Result<(String, Vec<u8>), PortError>;

    /// A room goes on as another one: what it owned and decided on is the other's from now on; how many documents. What
    /// was moved before stays where it is.
    async fn move_room(&self, from: &RoomId, to: &RoomId) -> Result<usize, PortError>;

    /// Gives a document to another scope.
    async fn move_document(&self, id: &DocumentId, scope: &Scope) -> Result<(), PortError>;

    /// Takes a document out of the library, with all that was derived from it.
    async fn remove(&self, id: &DocumentId) -> Result<(), PortError>;
}

/// A room, as a person finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Where it is.
    pub place: Place,
    /// What it is called; empty where that is not known.
    pub name: String,
}

/// Who is who, and who may what.
#[async_trait]
pub trait Members: Send + Sync {
    /// The role of a member in a place, now; a guest's for who is not in that room.
    async fn role(&self, place: &Place, member: &MemberId) -> Result<Role, PortError>;

    /// Whether a member sees what is said in a place, now: who has a role wherever they are, as who runs the machine, is
    /// not in a room by that.
    async fn sees(&self, place: &Place, member: &MemberId) -> Result<bool, PortError> {
        Ok(self.role(place, member).await? >= Role::Member)
    }

    /// Scopes beyond the place's own that the room (or, to the caller alone, the caller) may read.
    async fn scopes(&self, place: &Place, member: &MemberId) -> Result<Vec<Scope>, PortError>;

    /// The rooms on the platform of `place` whose history the member may read now, and the assistant too; without direct
    /// messages.
    async fn rooms(&self, place: &Place, member: &MemberId) -> Result<Vec<Room>, PortError>;
}

/// A plugin's own data: no plugin sees another's.
#[async_trait]
pub trait PluginData: Send + Sync {
    /// The value under `key`.
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<serde_json::Value>, PortError>;

    /// What is kept under all keys that begin with `prefix`, with its key: in the order of the calls that it is beside.
    async fn list(&self, plugin: &str, prefix: &str) -> Result<Vec<(String, serde_json::Value)>, PortError>;

    /// Sets or, with `None`, removes the value under `key`. It goes when its owner is forgotten, and is not kept where that was
    /// after the call began that keeps it: the time beside the owner.
    async fn set(
        &self,
        plugin: &str,
        owner: Option<(&MemberId, Timestamp)>,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), PortError>;

    /// Sets the value under `key` beside a call that was made `at` a time: it goes when the call's post is removed, and
    /// with age as posts do, and with its owner.
    async fn set_beside(
        &self,
        call: &CallId,
        at: Timestamp,
        plugin: &str,
        owner: Option<&MemberId>,
        key: &str,
        value: serde_json::Value,
    ) -> Result<(), PortError>;
}

/// What is looked for in the library.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// The question or the words.
    pub text: String,
    /// How many passages.
    pub limit: usize,
    /// Most passages of one document.
    pub per_document_max: usize,
    /// Which evidence.
    pub mode: SearchMode,
    /// Only these documents; all where empty.
    pub documents: Vec<DocumentId>,
}

impl SearchRequest {
    /// The default search: hybrid, at most two passages of a document.
    pub fn new(text: impl Into<String>, limit: usize) -> Self {
        Self { text: text.into(), limit, per_document_max: 2, mode: SearchMode::Hybrid, documents: Vec::new() }
    }
}

/// A found passage with what is known of its document.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The passage.
    pub passage: Passage,
    /// Its document, without the text.
    pub document: Document,
    /// The score that ranks it, comparable within one search only.
    pub score: f32,
    /// Cosine of the whole passage to the question.
    pub cosine: f32,
    /// Share of the question's information (IDF mass of its terms, 0 to 1) that the passage contains; none where the passage
    /// is in another language than the question, so that their words tell nothing.
    pub coverage: Option<f32>,
    /// The best line: byte range in `passage.text`.
    pub line: std::ops::Range<usize>,
    /// Cosine of that line to the question.
    pub line_cosine: f32,
}

/// Retrieval as plugins see it, through [`Cx::search`] only.
#[async_trait]
pub trait Search: Send + Sync {
    /// The best passages, best first, never one outside `readable`.
    async fn search(&self, readable: &Readable, request: &SearchRequest) -> Result<Vec<Evidence>, PortError>;
}
