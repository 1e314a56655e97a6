//! What people may do with what is remembered of them: in the state, in the index, and among the kept files.
//!
//! Forgetting is a job that outlives the process: it is noted first, what is there is removed at once, and what began before and
//! ends later is looked for again ([`Custodian::finish`]), the last time when nothing of that can run any more.

mod archive;
mod turns;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    MemberId, PortError, Scope,
    chronicle::Chronicle,
    error::chain,
    people::{Erased, Export, Personal, Register as _},
    ports::Index,
};
use jiff::{SignedDuration, Timestamp};
use store::{DataLock, Forgetting, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::{
    acquire::folder_of,
    decisions,
    home::{self, Home},
    matching::Matcher,
    reading::Reader,
};

const PORT: &str = "personal";

/// After this, what was on its way to a platform is there, and is looked for.
const ONCE_MORE: SignedDuration = SignedDuration::from_secs(60);

/// After this, no call runs any more that began before: it waits a few minutes in the queue, and runs for five at most.
const LAST: SignedDuration = SignedDuration::from_mins(15);

/// Between two looks at who is to be forgotten, and at what was decided.
const TEND_EVERY: Duration = Duration::from_secs(5);

/// Up to this many points an index is rewritten at once; a larger one waits until the person is looked for again, together with
/// others.
const POINTS_MAX: usize = 20_000;

/// What a data folder holds, and what becomes of a person's part of it.
pub const FOLDER: [(&str, &str); 10] = [
    (Store::FILE, "the state, whose tables are declared one by one"),
    ("colloquy.sqlite-wal", "of the state"),
    ("colloquy.sqlite-shm", "of the state"),
    ("index", "derived from the state, and purged"),
    ("files", "what members brought: a folder for each scope, which goes with its person"),
    (home::HISTORY, "what was typed at the console: it goes with the operator"),
    (decisions::FILE, "who was forgotten, by a hash, and what is decided now"),
    ("matrix", "what the Matrix device must know: its keys, and no messages"),
    ("models", "models, and rankings that were learned: numbers that tell nobody"),
    (DataLock::FILE, "the id of the process"),
];

/// Reaches every store that holds something of a person. A clone is the same one.
#[derive(Clone)]
pub struct Custodian {
    store: Store,
    index: Arc<dyn Index>,
    chronicle: Arc<dyn Chronicle>,
    matcher: Matcher,
    reader: Reader,
    dir: PathBuf,
    /// Who sits at the console, and the lines that they typed.
    console: (MemberId, Option<PathBuf>),
    turns: Arc<turns::Turns>,
}

impl Custodian {
    /// The one of a data folder.
    pub fn new(home: &Home) -> Self {
        let seat = home.seat();
        Self {
            store: home.store.clone(),
            index: Arc::clone(&home.index),
            chronicle: home.chronicle.clone(),
            matcher: home.matcher.clone(),
            reader: home.reader.clone(),
            dir: home.settings.data_dir(),
            console: (seat.member, seat.history),
            turns: Arc::default(),
        }
    }

    /// Files and folders that are theirs alone, each with the folder of an archive that it belongs in.
    fn paths(&self, accounts: &[MemberId]) -> Vec<(String, PathBuf)> {
        let files = self.dir.join("files");
        let dropped = accounts.iter().enumerate().map(|(number, account)| {
            (archive::folder(number, &account.0), folder_of(&files, &Scope::Person(account.clone())))
        });
        let (member, history) = &self.console;
        let typed = history.iter().filter(|_| accounts.contains(member)).map(|path| ("files".to_owned(), path.clone()));
        dropped.chain(typed).filter(|(_, path)| path.exists()).collect()
    }

    /// Removes all that is there of a person; what that was, and whether the index held any of it.
    async fn remove(&self, accounts: &[MemberId], until: Timestamp) -> Result<(Erased, bool), PortError> {
        // Files first: where they cannot be removed, the state still knows whose they are.
        let paths = self.paths(accounts);
        let doing = "removing files";
        let removed =
            tokio::task::spawn_blocking(move || paths.iter().try_fold(0, |sum, (_, path)| Ok(sum + remove(path)?)));
        let removed: io::Result<usize> = removed.await.map_err(PortError::failed(PORT, doing))?;
        let mut removed = removed.map_err(PortError::failed(PORT, doing))?;
        for version in self.store.held_of(accounts).await.map_err(StoreError::port(PORT))? {
            self.store.drop_held(&version.document, &version.file).await.map_err(StoreError::port(PORT))?;
            if !self.store.is_needed(&version.file).await.map_err(StoreError::port(PORT))? {
                match fs::remove_file(&version.file) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    done => {
                        done.map_err(PortError::failed(PORT, doing))?;
                        removed += 1;
                    }
                }
            }
        }
        // While it is known where they stand. The platforms are told when they can be, and nobody waits for that.
        let echoes = self.store.take_down_echoes(accounts, until, until).await.map_err(StoreError::port(PORT))?;
        let said = self.chronicle.forget(accounts).await?;
        if !said.counts.is_empty() {
            self.store.removed();
        }
        let (mut erased, documents) = self.store.erase(accounts).await.map_err(StoreError::port(PORT))?;
        self.matcher.clear();
        self.reader.clear().await;
        if !documents.is_empty() {
            self.index.remove(&documents).await?;
        }
        let was_indexed = !documents.is_empty() || !said.counts.is_empty();
        erased.counts.extend(said.counts);
        if echoes > 0 {
            erased.counts.push(("messages carried over".to_owned(), echoes));
        }
        if removed > 0 {
            erased.counts.push(("kept files".to_owned(), removed));
        }
        Ok((erased, was_indexed))
    }

    /// Looks for what ended late of those who were forgotten, where it is time; at the start too, for what a process before
    /// left behind. Who asked something again meanwhile keeps what came of that.
    ///
    /// # Errors
    /// [`PortError`]; what was not done stays due.
    pub async fn finish(&self, now: Timestamp) -> Result<(), PortError> {
        let port = StoreError::port(PORT);
        let due = self.store.forgettings_due(now).await.map_err(&port)?;
        if due.is_empty() {
            return Ok(());
        }
        let mut was_indexed = false;
        for forgetting in &due {
            let Forgetting { accounts, at } = forgetting;
            let is_last = now >= *at + LAST;
            if !accounts.is_empty() {
                if !self.store.has_returned(forgetting).await.map_err(&port)? {
                    // But for a reply that is on its way.
                    if is_last || now < *at + ONCE_MORE {
                        was_indexed |= self.remove(accounts, *at).await?.1;
                    }
                } else {
                    self.store.take_down_echoes(accounts, *at, now).await.map_err(&port)?;
                }
                self.store.erase_replies(forgetting, is_last).await.map_err(&port)?;
                self.store.removed();
            }
            was_indexed |= !is_last;
        }
        self.store.scrub().await.map_err(&port)?;
        if was_indexed {
            self.index.purge().await?;
        }
        // Only now: whatever fails before is tried again.
        for Forgetting { at, .. } in due {
            let next = [at + ONCE_MORE, at + LAST].into_iter().find(|next| *next > now);
            self.store.look_again(at, next).await.map_err(&port)?;
        }
        Ok(())
    }

    /// Finishes what is due, and keeps what was decided outside of the state, until `shutdown`.
    pub async fn tend(&self, shutdown: CancellationToken) {
        let mut every = tokio::time::interval(TEND_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = every.tick() => {}
            }
            if let Err(error) = self.finish(crate::now()).await {
                tracing::error!(error = %chain(&error), "could not finish forgetting a person");
            }
            if let Err(error) = decisions::keep(&self.store, &self.dir, &mut last, crate::now()).await {
                tracing::error!(error = %format!("{error:#}"), "could not keep what was decided");
            }
        }
    }
}

#[async_trait]
impl Personal for Custodian {
    async fn export(&self, member: &MemberId, at: Timestamp) -> Result<Export, PortError> {
        let accounts = self.store.standing(member).await?.accounts;
        let turn = self.turns.take(&accounts, "export", at);
        let _turn = turn.map_err(|reason| PortError::Refused { port: PORT, reason })?;
        let parts = self.store.personal(&accounts).await.map_err(StoreError::port(PORT))?;
        let paths = self.paths(&accounts);
        let doing = "writing an archive";
        let written = tokio::task::spawn_blocking(move || archive::archive(&parts, &paths)).await;
        written.map_err(PortError::failed(PORT, doing))?.map_err(PortError::failed(PORT, doing))
    }

    async fn forget(&self, member: &MemberId, at: Timestamp) -> Result<Erased, PortError> {
        let port = StoreError::port(PORT);
        let accounts = self.store.standing(member).await?.accounts;
        let turn = self.turns.take(&accounts, "forget", at);
        let _turn = turn.map_err(|reason| PortError::Refused { port: PORT, reason })?;
        // From here on it is done, if not by this process.
        self.store.begin_forgetting(&accounts, at).await.map_err(&port)?;
        let (erased, was_indexed) = self.remove(&accounts, at).await?;
        self.store.scrub().await.map_err(&port)?;
        if was_indexed && self.index.count().await? <= POINTS_MAX {
            self.index.purge().await?;
        }
        let kept = decisions::keep(&self.store, &self.dir, &mut None, at).await;
        kept.map_err(|error| PortError::failed(PORT, "keeping what was decided")(error.into_boxed_dyn_error()))?;
        self.store.look_again(at, Some(at + ONCE_MORE)).await.map_err(&port)?;
        Ok(erased)
    }
}

/// Removes a file, or a folder of files; how many.
fn remove(path: &Path) -> io::Result<usize> {
    if !path.is_dir() {
        return fs::remove_file(path).map(|()| 1);
    }
    let count = fs::read_dir(path)?.count();
    fs::remove_dir_all(path).map(|()| count)
}
