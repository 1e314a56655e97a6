//! The Discord frontend: native events in, replies out. No logic.
//!
//! Read [`Discord`], then `gateway` (the events), `messages` and `interactions` (what becomes of them), `screen` (how a
//! reply gets there); `definition`, `invoke`, `hear`, `body`, `address` and `snowflake` are the functions they call,
//! `guilds` and `sight` know who sees what, and `members`, `history` and `files` are the ports that Discord fills.
//!
//! **Invariant:** no type of serenity leaves this crate, and no error or log line of it holds a token.

mod connect;
mod run;
mod gateway;
mod hub;
mod messages;
mod interactions;
mod asked;
mod register;
mod definition;
mod invoke;
mod hear;
mod screen;
mod address;
mod body;
mod write;
mod rest;
mod wire;
mod snowflake;
mod guilds;
mod sight;
mod lately;
mod members;
mod history;
mod files;
mod check;
mod error;
#[cfg(test)]
mod double;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use chat::{CommunityId, error::chain, ports};

use frontend::{Bell, Naming, Notifier};
use zeroize::Zeroizing;

use crate::{files::Files, guilds::Guilds, history::History, members::DiscordMembers, rest::Rest, sight::Sight};

pub use check::check;
pub use error::DiscordError;

/// Between two edits of an answer: below that, Discord's own limits would space them.
const EDIT_GAP: Duration = Duration::from_millis(1_200);

/// How long answers may go on after the word to stop, where nothing else is said.
const DRAIN: Duration = Duration::from_secs(20);

/// How the bot stands on Discord. No `Debug`: the token is in it.
#[derive(Clone)]
pub struct Settings {
    /// The bot's token: a secret.
    pub token: Zeroizing<String>,
    /// What stands in for Discord: an address without a path. None for Discord itself.
    pub api_base: Option<String>,
    /// Who shares the library.
    pub community: CommunityId,
    /// The servers that are served; all that the bot is in where it is empty.
    pub guilds: Vec<u64>,
    /// Roles of servers that make a moderator, beside the right to manage the server.
    pub moderator_roles: Vec<u64>,
    /// Persons who run the machine.
    pub operators: Vec<u64>,
    /// The least time between two edits of an answer.
    pub edit_gap: Duration,
    /// Whether to ask for the content of messages that are not meant for the bot: a privileged intent.
    pub message_content: bool,
    /// How long answers may go on after the word to stop.
    pub drain: Duration,
}

impl Settings {
    /// The defaults.
    pub fn new(token: Zeroizing<String>, community: CommunityId) -> Self {
        Self {
            token,
            api_base: None,
            community,
            guilds: Vec::new(),
            moderator_roles: Vec::new(),
            operators: Vec::new(),
            edit_gap: EDIT_GAP,
            message_content: false,
            drain: DRAIN,
        }
    }
}

/// The bot's own user, once Discord said which.
type Me = Arc<OnceLock<u64>>;

/// The bot, not yet listening.
pub struct Discord {
    settings: Settings,
    rest: Arc<Rest>,
    me: Me,
    guilds: Arc<Guilds>,
    sight: Arc<Sight>,
    members: Arc<DiscordMembers>,
    bell: Bell,
}

impl Discord {
    /// Asks Discord who the bot is. Where Discord is away it is asked again by [`Discord::run`].
    ///
    /// # Errors
    /// [`DiscordError`], which says what to mend: a wrong token, an address that leads elsewhere.
    pub async fn connect(settings: Settings) -> Result<Self, DiscordError> {
        let rest = Arc::new(connect::rest(&settings)?);
        let guilds = Arc::new(Guilds::new(settings.guilds.clone()));
        let (operators, moderators) = (settings.operators.clone(), settings.moderator_roles.clone());
        let sight = Arc::new(Sight::new(Arc::clone(&rest), Arc::clone(&guilds)));
        let members = Arc::new(DiscordMembers::new(Arc::clone(&rest), Arc::clone(&sight), operators, moderators));
        let discord = Self { settings, rest, me: Me::default(), guilds, sight, members, bell: Bell::default() };
        match discord.sign_in().await {
            Err(error @ DiscordError::Away { .. }) => {
                tracing::warn!(error = %chain(&error), "Discord is away; it is waited for");
            }
            done => done.map(drop)?,
        }
        Ok(discord)
    }

    /// Asks Discord who the bot is, until it said so.
    async fn sign_in(&self) -> Result<u64, DiscordError> {
        if let Some(me) = self.me.get() {
            return Ok(*me);
        }
        let known = connect::who(&self.rest).await?;
        connect::gateway(&self.rest, &self.settings).await?;
        tracing::info!(name = known.name, id = known.id, "signed in to Discord");
        Ok(*self.me.get_or_init(|| known.id))
    }

    /// Who may what on Discord.
    pub fn members(&self) -> Arc<dyn ports::Members> {
        self.members.clone()
    }

    /// What was said on Discord.
    pub fn archive(&self) -> Arc<dyn ports::Archive> {
        Arc::new(History::new(Arc::clone(&self.rest), Arc::clone(&self.sight), Arc::clone(&self.me)))
    }

    /// What is said on Discord without having been asked, by way of this outbox.
    pub fn notify(&self, outbox: Arc<dyn ports::Outbox>) -> Arc<dyn ports::Notify> {
        let naming = Naming {
            person: |member| snowflake::number(&member.0).map_or_else(|| "somebody".to_owned(), snowflake::mention),
            place: |place| format!("<#{}>", place.thread.as_ref().map_or(&place.room.0, |thread| &thread.0)),
        };
        Arc::new(Notifier::new(screen::STYLE, naming, outbox, self.bell.clone()))
    }

    /// The files of Discord's messages.
    pub fn attachments(&self) -> Arc<dyn ports::Attachments> {
        Arc::new(Files::new(self.settings.api_base.clone()))
    }
}
