//! The platforms behind one host: each call goes to the ports of the platform that it came from.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chat::{
    Attachment, CallId, MemberId, Message, MessageId, Place, Platform, PortError, Role, Scope,
    ports::{Archive, Archived, Attachments, Members, Notice, Notify, Room},
};
use console::Transcript;
use jiff::Timestamp;

/// What a platform knows of its rooms.
#[derive(Clone)]
pub struct Rooms {
    /// Who may what.
    pub members: Arc<dyn Members>,
    /// What was said.
    pub archive: Arc<dyn Archive>,
    /// What came with it.
    pub attachments: Arc<dyn Attachments>,
}

/// The platforms that are served.
#[derive(Clone, Default)]
pub struct Platforms {
    rooms: HashMap<Platform, Rooms>,
    notify: HashMap<Platform, Arc<dyn Notify>>,
}

impl Platforms {
    /// The terminal alone.
    pub fn console(transcript: Arc<Transcript>) -> Self {
        let mut platforms = Self::default();
        let (members, attachments) = (Arc::new(ConsoleMembers), Arc::new(NoFiles));
        platforms.add(Platform::Console, Rooms { members, archive: transcript, attachments });
        platforms
    }

    /// One more.
    pub fn add(&mut self, platform: Platform, rooms: Rooms) {
        self.rooms.insert(platform, rooms);
    }

    /// How a platform is told what nobody asked for just now.
    pub fn notify_by(&mut self, platform: Platform, notify: Arc<dyn Notify>) {
        self.notify.insert(platform, notify);
    }

    /// Whether a platform is told what nobody asked for just now.
    pub fn notifies(&self, platform: Platform) -> bool {
        self.notify.contains_key(&platform)
    }

    fn notifier(&self, place: &Place) -> Result<&Arc<dyn Notify>, PortError> {
        let reason = || format!("on {} nothing is said unasked", place.platform);
        self.notify.get(&place.platform).ok_or_else(|| PortError::Refused { port: "platforms", reason: reason() })
    }

    fn of(&self, place: &Place) -> Result<&Rooms, PortError> {
        let reason = || format!("{} is not served by this process", place.platform);
        self.rooms.get(&place.platform).ok_or_else(|| PortError::Refused { port: "platforms", reason: reason() })
    }
}

#[async_trait]
impl Members for Platforms {
    async fn role(&self, place: &Place, member: &MemberId) -> Result<Role, PortError> {
        self.of(place)?.members.role(place, member).await
    }

    async fn sees(&self, place: &Place, member: &MemberId) -> Result<bool, PortError> {
        self.of(place)?.members.sees(place, member).await
    }

    async fn scopes(&self, place: &Place, member: &MemberId) -> Result<Vec<Scope>, PortError> {
        self.of(place)?.members.scopes(place, member).await
    }

    async fn rooms(&self, place: &Place, member: &MemberId) -> Result<Vec<Room>, PortError> {
        self.of(place)?.members.rooms(place, member).await
    }
}

#[async_trait]
impl Archive for Platforms {
    async fn page(&self, place: &Place, before: Option<Timestamp>, limit: usize) -> Result<Vec<Archived>, PortError> {
        self.of(place)?.archive.page(place, before, limit).await
    }

    async fn message(&self, place: &Place, id: &MessageId) -> Result<Option<Archived>, PortError> {
        self.of(place)?.archive.message(place, id).await
    }

    async fn is_open(&self, place: &Place) -> Result<bool, PortError> {
        self.of(place)?.archive.is_open(place).await
    }

    async fn is_gone(&self, place: &Place, id: &MessageId) -> Result<bool, PortError> {
        self.of(place)?.archive.is_gone(place, id).await
    }

    async fn conversation(&self, message: &Message, limit: usize) -> Result<Vec<Archived>, PortError> {
        self.of(&message.place)?.archive.conversation(message, limit).await
    }
}

#[async_trait]
impl Attachments for Platforms {
    async fn fetch(&self, place: &Place, attachment: &Attachment, bytes_max: u64) -> Result<Vec<u8>, PortError> {
        self.of(place)?.attachments.fetch(place, attachment, bytes_max).await
    }
}

#[async_trait]
impl Notify for Platforms {
    async fn tell(&self, about: &Place, member: &MemberId, notice: &Notice, at: Timestamp) -> Result<(), PortError> {
        self.notifier(about)?.tell(about, member, notice, at).await
    }

    async fn post(&self, place: &Place, notice: &Notice, at: Timestamp) -> Result<(), PortError> {
        self.notifier(place)?.post(place, notice, at).await
    }

    async fn gather(
        &self,
        about: &Place,
        members: &[MemberId],
        name: &str,
        notice: &Notice,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.notifier(about)?.gather(about, members, name, notice, at).await
    }

    async fn revise(&self, place: &Place, posted: &CallId, text: Option<&str>, at: Timestamp) -> Result<(), PortError> {
        self.notifier(place)?.revise(place, posted, text, at).await
    }

    fn name(&self, platform: Platform, member: &MemberId) -> String {
        self.notify.get(&platform).map_or_else(|| "somebody".to_owned(), |notify| notify.name(platform, member))
    }

    fn whereabouts(&self, place: &Place) -> String {
        self.notify.get(&place.platform).map_or_else(|| "another room".to_owned(), |notify| notify.whereabouts(place))
    }
}

/// Who sits at the console owns the machine.
struct ConsoleMembers;

#[async_trait]
impl Members for ConsoleMembers {
    async fn role(&self, _: &Place, _: &MemberId) -> Result<Role, PortError> {
        Ok(Role::Operator)
    }

    async fn scopes(&self, _: &Place, _: &MemberId) -> Result<Vec<Scope>, PortError> {
        Ok(Vec::new())
    }

    async fn rooms(&self, place: &Place, _: &MemberId) -> Result<Vec<Room>, PortError> {
        Ok(vec![Room { place: place.clone(), name: String::new() }])
    }
}

/// A terminal has no attachments: `colloquy ingest` reads files there.
struct NoFiles;

#[async_trait]
impl Attachments for NoFiles {
    async fn fetch(&self, _: &Place, _: &Attachment, _: u64) -> Result<Vec<u8>, PortError> {
        Err(PortError::Refused { port: "attachments", reason: "the console has none".to_owned() })
    }
}
