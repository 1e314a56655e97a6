//! Strangers' files are read in a process of their own: the door through which each of them goes.
//!
//! A [`Door`] starts this program again with `read-one`, hands it one file on its standard input, and takes what it says line by
//! line; `child` is the other side, `said` what the two say to each other.
//!
//! **Invariant:** nothing in the process that serves parses a file of a stranger. Whatever happens in the other one (no
//! memory, an abort, an endless loop, a flood of output) costs that file, with a sentence.

pub(crate) mod child;
mod said;

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chat::{PortError, ports::Apart};
use library::{Draft, Works};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::Semaphore,
};

use said::{Order, Said, Work};

const PORT: &str = "apart";

/// The command that is the other side.
pub(crate) const READ_ONE: &str = "read-one";

/// What a reader complains of is read so far: it is told apart by its first lines.
const COMPLAINT_MAX: u64 = 4 << 10;

/// Beyond its own deadline a reader is given this long to say so, then it is ended.
const GRACE: Duration = Duration::from_secs(5);

/// What one file may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory beside what the program itself takes, in MiB.
    pub memory_mib: u64,
    /// Time, of the clock and of a processor.
    pub time: Duration,
    /// Bytes of what the reader says.
    pub output_max: u64,
    /// Files that are read at a time.
    pub at_once: usize,
}

impl Default for Limits {
    /// 1 GiB, 60 seconds, 128 MiB, two at a time.
    fn default() -> Self {
        Self { memory_mib: 1 << 10, time: Duration::from_secs(60), output_max: 128 << 20, at_once: 2 }
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApartError {
    /// The file is at fault: a sentence for whoever brought it, without its capital letter and its full stop.
    #[error("{0}")]
    Refused(String),
    /// This machine is: the file may be read another time.
    #[error("no process could be started to read it")]
    NoProcess(#[source] io::Error),
}

/// What a file holds, as the other process said it.
#[derive(Debug, Default)]
pub struct Documents {
    /// The papers and notes, in order.
    pub drafts: Vec<Draft>,
    /// The entries that could not be read: where each stands, and why.
    pub refused: Vec<(String, String)>,
}

/// The one place that reads strangers' files. A clone is the same one, and waits in the same queue.
#[derive(Clone)]
pub struct Door {
    program: PathBuf,
    limits: Limits,
    slots: Arc<Semaphore>,
}

impl Door {
    /// `program` is `colloquy`.
    pub fn new(program: PathBuf, limits: Limits) -> Self {
        let slots = Arc::new(Semaphore::new(limits.at_once.max(1)));
        Self { program, limits, slots }
    }

    /// Reads papers and notes; see [`library::read`].
    ///
    /// # Errors
    /// [`ApartError`].
    pub async fn documents(&self, name: &str, bytes: Vec<u8>) -> Result<Documents, ApartError> {
        let mut found = Documents::default();
        for said in self.read(Work::Documents, name, bytes).await? {
            match said {
                Said::Draft(mut draft) if draft.is_whole() => {
                    draft.bound();
                    found.drafts.push(*draft);
                }
                Said::Entry { fragment, sentence } => found.refused.push((fragment, sentence)),
                _ => return Err(broke_down()),
            }
        }
        Ok(found)
    }

    /// Reads a list of works; see [`library::read_works`].
    ///
    /// # Errors
    /// [`ApartError`].
    pub async fn works(&self, name: &str, bytes: Vec<u8>) -> Result<Works, ApartError> {
        match self.read(Work::Works, name, bytes).await?.pop() {
            Some(Said::Works(works)) => Ok(works),
            _ => Err(broke_down()),
        }
    }

    async fn read(&self, work: Work, name: &str, bytes: Vec<u8>) -> Result<Vec<Said>, ApartError> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        let Limits { memory_mib, time, output_max, .. } = self.limits;
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let mut child = self.start().map_err(ApartError::NoProcess)?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broke_down());
        };
        let order = Order { work, name, bytes: bytes.len(), memory_mib, time };
        let talk = async {
            let talk = (hear(stdout, output_max), complaint(stderr), tell(stdin, order, bytes));
            let (heard, complaint, ()) = tokio::join!(talk.0, talk.1, talk.2);
            (heard, complaint, child.wait().await.ok())
        };
        let Ok((heard, complaint, ended)) = tokio::time::timeout(time + GRACE, talk).await else {
            // The process ends with its handle.
            return Err(ApartError::Refused(overdue(time)));
        };
        match heard {
            Heard::All(said) => Ok(said),
            Heard::Failed(sentence) => Err(ApartError::Refused(sentence)),
            Heard::TooMuch => Err(ApartError::Refused("it holds more than is read of one file".to_owned())),
            Heard::BrokenOff => Err(ApartError::Refused(self.why(ended, &complaint))),
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        // None of our variables, secrets among them; one arena of memory, for each takes 64 MiB of addresses.
        command.arg(READ_ONE).env_clear().env("MALLOC_ARENA_MAX", "1").current_dir(Path::new("/"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn()
    }

    /// Why a process ended before it had said all, as far as its end tells.
    fn why(&self, ended: Option<ExitStatus>, complaint: &str) -> String {
        if complaint.contains("memory allocation of") {
            return format!("reading it takes more than {} MiB of memory", self.limits.memory_mib);
        }
        if complaint.contains("overflowed its stack") {
            return "it is nested too deeply".to_owned();
        }
        if ended.is_some_and(ran_out_of_time) {
            return overdue(self.limits.time);
        }
        tracing::warn!(?ended, "a reader broke down");
        broke_down().to_string()
    }
}

fn overdue(time: Duration) -> String {
    library::ReadError::TimedOut { limit: time }.to_string()
}

fn broke_down() -> ApartError {
    ApartError::Refused(library::ReadError::Panicked.to_string())
}

#[cfg(unix)]
fn ran_out_of_time(ended: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    // SIGXCPU, and the SIGKILL that comes a second after it.
    matches!(ended.signal(), Some(24 | 9))
}

#[cfg(not(unix))]
fn ran_out_of_time(_: ExitStatus) -> bool {
    false
}

/// Hands over the order and the file. A reader that ended before it took them is told of by its end.
async fn tell(mut to: ChildStdin, order: Order, bytes: Vec<u8>) {
    let Ok(mut line) = serde_json::to_vec(&order) else { return };
    line.push(b'\n');
    if to.write_all(&line).await.is_ok() && to.write_all(&bytes).await.is_ok() {
        let _closed = to.shutdown().await;
    }
}

/// What was heard of a reader.
enum Heard {
    All(Vec<Said>),
    Failed(String),
    TooMuch,
    BrokenOff,
}

async fn hear(from: ChildStdout, output_max: u64) -> Heard {
    let mut from = BufReader::new(from.take(output_max));
    let (mut all, mut line) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = from.read_until(b'\n', &mut line).await;
        match (read, serde_json::from_slice(&line)) {
            (Ok(1..), Ok(Said::Done)) => return Heard::All(all),
            (Ok(1..), Ok(Said::Failed(sentence))) => return Heard::Failed(sentence),
            (Ok(1..), Ok(said)) => all.push(said),
            _ if from.get_ref().limit() == 0 => return Heard::TooMuch,
            _ => return Heard::BrokenOff,
        }
    }
}

async fn complaint(from: ChildStderr) -> String {
    let mut complaint = Vec::new();
    let _broken_off = from.take(COMPLAINT_MAX).read_to_end(&mut complaint).await;
    String::from_utf8_lossy(&complaint).into_owned()
}

#[async_trait]
impl Apart for Door {
    async fn read(&self, plugin: &str, work: &str, name: &str, bytes: Vec<u8>) -> Result<Value, PortError> {
        let work = Work::Plugin { plugin: plugin.to_owned(), work: work.to_owned() };
        match self.read(work, name, bytes).await.map_err(ApartError::port)?.pop() {
            Some(Said::Value(value)) => Ok(value),
            _ => Err(broke_down().port()),
        }
    }
}

impl ApartError {
    /// The same as a port says it.
    pub fn port(self) -> PortError {
        match self {
            Self::Refused(reason) => PortError::Refused { port: PORT, reason },
            failed @ Self::NoProcess(_) => PortError::failed(PORT, "reading a file")(failed),
        }
    }
}
