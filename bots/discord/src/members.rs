//! Who may what: a server's own permissions, at once.
//!
//! A call brings the permissions that its caller has at that moment; they are used for that call. Without them Discord
//! is asked: a copy of the members could be old, and would need the privileged intent for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat::{
    Audience, MemberId, Place, Platform, PortError, Role, RoomId, Scope,
    ports::{self, Room},
};
use serde::Deserialize;
use serenity::all::{ChannelId, ChannelType, GenericId, GuildId, LightMethod, Permissions, RoleId, Route, UserId};

use crate::{
    guilds::{Guild, Guilds},
    rest::{self, Rest, RestError},
    snowflake,
};

const PORT: &str = "members";

/// How long the permissions that came with a call are good for it.
const FRESH: Duration = Duration::from_secs(10);

/// Calls whose permissions are remembered at most.
const SEEN_MAX: usize = 10_000;

/// In how many servers someone is looked for who writes a direct message.
const SERVERS_MAX: usize = 20;

/// Who may what on Discord.
pub struct DiscordMembers {
    rest: Arc<Rest>,
    guilds: Arc<Guilds>,
    operators: Vec<u64>,
    moderators: Vec<u64>,
    seen: Mutex<HashMap<(u64, u64), (Role, Instant)>>,
    /// By person: a server that they were found in.
    home: Mutex<HashMap<u64, u64>>,
}

/// A member, as Discord tells one.
#[derive(Deserialize)]
struct Fetched {
    roles: Vec<RoleId>,
}

/// A server, as Discord tells one.
#[derive(Deserialize)]
struct FetchedGuild {
    owner_id: UserId,
    roles: Vec<FetchedRole>,
}

#[derive(Deserialize)]
struct FetchedRole {
    id: RoleId,
    permissions: Permissions,
}

/// A channel, as Discord tells one.
#[derive(Deserialize)]
pub struct Channel {
    id: ChannelId,
    #[serde(rename = "type")]
    kind: ChannelType,
    #[serde(default)]
    name: String,
    #[serde(default)]
    permission_overwrites: Vec<Overwrite>,
}

/// What a channel says of a role or a person, other than the server.
#[derive(Deserialize)]
struct Overwrite {
    id: GenericId,
    allow: Permissions,
    deny: Permissions,
}

impl Channel {
    /// Whether someone with these permissions and roles in the server reads the channel's history: what the channel says
    /// of everyone, then of their roles together, then of them (Discord's documentation, "Permission Hierarchy").
    fn shows(&self, base: Permissions, guild: u64, person: u64, roles: &[u64]) -> bool {
        let read = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        self.allows(base, guild, person, roles).contains(read)
    }

    /// What someone may do in it.
    pub fn allows(&self, base: Permissions, guild: u64, person: u64, roles: &[u64]) -> Permissions {
        if base.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        let stages: [&dyn Fn(u64) -> bool; 3] = [&|id| id == guild, &|id| roles.contains(&id), &|id| id == person];
        stages.iter().fold(base, |have, stage| {
            let said = self.permission_overwrites.iter().filter(|overwrite| stage(overwrite.id.get()));
            let nothing = (Permissions::empty(), Permissions::empty());
            let (allow, deny) = said.fold(nothing, |(allow, deny), one| (allow | one.allow, deny | one.deny));
            (have - deny) | allow
        })
    }
}

impl DiscordMembers {
    /// The members of these servers; `moderators` are roles that make one, `operators` are persons.
    pub fn new(rest: Arc<Rest>, guilds: Arc<Guilds>, operators: Vec<u64>, moderators: Vec<u64>) -> Self {
        let (seen, home) = (Mutex::default(), Mutex::default());
        Self { rest, guilds, operators, moderators, seen, home }
    }

    /// A call in `room` comes with what its caller may do now.
    pub fn saw(&self, room: u64, person: u64, permissions: Permissions, roles: &[RoleId]) -> Role {
        let roles: Vec<u64> = roles.iter().map(|role| role.get()).collect();
        let role = self.judge(person, permissions, &roles);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN_MAX {
            seen.retain(|_, (_, at)| at.elapsed() < FRESH);
        }
        seen.insert((room, person), (role, Instant::now()));
        role
    }

    /// The same, where only the roles are told; nothing where the server is not known.
    pub fn saw_roles(&self, room: u64, guild: u64, person: u64, roles: &[RoleId]) {
        let Some(known) = self.guilds.guild(guild) else { return };
        let numbers: Vec<u64> = roles.iter().map(|role| role.get()).collect();
        self.saw(room, person, known.permissions(guild, person, &numbers), roles);
    }

    /// A call in `room` comes without what its caller may do now: what came before is not for it.
    pub fn forget(&self, room: u64, person: u64) {
        self.take(room, person);
    }

    fn judge(&self, person: u64, permissions: Permissions, roles: &[u64]) -> Role {
        let manages = permissions.intersects(Permissions::ADMINISTRATOR | Permissions::MANAGE_GUILD);
        if self.operators.contains(&person) {
            Role::Operator
        } else if manages || roles.iter().any(|role| self.moderators.contains(role)) {
            Role::Moderator
        } else {
            Role::Member
        }
    }

    /// What came with the call, once.
    fn take(&self, room: u64, person: u64) -> Option<Role> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&(room, person)).filter(|(_, at)| at.elapsed() < FRESH).map(|(role, _)| role)
    }

    /// The role in a server, as Discord says now.
    async fn ask(&self, guild: u64, person: u64) -> Result<Role, RestError> {
        let (guild_id, user_id) = (GuildId::new(guild.max(1)), UserId::new(person.max(1)));
        let request = rest::plain(LightMethod::Get, Route::GuildMember { guild_id, user_id });
        let member: Fetched = match self.rest.read(request).await {
            Err(error) if error.is_unknown() => return Ok(Role::Guest),
            member => member?,
        };
        let roles: Vec<u64> = member.roles.iter().map(|role| role.get()).collect();
        let known = match self.guilds.guild(guild) {
            Some(known) => known,
            None => self.fetch(guild_id).await?,
        };
        Ok(self.judge(person, known.permissions(guild, person, &roles), &roles))
    }

    async fn fetch(&self, guild_id: GuildId) -> Result<Guild, RestError> {
        let fetched: FetchedGuild = self.rest.read(rest::plain(LightMethod::Get, Route::Guild { guild_id })).await?;
        let roles = fetched.roles.iter().map(|role| (role.id.get(), role.permissions)).collect();
        Ok(Guild { owner: fetched.owner_id.get(), roles })
    }

    /// The text channels of a server whose history someone may read; none where they are not in it.
    async fn readable(&self, guild: u64, person: u64) -> Result<Vec<Channel>, RestError> {
        let (guild_id, user_id) = (GuildId::new(guild.max(1)), UserId::new(person.max(1)));
        let request = rest::plain(LightMethod::Get, Route::GuildMember { guild_id, user_id });
        let member: Fetched = match self.rest.read(request).await {
            Err(error) if error.is_unknown() => return Ok(Vec::new()),
            member => member?,
        };
        let roles: Vec<u64> = member.roles.iter().map(|role| role.get()).collect();
        let known = match self.guilds.guild(guild) {
            Some(known) => known,
            None => self.fetch(guild_id).await?,
        };
        let base = known.permissions(guild, person, &roles);
        let request = rest::plain(LightMethod::Get, Route::GuildChannels { guild_id });
        let mut channels: Vec<Channel> = self.rest.read(request).await?;
        let is_text = |kind| matches!(kind, ChannelType::Text | ChannelType::News);
        channels.retain(|channel| is_text(channel.kind) && channel.shows(base, guild, person, &roles));
        Ok(channels)
    }

    /// The role in a direct message: a member of any of the servers is one.
    async fn anywhere(&self, person: u64) -> Result<Role, RestError> {
        let home = self.home.lock().unwrap_or_else(PoisonError::into_inner).get(&person).copied();
        let mut servers = self.guilds.ids();
        // Where they were found before comes first.
        servers.sort_by_key(|guild| Some(*guild) != home);
        for guild in servers.into_iter().take(SERVERS_MAX) {
            if self.ask(guild, person).await? > Role::Guest {
                let mut homes = self.home.lock().unwrap_or_else(PoisonError::into_inner);
                if homes.len() >= SEEN_MAX {
                    homes.clear();
                }
                homes.insert(person, guild);
                return Ok(Role::Member);
            }
        }
        Ok(Role::Guest)
    }
}

#[async_trait]
impl ports::Members for DiscordMembers {
    async fn role(&self, place: &Place, member: &MemberId) -> Result<Role, PortError> {
        let numbers = (snowflake::number(&place.room.0), snowflake::number(&member.0));
        let (Platform::Discord, (Some(room), Some(person))) = (place.platform, numbers) else {
            return Ok(Role::Guest);
        };
        if self.operators.contains(&person) {
            return Ok(Role::Operator);
        }
        let role = match (self.take(room, person), self.guilds.spot(room)) {
            (Some(role), _) => Ok(role),
            (None, Some(spot)) => self.ask(spot.guild, person).await,
            (None, None) => self.anywhere(person).await,
        };
        role.map_err(RestError::port(PORT, "looking up what someone may do"))
    }

    async fn scopes(&self, _: &Place, _: &MemberId) -> Result<Vec<Scope>, PortError> {
        Ok(Vec::new())
    }

    async fn rooms(&self, place: &Place, member: &MemberId) -> Result<Vec<Room>, PortError> {
        let Some(person) = snowflake::number(&member.0) else { return Ok(Vec::new()) };
        // A direct message is of no server: those that both are in are looked through.
        let guilds = match snowflake::number(&place.room.0).and_then(|room| self.guilds.spot(room)) {
            Some(spot) => vec![spot.guild],
            None => self.guilds.ids().into_iter().take(SERVERS_MAX).collect(),
        };
        let mut rooms = Vec::new();
        for guild in guilds {
            let readable = self.readable(guild, person).await;
            for channel in readable.map_err(RestError::port(PORT, "looking up the channels that someone reads"))? {
                let room = RoomId(channel.id.to_string());
                let place = Place { room, thread: None, audience: Audience::Room, ..place.clone() };
                rooms.push(Room { place, name: channel.name });
            }
        }
        Ok(rooms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> DiscordMembers {
        let rest = Arc::new(Rest::new("token", Some("http://127.0.0.1:1")));
        DiscordMembers::new(rest, Arc::new(Guilds::new(Vec::new())), vec![1], vec![50])
    }

    #[test]
    fn who_manages_the_server_or_has_a_moderators_role_is_one() {
        let judge = |person, permissions, roles: &[u64]| members().judge(person, permissions, roles);
        assert_eq!(judge(2, Permissions::SEND_MESSAGES, &[51]), Role::Member);
        assert_eq!(judge(2, Permissions::SEND_MESSAGES, &[50]), Role::Moderator);
        assert_eq!(judge(2, Permissions::MANAGE_GUILD, &[]), Role::Moderator);
        assert_eq!(judge(2, Permissions::ADMINISTRATOR, &[]), Role::Moderator);
        assert_eq!(judge(1, Permissions::empty(), &[]), Role::Operator);
    }

    #[test]
    fn a_channel_shows_what_its_last_word_allows() {
        let read = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        let said = |id: u64, allow: Permissions, deny: Permissions| Overwrite {
            id: id.to_string().parse().unwrap(),
            allow,
            deny,
        };
        let check = |overwrites, base, want| {
            let (id, kind) = (ChannelId::new(7), ChannelType::Text);
            let channel = Channel { id, kind, name: String::new(), permission_overwrites: overwrites };
            assert_eq!(channel.shows(base, 5, 2, &[50, 51]), want);
        };
        let none = Permissions::empty();
        check(vec![], read, true);
        check(vec![], Permissions::VIEW_CHANNEL, false);
        check(vec![said(5, none, read)], read, false);
        check(vec![said(5, none, read)], Permissions::ADMINISTRATOR, true);
        check(vec![said(5, none, read), said(50, read, none)], read, true);
        // Of roles a yes outweighs a no, and the person's own word outweighs theirs.
        check(vec![said(51, none, read), said(50, read, none)], none, true);
        check(vec![said(50, read, none), said(2, none, read)], read, false);
        check(vec![said(52, none, read)], read, true);
    }

    #[test]
    fn what_came_with_a_call_is_used_once() {
        let members = members();
        assert_eq!(members.saw(7, 2, Permissions::MANAGE_GUILD, &[]), Role::Moderator);
        assert_eq!(members.take(8, 2), None);
        assert_eq!(members.take(7, 2), Some(Role::Moderator));
        assert_eq!(members.take(7, 2), None);
    }
}
