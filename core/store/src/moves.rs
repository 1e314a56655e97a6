//! A room that goes on as another: what it owned and decided on is the other's.

use chat::{DocumentId, RoomId, Scope};

use crate::{Store, StoreError, said, schedule};

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
    /// other has none of its own, and what it ordered. Done twice, it finds nothing the second time.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn move_room(&self, from: &RoomId, to: &RoomId) -> Result<(), StoreError> {
        let doing = "moving a room";
        let (old, new) = (Scope::Room(from.clone()).to_string(), Scope::Room(to.clone()).to_string());
        let mut transaction = self.begin(doing).await?;
        for query in [
            "UPDATE document SET scope = $2 WHERE scope = $1",
            "INSERT INTO seen_file (scope, file, bytes, modified_ns, content_hash, reader) \
             SELECT $2, file, bytes, modified_ns, content_hash, reader FROM seen_file WHERE scope = $1 \
             ON CONFLICT DO NOTHING",
            "INSERT INTO seen_document (scope, file, document) \
             SELECT $2, file, document FROM seen_document WHERE scope = $1 ON CONFLICT DO NOTHING",
            "INSERT INTO refusal (scope, file, entry, sentence) \
             SELECT $2, file, entry, sentence FROM refusal WHERE scope = $1 ON CONFLICT DO NOTHING",
            "DELETE FROM seen_file WHERE scope = $1",
        ] {
            let query = sqlx::query(query).bind(&old).bind(&new);
            query.execute(&mut *transaction).await.map_err(StoreError::sql(doing))?;
        }
        for query in [
            "INSERT INTO room_policy (room, policy) SELECT $2, policy FROM room_policy WHERE room = $1 \
             ON CONFLICT DO NOTHING",
            "DELETE FROM room_policy WHERE room = $1",
        ]
        .into_iter()
        .chain(said::MOVED)
        .chain(schedule::MOVED)
        {
            let query = sqlx::query(query).bind(&from.0).bind(&to.0);
            query.execute(&mut *transaction).await.map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))?;
        self.learn_discreet().await
    }
}
