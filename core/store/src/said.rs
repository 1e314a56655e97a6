//! What was said in rooms by those who let it be kept, in conversations, each of which is a document.
//!
//! A conversation counts its changes, and which of them its document has: what a crash leaves behind is found again.
//!
//! **Invariant:** taking something out removes the conversation's document in the same transaction; it is written anew
//! without it.

use chat::{Audience, CommunityId, DocumentId, MemberId, MessageId, Overheard, Place, Platform, RoomId, ThreadId};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use crate::{Store, StoreError};

/// What a line of a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Said in the room.
    Talk,
    /// The question of a note.
    Question,
    /// Its answer.
    Answer,
    /// The reaction that made it.
    Mark,
}

impl LineKind {
    const ALL: [Self; 4] = [Self::Talk, Self::Question, Self::Answer, Self::Mark];

    fn name(self) -> &'static str {
        match self {
            Self::Talk => "talk",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Mark => "mark",
        }
    }
}

/// A line of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The message, or the mark.
    pub id: MessageId,
    /// What it is.
    pub kind: LineKind,
    /// Who said it; none where we did.
    pub author: Option<MemberId>,
    /// What the room called them.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// What it says now.
    pub text: String,
    /// Its permanent link.
    pub link: Option<String>,
}

/// A conversation whose document is behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its document.
    pub document: DocumentId,
    /// The room.
    pub room: RoomId,
    /// What the room is called.
    pub name: String,
    /// Whether it is a question with its answer.
    pub is_note: bool,
    /// How often it has changed.
    pub changes: i64,
}

/// The conversation that was the last one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Its document.
    pub document: DocumentId,
    /// When its last message before that time was said.
    pub at: Timestamp,
    /// How many messages it holds.
    pub count: usize,
}

/// What is taken out.
#[derive(Debug, Clone, Copy)]
pub enum Gone<'a> {
    /// A message or a mark.
    Message(Platform, &'a RoomId, &'a MessageId),
    /// All that its author does not consent to.
    Unconsented,
    /// All of these accounts.
    Of(&'a [MemberId]),
    /// All of a room before a time.
    Before(&'a RoomId, Timestamp),
}

/// Those who consented, with every account of theirs.
const CONSENTING: &str = "SELECT member FROM consent WHERE switch = 'index' UNION \
     SELECT other.member FROM consent c JOIN account_link own ON own.member = c.member \
     JOIN account_link other ON other.person = own.person WHERE c.switch = 'index'";

impl Gone<'_> {
    /// Pushes the condition on rows of `said`.
    fn push(self, query: &mut QueryBuilder<Sqlite>) {
        match self {
            Self::Message(platform, room, id) => {
                query.push("room = ").push_bind(room.0.clone()).push(" AND id = ").push_bind(id.0.clone());
                query.push(" AND platform = ").push_bind(platform.to_string());
            }
            Self::Unconsented => {
                query.push("author IS NOT NULL AND author NOT IN (").push(CONSENTING).push(")");
            }
            Self::Of(accounts) => {
                query.push("author IN (");
                let mut values = query.separated(", ");
                for account in accounts {
                    values.push_bind(account.0.clone());
                }
                query.push(")");
            }
            Self::Before(room, before) => {
                query.push("room = ").push_bind(room.0.clone());
                query.push(" AND at_us < ").push_bind(before.as_microsecond());
            }
        }
    }

    /// Whether records of answers that cite it go too. A single message's stay as long as the room keeps records: looking
    /// through all of them for each would be too much.
    fn takes_records(self) -> bool {
        matches!(self, Self::Unconsented | Self::Of(_))
    }
}

/// A row: id, kind, author, name, time, text, link.
type LineRow = (String, String, Option<String>, String, i64, String, Option<String>);

impl Store {
    /// The conversation of a room, or of a thread of it, that was the last one at a time.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read; so for all that reads here.
    pub async fn tail_of(&self, place: &Place, at: Timestamp) -> Result<Option<Tail>, StoreError> {
        let doing = "looking for a conversation";
        let row: Option<(String, i64, i64)> = sqlx::query_as(
            "SELECT s.document, s.at_us, (SELECT COUNT(*) FROM said o WHERE o.document = s.document) \
             FROM said s JOIN conversation c ON c.document = s.document \
             WHERE s.room = $1 AND s.platform = $2 AND s.at_us <= $3 AND NOT c.is_note \
                 AND c.thread IS NOT DISTINCT FROM $4 \
             ORDER BY s.at_us DESC LIMIT 1",
        )
        .bind(&place.room.0)
        .bind(place.platform.to_string())
        .bind(at.as_microsecond())
        .bind(place.thread.as_ref().map(|thread| &thread.0))
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        let Some((document, at, count)) = row else { return Ok(None) };
        let at = Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))?;
        Ok(Some(Tail { document: DocumentId(document), at, count: usize::try_from(count).unwrap_or(usize::MAX) }))
    }

    /// Keeps what a message that is known says now; whether one is.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written; so for all that writes here.
    pub async fn say_anew(&self, heard: &Overheard) -> Result<bool, StoreError> {
        let doing = "keeping what a message says now";
        let sql = StoreError::sql(doing);
        let Place { platform, room, .. } = &heard.message.place;
        let mut transaction = self.begin(doing).await?;
        let of_it = "platform = $1 AND room = $2 AND id = $3 AND kind <> 'mark'";
        let is_known: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM said WHERE {of_it} AND kind = 'talk'"
        )))
        .bind(platform.to_string())
        .bind(&room.0)
        .bind(&heard.message.id.0)
        .fetch_one(&mut *transaction)
        .await
        .map_err(&sql)?;
        for query in [
            "UPDATE conversation SET changes = changes + 1 WHERE document IN \
             (SELECT document FROM said WHERE {of_it} AND text <> $4)",
            "UPDATE said SET text = $4 WHERE {of_it} AND text <> $4",
        ] {
            sqlx::query(sqlx::AssertSqlSafe(query.replace("{of_it}", of_it)))
                .bind(platform.to_string())
                .bind(&room.0)
                .bind(&heard.message.id.0)
                .bind(&heard.message.text)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)?;
        Ok(is_known > 0)
    }

    /// Keeps lines in a conversation, which is made where it is not there; one that is there is left as it is.
    ///
    /// # Errors
    /// See above.
    pub async fn keep_lines(
        &self,
        place: &Place,
        conversation: &Conversation,
        lines: &[Line],
    ) -> Result<(), StoreError> {
        let doing = "keeping what was said";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        sqlx::query(
            "INSERT INTO conversation (document, platform, room, thread, name, is_note, changes, written) \
             VALUES ($1, $2, $3, $4, $5, $6, 1, 0) \
             ON CONFLICT (document) DO UPDATE SET changes = conversation.changes + 1, name = excluded.name",
        )
        .bind(&conversation.document.0)
        .bind(place.platform.to_string())
        .bind(&place.room.0)
        .bind(place.thread.as_ref().map(|thread| &thread.0))
        .bind(&conversation.name)
        .bind(conversation.is_note)
        .execute(&mut *transaction)
        .await
        .map_err(&sql)?;
        for line in lines {
            sqlx::query(
                "INSERT INTO said (document, platform, room, id, kind, author, name, at_us, text, link) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            )
            .bind(&conversation.document.0)
            .bind(place.platform.to_string())
            .bind(&place.room.0)
            .bind(&line.id.0)
            .bind(line.kind.name())
            .bind(line.author.as_ref().map(|author| &author.0))
            .bind(&line.name)
            .bind(line.at.as_microsecond())
            .bind(&line.text)
            .bind(&line.link)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)
    }

    /// The conversations whose documents are behind.
    ///
    /// # Errors
    /// See above.
    pub async fn conversations_behind(&self) -> Result<Vec<Conversation>, StoreError> {
        let rows: Vec<(String, String, String, bool, i64)> = sqlx::query_as(
            "SELECT document, room, name, is_note, changes FROM conversation WHERE changes <> written ORDER BY document",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql("looking for conversations that changed"))?;
        let read = |(document, room, name, is_note, changes)| Conversation {
            document: DocumentId(document),
            room: RoomId(room),
            name,
            is_note,
            changes,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The lines of a conversation, oldest first.
    ///
    /// # Errors
    /// See above.
    pub async fn lines_of(&self, document: &DocumentId) -> Result<Vec<Line>, StoreError> {
        let doing = "reading a conversation";
        let rows: Vec<LineRow> = sqlx::query_as(
            "SELECT id, kind, author, name, at_us, text, link FROM said WHERE document = $1 ORDER BY at_us, id",
        )
        .bind(&document.0)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(id, kind, author, name, at, text, link)| {
                // A kind of a later version is read as the least that it can be.
                let kind = LineKind::ALL.into_iter().find(|known| known.name() == kind).unwrap_or(LineKind::Mark);
                let at = Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))?;
                Ok(Line { id: MessageId(id), kind, author: author.map(MemberId), name, at, text, link })
            })
            .collect()
    }

    /// The document of a conversation has all of these changes.
    ///
    /// # Errors
    /// See above.
    pub async fn conversation_written(&self, conversation: &Conversation) -> Result<(), StoreError> {
        sqlx::query("UPDATE conversation SET written = $2 WHERE document = $1")
            .bind(&conversation.document.0)
            .bind(conversation.changes)
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("noting that a conversation is written"))?;
        Ok(())
    }

    /// Forgets a conversation in which nothing is said any more, if nothing was since; its document with it.
    ///
    /// # Errors
    /// See above.
    pub async fn drop_conversation(&self, conversation: &Conversation) -> Result<(), StoreError> {
        let doing = "forgetting a conversation";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let dropped = sqlx::query("DELETE FROM conversation WHERE document = $1 AND changes = $2")
            .bind(&conversation.document.0)
            .bind(conversation.changes)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        if dropped.rows_affected() > 0 {
            sqlx::query("DELETE FROM document WHERE id = $1")
                .bind(&conversation.document.0)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)
    }

    /// Takes out what is gone: how many messages, and the documents that held them, which are removed and to be written
    /// anew. They are to be taken out of the index.
    ///
    /// # Errors
    /// See above.
    pub async fn take_out(&self, gone: Gone<'_>) -> Result<(usize, Vec<DocumentId>), StoreError> {
        let doing = "taking out what was said";
        let sql = StoreError::sql(doing);
        let holding = || {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT DISTINCT document FROM said WHERE ");
            gone.push(&mut query);
            query
        };
        // Nearly always there is nothing, and the writer is not waited for.
        let found: Vec<String> = holding().build_query_scalar().fetch_all(&self.read).await.map_err(&sql)?;
        if found.is_empty() {
            return Ok((0, Vec::new()));
        }
        let mut transaction = self.begin(doing).await?;
        let documents: Vec<String> = holding().build_query_scalar().fetch_all(&mut *transaction).await.map_err(&sql)?;
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM said WHERE ");
        gone.push(&mut query);
        let count = query.build().execute(&mut *transaction).await.map_err(&sql)?.rows_affected();
        let changed =
            ["UPDATE conversation SET changes = changes + 1 WHERE document = $1", "DELETE FROM document WHERE id = $1"];
        let records = [
            "DELETE FROM flight WHERE INSTR(event, $1) > 0",
            "DELETE FROM plugin_datum WHERE call IS NOT NULL AND INSTR(value, $1) > 0",
        ];
        for document in &documents {
            for query in changed.iter().chain(records.iter().filter(|_| gone.takes_records())) {
                sqlx::query(*query).bind(document).execute(&mut *transaction).await.map_err(&sql)?;
            }
        }
        transaction.commit().await.map_err(&sql)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok((count, documents.into_iter().map(DocumentId).collect()))
    }

    /// The messages that were said since a time and are kept, newest first, by room or thread; but for the questions of
    /// notes, which may be commands and no messages.
    ///
    /// # Errors
    /// See above.
    pub async fn kept_since(&self, since: Timestamp) -> Result<Vec<(Place, Vec<(MessageId, Timestamp)>)>, StoreError> {
        let doing = "listing what was said";
        let rows: Vec<(String, String, Option<String>, String, i64)> = sqlx::query_as(
            "SELECT c.platform, c.room, c.thread, s.id, s.at_us FROM said s JOIN conversation c \
             ON c.document = s.document WHERE s.at_us >= $1 AND s.kind NOT IN ('mark', 'question') \
             ORDER BY c.platform, c.room, c.thread, s.at_us DESC",
        )
        .bind(since.as_microsecond())
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        let mut kept: Vec<(Place, Vec<(MessageId, Timestamp)>)> = Vec::new();
        for (platform, room, thread, id, at) in rows {
            let at = Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))?;
            let named = |known: &Platform| known.to_string() == platform;
            let Some(platform) = [Platform::Discord, Platform::Matrix].into_iter().find(named) else { continue };
            // Which community it is no archive asks.
            let community = CommunityId(String::new());
            let (room, thread) = (RoomId(room), thread.map(ThreadId));
            let place = Place { platform, community, room, thread, audience: Audience::Room };
            match kept.last_mut() {
                Some((last, messages)) if *last == place => messages.push((MessageId(id), at)),
                _ => kept.push((place, vec![(MessageId(id), at)])),
            }
        }
        Ok(kept)
    }

    /// The rooms of which anything is kept that gets too old.
    ///
    /// # Errors
    /// See above.
    pub async fn rooms_kept(&self) -> Result<Vec<RoomId>, StoreError> {
        let rooms: Vec<String> = sqlx::query_scalar(
            "SELECT room FROM said UNION SELECT room FROM flight \
             UNION SELECT json_extract(post, '$.question.place.room') FROM post ORDER BY 1",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql("listing rooms"))?;
        Ok(rooms.into_iter().map(RoomId).collect())
    }

    /// Forgets the answers of a room before a time, with what is known of the calls; how many rows.
    ///
    /// # Errors
    /// See above.
    pub async fn expire_answers(&self, room: &RoomId, before: Timestamp) -> Result<u64, StoreError> {
        let doing = "forgetting old answers";
        let mut transaction = self.begin(doing).await?;
        let mut forgotten = 0;
        for query in [
            "DELETE FROM plugin_datum WHERE call IN (SELECT call FROM post WHERE at_us < $2 AND body IS NULL \
             AND json_extract(post, '$.question.place.room') = $1)",
            "DELETE FROM post WHERE at_us < $2 AND body IS NULL \
             AND json_extract(post, '$.question.place.room') = $1",
            "DELETE FROM flight WHERE at_us < $2 AND room = $1",
        ] {
            let done = sqlx::query(query).bind(&room.0).bind(before.as_microsecond()).execute(&mut *transaction).await;
            forgotten += done.map_err(StoreError::sql(doing))?.rows_affected();
        }
        transaction.commit().await.map_err(StoreError::sql(doing))?;
        Ok(forgotten)
    }
}

/// What of a person is exported of it.
pub(crate) const EXPORTED: &str = "'room', room, 'id', id, 'at', at_us, 'text', text, 'link', link";

/// Moves what was said in one room to another; `$1` the old, `$2` the new.
pub(crate) const MOVED: [&str; 2] =
    ["UPDATE said SET room = $2 WHERE room = $1", "UPDATE conversation SET room = $2 WHERE room = $1"];
