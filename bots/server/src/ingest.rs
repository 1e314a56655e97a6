//! Reads files into the library: walk, read, de-duplicate, split, embed, store, index; resumable at any moment.
//!
//! A file is remembered when everything of it is stored, so an interrupted run is taken up where it ended, and an
//! unchanged file costs one look at its size and time.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use chat::{
    Document, DocumentId, Passage, Scope,
    ports::{Documents, EmbedTask, Embedder, Point, Stored},
};
use indicatif::ProgressBar;
use jiff::Timestamp;
use library::{Draft, Limits, WalkError};
use store::{Entry, Refusal, SeenFile};
use tokio_util::sync::CancellationToken;

use crate::home::{Library, embedded, passages};

/// Passages embedded and stored in one batch.
const BATCH_PASSAGES: usize = 128;

/// Files read ahead of the embedder.
const READ_AHEAD: usize = 4;

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Files looked at.
    pub files: usize,
    /// Files that were as they had been.
    pub files_unchanged: usize,
    /// Documents that were not there: file and title.
    pub added: Vec<(String, String)>,
    /// Documents that were there with other content: file and title.
    pub updated: Vec<(String, String)>,
    /// Documents that were there with the same content.
    pub unchanged: usize,
    /// Entries that are a document already known from elsewhere; what they add to it is taken over.
    pub duplicates: Vec<(String, String)>,
    /// Documents whose file no longer holds them.
    pub removed: usize,
    /// Files and entries that were refused, and why.
    pub refused: Vec<(String, String)>,
    /// Passages embedded.
    pub embedded: usize,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A file as the reader thread hands it over.
enum Arrival {
    /// Its size and time are those that were remembered.
    Unchanged { file: String, refusals: Vec<Refusal>, bytes: u64 },
    /// It was read.
    Read(Box<ReadFile>),
    /// It cannot be read.
    Refused { file: String, sentence: String, seen: Option<Box<SeenFile>>, bytes: u64 },
}

struct ReadFile {
    seen: SeenFile,
    before: Option<SeenFile>,
    drafts: Vec<Draft>,
    same_content: bool,
}

/// A document on its way into the store.
struct Pending {
    document: Document,
    passages: Vec<Passage>,
    keys: Vec<String>,
}

/// What read a file and cut it: another version reads it again.
fn reader_version() -> String {
    format!("{}/{}", env!("CARGO_PKG_VERSION"), chat::text::CHUNKER)
}

/// Reads `paths` into `scope`. `stop` ends it after the batch in hand.
///
/// # Errors
/// Where the state, the encoder or the index fails (a full disk, say): what was stored stays, the run can be repeated.
pub async fn ingest(
    home: &Library,
    paths: &[PathBuf],
    scope: &Scope,
    bar: &ProgressBar,
    stop: &CancellationToken,
) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut report = Report::default();
    let mut files = Vec::new();
    for path in paths {
        for found in library::walk(path) {
            match found {
                Ok(found) => files.push(found),
                Err(error) => report.refused.push((shown(&error), error.to_string())),
            }
        }
    }
    report.files = files.len() + report.refused.len();
    bar.set_length(files.iter().map(|file| file.bytes).sum());
    let known: HashMap<String, SeenFile> =
        home.store.seen_files(scope).await?.into_iter().map(|seen| (seen.file.clone(), seen)).collect();
    let (sender, mut arrivals) = tokio::sync::mpsc::channel(READ_AHEAD);
    let (own_scope, own_stop) = (scope.clone(), stop.clone());
    let reader = std::thread::spawn(move || {
        for found in files {
            let arrival = arrive(&found, known.get(&key(&found)), &own_scope);
            if own_stop.is_cancelled() || sender.blocking_send(arrival).is_err() {
                return;
            }
        }
    });
    let mut run = Run { home, scope, report, bar, batch: Vec::new(), files: Vec::new(), claimed: HashMap::new() };
    while let Some(arrival) = arrivals.recv().await {
        if stop.is_cancelled() {
            break;
        }
        run.take(arrival, stop).await?;
    }
    drop(arrivals);
    if !stop.is_cancelled() {
        run.store().await?;
    }
    // A reader that panicked refused its file by panicking; the others are done.
    let _ = reader.join();
    if let Err(error) = home.index.flush().await {
        // What was stored stays; the next start completes the index. The report is worth more than a failure here.
        tracing::warn!(error = %chat::error::chain(&error), "the index could not be flushed");
    }
    let mut report = run.report;
    report.interrupted = stop.is_cancelled();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// A name for the state: the whole path, so that two folders with files of one name do not meet.
fn key(found: &library::Found) -> String {
    let path = fs::canonicalize(&found.path).unwrap_or_else(|_| found.path.clone());
    path.to_string_lossy().into_owned()
}

fn shown(error: &WalkError) -> String {
    error.path().to_string_lossy().into_owned()
}

/// Looks at one file and reads it if it changed.
fn arrive(found: &library::Found, before: Option<&SeenFile>, scope: &Scope) -> Arrival {
    let (path, bytes) = (&found.path, found.bytes);
    let file = key(found);
    let refused = |sentence: String, seen: Option<Box<SeenFile>>| Arrival::Refused {
        file: found.file.clone(),
        sentence,
        seen,
        bytes,
    };
    let modified = match modified(path) {
        Ok(modified) => modified,
        Err(error) => return refused(format!("it cannot be read: {error}"), None),
    };
    let reader = reader_version();
    let unchanged = |seen: &&SeenFile| seen.bytes == bytes && seen.modified == modified && seen.reader == reader;
    if let Some(seen) = before.filter(unchanged) {
        return Arrival::Unchanged { file: found.file.clone(), refusals: seen.refusals.clone(), bytes };
    }
    let limits = Limits::default();
    if bytes > limits.bytes_max {
        let max = limits.bytes_max;
        return refused(library::ReadError::TooLarge { bytes, max }.to_string(), None);
    }
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) => return refused(format!("it cannot be read: {error}"), None),
    };
    let seen = SeenFile {
        scope: scope.clone(),
        file,
        bytes,
        modified,
        content_hash: library::sha256(&content),
        reader: reader.clone(),
        documents: Vec::new(),
        refusals: Vec::new(),
    };
    if let Some(before) = before.filter(|before| before.content_hash == seen.content_hash && before.reader == reader) {
        let seen = SeenFile { documents: before.documents.clone(), refusals: before.refusals.clone(), ..seen };
        return Arrival::Read(Box::new(ReadFile { seen, before: None, drafts: Vec::new(), same_content: true }));
    }
    match library::read(&found.file, &content, &limits) {
        Err(error) => {
            let refusals = vec![Refusal { entry: String::new(), sentence: error.to_string() }];
            // What came of it before stays, and stays its own, until it can be read again.
            let documents = before.map(|before| before.documents.clone()).unwrap_or_default();
            refused(error.to_string(), Some(Box::new(SeenFile { refusals, documents, ..seen })))
        }
        Ok(reading) => {
            let refusals = reading
                .refused
                .into_iter()
                .map(|refusal| Refusal { entry: refusal.fragment, sentence: refusal.error.to_string() })
                .collect();
            let seen = SeenFile { refusals, ..seen };
            Arrival::Read(Box::new(ReadFile {
                seen,
                before: before.cloned(),
                drafts: reading.drafts,
                same_content: false,
            }))
        }
    }
}

fn modified(path: &Path) -> io::Result<Timestamp> {
    Timestamp::try_from(fs::metadata(path)?.modified()?).map_err(io::Error::other)
}

/// A file whose documents wait in the batch.
struct OpenFile {
    seen: SeenFile,
    before: Option<SeenFile>,
}

struct Run<'a> {
    home: &'a Library,
    scope: &'a Scope,
    report: Report,
    bar: &'a ProgressBar,
    batch: Vec<Pending>,
    files: Vec<OpenFile>,
    /// Which document each identity key belongs to, for what this run brought.
    claimed: HashMap<String, DocumentId>,
}

impl Run<'_> {
    async fn take(&mut self, arrival: Arrival, stop: &CancellationToken) -> anyhow::Result<()> {
        match arrival {
            Arrival::Unchanged { file, refusals, bytes } => {
                self.report.files_unchanged += 1;
                self.bar.inc(bytes);
                self.refuse(&file, &refusals);
            }
            Arrival::Refused { file, sentence, seen, bytes } => {
                self.bar.inc(bytes);
                self.report.refused.push((file, sentence));
                if let Some(seen) = seen {
                    self.home.store.see(&seen).await?;
                }
            }
            Arrival::Read(read) if read.same_content => {
                self.report.files_unchanged += 1;
                self.bar.inc(read.seen.bytes);
                self.home.store.see(&read.seen).await?;
            }
            Arrival::Read(read) => self.read(*read, stop).await?,
        }
        Ok(())
    }

    async fn read(&mut self, read: ReadFile, stop: &CancellationToken) -> anyhow::Result<()> {
        let ReadFile { mut seen, before, drafts, .. } = read;
        let name = short(&seen.file).to_owned();
        self.refuse(&name, &seen.refusals);
        let share = seen.bytes / (drafts.len() as u64).max(1);
        let mut documents = BTreeSet::new();
        for draft in drafts {
            if stop.is_cancelled() {
                // What is stored stays; the file is read again by the next run.
                return Ok(());
            }
            let document = draft.into_document(self.scope.clone(), &seen.file, &seen.content_hash);
            documents.insert(self.add(document, before.is_some()).await?);
            self.bar.inc(share);
            if self.batch.iter().map(|pending| pending.passages.len()).sum::<usize>() >= BATCH_PASSAGES {
                self.store().await?;
            }
        }
        seen.documents = documents.into_iter().collect();
        self.files.push(OpenFile { seen, before });
        Ok(())
    }

    /// Reports what of a file is refused, again in every run: it is still not in the library.
    fn refuse(&mut self, file: &str, refusals: &[Refusal]) {
        for Refusal { entry, sentence } in refusals {
            let name = if entry.is_empty() { file.to_owned() } else { format!("{file}#{entry}") };
            self.report.refused.push((name, sentence.clone()));
        }
    }

    /// Takes a document into the batch, unless it is known from elsewhere; under which id it is known from now on.
    async fn add(&mut self, mut document: Document, is_known_file: bool) -> anyhow::Result<DocumentId> {
        let mut keys = library::identity::of(&document);
        let here = keys.iter().find_map(|key| self.claimed.get(key).cloned());
        let known = match here {
            Some(id) => Some(id),
            None => match self.home.store.document_by_keys(self.scope, &keys).await? {
                Some(id) => Some(id),
                // One that was moved to another scope is renewed there: by the operator's files, not by anybody's.
                None if !matches!(self.scope, Scope::Room(_) | Scope::Person(_)) => {
                    match self.home.store.get(None, &document.id).await? {
                        Some(moved) => Some(moved.id),
                        // By another name, after what its file says of it changed.
                        None if is_known_file => {
                            self.home.store.moved_from(self.scope, &document.provenance.file).await?
                        }
                        None => None,
                    }
                }
                None => None,
            },
        };
        if let Some(known) = known {
            let pending = self.batch.iter().position(|pending| pending.document.id == known);
            let other = match pending {
                Some(at) => Some(self.batch[at].document.clone()),
                None => self.home.store.get(None, &known).await?,
            };
            let scope = other.as_ref().map(|other| other.scope.clone());
            match other {
                // The same entry, read again: the file changed, or an earlier run ended before its end.
                Some(other) if other.provenance.file == document.provenance.file => {
                    document = renew(other, document);
                }
                Some(other) => {
                    let (file, title) = (short(&document.provenance.file).to_owned(), document.title.clone());
                    self.report.duplicates.push((file, title));
                    match merge(other, document) {
                        // It says nothing that is not known.
                        None => return Ok(known),
                        Some(merged) => document = merged,
                    }
                }
                None => {}
            }
            keys.extend(library::identity::of(&document));
            // The same paper, better told: it keeps its id, so that links to it hold.
            document.id = known.clone();
            document.scope = scope.unwrap_or(document.scope);
            if let Some(at) = pending {
                self.batch.remove(at);
            }
        }
        for key in &keys {
            self.claimed.insert(key.clone(), document.id.clone());
        }
        let passages = passages(&document, self.home.embedder.as_ref());
        let id = document.id.clone();
        self.batch.push(Pending { document, passages, keys });
        Ok(id)
    }

    /// Embeds what changed, stores the batch, brings it into the index, remembers its files.
    async fn store(&mut self) -> anyhow::Result<()> {
        let (store, model) = (&self.home.store, self.home.embedder.model());
        let entries: Vec<Entry<'_>> = self.batch.iter().map(|pending| pending.entry(&[])).collect();
        let preview = store.preview(&entries).await?;
        let changed: Vec<&Pending> = self
            .batch
            .iter()
            .zip(&preview)
            .filter(|(_, stored)| **stored != Stored::Unchanged)
            .map(|(pending, _)| pending)
            .collect();
        let texts: Vec<String> = changed
            .iter()
            .flat_map(|pending| pending.passages.iter().map(|p| embedded(&pending.document.title, &p.text)))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut vectors = self.home.embedder.embed(EmbedTask::Passage, &texts).await?.into_iter();
        self.report.embedded += texts.len();
        let vectors: Vec<Vec<_>> =
            changed.iter().map(|pending| vectors.by_ref().take(pending.passages.len()).collect()).collect();
        let entries: Vec<Entry<'_>> =
            changed.iter().zip(&vectors).map(|(pending, vectors)| pending.entry(vectors)).collect();
        // Out of the index first: whatever happens after, it never holds a passage that the state does not.
        let replaced: Vec<DocumentId> = self
            .batch
            .iter()
            .zip(&preview)
            .filter(|(_, stored)| **stored == Stored::Updated)
            .map(|(pending, _)| pending.document.id.clone())
            .collect();
        if !replaced.is_empty() {
            self.home.index.remove(&replaced).await?;
        }
        store.put_many(model, &entries).await?;
        let points: Vec<Point> =
            changed.iter().zip(vectors).flat_map(|(pending, vectors)| pending.points(vectors)).collect();
        if !points.is_empty() {
            self.home.index.upsert(points).await?;
        }
        for (stored, pending) in preview.into_iter().zip(&self.batch) {
            let row = || (short(&pending.document.provenance.file).to_owned(), pending.document.title.clone());
            match stored {
                Stored::Added => self.report.added.push(row()),
                Stored::Updated => self.report.updated.push(row()),
                Stored::Unchanged => self.report.unchanged += 1,
            }
        }
        self.batch.clear();
        let files = std::mem::take(&mut self.files);
        for file in &files {
            self.home.store.see(&file.seen).await?;
        }
        self.forget_lost(&files).await
    }

    /// Removes documents that these files held and that no file holds any more.
    async fn forget_lost(&mut self, files: &[OpenFile]) -> anyhow::Result<()> {
        let mut lost = Vec::new();
        for OpenFile { seen, before } in files {
            let before = before.iter().flat_map(|before| &before.documents);
            lost.extend(before.filter(|id| !seen.documents.contains(id)).cloned());
        }
        let lost = self.home.store.unclaimed(&lost).await?;
        if !lost.is_empty() {
            self.report.removed += self.home.store.remove(&lost).await?;
            self.home.index.remove(&lost).await?;
        }
        Ok(())
    }
}

/// The name of a file without its folder, for the report.
pub(crate) fn short(file: &str) -> &str {
    // A fragment may hold a slash.
    let path = file.split('#').next().unwrap_or_default();
    &file[path.rfind(['/', '\\']).map_or(0, |at| at + 1)..]
}

/// The same file, read again: its new text and what it says, and where other files had named the paper (it then has
/// identifiers that this one lacks), what those said.
fn renew(known: Document, new: Document) -> Document {
    let (old, ids) = (&known.identifiers, &new.identifiers);
    let lacks = |old: &Option<String>, new: &Option<String>| old.is_some() && new.is_none();
    let named = lacks(&old.doi, &ids.doi)
        || lacks(&old.arxiv, &ids.arxiv)
        || lacks(&old.anthology, &ids.anthology)
        || lacks(&old.pubmed, &ids.pubmed);
    if named { told_by(&known, &new, new.clone()) } else { told_by(&new, &known, new.clone()) }
}

/// `text` with the title, authors and names as `told` has them, and where it has none, as `rest` has.
fn told_by(told: &Document, rest: &Document, text: Document) -> Document {
    let ids = (&told.identifiers, &rest.identifiers);
    Document {
        title: told.title.clone(),
        authors: if told.authors.is_empty() { rest.authors.clone() } else { told.authors.clone() },
        year: told.year.or(rest.year),
        venue: told.venue.clone().or_else(|| rest.venue.clone()),
        identifiers: chat::Identifiers {
            doi: ids.0.doi.clone().or_else(|| ids.1.doi.clone()),
            arxiv: ids.0.arxiv.clone().or_else(|| ids.1.arxiv.clone()),
            anthology: ids.0.anthology.clone().or_else(|| ids.1.anthology.clone()),
            pubmed: ids.0.pubmed.clone().or_else(|| ids.1.pubmed.clone()),
        },
        ..text
    }
}

/// One paper told twice: the longer text, with the title, authors and names of the more structured source. `None`
/// where the new one adds nothing.
fn merge(known: Document, new: Document) -> Option<Document> {
    let structure = |document: &Document| match document.provenance.format.as_str() {
        "jats" | "anthology" | "pubmed" => 3,
        "bibtex" | "atom" => 2,
        "html" => 1,
        _ => 0,
    };
    let longer = new.text.len() > known.text.len();
    let better = structure(&new) > structure(&known);
    let text = if longer { &new } else { &known };
    let (told, rest) = if better { (&new, &known) } else { (&known, &new) };
    let mut merged = told_by(told, rest, text.clone());
    merged.retracted = known.retracted || new.retracted;
    merged.id.clone_from(&known.id);
    // The file that it came from was moved: from now on it is this one's.
    let from = known.provenance.file.split('#').next().unwrap_or_default();
    if known.text == new.text && !Path::new(from).exists() {
        merged.provenance.clone_from(&new.provenance);
    }
    (merged != known).then_some(merged)
}

impl Pending {
    fn entry<'a>(&'a self, vectors: &'a [chat::ports::Embedding]) -> Entry<'a> {
        Entry { document: &self.document, passages: &self.passages, vectors, keys: &self.keys }
    }

    fn points(&self, vectors: Vec<chat::ports::Embedding>) -> impl Iterator<Item = Point> {
        self.passages.iter().zip(vectors).map(|(passage, dense)| Point {
            passage: passage.id.clone(),
            scope: self.document.scope.clone(),
            title: self.document.title.clone(),
            text: passage.text.clone(),
            language: self.document.language.clone(),
            year: self.document.year,
            dense,
        })
    }
}
