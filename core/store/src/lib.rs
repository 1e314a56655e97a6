//! The relational state: documents with their passages and vectors, the manifest of files seen, plugin data,
//! the audit trail, the inbox and the outbox, in one SQLite file.
//!
//! Read [`Store`] here, then `documents` (reading) and `put` (writing), `jobs` (what ingest remembers), then the
//! small ports `data`, `audit`, `inbox`, `outbox` and `register`; `said` keeps what rooms said, `schedule` what they ordered,
//! `since` from when on people and rooms let it be kept, `linking` which accounts are one person's,
//! `profiles` what people say of their work, `reading` what they said of papers, `outcomes` what came of introductions,
//! `declared` is what each of them says of its tables, by which `personal` hands over and erases what is kept of a person;
//! `versions` tells who brought a document, and what others say of it; `forgotten` remembers whom, `scrub` leaves no byte of them, `decisions` outlives a restore; `echoes` takes down what was said again of them, `backup` copies, `check` serves `doctor`, `lock` keeps a second process out.
//!
//! **Invariant:** SQL stands in this crate only, and none of the database's types leaves it.
//! **Invariant:** what a person may not read is filtered in SQL (`scope IN (...)`), in every reading method.
//! **Invariant:** one writer; each write is one transaction, synced to disk before it is acknowledged
//! (`synchronous=FULL`), so that neither a crash nor a power cut loses or halves it.
//!
//! PostgreSQL can run this SQL later. What differs, and where: the pragmas and the pools ([`Store::open`], `check`),
//! `BEGIN IMMEDIATE` (`Store::begin`), the type `BLOB` (migration 1), functions of JSON (migration 4, `personal`, `said`) and of
//! chance (`audit`), the file itself (`scrub`), `VACUUM` ([`backup`]), and the sort order of text, which here is that of bytes (a
//! column `COLLATE "C"` there).

mod audit;
pub mod backup;
mod check;
mod data;
mod decisions;
mod declared;
mod documents;
mod echoes;
mod error;
mod forgotten;
mod inbox;
mod jobs;
mod linking;
mod lock;
mod moves;
mod outbox;
mod outcomes;
mod personal;
mod profiles;
mod put;
mod reading;
mod register;
mod rights;
mod row;
mod said;
mod schedule;
mod scrub;
mod since;
mod versions;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, RwLock},
    time::Duration,
};

use chat::RoomId;

use sqlx::{
    Connection, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use audit::AuditCheck;
pub use check::Health;
pub use decisions::{Applied, Decisions};
pub use error::StoreError;
pub use forgotten::Forgetting;
pub use jobs::{Refusal, SeenFile};
pub use lock::DataLock;
pub use outcomes::Introduction;
pub use profiles::{AccountProfile, ProfileEntry, ProfileLine, RoomLine};
pub use put::{Entry, identity_keys};
pub use reading::{PaperText, ReadablePaper, ReadingMark, Word};
pub use said::{Conversation, Gone, Line, LineKind, Tail};

use scrub::Scrub;

/// All schemas, oldest first.
static MIGRATIONS: Migrator = sqlx::migrate!();

/// How many readers work at once.
const READERS: u32 = 4;

/// Longest wait for the writer: a batch of an ingest takes a second or two.
const WAIT: Duration = Duration::from_secs(30);

/// How long one connection waits for another process.
const BUSY_WITHIN: Duration = Duration::from_secs(10);

/// The state of one data folder. A clone is the same state, and costs nothing.
///
/// Any number of calls may run at once: reads beside each other and beside a write, writes one after the other.
/// Cancel-safe: a dropped write is undone whole.
#[derive(Debug, Clone)]
pub struct Store {
    read: SqlitePool,
    write: SqlitePool,
    /// The rooms whose replies are for who asks alone: see [`chat::people::Register::visibility`].
    discreet: Arc<RwLock<HashSet<RoomId>>>,
    /// What accounts are hashed with in tombstones.
    salt: Arc<str>,
    /// None beside a process that works on the folder. After the pools: it is to be closed after them.
    scrub: Option<Arc<Scrub>>,
}

impl Store {
    /// Name of the database in the data folder.
    pub const FILE: &str = "colloquy.sqlite";

    /// Opens the state in `folder`, making both where they are missing, and brings its schema up to date.
    /// Holding a [`DataLock`] is the caller's business.
    ///
    /// # Errors
    /// [`StoreError::Newer`] where a later version wrote it, [`StoreError::Damaged`] where it is no database.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        create_folder(folder)?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join(Self::FILE))
            .foreign_keys(true)
            .busy_timeout(BUSY_WITHIN)
            .synchronous(SqliteSynchronous::Full)
            // What is removed is overwritten, not only unlinked: a forgotten message or paper leaves no bytes.
            .pragma("secure_delete", "ON")
            // After a large batch the write-ahead log is cut back to this.
            .pragma("journal_size_limit", "67108864");
        let doing = "opening the database";

        let write = pool(1)
            .after_release(|connection, _| {
                Box::pin(async move {
                    // On a full disk SQLite rolls back by itself; sqlx then still counts an open transaction and
                    // would refuse the next one. Such a connection is thrown away.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal))
            .await
            .map_err(StoreError::sql(doing))?;
        MIGRATIONS
            .run(&write)
            .await
            .map_err(|error| StoreError::sql("bringing the schema up to date")(error.into()))?;

        let read =
            pool(READERS).connect_with(options.pragma("query_only", "ON")).await.map_err(StoreError::sql(doing))?;
        let scrub = Some(Arc::new(Scrub::of(&folder.join(Self::FILE))?));
        let mut store = Self { read, write, discreet: Arc::default(), salt: "".into(), scrub };
        store.learn_salt().await?;
        store.learn_discreet().await?;
        Ok(store)
    }

    /// Opens the state in `folder` for reading alone, beside a process that works on it: needs no [`DataLock`], and brings
    /// no schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Newer`] where a later version wrote it, [`StoreError::Refused`] where an earlier one did.
    pub async fn open_beside(folder: &Path) -> Result<Self, StoreError> {
        let file = folder.join(Self::FILE);
        let (found, known) = (backup::schema(&file).await?, schema_known());
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        if found < known {
            let reason = format!("the state has schema {found}; `colloquy doctor` brings it up to {known}");
            return Err(StoreError::Refused { reason });
        }
        let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(WAIT);
        let read = pool(READERS).connect_with(options).await.map_err(StoreError::sql("opening the database"))?;
        Ok(Self { write: read.clone(), read, discreet: Arc::default(), salt: "".into(), scrub: None })
    }

    /// Finishes what runs and closes the files; every clone is closed with it.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// A write transaction. It takes the write lock at once: one that starts by reading could not get it later.
    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.write.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::sql(doing))
    }
}

/// A pool whose connections stay: they cost a thread, not a server.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(WAIT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// The newest schema that this version knows.
pub fn schema_known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Makes a data folder where it is missing, for its owner alone; one that is open to others is closed.
fn create_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(StoreError::io("making the data folder"))?;
    #[cfg(unix)]
    close_folder(folder).map_err(StoreError::io("looking at the data folder"))?;
    Ok(())
}

/// Takes the rights of others from a data folder. One with other people's things in it is theirs too, and one of another
/// account cannot be changed: both are left as they are, with a warning.
#[cfg(unix)]
fn close_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    /// Anybody may lay files there, as in `/tmp`.
    const STICKY: u32 = 0o1000;
    let mode = std::fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let is_ours = folder.join(Store::FILE).exists() || std::fs::read_dir(folder)?.next().is_none();
    let private = std::fs::Permissions::from_mode(0o700);
    match is_ours && mode & STICKY == 0 {
        true => match std::fs::set_permissions(folder, private) {
            Ok(()) => tracing::warn!(folder = %folder.display(), "closed the data folder to others, who could read it"),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "could not close the data folder to others")
            }
        },
        false => tracing::warn!(
            folder = %folder.display(),
            "the data folder is open to others and holds more than this library; choose one of its own"
        ),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
