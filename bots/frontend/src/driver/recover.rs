//! What a start does for the process before: ends that were not shown are shown, and questions without one apologised for.
//!
//! **Invariant:** what waited is said only to who may still hear it: the dispatch is asked before each.

use std::{collections::HashSet, time::Instant};

use chat::{Audience, CallId, CommunityId, Message, MessageId, Visibility, error::chain, ports::Post};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Driver, lock};
use crate::{
    Part, ScreenError,
    notices::{self, Gathering},
};

/// What was taken back longer ago and could not be removed since stands.
const TAKE_DOWN_WITHIN: SignedDuration = SignedDuration::from_hours(48);

/// How long a reply waits until what it replies to is shown; then it stands alone.
const ABOVE_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What a notice is to stand below.
enum Above {
    Shown(MessageId),
    OnItsWay,
    Nowhere,
}

/// People whom a platform has let into no room for so long are told alone.
const GATHER_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// What is said where a process died over an answer.
const INTERRUPTED: &str = "I was interrupted while answering this; please ask again.";

impl Driver {
    /// What the process before left behind: ends that were not shown are shown, questions without one apologised for.
    pub async fn recover(&self, community: &CommunityId) {
        let platform = self.screen.platform();
        self.dispatch.take_up(platform).await;
        // What has its end needs no apology, though the process died before it said so.
        let ended: HashSet<CallId> = match self.outbox.pending(platform).await {
            Ok(posts) => posts.into_iter().map(|post| post.call).collect(),
            Err(error) => return tracing::error!(error = %chain(&error), "the outbox failed"),
        };
        self.redeliver().await;
        let unfinished = match self.inbox.unfinished(community).await {
            Ok(messages) => messages,
            Err(error) => return tracing::error!(error = %chain(&error), "the inbox failed"),
        };
        for message in unfinished.into_iter().filter(|message| message.place.platform == platform) {
            if !ended.contains(&message.call_id()) {
                self.apologise(message).await;
            } else {
                self.dispatch.give_up(&message).await;
            }
        }
    }

    async fn apologise(&self, message: Message) {
        let call = message.call_id();
        let Some(_entry) = self.claim(&call, &message.author, None, &CancellationToken::new()) else { return };
        let kept = self.outbox.get(&call).await.ok().flatten();
        let mut post = match kept {
            Some(post) => post,
            None => match self.screen.address(&message, message.place.audience).await {
                Ok(address) => {
                    let question = message.clone();
                    Post {
                        call,
                        question,
                        renews: None,
                        address,
                        shown: Vec::new(),
                        actions: Vec::new(),
                        of: Vec::new(),
                        body: None,
                    }
                }
                Err(error) => {
                    tracing::error!(error = %chain(&error), "an apology has nowhere to go");
                    if let ScreenError::Gone { .. } = error {
                        self.dispatch.give_up(&message).await;
                    }
                    return;
                }
            },
        };
        let parts = [Part { markdown: INTERRUPTED.to_owned(), ..Part::default() }];
        post.body = serde_json::to_value(&parts).ok();
        self.put(&post).await;
        self.dispatch.give_up(&message).await;
        self.deliver(&mut post, &parts, true).await;
    }

    /// Shows the ends of replies that are still in the outbox and that nobody is showing now.
    pub async fn redeliver(&self) {
        let pending = match self.outbox.pending(self.screen.platform()).await {
            Ok(pending) => pending,
            Err(error) => return tracing::error!(error = %chain(&error), "the outbox failed"),
        };
        for Post { call, question, .. } in pending {
            let Some(_entry) = self.claim(&call, &question.author, None, &CancellationToken::new()) else { continue };
            // As it is now that it is in hand: whoever had it before may have shown it.
            let Ok(Some(mut post)) = self.outbox.get(&call).await else { continue };
            let Some(body) = post.body.clone() else { continue };
            if body == Post::NOTHING {
                self.remove_all(post).await;
                continue;
            }
            if let Some(due) = notices::due(&body) {
                if due <= Timestamp::now() {
                    self.lapse(&post).await;
                }
                continue;
            }
            let revision = notices::revision(&body);
            // What is taken back is taken back whatever was decided since.
            let takes_back = revision.as_ref().is_some_and(|(_, parts)| parts.as_array().is_some_and(Vec::is_empty));
            if !takes_back && !self.may_say(&post).await {
                continue;
            }
            if let Some((first, parts)) = revision {
                self.revise(&post, first, parts).await;
                continue;
            }
            if let Some((gathering, parts)) = notices::gathering(&body) {
                self.gather(post, &gathering, parts).await;
                continue;
            }
            // One that was on its way before may have arrived, though nobody said so.
            let was_tried = !post.address.is_null();
            if !was_tried && !self.find_address(&mut post).await {
                continue;
            }
            let parts: Vec<Part> = serde_json::from_value(body).unwrap_or_default();
            self.deliver(&mut post, &parts, was_tried).await;
        }
    }

    /// Whether what waited may be said now. What may not for a while is let go: it is said no more.
    async fn may_say(&self, post: &Post) -> bool {
        match self.dispatch.may_say(post).await {
            Ok(true) => {
                lock(&self.doubted).remove(&post.call);
                return true;
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(error = %chain(&error), "it cannot be told who may still read what waits: it waits on");
                return false;
            }
        }
        let since = *lock(&self.doubted).entry(post.call.clone()).or_insert_with(Instant::now);
        if since.elapsed() < self.doubt {
            return false;
        }
        lock(&self.doubted).remove(&post.call);
        tracing::info!(call = %post.call, "what waited is not said any more: who was to read it may not, or is not there");
        if notices::revision(post.body.as_ref().unwrap_or(&Value::Null)).is_some() {
            self.forget(&post.call).await;
        } else {
            // It is known still, so that it is said once.
            self.put(&Post { body: None, ..post.clone() }).await;
        }
        false
    }

    /// Shows a notice in other words, or takes it back where there are none. Later, where it is being shown just now.
    async fn revise(&self, revision: &Post, first: CallId, body: Value) {
        let Ok(found) = self.outbox.get(&first).await else { return };
        if let Some(mut post) = found {
            let token = CancellationToken::new();
            let Some(_entry) = self.claim(&first, &post.question.author, None, &token) else { return };
            let parts: Vec<Part> = serde_json::from_value(body.clone()).unwrap_or_default();
            if parts.is_empty() {
                let is_old = Timestamp::now().duration_since(revision.question.at) > TAKE_DOWN_WITHIN;
                // What was never shown is not shown any more.
                if !self.take_down(&mut post, None).await && !is_old {
                    return;
                }
                // With all that was remembered of it.
                self.forget(&first).await;
            } else {
                post.body = Some(body);
                self.put(&post).await;
                if !post.address.is_null() || self.find_address(&mut post).await {
                    self.deliver(&mut post, &parts, true).await;
                }
            }
        }
        self.forget(&revision.call).await;
    }

    /// Opens a room for people, takes each of them in, and shows the post there; each hears it alone where the platform lets
    /// them in no room, or has not for an hour. A process that dies just as a room was opened leaves an empty one.
    async fn gather(&self, mut post: Post, gathering: &Gathering, parts: Value) {
        match self.assemble(&mut post, gathering).await {
            Ok(()) => {
                let shown: Vec<Part> = serde_json::from_value(parts.clone()).unwrap_or_default();
                post.body = Some(parts);
                self.put(&post).await;
                self.deliver(&mut post, &shown, false).await;
            }
            Err(error) => {
                let is_over = Timestamp::now().duration_since(post.question.at) > GATHER_WITHIN;
                if !is_over && !matches!(error, ScreenError::Gone { .. }) {
                    return tracing::warn!(error = %chain(&error), "a room is not opened yet");
                }
                tracing::warn!(error = %chain(&error), "no room is opened: each is told alone");
                for member in &gathering.members {
                    let question = Message {
                        id: MessageId(format!("{}#{member}", post.question.id)),
                        author: member.clone(),
                        visibility: Some(Visibility::Caller),
                        ..post.question.clone()
                    };
                    let (call, address, body) = (question.call_id(), Value::Null, Some(parts.clone()));
                    self.put(&Post { call, question, address, body, ..post.clone() }).await;
                }
                // It is known still, so that it is said once.
                post.body = None;
                self.put(&post).await;
                self.bell.ring();
            }
        }
    }

    /// The room is remembered before anybody is asked in: another try opens no second one.
    async fn assemble(&self, post: &mut Post, gathering: &Gathering) -> Result<(), ScreenError> {
        if post.address.is_null() {
            post.address = self.screen.open_room(&post.question, &gathering.name).await?;
            self.put(post).await;
        }
        for member in &gathering.members {
            self.screen.take_in(&post.address, member).await?;
        }
        Ok(())
    }

    /// Takes down what a post shows and forgets it; later, where the platform does not let us now.
    async fn remove_all(&self, mut post: Post) {
        let is_old = Timestamp::now().duration_since(post.question.at) > TAKE_DOWN_WITHIN;
        // Pending until it is forgotten, whenever a process dies.
        if self.take_down(&mut post, Some(Post::NOTHING)).await || is_old {
            self.forget(&post.call).await;
        }
    }

    /// Removes what a post shows, and leaves it to show `rest`; whether nothing of it is left.
    async fn take_down(&self, post: &mut Post, rest: Option<Value>) -> bool {
        let mut left = Vec::new();
        for shown in std::mem::take(&mut post.shown) {
            match self.screen.remove(&post.address, &shown).await {
                Ok(()) | Err(ScreenError::Gone { .. }) => {}
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "what was taken back is still shown");
                    left.push(shown);
                }
            }
        }
        (post.shown, post.body) = (left, rest);
        self.put(post).await;
        post.shown.is_empty()
    }

    async fn forget(&self, call: &CallId) {
        if let Err(error) = self.outbox.remove(call).await {
            tracing::error!(error = %chain(&error), "the outbox failed");
        }
    }

    /// Finds where a notice goes; whether there is such a place, and what it stands below is there.
    async fn find_address(&self, post: &mut Post) -> bool {
        let mut question = post.question.clone();
        if let Some(call) = &post.question.about {
            let waits = Timestamp::now().duration_since(question.at) <= ABOVE_WITHIN;
            match self.above(call).await {
                Above::Shown(shown) => question.id = MessageId(format!("{shown}#{}", question.id)),
                Above::OnItsWay if waits => return false,
                Above::OnItsWay | Above::Nowhere => {}
            }
        }
        let audience = match post.question.visibility {
            Some(Visibility::Caller) => Audience::Caller,
            _ => post.question.place.audience,
        };
        match self.screen.address(&question, audience).await {
            Ok(address) => {
                post.address = address;
                self.put(post).await;
                true
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "a notice has nowhere to go");
                if let ScreenError::Gone { .. } = error {
                    post.body = None;
                    self.put(post).await;
                }
                false
            }
        }
    }

    /// Where the post of a call stands now.
    async fn above(&self, call: &CallId) -> Above {
        match self.outbox.get(call).await {
            Ok(Some(Post { shown, body, .. })) => match shown.into_iter().next() {
                Some(first) => Above::Shown(first),
                None if body.is_some() => Above::OnItsWay,
                None => Above::Nowhere,
            },
            Ok(None) => Above::Nowhere,
            Err(error) => {
                tracing::error!(error = %chain(&error), "the outbox failed");
                Above::OnItsWay
            }
        }
    }

    /// Does what was to happen by itself. Whoever it concerns is told by what comes of it, not by its words.
    async fn lapse(&self, post: &Post) {
        let mut events = self.dispatch.message(post.question.clone()).await;
        while events.next().await.is_some() {}
        // The inbox knows it by now, so that a process that dies here does it no second time.
        self.forget(&post.call).await;
    }
}
