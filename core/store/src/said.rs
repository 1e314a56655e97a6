//! What was said in rooms by those who let it be kept, in conversations, each of which is a document.
//!
//! A conversation counts its changes, and which of them its document has: what a crash leaves behind is found again.
//!
//! **Invariant:** taking something out removes the conversation's document in the same transaction; it is written anew
//! without it.

use chat::{Audience, CommunityId, DocumentId, MemberId, MessageId, Overheard, Place, Platform, RoomId, ThreadId};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Store, StoreError, audit,
    declared::{Column, Export, Fate, Move, Table},
    row,
    since::ALLOWING,
};

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

impl Gone<'_> {
    /// Pushes the condition on rows of `said`.
    fn push(self, query: &mut QueryBuilder<Sqlite>) {
        match self {
            Self::Message(platform, room, id) => {
                query.push("room = ").push_bind(room.0.clone()).push(" AND id = ").push_bind(id.0.clone());
                query.push(" AND platform = ").push_bind(platform.to_string());
            }
            Self::Unconsented => {
                query
                    .push("author IS NOT NULL AND author NOT IN (")
                    .push(ALLOWING.replace("{switch}", "'index'"))
                    .push(")");
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

    /// Whether records of answers that cite it go too, and not only what the language model was asked for them.
    fn takes_records(self) -> bool {
        matches!(self, Self::Unconsented | Self::Of(_))
    }

    /// Whether answers are too old to be remembered when it is.
    fn is_old(self) -> bool {
        matches!(self, Self::Before(..))
    }
}

/// Documents that are taken out while the writer is held.
const DOCUMENTS_AT_ONCE: usize = 20;

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
        let mut query = QueryBuilder::<Sqlite>::new("SELECT DISTINCT document FROM said WHERE ");
        gone.push(&mut query);
        // Nearly always there is nothing, and the writer is not waited for.
        let documents: Vec<String> = query.build_query_scalar().fetch_all(&self.read).await.map_err(&sql)?;
        let (mut count, mut taken) = (0, Vec::new());
        for some in documents.chunks(DOCUMENTS_AT_ONCE) {
            let notes = if gone.is_old() { Vec::new() } else { self.notes_on(some).await? };
            let mut transaction = self.begin(doing).await?;
            let held = |start: &str| {
                let mut query = QueryBuilder::<Sqlite>::new(start);
                gone.push(query.push(" FROM said WHERE "));
                let mut values = query.push(" AND document IN (").separated(", ");
                for document in some {
                    values.push_bind(document.clone());
                }
                query.push(")");
                query
            };
            // As it is now that nobody else writes.
            let some: Vec<String> = held("SELECT DISTINCT document")
                .build_query_scalar()
                .fetch_all(&mut *transaction)
                .await
                .map_err(&sql)?;
            if matches!(gone, Gone::Unconsented) {
                let authors: Vec<String> = held("SELECT DISTINCT author")
                    .build_query_scalar()
                    .fetch_all(&mut *transaction)
                    .await
                    .map_err(&sql)?;
                for author in authors {
                    audit::take_out_voice(&mut transaction, &author).await.map_err(&sql)?;
                }
            }
            count += held("DELETE").build().execute(&mut *transaction).await.map_err(&sql)?.rows_affected();
            for document in &some {
                let source = audit::source(&DocumentId(document.clone()));
                if gone.takes_records() {
                    sqlx::query(
                        "DELETE FROM flight WHERE number IN (SELECT number FROM flight_source WHERE source = $1)",
                    )
                    .bind(&source)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&sql)?;
                } else if !gone.is_old() {
                    audit::take_out_prompts(&mut transaction, &source).await.map_err(&sql)?;
                }
                for query in [
                    "UPDATE conversation SET changes = changes + 1 WHERE document = $1",
                    "DELETE FROM document WHERE id = $1",
                ] {
                    sqlx::query(query).bind(document).execute(&mut *transaction).await.map_err(&sql)?;
                }
            }
            for (plugin, name) in notes {
                sqlx::query("DELETE FROM plugin_datum WHERE plugin = $1 AND name = $2 AND call IS NOT NULL")
                    .bind(plugin)
                    .bind(name)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&sql)?;
            }
            transaction.commit().await.map_err(&sql)?;
            taken.extend(some.into_iter().map(DocumentId));
        }
        Ok((usize::try_from(count).unwrap_or(usize::MAX), taken))
    }

    /// What plugins keep beside calls and names one of these documents. It is looked for without the writer: it may take long.
    async fn notes_on(&self, documents: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let doing = "looking for what plugins keep of what was said";
        sqlx::query_as(
            "SELECT plugin, name FROM plugin_datum WHERE call IS NOT NULL AND EXISTS \
             (SELECT 1 FROM json_each($1) AS one WHERE INSTR(plugin_datum.value, one.value) > 0)",
        )
        .bind(row::json(&documents, doing)?)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))
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

/// What is kept of it.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "conversation",
        &[
            ("document", Column::No("id")),
            ("platform", Column::No("name of a platform")),
            ("room", Column::No("room")),
            ("thread", Column::No("room")),
            ("name", Column::No("name of a room")),
            ("is_note", Column::No("setting")),
            ("changes", Column::No("number")),
            ("written", Column::No("number")),
        ],
        Fate::Nobodys,
    )
    .moved(&[Move::Room("UPDATE conversation SET room = $2 WHERE room = $1")]),
    Table::new(
        "said",
        &[
            ("document", Column::No("id")),
            ("platform", Column::No("name of a platform")),
            ("room", Column::No("room")),
            ("id", Column::No("id of a message")),
            ("kind", Column::No("kind of a line")),
            ("author", Column::Member),
            ("name", Column::Words),
            ("at_us", Column::No("time")),
            ("text", Column::Words),
            ("link", Column::Words),
        ],
        Fate::By("Store::take_out, for conversations are others' too"),
    )
    .exported(&[Export {
        file: "messages.json",
        part: "",
        columns: "'room', room, 'id', id, 'at', at_us, 'text', text, 'link', link",
        rows: "author IN {members} AND kind <> 'mark' ORDER BY at_us, document",
        times: &["at"],
    }])
    .moved(&[Move::Room("UPDATE said SET room = $2 WHERE room = $1")]),
];
