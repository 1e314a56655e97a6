//! Leaves no byte of what was removed in the files of the state.
//!
//! SQLite overwrites each row and each page that it frees (`secure_delete`). What it does not overwrite are copies in the
//! unused middle of a page, from where it once moved rows to another page; and what the write-ahead log still holds. Here
//! both go: the log is emptied into the database, then the unused middle of each page is set to zero, a few pages at a time.
//! `VACUUM` would do the same and hold back every write for as long as a copy of the whole takes.
//!
//! **Invariant:** the writer is held for one slice at a time, and a slice takes milliseconds.
//! **Invariant:** only bytes are written that the format of the file (<https://sqlite.org/fileformat.html>, 1.6) says no
//! reader looks at; a crash in between, or a copy taken in between, is whole.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::Mutex;

use crate::{BUSY_WITHIN, Store, StoreError};

/// Bytes of pages that are looked at while the writer is held.
const SLICE: u64 = 4 * 1024 * 1024;

/// Above, a page of another kind may begin as a page of a tree does: its first four bytes are the number of a page.
const PAGES_MAX: u64 = 0x01ff_ffff;

/// How long one try to empty the log waits for readers: every write waits with it.
const TRY: Duration = Duration::from_millis(100);

/// Between two tries, writes go on.
const PAUSE: Duration = Duration::from_millis(50);

/// How often it is tried while readers hold the log.
const TRIES: usize = 200;

/// The file itself, and how far what was removed is overwritten.
#[derive(Debug)]
pub(crate) struct Scrub {
    /// How often something was removed that must leave no byte.
    removed: AtomicU64,
    /// Up to which of these the files are clean.
    clean: Mutex<u64>,
    /// Open as long as the state is: with any handle on a file that a process closes it gives up all locks on it (POSIX),
    /// those of SQLite too.
    file: Arc<File>,
}

impl Scrub {
    /// Of a database that is there.
    pub fn of(file: &Path) -> Result<Self, StoreError> {
        let file = File::options().read(true).write(true).open(file);
        let file = Arc::new(file.map_err(StoreError::io("opening the database's file"))?);
        Ok(Self { removed: AtomicU64::new(0), clean: Mutex::new(0), file })
    }

    /// Something was removed.
    pub fn note(&self) {
        self.removed.fetch_add(1, Ordering::AcqRel);
    }
}

impl Store {
    /// Leaves no byte in the files of the state of what [`Store::erase`] removed before. Many who ask at once are served by
    /// one run, and where nothing was removed nothing is done. Reading the whole file takes a second or so per gigabyte;
    /// writes go on beside it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where a reader does not end; said again, it goes on.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        // Beside another process that works on the folder.
        let Some(scrub) = &self.scrub else { return Ok(()) };
        let wanted = scrub.removed.load(Ordering::Acquire);
        let mut clean = scrub.clean.lock().await;
        if *clean >= wanted {
            return Ok(());
        }
        let upto = scrub.removed.load(Ordering::Acquire);
        self.scrub_pages(&scrub.file).await?;
        *clean = upto;
        Ok(())
    }

    async fn scrub_pages(&self, file: &Arc<File>) -> Result<(), StoreError> {
        let doing = "overwriting what was removed";
        let sql = StoreError::sql(doing);
        let size: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&self.read).await.map_err(&sql)?;
        let size = usize::try_from(size).map_err(StoreError::damaged(doing))?;
        let at_once = SLICE / size as u64;
        let mut first = 0;
        loop {
            let mut writer = self.emptied("FULL").await?;
            // Or it would write the old middle of a page again with the page's next change.
            sqlx::query("PRAGMA shrink_memory").execute(&mut *writer).await.map_err(&sql)?;
            let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *writer).await.map_err(&sql)?;
            let pages = u64::try_from(pages).map_err(StoreError::damaged(doing))?;
            if first >= pages {
                break;
            }
            if pages > PAGES_MAX {
                return Err(StoreError::Refused { reason: "the state is larger than 128 GiB".to_owned() });
            }
            let (file, slice) = (Arc::clone(file), first..pages.min(first + at_once));
            first = slice.end;
            let scrubbing = tokio::task::spawn_blocking(move || scrub_slice(&file, size, slice));
            let scrubbed = scrubbing.await.map_err(|error| StoreError::Failed { doing, source: error.into() })?;
            scrubbed.map_err(StoreError::io(doing))?;
        }
        let file = Arc::clone(file);
        let syncing = tokio::task::spawn_blocking(move || file.sync_data()).await;
        syncing.map_err(|error| StoreError::Failed { doing, source: error.into() })?.map_err(StoreError::io(doing))?;
        self.emptied("TRUNCATE").await.map(drop)
    }

    /// The writer, with all of the write-ahead log in the database.
    async fn emptied(&self, how: &'static str) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, StoreError> {
        let doing = "emptying the write-ahead log";
        let sql = StoreError::sql(doing);
        for _ in 0..TRIES {
            let mut writer = self.write.acquire().await.map_err(&sql)?;
            wait_for_readers(&mut writer, TRY).await.map_err(&sql)?;
            let checkpoint = AssertSqlSafe(format!("PRAGMA wal_checkpoint({how})"));
            let done: Result<(i64, i64, i64), _> = sqlx::query_as(checkpoint).fetch_one(&mut *writer).await;
            wait_for_readers(&mut writer, BUSY_WITHIN).await.map_err(&sql)?;
            let (busy, frames, written) = done.map_err(&sql)?;
            if busy == 0 && frames == written {
                return Ok(writer);
            }
            drop(writer);
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::Busy { doing, source: "a reader holds the write-ahead log".into() })
    }
}

async fn wait_for_readers(writer: &mut SqliteConnection, within: Duration) -> Result<(), sqlx::Error> {
    let pragma = AssertSqlSafe(format!("PRAGMA busy_timeout = {}", within.as_millis()));
    sqlx::query(pragma).execute(writer).await.map(drop)
}

/// Sets the unused middle of each of these pages to zero, where it is not.
fn scrub_slice(mut file: &File, size: usize, pages: std::ops::Range<u64>) -> io::Result<()> {
    let start = pages.start * size as u64;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take((pages.end - pages.start) * size as u64).read_to_end(&mut bytes)?;
    for (number, page) in bytes.chunks_exact(size).enumerate() {
        // The first page begins with the header of the file.
        let header = if start == 0 && number == 0 { 100 } else { 0 };
        let Some(gap) = unused(page, header) else { continue };
        if page[gap.clone()].iter().any(|byte| *byte != 0) {
            file.seek(SeekFrom::Start(start + (number * size + gap.start) as u64))?;
            file.write_all(&vec![0; gap.len()])?;
        }
    }
    Ok(())
}

/// What of a page of a tree lies between the list of its cells and the first of them; none of a page of another kind. Below
/// [`PAGES_MAX`] the others begin with zero; none maps pointers, for the state is not vacuumed by itself.
fn unused(page: &[u8], header: usize) -> Option<std::ops::Range<usize>> {
    let length = match page.get(header)? {
        0x02 | 0x05 => 12,
        0x0a | 0x0d => 8,
        _ => return None,
    };
    let two = |at: usize| Some(usize::from(u16::from_be_bytes([*page.get(at)?, *page.get(at + 1)?])));
    let cells = two(header + 3)?;
    let content = match two(header + 5)? {
        0 => 65_536,
        content => content,
    };
    let start = header + length + 2 * cells;
    (start <= content && content <= page.len()).then_some(start..content)
}

#[cfg(test)]
mod tests {
    use super::unused;

    #[track_caller]
    fn check(start: &[u8], want: Option<std::ops::Range<usize>>) {
        let mut page = vec![7; 512];
        page[..start.len()].copy_from_slice(start);
        assert_eq!(unused(&page, 0), want, "{start:?}");
    }

    #[test]
    fn the_unused_middle_of_a_page_is_between_its_cells_and_their_list() {
        // A leaf with two cells from byte 400 on; a page above others; an empty one.
        check(&[0x0d, 0, 0, 0, 2, 1, 0x90, 0], Some(12..400));
        check(&[0x05, 0, 0, 0, 2, 1, 0x90, 0], Some(16..400));
        check(&[0x0a, 0, 0, 0, 0, 2, 0, 0], Some(8..512));
        // No page of a tree, and no page that is whole.
        check(&[0, 0, 0, 2, 1, 0x90, 0, 0], None);
        check(&[0x0d, 0, 0, 0, 2, 2, 1, 0], None);
        check(&[0x0d, 0, 0, 0xff, 0xff, 1, 0x90, 0], None);
    }
}
