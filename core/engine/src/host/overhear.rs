//! What is said in a room without being meant for us: kept where its author and the room let it be, answered where the
//! room wants that and the library is sure.
//!
//! **Invariant:** this is the one place that decides what is kept; silence of a person is no. A message is kept where its author and
//! the room let it be when it was said, and do now: however late it is heard, what was said before a switch was turned on is not
//! kept. An edited one was said when it was first said. What a moderator marks the room keeps as of the mark; its author must have let
//! it be when they said it.

use std::{pin::pin, sync::Arc};

use chat::{
    Args, Audience, Event, MemberId, Message, MessageId, Overheard, Place, PortError, Role, Switch, Value, Visibility,
    chronicle::Note, error::chain, ports::Archived,
};
use futures::{StreamExt, channel::mpsc, stream::BoxStream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Shared, send};
use crate::unasked::{is_question, once_it_speaks};

/// The emoji by which a moderator says that an answer is right.
const ACCEPTED: [&str; 2] = ["✅", "white_check_mark"];

impl Shared {
    /// Keeps what may be kept; the reply, where one may be given.
    pub(super) async fn overheard(self: Arc<Self>, heard: Overheard) -> BoxStream<'static, Event> {
        self.hand_on(&heard).await;
        let Some(at) = self.take_in(&heard).await else { return futures::stream::empty().boxed() };
        let (events, stream) = mpsc::unbounded();
        let token = CancellationToken::new();
        // Dropping the stream drops the guard, which ends the call.
        let guard = token.clone().drop_guard();
        let serving = self.serving.clone();
        serving.spawn(self.volunteer(heard.message, at, events, token));
        stream
            .map(move |event| {
                let _held = &guard;
                event
            })
            .boxed()
    }

    /// Keeps a message, or takes out what was kept of it; when it may be answered, that was counted.
    async fn take_in(&self, heard: &Overheard) -> Option<Timestamp> {
        let (message, ports) = (&heard.message, &self.parts.ports);
        let place = &message.place;
        if message.addressed || place.audience == Audience::Caller {
            return None;
        }
        let looked = async {
            let (policy, standing) = futures::try_join!(
                ports.register.policy_at(&place.room, message.at),
                ports.register.standing_at(&message.author, message.at)
            )?;
            let is_blocked = self.is_blocked(place, &message.author, &standing).await?;
            Ok::<_, PortError>((policy, standing, is_blocked))
        };
        let (policy, standing, is_blocked) = match looked.await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(error = %chain(&error), "it cannot be told whether a message may be kept: it is not");
                return None;
            }
        };
        let is_heard = !policy.paused && !is_blocked;
        let is_text = !message.text.trim().is_empty() && message.text.len() <= Message::BYTES_MAX;
        let kept = match is_heard && is_text && policy.index_messages && standing.consent.to(Switch::Index) {
            true => ports.chronicle.said(heard).await,
            // Of an edited one the old text may be there.
            false => ports.chronicle.removed(place, &message.id).await.map(drop),
        };
        if let Err(error) = kept {
            tracing::error!(error = %chain(&error), "what was said could not be kept");
        }
        let now = self.parts.clock.now();
        let may_speak =
            is_heard && policy.auto_answer && policy.visibility == Visibility::Room && !policy.is_quiet(now);
        if !may_speak || !is_question(&message.text) {
            return None;
        }
        // An edited one is answered once.
        let is_answered = ports.outbox.get(&message.call_id()).await.map_or(true, |post| post.is_some());
        let mut interruptions = self.interruptions.lock().ok()?;
        let is_free = !is_answered && interruptions.take(&place.room, now, policy.interruptions_per_hour);
        is_free.then_some(now)
    }

    /// Answers a question that nobody addressed to us, if the library is sure. Who asked may never have spoken to us: of
    /// what is not answered nothing is recorded, and no inbox remembers it.
    async fn volunteer(
        self: Arc<Self>,
        message: Message,
        at: Timestamp,
        events: mpsc::UnboundedSender<Event>,
        token: CancellationToken,
    ) {
        let first = self.manifests().into_iter().next();
        let Some((plugin, command)) = first.and_then(|plugin| Some((plugin.name, plugin.commands.first()?))) else {
            return;
        };
        let Some(question) = command.arguments.first() else { return };
        let args = Args::from([(question.name, Value::Text(message.text.trim().to_owned()))]);
        let call = chat::Call { unasked: true, ..Self::call_of(&message, plugin, command, args) };
        let (inner, told) = mpsc::unbounded();
        let work = async {
            let record = self.call((&message).into(), call, command, &inner, &token).await;
            inner.close_channel();
            record
        };
        let forward = async {
            let mut told = pin!(once_it_speaks(told));
            let mut has_spoken = false;
            while let Some(event) = told.next().await {
                has_spoken = true;
                send(&events, event);
            }
            has_spoken
        };
        let (record, has_spoken) = tokio::join!(work, forward);
        if has_spoken {
            self.audit(record).await;
        } else if let Ok(mut interruptions) = self.interruptions.lock() {
            interruptions.give_back(&message.place.room, at);
        }
    }

    /// A message is gone: what was kept of it is too.
    pub(super) async fn removed(&self, place: &Place, id: &MessageId) {
        if let Err(error) = self.parts.ports.chronicle.removed(place, id).await {
            tracing::error!(error = %chain(&error), "a removed message is still kept");
        }
        self.take_back(place, id).await;
    }

    /// A person reacted to a message: a moderator's ✅ makes a note of an answer.
    pub(super) async fn reacted(
        &self,
        place: &Place,
        member: &MemberId,
        message: &MessageId,
        emoji: &str,
        mark: &MessageId,
    ) {
        let bare: String = emoji.chars().filter(|c| *c != '\u{fe0f}').collect();
        if !ACCEPTED.contains(&bare.as_str()) || place.audience == Audience::Caller {
            return;
        }
        let noted = match self.noted(place, member, message, mark).await {
            Ok(Some(note)) => self.parts.ports.chronicle.note(&note).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::error!(error = %chain(&error), "an answer that a moderator marked was not noted");
        }
    }

    /// The note that a mark makes; none where who set it may not, the room keeps nothing of what is said, it marks no
    /// answer, or who is quoted did not consent.
    async fn noted(
        &self,
        place: &Place,
        member: &MemberId,
        message: &MessageId,
        mark: &MessageId,
    ) -> Result<Option<Note>, PortError> {
        let ports = &self.parts.ports;
        let standing = ports.register.standing(member).await?;
        let role = self.parts.members.role(place, member).await?.max(standing.grant.unwrap_or(Role::Guest));
        let policy = ports.register.policy(&place.room).await?;
        let is_blocked = standing.blocked.holds_in(&place.room) && role < Role::Operator;
        if is_blocked || role < Role::Moderator || policy.paused || !policy.index_messages {
            return Ok(None);
        }
        let heard = |Archived { message, link, .. }| {
            let (name, room) = (String::new(), String::new());
            Overheard { message, link, name, room }
        };
        let (question, answer, is_ours) = match ports.outbox.showing(place.platform, message).await? {
            Some(post) if post.question.place.room == place.room => {
                let (mut answer, mut texts): (Option<Archived>, _) = (None, Vec::new());
                for shown in &post.shown {
                    let Some(part) = ports.archive.message(place, shown).await? else { continue };
                    texts.push(part.message.text.clone());
                    answer.get_or_insert(part);
                }
                let Some(mut answer) = answer else { return Ok(None) };
                answer.message.text = texts.join("\n\n");
                let mut question = post.question;
                // An edited question is known by the id of the first.
                question.id.0.truncate(question.id.0.find('#').unwrap_or(question.id.0.len()));
                (
                    heard(Archived { message: question, name: String::new(), ours: false, link: answer.link.clone() }),
                    heard(answer),
                    true,
                )
            }
            Some(_) => return Ok(None),
            None => {
                let answer = ports.archive.message(place, message).await?.filter(|answer| !answer.ours);
                let Some(answer) = answer else { return Ok(None) };
                let Some(asked) = &answer.message.reply_to else { return Ok(None) };
                let question = ports.archive.message(place, asked).await?.filter(|question| !question.ours);
                let Some(question) = question.filter(|question| is_question(&question.message.text)) else {
                    return Ok(None);
                };
                (heard(question), heard(answer), false)
            }
        };
        let quoted = [Some(&question.message), Some(&answer.message).filter(|_| !is_ours)];
        for message in quoted.into_iter().flatten() {
            let standing = ports.register.standing_at(&message.author, message.at).await?;
            if standing.blocked.holds_in(&place.room) || !standing.consent.to(Switch::Index) {
                return Ok(None);
            }
        }
        Ok(Some(Note { question, answer, is_ours, mark: mark.clone() }))
    }
}
