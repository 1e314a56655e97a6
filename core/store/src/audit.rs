//! The audit trail: a chain of hashes in which nothing stands of content or persons, and beside it, for as long as it may
//! be known, all of each call.
//!
//! Events are appended, numbered from 1, and never changed. Each holds the hash of the one before, and its own, which is
//! the SHA-256 of its other fields in the order of the table: number, time in microseconds, community, plugin, command,
//! outcome, tag, content, previous, each as text with its length in bytes before it, `5:hello,`, the numbers in decimal.
//! The tag is the SHA-256 of the caller's salt and id, the content that of the salt and the flight's JSON: both mean
//! nothing any more once the salt is gone. A tail that was cut off shows only to who noted the last hash elsewhere:
//! [`Store::audit_head`].
//!
//! What a language model was asked stands beside the flight, which holds its hash with the salt: prompts hold words of many, and
//! go where one of them takes theirs back, without the rest.
//!
//! **Invariant:** erasing removes flights, prompts and salts and never touches an event, so that the chain holds.
//! **Invariant:** of a call that began before its caller, or anybody whose words it was given, was forgotten only the event is
//! written, with a salt that nobody keeps.

use async_trait::async_trait;
use chat::{
    CallId, DocumentId, PortError,
    ports::{Audit, AuditEvent, Generation},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, SqliteConnection};

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    forgotten, row,
};

/// What is kept of calls. A person is handed what they asked and what came of it: not what the language model was given, which is
/// others' and was read from what could be read then.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "flight",
        &[
            ("number", Column::No("number")),
            ("call", Column::Words),
            ("member", Column::Member),
            ("room", Column::No("room")),
            ("at_us", Column::No("time")),
            ("event", Column::Words),
        ],
        // Those of others too in whose prompts their words stand.
        Fate::Gone {
            kind: "records of calls",
            rows: "member IN {members} OR number IN (SELECT number FROM flight_voice WHERE member IN {members})",
        },
    )
    .exported(&[Export {
        file: "calls.json",
        part: "",
        columns: "'number', number, 'event', json_object('at', json_extract(event, '$.at'), \
             'call', json_extract(event, '$.call'), 'outcome', json_extract(event, '$.outcome'), \
             'model', json_extract(event, '$.model'), 'usage', json_extract(event, '$.usage'))",
        rows: "member IN {members} ORDER BY number",
        times: &[],
    }]),
    Table::new(
        "flight_prompt",
        &[("number", Column::No("number")), ("generations", Column::Words)],
        Fate::With("flight"),
    ),
    Table::new("flight_voice", &[("member", Column::Member), ("number", Column::No("number"))], Fate::With("flight")),
    Table::new("flight_source", &[("source", Column::Words), ("number", Column::No("number"))], Fate::With("flight")),
    Table::new(
        "caller_salt",
        &[("member", Column::Member), ("salt", Column::No("chance"))],
        Fate::Gone { kind: "salts", rows: "member IN {members}" },
    ),
    Table::new(
        "audit_event",
        &[
            ("number", Column::No("number")),
            ("at_us", Column::No("time")),
            ("community", Column::No("name of a community")),
            ("plugin", Column::No("name of a plugin")),
            ("command", Column::No("name of a command")),
            ("outcome", Column::No("kind of an outcome")),
            ("caller_tag", Column::Words),
            ("content_hash", Column::Words),
            ("previous", Column::No("hash of an event")),
            ("hash", Column::No("hash of an event")),
        ],
        Fate::Kept("that something happened; the hashes mean nothing without the salt"),
    ),
];

/// Under which key of a flight the hash of its prompts stands.
const PROMPTS: &str = "prompts";

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
    generations: Option<String>,
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
        let Self { link, event, member, salt, generations } = self;
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
            Some(salt) => {
                // Where they were taken out nothing is to be compared.
                let generations = generations.as_ref()?;
                let event: Option<Value> = serde_json::from_str(event).ok();
                let noted = event.as_ref().and_then(|event| event.get(PROMPTS)?.as_str());
                (noted != Some(&salted(salt, generations))).then_some("what its language model was asked was changed")
            }
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
        let chat::Call { id, plugin, command, caller, place, .. } = &event.call;
        let mut transaction = self.begin(doing).await?;
        let began = event.began.as_microsecond();
        let (mut is_kept, mut is_callers) = (true, true);
        for member in [caller].into_iter().chain(&event.voices) {
            let is_over = forgotten::is_over(&mut transaction, self, &member.0, began).await.map_err(&sql)?;
            is_kept &= !is_over;
            is_callers &= !(is_over && member == caller);
        }
        let salt = match is_callers {
            true => salt(&mut transaction, &caller.0).await,
            false => sqlx::query_scalar("SELECT hex(randomblob(32))").fetch_one(&mut *transaction).await,
        };
        let salt: String = salt.map_err(&sql)?;
        let generations = row::json(&event.generations, doing)?;
        let mut json = serde_json::to_value(AuditEvent { generations: Vec::new(), ..event.clone() })
            .map_err(|error| StoreError::Failed { doing, source: error.into() })?;
        json[PROMPTS] = salted(&salt, &generations).into();
        let json = json.to_string();
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
        if !is_kept {
            return transaction.commit().await.map_err(&sql);
        }
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
        if !event.generations.is_empty() {
            sqlx::query("INSERT INTO flight_prompt (number, generations) VALUES ($1, $2)")
                .bind(link.number)
                .bind(generations)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
        }
        let documents = event.evidence.iter().map(|(passage, _)| source(&passage.document));
        for source in documents.chain(event.messages.iter().map(|message| message.0.clone())) {
            sqlx::query("INSERT INTO flight_source (source, number) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(source)
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
        let row: Option<(String, Option<String>)> = sqlx::query_as(
            "SELECT f.event, p.generations FROM flight f LEFT JOIN flight_prompt p ON p.number = f.number \
             WHERE f.call = $1 ORDER BY f.number DESC LIMIT 1",
        )
        .bind(&call.0)
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        row.map(|(event, generations)| whole(&event, generations, doing)).transpose()
    }

    /// At most `limit` calls that are kept with a number above `after`, in order, with the numbers of their events.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn audit_events(&self, after: u64, limit: usize) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        let doing = "reading the audit trail";
        let rows: Vec<(i64, String, Option<String>)> = sqlx::query_as(
            "SELECT f.number, f.event, p.generations FROM flight f LEFT JOIN flight_prompt p ON p.number = f.number \
             WHERE f.number > $1 ORDER BY f.number LIMIT $2",
        )
        .bind(row::integer(after))
        .bind(row::integer(limit))
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(number, event, generations)| Ok((row::number(number, doing)?, whole(&event, generations, doing)?)))
            .collect()
    }

    /// The number of the last event and its hash, for noting it elsewhere; 0 and nothing where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn audit_head(&self) -> Result<(u64, String), StoreError> {
        let doing = "reading the audit trail";
        let last: Option<(i64, String)> =
            sqlx::query_as("SELECT number, hash FROM audit_event ORDER BY number DESC LIMIT 1")
                .fetch_optional(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        let (number, hash) = last.unwrap_or_default();
        Ok((row::number(number, doing)?, hash))
    }

    /// Whether an event of the trail has this hash: one that was the last once, and is not there, was cut off.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn audit_holds(&self, hash: &str) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit_event WHERE hash = $1")
            .bind(hash)
            .fetch_one(&self.read)
            .await
            .map_err(StoreError::sql("looking for an event of the audit trail"))?;
        Ok(found > 0)
    }

    /// Takes what a message said out of what is kept of calls: the records of the calls that it made, and the prompts that it
    /// stood in; how many.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn take_out_message(&self, message: &CallId) -> Result<u64, StoreError> {
        let doing = "taking a message out of what is kept of calls";
        let sql = StoreError::sql(doing);
        // An edited message makes further calls, of its id with a sign behind it. Nearly always there is nothing.
        let (from, to) = (format!("{message}#"), format!("{message}$"));
        let known: i64 = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM flight_source WHERE source = $1) OR EXISTS \
             (SELECT 1 FROM flight WHERE call = $1 OR (call >= $2 AND call < $3))",
        )
        .bind(&message.0)
        .bind(&from)
        .bind(&to)
        .fetch_one(&self.read)
        .await
        .map_err(&sql)?;
        if known == 0 {
            return Ok(0);
        }
        let mut transaction = self.begin(doing).await?;
        let own = sqlx::query("DELETE FROM flight WHERE call = $1 OR (call >= $2 AND call < $3)")
            .bind(&message.0)
            .bind(from)
            .bind(to)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        let others = take_out_prompts(&mut transaction, &message.0).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(own.rows_affected() + others)
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
                "SELECT e.*, f.event, f.member, s.salt, p.generations FROM audit_event e \
                 LEFT JOIN flight f ON f.number = e.number LEFT JOIN caller_salt s ON s.member = f.member \
                 LEFT JOIN flight_prompt p ON p.number = f.number \
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

/// A flight with its prompts, where they are kept.
fn whole(event: &str, generations: Option<String>, doing: &'static str) -> Result<AuditEvent, StoreError> {
    let mut event: AuditEvent = row::parse(event, doing)?;
    if let Some(generations) = generations {
        event.generations = row::parse::<Vec<Generation>>(&generations, doing)?;
    }
    Ok(event)
}

/// A document among what stands in prompts.
pub(crate) fn source(document: &DocumentId) -> String {
    format!("document:{document}")
}

/// Removes the prompts that a source stands in; how many. Flights of before hold theirs themselves, and go with them.
pub(crate) async fn take_out_prompts(connection: &mut SqliteConnection, source: &str) -> Result<u64, sqlx::Error> {
    let mut gone = 0;
    for query in [
        "DELETE FROM flight_prompt WHERE number IN (SELECT number FROM flight_source WHERE source = $1)",
        "DELETE FROM flight WHERE number IN (SELECT number FROM flight_source WHERE source = $1) \
         AND json_array_length(event, '$.generations') > 0",
    ] {
        gone += sqlx::query(query).bind(source).execute(&mut *connection).await?.rows_affected();
    }
    Ok(gone)
}

/// The same of the prompts that a person's words stand in.
pub(crate) async fn take_out_voice(connection: &mut SqliteConnection, member: &str) -> Result<(), sqlx::Error> {
    for query in [
        "DELETE FROM flight_prompt WHERE number IN (SELECT number FROM flight_voice WHERE member = $1)",
        "DELETE FROM flight WHERE number IN (SELECT number FROM flight_voice WHERE member = $1) \
         AND json_array_length(event, '$.generations') > 0",
    ] {
        sqlx::query(query).bind(member).execute(&mut *connection).await?;
    }
    Ok(())
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
