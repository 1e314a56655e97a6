//! Real servers for the bots: Synapse for Matrix, YEPCord for Discord, and humans on them with clients not of ours.
//!
//! `gateway.rs` alone is a double, of what no server can be told to do.
//!
//! Read `synapse.rs` and `matrix.rs`, or `yepcord.rs` and `discord.rs`; the others make their Python, run them and talk
//! to them. What they run lies in `tests/peers`, where the READMEs say what each peer is evidence for.
//!
//! Every peer listens on 127.0.0.1 alone, on ports of its own, and keeps its state in a temporary folder. A value that
//! is dropped takes its processes with it; in a test that fails it prints the end of their logs.

pub mod synapse;
pub mod matrix;
pub mod yepcord;
pub mod discord;
pub mod gateway;
mod talk;
mod process;
mod environment;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::process::Command;

/// How long anything of a peer may take: the machine may be busy building.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How often a peer is asked whether something has happened yet.
const POLL: Duration = Duration::from_millis(50);

/// A file of `tests/peers`.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// A port that nobody has now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// A command of a peer's Python that leaves no bytecode in the source tree.
fn python(python: &Path, script: &Path) -> Command {
    let mut command = Command::new(python);
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script);
    command
}

/// A client for this machine alone: the operator's proxies are no business of the tests.
fn http() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?)
}

/// A member of a peer's answer that must be text.
fn text(answer: &Value, key: &str) -> Result<String> {
    Ok(answer[key].as_str().with_context(|| format!("no `{key}` in {answer}"))?.to_owned())
}
