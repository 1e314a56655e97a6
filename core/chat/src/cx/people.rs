//! People and rooms as a plugin reaches them: what is the caller's own, and what the caller's role allows.
//!
//! **Invariant:** no plugin touches what is another person's but through a method that asks for the role that may.

use jiff::ToSpan;

use crate::{
    Attachment, Blocked, CallId, Cx, MemberId, MessageId, PluginError, Policy, PortError, Role, Standing, Switch,
    people::{Erased, Export, Linking, Party, counts_from},
    ports::{AuditEvent, Notice},
};

const PEOPLE: &str = "looking after people";
const ROOMS: &str = "looking after rooms";

/// How long the account that was asked to confirm a link has for it.
const CONFIRM_HOURS: i64 = 24;

/// The other account of a link, which may be told of it. Only [`Cx`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side(Party);

impl Side {
    /// All accounts that come with it, itself among them.
    pub fn accounts(&self) -> &[MemberId] {
        &self.0.accounts
    }

    /// The account.
    pub fn member(&self) -> &MemberId {
        &self.0.member
    }

    /// Its platform.
    pub fn platform(&self) -> crate::Platform {
        self.0.place.platform
    }
}

impl Cx {
    /// What is known of the caller.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The room's policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is known of the caller now: after a change that this call made.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn standing_now(&self) -> Result<Standing, PluginError> {
        self.ports.register.standing(&self.call.caller).await.map_err(PluginError::port(PEOPLE))
    }

    /// From when on counts what this call changes: see [`counts_from`].
    pub(super) fn counted(&self) -> jiff::Timestamp {
        counts_from(self.asked_at, self.at)
    }

    /// Turns a switch of the caller's consent, from the time on at which they said so.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn set_consent(&self, switch: Switch, on: bool) -> Result<(), PluginError> {
        let setting = self.ports.register.set_consent(&self.call.caller, switch, on, self.counted());
        setting.await.map_err(PluginError::port(PEOPLE))?;
        if switch == Switch::Index && !on { self.heed().await } else { Ok(()) }
    }

    /// Takes out what was said and may not be kept any more.
    async fn heed(&self) -> Result<(), PluginError> {
        self.ports.chronicle.heed().await.map(drop).map_err(PluginError::port(PEOPLE))
    }

    /// All that is kept of the caller.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where they asked too often; [`PluginError::Port`].
    pub async fn export(&self) -> Result<Export, PluginError> {
        self.ports.personal.export(&self.call.caller, self.at).await.map_err(too_often)
    }

    /// Removes all that is kept of the caller; what was removed.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where they asked too often; [`PluginError::Port`].
    pub async fn forget(&self) -> Result<Erased, PluginError> {
        // What they said before is told apart by the platform's clock, which may be ahead of ours.
        let until = self.at.max(self.counted());
        self.ports.personal.forget(&self.call.caller, until).await.map_err(too_often)
    }

    /// A code that nobody can guess; one for each call.
    pub fn code(&self) -> String {
        let code = format!("{:012x}", self.code & 0xffff_ffff_ffff);
        format!("{}-{}-{}", &code[..4], &code[4..8], &code[8..])
    }

    /// A secret to be kept, as long as a digest; another than [`Cx::code`] tells, and one for each call.
    pub fn secret(&self) -> String {
        crate::text::digest(&["secret", &format!("{:016x}", self.code), &self.call.id.0])
    }

    /// A code that another account of the caller's can say within so many minutes.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn offer_link(&self, minutes: i64) -> Result<String, PluginError> {
        let code = self.code();
        let until = self.at + minutes.minutes();
        let offering = self.ports.register.offer_link(&self.call.caller, &self.call.place, &code, until);
        offering.await.map_err(PluginError::port(PEOPLE))?;
        Ok(code)
    }

    /// The caller's account says a code: what that did, and the code for the next step. Nothing where it did nothing.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn say_link(&self, code: &str) -> Result<Option<(Linking<Side>, String)>, PluginError> {
        let (next, until) = (self.code(), self.at + CONFIRM_HOURS.hours());
        let Self { call, ports, .. } = self;
        let said = ports.register.say_link(&call.caller, &call.place, code.trim(), (&next, until), self.at).await;
        let Some(linking) = said.map_err(PluginError::port(PEOPLE))? else { return Ok(None) };
        if matches!(linking, Linking::Linked(_)) {
            // What one of the two allows alone holds for neither any more.
            self.heed().await?;
        }
        Ok(Some((linking.map(Side), next)))
    }

    /// The caller's own account, as the other one of a link sees it.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn own_side(&self) -> Result<Side, PluginError> {
        let (member, place) = (self.call.caller.clone(), self.call.place.clone());
        Ok(Side(Party { member, place, accounts: self.standing_now().await?.accounts }))
    }

    /// The account that confirmed and waits for the caller's to do the same, with the code for it.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn pending_link(&self) -> Result<Option<(Side, String)>, PluginError> {
        let pending = self.ports.register.pending_link(&self.call.caller, self.at).await;
        Ok(pending.map_err(PluginError::port(PEOPLE))?.map(|(party, code)| (Side(party), code)))
    }

    /// Ends an offer with the code by which the caller would have confirmed; whether there was one.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn refuse_link(&self, code: &str) -> Result<bool, PluginError> {
        let refusing = self.ports.register.refuse_link(&self.call.caller, code.trim()).await;
        refusing.map_err(PluginError::port(PEOPLE))
    }

    /// The name of the other account of a link, with its platform: the caller decides by it.
    pub fn name_of(&self, side: &Side) -> String {
        let (name, id) = (self.name(&side.0.place, side.member()), side.member().0.replace('`', ""));
        let named = if name.contains(&id) { name } else { format!("{name} (`{id}`)") };
        let platform = side.platform().to_string();
        let (first, rest) = platform.split_at(platform.chars().next().map_or(0, char::len_utf8));
        format!("{}{rest}: {named}", first.to_uppercase())
    }

    /// Tells the other account of a link alone, whatever it consented to: the link is about it. Whether its platform tells people
    /// anything unasked.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn tell_side(&self, side: &Side, notice: Notice) -> Result<bool, PluginError> {
        let (Party { place, member, .. }, notice) = (&side.0, self.own(notice));
        match self.ports.notify.tell(place, member, &notice, self.at).await {
            Ok(()) => Ok(true),
            Err(PortError::Refused { .. }) => Ok(false),
            Err(error) => Err(PluginError::port(PEOPLE)(error)),
        }
    }

    /// Parts the caller's account from their others; whether there were others.
    ///
    /// # Errors
    /// [`PluginError::Port`].
    pub async fn unlink(&self) -> Result<bool, PluginError> {
        let parting = self.ports.register.unlink(&self.call.caller, self.at).await;
        let is_parted = parting.map_err(PluginError::port(PEOPLE))?;
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
        let setting = self.ports.register.set_policy(&self.call.place.room, policy, self.counted());
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

    /// Answers a person nothing from now on, or answers again: a moderator in this room, an operator everywhere. Where they
    /// are answered nothing by now.
    ///
    /// # Errors
    /// [`PluginError::Refused`] where the caller is no moderator, or blocks themselves or somebody whose role here is as high
    /// as theirs; [`PluginError::Port`].
    pub async fn set_blocked(&self, member: &MemberId, blocked: bool) -> Result<Blocked, PluginError> {
        self.needs(Role::Moderator)?;
        let (place, register) = (&self.call.place, &self.ports.register);
        let theirs = register.standing(member).await.map_err(PluginError::port(PEOPLE))?;
        let mut role = Role::Guest;
        for account in &theirs.accounts {
            let granted = register.standing(account).await.map_err(PluginError::port(PEOPLE))?.grant;
            // An account of another platform is nobody here, and some say so by failing. The gate answers operators anyway.
            let here = self.ports.members.role(place, account).await.unwrap_or(Role::Guest);
            role = role.max(granted.unwrap_or(Role::Guest)).max(here);
        }
        if blocked && (theirs.accounts.contains(&self.call.caller) || role >= self.call.role) {
            let sentence = "Neither yourself nor somebody whose role is as high as yours can be blocked.";
            return Err(PluginError::Refused(sentence.to_owned()));
        }
        let room = (self.call.role < Role::Operator).then_some(&place.room);
        register.set_blocked(member, room, blocked).await.map_err(PluginError::port(PEOPLE))?;
        Ok(register.standing(member).await.map_err(PluginError::port(PEOPLE))?.blocked)
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

    /// What the plugin makes of a file that came with the call, in a process of its own: what its
    /// [`read_file`](crate::ports::Plugin::read_file) returned there.
    ///
    /// # Errors
    /// [`PluginError::Port`]; [`PortError::Refused`](crate::PortError::Refused) where the file is larger than `bytes_max`, or
    /// cannot be read, with a clause for whoever brought it.
    pub async fn read_apart<T: serde::de::DeserializeOwned>(
        &self,
        work: &str,
        attachment: &Attachment,
        bytes_max: u64,
    ) -> Result<T, PluginError> {
        let reading = "reading a file";
        let bytes = self.attached(attachment, bytes_max).await?;
        let read = self.ports.apart.read(&self.call.plugin, work, &attachment.name, bytes).await;
        let value = read.map_err(PluginError::port(reading))?;
        let value = serde_json::from_value(value).map_err(PortError::failed("apart", reading));
        value.map_err(PluginError::port(reading))
    }

    /// Whether the caller may decide for the whole community: an operator, or a moderator by grant. Who moderates a room by the
    /// platform's word decides for that room.
    pub fn speaks_for_all(&self) -> bool {
        self.call.role >= Role::Operator || self.standing.grant >= Some(Role::Moderator)
    }

    /// # Errors
    /// [`PluginError::Refused`] where the caller may not decide for the whole community.
    pub(super) fn needs_all(&self) -> Result<(), PluginError> {
        if self.speaks_for_all() {
            return Ok(());
        }
        let sentence =
            "That is for the whole community: it needs the role Operator, or Moderator given by an operator.";
        Err(PluginError::Refused(sentence.to_owned()))
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

/// The caller reads why they are refused.
fn too_often(error: PortError) -> PluginError {
    match error {
        PortError::Refused { reason, .. } => PluginError::Refused(reason),
        source => PluginError::Port { doing: PEOPLE, source },
    }
}
