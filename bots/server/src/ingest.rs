//! Reads files into the library: walk, read, de-duplicate, split, embed, store, index; resumable at any moment.
//!
//! A file is remembered when everything of it is stored, so an interrupted run is taken up where it ended, and an
//! unchanged file costs one look at its size and time.
//!
//! **Invariant:** what a member brings changes no document that somebody else brought, nor the operator's: it waits beside it,
//! unread, for somebody who looks after that scope.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Instant,
};

use chat::{
    Document, DocumentId, MemberId, Passage, Scope,
    ports::{Documents, EmbedTask, Embedder, HeldVersion, Point, Stored},
};
use futures::{StreamExt as _, stream};
use indicatif::ProgressBar;
use jiff::Timestamp;
use library::{Draft, Found, Limits, WalkError};
use store::{Entry, Refusal, SeenFile};
use tokio::sync::{Mutex, mpsc};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    apart::{ApartError, Door},
    home::{Library, embedded, passages},
};

/// Passages embedded and stored in one batch.
const BATCH_PASSAGES: usize = 128;

/// Versions of one member that wait at the most.
const WAITING_MAX: usize = 20;

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
    /// Entries that tell a document of somebody else otherwise, and wait for a decision: file and title.
    pub held: Vec<(String, String)>,
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

/// Whose word a run is.
#[derive(Debug, Clone, Copy)]
enum By<'a> {
    /// The operator's: it holds over members'.
    Operator,
    /// A member's, said in a chat at a time: it holds for what is new, and for what they brought themselves.
    Member(&'a MemberId, Timestamp),
    /// That of somebody who looks after the scope and took a version of this document.
    Taken(&'a DocumentId),
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
    let (sender, mut arrivals) = mpsc::channel(READ_AHEAD);
    let (own_scope, own_stop, door) = (scope.clone(), stop.clone(), home.door.clone());
    // Beside the embedder; dropped with this run, and the processes that read with it.
    let reader = AbortOnDropHandle::new(tokio::spawn(async move {
        let read = |found: Found| {
            let (before, scope, door) = (known.get(&key(&found)).cloned(), own_scope.clone(), door.clone());
            async move { arrive(found, before, scope, &door).await }
        };
        let mut arriving = std::pin::pin!(stream::iter(files).map(read).buffered(READ_AHEAD));
        while let Some(arrival) = arriving.next().await {
            if own_stop.is_cancelled() || sender.send(arrival).await.is_err() {
                return;
            }
        }
    }));
    let mut run = Run::new(home, scope, By::Operator, bar, report);
    while let Some(arrival) = arrivals.recv().await {
        if stop.is_cancelled() {
            break;
        }
        run.take(arrival, stop).await?;
    }
    drop(reader);
    if !stop.is_cancelled() {
        run.store().await?;
    }
    let mut report = run.end().await;
    report.interrupted = stop.is_cancelled();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Reads a file that a member brought at a time into `scope`. It is read beside others, and stored in its `turn`: two copies of
/// one paper must meet.
///
/// # Errors
/// As [`ingest`].
pub async fn bring(
    home: &Library,
    path: &Path,
    scope: &Scope,
    (member, at): (&MemberId, Timestamp),
    turn: &Mutex<()>,
) -> anyhow::Result<Report> {
    let (bar, stop) = (ProgressBar::hidden(), CancellationToken::new());
    let (mut report, mut found) = (Report { files: 1, ..Report::default() }, Vec::new());
    for one in library::walk(path) {
        match one {
            Ok(one) => found.push(one),
            Err(error) => report.refused.push((shown(&error), error.to_string())),
        }
    }
    let mut run = Run::new(home, scope, By::Member(member, at), &bar, report);
    let known = home.store.seen_files(scope).await?;
    for one in found {
        let before = known.iter().find(|seen| seen.file == key(&one)).cloned();
        let arrival = arrive(one, before, scope.clone(), &home.door).await;
        let _turn = turn.lock().await;
        run.take(arrival, &stop).await?;
        run.store().await?;
    }
    Ok(run.end().await)
}

/// Puts a version that waited in the place of the document that it tells otherwise. Whether its file still holds it.
///
/// # Errors
/// As [`ingest`]; where the file cannot be read.
pub async fn take(home: &Library, held: &HeldVersion, turn: &Mutex<()>) -> anyhow::Result<bool> {
    let Some(document) = home.store.get(None, &held.document).await? else { return Ok(false) };
    let (path, scope) = (Path::new(&held.file), &document.scope);
    let content = tokio::fs::read(path).await?;
    let content_hash = library::sha256(&content);
    let read = home.door.documents(short(&held.file), content).await?;
    let bar = ProgressBar::hidden();
    let mut run = Run::new(home, scope, By::Taken(&document.id), &bar, Report::default());
    let _turn = turn.lock().await;
    for draft in read.drafts {
        let new = draft.into_document(scope.clone(), &held.file, &content_hash);
        let known = home.store.documents_by_keys(scope, &library::identity::of(&new)).await?;
        if known.contains(&document.id) {
            run.add(new, false).await?;
            run.store().await?;
            home.store.adopt(&document.id).await?;
            run.end().await;
            return Ok(true);
        }
    }
    Ok(false)
}

/// A name for the state: the whole path, so that two folders with files of one name do not meet.
fn key(found: &Found) -> String {
    name(&found.path)
}

/// What a file is called in the state.
pub(crate) fn name(path: &Path) -> String {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}

fn shown(error: &WalkError) -> String {
    error.path().to_string_lossy().into_owned()
}

/// Looks at one file, and has it read if it changed.
async fn arrive(found: Found, before: Option<SeenFile>, scope: Scope, door: &Door) -> Arrival {
    let (bytes, name) = (found.bytes, found.file.clone());
    let looked = tokio::task::spawn_blocking(move || look(&found, before, &scope)).await;
    let (content, seen, before) = match looked {
        Ok(Looked::Changed { content, seen, before }) => (content, seen, before),
        Ok(Looked::Known(arrival)) => return arrival,
        Err(_) => return Arrival::Refused { file: name, sentence: "it cannot be read".to_owned(), seen: None, bytes },
    };
    match door.documents(&name, content).await {
        Ok(found) => {
            let refused = found.refused.into_iter();
            let refusals = refused.map(|(entry, sentence)| Refusal { entry, sentence }).collect();
            let seen = SeenFile { refusals, ..*seen };
            Arrival::Read(Box::new(ReadFile { seen, before, drafts: found.drafts, same_content: false }))
        }
        Err(ApartError::Refused(sentence)) => {
            let refusals = vec![Refusal { entry: String::new(), sentence: sentence.clone() }];
            // What came of it before stays, and stays its own, until it can be read again.
            let documents = before.map(|before| before.documents).unwrap_or_default();
            let seen = Some(Box::new(SeenFile { refusals, documents, ..*seen }));
            Arrival::Refused { file: name, sentence, seen, bytes }
        }
        // This machine is at fault, so that the file is tried again the next time.
        Err(error) => Arrival::Refused { file: name, sentence: chat::error::chain(&error), seen: None, bytes },
    }
}

/// What a look at a file shows.
enum Looked {
    /// It was dealt with before, or cannot be.
    Known(Arrival),
    /// It is new, or another one than before.
    Changed { content: Vec<u8>, seen: Box<SeenFile>, before: Option<SeenFile> },
}

fn look(found: &Found, before: Option<SeenFile>, scope: &Scope) -> Looked {
    let (path, bytes) = (&found.path, found.bytes);
    let file = key(found);
    let refused =
        |sentence: String| Looked::Known(Arrival::Refused { file: found.file.clone(), sentence, seen: None, bytes });
    let modified = match modified(path) {
        Ok(modified) => modified,
        Err(error) => return refused(format!("it cannot be read: {error}")),
    };
    let reader = reader_version();
    let unchanged = |seen: &&SeenFile| seen.bytes == bytes && seen.modified == modified && seen.reader == reader;
    if let Some(seen) = before.as_ref().filter(unchanged) {
        let refusals = seen.refusals.clone();
        return Looked::Known(Arrival::Unchanged { file: found.file.clone(), refusals, bytes });
    }
    let limits = Limits::default();
    if bytes > limits.bytes_max {
        let max = limits.bytes_max;
        return refused(library::ReadError::TooLarge { bytes, max }.to_string());
    }
    // A file that grows meanwhile is read as far as was looked at.
    let content = File::open(path).and_then(|file| {
        let mut content = Vec::new();
        file.take(limits.bytes_max).read_to_end(&mut content).map(|_| content)
    });
    let content = match content {
        Ok(content) => content,
        Err(error) => return refused(format!("it cannot be read: {error}")),
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
    let is_same = |before: &&SeenFile| before.content_hash == seen.content_hash && before.reader == reader;
    if let Some(before) = before.as_ref().filter(is_same) {
        let seen = SeenFile { documents: before.documents.clone(), refusals: before.refusals.clone(), ..seen };
        let read = ReadFile { seen, before: None, drafts: Vec::new(), same_content: true };
        return Looked::Known(Arrival::Read(Box::new(read)));
    }
    Looked::Changed { content, seen: Box::new(seen), before }
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
    by: By<'a>,
    /// Documents of members that are an operator's with this batch.
    adopted: Vec<DocumentId>,
    report: Report,
    bar: &'a ProgressBar,
    batch: Vec<Pending>,
    files: Vec<OpenFile>,
    /// Which document each identity key belongs to, for what this run brought.
    claimed: HashMap<String, DocumentId>,
}

impl<'a> Run<'a> {
    fn new(home: &'a Library, scope: &'a Scope, by: By<'a>, bar: &'a ProgressBar, report: Report) -> Self {
        Self {
            home,
            scope,
            by,
            adopted: Vec::new(),
            report,
            bar,
            batch: Vec::new(),
            files: Vec::new(),
            claimed: HashMap::new(),
        }
    }

    async fn end(self) -> Report {
        if let Err(error) = self.home.index.flush().await {
            // What was stored stays; the next start completes the index. The report is worth more than a failure here.
            tracing::warn!(error = %chat::error::chain(&error), "the index could not be flushed");
        }
        self.report
    }

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
            documents.extend(self.add(document, before.is_some()).await?);
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

    /// Takes a document into the batch, unless it is known from elsewhere; under which id it is known from now on. None of a
    /// version that waits.
    async fn add(&mut self, mut document: Document, is_known_file: bool) -> anyhow::Result<Option<DocumentId>> {
        let mut keys = library::identity::of(&document);
        if let By::Member(member, at) = self.by
            && let Some(other) = self.of_others(&document.id, &keys, member).await?
        {
            return self.wait_beside(other, document, (member, at)).await;
        }
        let here = match self.by {
            By::Taken(document) => Some(document.clone()),
            _ => keys.iter().find_map(|key| self.claimed.get(key).cloned()),
        };
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
                Some(other) if self.replaces(&other).await? => {
                    // What a member said of it goes with their version.
                    document.retracted |= other.retracted && matches!(self.by, By::Taken(_));
                }
                // The same entry, read again: the file changed, or an earlier run ended before its end.
                Some(other) if other.provenance.file == document.provenance.file => {
                    document = renew(other, document);
                }
                Some(other) => {
                    let (file, title) = (short(&document.provenance.file).to_owned(), document.title.clone());
                    self.report.duplicates.push((file, title));
                    match merge(other, document) {
                        // It says nothing that is not known.
                        None => return Ok(Some(known)),
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
        // What it adds to the member's own one may be another's.
        if let By::Member(member, at) = self.by
            && let Some(other) = self.of_others(&document.id, &keys, member).await?
        {
            return self.wait_beside(other, document, (member, at)).await;
        }
        for key in &keys {
            self.claimed.insert(key.clone(), document.id.clone());
        }
        // It takes its time: not on a thread that answers.
        let embedder = self.home.embedder.clone();
        let cutting = tokio::task::spawn_blocking(move || (passages(&document, embedder.as_ref()), document));
        let (passages, document) = cutting.await?;
        let id = document.id.clone();
        self.batch.push(Pending { document, passages, keys });
        Ok(Some(id))
    }

    /// The first document with this id or, in this scope, any of these names that is not `member`'s to change: somebody else
    /// brought it, or moved it to another scope.
    async fn of_others(&self, id: &DocumentId, keys: &[String], member: &MemberId) -> anyhow::Result<Option<Document>> {
        let store = &self.home.store;
        let known = store.documents_by_keys(self.scope, keys).await?;
        let brought = store.brought(&known).await?;
        if let Some(other) = known.iter().find(|id| brought.get(id) != Some(member)) {
            return Ok(store.get(None, other).await?);
        }
        // An id outlives the name that it was made of.
        let Some(document) = store.get(None, id).await? else { return Ok(None) };
        let is_own = store.brought(std::slice::from_ref(id)).await?.get(id) == Some(member);
        Ok(Some(document).filter(|document| !is_own || document.scope != *self.scope))
    }

    /// Keeps a version of somebody else's document for who looks after it, unless it says nothing else. The document where it
    /// stands in this very file, which is then read again.
    async fn wait_beside(
        &mut self,
        known: Document,
        new: Document,
        (member, at): (&MemberId, Timestamp),
    ) -> anyhow::Result<Option<DocumentId>> {
        if known.provenance.file == new.provenance.file {
            self.report.unchanged += 1;
            return Ok(Some(known.id));
        }
        let row = (short(&new.provenance.file).to_owned(), known.title.clone());
        let tells = differences(&known, &new);
        if merge(known.clone(), new.clone()).is_none() || tells.is_empty() {
            self.report.duplicates.push(row);
            return Ok(None);
        }
        let file = new.provenance.file.split('#').next().unwrap_or_default().to_owned();
        let waiting = self.home.store.held_of(std::slice::from_ref(member)).await?;
        let waits = waiting.iter().any(|held| (&held.document, &held.file) == (&known.id, &file));
        if waiting.len() >= WAITING_MAX && !waits {
            let sentence = format!("{WAITING_MAX} versions that you brought wait for a decision already");
            self.report.refused.push((row.0, sentence));
            return Ok(None);
        }
        let (document, title, member) = (known.id, known.title, member.clone());
        self.home.store.hold(&HeldVersion { document, title, file, member, at, tells }).await?;
        self.report.held.push(row);
        Ok(None)
    }

    /// Whether this run's word holds over that of a document, whose file is then a version that waits.
    async fn replaces(&mut self, known: &Document) -> anyhow::Result<bool> {
        let store = &self.home.store;
        match self.by {
            By::Member(..) => Ok(false),
            By::Taken(document) => Ok(*document == known.id),
            By::Operator => {
                let brought = store.brought(std::slice::from_ref(&known.id)).await?;
                let Some(member) = brought.into_values().next() else { return Ok(false) };
                let file = known.provenance.file.split('#').next().unwrap_or_default().to_owned();
                let (document, title) = (known.id.clone(), known.title.clone());
                let tells = "what stood here before an operator's file".to_owned();
                store.hold(&HeldVersion { document, title, file, member, at: crate::now(), tells }).await?;
                self.adopted.push(known.id.clone());
                Ok(true)
            }
        }
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
        for document in std::mem::take(&mut self.adopted) {
            store.adopt(&document).await?;
        }
        if let By::Member(member, at) = self.by {
            let new = self.batch.iter().zip(&preview).filter(|(_, stored)| **stored == Stored::Added);
            let new: Vec<DocumentId> = new.map(|(pending, _)| pending.document.id.clone()).collect();
            store.note_brought(&new, member, at).await?;
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
        if let By::Member(member, _) = self.by {
            let brought = self.home.store.brought(&lost).await?;
            lost.retain(|id| brought.get(id) == Some(member));
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

/// What another file says otherwise of a paper, in a few words; empty where it says the same.
fn differences(known: &Document, new: &Document) -> String {
    let mut other = Vec::new();
    let mut differs = |what: &'static str, is_other: bool| other.extend(is_other.then_some(what));
    differs("title", new.title != known.title);
    differs("authors", !new.authors.is_empty() && new.authors != known.authors);
    differs("year", new.year.is_some() && new.year != known.year);
    differs("venue", new.venue.is_some() && new.venue != known.venue);
    let (old, ids) = (&known.identifiers, &new.identifiers);
    let is_other = |old: &Option<String>, new: &Option<String>| new.is_some() && new != old;
    differs(
        "identifiers",
        is_other(&old.doi, &ids.doi)
            || is_other(&old.arxiv, &ids.arxiv)
            || is_other(&old.anthology, &ids.anthology)
            || is_other(&old.pubmed, &ids.pubmed),
    );
    differs("that it is retracted", new.retracted && !known.retracted);
    differs("text", new.text != known.text);
    other.join(", ")
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
