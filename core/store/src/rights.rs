//! What moderators say of a document beside what its source says.
//!
//! **Invariant:** reading a file again changes nothing here.

use chat::{DocumentId, document::Rights};
use jiff::Timestamp;

use crate::{
    Store, StoreError,
    declared::{Column, Fate, Table},
};

/// What is kept of it.
pub(crate) const TABLES: &[Table] = &[Table::new(
    "document_right",
    &[
        ("document", Column::No("id")),
        ("license", Column::No("of a document")),
        ("embargo_us", Column::No("time")),
        ("confidential", Column::No("of a document")),
        ("retracted", Column::No("of a document")),
    ],
    Fate::With("document"),
)];

/// A row: license, end of the embargo, confidential, retracted.
type Row = (Option<String>, Option<i64>, bool, bool);

impl Store {
    /// What was said of a document; the default where nothing was.
    pub(crate) async fn rights_of(&self, id: &DocumentId) -> Result<Rights, StoreError> {
        let doing = "reading a document's rights";
        let row: Option<Row> = sqlx::query_as(
            "SELECT license, embargo_us, confidential, retracted FROM document_right WHERE document = $1",
        )
        .bind(&id.0)
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        let Some((license, embargo, confidential, retracted)) = row else { return Ok(Rights::default()) };
        let embargo = embargo.map(Timestamp::from_microsecond).transpose().map_err(StoreError::damaged(doing))?;
        Ok(Rights { license, embargo, confidential, retracted })
    }

    pub(crate) async fn keep_rights(&self, id: &DocumentId, rights: &Rights) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO document_right (document, license, embargo_us, confidential, retracted) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (document) DO UPDATE SET license = excluded.license, embargo_us = excluded.embargo_us, \
                 confidential = excluded.confidential, retracted = excluded.retracted",
        )
        .bind(&id.0)
        .bind(&rights.license)
        .bind(rights.embargo.map(Timestamp::as_microsecond))
        .bind(rights.confidential)
        .bind(rights.retracted)
        .execute(&self.write)
        .await
        .map_err(StoreError::sql("writing a document's rights"))?;
        Ok(())
    }

    /// Gives a document to another scope.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn move_document(&self, id: &DocumentId, scope: &chat::Scope) -> Result<bool, StoreError> {
        let moved = sqlx::query("UPDATE document SET scope = $2 WHERE id = $1")
            .bind(&id.0)
            .bind(scope.to_string())
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("moving a document"))?;
        Ok(moved.rows_affected() > 0)
    }
}
