//! Who was forgotten when. What of a person began before that and ends later leaves nothing behind; what they begin later is
//! kept as anybody's.
//!
//! An account stands here as a hash with the folder's salt: who knows whom to look for finds it, and nobody else can tell.
//!
//! **Invariant:** whatever writes something of a person that began at a known time asks [`is_over`] in the same transaction.

use std::collections::BTreeMap;

use chat::{MemberId, Scope};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::{
    Store, StoreError,
    declared::{self, Column, Fate, Table},
    row,
};

/// What is kept of it.
pub(crate) const TABLES: &[Table] = &[
    Table::new("tombstone_salt", &[("salt", Column::No("chance"))], Fate::Nobodys),
    Table::new(
        "tombstone",
        &[("tag", Column::Words), ("at_us", Column::No("time")), ("due_us", Column::No("time"))],
        Fate::Kept("it is what forgets those who come late, and those in a backup"),
    ),
];

/// A person who was forgotten, and of whom something may have ended since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgetting {
    /// Those of their accounts of which anything is there, sorted.
    pub accounts: Vec<MemberId>,
    /// When they were forgotten.
    pub at: Timestamp,
}

/// An account in a tombstone.
pub(crate) fn tag(salt: &str, member: &str) -> String {
    row::hex(Sha256::new().chain_update(salt).chain_update(member).finalize())
}

/// Whether an account was forgotten at that time or later, in microseconds.
pub(crate) async fn is_over(
    connection: &mut SqliteConnection,
    store: &Store,
    member: &str,
    began_us: i64,
) -> Result<bool, sqlx::Error> {
    let at: Option<i64> = sqlx::query_scalar("SELECT at_us FROM tombstone WHERE tag = $1")
        .bind(tag(&store.salt, member))
        .fetch_optional(connection)
        .await?;
    Ok(at.is_some_and(|at| began_us <= at))
}

impl Store {
    /// Reads what accounts are hashed with; empty where a state of before has none yet.
    pub(crate) async fn learn_salt(&mut self) -> Result<(), StoreError> {
        let salt: Option<String> = sqlx::query_scalar("SELECT salt FROM tombstone_salt")
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::sql("reading the salt of tombstones"))?;
        self.salt = salt.unwrap_or_default().into();
        Ok(())
    }

    /// From now on nothing is kept of these accounts that began until `at`. What is there is to be erased next
    /// ([`Store::erase`]); [`Store::forgettings_due`] tells of it until [`Store::look_again`] says that it is done, whatever
    /// happens to the process.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn begin_forgetting(&self, accounts: &[MemberId], at: Timestamp) -> Result<(), StoreError> {
        let doing = "noting that a person is to be forgotten";
        let mut transaction = self.begin(doing).await?;
        for account in accounts {
            sqlx::query(
                "INSERT INTO tombstone (tag, at_us, due_us) VALUES ($1, $2, $2) ON CONFLICT (tag) DO UPDATE SET \
                     at_us = MAX(tombstone.at_us, excluded.at_us), due_us = excluded.due_us",
            )
            .bind(tag(&self.salt, &account.0))
            .bind(at.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// The persons of whom is to be looked now for what ended after they were forgotten; those too of whom nothing is left.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn forgettings_due(&self, now: Timestamp) -> Result<Vec<Forgetting>, StoreError> {
        let doing = "looking for who is to be forgotten";
        let due: Vec<(String, i64)> =
            sqlx::query_as("SELECT tag, at_us FROM tombstone WHERE due_us <= $1 ORDER BY at_us, tag")
                .bind(now.as_microsecond())
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.known_by_tag(&self.salt).await?;
        let mut found: BTreeMap<i64, Vec<MemberId>> = BTreeMap::new();
        for (tag, at) in due {
            found.entry(at).or_default().extend(known.get(&tag).cloned());
        }
        let read = |(at, mut accounts): (i64, Vec<MemberId>)| {
            accounts.sort();
            Ok(Forgetting { accounts, at: Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))? })
        };
        found.into_iter().map(read).collect()
    }

    /// Looks again for what ended late of those who were forgotten `at` a time when it is `due`; never, where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn look_again(&self, at: Timestamp, due: Option<Timestamp>) -> Result<(), StoreError> {
        sqlx::query("UPDATE tombstone SET due_us = $2 WHERE at_us = $1 AND due_us IS NOT NULL")
            .bind(at.as_microsecond())
            .bind(due.map(Timestamp::as_microsecond))
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("noting that a person was forgotten"))?;
        Ok(())
    }

    /// Whether a person asked anything after they were forgotten: what is there of them may be theirs anew.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn has_returned(&self, forgetting: &Forgetting) -> Result<bool, StoreError> {
        let doing = "looking whether somebody came back";
        for account in &forgetting.accounts {
            // A salt is made with the first record of a call that began since.
            let rows: i64 = sqlx::query_scalar(
                "SELECT (SELECT COUNT(*) FROM caller_salt WHERE member = $1) \
                     + (SELECT COUNT(*) FROM inbox_message WHERE author = $1 AND at_us > $2) \
                     + (SELECT COUNT(*) FROM post WHERE author = $1 AND at_us > $2)",
            )
            .bind(&account.0)
            .bind(forgetting.at.as_microsecond())
            .fetch_one(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
            if rows > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the replies of a person to what they asked until they were forgotten: those that are shown, and, where
    /// nothing is waited for any more, those that are not. The wish to be forgotten has a reply too.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn erase_replies(&self, forgetting: &Forgetting, unshown: bool) -> Result<(), StoreError> {
        for account in &forgetting.accounts {
            sqlx::query("DELETE FROM post WHERE author = $1 AND at_us <= $2 AND (body IS NULL OR $3)")
                .bind(&account.0)
                .bind(forgetting.at.as_microsecond())
                .bind(unshown)
                .execute(&self.write)
                .await
                .map_err(StoreError::sql("forgetting a person's last replies"))?;
        }
        Ok(())
    }

    /// Every account of which anything is kept, by its tag with a salt.
    pub(crate) async fn known_by_tag(&self, salt: &str) -> Result<BTreeMap<String, MemberId>, StoreError> {
        let doing = "looking for accounts";
        let mut known = BTreeMap::new();
        for table in declared::all() {
            for (column, holds) in table.columns {
                if !matches!(holds, Column::Member | Column::Scope) {
                    continue;
                }
                let sql = format!("SELECT DISTINCT {column} FROM {} WHERE {column} IS NOT NULL", table.name);
                let values: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                    .fetch_all(&self.read)
                    .await
                    .map_err(StoreError::sql(doing))?;
                for value in values {
                    let member = match (holds, value.parse::<Scope>()) {
                        (Column::Member, _) => MemberId(value),
                        (_, Ok(Scope::Person(member))) => member,
                        _ => continue,
                    };
                    known.insert(tag(salt, &member.0), member);
                }
            }
        }
        Ok(known)
    }
}
