//! What `doctor` asks: is the file whole, and of which schema.

use serde::{Deserialize, Serialize};

use crate::{Store, StoreError, row, schema_known};

/// The health of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Schema of the file.
    pub schema: i64,
    /// The newest schema that this version knows.
    pub schema_known: i64,
    /// Size of the database without its write-ahead log.
    pub bytes: u64,
    /// What the database finds wrong with itself, at most 100 lines; empty where it is whole.
    pub problems: Vec<String>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty() && self.schema == self.schema_known
    }
}

impl Store {
    /// Reads the whole file and checks its structure and its references: a second or so per gigabyte.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot even be read that far.
    pub async fn check(&self) -> Result<Health, StoreError> {
        let doing = "checking the database";
        let sql = StoreError::sql(doing);
        let mut problems: Vec<String> =
            sqlx::query_scalar("PRAGMA quick_check(100)").fetch_all(&self.read).await.map_err(&sql)?;
        problems.retain(|line| line != "ok");
        let orphans: Vec<(String, Option<i64>, String, i64)> =
            sqlx::query_as("PRAGMA foreign_key_check").fetch_all(&self.read).await.map_err(&sql)?;
        problems.extend(orphans.iter().take(100).map(|(child, _, parent, _)| format!("{child} without {parent}")));
        let schema: i64 = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(&self.read)
            .await
            .map_err(&sql)?;
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&self.read).await.map_err(&sql)?;
        let page: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&self.read).await.map_err(&sql)?;
        Ok(Health { schema, schema_known: schema_known(), bytes: row::number(pages * page, doing)?, problems })
    }
}
