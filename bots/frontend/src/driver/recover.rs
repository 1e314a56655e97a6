//! What a start does for the process before: ends that were not shown are shown, and questions without one apologised for.

use std::collections::HashSet;

use chat::{Audience, CallId, CommunityId, Message, Visibility, error::chain, ports::Post};
use futures::StreamExt;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Driver;
use crate::{Part, ScreenError, notices};

/// What is said where a process died over an answer.
const INTERRUPTED: &str = "I was interrupted while answering this; please ask again.";

impl Driver {
    /// What the process before left behind: ends that were not shown are shown, questions without one apologised for.
    pub async fn recover(&self, community: &CommunityId) {
        let platform = self.screen.platform();
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
                    Post { call, question, renews: None, address, shown: Vec::new(), actions: Vec::new(), body: None }
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
            if let Some(due) = notices::due(&body) {
                if due <= Timestamp::now() {
                    self.lapse(&post).await;
                }
                continue;
            }
            if post.address.is_null() && !self.find_address(&mut post).await {
                continue;
            }
            let parts: Vec<Part> = serde_json::from_value(body).unwrap_or_default();
            self.deliver(&mut post, &parts, true).await;
        }
    }

    /// Finds where a notice goes; whether there is such a place.
    async fn find_address(&self, post: &mut Post) -> bool {
        let audience = match post.question.visibility {
            Some(Visibility::Caller) => Audience::Caller,
            _ => post.question.place.audience,
        };
        match self.screen.address(&post.question, audience).await {
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

    /// Does what was to happen by itself. Whoever it concerns is told by what comes of it, not by its words.
    async fn lapse(&self, post: &Post) {
        let mut events = self.dispatch.message(post.question.clone()).await;
        while events.next().await.is_some() {}
        // The inbox knows it by now, so that a process that dies here does it no second time.
        if let Err(error) = self.outbox.remove(&post.call).await {
            tracing::error!(error = %chain(&error), "the outbox failed");
        }
    }
}
