//! How the parts are joined: one data folder, its state, its index, the models, and the host on top.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use chat::{
    Audience, Document, MemberId, Passage, Place, Platform, Scope,
    cx::Ports,
    ports::{
        Acquisition, Clock, Dispatch, Documents, EmbedTask, Embedder, Embedding, Generator, Index, Point, Stamp,
        Translator,
    },
};
use console::{Seat, Transcript};
use engine::{Host, Parts, Retriever, quota::Rates};
use index::{EdgeIndex, IndexError, ServerIndex};
use inference::{
    Catalogue, Encoder, Fetcher, LanguageModel, Model, QueuedEncoder, TranslationModel, generator, translator,
};
use library::SplitLimits;
use store::{DataLock, Store};

use crate::{
    acquire::Acquirer,
    apart::Door,
    chronicle::Keeper,
    decisions, fetch,
    matching::Matcher,
    people::Custodian,
    platforms::Platforms,
    reading::Reader,
    settings::{IndexKind, Settings},
    versions::Versions,
};

/// Points read, embedded and written at once while the index is topped up.
const TOP_UP_POINTS: usize = 256;

/// Documents listed at once while a library is cut anew.
const DOCUMENTS_AT_ONCE: usize = 256;

/// Shortest limit of a passage, however long its title.
const PASSAGE_TOKENS_MIN: usize = 64;

/// Where a passage of a conversation ends, give or take a message.
const CONVERSATION_TOKENS: usize = 120;

/// Embedding calls that may wait, of each kind.
const EMBED_CALLS_MAX: usize = 256;

/// The lines that were typed at the console: a file of the data folder.
pub(crate) const HISTORY: &str = "history.txt";

/// How often an idle language model is probed.
const PROBE_EVERY: Duration = Duration::from_secs(60);

/// An opened data folder with the models that it needs.
pub struct Home {
    /// The configuration that it was opened with.
    pub settings: Settings,
    /// The relational state.
    pub store: Store,
    /// The encoder.
    pub embedder: Arc<QueuedEncoder>,
    /// The vector index, complete.
    pub index: Arc<dyn Index>,
    /// The language model, where one was asked for.
    pub generator: Option<LanguageModel>,
    /// Models that are made for translating, where they were asked for.
    pub translators: Vec<Arc<dyn Translator>>,
    /// What is said in rooms.
    pub chronicle: Arc<Keeper>,
    /// People by their work.
    pub matcher: Matcher,
    /// What people may want to read.
    pub reader: Reader,
    /// Where files of strangers are read.
    pub door: Door,
    /// Held as long as the folder is open.
    _lock: DataLock,
}

/// What an ingest works on. A clone is the same library, and costs nothing.
#[derive(Clone)]
pub struct Library {
    /// The documents.
    pub store: Store,
    /// The encoder.
    pub embedder: Arc<QueuedEncoder>,
    /// The vector index.
    pub index: Arc<dyn Index>,
    /// Where files are read.
    pub door: Door,
}

/// Which parts a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Documents, encoder and index.
    Library,
    /// Language model and translation models too.
    Everything,
}

impl Home {
    /// Opens the data folder and brings the index up to date with the state.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn open(settings: &Settings, needs: Needs) -> anyhow::Result<Self> {
        let dir = settings.data_dir();
        let lock = DataLock::take(&dir)?;
        let store = Store::open(&dir).await?;
        let catalogue = catalogue(settings)?;
        let fetcher = Fetcher::new(settings.models_dir());
        let models = match needs {
            Needs::Library => (None, Vec::new()),
            Needs::Everything => (language_model(settings)?, translation_models(settings).await?),
        };
        if let Some(generator) = &models.0 {
            generator.watch(PROBE_EVERY);
        }
        let embedder = Arc::new(encoder(&fetcher, catalogue.get(&settings.models.embed)?).await?);
        let index = open_index(settings, &dir, &stamp(embedder.as_ref())).await?;
        top_up(&store, index.as_ref(), embedder.as_ref()).await?;
        let door = Door::new(settings.program(), settings.library.reading());
        let library =
            Library { store: store.clone(), embedder: embedder.clone(), index: Arc::clone(&index), door: door.clone() };
        let chronicle = Arc::new(Keeper::new(library));
        let learned = Versions::of(&settings.data_dir(), "match");
        let matcher = Matcher::new(store.clone(), embedder.clone(), learned, door.clone());
        let learned = Versions::of(&settings.data_dir(), "recommend");
        let reader = Reader::new(store.clone(), embedder.model(), learned);
        let settings = settings.clone();
        let (generator, translators) = models;
        let home = Self {
            settings,
            store,
            embedder,
            index,
            generator,
            translators,
            chronicle,
            matcher,
            reader,
            door,
            _lock: lock,
        };
        if needs == Needs::Everything {
            // What a process before had begun to forget; where that fails, it stays due.
            if let Err(error) = Custodian::new(&home).finish(crate::now()).await {
                tracing::error!(error = %chat::error::chain(&error), "could not finish forgetting a person");
            }
        }
        Ok(home)
    }

    /// What the index must have been built with.
    pub fn stamp(&self) -> Stamp {
        stamp(self.embedder.as_ref())
    }

    /// The scope of the whole community.
    pub fn community(&self) -> Scope {
        Scope::Community(self.settings.community.name.as_str().into())
    }

    /// Retrieval over the library.
    pub fn retriever(&self) -> Retriever {
        Retriever::new(Arc::clone(&self.index), self.embedder.clone(), Arc::new(self.store.clone()))
    }

    /// What an ingest works on.
    pub fn library(&self) -> Library {
        Library {
            store: self.store.clone(),
            embedder: self.embedder.clone(),
            index: Arc::clone(&self.index),
            door: self.door.clone(),
        }
    }

    /// What takes files into the library.
    pub fn acquirer(&self) -> Arc<dyn Acquisition> {
        let hosts = self.settings.library.fetch_hosts.clone();
        let links = fetch::Fetcher::new(hosts, fetch::system_resolver(), fetch::Limits::default());
        Arc::new(Acquirer::new(
            self.library(),
            self.settings.data_dir().join("files"),
            links,
            self.settings.library.quotas(),
        ))
    }

    /// The host of the console alone, and the console's own history.
    pub fn host(&self) -> (Arc<dyn Dispatch>, Arc<Transcript>) {
        let transcript = Arc::new(Transcript::default());
        (self.host_of(Platforms::console(transcript.clone())), transcript)
    }

    /// The host of these platforms.
    pub fn host_of(&self, platforms: Platforms) -> Arc<dyn Dispatch> {
        self.host_at(platforms, Arc::new(SystemClock))
    }

    /// The same, by another clock.
    pub fn host_at(&self, platforms: Platforms, clock: Arc<dyn Clock>) -> Arc<dyn Dispatch> {
        let (store, platforms) = (Arc::new(self.store.clone()), Arc::new(platforms));
        let ports = Ports {
            search: Arc::new(self.retriever()),
            documents: store.clone(),
            generator: self.generator.clone().map(|generator| Arc::new(generator) as Arc<dyn Generator>),
            translators: self.translators.clone(),
            embedder: self.embedder.clone(),
            archive: platforms.clone(),
            attachments: platforms.clone(),
            apart: Arc::new(self.door.clone()),
            acquisition: self.acquirer(),
            data: store.clone(),
            register: store.clone(),
            personal: Arc::new(Custodian::new(self)),
            chronicle: self.chronicle.clone(),
            audit: store.clone(),
            outbox: store.clone(),
            members: platforms.clone(),
            notify: platforms.clone(),
            schedule: store.clone(),
            matching: Arc::new(self.matcher.clone()),
            reading: Arc::new(self.reader.clone()),
            linguist: Arc::new(engine::language::Lingua::default()),
            compute: Arc::new(engine::compute::Processors::default()),
        };
        let parts =
            Parts { ports, members: platforms, inbox: store.clone(), audit: store, clock, plugins: plugins::all() };
        let limits = &self.settings.engine;
        let settings = engine::Settings {
            slots: limits.slots,
            in_all_max: limits.calls_max,
            of_caller_max: limits.calls_per_caller_max,
            session_tokens: limits.session_tokens,
            rates: Rates {
                of_person: limits.calls_per_minute_of_person,
                in_room: limits.calls_per_minute_in_room,
                in_all: limits.calls_per_minute_in_all,
                refusals: limits.refusals_per_minute_of_person,
            },
        };
        Arc::new(Host::new(parts, settings))
    }

    /// The console's room and the person who sits there.
    pub fn seat(&self) -> Seat {
        let place = Place {
            platform: Platform::Console,
            community: self.settings.community.name.as_str().into(),
            room: "console".into(),
            thread: None,
            audience: Audience::Caller,
        };
        Seat { place, member: operator(), history: Some(self.settings.data_dir().join(HISTORY)) }
    }

    /// Makes what was written durable. To be called before the process ends.
    ///
    /// # Errors
    /// Where the index cannot be flushed; the state loses nothing.
    pub async fn close(self) -> anyhow::Result<()> {
        self.index.flush().await.context("the index could not be flushed; it is completed at the next start")?;
        let kept = decisions::keep(&self.store, &self.settings.data_dir(), &mut None, crate::now()).await;
        self.store.close().await;
        kept
    }
}

/// Who sits at the console.
pub(crate) fn operator() -> MemberId {
    "operator".into()
}

/// The catalogue, with what the configuration adds.
pub fn catalogue(settings: &Settings) -> anyhow::Result<Catalogue> {
    let path = &settings.models.catalogue;
    if path.as_os_str().is_empty() {
        return Ok(Catalogue::with(None)?);
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("`models.catalogue` names {}, which cannot be read", path.display()))?;
    let catalogue = Catalogue::with(Some(&text)).with_context(|| format!("in {}", path.display()))?;
    Ok(catalogue.beside(path.parent().unwrap_or(Path::new(""))))
}

/// The language model, where the configuration names one.
///
/// # Errors
/// Where it is not on this machine, or cannot be opened.
pub fn language_model(settings: &Settings) -> anyhow::Result<Option<LanguageModel>> {
    let name = settings.models.generate.as_str();
    if name.is_empty() {
        return Ok(None);
    }
    let catalogue = catalogue(settings)?;
    let model = catalogue.get(name)?;
    let options = generator::Options {
        force_cpu: settings.models.force_cpu,
        stall: Duration::from_secs(settings.models.stall_seconds.max(1)),
        ..generator::Options::default()
    };
    let folder = Fetcher::new(settings.models_dir()).installed(model)?;
    Ok(Some(LanguageModel::open(model, &folder, options)?))
}

/// The models that are made for translating, in the order of the configuration.
///
/// # Errors
/// Where one is not on this machine, or cannot be opened.
pub async fn translation_models(settings: &Settings) -> anyhow::Result<Vec<Arc<dyn Translator>>> {
    let (catalogue, fetcher) = (catalogue(settings)?, Fetcher::new(settings.models_dir()));
    let options = translator::Options { force_cpu: settings.models.force_cpu, ..translator::Options::default() };
    let mut models: Vec<Arc<dyn Translator>> = Vec::new();
    for name in &settings.models.translators {
        let (model, options) = (catalogue.get(name)?.clone(), options.clone());
        let folder = fetcher.installed(&model)?;
        let opening = tokio::task::spawn_blocking(move || TranslationModel::open(&model, &folder, &options));
        models.push(Arc::new(opening.await??));
    }
    Ok(models)
}

async fn encoder(fetcher: &Fetcher, model: &Model) -> anyhow::Result<QueuedEncoder> {
    let folder = fetcher.installed(model)?;
    let Some(spec) = model.embed.clone() else {
        anyhow::bail!("`{}` is no encoder; choose one with `colloquy models use NAME`", model.name);
    };
    let name = model.name.clone();
    let encoder = tokio::task::spawn_blocking(move || Encoder::load(&name, &folder, &spec, 0)).await??;
    Ok(QueuedEncoder::start(encoder, EMBED_CALLS_MAX)?)
}

fn stamp(embedder: &dyn Embedder) -> Stamp {
    Stamp { model: embedder.model().to_owned(), dims: embedder.dims(), chunker: chat::text::CHUNKER }
}

async fn open_index(settings: &Settings, dir: &Path, stamp: &Stamp) -> anyhow::Result<Arc<dyn Index>> {
    match settings.index.kind {
        IndexKind::Embedded => {
            let (dir, stamp) = (dir.join("index"), stamp.clone());
            let opened = tokio::task::spawn_blocking(move || match EdgeIndex::open(&dir, &stamp) {
                Err(error @ IndexError::Damaged { .. }) => {
                    tracing::warn!(%error, "the index is built again from the documents");
                    EdgeIndex::recreate(&dir, &stamp)
                }
                opened => opened,
            });
            Ok(Arc::new(opened.await??))
        }
        IndexKind::Server => {
            let key = settings.qdrant_api_key()?;
            let Settings { index, .. } = settings;
            Ok(Arc::new(
                ServerIndex::connect(&index.url, key.as_deref().map(String::as_str), &index.collection, stamp).await?,
            ))
        }
    }
}

/// Cuts the stored documents anew, builds an index of them aside, and swaps it in; how many passages it holds. Until
/// then the old one stays.
///
/// # Errors
/// A sentence that says what to do.
pub async fn reindex(settings: &Settings) -> anyhow::Result<usize> {
    let dir = settings.data_dir();
    let _lock = DataLock::take(&dir)?;
    let store = Store::open(&dir).await?;
    let fetcher = Fetcher::new(settings.models_dir());
    let embedder = encoder(&fetcher, catalogue(settings)?.get(&settings.models.embed)?).await?;
    let stamp = stamp(&embedder);
    cut_anew(&store, &embedder).await?;
    let count = match settings.index.kind {
        IndexKind::Embedded => {
            let (index, aside, before) = (dir.join("index"), dir.join("index.new"), dir.join("index.old"));
            let (home, wanted) = (aside.clone(), stamp.clone());
            let new = tokio::task::spawn_blocking(move || EdgeIndex::recreate(&home, &wanted)).await??;
            top_up(&store, &new, &embedder).await?;
            let count = new.count().await?;
            drop(new);
            if before.exists() {
                std::fs::remove_dir_all(&before).context("an index from before cannot be removed")?;
            }
            // A process that dies in between leaves no index; the next start builds one from the kept vectors.
            if index.exists() {
                std::fs::rename(&index, &before).context("the old index cannot be moved away")?;
            }
            std::fs::rename(&aside, &index).context("the new index cannot be moved in")?;
            std::fs::remove_dir_all(&before).context("the old index cannot be removed")?;
            count
        }
        IndexKind::Server => {
            let key = settings.qdrant_api_key()?;
            let Settings { index, .. } = settings;
            let new =
                ServerIndex::aside(&index.url, key.as_deref().map(String::as_str), &index.collection, &stamp).await?;
            top_up(&store, &new, &embedder).await?;
            let count = new.count().await?;
            new.take_over(&index.collection).await?;
            count
        }
    };
    store.close().await;
    Ok(count)
}

/// Cuts every stored document with this version's splitter and this encoder's limits; writes those that come out
/// otherwise.
async fn cut_anew(store: &Store, embedder: &QueuedEncoder) -> anyhow::Result<()> {
    let mut offset = 0;
    loop {
        let rows = store.list(None, "", offset, DOCUMENTS_AT_ONCE).await?;
        if rows.is_empty() {
            return Ok(());
        }
        offset += rows.len();
        for row in rows {
            let Some(document) = store.get(None, &row.id).await? else { continue };
            let passages = passages(&document, embedder);
            if passages != store.passages_of(None, &row.id).await? {
                let keys = library::identity::of(&document);
                let entry = store::Entry { document: &document, passages: &passages, vectors: &[], keys: &keys };
                store.put_many(embedder.model(), &[entry]).await?;
            }
        }
    }
}

/// The passages of a document, each short enough to be embedded whole under its title.
pub fn passages(document: &Document, embedder: &dyn Embedder) -> Vec<Passage> {
    let title = embedder.count_tokens(&document.title);
    let tokens_max = embedder.tokens_max().saturating_sub(2 + title).max(PASSAGE_TOKENS_MIN);
    let limits = SplitLimits { tokens_max, ..SplitLimits::default() };
    let count = |text: &str| embedder.count_tokens(text);
    if !document.is_conversation() {
        return library::split(document, &count, &limits);
    }
    // What answers a message is in the next one: they are not cut apart, but each passage leads to where it begins.
    let limits = SplitLimits { tokens_target: limits.tokens_target.min(CONVERSATION_TOKENS), ..limits };
    let mut passages = library::split(&Document { sections: Vec::new(), ..document.clone() }, &count, &limits);
    for passage in &mut passages {
        passage.section = document.section_at(passage.span.start).map(str::to_owned);
    }
    passages
}

/// What is embedded of a passage: it under its document's title.
pub fn embedded(title: &str, text: &str) -> String {
    format!("{title}. {text}")
}

/// Brings the index to what the state holds: what a crash or a removal left over goes, what is missing comes, embedded
/// only where no vector was kept.
///
/// # Errors
/// Where a port fails; what was done stays done.
pub async fn top_up(documents: &dyn Documents, index: &dyn Index, embedder: &dyn Embedder) -> anyhow::Result<()> {
    let (wanted, there) = (documents.passage_ids().await?, index.passages().await?);
    if wanted == there {
        return Ok(());
    }
    let mut gone: Vec<_> =
        there.iter().filter(|id| wanted.binary_search(id).is_err()).map(|id| id.document.clone()).collect();
    gone.dedup();
    if !gone.is_empty() {
        index.remove(&gone).await?;
    }
    let missing = |point: &Point| {
        there.binary_search(&point.passage).is_err() || gone.binary_search(&point.passage.document).is_ok()
    };
    let mut after = None;
    loop {
        let points = documents.points(embedder.model(), after.as_ref(), TOP_UP_POINTS).await?;
        let Some(last) = points.last() else { break };
        after = Some(last.passage.clone());
        let mut points: Vec<Point> = points.into_iter().filter(missing).collect();
        embed_missing(documents, embedder, &mut points).await?;
        if !points.is_empty() {
            index.upsert(points).await?;
        }
    }
    index.flush().await?;
    Ok(())
}

async fn embed_missing(documents: &dyn Documents, embedder: &dyn Embedder, points: &mut [Point]) -> anyhow::Result<()> {
    let mut bare: Vec<&mut Point> = points.iter_mut().filter(|point| point.dense.is_empty()).collect();
    if bare.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = bare.iter().map(|point| embedded(&point.title, &point.text)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder.embed(EmbedTask::Passage, &texts).await?;
    let kept: Vec<(_, Embedding)> =
        bare.iter().map(|point| point.passage.clone()).zip(vectors.iter().cloned()).collect();
    documents.put_vectors(embedder.model(), &kept).await?;
    for (point, vector) in bare.iter_mut().zip(vectors) {
        point.dense = vector;
    }
    Ok(())
}

/// The machine's.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}
