//! Who brought a document from a chat, and the versions of it that wait for somebody to decide on them.
//!
//! **Invariant:** nothing of a version that waits is in the library: a file and who brought it is all that is kept.

use std::collections::HashMap;

use chat::{DocumentId, MemberId, Scope, ports::HeldVersion};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    documents::VALUES_MAX,
    forgotten,
};

/// What is kept of it. A document whose person was forgotten is nobody's to change.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "brought",
        &[("document", Column::No("id")), ("member", Column::Member), ("at_us", Column::No("time"))],
        Fate::Gone { kind: "notes of who added what", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "added.json",
        part: "documents",
        columns: "'account', member, 'document', document, 'at', at_us",
        rows: "member IN {members} ORDER BY at_us, document",
        times: &["at"],
    }]),
    Table::new(
        "held_version",
        &[
            ("document", Column::No("id")),
            ("file", Column::Words),
            ("member", Column::Member),
            ("at_us", Column::No("time")),
            ("tells", Column::Words),
        ],
        Fate::Gone { kind: "versions of documents", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "added.json",
        part: "versions",
        columns: "'account', member, 'document', document, 'file', file, 'at', at_us, 'tells', tells",
        rows: "member IN {members} ORDER BY at_us, document, file",
        times: &["at"],
    }]),
];

/// A row: document, its title, file, member, time, what it tells.
type Row = (String, String, String, String, i64, String);

const HELD: &str = "SELECT h.document, d.title, h.file, h.member, h.at_us, h.tells FROM held_version h \
                    JOIN document d ON d.id = h.document";

impl Store {
    /// Notes who brought documents that are new. Those of which that is known stay whose they are.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn note_brought(
        &self,
        documents: &[DocumentId],
        member: &MemberId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "noting who brought a document";
        let mut transaction = self.begin(doing).await?;
        let is_over = forgotten::is_over(&mut transaction, self, &member.0, at.as_microsecond()).await;
        if is_over.map_err(StoreError::sql(doing))? {
            return Ok(());
        }
        for document in documents {
            sqlx::query(
                "INSERT INTO brought (document, member, at_us) SELECT id, $2, $3 FROM document WHERE id = $1 \
                 ON CONFLICT DO NOTHING",
            )
            .bind(&document.0)
            .bind(&member.0)
            .bind(at.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// Who brought these documents, of those that a member brought.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn brought(&self, documents: &[DocumentId]) -> Result<HashMap<DocumentId, MemberId>, StoreError> {
        let mut found = HashMap::new();
        for some in documents.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT document, member FROM brought WHERE document IN (");
            let mut values = query.separated(", ");
            for document in some {
                values.push_bind(&document.0);
            }
            query.push(")");
            let rows: Vec<(String, String)> = query
                .build_query_as()
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql("looking for who brought a document"))?;
            found.extend(rows.into_iter().map(|(document, member)| (DocumentId(document), MemberId(member))));
        }
        Ok(found)
    }

    /// From now on a document is whose scope it is in, and no member's to change.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn adopt(&self, document: &DocumentId) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM brought WHERE document = $1").bind(&document.0);
        query.execute(&self.write).await.map(drop).map_err(StoreError::sql("adopting a document"))
    }

    /// Keeps that a version waits; one of the same file is kept once.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn hold(&self, held: &HeldVersion) -> Result<(), StoreError> {
        let doing = "keeping a version";
        let mut transaction = self.begin(doing).await?;
        let is_over = forgotten::is_over(&mut transaction, self, &held.member.0, held.at.as_microsecond()).await;
        if is_over.map_err(StoreError::sql(doing))? {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO held_version (document, file, member, at_us, tells) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&held.document.0)
        .bind(&held.file)
        .bind(&held.member.0)
        .bind(held.at.as_microsecond())
        .bind(&held.tells)
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::sql(doing))?;
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// The versions that wait in a scope, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn held_in(&self, scope: &Scope) -> Result<Vec<HeldVersion>, StoreError> {
        let mut query = QueryBuilder::new(HELD);
        query.push(" WHERE d.scope = ").push_bind(scope.to_string());
        self.held(query).await
    }

    /// The versions that these accounts brought, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn held_of(&self, accounts: &[MemberId]) -> Result<Vec<HeldVersion>, StoreError> {
        let mut query = QueryBuilder::new(HELD);
        let mut values = query.push(" WHERE h.member IN (").separated(", ");
        for account in accounts {
            values.push_bind(account.0.clone());
        }
        query.push(")");
        self.held(query).await
    }

    async fn held(&self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<HeldVersion>, StoreError> {
        let doing = "reading versions that wait";
        query.push(" ORDER BY h.at_us, h.document, h.file");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(document, title, file, member, at, tells)| {
                let at = Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))?;
                Ok(HeldVersion { document: DocumentId(document), title, file, member: MemberId(member), at, tells })
            })
            .collect()
    }

    /// The files in which a document, or a version of it, stands.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn files_of(&self, document: &DocumentId) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT file FROM seen_document WHERE document = $1 UNION SELECT file FROM held_version WHERE document = $1",
        )
        .bind(&document.0)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql("looking for a document's files"))
    }

    /// Forgets that a file was read: who brings it again is read again.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn unsee(&self, file: &str) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM seen_file WHERE file = $1").bind(file);
        query.execute(&self.write).await.map(drop).map_err(StoreError::sql("forgetting a file"))
    }

    /// A version waits no longer.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn drop_held(&self, document: &DocumentId, file: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM held_version WHERE document = $1 AND file = $2")
            .bind(&document.0)
            .bind(file)
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(StoreError::sql("deciding on a version"))
    }

    /// Whether a document, or a version that waits, stands in this file.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn is_needed(&self, file: &str) -> Result<bool, StoreError> {
        let uses: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM held_version WHERE file = $1) \
                  + (SELECT COUNT(*) FROM seen_document WHERE file = $1) \
                  + (SELECT COUNT(*) FROM document WHERE file = $1 OR substr(file, 1, length($1) + 1) = $1 || '#')",
        )
        .bind(file)
        .fetch_one(&self.read)
        .await
        .map_err(StoreError::sql("looking for what a file holds"))?;
        Ok(uses > 0)
    }
}
