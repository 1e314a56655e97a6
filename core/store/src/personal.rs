//! What is kept of a person, handed over or erased, by what [`declared`] says of each table. A person comes as all of their
//! accounts.
//!
//! **Invariant:** after [`Store::erase`] and [`Store::scrub`] the files of the state hold no byte of what was removed.
//! **Invariant:** nobody is handed what others said, nor what they could only read once: their own words, and what they own.

use std::time::{Duration, Instant};

use chat::{DocumentId, MemberId, Scope, people::Erased};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Store, StoreError,
    declared::{self, Export, Fate, Table},
    linking, profiles, row,
};

/// How long the writer is held at once: many rows are removed in many transactions.
const HELD: Duration = Duration::from_millis(100);

/// Rows of the first of them.
const ROWS: i64 = 8;

/// Most bytes that are handed over of one table, before they are packed: all of them lie in memory.
const BYTES_MAX: usize = 32 * 1024 * 1024;

impl Store {
    /// All that is kept of a person: JSON by its name in an archive. Of a table that holds too much the first rows, and
    /// in `left-out.json` how many are not among them.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn personal(&self, accounts: &[MemberId]) -> Result<Vec<(String, Value)>, StoreError> {
        let doing = "reading what is kept of a person";
        let mut snapshot = self.read.begin().await.map_err(StoreError::sql(doing))?;
        let mut files: Vec<(String, Value)> = vec![("person.json".to_owned(), json!({ "accounts": accounts }))];
        let mut left_out = Map::new();
        for (table, export) in declared::exports() {
            let (rows, more) = exported(&mut snapshot, table, export, accounts).await?;
            if more > 0 {
                left_out.insert(table.name.to_owned(), more.into());
            }
            let at = match files.iter().position(|(name, _)| name == export.file) {
                Some(at) => at,
                None => {
                    let empty = if export.part.is_empty() { json!([]) } else { json!({}) };
                    files.push((export.file.to_owned(), empty));
                    files.len() - 1
                }
            };
            match &mut files[at].1 {
                Value::Array(all) => all.extend(rows),
                whole => whole[export.part] = rows.into(),
            }
        }
        if !left_out.is_empty() {
            files.push(("left-out.json".to_owned(), left_out.into()));
        }
        Ok(files)
    }

    /// Removes all that is kept of a person; what was removed by kind, and the documents, for the index. What was said is to
    /// be taken out before ([`Store::take_out`]): conversations are others' too. A block stays, on each account: who is
    /// blocked must not come back by being forgotten.
    ///
    /// Many rows go in many transactions, so that others write in between; cut off, the same call again finishes it. Bytes
    /// of what was removed may be left until [`Store::scrub`].
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn erase(&self, accounts: &[MemberId]) -> Result<(Erased, Vec<DocumentId>), StoreError> {
        let doing = "forgetting a person";
        let sql = StoreError::sql(doing);
        let mut query = QueryBuilder::<Sqlite>::new("");
        push(&mut query, "SELECT id FROM document WHERE scope IN {scopes} ORDER BY id", accounts);
        let documents: Vec<String> = query.build_query_scalar().fetch_all(&self.read).await.map_err(&sql)?;
        let mut transaction = self.begin(doing).await?;
        profiles::drop_conflicts(&mut transaction, accounts, doing).await?;
        transaction.commit().await.map_err(&sql)?;
        let mut erased = Erased::default();
        for table in declared::all() {
            let (kind, start, rows) = match table.fate {
                Fate::Gone { kind, rows } => (kind, format!("DELETE FROM {}", table.name), rows),
                Fate::Emptied { kind, set, rows } => (kind, format!("UPDATE {} SET {set}", table.name), rows),
                Fate::With(_) | Fate::By(_) | Fate::Kept(_) | Fate::Nobodys => continue,
            };
            let count = self.erase_rows(table.name, &start, rows, accounts).await?;
            if count > 0 {
                erased.counts.push((kind.to_owned(), usize::try_from(count).unwrap_or(usize::MAX)));
            }
        }
        let mut transaction = self.begin(doing).await?;
        linking::drop_lone_links(&mut transaction).await.map_err(&sql)?;
        profiles::touch(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        if !erased.counts.is_empty() {
            self.removed();
        }
        Ok((erased, documents.into_iter().map(DocumentId).collect()))
    }

    /// Something was removed of which no byte is to be left: the next [`Store::scrub`] has something to do.
    pub fn removed(&self) {
        if let Some(scrub) = &self.scrub {
            scrub.note();
        }
    }

    /// Removes rows, as many at once as the writer may be held for.
    async fn erase_rows(&self, table: &str, start: &str, rows: &str, accounts: &[MemberId]) -> Result<u64, StoreError> {
        let sql = StoreError::sql("forgetting a person");
        let (mut count, mut at_once) = (0, ROWS);
        loop {
            let mut query = QueryBuilder::<Sqlite>::new(start);
            query.push(format!(" WHERE rowid IN (SELECT rowid FROM {table} WHERE "));
            push(&mut query, rows, accounts);
            query.push(" LIMIT ").push_bind(at_once).push(")");
            let started = Instant::now();
            let gone = query.build().execute(&self.write).await.map_err(&sql)?.rows_affected();
            count += gone;
            if gone < at_once.unsigned_abs() {
                return Ok(count);
            }
            at_once = if started.elapsed() < HELD / 2 { at_once * 2 } else { (at_once / 2).max(1) };
        }
    }
}

/// The rows of an export, and how many are left out.
async fn exported(
    snapshot: &mut sqlx::SqliteConnection,
    table: &Table,
    export: &Export,
    accounts: &[MemberId],
) -> Result<(Vec<Value>, usize), StoreError> {
    let doing = "reading what is kept of a person";
    let mut query =
        QueryBuilder::<Sqlite>::new(format!("SELECT json_object({}) FROM {} WHERE ", export.columns, table.name));
    push(&mut query, export.rows, accounts);
    let (mut rows, mut bytes, mut left_out) = (Vec::new(), 0, 0);
    let mut found = query.build_query_scalar::<String>().fetch(snapshot);
    while let Some(json) = found.try_next().await.map_err(StoreError::sql(doing))? {
        bytes += json.len();
        if bytes > BYTES_MAX {
            left_out += 1;
            continue;
        }
        let mut value: Value = row::parse(&json, doing)?;
        export.times.iter().for_each(|time| say_time(&mut value[*time]));
        rows.push(value);
    }
    Ok((rows, left_out))
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
