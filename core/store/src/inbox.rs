//! The inbox: a message is remembered before any work on it, and its words and author are forgotten when its reply is
//! complete; only its id stays, so that it is never answered twice.

use async_trait::async_trait;
use chat::{
    CommunityId, Message, PortError,
    ports::{Inbox, Seen},
};
use jiff::Timestamp;

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    row,
};

/// Messages. Their ids stay for a while, so that nothing is answered twice: they do not tell who or what.
pub(crate) const TABLES: &[Table] = &[Table::new(
    "inbox_message",
    &[
        ("platform", Column::No("name of a platform")),
        ("community", Column::No("name of a community")),
        ("room", Column::No("room")),
        ("id", Column::No("id of a message")),
        ("number", Column::No("number")),
        ("message", Column::Words),
        ("author", Column::Member),
        ("at_us", Column::No("time")),
    ],
    Fate::Emptied { kind: "questions", set: "message = NULL, author = NULL", rows: "author IN {members}" },
)
.exported(&[Export {
    file: "questions.json",
    part: "",
    columns: "'message', json(message)",
    rows: "author IN {members} ORDER BY number",
    times: &[],
}])];

const PORT: &str = "inbox";

#[async_trait]
impl Inbox for Store {
    async fn open(&self, message: &Message) -> Result<Seen, PortError> {
        self.remember(message).await.map_err(StoreError::port(PORT))
    }

    async fn close(&self, message: &Message) -> Result<(), PortError> {
        self.complete(message).await.map_err(StoreError::port(PORT))
    }

    async fn unfinished(&self, community: &CommunityId) -> Result<Vec<Message>, PortError> {
        self.in_flight(community).await.map_err(StoreError::port(PORT))
    }
}

impl Store {
    async fn remember(&self, message: &Message) -> Result<Seen, StoreError> {
        let doing = "opening a message";
        let place = &message.place;
        let done = sqlx::query(
            "INSERT INTO inbox_message (platform, community, room, id, message, author, at_us, number) \
             SELECT $1, $2, $3, $4, $5, $6, $7, COALESCE(MAX(number), 0) + 1 FROM inbox_message WHERE 1 = 1 \
             ON CONFLICT (platform, community, room, id) DO NOTHING",
        )
        .bind(place.platform.to_string())
        .bind(&place.community.0)
        .bind(&place.room.0)
        .bind(&message.id.0)
        .bind(row::json(message, doing)?)
        .bind(&message.author.0)
        .bind(message.at.as_microsecond())
        .execute(&self.write)
        .await
        .map_err(StoreError::sql(doing))?;
        Ok(if done.rows_affected() == 0 { Seen::Before } else { Seen::New })
    }

    async fn complete(&self, message: &Message) -> Result<(), StoreError> {
        let place = &message.place;
        sqlx::query(
            "UPDATE inbox_message SET message = NULL, author = NULL \
             WHERE platform = $1 AND community = $2 AND room = $3 AND id = $4",
        )
        .bind(place.platform.to_string())
        .bind(&place.community.0)
        .bind(&place.room.0)
        .bind(&message.id.0)
        .execute(&self.write)
        .await
        .map_err(StoreError::sql("closing a message"))?;
        Ok(())
    }

    /// Forgets the ids of answered messages from before `before`, which no platform delivers again; how many.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn forget_seen(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("DELETE FROM inbox_message WHERE message IS NULL AND at_us < $1")
            .bind(before.as_microsecond())
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("forgetting the ids of old messages"))?;
        Ok(forgotten.rows_affected())
    }

    async fn in_flight(&self, community: &CommunityId) -> Result<Vec<Message>, StoreError> {
        let doing = "reading the inbox";
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT message FROM inbox_message WHERE community = $1 AND message IS NOT NULL ORDER BY number",
        )
        .bind(&community.0)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        // One that this version cannot read, written by another, must not keep the others from their apology.
        let read = |json: &String| match serde_json::from_str(json) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::error!(%error, "a message of the inbox cannot be read");
                None
            }
        };
        Ok(rows.iter().filter_map(read).collect())
    }
}
