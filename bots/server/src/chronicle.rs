//! What is said in rooms, kept and made into documents: one of each conversation, written when it has changed.
//!
//! Rows first, documents after: a message is kept when [`Chronicle::said`] comes back, and is found within seconds. What
//! must go is out of the state and the index before [`Chronicle::removed`] and its like come back.
//!
//! **Invariant:** a document holds no line of whom does not consent, whatever its rows hold.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use chat::{
    CallId, Document, DocumentId, Identifiers, MemberId, MessageId, Overheard, Place, PortError, Provenance, RoomId,
    Scope, Switch,
    chronicle::{Chronicle, Note},
    document::CONVERSATION,
    error::chain,
    people::{Erased, Register as _},
    ports::{Archive, EmbedTask, Embedder as _, Point, Stored},
};
use jiff::{SignedDuration, Timestamp};
use store::{Conversation, Entry, Gone, Line, LineKind, StoreError, Tail};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::home::{Library, embedded, passages};

const PORT: &str = "chronicle";

/// A pause after which a room's next message begins another conversation.
const PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// Most messages of a conversation in a room.
const MESSAGES_MAX: usize = 40;

/// Most messages of a thread in one document.
const THREAD_MESSAGES_MAX: usize = 200;

/// How long what was said waits for what is said next.
const SETTLE: Duration = Duration::from_secs(2);

/// Between two writings of a document.
const WRITE_EVERY: Duration = Duration::from_secs(20);

/// How far back messages are looked for that were removed while nobody listened, and how often.
const LISTENED_DAYS: i64 = 7;
const LISTEN_EVERY: Duration = Duration::from_secs(60 * 60);

/// Messages of a page of history, and most pages of a place that are looked through.
const PAGE: usize = 100;
const PAGES_MAX: usize = 20;

/// Messages of a place that are asked for singly in one round, at most.
const SINGLES_MAX: usize = 200;

/// Keeps what is said.
pub struct Keeper {
    library: Library,
    /// One change at a time: two messages of one conversation must meet, and nothing is written that is being taken out.
    turn: Mutex<()>,
    changed: Notify,
}

impl Keeper {
    /// The one of a library.
    pub fn new(library: Library) -> Self {
        Self { library, turn: Mutex::default(), changed: Notify::new() }
    }

    /// Writes the documents of what was said, until `shutdown`; then once more. Now and then it looks for messages that
    /// were removed while nobody listened.
    pub async fn tend(&self, archive: Arc<dyn Archive>, shutdown: CancellationToken) {
        // What a process before left behind.
        self.changed.notify_one();
        let pauses = async {
            loop {
                self.changed.notified().await;
                tokio::time::sleep(SETTLE).await;
                self.write_all().await;
                tokio::time::sleep(WRITE_EVERY - SETTLE).await;
            }
        };
        let rounds = async {
            let mut every = tokio::time::interval(LISTEN_EVERY);
            loop {
                every.tick().await;
                self.reconcile(archive.as_ref(), crate::now() - SignedDuration::from_hours(24 * LISTENED_DAYS)).await;
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = pauses => {}
            () = rounds => {}
        }
        self.write_all().await;
    }

    /// Writes every document that is behind; what fails is tried again with the next change.
    async fn write_all(&self) {
        if let Err(error) = self.heed().await {
            tracing::error!(error = %chain(&error), "consents could not be looked at; nothing that was said is written");
            return;
        }
        let behind = match self.library.store.conversations_behind().await {
            Ok(behind) => behind,
            Err(error) => return tracing::error!(error = %chain(&error), "what was said cannot be read"),
        };
        for conversation in behind {
            if let Err(error) = self.write(&conversation).await {
                tracing::error!(error = %format!("{error:#}"), "a conversation could not be written");
            }
        }
    }

    async fn write(&self, conversation: &Conversation) -> anyhow::Result<()> {
        let _turn = self.turn.lock().await;
        let Library { store, embedder, index, .. } = &self.library;
        let consenting: BTreeSet<MemberId> = store.consenting(Switch::Index).await?.into_iter().collect();
        let mut lines = store.lines_of(&conversation.document).await?;
        lines.retain(|line| line.author.as_ref().is_none_or(|author| consenting.contains(author)));
        let id = std::slice::from_ref(&conversation.document);
        let Some(document) = document_of(conversation, &lines) else {
            index.remove(id).await?;
            store.drop_conversation(conversation).await?;
            return Ok(());
        };
        let passages = passages(&document, embedder.as_ref());
        let entry = Entry { document: &document, passages: &passages, vectors: &[], keys: &[] };
        let stored = store.preview(&[entry]).await?;
        if stored != [Stored::Unchanged] {
            let texts: Vec<String> = passages.iter().map(|one| embedded(&document.title, &one.text)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let vectors = embedder.embed(EmbedTask::Passage, &texts).await?;
            // Out of the index first: whatever happens after, it never holds a passage that the state does not.
            index.remove(id).await?;
            store.put_many(embedder.model(), &[Entry { vectors: &vectors, ..entry }]).await?;
            let point = |(passage, dense): (&chat::Passage, _)| Point {
                passage: passage.id.clone(),
                scope: document.scope.clone(),
                title: document.title.clone(),
                text: passage.text.clone(),
                language: None,
                year: None,
                dense,
            };
            index.upsert(passages.iter().zip(vectors).map(point).collect()).await?;
        }
        store.conversation_written(conversation).await?;
        Ok(())
    }

    /// Takes out what was said since a time and is gone from its platform: a gateway tells nothing of what happened
    /// while it was not listened to.
    async fn reconcile(&self, archive: &dyn Archive, since: Timestamp) {
        let kept = match self.library.store.kept_since(since).await {
            Ok(kept) => kept,
            Err(error) => return tracing::error!(error = %chain(&error), "what was said cannot be read"),
        };
        for (place, messages) in kept {
            match self.reconcile_place(archive, &place, &messages).await {
                Ok(0) => {}
                Ok(gone) => {
                    tracing::info!(gone, room = %place.room, "messages that were removed meanwhile are taken out")
                }
                Err(error) => {
                    tracing::warn!(error = %chain(&error), room = %place.room, "a room could not be compared")
                }
            }
        }
    }

    /// `messages` newest first. What pages of history do not show is asked for singly before it counts as gone.
    async fn reconcile_place(
        &self,
        archive: &dyn Archive,
        place: &Place,
        messages: &[(MessageId, Timestamp)],
    ) -> Result<usize, PortError> {
        let oldest = messages.last().map(|(_, at)| *at);
        let (mut there, mut before) = (BTreeSet::new(), None);
        for _ in 0..PAGES_MAX {
            let page = archive.page(place, before, PAGE).await?;
            before = page.last().map(|archived| archived.message.at);
            there.extend(page.into_iter().map(|archived| archived.message.id));
            if before.is_none() || before < oldest {
                break;
            }
        }
        let mut gone = 0;
        let missing =
            messages.iter().filter(|(id, at)| !there.contains(id) && before.is_none_or(|before| *at >= before));
        for (id, _) in missing.take(SINGLES_MAX) {
            // One that cannot be asked for costs that one.
            let is_gone = archive.is_gone(place, id).await.unwrap_or_else(|error| {
                tracing::debug!(error = %chain(&error), "a message could not be looked for");
                false
            });
            if is_gone && self.removed(place, id).await? {
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Takes out what is gone, everywhere: how much.
    async fn take_out(&self, gone: Gone<'_>) -> Result<(usize, Vec<DocumentId>), PortError> {
        let _turn = self.turn.lock().await;
        let (count, documents) = self.library.store.take_out(gone).await.map_err(StoreError::port(PORT))?;
        if !documents.is_empty() {
            self.library.index.remove(&documents).await?;
            self.changed.notify_one();
        }
        Ok((count, documents))
    }

    /// Forgets what the rooms' policies keep no longer: messages, their documents, answers, records of calls.
    ///
    /// # Errors
    /// [`PortError`] where the state fails; what was forgotten stays so.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), PortError> {
        let store = &self.library.store;
        for room in store.rooms_kept().await.map_err(StoreError::port(PORT))? {
            let days = store.policy(&room).await?.retention_days;
            if days == 0 {
                continue;
            }
            let before = now - SignedDuration::from_hours(24 * i64::from(days));
            self.expire(&room, before).await?;
            store.expire_answers(&room, before).await.map_err(StoreError::port(PORT))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Chronicle for Keeper {
    async fn said(&self, heard: &Overheard) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let (store, message) = (&self.library.store, &heard.message);
        if !store.say_anew(heard).await.map_err(StoreError::port(PORT))? {
            let tail = store.tail_of(&message.place, message.at).await.map_err(StoreError::port(PORT))?;
            let conversation = Conversation {
                document: conversation_of(tail, heard),
                room: message.place.room.clone(),
                name: heard.room.clone(),
                is_note: false,
                changes: 0,
            };
            let line = line(heard, LineKind::Talk, false);
            store.keep_lines(&message.place, &conversation, &[line]).await.map_err(StoreError::port(PORT))?;
        }
        self.changed.notify_one();
        Ok(())
    }

    async fn note(&self, note: &Note) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        let (store, answer) = (&self.library.store, &note.answer.message);
        let conversation = Conversation {
            document: id_of(&answer.place, "note", &answer.id),
            room: answer.place.room.clone(),
            name: note.answer.room.clone(),
            is_note: true,
            changes: 0,
        };
        // The first mark counts.
        if !store.lines_of(&conversation.document).await.map_err(StoreError::port(PORT))?.is_empty() {
            return Ok(());
        }
        let mark = Line {
            id: note.mark.clone(),
            kind: LineKind::Mark,
            author: None,
            name: String::new(),
            at: answer.at,
            text: String::new(),
            link: None,
        };
        let lines =
            [line(&note.question, LineKind::Question, false), line(&note.answer, LineKind::Answer, note.is_ours), mark];
        store.keep_lines(&answer.place, &conversation, &lines).await.map_err(StoreError::port(PORT))?;
        self.changed.notify_one();
        Ok(())
    }

    async fn removed(&self, place: &Place, id: &MessageId) -> Result<bool, PortError> {
        // Whether it was kept or not: it may have been given to a language model.
        let call = CallId::of(place, id);
        self.library.store.take_out_message(&call).await.map_err(StoreError::port(PORT))?;
        Ok(self.take_out(Gone::Message(place.platform, &place.room, id)).await?.0 > 0)
    }

    async fn heed(&self) -> Result<usize, PortError> {
        Ok(self.take_out(Gone::Unconsented).await?.0)
    }

    async fn forget(&self, accounts: &[MemberId]) -> Result<Erased, PortError> {
        let (count, _) = self.take_out(Gone::Of(accounts)).await?;
        let counts = if count == 0 { Vec::new() } else { vec![("indexed messages".to_owned(), count)] };
        Ok(Erased { counts })
    }

    async fn expire(&self, room: &RoomId, before: Timestamp) -> Result<usize, PortError> {
        Ok(self.take_out(Gone::Before(room, before)).await?.0)
    }
}

fn line(heard: &Overheard, kind: LineKind, is_ours: bool) -> Line {
    let message = &heard.message;
    Line {
        id: message.id.clone(),
        kind,
        author: Some(message.author.clone()).filter(|_| !is_ours),
        name: heard.name.clone(),
        at: message.at,
        text: message.text.clone(),
        link: heard.link.clone(),
    }
}

/// The conversation that a message belongs to: the last one, while it is neither over nor full; else one of its own.
fn conversation_of(tail: Option<Tail>, heard: &Overheard) -> DocumentId {
    let message = &heard.message;
    let in_thread = message.place.thread.is_some();
    let most = if in_thread { THREAD_MESSAGES_MAX } else { MESSAGES_MAX };
    let goes_on = |tail: &Tail| {
        let pause = message.at.duration_since(tail.at);
        tail.count < most && (in_thread || pause <= PAUSE)
    };
    match tail.filter(goes_on) {
        Some(tail) => tail.document,
        None => id_of(&message.place, CONVERSATION, &message.id),
    }
}

/// The id of a document that begins with a message.
fn id_of(place: &Place, kind: &str, first: &MessageId) -> DocumentId {
    let key = format!("{kind}:{}:{}:{first}", place.platform, place.room);
    library::identity::id(&Scope::Room(place.room.clone()), &key)
}

/// The document of a conversation; none where nothing is left of it, or not all of a note.
fn document_of(conversation: &Conversation, lines: &[Line]) -> Option<Document> {
    let has = |kind: LineKind| lines.iter().any(|line| line.kind == kind);
    let is_whole = match conversation.is_note {
        true => has(LineKind::Question) && has(LineKind::Answer) && has(LineKind::Mark),
        false => has(LineKind::Talk),
    };
    let first = lines.first().filter(|_| is_whole)?;
    let mut told: Vec<&Line> = lines.iter().filter(|line| line.kind != LineKind::Mark).collect();
    // A note begins with its question, whatever the platform's clocks say.
    told.sort_by_key(|line| line.kind == LineKind::Answer);
    let (mut text, mut sections) = (String::new(), Vec::new());
    for line in told {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        sections.push((text.len(), line.link.clone().unwrap_or_default()));
        let said = line.text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.kind {
            LineKind::Question => text.push_str(&format!("Q: {said}")),
            LineKind::Answer => text.push_str(&format!("A: {said}")),
            _ => text.push_str(&format!("{}: {said}", line.name.trim())),
        }
    }
    let what = if conversation.is_note { "Note" } else { "Conversation" };
    let day = first.at.strftime("%Y-%m-%d");
    let title = match conversation.name.trim() {
        "" => format!("{what}, {day}"),
        name => format!("{what} in {name}, {day}"),
    };
    Some(Document {
        id: conversation.document.clone(),
        scope: Scope::Room(conversation.room.clone()),
        title,
        authors: Vec::new(),
        year: None,
        venue: None,
        language: None,
        identifiers: Identifiers::default(),
        provenance: Provenance {
            file: String::new(),
            format: CONVERSATION.to_owned(),
            content_hash: library::sha256(text.as_bytes()),
            license: None,
        },
        retracted: false,
        text,
        pages: Vec::new(),
        sections,
    })
}

#[cfg(test)]
mod tests {
    use chat::{Audience, Message, Platform, ThreadId};

    use super::*;

    fn heard(id: &str, thread: Option<&str>, at: &str) -> Overheard {
        let place = Place {
            platform: Platform::Matrix,
            community: "lab".into(),
            room: "seminar".into(),
            thread: thread.map(|thread| ThreadId(thread.to_owned())),
            audience: Audience::Room,
        };
        let message = Message {
            id: id.into(),
            place,
            author: "ana".into(),
            text: "Ducks dive.".to_owned(),
            invocation: None,
            attachments: Vec::new(),
            reply_to: None,
            about: None,
            visibility: None,
            addressed: false,
            at: at.parse().unwrap(),
        };
        let link = Some(format!("https://matrix.to/#/seminar/{id}"));
        Overheard { message, link, name: "Ana".to_owned(), room: "Seminar".to_owned() }
    }

    #[track_caller]
    fn check(thread: Option<&str>, minutes: i64, count: usize, goes_on: bool) {
        let heard = heard("m2", thread, "2026-11-24T12:00:00Z");
        let at = heard.message.at - SignedDuration::from_mins(minutes);
        let tail = Tail { document: DocumentId("before".to_owned()), at, count };
        let found = conversation_of(Some(tail), &heard);
        assert_eq!(found.0 == "before", goes_on, "{thread:?}, {minutes} minutes after {count} messages: {found}");
    }

    #[test]
    fn a_conversation_ends_with_a_long_pause_or_when_it_is_long() {
        check(None, 1, 1, true);
        check(None, 30, 39, true);
        check(None, 31, 1, false);
        check(None, 1, 40, false);
    }

    #[test]
    fn a_thread_is_one_conversation_however_long_nothing_is_said() {
        check(Some("t"), 60 * 24 * 30, 40, true);
        check(Some("t"), 1, 200, false);
    }

    #[test]
    fn a_conversation_reads_by_name_and_leads_back_to_each_message() {
        let conversation = Conversation {
            document: DocumentId("0123456789abcdef".to_owned()),
            room: "seminar".into(),
            name: "Seminar".to_owned(),
            is_note: false,
            changes: 1,
        };
        let lines = ["m1", "m2"].map(|id| line(&heard(id, None, "2026-11-24T12:00:00Z"), LineKind::Talk, false));
        let document = document_of(&conversation, &lines).unwrap();
        assert_eq!(document.title, "Conversation in Seminar, 2026-11-24");
        assert_eq!(document.text, "Ana: Ducks dive.\n\nAna: Ducks dive.");
        assert_eq!(document.section_at(document.text.len() - 1), Some("https://matrix.to/#/seminar/m2"));
        assert_eq!(document_of(&conversation, &[]), None);
        // Half a note is none.
        assert_eq!(document_of(&Conversation { is_note: true, ..conversation }, &lines), None);
    }
}
