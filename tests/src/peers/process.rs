//! A peer's process: started with its log in a file, polled until it answers, ended by signal.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

use super::{PATIENCE, POLL, http};

/// How long a process may take to end when asked to.
const GRACE: Duration = Duration::from_secs(10);

/// Lines of the log that are shown.
const SHOWN_LINES: usize = 40;

/// A running peer. Dropped, it is killed.
pub(super) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a server; what it says goes to the end of `log`.
    pub fn server(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = OpenOptions::new().create(true).append(true).open(log);
        command.stdin(Stdio::null()).stdout(out.with_context(|| format!("cannot write {}", log.display()))?);
        Self::start(name, command, log)
    }

    /// Starts a process that is talked to; only its errors go to the end of `log`.
    pub fn dialogue(name: &str, command: &mut Command, log: &Path) -> Result<(Self, ChildStdin, ChildStdout)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Self::start(name, command, log)?;
        let input = process.child.stdin.take().context("a piped input is there")?;
        let output = process.child.stdout.take().context("a piped output is there")?;
        Ok((process, input, output))
    }

    fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let errors = OpenOptions::new().create(true).append(true).open(log);
        command.stderr(errors.with_context(|| format!("cannot write {}", log.display()))?).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// Waits until `url` is answered with success.
    pub async fn ready(&mut self, url: &str) -> Result<()> {
        let (http, end) = (http()?, Instant::now() + PATIENCE);
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.tail());
            }
            let answer = http.get(url).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "{} does not answer:\n{}", self.name, self.tail());
            sleep(POLL).await;
        }
    }

    /// Ends the process as an operator does, and by force if it will not.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            // std knows no signal but the last one; every shell has `kill` built in.
            Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().await?;
            self.ended().await?;
        }
        Ok(())
    }

    /// Waits for an end that was asked for in another way, and forces it after a while.
    pub async fn ended(&mut self) -> Result<()> {
        if timeout(GRACE, self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }

    /// Ends the process at once, with no chance to tidy up.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test shows what its peers said")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of the log of {} ---\n{}", self.name, self.tail());
        }
    }
}

/// Runs a short command to its end and gives back what it printed.
pub(super) async fn output(command: &mut Command, doing: &str) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().await.with_context(|| format!("cannot {doing}"))?;
    ensure!(output.status.success(), "cannot {doing}:\n{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}
