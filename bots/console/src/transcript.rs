//! The console's history: what was said since it started. Kept in memory, so that nothing of it is left behind.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use chat::{
    Message, Place, PortError,
    ports::{Archive, Archived},
};
use jiff::Timestamp;

use crate::Seat;

/// Messages kept.
const MESSAGES_MAX: usize = 200;

/// Who speaks for the assistant.
const ASSISTANT: &str = "colloquy";

/// The console's history.
#[derive(Debug, Default)]
pub struct Transcript {
    messages: Mutex<Vec<Message>>,
}

impl Transcript {
    /// A person said this.
    pub fn heard(&self, message: &Message) {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == MESSAGES_MAX {
            messages.remove(0);
        }
        messages.push(message.clone());
    }

    /// The assistant said this.
    pub fn said(&self, seat: &Seat, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.heard(&Message {
            id: uuid::Uuid::now_v7().to_string().as_str().into(),
            place: seat.place.clone(),
            author: ASSISTANT.into(),
            text: text.trim().to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: false,
            at: Timestamp::now(),
        });
    }
}

#[async_trait]
impl Archive for Transcript {
    async fn page(&self, place: &Place, before: Option<Timestamp>, limit: usize) -> Result<Vec<Archived>, PortError> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let here = messages.iter().rev().filter(|message| message.place.room == place.room);
        let older = here.filter(|message| before.is_none_or(|before| message.at < before));
        let archived = |message: &Message| Archived {
            message: message.clone(),
            name: message.author.0.clone(),
            ours: message.author.0 == ASSISTANT,
            link: None,
        };
        Ok(older.take(limit).map(archived).collect())
    }

    async fn conversation(&self, message: &Message, limit: usize) -> Result<Vec<Archived>, PortError> {
        // The console is one conversation.
        let page = self.page(&message.place, None, limit + 1).await?;
        Ok(page.into_iter().filter(|archived| archived.message.id != message.id).take(limit).collect())
    }
}
