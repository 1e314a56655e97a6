//! People and rooms as a plugin reaches them: what is the caller's own, and what the caller's role allows.
//!
//! **Invariant:** no plugin touches what is another person's but through a method that asks for the role that may.

use jiff::ToSpan;

use crate::{
    Attachment, CallId, Cx, MemberId, MessageId, PluginError, Policy, Role, Standing, Switch, people::Erased,
    ports::AuditEvent,
};

const PEOPLE: &str = "looking after people";
const ROOMS: &str = "looking after rooms";

impl Cx {
    /// What is known of the caller.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The room's policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Turns a switch of the caller's consent.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn set_consent(&self, switch: Switch, on: bool) -> Result<(), PluginError> {
        let setting = self.ports.register.set_consent(&self.call.caller, switch, on, self.at);
        setting.await.map_err(PluginError::port(PEOPLE))?;
        if switch == Switch::Index && !on { self.heed().await } else { Ok(()) }
    }

    /// Takes out what was said and may not be kept any more.
    async fn heed(&self) -> Result<(), PluginError> {
        self.ports.chronicle.heed().await.map(drop).map_err(PluginError::port(PEOPLE))
    }

    /// All that is kept of the caller, as a ZIP archive.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn export(&self) -> Result<Vec<u8>, PluginError> {
        self.ports.personal.export(&self.call.caller).await.map_err(PluginError::port(PEOPLE))
    }

    /// Removes all that is kept of the caller; what was removed.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn forget(&self) -> Result<Erased, PluginError> {
        self.ports.personal.forget(&self.call.caller).await.map_err(PluginError::port(PEOPLE))
    }

    /// A code that nobody can guess; one for each call.
    pub fn code(&self) -> String {
        let code = format!("{:012x}", self.code & 0xffff_ffff_ffff);
        format!("{}-{}-{}", &code[..4], &code[4..8], &code[8..])
    }

    /// A code that another account of the caller's can say within so many minutes.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn offer_link(&self, minutes: i64) -> Result<String, PluginError> {
        let code = self.code();
        let until = self.at + minutes.minutes();
        let offering = self.ports.register.offer_link(&self.call.caller, &code, until);
        offering.await.map_err(PluginError::port(PEOPLE))?;
        Ok(code)
    }

    /// Links the caller's account with the one that was given the code; that one, where there is one.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn accept_link(&self, code: &str) -> Result<Option<MemberId>, PluginError> {
        let linking = self.ports.register.accept_link(&self.call.caller, code.trim(), self.at);
        linking.await.map_err(PluginError::port(PEOPLE))
    }

    /// Parts the caller's account from their others; whether there were others.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn unlink(&self) -> Result<bool, PluginError> {
        let is_parted = self.ports.register.unlink(&self.call.caller).await.map_err(PluginError::port(PEOPLE))?;
        // A consent that was given with another account holds for this one no more.
        self.heed().await?;
        Ok(is_parted)
    }

    /// Sets the room's policy, or the default again.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator, or changes `reads` and is no operator;
    /// [`PluginError::Port`].
    pub async fn set_policy(&self, policy: Option<&Policy>) -> Result<(), PluginError> {
        self.needs(Role::Moderator)?;
        let reads = policy.map(|policy| &policy.reads).cloned().unwrap_or_default();
        // Fewer is for moderators too.
        if !reads.is_subset(&self.policy.reads) {
            self.needs(Role::Operator)?;
        }
        let setting = self.ports.register.set_policy(&self.call.place.room, policy);
        setting.await.map_err(PluginError::port(ROOMS))
    }

    /// Whether everything is paused, whatever this room's policy says.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn is_paused(&self) -> Result<bool, PluginError> {
        self.ports.register.is_paused().await.map_err(PluginError::port(ROOMS))
    }

    /// Pauses everything, or ends that.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no operator; [`PluginError::Port`].
    pub async fn pause_all(&self, paused: bool) -> Result<(), PluginError> {
        self.needs(Role::Operator)?;
        self.ports.register.pause_all(paused).await.map_err(PluginError::port(ROOMS))
    }

    /// Gives a person a role, or takes it.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no operator; [`PluginError::Port`].
    pub async fn set_grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), PluginError> {
        self.needs(Role::Operator)?;
        self.ports.register.set_grant(member, role).await.map_err(PluginError::port(PEOPLE))
    }

    /// Answers a person nothing from now on, or answers again.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator, or means themselves or who has a role by grant;
    /// [`PluginError::Port`].
    pub async fn set_blocked(&self, member: &MemberId, blocked: bool) -> Result<(), PluginError> {
        self.needs(Role::Moderator)?;
        let theirs = self.ports.register.standing(member).await.map_err(PluginError::port(PEOPLE))?;
        let is_own = theirs.accounts.contains(&self.call.caller);
        if blocked && (is_own || theirs.grant >= Some(Role::Moderator)) {
            return Err(PluginError::Refused("Neither yourself nor who has a moderator's role.".to_owned()));
        }
        self.ports.register.set_blocked(member, blocked).await.map_err(PluginError::port(PEOPLE))
    }

    /// How an answer of this room came about; an operator's view has no room.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator; [`PluginError::Port`].
    pub async fn flight(&self, call: &CallId) -> Result<Option<AuditEvent>, PluginError> {
        self.needs(Role::Moderator)?;
        let flight = self.ports.audit.flight(call).await.map_err(PluginError::port("reading the audit trail"))?;
        let here = |event: &AuditEvent| {
            let (there, here) = (&event.call.place, &self.call.place);
            (there.platform, &there.room) == (here.platform, &here.room)
        };
        // What was said to somebody else alone is theirs, in whatever room.
        let is_mine = |event: &AuditEvent| event.call.caller == self.call.caller;
        let is_public = |event: &AuditEvent| event.call.place.audience == crate::Audience::Room;
        Ok(flight.filter(|event| here(event) && (is_public(event) || is_mine(event))))
    }

    /// The call that was answered by the message that a link leads to, of this platform.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn answer_at(&self, link: &str) -> Result<Option<CallId>, PluginError> {
        let last = link.trim().trim_end_matches(['/', '>']).rsplit('/').next().unwrap_or_default();
        let id = MessageId(last.split('?').next().unwrap_or_default().to_owned());
        let showing = self.ports.outbox.showing(self.call.place.platform, &id);
        let post = showing.await.map_err(PluginError::port("looking for an answer"))?;
        Ok(post.map(|post| post.call))
    }

    /// The bytes of a file that came with the call, at most `bytes_max`.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`](crate::PortError::Refused) where it is larger.
    pub async fn attached(&self, attachment: &Attachment, bytes_max: u64) -> Result<Vec<u8>, PluginError> {
        let fetching = self.ports.attachments.fetch(&self.call.place, attachment, bytes_max);
        fetching.await.map_err(PluginError::port("fetching a file"))
    }

    /// # Errors
    /// [`PluginError::Refused`] where the caller's role is lower.
    pub(super) fn needs(&self, role: Role) -> Result<(), PluginError> {
        if self.call.role >= role {
            return Ok(());
        }
        Err(PluginError::Refused(format!("That needs the role {}.", role.name())))
    }
}
