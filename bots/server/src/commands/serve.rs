//! `serve`: the platforms, one core behind them, and what the operator's machines ask, until a signal.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use chat::{
    Platform,
    ports::{Dispatch, PluginData},
};
use discord::Discord;
use jiff::{Timestamp, ToSpan};
use matrix::Matrix;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Frontend,
    connect,
    home::{Home, Needs, SystemClock},
    people::Custodian,
    platforms::{Platforms, Rooms},
    progress::say,
    schedule::Ticker,
    settings::Settings,
};

/// How long answers are found again by their buttons, and what bridges said by who is forgotten; `privacy forget` names it.
const POSTS_KEPT_DAYS: i64 = 30;

/// How long requests in flight have to end.
const WEB_WITHIN: Duration = Duration::from_secs(5);

/// Between two sweeps of old posts.
const SWEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the last hash of the audit trail is printed: a trail that is cut off lacks it.
const NOTE_HEAD_EVERY: Duration = Duration::from_secs(60 * 60);

/// How often tokens that are over leave the outbox, and how far back they are looked for.
const END_SECRETS_EVERY: Duration = Duration::from_secs(60);
const SECRETS_WITHIN_HOURS: i64 = 24;

/// Between two looks at what rooms ordered.
const DUE_EVERY: Duration = Duration::from_secs(30);

/// Serves the named frontends, or all that are configured.
pub async fn run(settings: &Settings, only: &[Frontend]) -> anyhow::Result<bool> {
    let wanted = |frontend: Frontend| only.is_empty() || only.contains(&frontend);
    let discord = connect::discord(settings)?.filter(|_| wanted(Frontend::Discord));
    let matrix = connect::matrix(settings)?.filter(|_| wanted(Frontend::Matrix));
    if discord.is_none() && matrix.is_none() {
        bail!(
            "there is nothing to serve: set COLLOQUY_DISCORD_TOKEN for Discord, or matrix.homeserver and run \
             `colloquy matrix setup` for Matrix"
        );
    }
    let shutdown = CancellationToken::new();
    // Nobody may be left to ask.
    let (ready, waiting) = watch::channel(vec!["start".to_owned()]);
    let mut web = JoinSet::new();
    if !settings.web.address.is_empty() {
        let metrics = web::Metrics::install()?;
        let listener = TcpListener::bind(&settings.web.address).await;
        let listener = listener.with_context(|| format!("cannot listen on web.address, {}", settings.web.address))?;
        let address = listener.local_addr()?;
        if let Some(sentence) = exposed(address, settings.web.open) {
            bail!(sentence);
        }
        say(&format!("health and metrics on http://{address}"));
        web.spawn(web::serve(listener, metrics, waiting, shutdown.clone().cancelled_owned()));
    }

    let home = Home::open(settings, Needs::Everything).await?;
    let mut platforms = Platforms::default();
    let discord = match discord {
        None => None,
        Some(settings) => {
            let discord = Discord::connect(settings).await?;
            let rooms =
                Rooms { members: discord.members(), archive: discord.archive(), attachments: discord.attachments() };
            platforms.add(Platform::Discord, rooms);
            platforms.notify_by(Platform::Discord, discord.notify(Arc::new(home.store.clone())));
            Some(discord)
        }
    };
    let matrix = match matrix {
        None => None,
        Some(settings) => {
            let matrix = Matrix::connect(settings).await?;
            let rooms =
                Rooms { members: matrix.members(), archive: matrix.archive(), attachments: matrix.attachments() };
            platforms.add(Platform::Matrix, rooms);
            platforms.notify_by(Platform::Matrix, matrix.notify(Arc::new(home.store.clone())));
            Some(matrix)
        }
    };
    if let Some(generator) = &home.generator {
        generator.ready().await?;
    }
    let archive = Arc::new(platforms.clone());
    let dispatch = home.host_of(platforms.clone());
    let ticker = Ticker::new(home.store.clone(), Arc::clone(&dispatch), platforms, Arc::new(SystemClock));
    let mut frontends = JoinSet::new();
    let missing = [("discord", discord.is_some()), ("matrix", matrix.is_some())];
    let missing = missing.into_iter().filter(|(_, is_served)| *is_served).map(|(name, _)| name.to_owned());
    let _ = ready.send(missing.collect());
    let ready = Arc::new(ready);
    let readiness = |name: &'static str| {
        let ready = Arc::clone(&ready);
        Arc::new(move |is_ready: bool| {
            ready.send_if_modified(|waiting| {
                let is_known = waiting.iter().any(|other| other == name);
                match is_ready {
                    true => waiting.retain(|other| other != name),
                    false if !is_known => waiting.push(name.to_owned()),
                    false => {}
                }
                is_known == is_ready
            });
        })
    };
    let store = Arc::new(home.store.clone());
    if let Some(discord) = discord {
        let memory: Arc<dyn PluginData> = store.clone();
        let run = discord.run(
            Arc::clone(&dispatch),
            store.clone(),
            store.clone(),
            memory,
            readiness("discord"),
            shutdown.clone(),
        );
        frontends.spawn(async move { ("discord", run.await.map_err(anyhow::Error::from)) });
    }
    if let Some(matrix) = matrix {
        let (library, ready) = (home.acquirer(), readiness("matrix"));
        let run = matrix.run(Arc::clone(&dispatch), store.clone(), store.clone(), library, ready, shutdown.clone());
        frontends.spawn(async move { ("matrix", run.await.map_err(anyhow::Error::from)) });
    }
    let said_last = CancellationToken::new();
    let keeping = tokio::spawn({
        let (keeper, said_last) = (Arc::clone(&home.chronicle), said_last.clone());
        async move { keeper.tend(archive, said_last).await }
    });
    let ticking = tokio::spawn(ticker.run(DUE_EVERY, shutdown.clone()));
    let tending = tokio::spawn({
        let (custodian, shutdown) = (Custodian::new(&home), shutdown.clone());
        async move { custodian.tend(shutdown).await }
    });
    say("serving; Ctrl-C or SIGTERM ends it");
    let done = attend(&mut frontends, &home, &shutdown).await;
    let _ = ready.send(vec!["the end".to_owned()]);
    shutdown.cancel();
    while let Some(ended) = frontends.join_next().await {
        report(ended);
    }
    let _ = ticking.await;
    let _ = tending.await;
    settle(dispatch, Duration::from_secs(settings.web.drain_seconds)).await;
    // What was heard to the last is written.
    said_last.cancel();
    let _ = keeping.await;
    // A request that never ends keeps nobody.
    let _ = tokio::time::timeout(WEB_WITHIN, web.join_all()).await;
    home.close().await?;
    Ok(done)
}

/// Until a signal (true) or the end of a frontend (false).
async fn attend(
    frontends: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
    home: &Home,
    shutdown: &CancellationToken,
) -> bool {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut noting = tokio::time::interval(NOTE_HEAD_EVERY);
    let mut secrets = tokio::time::interval(END_SECRETS_EVERY);
    // All of them first; then those of answers that may be so young.
    let mut since = Timestamp::MIN;
    loop {
        tokio::select! {
            () = signal() => return true,
            () = shutdown.cancelled() => return true,
            Some(ended) = frontends.join_next() => {
                report(ended);
                // The other platforms go on.
                if frontends.is_empty() {
                    return false;
                }
            }
            _ = noting.tick() => {
                match home.store.audit_head().await {
                    Ok((events, head)) if events > 0 => {
                        say(&format!("audit: {events} events, head {head}; `audit verify --head` checks it"));
                    }
                    Ok(_) => {}
                    Err(error) => tracing::warn!(error = %chat::error::chain(&error), "could not note the audit's head"),
                }
            }
            _ = secrets.tick() => {
                let now = crate::now();
                match home.store.end_secrets(since, now).await {
                    Ok(_) => since = now - SECRETS_WITHIN_HOURS.hours(),
                    Err(error) => {
                        tracing::warn!(error = %chat::error::chain(&error), "could not remove tokens that are over");
                    }
                }
            }
            _ = sweep.tick() => {
                let before = crate::now() - (24 * POSTS_KEPT_DAYS).hours();
                if let Err(error) = home.store.forget_seen(before).await {
                    tracing::warn!(error = %chat::error::chain(&error), "could not forget the ids of old messages");
                }
                if let Err(error) = home.store.forget_posts(before).await {
                    tracing::warn!(error = %chat::error::chain(&error), "old posts could not be forgotten");
                }
                if let Err(error) = home.chronicle.sweep(crate::now()).await {
                    tracing::warn!(error = %chat::error::chain(&error), "what rooms keep no longer was not forgotten");
                }
            }
        }
    }
}

fn report(ended: Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>) {
    match ended {
        Ok((_, Ok(()))) => {}
        Ok((frontend, Err(error))) => crate::progress::complain(&format!("{frontend}: {error:#}")),
        Err(error) => crate::progress::complain(&format!("a frontend broke: {error}")),
    }
}

/// Why the operator's machines may not be answered at `address`; none where they may.
fn exposed(address: SocketAddr, open: bool) -> Option<String> {
    (!open && !address.ip().to_canonical().is_loopback()).then(|| {
        format!(
            "web.address is {address}, which other machines reach, and nobody is asked for a password there; listen on \
             127.0.0.1, or set web.open = true"
        )
    })
}

async fn settle(dispatch: Arc<dyn Dispatch>, within: Duration) {
    if tokio::time::timeout(within, dispatch.settled()).await.is_err() {
        tracing::warn!("answers in the making were left behind; who asked is told at the next start");
    }
}

/// SIGINT or SIGTERM.
pub(super) async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a signal there is nothing to wait for: the process is ended from outside.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_answered_unless_the_operator_opens_it() {
        let may = |address: &str, open| exposed(address.parse().unwrap(), open).is_none();
        for here in ["127.0.0.1:8642", "127.3.2.1:1", "[::1]:8642", "[::ffff:127.0.0.1]:8642"] {
            assert!(may(here, false) && may(here, true), "{here}");
        }
        for elsewhere in ["0.0.0.0:8642", "[::]:8642", "192.168.1.2:80", "[fe80::1]:80", "[::ffff:10.0.0.1]:80"] {
            assert!(!may(elsewhere, false) && may(elsewhere, true), "{elsewhere}");
        }
    }
}
