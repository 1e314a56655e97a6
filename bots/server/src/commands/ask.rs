//! `ask` and `chat`: the console in front of the host.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use chat::{Platform, ports::Inbox};
use console::{Ended, Renderer};

use crate::{
    home::{Home, Needs},
    progress::{complain, say},
    settings::Settings,
};

/// Asks one question.
pub async fn run(settings: &Settings, question: &str) -> anyhow::Result<bool> {
    let home = Home::open(settings, Needs::Everything).await?;
    apologise(&home).await?;
    let (dispatch, transcript) = home.host();
    let mut renderer = Renderer::new(io::stdout(), io::stdout().is_terminal());
    // Through the same door as a chat line, as an explicit command: a question may begin with any word.
    let line = format!("/ask {question}");
    let ended = console::ask(&dispatch, &transcript, &home.seat(), &line, &mut renderer).await?;
    dispatch.settled().await;
    drop(dispatch);
    home.close().await?;
    Ok(ended == Ended::Done)
}

/// Chats until the input ends.
pub async fn chat(settings: &Settings) -> anyhow::Result<bool> {
    let home = Home::open(settings, Needs::Everything).await?;
    converse(home).await
}

/// Chats with an opened home.
pub async fn converse(home: Home) -> anyhow::Result<bool> {
    apologise(&home).await?;
    if io::stdin().is_terminal() {
        say(
            "Ask a question. `line 2` shows a source in its place, `help` lists the commands, Ctrl-C stops an answer, \
             Ctrl-D leaves.\n",
        );
    }
    let (dispatch, transcript) = home.host();
    let all = console::converse(Arc::clone(&dispatch), transcript, home.seat()).await?;
    dispatch.settled().await;
    drop(dispatch);
    home.close().await?;
    Ok(all)
}

/// Says what a process that died left unanswered, once.
async fn apologise(home: &Home) -> anyhow::Result<()> {
    let unfinished = home.store.unfinished(&home.seat().place.community).await?;
    // The other platforms' apologies are their frontends' business.
    for message in unfinished.into_iter().filter(|message| message.place.platform == Platform::Console) {
        let text = message.text.strip_prefix("/ask ").unwrap_or(&message.text);
        let head: String = text.chars().take(80).collect();
        complain(&format!("I was interrupted while answering “{head}”; please ask again."));
        Inbox::close(&home.store, &message).await?;
    }
    Ok(())
}
