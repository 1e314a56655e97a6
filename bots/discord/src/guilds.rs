//! What the gateway tells of the servers that the bot is in: owners, roles, threads, channels and what these say of roles
//! and persons. Certain while it is connected, and told again after each reconnect; nothing of their members is kept.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use serenity::all::{ChannelType, GuildChannel, Permissions, Role};

use crate::sight::Overwrite;

/// The servers.
pub struct Guilds {
    served: Vec<u64>,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    guilds: HashMap<u64, Guild>,
    channels: HashMap<u64, Spot>,
    names: HashMap<u64, String>,
    overwrites: HashMap<u64, Vec<Overwrite>>,
}

/// A server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guild {
    /// Who may do anything.
    pub owner: u64,
    /// What each role may do; the one with the server's own id is everyone's.
    pub roles: HashMap<u64, Permissions>,
}

/// Where a channel lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Its server.
    pub guild: u64,
    /// The channel of a thread.
    pub parent: Option<u64>,
    /// Whether it is a thread that not everyone in the channel reads.
    pub private: bool,
}

impl Spot {
    /// The channel that this one, a thread, is a part of for our purposes: a private thread is a room of its own, as it is
    /// for those whom it shuts out.
    pub fn part_of(&self) -> Option<u64> {
        self.parent.filter(|_| !self.private)
    }
}

impl Guild {
    /// What someone with these roles may do in the whole server.
    pub fn permissions(&self, guild: u64, member: u64, roles: &[u64]) -> Permissions {
        if member == self.owner {
            return Permissions::all();
        }
        let of = |role: &u64| self.roles.get(role).copied().unwrap_or_default();
        roles.iter().chain([&guild]).map(of).fold(Permissions::empty(), |all, more| all | more)
    }
}

impl Guilds {
    /// The servers; only these are `served`, or all where it is empty.
    pub fn new(served: Vec<u64>) -> Self {
        Self { served, state: RwLock::default() }
    }

    /// Whether what happens there is ours to answer; a direct message is.
    pub fn serves(&self, guild: Option<u64>) -> bool {
        guild.is_none_or(|guild| self.served.is_empty() || self.served.contains(&guild))
    }

    /// The servers that are served and that the bot is in.
    pub fn ids(&self) -> Vec<u64> {
        self.read().guilds.keys().copied().filter(|guild| self.serves(Some(*guild))).collect()
    }

    /// A server.
    pub fn guild(&self, guild: u64) -> Option<Guild> {
        self.read().guilds.get(&guild).cloned()
    }

    /// Where a channel or thread lies; none of a direct message.
    pub fn spot(&self, channel: u64) -> Option<Spot> {
        self.read().channels.get(&channel).copied()
    }

    /// A server came or changed.
    pub fn put<'a>(&self, guild: u64, owner: u64, roles: impl Iterator<Item = &'a Role>) {
        let roles = roles.map(|role| (role.id.get(), role.permissions)).collect();
        self.write().guilds.insert(guild, Guild { owner, roles });
    }

    /// A role came or changed.
    pub fn put_role(&self, role: &Role) {
        if let Some(guild) = self.write().guilds.get_mut(&role.guild_id.get()) {
            guild.roles.insert(role.id.get(), role.permissions);
        }
    }

    /// A role went.
    pub fn drop_role(&self, guild: u64, role: u64) {
        if let Some(guild) = self.write().guilds.get_mut(&guild) {
            guild.roles.remove(&role);
        }
    }

    /// Channels or threads came or changed. `guild` is said apart: those within a new server do not name it.
    pub fn put_channels<'a>(&self, guild: u64, channels: impl Iterator<Item = &'a GuildChannel>) {
        let mut state = self.write();
        for channel in channels {
            let parent = channel.parent_id.filter(|_| is_thread(channel.kind)).map(|parent| parent.get());
            state
                .channels
                .insert(channel.id.get(), Spot { guild, parent, private: channel.kind == ChannelType::PrivateThread });
            state.names.insert(channel.id.get(), channel.name.clone());
            let overwrites = channel.permission_overwrites.iter().map(Overwrite::from).collect();
            state.overwrites.insert(channel.id.get(), overwrites);
        }
    }

    /// What a channel says of roles and persons; none of one that the gateway did not tell.
    pub fn overwrites(&self, channel: u64) -> Option<Vec<Overwrite>> {
        self.read().overwrites.get(&channel).cloned()
    }

    /// The same, as Discord says it now.
    pub fn learn_overwrites(&self, channel: u64, overwrites: Vec<Overwrite>) {
        self.write().overwrites.insert(channel, overwrites);
    }

    /// What a channel is called; empty where the gateway did not say.
    pub fn name(&self, channel: u64) -> String {
        self.read().names.get(&channel).cloned().unwrap_or_default()
    }

    /// A channel was seen.
    pub fn learn(&self, channel: u64, spot: Spot) {
        self.write().channels.insert(channel, spot);
    }

    /// A channel or thread went.
    pub fn drop_channel(&self, channel: u64) {
        let mut state = self.write();
        state.channels.remove(&channel);
        state.names.remove(&channel);
        state.overwrites.remove(&channel);
    }

    /// The bot left a server.
    pub fn forget(&self, guild: u64) {
        let mut state = self.write();
        let State { guilds, channels, names, overwrites } = &mut *state;
        guilds.remove(&guild);
        channels.retain(|_, spot| spot.guild != guild);
        names.retain(|channel, _| channels.contains_key(channel));
        overwrites.retain(|channel, _| channels.contains_key(channel));
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Every change leaves the maps whole, so a panic elsewhere poisons nothing.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether channels of this kind lie within another.
pub fn is_thread(kind: ChannelType) -> bool {
    matches!(kind, ChannelType::NewsThread | ChannelType::PublicThread | ChannelType::PrivateThread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_those_of_everyone_and_of_the_roles_and_all_of_the_owner() {
        let roles = HashMap::from([(1, Permissions::SEND_MESSAGES), (5, Permissions::MANAGE_GUILD)]);
        let guild = Guild { owner: 9, roles };
        assert_eq!(guild.permissions(1, 2, &[]), Permissions::SEND_MESSAGES);
        assert_eq!(guild.permissions(1, 2, &[5, 6]), Permissions::SEND_MESSAGES | Permissions::MANAGE_GUILD);
        assert_eq!(guild.permissions(1, 9, &[]), Permissions::all());
    }

    #[test]
    fn a_server_that_is_left_leaves_nothing_behind() {
        let guilds = Guilds::new(vec![1]);
        guilds.put(1, 9, std::iter::empty());
        guilds.put(2, 9, std::iter::empty());
        guilds.learn(10, Spot { guild: 1, parent: None, private: false });
        guilds.learn(20, Spot { guild: 2, parent: Some(10), private: false });
        assert_eq!(guilds.ids(), [1]);
        assert!(guilds.serves(None) && !guilds.serves(Some(2)));
        guilds.forget(1);
        assert_eq!((guilds.spot(10), guilds.guild(1)), (None, None));
        assert!(guilds.spot(20).is_some());
    }
}
