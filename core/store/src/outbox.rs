//! The outbox: a reply is kept until its platform shows it whole; then its body is forgotten, and only what it takes to
//! find it again stays.

use async_trait::async_trait;
use chat::{
    CallId, MessageId, Platform, PortError,
    ports::{Outbox, Post},
};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    echoes, forgotten, row,
};

/// Replies. One that is on its way and is about somebody goes with them, whoever it goes to.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "post",
        &[
            ("call", Column::No("id of a message")),
            ("platform", Column::No("name of a platform")),
            ("number", Column::No("number")),
            ("at_us", Column::No("time")),
            ("post", Column::Words),
            ("body", Column::Words),
            ("renews", Column::No("id of a message")),
            ("author", Column::Member),
        ],
        Fate::Gone {
            kind: "answers",
            rows: "author IN {members} OR (body IS NOT NULL AND EXISTS \
                 (SELECT 1 FROM json_each(post.post, '$.of') AS other WHERE other.value IN {members}))",
        },
    )
    .exported(&[Export {
        file: "answers.json",
        part: "",
        // Their own words, and where they find the answer: what it said was read from what could be read then, and an address
        // may hold a secret.
        columns: "'call', call, 'question', json_extract(post, '$.question'), 'shown', json_extract(post, '$.shown')",
        rows: "author IN {members} ORDER BY number",
        times: &[],
    }]),
    Table::new(
        "post_shown",
        &[
            ("platform", Column::No("name of a platform")),
            ("message", Column::No("id of a message")),
            ("call", Column::No("id of a message")),
        ],
        Fate::With("post"),
    ),
];

const PORT: &str = "outbox";

/// A row: the post without its body, and the body.
type Row = (String, Option<String>);

#[async_trait]
impl Outbox for Store {
    async fn put(&self, post: &Post) -> Result<(), PortError> {
        self.put_post(post).await.map_err(StoreError::port(PORT))
    }

    async fn get(&self, call: &CallId) -> Result<Option<Post>, PortError> {
        self.post(call).await.map_err(StoreError::port(PORT))
    }

    async fn pending(&self, platform: Platform) -> Result<Vec<Post>, PortError> {
        self.pending_posts(platform).await.map_err(StoreError::port(PORT))
    }

    async fn showing(&self, platform: Platform, shown: &MessageId) -> Result<Option<Post>, PortError> {
        self.post_showing(platform, shown).await.map_err(StoreError::port(PORT))
    }

    async fn renewals(&self, call: &CallId) -> Result<Vec<CallId>, PortError> {
        self.posts_renewing(call).await.map_err(StoreError::port(PORT))
    }

    async fn remove(&self, call: &CallId) -> Result<(), PortError> {
        self.remove_post(call).await.map_err(StoreError::port(PORT))
    }
}

impl Store {
    pub(crate) async fn put_post(&self, post: &Post) -> Result<(), StoreError> {
        let doing = "writing a post";
        let mut transaction = self.begin(doing).await?;
        let Some(post) = kept(&mut transaction, self, post).await.map_err(StoreError::sql(doing))? else {
            // What shows it, and what plugins keep beside it, is of somebody who was forgotten.
            for query in ["DELETE FROM post WHERE call = $1", "DELETE FROM plugin_datum WHERE call = $1"] {
                let removing = sqlx::query(query).bind(&post.call.0).execute(&mut *transaction).await;
                removing.map_err(StoreError::sql(doing))?;
            }
            return transaction.commit().await.map_err(StoreError::sql(doing));
        };
        let platform = post.question.place.platform.to_string();
        let body = post.body.as_ref().map(Value::to_string);
        // Whom it is about matters as long as it is on its way.
        let of = if body.is_some() { post.of } else { Vec::new() };
        let post = Post { body: None, of, ..post };
        sqlx::query(
            "INSERT INTO post (call, platform, number, at_us, post, body, renews, author) \
             SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4, $5, $6, $7 FROM post WHERE 1 = 1 \
             ON CONFLICT (call) DO UPDATE SET post = excluded.post, body = excluded.body",
        )
        .bind(&post.call.0)
        .bind(&platform)
        .bind(post.question.at.as_microsecond())
        .bind(row::json(&post, doing)?)
        .bind(body)
        .bind(post.renews.as_ref().map(|call| &call.0))
        .bind(&post.question.author.0)
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::sql(doing))?;
        sqlx::query("DELETE FROM post_shown WHERE call = $1")
            .bind(&post.call.0)
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::sql(doing))?;
        for shown in &post.shown {
            sqlx::query(
                "INSERT INTO post_shown (platform, message, call) VALUES ($1, $2, $3) \
                 ON CONFLICT (platform, message) DO UPDATE SET call = excluded.call",
            )
            .bind(&platform)
            .bind(&shown.0)
            .bind(&post.call.0)
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    async fn post(&self, call: &CallId) -> Result<Option<Post>, StoreError> {
        let doing = "reading a post";
        let row: Option<Row> = sqlx::query_as("SELECT post, body FROM post WHERE call = $1")
            .bind(&call.0)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
        row.map(|row| read(row, doing)).transpose()
    }

    async fn pending_posts(&self, platform: Platform) -> Result<Vec<Post>, StoreError> {
        let doing = "reading the outbox";
        let rows: Vec<Row> =
            sqlx::query_as("SELECT post, body FROM post WHERE platform = $1 AND body IS NOT NULL ORDER BY number")
                .bind(platform.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        // One that this version cannot read, written by another, must not keep the others back.
        let readable = |row| match read(row, doing) {
            Ok(post) => Some(post),
            Err(error) => {
                tracing::error!(%error, "a post of the outbox cannot be read");
                None
            }
        };
        Ok(rows.into_iter().filter_map(readable).collect())
    }

    async fn post_showing(&self, platform: Platform, shown: &MessageId) -> Result<Option<Post>, StoreError> {
        let doing = "finding a post";
        let row: Option<Row> = sqlx::query_as(
            "SELECT post, body FROM post JOIN post_shown ON post_shown.call = post.call \
             WHERE post_shown.platform = $1 AND post_shown.message = $2",
        )
        .bind(platform.to_string())
        .bind(&shown.0)
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        row.map(|row| read(row, doing)).transpose()
    }

    async fn posts_renewing(&self, call: &CallId) -> Result<Vec<CallId>, StoreError> {
        let calls: Vec<String> = sqlx::query_scalar("SELECT call FROM post WHERE renews = $1 ORDER BY number")
            .bind(&call.0)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql("finding the renewals of a post"))?;
        Ok(calls.into_iter().map(CallId).collect())
    }

    async fn remove_post(&self, call: &CallId) -> Result<(), StoreError> {
        let doing = "removing a post";
        let mut transaction = self.begin(doing).await?;
        for query in ["DELETE FROM post WHERE call = $1", "DELETE FROM plugin_datum WHERE call = $1"] {
            sqlx::query(query).bind(&call.0).execute(&mut *transaction).await.map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// Removes from the posts of questions since `since` the secrets that held until `now` ([`Post::SECRET`]); how many.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read or written.
    pub async fn end_secrets(&self, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let doing = "removing secrets that are over";
        // Nearly always there is nothing, and the writer is not waited for.
        let calls: Vec<String> = sqlx::query_scalar(
            "SELECT call FROM post WHERE at_us >= $1 AND json_extract(post, '$.address.' || $3) <> '' \
             AND json_extract(post, '$.address.' || $4) <= $2",
        )
        .bind(since.as_microsecond())
        .bind(now.as_second())
        .bind(Post::SECRET)
        .bind(Post::SECRET_UNTIL)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        let mut ended = 0;
        for call in calls {
            let done = sqlx::query("UPDATE post SET post = json_set(post, '$.address.' || $2, '') WHERE call = $1")
                .bind(call)
                .bind(Post::SECRET)
                .execute(&self.write)
                .await;
            ended += done.map_err(StoreError::sql(doing))?.rows_affected();
        }
        Ok(ended)
    }

    /// Forgets the posts of questions from before `before` that were shown, and what plugins keep beside calls from then;
    /// how many posts. Their buttons then say that they expired.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn forget_posts(&self, before: Timestamp) -> Result<u64, StoreError> {
        let doing = "forgetting old posts";
        let mut transaction = self.begin(doing).await?;
        let mut forgotten = 0;
        for query in ["DELETE FROM plugin_datum WHERE at_us < $1", "DELETE FROM post WHERE at_us < $1 AND body IS NULL"]
        {
            let done = sqlx::query(query).bind(before.as_microsecond()).execute(&mut *transaction).await;
            forgotten = done.map_err(StoreError::sql(doing))?.rows_affected();
        }
        transaction.commit().await.map_err(StoreError::sql(doing))?;
        Ok(forgotten)
    }
}

/// What is to be kept of a post: itself; nothing of one that began before somebody was forgotten whose it is, or who it is
/// about, but that it is shown to who asked; and of what said their words again, that it is taken down.
async fn kept(connection: &mut SqliteConnection, store: &Store, post: &Post) -> Result<Option<Post>, sqlx::Error> {
    let at = post.question.at.as_microsecond();
    if post.body == Some(Post::NOTHING) {
        return Ok(Some(post.clone()));
    }
    if post.body.is_some() {
        for member in &post.of {
            if forgotten::is_over(connection, store, &member.0, at).await? {
                return Ok(None);
            }
        }
    }
    if !forgotten::is_over(connection, store, &post.question.author.0, at).await? {
        return Ok(Some(post.clone()));
    }
    let is_echo = post.question.is_echo();
    Ok(match post.body {
        Some(_) if !is_echo => Some(post.clone()),
        None if is_echo => echoes::taken_down(post.clone(), post.question.at),
        _ => None,
    })
}

fn read((post, body): Row, doing: &'static str) -> Result<Post, StoreError> {
    let post: Post = serde_json::from_str(&post).map_err(StoreError::damaged(doing))?;
    let body = body.map(|body| serde_json::from_str(&body).map_err(StoreError::damaged(doing))).transpose()?;
    Ok(Post { body, ..post })
}
