//! `try`: the main job on a machine that has nothing yet.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use anyhow::bail;
use console::{Ended, Renderer};
use inference::{
    Fetcher,
    catalogue::{EMBEDDER_DEFAULT, GENERATOR_DEFAULT},
};

use super::{ask, ingest, models};
use crate::{
    home::{Home, Needs, catalogue},
    progress::say,
    settings::Settings,
};

/// Three questions that the sample papers answer, and one that they do not.
const QUESTIONS: [&str; 4] = [
    "How is conversation disentanglement annotated, and how large is the new dataset?",
    "How can explanations of ethical reasoning by language models be refined?",
    "How do I book the GPU server?",
    "What is the boiling point of mercury on Mars?",
];

/// Fetches, ingests, asks, and stays open as a chat on a terminal.
pub async fn run(mut settings: Settings, samples: Option<PathBuf>) -> anyhow::Result<bool> {
    // A library of its own: trying it leaves the configured one alone.
    settings.aside("try");
    settings.models.generate = GENERATOR_DEFAULT.to_owned();
    settings.models.embed = EMBEDDER_DEFAULT.to_owned();
    settings.models.translators.clear();
    let samples =
        samples.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/library")));
    if !samples.is_dir() {
        bail!("the sample papers are not at {}; name a folder of papers with --samples", samples.display());
    }
    let (catalogue, fetcher) = (catalogue(&settings)?, Fetcher::new(settings.models_dir()));
    for name in [EMBEDDER_DEFAULT, GENERATOR_DEFAULT] {
        models::fetch(&fetcher, catalogue.get(name)?).await?;
    }
    let home = Home::open(&settings, Needs::Everything).await?;
    let report = ingest::with_bar(&home, &[samples], &home.community()).await?;
    ingest::print(&report);
    if report.interrupted {
        return Ok(false);
    }
    say("");
    let (dispatch, transcript) = home.host();
    let mut all = true;
    for question in QUESTIONS {
        say(&format!("> {question}"));
        let mut renderer = Renderer::new(io::stdout(), io::stdout().is_terminal());
        // Each by itself: the questions are no conversation.
        let ended =
            console::ask(&dispatch, &transcript, &home.seat(), &format!("/ask {question}"), &mut renderer).await?;
        all &= ended != Ended::Failed;
    }
    dispatch.settled().await;
    drop((dispatch, transcript));
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(ask::converse(home).await? && all);
    }
    home.close().await?;
    Ok(all)
}
