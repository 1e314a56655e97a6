//! One answer while it grows: events in, few edits out.

use std::time::Instant;

use chat::{Action, Audience, Event, Visibility, error::chain, ports::Post};
use futures::{StreamExt, stream::BoxStream};
use metrics::histogram;
use tokio_util::sync::CancellationToken;

use super::{Driver, EDIT_WITHIN, STOP, TYPING_EVERY, lock};
use crate::{Answer, Part, ScreenError};

/// One answer while it grows.
pub(super) struct Growing<'a> {
    pub(super) driver: &'a Driver,
    pub(super) post: Post,
    pub(super) answer: Answer,
    pub(super) started: Instant,
    /// Whether something may be shown that we know no id of: the platform did not say what became of it.
    pub(super) is_unsure: bool,
    pub(super) edits: u32,
    pub(super) next_edit: Instant,
    pub(super) is_dirty: bool,
    /// The parts as they were shown last; at the end, as they must be shown.
    pub(super) last: Vec<Part>,
}

impl Growing<'_> {
    pub(super) fn audience(&self) -> Audience {
        // What was not accepted is told as it was asked for.
        self.answer.audience().unwrap_or(match self.post.question.visibility {
            Some(Visibility::Caller) => Audience::Caller,
            _ => self.post.question.place.audience,
        })
    }

    /// Takes events until there is something to show, the last one came, or the stop; whether there was any.
    pub(super) async fn until_visible(
        &mut self,
        events: &mut BoxStream<'static, Event>,
        stop: &CancellationToken,
    ) -> bool {
        let mut is_meant = false;
        while !self.answer.is_visible() && self.answer.ended().is_none() {
            let event = tokio::select! {
                () = stop.cancelled() => break,
                event = events.next() => event,
            };
            let Some(event) = event else { break };
            is_meant = true;
            self.answer.take(event);
        }
        is_meant
    }

    /// Takes events and shows them, until the last one or the stop.
    pub(super) async fn run(&mut self, events: &mut BoxStream<'static, Event>, stop: &CancellationToken) {
        let mut typing = tokio::time::interval(TYPING_EVERY);
        self.is_dirty = self.answer.is_visible();
        while self.answer.ended().is_none() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.next() => match event {
                    Some(event) => {
                        self.answer.take(event);
                        self.is_dirty = self.answer.is_visible();
                    }
                    None => return,
                },
                () = tokio::time::sleep_until(self.next_edit.into()), if self.is_dirty => self.show().await,
                _ = typing.tick() => self.driver.screen.typing(&self.post.address).await,
            }
        }
    }

    /// Shows what has grown, if the platform bears it now.
    async fn show(&mut self) {
        let screen = &self.driver.screen;
        let pace = screen.pace();
        let bucket = screen.bucket(&self.post.address);
        let gap = pace.after(self.edits);
        let is_first = self.edits == 0;
        // The first sign is not made to wait for other answers.
        if is_first {
            lock(&self.driver.budget).spend(&bucket, Instant::now(), pace.gap);
        } else if !lock(&self.driver.budget).take(&bucket, Instant::now(), pace.gap) {
            self.next_edit = Instant::now() + pace.gap;
            return;
        }
        let mut parts = self.answer.parts(screen.style());
        let stop = Action { label: "Stop".to_owned(), command: STOP.to_owned() };
        if let Some(first) = parts.first_mut() {
            first.actions.push(stop);
        }
        // One call to the platform at a time: the first part that differs.
        let changed = (0..parts.len()).find(|index| {
            *index >= self.post.shown.len() || self.last.get(*index).is_none_or(|last| *last != parts[*index])
        });
        self.is_dirty = changed.is_some();
        let Some(index) = changed else { return };
        match tokio::time::timeout(EDIT_WITHIN, self.place(index, &parts[index])).await {
            Ok(Ok(())) => {
                self.last.truncate(index);
                self.last.push(parts[index].clone());
                self.is_dirty = parts.len() > index + 1;
            }
            Ok(Err(error)) => {
                self.is_unsure |= matches!(error, ScreenError::Failed { .. });
                let after = self.driver.after(&error, 1);
                lock(&self.driver.budget).wait(&bucket, Instant::now() + after);
                tracing::debug!(error = %chain(&error), "a growing answer was not shown");
            }
            Err(_) => {
                self.is_unsure = true;
                tracing::debug!("a growing answer was not shown in time");
            }
        }
        if is_first {
            let seconds = self.started.elapsed().as_secs_f64();
            histogram!("colloquy_first_visible_seconds", "platform" => screen.platform().to_string()).record(seconds);
        }
        self.edits += 1;
        self.next_edit = Instant::now() + gap;
    }

    async fn place(&mut self, index: usize, part: &Part) -> Result<(), ScreenError> {
        let screen = &self.driver.screen;
        let shown = match self.post.shown.get(index) {
            Some(shown) => screen.edit(&self.post.address, shown, part).await?,
            None => screen.send(&self.post.address, &super::nonce(&self.post, index), part).await?,
        };
        // Kept, so that the next process finds what this one showed.
        self.driver.now_shows(&mut self.post, index, shown).await;
        Ok(())
    }
}
