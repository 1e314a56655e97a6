//! What the gateway's events have in common: where they happened, who is there, and the driver that answers them.

use std::sync::{Arc, atomic::AtomicBool};

use chat::{
    Audience, CallId, CommunityId, Manifest, MessageId, Place, Platform, RoomId, ThreadId, error::chain, ports,
};
use frontend::{Driver, Ready};
use serde::Deserialize;
use serenity::all::{ChannelId, ChannelType, GuildId, LightMethod, Route};

use crate::{
    guilds::{Guilds, Spot, is_thread},
    members::DiscordMembers,
    rest::{self, Rest},
};

/// All that an event needs.
pub struct Hub {
    /// Discord's HTTP interface.
    pub rest: Arc<Rest>,
    /// The servers.
    pub guilds: Arc<Guilds>,
    /// Who may what.
    pub members: Arc<DiscordMembers>,
    /// Takes replies to Discord.
    pub driver: Arc<Driver>,
    /// The replies on their way.
    pub outbox: Arc<dyn ports::Outbox>,
    /// Keeps what was registered.
    pub memory: Arc<dyn ports::PluginData>,
    /// Who shares the library.
    pub community: CommunityId,
    /// The bot's own user.
    pub me: u64,
    /// Whether a gateway was ready once.
    pub is_started: AtomicBool,
    /// Whether Discord gives us the content of what is not meant for us.
    pub hears_all: AtomicBool,
    /// Told whether the gateway is there.
    pub ready: Ready,
}

/// What an event says of its channel: what it is, and what it lies in.
pub type Kind = (ChannelType, Option<ChannelId>);

/// A channel, as Discord tells one.
#[derive(Deserialize)]
struct Fetched {
    #[serde(rename = "type")]
    kind: ChannelType,
    parent_id: Option<ChannelId>,
}

/// The channel of a thread.
fn parent_of(kind: Option<Kind>) -> Option<u64> {
    kind.filter(|(kind, _)| is_thread(*kind)).and_then(|(_, parent)| parent).map(|parent| parent.get())
}

impl Hub {
    /// What can be called.
    pub fn manifests(&self) -> Vec<&'static Manifest> {
        self.driver.dispatch().manifests()
    }

    /// The place of a channel: a thread lies in its channel, and a direct message is seen by who writes it alone.
    /// `kind`: what an event says of the channel.
    pub async fn place(&self, channel: ChannelId, guild: Option<GuildId>, kind: Option<Kind>) -> Place {
        let parent = match guild {
            None => None,
            Some(guild) => self.spot(channel, guild, kind).await.parent,
        };
        let name = |id: u64| id.to_string();
        Place {
            platform: Platform::Discord,
            community: self.community.clone(),
            room: RoomId(name(parent.unwrap_or(channel.get()))),
            thread: parent.map(|_| ThreadId(name(channel.get()))),
            audience: if guild.is_some() { Audience::Room } else { Audience::Caller },
        }
    }

    /// The room of a channel, as far as that is known without asking.
    pub fn room(&self, channel: ChannelId, kind: Option<Kind>) -> RoomId {
        let parent = match self.guilds.spot(channel.get()) {
            Some(known) => known.parent,
            None => parent_of(kind),
        };
        RoomId(parent.unwrap_or(channel.get()).to_string())
    }

    async fn spot(&self, channel: ChannelId, guild: GuildId, kind: Option<Kind>) -> Spot {
        if let Some(known) = self.guilds.spot(channel.get()) {
            return known;
        }
        let kind = match kind {
            Some(kind) => Some(kind),
            None => self.fetch(channel).await,
        };
        let private = kind.is_some_and(|(kind, _)| kind == ChannelType::PrivateThread);
        let spot = Spot { guild: guild.get(), parent: parent_of(kind), private };
        if kind.is_some() {
            self.guilds.learn(channel.get(), spot);
        }
        spot
    }

    /// What Discord says of a channel that the gateway told nothing of: a thread that was asleep.
    async fn fetch(&self, channel_id: ChannelId) -> Option<Kind> {
        let request = rest::plain(LightMethod::Get, Route::Channel { channel_id });
        match self.rest.read::<Fetched>(request).await {
            Ok(fetched) => Some((fetched.kind, fetched.parent_id)),
            Err(error) => {
                tracing::warn!(error = %chain(&error), "a channel cannot be looked up");
                None
            }
        }
    }

    /// The call whose answer a message of ours shows.
    pub async fn about(&self, shown: u64) -> Option<CallId> {
        self.driver.showing(&MessageId(shown.to_string())).await.map(|post| post.call)
    }
}
