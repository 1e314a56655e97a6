//! Plugin data: JSON under a key, each plugin in its own namespace; some of it beside a call, to go with it.

use async_trait::async_trait;
use chat::{CallId, MemberId, PortError, ports::PluginData};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    forgotten, row,
};

/// What plugins keep: with its owner, and beside a call with whose call it is. What is kept beside a call was made of what could
/// be read then: it is not handed over.
pub(crate) const TABLES: &[Table] = &[Table::new(
    "plugin_datum",
    &[
        ("plugin", Column::No("name of a plugin")),
        ("name", Column::Words),
        ("value", Column::Words),
        ("call", Column::Words),
        ("at_us", Column::No("time")),
        ("owner", Column::Member),
    ],
    Fate::Gone {
        kind: "notes of plugins",
        rows: "owner IN {members} OR call IN (SELECT call FROM post WHERE author IN {members}) \
             OR call IN (SELECT call FROM flight WHERE member IN {members})",
    },
)
.exported(&[Export {
    file: "plugins.json",
    part: "",
    columns: "'plugin', plugin, 'key', name, 'value', json(value)",
    rows: "owner IN {members} AND call IS NULL ORDER BY plugin, name",
    times: &[],
}])];

const PORT: &str = "plugin data";

#[async_trait]
impl PluginData for Store {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Value>, PortError> {
        self.datum(plugin, key).await.map_err(StoreError::port(PORT))
    }

    async fn list(&self, plugin: &str, prefix: &str) -> Result<Vec<(String, Value)>, PortError> {
        self.data_under(plugin, prefix).await.map_err(StoreError::port(PORT))
    }

    async fn set(
        &self,
        plugin: &str,
        owner: Option<(&MemberId, Timestamp)>,
        key: &str,
        value: Option<Value>,
    ) -> Result<(), PortError> {
        match value {
            Some(value) => self.set_datum(plugin, owner, key, &value, None).await,
            None => self.remove_datum(plugin, key).await,
        }
        .map_err(StoreError::port(PORT))
    }

    async fn set_beside(
        &self,
        call: &CallId,
        at: Timestamp,
        plugin: &str,
        owner: Option<&MemberId>,
        key: &str,
        value: Value,
    ) -> Result<(), PortError> {
        let owner = owner.map(|owner| (owner, at));
        self.set_datum(plugin, owner, key, &value, Some((call, at))).await.map_err(StoreError::port(PORT))
    }
}

impl Store {
    async fn datum(&self, plugin: &str, key: &str) -> Result<Option<Value>, StoreError> {
        let doing = "reading plugin data";
        sqlx::query_scalar::<_, String>("SELECT value FROM plugin_datum WHERE plugin = $1 AND name = $2")
            .bind(plugin)
            .bind(key)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::sql(doing))?
            .map(|json| serde_json::from_str(&json).map_err(StoreError::damaged(doing)))
            .transpose()
    }

    async fn data_under(&self, plugin: &str, prefix: &str) -> Result<Vec<(String, Value)>, StoreError> {
        let doing = "listing plugin data";
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, value FROM plugin_datum WHERE plugin = $1 AND SUBSTR(name, 1, LENGTH($2)) = $2 \
             ORDER BY at_us, name",
        )
        .bind(plugin)
        .bind(prefix)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|(name, json)| Ok((name, row::parse(&json, doing)?))).collect()
    }

    async fn set_datum(
        &self,
        plugin: &str,
        owner: Option<(&MemberId, Timestamp)>,
        key: &str,
        value: &Value,
        beside: Option<(&CallId, Timestamp)>,
    ) -> Result<(), StoreError> {
        let doing = "writing plugin data";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        if let Some((owner, since)) = owner
            && forgotten::is_over(&mut transaction, self, &owner.0, since.as_microsecond()).await.map_err(&sql)?
        {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO plugin_datum (plugin, name, value, call, at_us, owner) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (plugin, name) DO UPDATE SET value = excluded.value, call = excluded.call, \
                 at_us = excluded.at_us, owner = excluded.owner",
        )
        .bind(plugin)
        .bind(key)
        .bind(value.to_string())
        .bind(beside.map(|(call, _)| &call.0))
        .bind(beside.map(|(_, at)| at.as_microsecond()))
        .bind(owner.map(|(owner, _)| &owner.0))
        .execute(&mut *transaction)
        .await
        .map_err(&sql)?;
        transaction.commit().await.map_err(sql)
    }

    async fn remove_datum(&self, plugin: &str, key: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM plugin_datum WHERE plugin = $1 AND name = $2")
            .bind(plugin)
            .bind(key)
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("removing plugin data"))?;
        Ok(())
    }
}
