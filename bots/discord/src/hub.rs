//! What the gateway's events have in common: where they happened, who is there, and the driver that answers them.

use std::sync::{Arc, atomic::AtomicBool};

use chat::{
    Audience, CallId, CommunityId, Manifest, MessageId, Place, Platform, RoomId, ThreadId, error::chain, ports,
};
use frontend::{Driver, Ready};
use serenity::all::{ChannelId, ChannelType, GuildId};

use crate::{
    guilds::{Guilds, Spot, is_thread},
    members::DiscordMembers,
    rest::Rest,
    sight::{Lies, Sight},
};

/// All that an event needs.
pub struct Hub {
    /// Discord's HTTP interface.
    pub rest: Arc<Rest>,
    /// The servers.
    pub guilds: Arc<Guilds>,
    /// Who sees what.
    pub sight: Arc<Sight>,
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

/// Where a channel lies, by what an event says of it.
fn spot_of(guild: GuildId, (kind, parent): Kind) -> Spot {
    let parent = parent.filter(|_| is_thread(kind)).map(|parent| parent.get());
    Spot { guild: guild.get(), parent, private: kind == ChannelType::PrivateThread }
}

/// The room of a channel, and the thread in it where the channel is one; of a private thread its own room.
fn lies(channel: u64, spot: Option<Spot>) -> (RoomId, Option<ThreadId>) {
    let name = |id: u64| id.to_string();
    match spot.and_then(|spot| spot.part_of()) {
        Some(outer) => (RoomId(name(outer)), Some(ThreadId(name(channel)))),
        None => (RoomId(name(channel)), None),
    }
}

impl Hub {
    /// What can be called.
    pub fn manifests(&self) -> Vec<&'static Manifest> {
        self.driver.dispatch().manifests()
    }

    /// The place of a channel: a thread lies in its channel, but for a private one, which is a room of its own; and a
    /// direct message is seen by who writes it alone. `kind`: what an event says of the channel.
    pub async fn place(&self, channel: ChannelId, guild: Option<GuildId>, kind: Option<Kind>) -> Place {
        let spot = match guild {
            None => None,
            Some(guild) => self.spot(channel, guild, kind).await,
        };
        let audience = if guild.is_some() { Audience::Room } else { Audience::Caller };
        let (room, thread) = lies(channel.get(), spot);
        Place { platform: Platform::Discord, community: self.community.clone(), room, thread, audience }
    }

    /// The room of a channel, as far as that is known without asking.
    pub fn room(&self, channel: ChannelId, guild: Option<GuildId>, kind: Option<Kind>) -> RoomId {
        let spot = match (self.guilds.spot(channel.get()), guild, kind) {
            (None, Some(guild), Some(kind)) => Some(spot_of(guild, kind)),
            (known, _, _) => known,
        };
        lies(channel.get(), spot).0
    }

    /// Where a channel of a server lies; none where nobody can say, which makes it a room of its own.
    async fn spot(&self, channel: ChannelId, guild: GuildId, kind: Option<Kind>) -> Option<Spot> {
        if let (None, Some(kind)) = (self.guilds.spot(channel.get()), kind) {
            self.guilds.learn(channel.get(), spot_of(guild, kind));
        }
        // One that the gateway told nothing of: a thread that was asleep.
        match self.sight.find(channel.get()).await {
            Ok(Lies::In(spot)) => Some(spot),
            Ok(_) => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The room and the thread of the channel 8, by its type and what it lies in.
    #[track_caller]
    fn check(kind: ChannelType, parent: Option<u64>, want: (&str, Option<&str>)) {
        let spot = spot_of(GuildId::new(5), (kind, parent.map(ChannelId::new)));
        let (room, thread) = lies(8, Some(spot));
        assert_eq!((room.0.as_str(), thread.as_ref().map(|thread| thread.0.as_str())), want, "{kind:?}");
    }

    #[test]
    fn a_private_thread_is_a_room_of_its_own() {
        check(ChannelType::PublicThread, Some(7), ("7", Some("8")));
        check(ChannelType::NewsThread, Some(7), ("7", Some("8")));
        check(ChannelType::PrivateThread, Some(7), ("8", None));
        // What a channel lies in is its category.
        check(ChannelType::Text, Some(7), ("8", None));
        check(ChannelType::Text, None, ("8", None));
        // A thread of which nobody says what it lies in.
        check(ChannelType::PublicThread, None, ("8", None));
        assert_eq!(lies(8, None), ("8".into(), None));
    }
}
