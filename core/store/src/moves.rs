//! A room that goes on as another: what it owned and decided on is the other's.

use chat::{
    DocumentId, RoomId, Scope,
    cx::{LISTENING, OF_ROOM},
};
use serde_json::Value;
use sqlx::{Sqlite, Transaction};

use crate::{
    Store, StoreError,
    declared::{self, Move},
    row,
};

impl Store {
    /// The documents of a scope, sorted.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn documents_of(&self, scope: &Scope) -> Result<Vec<DocumentId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM document WHERE scope = $1 ORDER BY id")
            .bind(scope.to_string())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql("listing the documents of a scope"))?;
        Ok(ids.into_iter().map(DocumentId).collect())
    }

    /// The document that was read from this entry of a file into a scope, and is in another one now.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn moved_from(&self, scope: &Scope, file: &str) -> Result<Option<DocumentId>, StoreError> {
        let id: Option<String> = sqlx::query_scalar(
            "SELECT d.id FROM document d JOIN seen_document s ON s.document = d.id \
             WHERE d.file = $2 AND d.scope <> $1 AND s.scope = $1 ORDER BY d.id LIMIT 1",
        )
        .bind(scope.to_string())
        .bind(file)
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::sql("looking for a document that was moved"))?;
        Ok(id.map(DocumentId))
    }

    /// Gives what the room `from` owns to the room `to`: documents, the files that they came from, its policy where the
    /// other has none of its own, whom it does not answer, what it ordered, what plugins keep of it, and which listen there. Done
    /// twice, it finds nothing the second time.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn move_room(&self, from: &RoomId, to: &RoomId) -> Result<(), StoreError> {
        let doing = "moving a room";
        let (old, new) = (Scope::Room(from.clone()).to_string(), Scope::Room(to.clone()).to_string());
        let mut transaction = self.begin(doing).await?;
        let moves = || declared::all().flat_map(|table| table.moved);
        for (query, one, other) in moves()
            .filter_map(|one| match one {
                Move::Room(query) => Some((query, &from.0, &to.0)),
                Move::Scope(query) => Some((query, &old, &new)),
                Move::ScopeLast(_) => None,
            })
            .chain(moves().filter_map(|one| match one {
                Move::ScopeLast(query) => Some((query, &old, &new)),
                _ => None,
            }))
        {
            let query = sqlx::query(*query).bind(one).bind(other);
            query.execute(&mut *transaction).await.map_err(StoreError::sql(doing))?;
        }
        for keys in [LISTENING, OF_ROOM] {
            move_keys(&mut transaction, keys, from, to).await?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))?;
        self.learn_discreet().await
    }
}

/// What plugins keep of one room under such keys they keep of the other, unless they do so already (whoever listened there
/// listens here); and what names the one as a place names the other.
async fn move_keys(
    transaction: &mut Transaction<'static, Sqlite>,
    keys: &str,
    from: &RoomId,
    to: &RoomId,
) -> Result<(), StoreError> {
    let doing = "moving what plugins keep of a room";
    // A key ends with the room, behind a colon.
    for query in [
        "INSERT INTO plugin_datum (plugin, name, value, call, at_us, owner) \
         SELECT plugin, SUBSTR(name, 1, LENGTH(name) - LENGTH($1)) || $2, value, call, at_us, owner FROM plugin_datum \
         WHERE SUBSTR(name, 1, LENGTH($3)) = $3 AND SUBSTR(name, -LENGTH($1) - 1) = ':' || $1 ON CONFLICT DO NOTHING",
        "DELETE FROM plugin_datum \
         WHERE SUBSTR(name, 1, LENGTH($3)) = $3 AND SUBSTR(name, -LENGTH($1) - 1) = ':' || $1 AND $2 <> $1",
    ] {
        let query = sqlx::query(query).bind(&from.0).bind(&to.0).bind(keys);
        query.execute(&mut **transaction).await.map_err(StoreError::sql(doing))?;
    }
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT plugin, name, value FROM plugin_datum WHERE SUBSTR(name, 1, LENGTH($2)) = $2 AND INSTR(value, $1) > 0",
    )
    .bind(&from.0)
    .bind(keys)
    .fetch_all(&mut **transaction)
    .await
    .map_err(StoreError::sql(doing))?;
    for (plugin, name, json) in rows {
        let mut value: Value = row::parse(&json, doing)?;
        rename(&mut value, from, to);
        sqlx::query("UPDATE plugin_datum SET value = $3 WHERE plugin = $1 AND name = $2")
            .bind(plugin)
            .bind(name)
            .bind(value.to_string())
            .execute(&mut **transaction)
            .await
            .map_err(StoreError::sql(doing))?;
    }
    Ok(())
}

/// Puts one room for another in every place that a value holds.
fn rename(value: &mut Value, from: &RoomId, to: &RoomId) {
    match value {
        Value::Object(fields) => {
            let is_place = fields.contains_key("platform") && fields.contains_key("audience");
            if let Some(Value::String(room)) = fields.get_mut("room").filter(|_| is_place)
                && *room == from.0
            {
                room.clone_from(&to.0);
            }
            fields.values_mut().for_each(|field| rename(field, from, to));
        }
        Value::Array(values) => values.iter_mut().for_each(|one| rename(one, from, to)),
        _ => {}
    }
}
