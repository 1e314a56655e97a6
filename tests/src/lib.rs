//! The harness: a [`World`] is the real thing (models, store, index, engine, plugins) in a folder of its own.
//!
//! The small models are fetched once into the user's cache, as `colloquy try` does. Nothing here stands in for a part
//! of ours.

pub mod desk;
pub mod double;
pub mod hostile;
pub mod peers;
pub mod served;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use chat::{Event, Message};
use futures::StreamExt;
use inference::{Catalogue, Fetcher};
use server::{
    home::{Home, Needs},
    ingest::{self, Report},
    settings::Settings,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The sample papers.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/library")
}

/// Small files that readers must survive.
pub fn broken() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/broken")
}

/// The default settings with data in `dir`.
pub fn settings(dir: &Path) -> Settings {
    let mut settings = Settings::defaults();
    settings.data.dir = dir.to_owned();
    settings.program = Some(binary());
    settings
}

/// The folder of models, with both defaults in it.
pub fn models() -> PathBuf {
    static MODELS: OnceLock<PathBuf> = OnceLock::new();
    MODELS
        .get_or_init(|| {
            let settings = Settings::defaults();
            let catalogue = Catalogue::with(None).expect("the embedded catalogue reads");
            let fetcher = Fetcher::new(settings.models_dir());
            for name in [&settings.models.embed, &settings.models.generate] {
                let model = catalogue.get(name).expect("the defaults are in the catalogue");
                fetcher.fetch(model, &|_| ()).unwrap_or_else(|error| panic!("cannot fetch {name}: {error}"));
            }
            settings.models_dir()
        })
        .clone()
}

/// The catalogue of the phrase book, a small translator, which is then in the folder of models.
///
/// # Panics
/// Where it cannot be put there.
pub fn phrasebook() -> PathBuf {
    static FETCHED: OnceLock<()> = OnceLock::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/phrasebook");
    let path = folder.join("catalogue.toml");
    FETCHED.get_or_init(|| {
        let text = std::fs::read_to_string(&path).expect("the catalogue can be read");
        let catalogue = Catalogue::with(Some(&text)).expect("the catalogue reads").beside(&folder);
        let model = catalogue.get("phrasebook").expect("it is in its catalogue");
        Fetcher::new(models()).fetch(model, &|_| ()).expect("it is copied");
    });
    path
}

/// The binary, which `cargo test` built beside this test (`bots/server/tests/binary.rs` sees to that).
///
/// Not built from here: a cargo within cargo has other variables, on which build scripts of big dependencies look.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(2).expect("it lies in target/debug/deps");
    let binary = target.join(format!("colloquy{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is missing: run `cargo test` for the whole workspace", binary.display());
    binary
}

/// The binary with data in `dir` and every address but this machine's refused.
pub fn colloquy(dir: &Path) -> Command {
    models();
    let mut command = Command::new(binary());
    command.arg("--data").arg(dir).current_dir(dir).stdin(Stdio::null());
    for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        // Port 9 discards: whatever asks for an address outside gets no answer.
        command.env(proxy, "http://127.0.0.1:9");
    }
    command
}

/// A running Colloquy with data of its own.
pub struct World {
    /// All parts.
    pub home: Home,
    /// Its folder, removed with it.
    pub dir: TempDir,
}

/// A reply, as it came.
#[derive(Debug, Default)]
pub struct Reply {
    /// All events.
    pub events: Vec<Event>,
}

impl Reply {
    /// Its text, without sources.
    pub fn text(&self) -> String {
        let pieces = self.events.iter().filter_map(|event| match event {
            Event::Text { delta } => Some(delta.as_str()),
            Event::Failed { sentence } => Some(sentence.as_str()),
            _ => None,
        });
        pieces.collect()
    }

    /// Its sources.
    pub fn sources(&self) -> Vec<chat::Source> {
        let sources = self.events.iter().filter_map(|event| match event {
            Event::Sources { sources } => Some(sources.clone()),
            _ => None,
        });
        sources.flatten().collect()
    }
}

impl World {
    /// An empty library without a language model: starts in a second.
    pub async fn library() -> Self {
        Self::open(Needs::Library).await
    }

    /// An empty library with the language model.
    pub async fn start() -> Self {
        Self::open(Needs::Everything).await
    }

    async fn open(needs: Needs) -> Self {
        tokio::task::spawn_blocking(models).await.expect("fetching does not panic");
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = Home::open(&settings(dir.path()), needs).await.expect("an empty folder opens");
        Self { home, dir }
    }

    /// Reads a file or folder into the community's library.
    pub async fn ingest(&self, path: &Path) -> Report {
        let bar = indicatif::ProgressBar::hidden();
        let (scope, stop) = (self.home.community(), CancellationToken::new());
        ingest::ingest(&self.home.library(), &[path.to_owned()], &scope, &bar, &stop)
            .await
            .expect("ingest goes through")
    }

    /// Says a line at the console and collects the reply.
    pub async fn says(&self, text: &str) -> Reply {
        let (dispatch, _) = self.home.host();
        let mut events = dispatch.message(self.message(text)).await;
        let mut reply = Reply::default();
        while let Some(event) = events.next().await {
            reply.events.push(event);
        }
        reply
    }

    /// A message of the operator at the console.
    pub fn message(&self, text: &str) -> Message {
        let seat = self.home.seat();
        let at = server::now();
        Message {
            id: format!("{at}").as_str().into(),
            place: seat.place,
            author: seat.member,
            text: text.to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: true,
            at,
        }
    }
}
