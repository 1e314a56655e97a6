//! Rights are those of the moment: what was allowed when somebody asked is asked again when their turn comes, and when what
//! answers them is said late.
//!
//! **Invariant:** the later answer counts, and what cannot be found out is not done.

use chat::{
    Args, Audience, Call, Command, MemberId, Message, Place, PluginError, PortError, Role, Standing, Visibility,
    ports::Post,
};
use futures::channel::mpsc;
use jiff::SignedDuration;

use super::{Asked, Outcome, Settings, Shared};
use crate::{
    gate::{Load, Permit},
    route::{Route, invoked, route},
};

/// What nobody asked for is said at once: what is younger was allowed just now.
const SAID_WITHIN: SignedDuration = SignedDuration::from_mins(10);

impl Shared {
    /// What a message asks for.
    pub(super) fn routed(&self, message: &Message) -> Route {
        match &message.invocation {
            Some(invocation) => invoked(&self.manifests(), invocation),
            None => route(&self.manifests(), &message.text, message.addressed),
        }
    }

    /// How busy a caller and the machine are.
    pub(super) fn load(&self, caller: &MemberId) -> Load {
        let (of_caller, in_all) = self.queue.load(caller);
        let Settings { of_caller_max, in_all_max, .. } = self.settings;
        Load { of_caller, of_caller_max, in_all, in_all_max }
    }

    /// Whether a person is answered nothing in a place. Whoever runs the machine always is.
    pub(super) async fn is_blocked(
        &self,
        place: &Place,
        member: &MemberId,
        standing: &Standing,
    ) -> Result<bool, PortError> {
        if !standing.blocked.holds_in(&place.room) || standing.grant >= Some(Role::Operator) {
            return Ok(false);
        }
        Ok(self.parts.members.role(place, member).await? < Role::Operator)
    }

    /// The permit of a call whose turn has come. It has its place in the queue; who sees the reply was told already.
    pub(super) async fn permit_again(
        &self,
        asked: Asked<'_>,
        before: &Permit,
        command: &Command,
    ) -> Result<Permit, Outcome> {
        let mut call = Call { place: asked.message.place.clone(), ..before.call().clone() };
        let permit = self.permit(asked, &mut call, command, Load::NONE).await?;
        if permit.call().role == Role::Guest && before.call().role > Role::Guest {
            // A stranger may ask some things where all see the answer; who was one of the room and left it did not ask those.
            return Err(Outcome::Refused("You left this room while you waited.".to_owned()));
        }
        if permit.call().place.audience != before.call().place.audience {
            let sentence = "Who sees my replies here was changed while you waited; please ask again.";
            return Err(Outcome::Refused(sentence.to_owned()));
        }
        Ok(permit)
    }

    /// Whether a policy or a press, and not the command, keeps the reply to a message to who asked.
    pub(super) async fn may_show(&self, message: &Message) -> bool {
        if message.place.audience != Audience::Room {
            return false;
        }
        // What is wrong with the message is not said here.
        let (events, _kept) = mpsc::unbounded();
        let meant = self.meant(self.routed(message), &events).await;
        meant.is_some_and(|(_, command, args)| command.called_with(&args).visibility == Visibility::Room)
    }

    /// Whether what waited may be said now.
    pub(super) async fn may_say(&self, post: &Post) -> Result<bool, PortError> {
        match post.question.noticed_by() {
            Some(plugin) => self.may_notify(post, plugin).await,
            None => self.may_answer(&post.question).await,
        }
    }

    /// What nobody asked for: neither into a room that wants to hear nothing, nor of whom it does not hear, nor to who is not
    /// there any more.
    async fn may_notify(&self, post: &Post, plugin: &str) -> Result<bool, PortError> {
        let (question, register) = (&post.question, &self.parts.ports.register);
        let place = &question.place;
        let is_open = self.manifests().iter().any(|manifest| manifest.name == plugin && manifest.open);
        if is_open || self.parts.clock.now().duration_since(question.at) < SAID_WITHIN {
            return Ok(true);
        }
        let (policy, is_paused) = futures::try_join!(register.policy(&place.room), register.is_paused())?;
        if is_paused || policy.paused || policy.plugins_off.contains(plugin) {
            return Ok(false);
        }
        let people = post.of.iter().chain([&question.author]).filter(|member| !member.0.is_empty());
        for member in people {
            let standing = register.standing(member).await?;
            if self.is_blocked(place, member, &standing).await? {
                return Ok(false);
            }
        }
        match question.visibility {
            // Who runs the machine has a role everywhere, and is not there by that.
            Some(Visibility::Caller) => self.parts.members.sees(place, &question.author).await,
            _ => Ok(true),
        }
    }

    /// What answers a question: only if it could be asked now.
    async fn may_answer(&self, question: &Message) -> Result<bool, PortError> {
        let (events, _kept) = mpsc::unbounded();
        let manifests = self.manifests();
        let first =
            || manifests.first().and_then(|plugin| Some((plugin.name, plugin.commands.first()?, Args::default())));
        // What was answered unasked, or wrong, was so by the first.
        let Some((plugin, command, args)) = self.meant(self.routed(question), &events).await.or_else(first) else {
            return Ok(false);
        };
        let is_open = manifests.iter().any(|manifest| manifest.name == plugin && manifest.open);
        if !is_open && !self.is_there(question).await? {
            return Ok(false);
        }
        let command = command.called_with(&args);
        let mut call = Self::call_of(question, plugin, &command, args);
        match self.permit(question.into(), &mut call, &command, Load::NONE).await {
            Ok(_) => Ok(true),
            Err(Outcome::Failed(PluginError::Port { source, .. })) => Err(source),
            Err(_) => Ok(false),
        }
    }

    async fn is_there(&self, question: &Message) -> Result<bool, PortError> {
        Ok(self.parts.members.role(&question.place, &question.author).await? >= Role::Member)
    }
}
