//! What is said in a room without being meant for the assistant, and said again: in other words, or in another room.
//!
//! **Invariant:** a plugin hears the rooms whose moderators let it listen, and no others; what it said again of a message is
//! changed with that message, goes with it, and is forgotten with its author.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Audience, CallId, Cx, MemberId, Message, MessageId, Overheard, Place, Platform, PluginError, Role,
    ports::{Archived, ECHO, Notice},
    text::digest,
};

const ECHOING: &str = "saying something again";

/// What was said again of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Where the message stands.
    pub place: Place,
    /// The message.
    pub message: MessageId,
    /// Who said it.
    pub author: MemberId,
    /// Where it was said again.
    pub to: Place,
    /// The call under which that is found.
    pub posted: CallId,
    /// What tells the text that was said again from others; none where it was taken back.
    pub print: Option<u64>,
    /// Whether a person wanted it, though it would not have been said again by itself.
    pub is_forced: bool,
}

impl Echo {
    /// Whether it says again what the message says as `text`.
    fn says(&self, text: &str) -> bool {
        self.print == Some(print(text))
    }

    /// The key, in the plugin's own data, under which the echo of a message is remembered.
    pub fn key(place: &Place, message: &MessageId) -> String {
        format!("echo:{}:{}:{message}", place.platform, place.room)
    }

    /// The same, by what was said.
    fn key_of(posted: &CallId) -> String {
        format!("echo-of:{posted}")
    }
}

/// What something stands below that is said again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Below {
    /// A message.
    Message(MessageId),
    /// What was said again under this call, which may not be shown yet.
    Echo(CallId),
}

/// What the key begins with under which a plugin's wish to hear a room is kept, in the plugin's own data. What stands there
/// goes on with a room that goes on as another, and so does any [`Place`] in it.
pub const LISTENING: &str = "listens:";

/// The key, in a plugin's own data, under which its wish to hear a room is kept.
pub fn listening(place: &Place) -> String {
    format!("{LISTENING}{}:{}", place.platform, place.room)
}

/// A plugin's wish to hear a room, as it is kept.
#[derive(Serialize, Deserialize)]
struct Listening {
    /// From when on: what was said before was not said to it.
    since: Timestamp,
    /// Why.
    why: Value,
}

/// Whether a plugin hears what was said at a time, by what is kept under [`listening`]. What an earlier version kept tells no time.
pub fn hears(kept: &Value, said: Timestamp) -> bool {
    Listening::deserialize(kept).map_or(true, |listening| listening.since <= said)
}

/// What the key begins with under which a plugin keeps something of a room, in its own data: it goes on with a room that
/// goes on as another.
pub const OF_ROOM: &str = "of-room:";

/// The key, in a plugin's own data, under which it keeps `what` of a room.
pub fn of_room(what: &str, place: &Place) -> String {
    format!("{OF_ROOM}{what}:{}:{}", place.platform, place.room)
}

/// The key, in a plugin's own data, under which what it hears is kept until it has dealt with it. What a message says after
/// an edit is kept beside what it said before.
pub fn kept(heard: &Overheard) -> String {
    let Message { place, id, text, .. } = &heard.message;
    format!("{}{}:{id}:{:016x}", kept_of(place.platform), place.room, print(text))
}

/// What the keys of all begin with that is kept so of a platform.
pub fn kept_of(platform: Platform) -> String {
    format!("heard:{platform}:")
}

/// What tells a text from others: the first half of a digest's first half.
fn print(text: &str) -> u64 {
    u64::from_str_radix(&digest(&[text])[..16], 16).unwrap_or_default()
}

impl Cx {
    /// The message that this call is made with, where nobody made it: one of a room in which the plugin listens.
    pub fn heard(&self) -> Option<&Overheard> {
        self.heard.as_ref()
    }

    /// From now on the plugin hears what is said in the call's own room, for the reason `why`; or in another one, where `by`
    /// still looks after that and wants it. What was said before it does not hear, however late it comes.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator here, or `by` none there; [`PluginError::Port`].
    pub async fn listen(&self, room: &Place, by: &MemberId, why: Value) -> Result<(), PluginError> {
        self.needs(Role::Moderator)?;
        let is_own = room.platform == self.call.place.platform && room.room == self.call.place.room;
        if !is_own && !self.looks_after(room, by).await? {
            let sentence = "Who wanted that in the other room does not look after it any more.";
            return Err(PluginError::Refused(sentence.to_owned()));
        }
        let key = listening(room);
        let known = self.load(&key).await?.and_then(|value| Listening::deserialize(value).ok());
        // The other room may be another platform's, with a clock of its own.
        let now = if is_own { self.counted() } else { self.at };
        let since = known.map_or(now, |known| known.since);
        self.save(&key, Some(json!(Listening { since, why }))).await
    }

    /// From now on the plugin does not hear what is said in a room any more.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator; [`PluginError::Port`].
    pub async fn stop_listening(&self, room: &Place) -> Result<(), PluginError> {
        self.needs(Role::Moderator)?;
        self.save(&listening(room), None).await
    }

    /// Whether somebody looks after a room now, and is answered there.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn looks_after(&self, room: &Place, member: &MemberId) -> Result<bool, PluginError> {
        let looking = "looking up who looks after a room";
        let standing = self.ports.register.standing(member).await.map_err(PluginError::port(looking))?;
        let role = self.ports.members.role(room, member).await.map_err(PluginError::port(looking))?;
        let role = role.max(standing.grant.unwrap_or(Role::Guest));
        Ok(role >= Role::Operator || (role >= Role::Moderator && !standing.blocked.holds_in(&room.room)))
    }

    /// What a room is called, as somebody who is in it finds it, and where it is. Their words: not to be shown as they are.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn called(&self, place: &Place, by: &MemberId) -> Result<String, PluginError> {
        let rooms = self.ports.members.rooms(place, by).await.map_err(PluginError::port("looking up a room"))?;
        let found = rooms.into_iter().find(|room| room.place.room == place.room && !room.name.is_empty());
        Ok(found.map(|room| room.name).unwrap_or_default())
    }

    /// Whether the call was made in a room, though its reply is for the caller alone; a conversation with the assistant is
    /// none.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn is_in_room(&self) -> Result<bool, PluginError> {
        let place = &self.call.place;
        if place.platform == Platform::Console || place.audience == Audience::Room {
            return Ok(place.audience == Audience::Room);
        }
        let rooms = self.ports.members.rooms(place, &self.call.caller).await;
        Ok(rooms.map_err(PluginError::port("looking up a room"))?.iter().any(|room| room.place.room == place.room))
    }

    /// Removes all that the plugin keeps of a room under `what`, and what begins so.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn clear_of_room(&self, what: &str, place: &Place) -> Result<(), PluginError> {
        let (doing, end) = ("clearing its data", of_room("", place).split_off(OF_ROOM.len()));
        let found = self.ports.data.list(&self.call.plugin, &format!("{OF_ROOM}{what}")).await;
        for (key, _) in found.map_err(PluginError::port(doing))? {
            if key.ends_with(&end) {
                self.save(&key, None).await?;
            }
        }
        Ok(())
    }

    /// Why the plugin hears what is said in a room; none where it does not.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn listens(&self, room: &Place) -> Result<Option<Value>, PluginError> {
        let kept = self.load(&listening(room)).await?;
        Ok(kept.map(|value| Listening::deserialize(&value).map_or(value, |listening| listening.why)))
    }

    /// Says a message again: as `text` in `to`, below what is given there. Of one that was said again before, that is changed.
    /// `is_forced` is remembered for its edits.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where that room is paused or has turned the plugin off; [`PluginError::Port`].
    pub async fn echo(
        &self,
        heard: &Overheard,
        (to, below): (&Place, Option<Below>),
        text: &str,
        is_forced: bool,
    ) -> Result<(), PluginError> {
        self.note(|trace| trace.has_echoed = true);
        let message = &heard.message;
        let known = self.echoed(&message.place, &message.id).await?;
        let print = Some(print(&message.text));
        if let Some(echo) = known {
            // Without a post it was taken back, or a process died before it was said.
            let post = self.ports.outbox.get(&echo.posted).await.map_err(PluginError::port(ECHOING))?;
            if post.is_some() {
                self.revise(&echo, Some(text)).await?;
                return self.remember_echo(&Echo { print, is_forced, ..echo }).await;
            }
        }
        let key = format!("{}:{}:{}", message.place.platform, message.place.room, message.id);
        let of = Some(message.author.clone());
        let (reply_to, below) = match below {
            Some(Below::Message(message)) => (Some(message), None),
            Some(Below::Echo(call)) => (None, Some(call)),
            None => (None, None),
        };
        let notice = Notice { reply_to, below, of, ..Notice::new(format!("{ECHO}/{key}"), text) };
        let (posted, author) = (self.posted(to, &notice), message.author.clone());
        let (place, message, to) = (message.place.clone(), message.id.clone(), to.clone());
        let echo = Echo { place, message, author, to, posted, print, is_forced };
        // Before it is said, so that whatever is said can be changed and taken back.
        self.remember_echo(&echo).await?;
        self.post(&echo.to, notice).await
    }

    /// Takes back what was said again of a message.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn take_back(&self, place: &Place, message: &MessageId) -> Result<(), PluginError> {
        let Some(echo) = self.echoed(place, message).await?.filter(|echo| echo.print.is_some()) else { return Ok(()) };
        self.revise(&echo, None).await?;
        self.remember_echo(&Echo { print: None, ..echo }).await
    }

    /// What was said again of a message, as long as that is known.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn echoed(&self, place: &Place, message: &MessageId) -> Result<Option<Echo>, PluginError> {
        let found = self.load(&Echo::key(place, message)).await?;
        Ok(found.and_then(|value| serde_json::from_value(value).ok()))
    }

    /// Whether an echo says again what its message says as `text`: one that a process died over may never have been said.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn is_said(&self, echo: &Echo, text: &str) -> Result<bool, PluginError> {
        let is_the_same = echo.says(text);
        Ok(is_the_same && self.ports.outbox.get(&echo.posted).await.map_err(PluginError::port(ECHOING))?.is_some())
    }

    /// What stands in `to` for a message of another place: its echo there, shown or not yet, or what it is itself the echo
    /// of.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn counterpart(
        &self,
        place: &Place,
        message: &MessageId,
        to: &Place,
    ) -> Result<Option<Below>, PluginError> {
        let outbox = &self.ports.outbox;
        if let Some(echo) = self.echoed(place, message).await?.filter(|echo| echo.to.room == to.room) {
            let post = outbox.get(&echo.posted).await.map_err(PluginError::port(ECHOING))?;
            return Ok(post.map(|post| Below::Echo(post.call)));
        }
        let showing = outbox.showing(place.platform, message).await.map_err(PluginError::port(ECHOING))?;
        let Some(post) = showing else { return Ok(None) };
        let found = self.load(&Echo::key_of(&post.call)).await?;
        let echo: Option<Echo> = found.and_then(|value| serde_json::from_value(value).ok());
        Ok(echo.filter(|echo| echo.place.room == to.room).map(|echo| Below::Message(echo.message)))
    }

    /// A message as it stands now: what was heard some time ago may have been changed since. None where it is gone, or where
    /// its platform gives out no single one.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn as_it_stands(&self, heard: &Overheard) -> Result<Option<Archived>, PluginError> {
        let message = &heard.message;
        let reading = self.ports.archive.message(&message.place, &message.id).await;
        reading.map_err(PluginError::port("reading a message"))
    }

    /// Whether a person is answered nothing in this room.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn is_blocked(&self, member: &MemberId) -> Result<bool, PluginError> {
        let standing = self.ports.register.standing(member).await;
        let blocked = standing.map_err(PluginError::port("looking up a person"))?.blocked;
        Ok(blocked.holds_in(&self.call.place.room))
    }

    /// Whether a message is gone for sure.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn is_gone(&self, heard: &Overheard) -> Result<bool, PluginError> {
        let looking = self.ports.archive.is_gone(&heard.message.place, &heard.message.id).await;
        looking.map_err(PluginError::port("looking for a message"))
    }

    async fn revise(&self, echo: &Echo, text: Option<&str>) -> Result<(), PluginError> {
        let revising = self.ports.notify.revise(&echo.to, &echo.posted, text, self.at).await;
        revising.map_err(PluginError::port(ECHOING))
    }

    async fn remember_echo(&self, echo: &Echo) -> Result<(), PluginError> {
        let value = serde_json::to_value(echo).map_err(crate::PortError::failed("plugin data", ECHOING));
        let value = value.map_err(PluginError::port(ECHOING))?;
        let (plugin, author) = (&self.call.plugin, Some(&echo.author));
        for key in [Echo::key(&echo.place, &echo.message), Echo::key_of(&echo.posted)] {
            let keeping = self.ports.data.set_beside(&echo.posted, self.at, plugin, author, &key, value.clone());
            keeping.await.map_err(PluginError::port(ECHOING))?;
        }
        Ok(())
    }
}
