//! `colloquy serve` as a process of its own, beside real peers.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::peers::PATIENCE;

/// How often it is looked whether something has happened.
const POLL: Duration = Duration::from_millis(50);

/// How long a stop may take before it is a failure.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// A data folder, how it is configured, and the process that serves it. Dropping it kills the process and prints the
/// end of its log, which the test runner shows where the test failed.
pub struct Served {
    dir: TempDir,
    flags: Vec<String>,
    secrets: Vec<(String, String)>,
    process: Option<Child>,
}

impl Served {
    /// A data folder that is not served yet. `keys` are configuration keys with their values, `secrets` variables.
    pub fn new(keys: &[(&str, &str)], secrets: &[(&str, &str)]) -> Result<Self> {
        let mut flags = vec!["--set".to_owned(), "web.address=127.0.0.1:0".to_owned()];
        for (key, value) in keys {
            flags.extend(["--set".to_owned(), format!("{key}={value}")]);
        }
        let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(Self { dir: tempfile::tempdir()?, flags, secrets, process: None })
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("served.log")
    }

    /// Another command on the same folder with the same configuration; its output.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command();
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text: String =
            [output.stdout, output.stderr].iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        if !output.status.success() {
            bail!("{arguments:?} failed: {text}");
        }
        Ok(text)
    }

    fn command(&self) -> Command {
        let mut command = crate::colloquy(self.dir.path());
        command.args(&self.flags).envs(self.secrets.iter().map(|(name, value)| (name, value)));
        // The peers are on this machine: no proxy between.
        command.env("NO_PROXY", "127.0.0.1,localhost").env("no_proxy", "127.0.0.1,localhost");
        command
    }

    /// Serves it, until it says that it does.
    pub async fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let before = log.metadata()?.len();
        let mut command = self.command();
        let child = command.args(["-v", "serve"]).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.process = Some(child);
        self.wait_log(before, "serving;").await.context("colloquy does not serve")
    }

    /// Waits until the log holds `text` after the byte `from`.
    async fn wait_log(&mut self, from: u64, text: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let log = fs::read(self.log())?;
            let new = String::from_utf8_lossy(log.get(usize::try_from(from)?..).unwrap_or_default()).into_owned();
            if new.contains(text) {
                return Ok(());
            }
            let ended = self.process.as_mut().map(Child::try_wait).transpose()?.flatten();
            if let Some(status) = ended {
                bail!("it ended with {status}: {new}");
            }
            if started.elapsed() > PATIENCE {
                bail!("waited too long for `{text}` in: {new}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Goes on in a new data folder with what a backup holds; what was in the old one is lost.
    pub async fn restore(&mut self, backup: &Path) -> Result<String> {
        self.kill()?;
        self.dir = tempfile::tempdir()?;
        self.run(&["restore", backup.to_str().context("a backup has a name")?]).await
    }

    /// The process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Where its health and metrics are: `http://127.0.0.1:PORT`.
    pub fn web(&self) -> Result<String> {
        let said = self.said();
        let at = said.rfind("health and metrics on ").context("it serves no health")?;
        Ok(said[at..].split_whitespace().nth(4).context("no address")?.to_owned())
    }

    /// What it measures of itself, as Prometheus reads it.
    pub async fn metrics(&self) -> Result<String> {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(client.get(format!("{}/metrics", self.web()?)).send().await?.error_for_status()?.text().await?)
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has: whether it ended well.
    pub async fn stop(&mut self) -> Result<bool> {
        let Some(mut process) = self.process.take() else { return Ok(true) };
        // The standard library sends no signals but the one that kills.
        let asked = Command::new("kill").args(["-TERM", &process.id().to_string()]).status()?;
        anyhow::ensure!(asked.success(), "kill could not be run");
        let started = Instant::now();
        while started.elapsed() < STOP_WITHIN {
            if let Some(status) = process.try_wait()? {
                return Ok(status.success());
            }
            tokio::time::sleep(POLL).await;
        }
        process.kill()?;
        process.wait()?;
        bail!("it did not end: {}", self.said())
    }
}

#[expect(clippy::print_stderr, reason = "a test that fails is read there")]
impl Drop for Served {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
        let said = self.said();
        let start = said.char_indices().rev().nth(6_000).map_or(0, |(at, _)| at);
        eprintln!("--- the end of its log ---\n{}", &said[start..]);
    }
}
