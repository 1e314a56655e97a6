//! Listens to Discord until it is told to stop: one gateway client, started anew where it ends by itself.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::{Duration, Instant},
};

use chat::{
    error::chain,
    ports::{Dispatch, Inbox, Outbox, PluginData},
};
use frontend::Driver;
use serenity::{
    Client,
    all::{ClientBuilder, GatewayError, GatewayIntents},
    cache,
};
use tokio_util::sync::CancellationToken;

use crate::{Discord, DiscordError, connect, hub::Hub, screen::DiscordScreen, wire};

/// How long the answers that grow may go on after the stop.
const DRAIN: Duration = Duration::from_secs(20);

/// The first wait before a gateway client that ended is started anew; each further one is twice as long.
const RESTART: Duration = Duration::from_secs(2);

/// The longest such wait.
const RESTART_MAX: Duration = Duration::from_secs(60);

/// Why the gateway is not listened to any more.
enum Ended {
    /// It was told to stop.
    Stopped,
    /// It can never work as it is.
    Wrong(DiscordError),
    /// It broke.
    Broke(String),
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
        shutdown: CancellationToken,
    ) -> Result<(), DiscordError> {
        let screen = Arc::new(DiscordScreen::new(Arc::clone(&self.rest), self.settings.edit_gap));
        let driver = Arc::new(Driver::new(screen, dispatch, inbox, Arc::clone(&outbox)));
        let hub = Arc::new(Hub {
            rest: Arc::clone(&self.rest),
            guilds: Arc::clone(&self.guilds),
            members: Arc::clone(&self.members),
            driver: Arc::clone(&driver),
            outbox,
            memory,
            community: self.settings.community.clone(),
            me: self.me,
            is_started: AtomicBool::new(false),
            edits: Mutex::default(),
        });
        let tending = tokio::spawn({
            let (driver, shutdown) = (Arc::clone(&driver), shutdown.clone());
            async move { driver.tend(shutdown).await }
        });
        let ended = self.listen(&hub, &driver, &shutdown).await;
        tending.abort();
        ended
    }

    async fn listen(&self, hub: &Arc<Hub>, driver: &Driver, shutdown: &CancellationToken) -> Result<(), DiscordError> {
        let mut wait = RESTART;
        loop {
            let opened = Instant::now();
            let why = match self.listen_once(hub, driver, shutdown).await {
                Ended::Stopped => return Ok(()),
                Ended::Wrong(error) => return Err(error),
                Ended::Broke(why) => why,
            };
            if opened.elapsed() > RESTART_MAX {
                wait = RESTART;
            }
            tracing::warn!(why, ?wait, "the gateway of Discord ended; it is opened anew");
            tokio::select! {
                () = shutdown.cancelled() => {
                    driver.drain(DRAIN).await;
                    return Ok(());
                }
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RESTART_MAX),
            }
        }
    }

    async fn listen_once(&self, hub: &Arc<Hub>, driver: &Driver, shutdown: &CancellationToken) -> Ended {
        let mut client = match self.client(hub).await {
            Ok(client) => client,
            Err(error @ DiscordError::Failed { .. }) => return Ended::Broke(chain(&error)),
            Err(error) => return Ended::Wrong(error),
        };
        let shards = Arc::clone(&client.shard_manager);
        let ended = tokio::select! {
            ended = client.start_autosharded() => ended,
            () = shutdown.cancelled() => {
                // The shards live on in tasks of their own, so that nothing is missed while answers end.
                driver.drain(DRAIN).await;
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
    async fn client(&self, hub: &Arc<Hub>) -> Result<Client, DiscordError> {
        let gateway = connect::gateway(&self.rest, &self.settings).await?;
        let mut intents = GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES | GatewayIntents::DIRECT_MESSAGES;
        if self.settings.message_content {
            intents |= GatewayIntents::MESSAGE_CONTENT;
        }
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
