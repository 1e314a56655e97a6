//! The composition root: settings and a command line in, the crates joined, one process out.
//!
//! Read [`cli`] (what there is), [`settings`] (how it is configured), [`home`] (how the parts are joined), then the
//! commands. Nothing but this crate joins crates.

// The futures of the Matrix SDK nest deeper than the default limit.
#![recursion_limit = "256"]

pub mod cli;
pub mod settings;
pub mod home;
pub mod platforms;
pub mod connect;
pub mod apart;
pub mod ingest;
mod fetch;
mod acquire;
pub mod chronicle;
pub mod matching;
pub mod people;
pub mod decisions;
pub mod schedule;
pub mod reading;
pub mod versions;
mod commands;
mod progress;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

/// Exit code of a command that failed.
const FAILED: u8 = 1;
/// Exit code of a command line or configuration that is wrong.
const USAGE: u8 = 2;

/// Runs the command line; the exit code is 0 where it was done, 1 where it failed, 2 where it was wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Whatever is written from here on is for this account alone: papers, messages and keys are in it.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Before anything else: this process is there for one file of a stranger, and takes no part in all the rest.
    if arguments.get(1).is_some_and(|word| word == apart::READ_ONE) {
        return apart::child::run();
    }
    let cli = match cli::Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own words, help included; that they cannot be printed changes nothing.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    progress::log_to_stderr(cli.verbose, cli.log_json);
    let settings = match settings::Settings::load(&cli) {
        Ok(settings) => settings,
        Err(error) => {
            progress::complain(&error.to_string());
            return ExitCode::from(USAGE);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            progress::complain(&format!("the async runtime cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let ended = runtime.block_on(commands::run(cli.command, settings));
    // A language model may still be at a token that nobody waits for.
    runtime.shutdown_background();
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            progress::complain(&format!("{error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// The time of the system's clock.
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
