//! A platform as our parts see one, whose people, history and files a test decides on: a double of the platform, not of
//! a part of ours.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chat::{
    Attachment, Audience, MemberId, Message, MessageId, Place, Platform, PortError, Role, RoomId, Scope,
    ports::{Archive, Archived, Attachments, Clock, Dispatch, Members, Room},
};
use frontend::{Style, Tables};
use jiff::Timestamp;
use server::{
    home::Home,
    platforms::{Platforms, Rooms},
};

/// How such a platform shows things.
pub const STYLE: Style = Style {
    part_max: 2_000,
    measure: |text| text.chars().count(),
    tables: Tables::Fixed,
    formulas: false,
    previews: false,
};

/// A clock that is set.
pub struct Hands(pub Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no thread panics with it")
    }
}

/// A platform that says what it is told to.
#[derive(Default)]
pub struct PlatformDouble {
    /// Roles; who has none here is a member.
    pub roles: Mutex<HashMap<MemberId, Role>>,
    /// Who does not see which room.
    pub outside: Mutex<HashSet<(RoomId, MemberId)>>,
    /// Roles in single rooms, before those.
    pub roles_in: Mutex<HashMap<(RoomId, MemberId), Role>>,
    /// Scopes that groups of the platform give to a person alone.
    pub groups: HashMap<MemberId, Vec<Scope>>,
    /// What was said in every room, the newest first.
    pub said: Mutex<Vec<Archived>>,
    /// What is given out by its id, in its room.
    pub by_id: Mutex<Vec<Archived>>,
    /// Files by handle.
    pub files: HashMap<String, Vec<u8>>,
    /// Whether nobody can be looked up just now.
    pub is_down: AtomicBool,
    /// Who holds it lets no file through.
    pub held: tokio::sync::Mutex<()>,
}

impl PlatformDouble {
    /// The host of a home whose Discord is this.
    pub fn host(self: &Arc<Self>, home: &Home) -> Arc<dyn Dispatch> {
        home.host_of(self.platforms())
    }

    /// The platforms of a process that serves Discord alone, which this is.
    pub fn platforms(self: &Arc<Self>) -> Platforms {
        let rooms = Rooms { members: self.clone(), archive: self.clone(), attachments: self.clone() };
        let mut platforms = Platforms::default();
        platforms.add(Platform::Discord, rooms);
        platforms
    }

    /// Gives a person a role from now on.
    ///
    /// # Panics
    /// Where another thread of the test panicked meanwhile.
    pub fn set_role(&self, member: &MemberId, role: Role) {
        self.roles.lock().expect("no thread panics with it").insert(member.clone(), role);
    }

    /// Gives a person a role in one room from now on.
    ///
    /// # Panics
    /// Where another thread of the test panicked meanwhile.
    pub fn set_role_in(&self, room: &RoomId, member: &MemberId, role: Role) {
        self.roles_in.lock().expect("no thread panics with it").insert((room.clone(), member.clone()), role);
    }
}

impl PlatformDouble {
    /// Hides a room from a person, or shows it to them again.
    ///
    /// # Panics
    /// Where another thread of the test panicked meanwhile.
    pub fn hide(&self, room: &str, member: &str, is_hidden: bool) {
        let mut outside = self.outside.lock().expect("no thread panics with it");
        match (is_hidden, (room.into(), member.into())) {
            (true, one) => drop(outside.insert(one)),
            (false, one) => drop(outside.remove(&one)),
        }
    }

    fn is_outside(&self, place: &Place, member: &MemberId) -> bool {
        let outside = self.outside.lock().expect("no thread panics with it");
        outside.contains(&(place.room.clone(), member.clone()))
    }
}

#[async_trait]
impl Members for PlatformDouble {
    async fn role(&self, place: &Place, member: &MemberId) -> Result<Role, PortError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(PortError::Refused { port: "members", reason: "the platform is down".to_owned() });
        }
        if self.is_outside(place, member) {
            return Ok(Role::Guest);
        }
        let here = (place.room.clone(), member.clone());
        if let Some(role) = self.roles_in.lock().expect("no thread panics with it").get(&here) {
            return Ok(*role);
        }
        let roles = self.roles.lock().expect("no thread panics with it");
        Ok(roles.get(member).copied().unwrap_or(Role::Member))
    }

    async fn scopes(&self, place: &Place, member: &MemberId) -> Result<Vec<Scope>, PortError> {
        match place.audience {
            Audience::Room => Ok(Vec::new()),
            Audience::Caller => Ok(self.groups.get(member).cloned().unwrap_or_default()),
        }
    }

    async fn rooms(&self, place: &Place, member: &MemberId) -> Result<Vec<Room>, PortError> {
        let room = Room { place: place.clone(), name: String::new() };
        Ok(if self.is_outside(place, member) { Vec::new() } else { vec![room] })
    }
}

#[async_trait]
impl Archive for PlatformDouble {
    async fn page(&self, _: &Place, before: Option<Timestamp>, limit: usize) -> Result<Vec<Archived>, PortError> {
        let said = self.said.lock().expect("no thread panics with it");
        let is_before = |one: &&Archived| before.is_none_or(|before| one.message.at < before);
        Ok(said.iter().filter(is_before).take(limit).cloned().collect())
    }

    async fn message(&self, place: &Place, id: &MessageId) -> Result<Option<Archived>, PortError> {
        let by_id = self.by_id.lock().expect("no thread panics with it");
        let is_it = |one: &&Archived| one.message.id == *id && one.message.place.room == place.room;
        Ok(by_id.iter().find(is_it).cloned())
    }

    async fn conversation(&self, _: &Message, limit: usize) -> Result<Vec<Archived>, PortError> {
        Ok(self.said.lock().expect("no thread panics with it").iter().take(limit).cloned().collect())
    }
}

#[async_trait]
impl Attachments for PlatformDouble {
    async fn fetch(&self, _: &Place, attachment: &Attachment, _: u64) -> Result<Vec<u8>, PortError> {
        let _let_through = self.held.lock().await;
        let reason = || "there is no such file".to_owned();
        let file = self.files.get(&attachment.handle).cloned();
        file.ok_or_else(|| PortError::Refused { port: "attachments", reason: reason() })
    }
}
