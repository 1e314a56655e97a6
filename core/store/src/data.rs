//! Plugin data: JSON under a key, each plugin in its own namespace.

use async_trait::async_trait;
use chat::{PortError, ports::PluginData};
use serde_json::Value;

use crate::{Store, StoreError};

const PORT: &str = "plugin data";

#[async_trait]
impl PluginData for Store {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Value>, PortError> {
        self.datum(plugin, key).await.map_err(StoreError::port(PORT))
    }

    async fn set(&self, plugin: &str, key: &str, value: Option<Value>) -> Result<(), PortError> {
        self.set_datum(plugin, key, value).await.map_err(StoreError::port(PORT))
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

    async fn set_datum(&self, plugin: &str, key: &str, value: Option<Value>) -> Result<(), StoreError> {
        let query = match value {
            Some(value) => sqlx::query(
                "INSERT INTO plugin_datum (plugin, name, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (plugin, name) DO UPDATE SET value = excluded.value",
            )
            .bind(plugin)
            .bind(key)
            .bind(value.to_string()),
            None => sqlx::query("DELETE FROM plugin_datum WHERE plugin = $1 AND name = $2").bind(plugin).bind(key),
        };
        query.execute(&self.write).await.map_err(StoreError::sql("writing plugin data"))?;
        Ok(())
    }
}
