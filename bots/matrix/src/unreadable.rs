//! Encrypted events that we have no key for: waited for, counted, never answered.

use std::{
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use matrix_sdk::{
    Room,
    deserialized_responses::{TimelineEvent, TimelineEventKind},
};
use metrics::counter;
use tokio::sync::Semaphore;

use crate::native;

/// When it is looked again: the SDK asks for the key at once, and it may come after its message.
const LOOKS_AFTER: [u64; 4] = [1, 4, 15, 40];

/// Events that are waited for at a time.
const WAITED_MAX: usize = 64;

/// Sessions that are remembered as said.
const SESSIONS_MAX: usize = 10_000;

/// What could not be read.
pub(crate) struct Unreadable {
    seen: AtomicU64,
    read_later: AtomicU64,
    sessions: Mutex<HashSet<String>>,
    waiting: Semaphore,
}

impl Unreadable {
    pub(crate) fn new() -> Self {
        let waiting = Semaphore::new(WAITED_MAX);
        Self { seen: AtomicU64::new(0), read_later: AtomicU64::new(0), sessions: Mutex::default(), waiting }
    }

    /// Events that no key ever came for, so far.
    pub(crate) fn count(&self) -> u64 {
        self.seen.load(Ordering::Relaxed).saturating_sub(self.read_later.load(Ordering::Relaxed))
    }

    /// The event once its key has come; none if it does not.
    pub(crate) async fn awaited(&self, room: &Room, event: &TimelineEvent) -> Option<TimelineEvent> {
        self.note(room, event);
        let _waits = self.waiting.try_acquire().ok()?;
        let id = event.event_id()?;
        for after in LOOKS_AFTER {
            tokio::time::sleep(Duration::from_secs(after)).await;
            let Ok(event) = room.event(&id, None).await else { continue };
            if !native::is_encrypted(event.raw()) {
                self.read_later.fetch_add(1, Ordering::Relaxed);
                return Some(event);
            }
        }
        None
    }

    /// Counts it, and tells the operator once per session.
    fn note(&self, room: &Room, event: &TimelineEvent) {
        self.seen.fetch_add(1, Ordering::Relaxed);
        counter!("colloquy_unreadable_total", "platform" => "matrix").increment(1);
        let TimelineEventKind::UnableToDecrypt { utd_info, .. } = &event.kind else { return };
        let session = utd_info.session_id.clone().unwrap_or_default();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() < SESSIONS_MAX && sessions.insert(session.clone()) {
            let reason = format!("{:?}", utd_info.reason);
            tracing::warn!(room = %room.room_id(), session, reason, "an encrypted message cannot be read; its key was asked for");
        }
    }
}
