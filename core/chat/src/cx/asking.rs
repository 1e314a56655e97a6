//! People as others ask them: who may know something, and what is said to them alone.
//!
//! **Invariant:** nobody is told anything, and nobody is weighed, without the switch of their consent that is for it:
//! looked up here at that moment, whatever a plugin believes.

use std::collections::HashSet;

use crate::{
    Audience, CallId, Cx, MemberId, Place, PluginError, Readable, Scope, Switch,
    ports::{Notice, SearchRequest},
    profile::Accounts,
};

const ASKING: &str = "looking for people to ask";
const TELLING: &str = "telling somebody something";

/// Passages among which those are found who may know something.
const PASSAGES_MAX: usize = 60;

/// Cosine of a passage, or of its best line, to the question from which its owner may know something of it.
const COSINE_MIN: f32 = 0.35;

/// People who are weighed, at most.
const PEOPLE_MAX: usize = 1_000;

/// Somebody who may know something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expert {
    /// The account that is in this place.
    pub member: MemberId,
    /// Why: the title of a paper that this place reads too. None where the reason is private: their own papers.
    pub reason: Option<String>,
}

impl Cx {
    /// Who of this room may know something of a text, by the papers that they own, nearest first: of those who agreed
    /// to be asked, without the caller. Nobody in private: there is no room to help in.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn experts(&self, text: &str, limit: usize) -> Result<Vec<Expert>, PluginError> {
        let place = &self.call.place;
        if place.audience != Audience::Room {
            return Ok(Vec::new());
        }
        let mut people = self.willing(Switch::Suggest).await?;
        people.truncate(PEOPLE_MAX);
        let accounts: Vec<MemberId> = people.iter().flatten().cloned().collect();
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let request = SearchRequest { per_document_max: 1, ..SearchRequest::new(text, PASSAGES_MAX) };
        // Not noted in the trail: what they own is nobody's to read there.
        let found = self.ports.search.search(&Readable::owned(&accounts), &request).await;
        let found = found.map_err(PluginError::port(ASKING))?;
        let (mut experts, mut weighed) = (Vec::new(), HashSet::new());
        for evidence in found.iter().filter(|found| found.cosine.max(found.line_cosine) >= COSINE_MIN) {
            let Scope::Person(owner) = &evidence.document.scope else { continue };
            let person = people.iter().position(|accounts| accounts.contains(owner));
            let Some(person) = person.filter(|person| weighed.insert(*person)) else { continue };
            if let Some(member) = self.present(place, &people[person]).await {
                let title = &evidence.document.title;
                let listed = self.documents(title, 0, 10).await?;
                let reason = listed.iter().any(|listing| listing.title == *title).then(|| title.clone());
                experts.push(Expert { member, reason });
            }
            if experts.len() >= limit {
                break;
            }
        }
        Ok(experts)
    }

    /// The accounts of each person who agreed to `switch`, without the caller.
    pub(super) async fn willing(&self, switch: Switch) -> Result<Vec<Accounts>, PluginError> {
        let willing = self.ports.register.willing(switch).await.map_err(PluginError::port(ASKING))?;
        let is_own = |person: &Accounts| {
            person.contains(&self.call.caller) || self.standing.accounts.iter().any(|account| person.contains(account))
        };
        Ok(willing.into_iter().filter(|person| !is_own(person)).collect())
    }

    /// The account of a person that is in a place, which is to see what is said there: who does not, does not hear what is
    /// asked there.
    pub(super) async fn present(&self, place: &Place, accounts: &[MemberId]) -> Option<MemberId> {
        for account in accounts {
            // An account of another platform is nobody here, and some say so by failing.
            match self.ports.members.sees(place, account).await {
                Ok(true) if self.heard_in(place, account).await => return Some(account.clone()),
                Ok(_) => {}
                Err(error) => self.warn(&error),
            }
        }
        None
    }

    /// Whether no moderator of a place blocked a person there.
    async fn heard_in(&self, place: &Place, member: &MemberId) -> bool {
        let standing = self.ports.register.standing(member).await;
        standing.map(|standing| !standing.blocked.holds_in(&place.room)).unwrap_or_else(|error| {
            self.warn(&error);
            false
        })
    }

    /// Whether the caller is in a place, with whichever of their accounts.
    pub async fn is_in(&self, place: &Place) -> bool {
        self.present(place, &self.standing.accounts).await.is_some()
    }

    /// Tells a person something alone that is about a place, if they agreed to `switch` and are in that place now: a message
    /// of its own, once for its key, which is the plugin's. The call under which its buttons are found.
    ///
    /// # Errors
    /// [`PluginError::Refused`] without their consent, or where they are blocked or not in that place any more;
    /// [`PluginError::Port`].
    pub async fn tell(
        &self,
        about: &Place,
        member: &MemberId,
        switch: Switch,
        notice: Notice,
    ) -> Result<CallId, PluginError> {
        let standing = self.ports.register.standing(member).await.map_err(PluginError::port(TELLING))?;
        if standing.blocked.holds_in(&about.room) || !standing.consent.to(switch) {
            return Err(PluginError::Refused("They did not agree to be told.".to_owned()));
        }
        // Days may have gone by since they were found there.
        if self.present(about, std::slice::from_ref(member)).await.is_none() {
            return Err(PluginError::Refused("They are not in that room any more.".to_owned()));
        }
        let notice = self.own(notice);
        self.ports.notify.tell(about, member, &notice, self.at).await.map_err(PluginError::port(TELLING))?;
        Ok(notice.call_id(about))
    }

    /// Says something in a room, once for its key. It must hold nothing that the room may not read.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the room is paused or has turned the plugin off; [`PluginError::Port`].
    pub async fn post(&self, place: &Place, notice: Notice) -> Result<(), PluginError> {
        let policy = self.ports.register.policy(&place.room).await.map_err(PluginError::port(TELLING))?;
        if policy.paused || policy.plugins_off.contains(&self.call.plugin) {
            return Err(PluginError::Refused("Nothing is said in that room now.".to_owned()));
        }
        let notice = self.own(notice);
        self.ports.notify.post(place, &notice, self.at).await.map_err(PluginError::port(TELLING))
    }

    /// The call under which the buttons of a notice will be found.
    pub fn call_of(&self, about: &Place, notice: &Notice) -> CallId {
        self.own(notice.clone()).call_id(about)
    }

    /// The call under which a notice will be found that is posted in a room.
    pub(super) fn posted(&self, place: &Place, notice: &Notice) -> CallId {
        self.own(notice.clone()).posted(place)
    }

    /// A person's name in a text for a place; it calls nobody.
    pub fn name(&self, place: &Place, member: &MemberId) -> String {
        self.ports.notify.name(place.platform, member)
    }

    /// A place's name in a text.
    pub fn whereabouts(&self, place: &Place) -> String {
        self.ports.notify.whereabouts(place)
    }

    /// The message that asked for an answer, as long as the answer is known: its id, where one can reply to it.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn asked_by(&self, answer: &CallId) -> Result<Option<crate::Message>, PluginError> {
        let post = self.ports.outbox.get(answer).await.map_err(PluginError::port("looking for an answer"))?;
        Ok(post.map(|post| post.question))
    }

    /// [`Cx::remember`] for what is another person's, or nobody's: it goes with its age, and with its owner.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn remember_of(
        &self,
        owner: Option<&MemberId>,
        key: &str,
        value: serde_json::Value,
    ) -> Result<(), PluginError> {
        let keeping = self.ports.data.set_beside(&self.call.id, self.at, &self.call.plugin, owner, key, value);
        keeping.await.map_err(PluginError::port("keeping its data"))
    }

    /// [`Cx::save`] for what is known of another person: it goes when they are forgotten.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn save_of(
        &self,
        owner: &MemberId,
        key: &str,
        value: Option<serde_json::Value>,
    ) -> Result<(), PluginError> {
        let keeping = self.ports.data.set(&self.call.plugin, Some((owner, self.at)), key, value);
        keeping.await.map_err(PluginError::port("keeping its data"))
    }

    /// The time.
    pub fn now(&self) -> jiff::Timestamp {
        self.at
    }

    /// With its key among this plugin's.
    pub(super) fn own(&self, notice: Notice) -> Notice {
        Notice { key: format!("{}/{}", self.call.plugin, notice.key), ..notice }
    }
}
