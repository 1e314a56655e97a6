//! What is kept of a person, handed over or erased. A person comes as all of their accounts.
//!
//! **Invariant:** after [`Store::erase`] the files of the state hold no byte of what it removed.

use chat::{DocumentId, MemberId, Scope, people::Erased};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Sqlite};

use crate::{Store, StoreError, outcomes, profiles, reading, register, row, said, schedule};

/// How often the write-ahead log is tried to be emptied while readers hold it.
const TRIES: usize = 5;

/// What is removed of a person, in this order: each kind's name, and the statement. `{members}` are the accounts, `{scopes}`
/// their scopes. What refers to a row goes with it.
const ERASED: [(&str, &str); 18] = [
    // Before the documents, with which they would go uncounted.
    ("words on papers", "DELETE FROM paper_word WHERE member IN {members}"),
    ("papers shown", "DELETE FROM paper_shown WHERE member IN {members}"),
    ("files", "DELETE FROM seen_file WHERE scope IN {scopes}"),
    ("documents", "DELETE FROM document WHERE scope IN {scopes}"),
    // Before the posts and the flights, which tell whose call one is beside.
    (
        "notes of plugins",
        "DELETE FROM plugin_datum WHERE owner IN {members} \
         OR call IN (SELECT call FROM post WHERE author IN {members}) \
         OR call IN (SELECT call FROM flight WHERE member IN {members})",
    ),
    // Those too that are on their way and are about them, whoever they go to.
    (
        "answers",
        "DELETE FROM post WHERE author IN {members} OR (body IS NOT NULL AND EXISTS \
         (SELECT 1 FROM json_each(post.post, '$.of') AS other WHERE other.value IN {members}))",
    ),
    // Their ids stay, so that nothing is answered twice: they do not tell who or what.
    ("questions", "UPDATE inbox_message SET message = NULL, author = NULL WHERE author IN {members}"),
    // Those of others too in whose prompts their words stand.
    (
        "records of calls",
        "DELETE FROM flight WHERE member IN {members} \
         OR number IN (SELECT number FROM flight_voice WHERE member IN {members})",
    ),
    ("salts", "DELETE FROM caller_salt WHERE member IN {members}"),
    ("consents", "DELETE FROM consent WHERE member IN {members}"),
    ("orders", "DELETE FROM room_order WHERE member IN {members}"),
    ("orders for themselves", "DELETE FROM own_order WHERE member IN {members}"),
    ("outcomes of introductions", "DELETE FROM match_outcome WHERE seeker IN {members} OR person IN {members}"),
    ("profiles", "DELETE FROM profile_facts WHERE member IN {members}"),
    ("entries of profiles", "DELETE FROM profile_entry WHERE member IN {members}"),
    ("links between accounts", "DELETE FROM account_link WHERE member IN {members}"),
    ("codes", "DELETE FROM link_code WHERE member IN {members}"),
    ("roles", "DELETE FROM role_grant WHERE member IN {members}"),
];

impl Store {
    /// All that is kept of a person: JSON by its name in an archive.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn personal(&self, accounts: &[MemberId]) -> Result<Vec<(String, Value)>, StoreError> {
        let doing = "reading what is kept of a person";
        let sql = StoreError::sql(doing);
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let mut read = async |columns: &str, from: &str| {
            let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT json_object({columns}) FROM "));
            push(&mut query, from, accounts);
            let rows: Vec<String> =
                query.build_query_scalar().fetch_all(&mut *snapshot).await.map_err(StoreError::sql(doing))?;
            rows.iter().map(|json| row::parse::<Value>(json, doing)).collect::<Result<Vec<_>, _>>()
        };
        let mut consents =
            read("'account', member, 'switch', switch, 'since', at_us", "consent WHERE member IN {members}").await?;
        consents.iter_mut().for_each(|consent| say_time(&mut consent["since"]));
        let grants = read("'account', member, 'role', json(role)", "role_grant WHERE member IN {members}").await?;
        let blocked = read("'account', member", "blocked_member WHERE member IN {members}").await?;
        let documents = read(
            "'id', id, 'scope', scope, 'title', title, 'authors', json(authors), 'year', year, 'venue', venue, \
             'language', language, 'doi', doi, 'arxiv', arxiv, 'anthology', anthology, 'pubmed', pubmed, 'file', file, \
             'format', format, 'license', license, 'text', text",
            "document WHERE scope IN {scopes} ORDER BY id",
        )
        .await?;
        let files = read(
            "'scope', scope, 'file', file, 'bytes', bytes, 'sha256', content_hash",
            "seen_file WHERE scope IN {scopes} ORDER BY scope, file",
        )
        .await?;
        let posts = read(
            "'call', call, 'post', json(post), 'body', json(body)",
            "post WHERE author IN {members} ORDER BY number",
        )
        .await?;
        let questions =
            read("'message', json(message)", "inbox_message WHERE author IN {members} ORDER BY number").await?;
        let notes = read(
            "'plugin', plugin, 'key', name, 'value', json(value)",
            "plugin_datum WHERE owner IN {members} ORDER BY plugin, name",
        )
        .await?;
        let calls =
            read("'number', number, 'event', json(event)", "flight WHERE member IN {members} ORDER BY number").await?;
        let mut messages =
            read(said::EXPORTED, "said WHERE author IN {members} AND kind <> 'mark' ORDER BY at_us, document").await?;
        messages.iter_mut().for_each(|message| say_time(&mut message["at"]));
        let mut orders =
            read(schedule::EXPORTED, "room_order WHERE member IN {members} ORDER BY room, plugin, name").await?;
        orders.extend(
            read(schedule::EXPORTED, "own_order WHERE member IN {members} ORDER BY plugin, name, member").await?,
        );
        orders.iter_mut().for_each(|order| say_time(&mut order["next"]));
        let mut words =
            read(reading::WORDS_EXPORTED, "paper_word WHERE member IN {members} ORDER BY at_us, document").await?;
        let mut shown =
            read(reading::SHOWN_EXPORTED, "paper_shown WHERE member IN {members} ORDER BY at_us, document").await?;
        // Without the others: whom they were shown, and to whom they were shown.
        let mut sought =
            read(outcomes::SOUGHT_EXPORTED, "match_outcome WHERE seeker IN {members} ORDER BY at_us, need").await?;
        let mut found =
            read(outcomes::FOUND_EXPORTED, "match_outcome WHERE person IN {members} ORDER BY at_us, need").await?;
        for one in [&mut words, &mut shown, &mut sought, &mut found].into_iter().flatten() {
            say_time(&mut one["at"]);
        }
        let facts =
            read("'account', member, 'facts', json(facts)", "profile_facts WHERE member IN {members} ORDER BY member")
                .await?;
        let entries =
            read(profiles::EXPORTED, "profile_entry WHERE member IN {members} ORDER BY member, kind, id").await?;
        let person = json!({
            "accounts": accounts,
            "consents": consents,
            "roles": grants,
            "blocked": !blocked.is_empty(),
        });
        let named = [
            ("person.json", person),
            ("documents.json", Value::Array(documents)),
            ("files.json", Value::Array(files)),
            ("answers.json", Value::Array(posts)),
            ("questions.json", Value::Array(questions)),
            ("plugins.json", Value::Array(notes)),
            ("calls.json", Value::Array(calls)),
            ("messages.json", Value::Array(messages)),
            ("orders.json", Value::Array(orders)),
            ("profile.json", json!({ "who": facts, "entries": entries })),
            ("reading.json", json!({ "words": words, "shown": shown })),
            ("introductions.json", json!({ "sought": sought, "found": found })),
        ];
        Ok(named.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    /// Removes all that is kept of a person, in one transaction; what was removed by kind, and the documents, for the
    /// index. What was said is to be taken out before ([`Store::take_out`]): conversations are others' too. A block stays,
    /// on each account: who is blocked must not come back by being forgotten.
    ///
    /// Then the database is written anew, which takes as long as a copy of it and holds back other writes: removed rows
    /// leave copies where the database once moved them between its pages. Where that fails the person is erased all the
    /// same but for such traces, and the same call again finishes it.
    ///
    /// # Errors
    /// [`StoreError::Full`] where there is no room for the copy; [`StoreError::Busy`] where a reader does not end.
    pub async fn erase(&self, accounts: &[MemberId]) -> Result<(Erased, Vec<DocumentId>), StoreError> {
        let doing = "forgetting a person";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let mut query = QueryBuilder::<Sqlite>::new("");
        push(&mut query, "SELECT id FROM document WHERE scope IN {scopes} ORDER BY id", accounts);
        let documents: Vec<String> = query.build_query_scalar().fetch_all(&mut *transaction).await.map_err(&sql)?;
        let mut erased = Erased::default();
        for (kind, statement) in ERASED {
            let mut query = QueryBuilder::<Sqlite>::new("");
            push(&mut query, statement, accounts);
            let rows = query.build().execute(&mut *transaction).await.map_err(&sql)?.rows_affected();
            if rows > 0 {
                erased.counts.push((kind.to_owned(), usize::try_from(rows).unwrap_or(usize::MAX)));
            }
        }
        register::drop_lone_links(&mut transaction).await.map_err(&sql)?;
        profiles::touch(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        self.write_anew().await?;
        Ok((erased, documents.into_iter().map(DocumentId).collect()))
    }

    /// Removes what is kept of a person's calls until a time: the wish to be forgotten is a call too, whose record and
    /// reply come after its work.
    ///
    /// # Errors
    /// As [`Store::erase`].
    pub async fn erase_calls(&self, accounts: &[MemberId], until: Timestamp) -> Result<(), StoreError> {
        let doing = "forgetting a person's last calls";
        let sql = StoreError::sql(doing);
        let until = until.as_microsecond();
        let mut transaction = self.begin(doing).await?;
        for statement in [
            format!("DELETE FROM post WHERE author IN {{members}} AND at_us <= {until}"),
            // What was being said again of them when they were forgotten.
            format!("DELETE FROM plugin_datum WHERE owner IN {{members}} AND at_us <= {until}"),
            format!("DELETE FROM flight WHERE member IN {{members}} AND at_us <= {until}"),
            // What the calls kept that ran just then.
            format!("DELETE FROM paper_word WHERE member IN {{members}} AND at_us <= {until}"),
            format!("DELETE FROM paper_shown WHERE member IN {{members}} AND at_us <= {until}"),
            format!(
                "DELETE FROM match_outcome WHERE (seeker IN {{members}} OR person IN {{members}}) AND at_us <= {until}"
            ),
            "DELETE FROM caller_salt WHERE member IN {members} AND member NOT IN (SELECT member FROM flight)"
                .to_owned(),
        ] {
            let mut query = QueryBuilder::<Sqlite>::new("");
            push(&mut query, &statement, accounts);
            query.build().execute(&mut *transaction).await.map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)?;
        self.write_anew().await
    }

    /// Writes the database anew without what was removed, and empties the write-ahead log.
    async fn write_anew(&self) -> Result<(), StoreError> {
        let doing = "writing the database anew";
        sqlx::query("VACUUM").execute(&self.write).await.map_err(StoreError::sql(doing))?;
        for _ in 0..TRIES {
            // It waits for readers of the old pages as long as any write waits.
            let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&self.write)
                .await
                .map_err(StoreError::sql(doing))?;
            if busy == 0 {
                return Ok(());
            }
        }
        Err(StoreError::Busy { doing, source: "a reader holds the write-ahead log".into() })
    }
}

/// Pushes `sql` with the accounts, and their scopes, in the places of `{members}` and `{scopes}`.
fn push(query: &mut QueryBuilder<Sqlite>, sql: &str, accounts: &[MemberId]) {
    for (at, piece) in sql.split(['{', '}']).enumerate() {
        if at % 2 == 0 {
            query.push(piece);
            continue;
        }
        query.push("(");
        let mut values = query.separated(", ");
        for account in accounts {
            match piece {
                "scopes" => values.push_bind(Scope::Person(account.clone()).to_string()),
                _ => values.push_bind(account.0.clone()),
            };
        }
        query.push(")");
    }
}

/// A time in microseconds, as people write it.
fn say_time(value: &mut Value) {
    if let Some(at) = value.as_i64().and_then(|at| Timestamp::from_microsecond(at).ok()) {
        *value = json!(at);
    }
}
