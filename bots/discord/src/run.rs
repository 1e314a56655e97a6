//! Listens to Discord until it is told to stop: one gateway client, started anew where it ends by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chat::{
    error::chain,
    ports::{Dispatch, Inbox, Outbox, PluginData},
};
use frontend::{Driver, Ready};
use serenity::{
    Client,
    all::{ClientBuilder, GatewayError, GatewayIntents},
    cache,
    gateway::{ConnectionStage, ShardManager},
};
use tokio_util::sync::CancellationToken;

use crate::{Discord, DiscordError, connect, hub::Hub, screen::DiscordScreen, wire};

/// The first wait before a gateway client that ended is started anew; each further one is twice as long.
const RESTART: Duration = Duration::from_secs(2);

/// The longest such wait.
const RESTART_MAX: Duration = Duration::from_secs(60);

/// How long no shard may be connected before the client is made anew: serenity sets its connecting no limit.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why the gateway is not listened to any more.
enum Ended {
    /// It was told to stop.
    Stopped,
    /// It can never work as it is.
    Wrong(DiscordError),
    /// It broke.
    Broke(String),
}

/// Ends when no shard has been connected for too long.
async fn disconnected(shards: &ShardManager) {
    let mut connected = Instant::now();
    while connected.elapsed() < CONNECT_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
        if shards.runners.lock().await.values().any(|runner| runner.stage == ConnectionStage::Connected) {
            connected = Instant::now();
        }
    }
}

impl Discord {
    /// Answers what happens on Discord until `shutdown`; then lets the answers that grow come to their end, and leaves.
    ///
    /// # Errors
    /// [`DiscordError`] where Discord does not let the bot in; a connection that breaks is made anew.
    pub async fn run(
        self,
        dispatch: Arc<dyn Dispatch>,
        inbox: Arc<dyn Inbox>,
        outbox: Arc<dyn Outbox>,
        memory: Arc<dyn PluginData>,
        ready: Ready,
        shutdown: CancellationToken,
    ) -> Result<(), DiscordError> {
        let Some(me) = self.signed_in(&shutdown).await? else { return Ok(()) };
        let screen =
            Arc::new(DiscordScreen::new(Arc::clone(&self.rest), Arc::clone(&self.guilds), self.settings.edit_gap));
        let driver = Arc::new(Driver::new(screen, dispatch, inbox, Arc::clone(&outbox)).listening(self.bell.clone()));
        let hub = Arc::new(Hub {
            rest: Arc::clone(&self.rest),
            guilds: Arc::clone(&self.guilds),
            sight: Arc::clone(&self.sight),
            members: Arc::clone(&self.members),
            driver: Arc::clone(&driver),
            outbox,
            memory,
            community: self.settings.community.clone(),
            me,
            is_started: AtomicBool::new(false),
            hears_all: AtomicBool::new(false),
            ready,
        });
        let tending = tokio::spawn({
            let (driver, shutdown) = (Arc::clone(&driver), shutdown.clone());
            async move { driver.tend(shutdown).await }
        });
        let ended = self.listen(&hub, &driver, &shutdown).await;
        tending.abort();
        ended
    }

    /// Who the bot is, waited for while Discord is away; none where the word to stop came.
    async fn signed_in(&self, shutdown: &CancellationToken) -> Result<Option<u64>, DiscordError> {
        let mut wait = RESTART;
        loop {
            match self.sign_in().await {
                Ok(me) => return Ok(Some(me)),
                Err(error @ (DiscordError::Failed { .. } | DiscordError::Away { .. })) => {
                    tracing::warn!(error = %chain(&error), ?wait, "Discord is away; it is waited for");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RESTART_MAX),
            }
        }
    }

    async fn listen(&self, hub: &Arc<Hub>, driver: &Driver, shutdown: &CancellationToken) -> Result<(), DiscordError> {
        let mut wait = RESTART;
        let mut intents = GatewayIntents::GUILDS
            | GatewayIntents::GUILD_MESSAGES
            | GatewayIntents::GUILD_MESSAGE_REACTIONS
            | GatewayIntents::DIRECT_MESSAGES;
        if self.settings.message_content {
            intents |= GatewayIntents::MESSAGE_CONTENT;
        }
        loop {
            let opened = Instant::now();
            hub.hears_all.store(intents.contains(GatewayIntents::MESSAGE_CONTENT), Ordering::Relaxed);
            let ended = self.listen_once(hub, driver, intents, shutdown).await;
            (hub.ready)(false);
            let why = match ended {
                Ended::Stopped => return Ok(()),
                Ended::Wrong(error @ DiscordError::Intents) if intents.is_privileged() => {
                    // All but the history of channels works without.
                    tracing::error!(%error, "the bot goes on without the content of messages that are not for it");
                    intents -= GatewayIntents::MESSAGE_CONTENT;
                    continue;
                }
                Ended::Wrong(error) => return Err(error),
                Ended::Broke(why) => why,
            };
            if opened.elapsed() > RESTART_MAX {
                wait = RESTART;
            }
            tracing::warn!(why, ?wait, "the gateway of Discord ended; it is opened anew");
            tokio::select! {
                () = shutdown.cancelled() => {
                    driver.drain(self.settings.drain).await;
                    return Ok(());
                }
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RESTART_MAX),
            }
        }
    }

    async fn listen_once(
        &self,
        hub: &Arc<Hub>,
        driver: &Driver,
        intents: GatewayIntents,
        shutdown: &CancellationToken,
    ) -> Ended {
        let mut client = match self.client(hub, intents).await {
            Ok(client) => client,
            Err(error @ (DiscordError::Failed { .. } | DiscordError::Away { .. })) => {
                return Ended::Broke(chain(&error));
            }
            Err(error) => return Ended::Wrong(error),
        };
        let shards = Arc::clone(&client.shard_manager);
        let ended = tokio::select! {
            ended = client.start_autosharded() => ended,
            () = disconnected(&shards) => {
                shards.shutdown_all().await;
                return Ended::Broke("no shard came through to the gateway".to_owned());
            }
            () = shutdown.cancelled() => {
                // The shards live on in tasks of their own, so that nothing is missed while answers end.
                driver.drain(self.settings.drain).await;
                shards.shutdown_all().await;
                return Ended::Stopped;
            }
        };
        let why = match ended {
            Err(serenity::Error::Gateway(GatewayError::InvalidAuthentication)) => {
                return Ended::Wrong(DiscordError::Token);
            }
            Err(serenity::Error::Gateway(
                GatewayError::DisallowedGatewayIntents | GatewayError::InvalidGatewayIntents,
            )) => return Ended::Wrong(DiscordError::Intents),
            Err(error) => chain(&error),
            Ok(()) => "all shards ended".to_owned(),
        };
        // A shard that is left would go on beside the next client.
        shards.shutdown_all().await;
        Ended::Broke(why)
    }

    /// A gateway client, on the gateway that Discord names.
    async fn client(&self, hub: &Arc<Hub>, intents: GatewayIntents) -> Result<Client, DiscordError> {
        let gateway = connect::gateway(&self.rest, &self.settings).await?;
        // What we know of servers is in `guilds`; a second copy of it would only grow.
        let mut cache = cache::Settings::default();
        cache.max_messages = 0;
        cache.cache_guilds = false;
        cache.cache_channels = false;
        cache.cache_users = false;
        let http = wire::http(self.settings.token.trim(), self.settings.api_base.as_deref());
        let builder = ClientBuilder::new_with_http(http, intents).cache_settings(cache);
        let client = builder.event_handler_arc(Arc::clone(hub)).await;
        let client = client.map_err(|error| DiscordError::Failed { doing: "making a client", source: error.into() })?;
        // serenity falls back to the public gateway where its own question fails.
        *client.ws_url.lock().await = gateway;
        Ok(client)
    }
}
