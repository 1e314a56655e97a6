//! The audit trail: a chain of hashes in which nothing stands of content or persons, and beside it, for as long as it may
//! be known, all of each call.
//!
//! Events are appended, numbered from 1, and never changed. Each holds the hash of the one before, and its own, which is
//! the SHA-256 of its other fields in the order of the table: number, time in microseconds, community, plugin, command,
//! outcome, tag, content, previous, each as text with its length in bytes before it, `5:hello,`, the numbers in decimal.
//! The tag is the SHA-256 of the caller's salt and id, the content that of the salt and the flight's JSON: both mean
//! nothing any more once the salt is gone. A tail that was cut off shows only to who noted the last hash elsewhere.
//!
//! **Invariant:** erasing removes flights and salts and never touches an event, so that the chain holds.

use async_trait::async_trait;
use chat::{
    CallId, PortError,
    ports::{Audit, AuditEvent},
};
use sha2::{Digest, Sha256};
use sqlx::{FromRow, SqliteConnection};

use crate::{Store, StoreError, row};

/// Events checked at once.
const EVENTS_AT_ONCE: i64 = 1_000;

/// What a check of the audit trail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheck {
    /// How many events.
    pub events: u64,
    /// How many flights are kept.
    pub flights: u64,
    /// The hash of the last event; empty where there is none.
    pub head: String,
    /// The number of the first event that is not what was written, with a sentence.
    pub broken: Option<(u64, String)>,
}

#[async_trait]
impl Audit for Store {
    async fn record(&self, event: AuditEvent) -> Result<(), PortError> {
        self.append(&event).await.map_err(StoreError::port("audit"))
    }

    async fn flight(&self, call: &CallId) -> Result<Option<AuditEvent>, PortError> {
        self.last_flight(call).await.map_err(StoreError::port("audit"))
    }
}

/// An event of the chain.
#[derive(FromRow)]
struct Link {
    number: i64,
    at_us: i64,
    community: String,
    plugin: String,
    command: String,
    outcome: String,
    caller_tag: String,
    content_hash: String,
    previous: String,
    hash: String,
}

/// An event with what is kept of its call: flight and salt.
#[derive(FromRow)]
struct Linked {
    #[sqlx(flatten)]
    link: Link,
    event: Option<String>,
    member: Option<String>,
    salt: Option<String>,
}

impl Link {
    fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        let (number, at) = (self.number.to_string(), self.at_us.to_string());
        for field in [
            &number,
            &at,
            &self.community,
            &self.plugin,
            &self.command,
            &self.outcome,
            &self.caller_tag,
            &self.content_hash,
            &self.previous,
        ] {
            hasher.update(format!("{}:{field},", field.len()));
        }
        row::hex(hasher.finalize())
    }
}

impl Linked {
    /// What of it is not what was written after `previous`.
    fn wrong(&self, number: i64, previous: &str) -> Option<&'static str> {
        let Self { link, event, member, salt } = self;
        if link.number != number {
            return Some("it is missing");
        }
        if link.previous != previous {
            return Some("it does not follow the event before it");
        }
        if link.hash != link.digest() {
            return Some("it was changed");
        }
        let (Some(event), Some(member)) = (event, member) else { return None };
        match salt {
            None => Some("the salt of its caller is missing"),
            Some(salt) if link.caller_tag != salted(salt, member) => Some("its caller was changed"),
            Some(salt) if link.content_hash != salted(salt, event) => Some("what is kept of its call was changed"),
            Some(_) => None,
        }
    }
}

fn salted(salt: &str, text: &str) -> String {
    row::hex(Sha256::new().chain_update(salt).chain_update(text).finalize())
}

impl Store {
    async fn append(&self, event: &AuditEvent) -> Result<(), StoreError> {
        let doing = "writing the audit trail";
        let sql = StoreError::sql(doing);
        let json = row::json(event, doing)?;
        let chat::Call { id, plugin, command, caller, place, .. } = &event.call;
        let mut transaction = self.begin(doing).await?;
        let salt = salt(&mut transaction, &caller.0).await.map_err(&sql)?;
        let last: Option<(i64, String)> =
            sqlx::query_as("SELECT number, hash FROM audit_event ORDER BY number DESC LIMIT 1")
                .fetch_optional(&mut *transaction)
                .await
                .map_err(&sql)?;
        let (number, previous) = last.unwrap_or_default();
        let mut link = Link {
            number: number + 1,
            at_us: event.at.as_microsecond(),
            community: place.community.0.clone(),
            plugin: plugin.clone(),
            command: command.clone(),
            outcome: event.outcome.clone(),
            caller_tag: salted(&salt, &caller.0),
            content_hash: salted(&salt, &json),
            previous,
            hash: String::new(),
        };
        link.hash = link.digest();
        sqlx::query(
            "INSERT INTO audit_event (number, at_us, community, plugin, command, outcome, caller_tag, content_hash, \
                 previous, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(link.number)
        .bind(link.at_us)
        .bind(link.community)
        .bind(link.plugin)
        .bind(link.command)
        .bind(link.outcome)
        .bind(link.caller_tag)
        .bind(link.content_hash)
        .bind(link.previous)
        .bind(link.hash)
        .execute(&mut *transaction)
        .await
        .map_err(&sql)?;
        sqlx::query("INSERT INTO flight (number, call, member, room, at_us, event) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(link.number)
            .bind(&id.0)
            .bind(&caller.0)
            .bind(&place.room.0)
            .bind(link.at_us)
            .bind(json)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        for voice in &event.voices {
            sqlx::query("INSERT INTO flight_voice (member, number) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(&voice.0)
                .bind(link.number)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)
    }

    /// What is kept of a call; of its last run where there were several.
    async fn last_flight(&self, call: &CallId) -> Result<Option<AuditEvent>, StoreError> {
        let doing = "reading what is kept of a call";
        let json: Option<String> =
            sqlx::query_scalar("SELECT event FROM flight WHERE call = $1 ORDER BY number DESC LIMIT 1")
                .bind(&call.0)
                .fetch_optional(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        json.map(|json| row::parse(&json, doing)).transpose()
    }

    /// At most `limit` calls that are kept with a number above `after`, in order, with the numbers of their events.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn audit_events(&self, after: u64, limit: usize) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        let doing = "reading the audit trail";
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT number, event FROM flight WHERE number > $1 ORDER BY number LIMIT $2")
                .bind(row::integer(after))
                .bind(row::integer(limit))
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|(number, json)| Ok((row::number(number, doing)?, row::parse(&json, doing)?))).collect()
    }

    /// Goes over the whole chain, and every flight that is kept; stops at the first event that is not what was written.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn audit_verify(&self) -> Result<AuditCheck, StoreError> {
        let doing = "checking the audit trail";
        let sql = StoreError::sql(doing);
        // One snapshot: calls go on being recorded and erased.
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let count = |query: &'static str| sqlx::query_scalar::<_, i64>(query);
        let events = count("SELECT COUNT(*) FROM audit_event").fetch_one(&mut *snapshot).await.map_err(&sql)?;
        let flights = count("SELECT COUNT(*) FROM flight").fetch_one(&mut *snapshot).await.map_err(&sql)?;
        let (mut number, mut head, mut broken) = (0, String::new(), None);
        'events: loop {
            let page: Vec<Linked> = sqlx::query_as(
                "SELECT e.*, f.event, f.member, s.salt FROM audit_event e \
                 LEFT JOIN flight f ON f.number = e.number LEFT JOIN caller_salt s ON s.member = f.member \
                 WHERE e.number > $1 ORDER BY e.number LIMIT $2",
            )
            .bind(number)
            .bind(EVENTS_AT_ONCE)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(&sql)?;
            if page.is_empty() {
                break;
            }
            for linked in page {
                number += 1;
                if let Some(wrong) = linked.wrong(number, &head) {
                    broken = Some((row::number(number, doing)?, wrong.to_owned()));
                    break 'events;
                }
                head = linked.link.hash;
            }
        }
        if broken.is_none() {
            let stray: Option<i64> = sqlx::query_scalar(
                "SELECT number FROM flight WHERE number NOT IN (SELECT number FROM audit_event) ORDER BY number LIMIT 1",
            )
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(&sql)?;
            let stray = stray.map(|number| row::number(number, doing)).transpose()?;
            broken = stray.map(|number| (number, "it is missing, though its call is kept".to_owned()));
        }
        Ok(AuditCheck { events: row::number(events, doing)?, flights: row::number(flights, doing)?, head, broken })
    }
}

/// The salt of a person, made at their first call. SQLite draws it with ChaCha20, seeded by the operating system.
async fn salt(connection: &mut SqliteConnection, member: &str) -> Result<String, sqlx::Error> {
    sqlx::query(
        "INSERT INTO caller_salt (member, salt) VALUES ($1, hex(randomblob(32))) ON CONFLICT (member) DO NOTHING",
    )
    .bind(member)
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar("SELECT salt FROM caller_salt WHERE member = $1").bind(member).fetch_one(connection).await
}
