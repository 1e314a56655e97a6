//! Copies of databases that others are writing: of the state, and of whatever else keeps an SQLite file.
//!
//! **Invariant:** a copy is what one moment saw, whole, and nothing is written to what is copied.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{StoreError, WAIT};

/// Copies the SQLite file `from`, which another process may be writing, into the new file `to`.
///
/// # Errors
/// [`StoreError::Damaged`] where it is no database; [`StoreError::Full`]; [`StoreError::Failed`] where `to` exists.
pub async fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let doing = "copying a database";
    let mut connection = open(from).await.map_err(StoreError::sql(doing))?;
    let to = to.to_string_lossy().into_owned();
    let copied = sqlx::query("VACUUM INTO $1").bind(to).execute(&mut connection).await;
    copied.map_err(StoreError::sql(doing))?;
    connection.close().await.map_err(StoreError::sql(doing))
}

/// The schema of the state in `file`.
///
/// # Errors
/// [`StoreError`] where it is no state.
pub async fn schema(file: &Path) -> Result<i64, StoreError> {
    let doing = "reading the schema";
    let mut connection = open(file).await.map_err(StoreError::sql(doing))?;
    let schema = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(&mut connection)
        .await
        .map_err(StoreError::sql(doing))?;
    connection.close().await.map_err(StoreError::sql(doing))?;
    Ok(schema)
}

async fn open(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(WAIT).connect().await
}
