//! Who sees a channel or a thread now: by the server's roles, by what the channel says of them, and, in a private thread,
//! by who was taken into it.
//!
//! What is known of servers and channels is the gateway's word, see [`Guilds`]; of members Discord is asked, the same not
//! twice within [`FRESH`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use serenity::all::{
    ChannelId, ChannelType, GuildId, LightMethod, PermissionOverwrite, PermissionOverwriteType, Permissions, RoleId,
    Route, UserId,
};

use crate::{
    guilds::{Guild, Guilds, Spot, is_thread},
    lately::Lately,
    rest::{self, Rest, RestError},
};

/// How long what Discord said of a member is good: a look at one person in all rooms of a server takes less.
pub const FRESH: Duration = Duration::from_secs(10);

/// Direct messages whose other side is remembered at most.
const DIRECT_MAX: usize = 10_000;

/// What a channel says of a role or a person, other than the server. The role with the server's own id is everyone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overwrite {
    /// The role's or the person's id.
    pub id: u64,
    /// What they may do here, whatever the server says.
    pub allow: Permissions,
    /// What they may not do here.
    pub deny: Permissions,
}

impl From<&PermissionOverwrite> for Overwrite {
    fn from(said: &PermissionOverwrite) -> Self {
        let id = match said.kind {
            PermissionOverwriteType::Member(id) => id.get(),
            PermissionOverwriteType::Role(id) => id.get(),
            // Of a kind that is not known yet: it is nobody's.
            _ => 0,
        };
        Self { id, allow: said.allow, deny: said.deny }
    }
}

/// A member of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Somebody {
    /// Who.
    pub person: u64,
    /// Their roles.
    pub roles: Vec<u64>,
    /// What they may do in the whole server.
    pub base: Permissions,
}

impl Somebody {
    /// What they may do in a channel of the server: what it says of everyone, then of their roles together, then of them
    /// (Discord's documentation, "Permission Hierarchy").
    pub fn may(&self, guild: u64, overwrites: &[Overwrite]) -> Permissions {
        if self.base.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        let stages: [&dyn Fn(u64) -> bool; 3] =
            [&|id| id == guild, &|id| id != guild && self.roles.contains(&id), &|id| id == self.person];
        stages.iter().fold(self.base, |have, stage| {
            let said = overwrites.iter().filter(|overwrite| stage(overwrite.id));
            let nothing = (Permissions::empty(), Permissions::empty());
            let (allow, deny) = said.fold(nothing, |(allow, deny), one| (allow | one.allow, deny | one.deny));
            (have - deny) | allow
        })
    }
}

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// A channel or a thread of a server.
    In(Spot),
    /// The direct message with this person; 0 where Discord does not say with whom.
    Direct(u64),
    /// Nothing that the bot sees.
    Nowhere,
}

/// A channel, as Discord tells one.
#[derive(Deserialize)]
pub struct Told {
    /// Its id.
    pub id: ChannelId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    guild_id: Option<GuildId>,
    parent_id: Option<ChannelId>,
    #[serde(default)]
    recipients: Vec<Recipient>,
    #[serde(default)]
    permission_overwrites: Vec<PermissionOverwrite>,
}

impl Told {
    /// What it says of roles and persons.
    pub fn overwrites(&self) -> Vec<Overwrite> {
        self.permission_overwrites.iter().map(Overwrite::from).collect()
    }
}

#[derive(Deserialize)]
struct Recipient {
    id: UserId,
}

/// A member, as Discord tells one.
#[derive(Deserialize)]
struct Membership {
    roles: Vec<RoleId>,
}

/// A server, as Discord tells one.
#[derive(Deserialize)]
struct ToldGuild {
    owner_id: UserId,
    roles: Vec<ToldRole>,
}

#[derive(Deserialize)]
struct ToldRole {
    id: RoleId,
    permissions: Permissions,
}

/// Who sees what.
pub struct Sight {
    rest: Arc<Rest>,
    /// What the gateway told.
    pub guilds: Arc<Guilds>,
    /// By server and person: their roles; none where they are no member.
    roles: Lately<(u64, u64), Option<Vec<u64>>>,
    /// By private thread and person: whether they were taken into it.
    taken: Lately<(u64, u64), bool>,
    /// By direct message: its other side.
    direct: Mutex<HashMap<u64, u64>>,
}

impl Sight {
    /// What is seen in these servers.
    pub fn new(rest: Arc<Rest>, guilds: Arc<Guilds>) -> Self {
        let (roles, taken) = (Lately::new(FRESH), Lately::new(FRESH));
        Self { rest, guilds, roles, taken, direct: Mutex::default() }
    }

    /// Who a direct message is with.
    pub fn know_direct(&self, channel: u64, person: u64) {
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if direct.len() >= DIRECT_MAX {
            direct.clear();
        }
        direct.insert(channel, person);
    }

    /// Somebody does something in a channel: Discord is asked again what they may do there.
    pub fn forget(&self, channel: u64, person: u64) {
        self.taken.forget(&(channel, person));
        match self.guilds.spot(channel) {
            Some(spot) => self.roles.forget(&(spot.guild, person)),
            // A direct message is of no server, and their word there counts for all.
            None => self.guilds.ids().into_iter().for_each(|guild| self.roles.forget(&(guild, person))),
        }
    }

    /// What a channel is: a thread that sleeps, and a direct message after a restart, are asked for.
    pub async fn find(&self, channel: u64) -> Result<Lies, RestError> {
        if let Some(spot) = self.guilds.spot(channel) {
            return Ok(Lies::In(spot));
        }
        if let Some(person) = self.direct.lock().unwrap_or_else(PoisonError::into_inner).get(&channel) {
            return Ok(Lies::Direct(*person));
        }
        let Some(told) = self.ask(channel).await? else { return Ok(Lies::Nowhere) };
        Ok(match (told.kind, told.guild_id) {
            (ChannelType::Private, _) => {
                let person = told.recipients.first().map_or(0, |recipient| recipient.id.get());
                self.know_direct(channel, person);
                Lies::Direct(person)
            }
            (kind, Some(guild)) => {
                let parent = told.parent_id.filter(|_| is_thread(kind)).map(|parent| parent.get());
                let spot = Spot { guild: guild.get(), parent, private: kind == ChannelType::PrivateThread };
                self.guilds.learn(channel, spot);
                self.guilds.learn_overwrites(channel, told.overwrites());
                Lies::In(spot)
            }
            (_, None) => Lies::Nowhere,
        })
    }

    /// A channel; `None` where the bot sees no such channel.
    async fn ask(&self, channel: u64) -> Result<Option<Told>, RestError> {
        let request = rest::plain(LightMethod::Get, Route::Channel { channel_id: ChannelId::new(channel.max(1)) });
        known(self.rest.read::<Told>(request).await)
    }

    /// What a channel says of roles and persons; none where there is no such channel. A thread says nothing itself.
    pub async fn overwrites(&self, channel: u64) -> Result<Option<Vec<Overwrite>>, RestError> {
        if let Some(known) = self.guilds.overwrites(channel) {
            return Ok(Some(known));
        }
        let Some(told) = self.ask(channel).await? else { return Ok(None) };
        self.guilds.learn_overwrites(channel, told.overwrites());
        Ok(Some(told.overwrites()))
    }

    /// A member of a server; `None` for a person who is not a member.
    pub async fn somebody(&self, guild: u64, person: u64) -> Result<Option<Somebody>, RestError> {
        let (guild_id, user_id) = (GuildId::new(guild.max(1)), UserId::new(person.max(1)));
        let ask = || async {
            let request = rest::plain(LightMethod::Get, Route::GuildMember { guild_id, user_id });
            match self.rest.read::<Membership>(request).await {
                Err(error) if error.is_unknown() => Ok(None),
                member => Ok(Some(member?.roles.iter().map(|role| role.get()).collect::<Vec<u64>>())),
            }
        };
        let Some(roles) = self.roles.get((guild, person), ask).await? else { return Ok(None) };
        let known = match self.guilds.guild(guild) {
            Some(known) => known,
            None => self.server(guild_id).await?,
        };
        let base = known.permissions(guild, person, &roles);
        Ok(Some(Somebody { person, roles, base }))
    }

    async fn server(&self, guild_id: GuildId) -> Result<Guild, RestError> {
        let told: ToldGuild = self.rest.read(rest::plain(LightMethod::Get, Route::Guild { guild_id })).await?;
        let roles = told.roles.iter().map(|role| (role.id.get(), role.permissions)).collect();
        Ok(Guild { owner: told.owner_id.get(), roles })
    }

    /// Somebody who sees a channel or a thread of a server; none where they do not see it.
    pub async fn seeing(&self, channel: u64, spot: Spot, person: u64) -> Result<Option<Somebody>, RestError> {
        let Some(somebody) = self.somebody(spot.guild, person).await? else { return Ok(None) };
        let Some(overwrites) = self.overwrites(spot.parent.unwrap_or(channel)).await? else { return Ok(None) };
        let may = somebody.may(spot.guild, &overwrites);
        let is_in = may.contains(Permissions::VIEW_CHANNEL)
            && (!spot.private
                || may.contains(Permissions::MANAGE_THREADS)
                || self.is_taken_in(channel, person).await?);
        Ok(is_in.then_some(somebody))
    }

    /// Whether somebody was taken into a private thread.
    async fn is_taken_in(&self, thread: u64, person: u64) -> Result<bool, RestError> {
        let (channel_id, user_id) = (ChannelId::new(thread.max(1)), UserId::new(person.max(1)));
        let ask = || async {
            let route = Route::ChannelThreadMember { channel_id, user_id };
            Ok(known(self.rest.done(rest::plain(LightMethod::Get, route)).await)?.is_some())
        };
        self.taken.get((thread, person), ask).await
    }
}

/// What Discord answered; none where the thing is not there, or the bot does not see it.
fn known<T>(answer: Result<T, RestError>) -> Result<Option<T>, RestError> {
    match answer {
        Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(None),
        answer => answer.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::double::{ALL, Double, LOOK, Server};

    const NONE: Permissions = Permissions::empty();

    #[test]
    fn a_channel_shows_what_its_last_word_allows() {
        let read = Permissions::VIEW_CHANNEL;
        let said = |id: u64, allow: Permissions, deny: Permissions| Overwrite { id, allow, deny };
        let check = |overwrites: &[Overwrite], base, want| {
            let somebody = Somebody { person: 2, roles: vec![50, 51], base };
            assert_eq!(somebody.may(5, overwrites).contains(read), want, "{overwrites:?}");
        };
        check(&[], read, true);
        check(&[], NONE, false);
        check(&[said(5, NONE, read)], read, false);
        check(&[said(5, NONE, read)], Permissions::ADMINISTRATOR, true);
        check(&[said(5, NONE, read), said(50, read, NONE)], read, true);
        // Of roles a yes outweighs a no, and the person's own word outweighs theirs.
        check(&[said(51, NONE, read), said(50, read, NONE)], NONE, true);
        check(&[said(50, read, NONE), said(2, NONE, read)], read, false);
        check(&[said(52, NONE, read)], read, true);
    }

    /// Who of 1 (the owner), 2 (with role 50), 3 (without) and 4 (no member) sees a channel or a thread.
    async fn check(server: Server, channel: u64, want: &[u64]) {
        let double = Double::start(server.answers()).await;
        let sight = Sight::new(double.rest(), Arc::new(Guilds::new(Vec::new())));
        let mut seen = Vec::new();
        for person in 1..5 {
            let Lies::In(spot) = sight.find(channel).await.unwrap() else { break };
            if sight.seeing(channel, spot, person).await.unwrap().is_some() {
                seen.push(person);
            }
        }
        assert_eq!(seen, want, "{channel}: {:?}", double.lines());
    }

    /// Channel 7 with the public thread 8 and the private thread 9.
    fn server() -> Server {
        Server::of(5).member(1, &[]).member(2, &[50]).member(3, &[]).role(5, LOOK).channel(7).thread(8, 7).private(9, 7)
    }

    #[tokio::test]
    async fn a_room_is_who_can_see_it() {
        let hidden = || server().overwrite(7, 5, NONE, LOOK).overwrite(7, 50, LOOK, NONE);
        check(server(), 7, &[1, 2, 3]).await;
        check(server(), 8, &[1, 2, 3]).await;
        check(hidden(), 7, &[1, 2]).await;
        check(hidden(), 8, &[1, 2]).await;
        check(server().overwrite(7, 3, NONE, LOOK), 7, &[1, 2]).await;
        // A channel that is gone, or that the bot does not see.
        check(server(), 99, &[]).await;
    }

    #[tokio::test]
    async fn a_private_thread_is_who_was_taken_into_it() {
        check(server(), 9, &[1]).await;
        check(server().taken(9, 3), 9, &[1, 3]).await;
        // Who does not see the channel any more sees nothing in it.
        check(server().taken(9, 3).overwrite(7, 3, NONE, LOOK), 9, &[1]).await;
        check(server().role(50, LOOK | Permissions::MANAGE_THREADS), 9, &[1, 2]).await;
        check(server().role(50, ALL), 9, &[1, 2]).await;
    }

    #[tokio::test]
    async fn one_person_is_asked_for_once_in_all_rooms_of_a_server() {
        let double = Double::start(server().channel(10).channel(11).answers()).await;
        let sight = Sight::new(double.rest(), Arc::new(Guilds::new(Vec::new())));
        let asked = || double.lines().iter().filter(|line| line.contains("/members/2")).count();
        for channel in [7, 10, 11, 8, 7] {
            let Lies::In(spot) = sight.find(channel).await.unwrap() else { panic!("no channel {channel}") };
            assert!(sight.seeing(channel, spot, 2).await.unwrap().is_some());
        }
        assert_eq!(asked(), 1, "{:?}", double.lines());
        // What they do themselves is judged by what they may do now.
        sight.forget(7, 2);
        let Lies::In(spot) = sight.find(7).await.unwrap() else { panic!("no channel 7") };
        sight.seeing(7, spot, 2).await.unwrap();
        assert_eq!(asked(), 2, "{:?}", double.lines());
    }

    #[tokio::test]
    async fn a_direct_message_is_with_one_person() {
        let double = Double::start(server().direct(70, 3).answers()).await;
        let sight = Sight::new(double.rest(), Arc::new(Guilds::new(Vec::new())));
        for _ in 0..2 {
            assert_eq!(sight.find(70).await.unwrap(), Lies::Direct(3));
        }
        assert_eq!(double.lines(), ["GET /channels/70"]);
    }
}
