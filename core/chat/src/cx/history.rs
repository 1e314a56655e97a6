//! What was said, as the platform keeps it: in the call's own place, and, to the caller alone, wherever the caller reads.
//!
//! **Invariant:** nothing is read for a reply that somebody sees who may not read it there; whose words were read is noted.

use jiff::Timestamp;

use crate::{
    Audience, Cx, MemberId, MessageId, Place, PluginError, Role, Switch,
    ports::{Archived, Room},
};

const READING: &str = "reading a room's history";

/// A place that this call may read. Only [`Cx`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within(Room);

impl Within {
    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// What it is called; empty where that is not known.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl Cx {
    /// The call's own place.
    pub fn here(&self) -> Within {
        Within(Room { place: self.call.place.clone(), name: String::new() })
    }

    /// The room of the call, without the thread.
    pub fn channel(&self) -> Within {
        let place = Place { thread: None, ..self.call.place.clone() };
        Within(Room { place, name: String::new() })
    }

    /// The rooms on this platform that the caller may read now. None where others see the reply: it would show them what
    /// the caller reads elsewhere.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn rooms(&self) -> Result<Vec<Within>, PluginError> {
        if self.call.place.audience != Audience::Caller {
            return Ok(Vec::new());
        }
        let rooms = self.ports.members.rooms(&self.call.place, &self.call.caller).await;
        let mut open = Vec::new();
        for room in rooms.map_err(PluginError::port("looking up the caller's rooms"))? {
            // What a room's moderators turned off there is off from elsewhere too.
            let policy = self.ports.register.policy(&room.place.room).await;
            let policy = policy.map_err(PluginError::port("looking up a room's policy"))?;
            let is_blocked = self.standing.blocked.holds_in(&room.place.room) && self.call.role < Role::Operator;
            if !policy.paused && !policy.plugins_off.contains(&self.call.plugin) && !is_blocked {
                open.push(Within(room));
            }
        }
        Ok(open)
    }

    /// What was said there, newest first, at most `limit` (100 at most) messages.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn history(
        &self,
        within: &Within,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<Archived>, PluginError> {
        let archive = &self.ports.archive;
        if before.is_none() && !archive.is_open(within.place()).await.map_err(PluginError::port(READING))? {
            let why = "Who comes to this room does not see what was said before, so I do not tell it.";
            return Err(PluginError::Refused(why.to_owned()));
        }
        let page = archive.page(within.place(), before, limit).await.map_err(PluginError::port(READING))?;
        let others = page.iter().filter(|one| !one.ours && one.message.author != self.call.caller);
        self.note(|trace| {
            trace.messages.extend(page.iter().filter(|one| !one.ours).map(|one| one.message.call_id()));
            trace.voices.extend(others.map(|one| one.message.author.clone()));
            trace.voices.sort();
            trace.voices.dedup();
        });
        Ok(page)
    }

    /// A message of the call's own place; none where it is gone.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn message(&self, id: &MessageId) -> Result<Option<Archived>, PluginError> {
        let found = self.ports.archive.message(&self.call.place, id).await.map_err(PluginError::port(READING))?;
        if let Some(one) = found.as_ref().filter(|one| !one.ours) {
            self.note(|trace| trace.messages.push(one.message.call_id()));
            if one.message.author != self.call.caller {
                self.note(|trace| trace.voices.push(one.message.author.clone()));
            }
        }
        Ok(found)
    }

    /// The message that the call's own replies to, or whose menu it was called from.
    pub fn replied_to(&self) -> Option<&MessageId> {
        self.reply_to.as_ref()
    }
}

/// What may be done with what a person said, in a summary of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// It is told, with their name.
    Named,
    /// It is told, without.
    Unnamed,
    /// It is left out.
    Silent,
}

impl Cx {
    /// What may be done with what a person said at a time, by their own word then and now.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn voice(&self, member: &MemberId, said: Timestamp) -> Result<Voice, PluginError> {
        let standing = self.ports.register.standing_at(member, said).await;
        let consent = standing.map_err(PluginError::port("looking up what somebody consented to"))?.consent;
        Ok(match (consent.to(Switch::Omit), consent.to(Switch::Name)) {
            (true, _) => Voice::Silent,
            (false, true) => Voice::Named,
            (false, false) => Voice::Unnamed,
        })
    }
}
