//! `matrix setup`: logs in once, and shows the recovery key once.

use std::fs;

use anyhow::{Context, bail};
use matrix::{Existing, Login};

use crate::{
    cli::MatrixCommand,
    connect,
    progress::say,
    settings::{Settings, variable},
};

/// Runs it.
pub async fn run(settings: &Settings, command: MatrixCommand) -> anyhow::Result<bool> {
    let MatrixCommand::Setup { recovery_key_file, replace } = command;
    let Some(wanted) = connect::matrix(settings)? else {
        bail!("`matrix.homeserver` is empty; set it and `matrix.user`, then run this again");
    };
    let login = match (variable("COLLOQUY_MATRIX_PASSWORD"), variable("COLLOQUY_MATRIX_TOKEN")) {
        (Some(password), _) => Login::Password(password),
        (None, Some(token)) => Login::Token(token),
        (None, None) => {
            bail!(
                "the account's password is missing: set COLLOQUY_MATRIX_PASSWORD (or COLLOQUY_MATRIX_TOKEN) for this run"
            )
        }
    };
    let recovery = match &recovery_key_file {
        None => None,
        Some(file) => {
            let read = fs::read_to_string(file);
            Some(read.with_context(|| format!("the recovery key cannot be read from {}", file.display()))?)
        }
    };
    let existing = if replace { Existing::Replace } else { Existing::Keep };
    let done = matrix::setup(&wanted, login, recovery, existing).await?;
    say(&format!("{} is set up as device {}", done.user, done.device));
    if let Some(key) = done.recovery_key {
        say("");
        say(
            "The recovery key, shown this once: keep it where this machine's disk does not reach. Without it, a lost data",
        );
        say("folder loses what encrypted rooms said before.");
        say("");
        say(&format!("    {key}"));
        say("");
    }
    say("`colloquy serve` answers from now on; invite the account to a room.");
    Ok(true)
}
