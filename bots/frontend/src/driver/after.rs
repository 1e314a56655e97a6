//! What becomes of an answer that stands already: it is asked for anew, shown to everyone, or taken back.

use std::time::Duration;

use chat::{Action, Audience, CallId, Event, Message, MessageId, Visibility, error::chain};

use super::{Driver, growing::Growing, lock};
use crate::answer::Ended;

/// The command behind the button that shows a private answer to everyone.
pub const SHOW: &str = "show";

/// Longest that the answer to a removed question may take to be shown for the last time, before it is removed.
const RETRACT_WITHIN: Duration = Duration::from_secs(600);

/// What the button to show an answer to everyone is.
fn show() -> Action {
    Action { label: "Show to everyone".to_owned(), command: SHOW.to_owned() }
}

/// Whether a message wants an answer shown to everyone.
pub(super) fn is_show(message: &Message) -> bool {
    message.about.is_some() && message.text.trim().trim_start_matches(['!', '/']) == SHOW
}

impl Driver {
    /// Answers a question anew after an edit: what answers `first` until now is stopped, and is removed together with
    /// this answer where the question is taken back.
    pub async fn answer_anew(&self, message: Message, first: CallId) {
        for running in lock(&self.running).values() {
            if running.call == first || running.renews.as_ref() == Some(&first) {
                running.stop.cancel();
            }
        }
        self.respond(message, Some(first), None, Vec::new()).await;
    }

    /// The question of the private answer that `message` wants shown to everyone, to be asked anew for the room: what a
    /// room may not read is not in the answer that it sees. None where the message wants something else, is not by who
    /// asked, the answer is not private, or its command keeps it so: a button of before may stand under anything. However
    /// often it is pressed, there is one such answer.
    pub(super) async fn to_show(&self, message: &Message) -> Option<(Message, CallId)> {
        let about = message.about.as_ref().filter(|_| is_show(message))?;
        let post = self.outbox.get(about).await.ok().flatten()?;
        let is_theirs = post.question.author == message.author && post.actions.contains(&show());
        if !is_theirs || !self.dispatch.may_show(&post.question).await {
            return None;
        }
        let id = MessageId(format!("{}#{SHOW}", post.question.id));
        let visibility = Some(Visibility::Room);
        let first = post.renews.unwrap_or(post.call);
        Some((Message { id, visibility, at: message.at, ..post.question }, first))
    }

    /// A question is gone: its answers are stopped and removed.
    pub async fn retract(&self, question: &CallId) {
        // One that still grows may not be in the outbox yet.
        let growing = self.renewing(question);
        let mut calls = match self.outbox.renewals(question).await {
            Ok(calls) => calls,
            Err(error) => return tracing::error!(error = %chain(&error), "the outbox failed"),
        };
        calls.retain(|call| !growing.contains(call));
        calls.extend(growing);
        calls.push(question.clone());
        futures::future::join_all(calls.iter().map(|call| self.remove(call))).await;
    }

    fn renewing(&self, question: &CallId) -> Vec<CallId> {
        let running = lock(&self.running);
        let renewing = running.values().filter(|one| one.renews.as_ref() == Some(question));
        renewing.map(|one| one.call.clone()).collect()
    }

    async fn remove(&self, call: &CallId) {
        if let Some(running) = lock(&self.running).get(call) {
            running.stop.cancel();
        }
        // The answer's last edit comes first: what is removed must not be shown again.
        let gone = || !lock(&self.running).contains_key(call);
        self.wait_until(gone, RETRACT_WITHIN).await;
        let Ok(Some(post)) = self.outbox.get(call).await else { return };
        for shown in &post.shown {
            if let Err(error) = self.screen.remove(&post.address, shown).await {
                tracing::warn!(error = %chain(&error), "an answer to a removed question stays");
            }
        }
        if let Err(error) = self.outbox.remove(call).await {
            tracing::error!(error = %chain(&error), "the outbox failed");
        }
    }
}

impl Growing<'_> {
    /// Offers to show an answer to everyone that was asked for in a room and is for the caller alone, where its command lets
    /// the room see it.
    pub(super) async fn offer_to_show(&mut self) {
        let is_private = self.audience() == Audience::Caller && self.post.question.place.audience == Audience::Room;
        let is_whole = self.answer.has_content() && self.answer.ended() == Some(Ended::Done);
        if is_private && is_whole && self.driver.dispatch.may_show(&self.post.question).await {
            self.answer.take(Event::Actions { actions: vec![show()] });
        }
    }
}
