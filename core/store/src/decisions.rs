//! What people and moderators decided, to outlive the restoring of a backup that was written before: who was forgotten, who
//! consents to what, who is blocked or has a role, what rooms are set to.
//!
//! It is kept beside the state in a file that no backup holds. Who was forgotten stands in it as in [`forgotten`], by a
//! hash; the rest is the rows of the tables that are declared so, as they are now: what was taken back is not among them.

use chat::{DocumentId, MemberId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use crate::{
    Gone, Store, StoreError,
    declared::{self, Table},
    row,
};

/// What was decided until a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    /// As of when; what was decided later is not here.
    pub at: Timestamp,
    /// What accounts are hashed with.
    salt: String,
    /// Hashes of the accounts that were forgotten, with the time in microseconds.
    forgotten: Vec<(String, i64)>,
    /// The rows of each table.
    tables: Map<String, Value>,
}

/// What was applied of decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The accounts that were forgotten since, and of which something was there.
    pub forgotten: Vec<MemberId>,
    /// Their documents, and those that held what they said.
    pub documents: Vec<DocumentId>,
    /// Files, as the state named them, in which only versions of theirs waited.
    pub files: Vec<String>,
}

impl Decisions {
    /// Whether the same is decided, as of whenever.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let Self { at: _, salt, forgotten, tables } = self;
        (salt, forgotten, tables) == (&other.salt, &other.forgotten, &other.tables)
    }
}

/// The tables of what is decided.
fn decided() -> impl Iterator<Item = &'static Table> {
    declared::all().filter(|table| table.is_decided)
}

impl Store {
    /// What is decided now.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn decisions(&self, at: Timestamp) -> Result<Decisions, StoreError> {
        let doing = "reading what was decided";
        let sql = StoreError::sql(doing);
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let forgotten: Vec<(String, i64)> = sqlx::query_as("SELECT tag, at_us FROM tombstone ORDER BY at_us, tag")
            .fetch_all(&mut *snapshot)
            .await
            .map_err(&sql)?;
        let mut tables = Map::new();
        for table in decided() {
            let pairs: Vec<String> = table.columns.iter().map(|(name, _)| format!("'{name}', {name}")).collect();
            let select = format!("SELECT json_group_array(json_object({})) FROM {}", pairs.join(", "), table.name);
            let rows: String =
                sqlx::query_scalar(AssertSqlSafe(select)).fetch_one(&mut *snapshot).await.map_err(&sql)?;
            let mut rows: Vec<Value> = row::parse(&rows, doing)?;
            rows.sort_by_key(Value::to_string);
            tables.insert(table.name.to_owned(), rows.into());
        }
        Ok(Decisions { at, salt: self.salt.to_string(), forgotten, tables })
    }

    /// Applies what was decided after `since`, when the backup was written that this state is of: who was forgotten since is
    /// forgotten, and each table of decisions is as it was last. Nothing where all of it was decided before.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written; said again, it finishes.
    pub async fn apply_decisions(&self, decisions: &Decisions, since: Timestamp) -> Result<Applied, StoreError> {
        let doing = "applying what was decided since";
        let sql = StoreError::sql(doing);
        if decisions.at <= since {
            return Ok(Applied::default());
        }
        let known = self.known_by_tag(&decisions.salt).await?;
        let mut applied = Applied::default();
        for (tag, at) in &decisions.forgotten {
            let Some(account) = known.get(tag).filter(|_| *at > since.as_microsecond()) else { continue };
            let accounts = std::slice::from_ref(account);
            let at = Timestamp::from_microsecond(*at).map_err(StoreError::damaged(doing))?;
            self.begin_forgetting(accounts, at).await?;
            let waiting = self.held_of(accounts).await?;
            applied.documents.extend(self.take_out(Gone::Of(accounts)).await?.1);
            applied.documents.extend(self.erase(accounts).await?.1);
            for version in waiting {
                if !self.is_needed(&version.file).await? {
                    applied.files.push(version.file);
                }
            }
            self.look_again(at, None).await?;
            applied.forgotten.push(account.clone());
        }
        let mut transaction = self.begin(doing).await?;
        if decisions.salt == *self.salt {
            for (tag, at) in &decisions.forgotten {
                sqlx::query("INSERT INTO tombstone (tag, at_us) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(tag)
                    .bind(at)
                    .execute(&mut *transaction)
                    .await
                    .map_err(&sql)?;
            }
        }
        for table in decided() {
            // Of a version that did not keep it yet nothing is known.
            let Some(rows) = decisions.tables.get(table.name) else { continue };
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            let values: Vec<String> = names.iter().map(|name| format!("json_extract(one.value, '$.{name}')")).collect();
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {}", table.name)))
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
            let mut insert = QueryBuilder::<Sqlite>::new(format!(
                "INSERT INTO {} ({}) SELECT {} FROM json_each(",
                table.name,
                names.join(", "),
                values.join(", ")
            ));
            insert.push_bind(rows.to_string()).push(") AS one");
            insert.build().execute(&mut *transaction).await.map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)?;
        self.learn_discreet().await?;
        self.removed();
        self.scrub().await?;
        Ok(applied)
    }
}
