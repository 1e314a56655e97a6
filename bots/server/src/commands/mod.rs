//! The commands: what the command line names, done.
//!
//! Each returns whether it did what was asked; an error is the sentence for the operator.

mod ask;
mod audit;
mod backup;
mod doctor;
mod eval;
mod eval_coauthor;
mod eval_disentangle;
mod eval_match;
mod eval_qa;
mod eval_recommend;
mod eval_summary;
mod eval_translation;
mod ingest;
mod library;
mod matrix_setup;
mod models;
mod replay;
mod restore;
mod serve;
mod texts;
mod train;
mod try_it;

use crate::{
    cli::{Command, Eval},
    progress,
    settings::{DEFAULTS, Settings},
};

/// Runs one command.
pub async fn run(command: Command, settings: Settings) -> anyhow::Result<bool> {
    match command {
        Command::Try { samples } => try_it::run(settings, samples).await,
        Command::Ingest { paths, scope, report } => ingest::run(&settings, &paths, scope, report.as_deref()).await,
        Command::Ask { question } => ask::run(&settings, &question.join(" ")).await,
        Command::Chat => ask::chat(&settings).await,
        Command::Serve { only } => serve::run(&settings, &only).await,
        Command::Matrix(command) => matrix_setup::run(&settings, command).await,
        Command::Library(command) => library::run(&settings, command).await,
        Command::Models(command) => models::run(settings, command).await,
        Command::Config => {
            progress::say(DEFAULTS.trim_end());
            Ok(true)
        }
        Command::Train(command) => train::run(&settings, command).await,
        Command::Backup { file } => backup::run(&settings, &file).await,
        Command::Restore { file, decisions } => restore::run(&settings, &file, decisions.as_deref()).await,
        Command::Audit(command) => audit::run(&settings, command).await,
        Command::Replay { call } => replay::run(&settings, &call).await,
        Command::Doctor { deep } => doctor::run(&settings, deep).await,
        Command::Eval(Eval::Retrieval(options)) => eval::run(&settings, &options).await,
        Command::Eval(Eval::Translation { to, source, reference, glossary, limit }) => {
            eval_translation::run(&settings, &to, &source, &reference, glossary.as_deref(), limit).await
        }
        Command::Eval(Eval::Match { dir }) => eval_match::run(&settings, &dir).await,
        Command::Eval(Eval::Coauthor { file, until, papers_min }) => {
            eval_coauthor::run(&settings, &file, until, papers_min).await
        }
        Command::Eval(Eval::Recommend { dir, limit }) => eval_recommend::run(&settings, &dir, limit).await,
        Command::Eval(Eval::Disentangle { dir }) => eval_disentangle::run(&settings, &dir).await,
        Command::Eval(Eval::Summary { file, limit }) => eval_summary::run(&settings, &file, limit).await,
        Command::Eval(Eval::Qa { file, library }) => eval_qa::run(&settings, &file, &library).await,
    }
}
