//! People by their work, as a plugin reaches them: the caller's own profile, and who of those that agreed fits a need.
//!
//! **Invariant:** nobody is weighed, counted or named who did not agree to be matched, who is blocked, or with whom the caller
//! shares no room: looked up here at that moment, whatever a plugin believes.

use crate::{
    Attachment, Cx, MemberId, Place, PluginError, Role, Switch,
    ports::{Notice, Outcome},
    profile::{Accounts, Entry, Facts, Fit, Group, Need, Profile, Topic, Works},
};

const PROFILE: &str = "looking after a profile";
const MATCHING: &str = "looking for people";

/// Rooms of the caller in which somebody may be met.
const ROOMS_MAX: usize = 16;

/// Fits that are looked at first, beside what the limit asks for.
const PAGE: usize = 32;

/// People who are looked for in the caller's rooms, at most: some platforms are asked for each.
const LOOKED_MAX: usize = 200;

/// Somebody who fits, and where the caller meets them.
#[derive(Debug, Clone, PartialEq)]
pub struct Met {
    /// The account that is in that place.
    pub member: MemberId,
    /// All of their accounts.
    pub accounts: Accounts,
    /// A place that both are in.
    pub place: Place,
    /// How they fit.
    pub fit: Fit,
}

impl Cx {
    /// The caller's profile.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn profile(&self) -> Result<Profile, PluginError> {
        self.ports.matching.profile(&self.standing.accounts).await.map_err(PluginError::port(PROFILE))
    }

    /// What the caller's entries are about.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn topics(&self) -> Result<Vec<Topic>, PluginError> {
        self.ports.matching.topics(&self.standing.accounts).await.map_err(PluginError::port(PROFILE))
    }

    /// Replaces what the caller says of who they are.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn set_facts(&self, facts: &Facts) -> Result<(), PluginError> {
        let setting = self.ports.matching.set_facts(&self.standing.accounts, &self.call.caller, facts);
        setting.await.map_err(PluginError::port(PROFILE))
    }

    /// Keeps entries of the caller's; how many are new.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`](crate::PortError::Refused) where there would be too many.
    pub async fn keep_entries(&self, entries: &[Entry]) -> Result<usize, PluginError> {
        let keeping = self.ports.matching.keep(&self.standing.accounts, &self.call.caller, entries);
        keeping.await.map_err(PluginError::port(PROFILE))
    }

    /// Removes entries of the caller's; how many there were.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn discard_entries(&self, ids: &[String]) -> Result<usize, PluginError> {
        self.ports.matching.discard(&self.standing.accounts, ids).await.map_err(PluginError::port(PROFILE))
    }

    /// Reads a list of works, or a paper, that came with the call; nothing is kept yet.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`](crate::PortError::Refused) where it is larger than `bytes_max` or none.
    pub async fn works(&self, attachment: &Attachment, bytes_max: u64) -> Result<Works, PluginError> {
        let bytes = self.attached(attachment, bytes_max).await?;
        self.ports.matching.works(&attachment.name, bytes).await.map_err(PluginError::port(PROFILE))
    }

    /// Who fits a need, best first, at most `limit`: of those who agreed to be matched, are not away, share a room with the
    /// caller, and pass `suits`, which is asked for each of them once.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn fitting(
        &self,
        need: Need,
        limit: usize,
        mut suits: impl FnMut(&Accounts, &Fit) -> bool,
    ) -> Result<Vec<Met>, PluginError> {
        // The caller among them, so that they are the same for every seeker, and packed once.
        let among = self.ports.register.willing(Switch::Match).await.map_err(PluginError::port(MATCHING))?;
        let own = &self.standing.accounts;
        let need = Need { seekers: vec![self.standing.accounts.clone()], among, ..need };
        let places = self.meeting_places().await?;
        let mut met: Vec<Met> = Vec::new();
        let (mut seen, mut looked) = (0, 0);
        // A page of the best, as each is explained; all of them only where few of those are where the caller is.
        for page in [8 * limit + PAGE, need.among.len()] {
            let fits = self.ports.matching.rank(&need, page).await.map_err(PluginError::port(MATCHING))?;
            let is_all = fits.len() < page;
            for fit in fits.into_iter().skip(seen) {
                seen += 1;
                let accounts = &need.among[fit.person];
                let is_own = accounts.iter().any(|account| own.contains(account) || *account == self.call.caller);
                if is_own || fit.facts.away || !suits(accounts, &fit) {
                    continue;
                }
                looked += 1;
                if let Some((member, place)) = self.meets(accounts, &places).await {
                    met.push(Met { member, accounts: accounts.clone(), place, fit });
                }
                if met.len() >= limit || looked >= LOOKED_MAX {
                    return Ok(met);
                }
            }
            if is_all {
                break;
            }
        }
        Ok(met)
    }

    /// The persons who agreed to be matched and are in this place, the caller included where they agreed; `limit` are looked for.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator; [`PluginError::Port`].
    pub async fn matched_here(&self, limit: usize) -> Result<Vec<Accounts>, PluginError> {
        self.needs(Role::Moderator)?;
        let mut here = Vec::new();
        let willing = self.ports.register.willing(Switch::Match).await.map_err(PluginError::port(MATCHING))?;
        for accounts in willing.into_iter().take(limit) {
            if self.present(&self.call.place, &accounts).await.is_some() {
                here.push(accounts);
            }
        }
        Ok(here)
    }

    /// Who of these together covers a need, at most `size`: a member's [`Fit::person`] is their place in `met`.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn team_of(&self, need: Need, met: &[Met], size: usize) -> Result<Group, PluginError> {
        let need = Need { among: met.iter().map(|one| one.accounts.clone()).collect(), ..need };
        self.ports.matching.team(&need, size).await.map_err(PluginError::port(MATCHING))
    }

    /// Where the caller may meet somebody: the call's room first, then their others. A conversation with the assistant alone
    /// is no such place: some platforms take everybody for a member of it.
    async fn meeting_places(&self) -> Result<Vec<Place>, PluginError> {
        let mut places: Vec<Place> = self.rooms().await?.iter().map(|room| room.place().clone()).collect();
        places.sort_by_key(|place| place.room != self.call.place.room);
        places.truncate(ROOMS_MAX);
        Ok(places)
    }

    /// The first of these places that a person is in too, with the account that is there.
    async fn meets(&self, accounts: &[MemberId], places: &[Place]) -> Option<(MemberId, Place)> {
        for place in places {
            if let Some(member) = self.present(place, accounts).await {
                return Some((member, place.clone()));
            }
        }
        None
    }

    /// Notes that these are shown to the caller: with each of them, what is known of the call is forgotten.
    pub fn shows(&self, met: &[Met]) {
        self.note(|trace| trace.voices.extend(met.iter().map(|one| one.member.clone())));
    }

    /// All accounts of a person.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn accounts_of(&self, member: &MemberId) -> Result<Accounts, PluginError> {
        let standing = self.ports.register.standing(member).await.map_err(PluginError::port(MATCHING))?;
        Ok(standing.accounts)
    }

    /// Whether somebody whom the caller was shown may be asked to meet: they still agree to be matched, are neither blocked nor
    /// away, and both are in that place.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn may_meet(&self, member: &MemberId, place: &Place) -> Result<bool, PluginError> {
        let standing = self.ports.register.standing(member).await.map_err(PluginError::port(MATCHING))?;
        if standing.blocked.holds_in(&place.room) || !standing.consent.to(Switch::Match) {
            return Ok(false);
        }
        let profile = self.ports.matching.profile(&standing.accounts).await.map_err(PluginError::port(MATCHING))?;
        let are_in = self.is_in(place).await && self.present(place, &standing.accounts).await.is_some();
        Ok(!profile.facts.away && are_in)
    }

    /// Opens a room of their own for the caller and another one, and says it there, once for its key; each is told alone where
    /// that cannot be. Both said yes: that is the plugin's to know.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the other is blocked by now, one of them is not in the place of `about` any more, or `own`
    /// is no account of the caller's; [`PluginError::Port`].
    pub async fn gather(
        &self,
        about: &Place,
        own: &MemberId,
        other: &MemberId,
        name: &str,
        notice: Notice,
    ) -> Result<(), PluginError> {
        let standing = self.ports.register.standing(other).await.map_err(PluginError::port(MATCHING))?;
        // The room that is opened lies where they met, and names them to whoever sees it there.
        let are_in = self.present(about, std::slice::from_ref(own)).await.is_some()
            && self.present(about, std::slice::from_ref(other)).await.is_some();
        if standing.blocked.holds_in(&about.room) || !are_in || !self.standing.accounts.contains(own) {
            return Err(PluginError::Refused("They cannot be brought together any more.".to_owned()));
        }
        let (notice, members) = (self.own(notice), [other.clone(), own.clone()]);
        let gathering = self.ports.notify.gather(about, &members, name, &notice, self.at);
        gathering.await.map_err(PluginError::port(MATCHING))
    }

    /// Notes what became of a possible introduction, to learn from, where both let the assistant learn from what they do.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn outcome(
        &self,
        need: &str,
        seeker: &MemberId,
        fit: (&MemberId, &[f32]),
        outcome: Outcome,
    ) -> Result<(), PluginError> {
        for member in [seeker, fit.0] {
            let standing = self.ports.register.standing(member).await.map_err(PluginError::port(MATCHING))?;
            if !standing.consent.to(Switch::Improve) {
                return Ok(());
            }
        }
        let noting = self.ports.matching.outcome(need, seeker, fit, outcome, self.at);
        noting.await.map_err(PluginError::port(MATCHING))
    }
}
