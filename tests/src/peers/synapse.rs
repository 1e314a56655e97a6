//! A real homeserver, in a temporary folder and without federation.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{
    environment::{self, NIO, SYNAPSE},
    free_port,
    matrix::{Human, Seat},
    process::{Process, output},
    python, script, text,
};

/// The name of the homeserver.
pub const SERVER_NAME: &str = "localhost";

/// How much a client may ask of the homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// As much as it likes.
    Off,
    /// As much as Synapse allows by default, one message in five seconds after the first ten.
    Default,
}

/// A homeserver in a temporary folder.
pub struct Synapse {
    python: PathBuf,
    nio: PathBuf,
    folder: TempDir,
    port: u16,
    process: Option<Process>,
}

impl Synapse {
    /// Starts an empty homeserver and waits until it answers.
    pub async fn start(limits: Limits) -> Result<Self> {
        let (python, nio) = (environment::interpreter(&SYNAPSE).await?, environment::interpreter(&NIO).await?);
        let mut synapse = Self { python, nio, folder: tempfile::tempdir()?, port: free_port()?, process: None };
        let mut command = synapse.tool("configure");
        command.arg(synapse.home()).arg(synapse.port.to_string()).args(["--name", SERVER_NAME]);
        if limits == Limits::Default {
            command.arg("--limits");
        }
        output(&mut command, "configure Synapse").await?;
        synapse.launch().await?;
        Ok(synapse)
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The full id of a local user.
    pub fn user_id(&self, name: &str) -> String {
        format!("@{name}:{SERVER_NAME}")
    }

    /// The password of a registered user.
    pub fn password(&self, name: &str) -> String {
        format!("pw-{name}")
    }

    /// Makes an account and gives back its full id.
    pub async fn register(&self, name: &str) -> Result<String> {
        let mut command = self.tool("register");
        command.args([self.base(), name.to_owned(), self.password(name)]);
        let made: Value = serde_json::from_str(&output(&mut command, "register a user").await?)?;
        text(&made, "user_id")
    }

    /// Makes an account and logs a human in.
    pub async fn human(&self, name: &str) -> Result<Human> {
        self.register(name).await?;
        self.device(name, "first").await
    }

    /// Logs a registered human in on a device; `label` tells its devices apart.
    pub async fn device(&self, name: &str, label: &str) -> Result<Human> {
        let folder = self.folder.path().join(format!("{name}-{label}"));
        let seat = Seat {
            nio: self.nio.clone(),
            base: self.base(),
            folder,
            name: name.to_owned(),
            password: self.password(name),
        };
        Human::sit(seat).await
    }

    /// Ends the homeserver as an operator does.
    pub async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Ends the homeserver at once, as a power cut does.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it if it runs and starts it again with the same state, at the same address.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> Result<()> {
        let mut command = Command::new(&self.python);
        command.args(["-I", "-m", "synapse.app.homeserver", "--config-path"]).arg(self.home().join("homeserver.yaml"));
        // Isolated, and not from the tests' folder: what lies there would stand before installed modules.
        command.current_dir(self.folder.path());
        let mut process = Process::server("Synapse", &mut command, &self.folder.path().join("synapse.log"))?;
        process.ready(&format!("{}/health", self.base())).await?;
        self.process = Some(process);
        Ok(())
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("synapse")
    }

    fn tool(&self, verb: &str) -> Command {
        let mut command = python(&self.python, &script("matrix/homeserver.py"));
        command.arg(verb);
        command
    }
}
