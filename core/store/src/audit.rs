//! The audit trail: events are appended, numbered from 1, and never changed.

use async_trait::async_trait;
use chat::{
    PortError,
    ports::{Audit, AuditEvent},
};

use crate::{Store, StoreError, row};

#[async_trait]
impl Audit for Store {
    async fn record(&self, event: AuditEvent) -> Result<(), PortError> {
        self.append(&event).await.map_err(StoreError::port("audit"))
    }
}

impl Store {
    async fn append(&self, event: &AuditEvent) -> Result<(), StoreError> {
        let doing = "writing the audit trail";
        sqlx::query(
            "INSERT INTO audit_event (number, at_us, community, caller, outcome, event) \
             SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5 FROM audit_event",
        )
        .bind(event.at.as_microsecond())
        .bind(&event.call.place.community.0)
        .bind(&event.call.caller.0)
        .bind(&event.outcome)
        .bind(row::json(event, doing)?)
        .execute(&self.write)
        .await
        .map_err(StoreError::sql(doing))?;
        Ok(())
    }

    /// At most `limit` events with a number above `after`, in order, with their numbers.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn audit_events(&self, after: u64, limit: usize) -> Result<Vec<(u64, AuditEvent)>, StoreError> {
        let doing = "reading the audit trail";
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT number, event FROM audit_event WHERE number > $1 ORDER BY number LIMIT $2")
                .bind(row::integer(after))
                .bind(row::integer(limit))
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(number, json)| {
                let event = serde_json::from_str(&json).map_err(StoreError::damaged(doing))?;
                Ok((row::number(number, doing)?, event))
            })
            .collect()
    }
}
