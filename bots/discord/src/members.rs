//! Who may what, and who is where: a server's own permissions, at once.
//!
//! A call brings the permissions that its caller has at that moment; they are used for that call. Without them Discord
//! is asked: a copy of the members could be old, and would need the privileged intent for them.
//!
//! **Invariant:** who does not see a channel is not in that room, whatever they may do in the server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use chat::{
    Audience, MemberId, Place, Platform, PortError, Role, RoomId, Scope,
    ports::{self, Room},
};
use serenity::all::{ChannelType, GuildId, LightMethod, Permissions, RoleId, Route};

use crate::{
    guilds::Spot,
    rest::{self, Rest, RestError},
    sight::{FRESH, Lies, Sight, Told},
    snowflake,
};

const PORT: &str = "members";

/// Calls whose permissions are remembered at most.
const SEEN_MAX: usize = 10_000;

/// In how many servers someone is looked for who writes a direct message.
const SERVERS_MAX: usize = 20;

/// Who may what on Discord.
pub struct DiscordMembers {
    rest: Arc<Rest>,
    sight: Arc<Sight>,
    operators: Vec<u64>,
    moderators: Vec<u64>,
    seen: Mutex<HashMap<(u64, u64), (Role, Instant)>>,
    /// By person: a server that they were found in.
    home: Mutex<HashMap<u64, u64>>,
}

impl DiscordMembers {
    /// The members of the servers that are seen; `moderators` are roles that make one, `operators` are persons.
    pub fn new(rest: Arc<Rest>, sight: Arc<Sight>, operators: Vec<u64>, moderators: Vec<u64>) -> Self {
        let (seen, home) = (Mutex::default(), Mutex::default());
        Self { rest, sight, operators, moderators, seen, home }
    }

    /// A call in `room` comes with what its caller may do now; who calls there sees it.
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
        let Some(known) = self.sight.guilds.guild(guild) else { return };
        let numbers: Vec<u64> = roles.iter().map(|role| role.get()).collect();
        self.saw(room, person, known.permissions(guild, person, &numbers), roles);
    }

    /// A call in `room` comes without what its caller may do now: what came before is not for it.
    pub fn forget(&self, room: u64, person: u64) {
        self.take(room, person);
        self.sight.forget(room, person);
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

    /// The role in a room, as Discord says now: what the server makes of who sees it.
    async fn ask(&self, room: u64, person: u64) -> Result<Role, RestError> {
        match self.sight.find(room).await? {
            Lies::In(spot) => {
                let seeing = self.sight.seeing(room, spot, person).await?;
                Ok(seeing.map_or(Role::Guest, |one| self.judge(person, one.base, &one.roles)))
            }
            Lies::Direct(other) if other == person => self.anywhere(person).await,
            Lies::Direct(_) | Lies::Nowhere => Ok(Role::Guest),
        }
    }

    /// Whether somebody sees what is said in a room.
    async fn is_seen(&self, room: u64, person: u64) -> Result<bool, RestError> {
        match self.sight.find(room).await? {
            Lies::In(spot) => Ok(self.sight.seeing(room, spot, person).await?.is_some()),
            Lies::Direct(other) => Ok(other == person),
            Lies::Nowhere => Ok(false),
        }
    }

    /// The text channels of a server whose history someone may read; none where they are not in it.
    async fn readable(&self, guild: u64, person: u64) -> Result<Vec<Told>, RestError> {
        let Some(somebody) = self.sight.somebody(guild, person).await? else { return Ok(Vec::new()) };
        let guild_id = GuildId::new(guild.max(1));
        let request = rest::plain(LightMethod::Get, Route::GuildChannels { guild_id });
        let mut channels: Vec<Told> = self.rest.read(request).await?;
        let read = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        let is_text = |kind| matches!(kind, ChannelType::Text | ChannelType::News);
        channels.retain(|channel| is_text(channel.kind) && somebody.may(guild, &channel.overwrites()).contains(read));
        Ok(channels)
    }

    /// The private thread that somebody is in just there: no list of a server's channels names it.
    async fn thread(&self, room: u64, lies: Lies, person: u64) -> Result<Option<String>, RestError> {
        let Lies::In(spot @ Spot { private: true, .. }) = lies else { return Ok(None) };
        let seeing = self.sight.seeing(room, spot, person).await?;
        Ok(seeing.map(|_| self.sight.guilds.name(room)))
    }

    /// The role in a direct message: a member of any of the servers is one.
    async fn anywhere(&self, person: u64) -> Result<Role, RestError> {
        let home = self.home.lock().unwrap_or_else(PoisonError::into_inner).get(&person).copied();
        let mut servers = self.sight.guilds.ids();
        // Where they were found before comes first.
        servers.sort_by_key(|guild| Some(*guild) != home);
        for guild in servers.into_iter().take(SERVERS_MAX) {
            if self.sight.somebody(guild, person).await?.is_some() {
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

/// The ids of a room and a person as numbers; `None` where either does not belong to Discord.
fn numbers(place: &Place, member: &MemberId) -> Option<(u64, u64)> {
    let is_ours = place.platform == Platform::Discord;
    Some((snowflake::number(&place.room.0)?, snowflake::number(&member.0)?)).filter(|_| is_ours)
}

#[async_trait]
impl ports::Members for DiscordMembers {
    async fn role(&self, place: &Place, member: &MemberId) -> Result<Role, PortError> {
        let Some((room, person)) = numbers(place, member) else { return Ok(Role::Guest) };
        if self.operators.contains(&person) {
            return Ok(Role::Operator);
        }
        let role = match self.take(room, person) {
            Some(role) => Ok(role),
            None => self.ask(room, person).await,
        };
        role.map_err(RestError::port(PORT, "looking up what someone may do"))
    }

    async fn sees(&self, place: &Place, member: &MemberId) -> Result<bool, PortError> {
        let Some((room, person)) = numbers(place, member) else { return Ok(false) };
        self.is_seen(room, person).await.map_err(RestError::port(PORT, "looking up who sees a channel"))
    }

    async fn scopes(&self, _: &Place, _: &MemberId) -> Result<Vec<Scope>, PortError> {
        Ok(Vec::new())
    }

    async fn rooms(&self, place: &Place, member: &MemberId) -> Result<Vec<Room>, PortError> {
        let failed = || RestError::port(PORT, "looking up the channels that someone reads");
        let Some((here, person)) = numbers(place, member) else { return Ok(Vec::new()) };
        let lies = self.sight.find(here).await.map_err(failed())?;
        // A direct message is of no server: those that both are in are looked through.
        let guilds = match lies {
            Lies::In(spot) => vec![spot.guild],
            Lies::Direct(_) => self.sight.guilds.ids().into_iter().take(SERVERS_MAX).collect(),
            Lies::Nowhere => Vec::new(),
        };
        let room = |id: u64, name: String| {
            let place = Place { room: RoomId(id.to_string()), thread: None, audience: Audience::Room, ..place.clone() };
            Room { place, name }
        };
        let mut rooms = Vec::new();
        for guild in guilds {
            let readable = self.readable(guild, person).await.map_err(failed())?;
            rooms.extend(readable.into_iter().map(|channel| room(channel.id.get(), channel.name)));
        }
        let thread = self.thread(here, lies, person).await.map_err(failed())?;
        rooms.extend(thread.map(|name| room(here, name)));
        Ok(rooms)
    }
}

#[cfg(test)]
mod tests {
    use chat::ports::Members as _;

    use super::*;
    use crate::{
        double::{ALL, Double, LOOK, Server},
        guilds::Guilds,
    };

    fn members() -> DiscordMembers {
        of(Arc::new(Rest::new("token", Some("http://127.0.0.1:1"))))
    }

    /// 1 is an operator, role 50 makes a moderator.
    fn of(rest: Arc<Rest>) -> DiscordMembers {
        let sight = Arc::new(Sight::new(Arc::clone(&rest), Arc::new(Guilds::new(Vec::new()))));
        DiscordMembers::new(rest, sight, vec![1], vec![50])
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
    fn what_came_with_a_call_is_used_once() {
        let members = members();
        assert_eq!(members.saw(7, 2, Permissions::MANAGE_GUILD, &[]), Role::Moderator);
        assert_eq!(members.take(8, 2), None);
        assert_eq!(members.take(7, 2), Some(Role::Moderator));
        assert_eq!(members.take(7, 2), None);
    }

    fn place(room: u64) -> Place {
        Place {
            platform: Platform::Discord,
            community: "lab".into(),
            room: RoomId(room.to_string()),
            thread: None,
            audience: Audience::Room,
        }
    }

    /// Channel 7 is hidden from everyone but role 50; 6 administers, 2 manages the server, 3 has role 50, 4 has nothing.
    fn hidden() -> Server {
        let (none, server) = (Permissions::empty(), Server::of(5).role(5, LOOK).role(60, ALL));
        let server = server.role(52, Permissions::MANAGE_GUILD).role(50, none);
        let server = server.member(1, &[]).member(6, &[60]).member(2, &[52]).member(3, &[50]).member(4, &[]);
        server
            .channel(7)
            .channel(10)
            .private(9, 10)
            .taken(9, 4)
            .direct(70, 4)
            .overwrite(7, 5, none, LOOK)
            .overwrite(7, 50, LOOK, none)
    }

    /// What somebody is in a room, and whether they see it.
    async fn check(room: u64, person: u64, want: (Role, bool)) {
        let double = Double::start(hidden().answers()).await;
        let (members, member) = (of(double.rest()), MemberId(person.to_string()));
        let role = members.role(&place(room), &member).await.unwrap();
        let sees = members.sees(&place(room), &member).await.unwrap();
        assert_eq!((role, sees), want, "{person} in {room}");
    }

    #[tokio::test]
    async fn who_does_not_see_a_channel_is_not_in_that_room() {
        check(10, 4, (Role::Member, true)).await;
        check(10, 2, (Role::Moderator, true)).await;
        check(7, 4, (Role::Guest, false)).await;
        check(7, 2, (Role::Guest, false)).await;
        check(7, 3, (Role::Moderator, true)).await;
        check(7, 6, (Role::Moderator, true)).await;
        // Who left the server, and a channel that is gone.
        check(10, 8, (Role::Guest, false)).await;
        check(77, 4, (Role::Guest, false)).await;
        // A private thread, and a direct message.
        check(9, 4, (Role::Member, true)).await;
        check(9, 3, (Role::Guest, false)).await;
        check(70, 3, (Role::Guest, false)).await;
    }

    #[tokio::test]
    async fn who_runs_the_machine_has_their_role_everywhere_and_is_in_the_rooms_that_they_see() {
        let double = Double::start(hidden().member(1, &[]).answers()).await;
        let members = of(double.rest());
        // 1 owns the server in the double, and so sees all of it but another's direct message.
        for (room, want) in [(7, true), (70, false), (77, false)] {
            assert_eq!(members.role(&place(room), &"1".into()).await.unwrap(), Role::Operator);
            assert_eq!(members.sees(&place(room), &"1".into()).await.unwrap(), want, "{room}");
        }
    }

    #[tokio::test]
    async fn the_rooms_of_a_person_are_those_whose_history_they_read() {
        let double = Double::start(hidden().answers()).await;
        let members = of(double.rest());
        for room in [7, 9, 10] {
            members.sight.find(room).await.unwrap();
        }
        let rooms = async |here: u64, person: u64| {
            let rooms = members.rooms(&place(here), &MemberId(person.to_string())).await.unwrap();
            rooms.into_iter().map(|room| room.place.room.0).collect::<Vec<_>>()
        };
        assert_eq!(rooms(10, 4).await, ["10"]);
        assert_eq!(rooms(10, 3).await, ["7", "10"]);
        // A private thread is a room for who is in it, and asks from there.
        assert_eq!(rooms(9, 4).await, ["10", "9"]);
        assert_eq!(rooms(9, 3).await, ["7", "10"]);
    }
}
