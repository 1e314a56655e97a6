//! The index in this process. [`EdgeIndex`] is a handle on one shard, its locks and the thread that keeps it.
//!
//! **Invariant:** what was removed or replaced is on disk when the call returns; only added points wait for the next
//! flush. So after a crash the index may lack points, which [`Index::passages`] shows, and never holds old ones.

use std::{
    fs::{self, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat::{
    DocumentId, PassageId, PortError,
    ports::{Hit, Index, IndexQuery, Point, Stamp},
};

use crate::{
    PORT,
    error::IndexError,
    schema::{self, Mark},
    shard::Shard,
};

/// How often the keeper looks.
const TICK: Duration = Duration::from_secs(5);

/// Longest that dropping an index waits for an optimisation.
const OPTIMISED_WITHIN: Duration = Duration::from_secs(10);

/// New points after which the keeper optimises even while more are coming; else it waits for a quiet tick.
const POINTS_MAX: usize = 20_000;

/// The index in this process, in one folder. One process at a time; dropping it stops its thread and flushes.
pub struct EdgeIndex {
    inner: Arc<Inner>,
    keeper: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

struct Inner {
    home: PathBuf,
    shard: RwLock<Arc<Shard>>,
    /// Held by flush, optimise and rebuild: one at a time. Taken before `writing`.
    keeping: Mutex<()>,
    /// Held by every write, and by flush.
    writing: Mutex<()>,
    /// Points written since the last flush and the last optimisation.
    unflushed: AtomicUsize,
    unoptimised: AtomicUsize,
    stopping: AtomicBool,
    /// Holds the folder for this process as long as it is open.
    _lock: fs::File,
}

impl EdgeIndex {
    /// Opens the index in `dir`, or makes an empty one. Blocks: a large one takes seconds.
    ///
    /// # Errors
    /// [`IndexError::InUse`]; [`IndexError::Stamp`] where it was built with something else; [`IndexError::Damaged`],
    /// after which [`EdgeIndex::recreate`] and a top-up restore it; [`IndexError::Io`]; [`IndexError::DiskFull`].
    pub fn open(dir: &Path, stamp: &Stamp) -> Result<Self, IndexError> {
        Self::with(dir, |home| Shard::open(home, &Mark::new(stamp)))
    }

    /// An empty index in `dir`, in place of whatever is there.
    ///
    /// # Errors
    /// As [`EdgeIndex::open`], without `Stamp` and `Damaged`.
    pub fn recreate(dir: &Path, stamp: &Stamp) -> Result<Self, IndexError> {
        Self::with(dir, |home| {
            Shard::create(home, &Mark::new(stamp)).map(drop)?;
            Shard::open(home, &Mark::new(stamp))
        })
    }

    fn with(dir: &Path, shard: impl FnOnce(&Path) -> Result<Shard, IndexError>) -> Result<Self, IndexError> {
        fs::create_dir_all(dir).map_err(IndexError::io("making the index's folder", dir))?;
        let lock = dir.join("lock");
        let file = fs::File::create(&lock).map_err(IndexError::io("making the index's lock", &lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(IndexError::InUse { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(IndexError::io("locking the index", &lock)(error)),
        }
        let inner = Arc::new(Inner {
            home: dir.to_owned(),
            shard: RwLock::new(Arc::new(shard(dir)?)),
            keeping: Mutex::new(()),
            writing: Mutex::new(()),
            unflushed: AtomicUsize::new(0),
            unoptimised: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            _lock: file,
        });
        let (stop, stopped) = mpsc::channel();
        let kept = Arc::clone(&inner);
        let keeper = thread::Builder::new()
            .name("index-keeper".to_owned())
            .spawn(move || kept.keep(&stopped))
            .map_err(IndexError::io("starting the index's thread", dir))?;
        Ok(Self { inner, keeper: Some((stop, keeper)) })
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Inner) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, PortError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.map_err(PortError::failed(PORT, doing))?.map_err(IndexError::port(doing))
    }
}

impl Drop for EdgeIndex {
    fn drop(&mut self) {
        self.inner.stopping.store(true, Ordering::Release);
        if let Some((stop, keeper)) = self.keeper.take() {
            drop(stop);
            // The folder is free when this returns, unless an optimisation takes long: it cannot be stopped, and costs
            // nothing to lose.
            let started = Instant::now();
            while !keeper.is_finished() && started.elapsed() < OPTIMISED_WITHIN {
                thread::sleep(Duration::from_millis(5));
            }
            if keeper.is_finished() && keeper.join().is_err() {
                tracing::warn!("the index's thread had panicked");
            }
        }
    }
}

impl Inner {
    fn shard(&self) -> Arc<Shard> {
        Arc::clone(&self.shard.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, points: usize, work: impl FnOnce(&Shard) -> Result<T, IndexError>) -> Result<T, IndexError> {
        let _writing = lock(&self.writing);
        self.unflushed.fetch_add(points, Ordering::AcqRel);
        self.unoptimised.fetch_add(points, Ordering::AcqRel);
        work(&self.shard())
    }

    fn flush(&self) -> Result<(), IndexError> {
        let _keeping = lock(&self.keeping);
        self.flush_kept()
    }

    /// Flushes; `keeping` is held.
    fn flush_kept(&self) -> Result<(), IndexError> {
        let _writing = lock(&self.writing);
        self.shard().flush()?;
        self.unflushed.store(0, Ordering::Release);
        Ok(())
    }

    /// Optimises; `keeping` is held, writes and searches go on.
    fn optimize_kept(&self) -> Result<(), IndexError> {
        self.unoptimised.store(0, Ordering::Release);
        self.shard().optimize()?;
        self.flush_kept()
    }

    fn rebuild(&self, stamp: &Stamp) -> Result<(), IndexError> {
        let _keeping = lock(&self.keeping);
        let _writing = lock(&self.writing);
        let new = Arc::new(Shard::create(&self.home, &Mark::new(stamp))?);
        let old = std::mem::replace(&mut *self.shard.write().unwrap_or_else(PoisonError::into_inner), new);
        old.replace();
        Ok(())
    }

    /// Writes what is left into a new shard: the old one's segments and log hold what was removed. A crash before the end
    /// leaves an index that lacks points.
    fn purge(&self) -> Result<(), IndexError> {
        let _keeping = lock(&self.keeping);
        let _writing = lock(&self.writing);
        let old = self.shard();
        let new = Arc::new(Shard::create(&self.home, old.mark())?);
        old.copy_to(&new)?;
        self.unflushed.store(0, Ordering::Release);
        self.unoptimised.store(new.count()?, Ordering::Release);
        *self.shard.write().unwrap_or_else(PoisonError::into_inner) = new;
        old.replace();
        Ok(())
    }

    /// The keeper's life: flushes what was written, optimises when it is quiet.
    fn keep(&self, stopped: &mpsc::Receiver<()>) {
        let mut before = 0;
        while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            let _keeping = lock(&self.keeping);
            if self.stopping.load(Ordering::Acquire) {
                return;
            }
            let flushed = match self.unflushed.load(Ordering::Acquire) {
                0 => Ok(()),
                _ => self.flush_kept(),
            };
            let points = self.unoptimised.load(Ordering::Acquire);
            let due = points >= POINTS_MAX || (points > 0 && points == before);
            let due = due && !self.stopping.load(Ordering::Acquire);
            before = points;
            if let Err(error) = flushed.and_then(|()| if due { self.optimize_kept() } else { Ok(()) }) {
                tracing::warn!(error = &error as &dyn std::error::Error, "keeping the index");
            }
        }
    }
}

/// A lock without poison: what it guards is no data of ours but the engine's order of calls.
fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Index for EdgeIndex {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), PortError> {
        schema::check_points(&self.inner.shard().mark().stamp, &points)?;
        let write = move |inner: &Inner| match inner.write(points.len(), |shard| shard.upsert(&points))? {
            true => inner.flush(),
            false => Ok(()),
        };
        self.blocking("writing points", write).await
    }

    async fn remove(&self, documents: &[DocumentId]) -> Result<(), PortError> {
        if documents.is_empty() {
            return Ok(());
        }
        let documents = documents.to_vec();
        let remove = move |inner: &Inner| {
            inner.write(documents.len(), |shard| shard.remove(&documents))?;
            inner.flush()
        };
        self.blocking("removing documents", remove).await
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<Hit>, PortError> {
        let shard = self.inner.shard();
        let lists = schema::lists(&shard.mark().stamp, query)?;
        let query = query.clone();
        self.blocking("searching", move |_| shard.search(&query, lists)).await
    }

    async fn passages(&self) -> Result<Vec<PassageId>, PortError> {
        self.blocking("listing the points", |inner| inner.shard().passages()).await
    }

    async fn count(&self) -> Result<usize, PortError> {
        self.blocking("counting the points", |inner| inner.shard().count()).await
    }

    async fn flush(&self) -> Result<(), PortError> {
        let flush = |inner: &Inner| {
            let _keeping = lock(&inner.keeping);
            inner.flush_kept()?;
            inner.optimize_kept()
        };
        self.blocking("flushing", flush).await
    }

    async fn purge(&self) -> Result<(), PortError> {
        self.blocking("writing the index anew", Inner::purge).await
    }

    async fn rebuild(&self, stamp: &Stamp) -> Result<(), PortError> {
        let stamp = stamp.clone();
        self.blocking("rebuilding", move |inner| inner.rebuild(&stamp)).await
    }
}
