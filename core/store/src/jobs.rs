//! What an ingest remembers: the files it has seen, what came of each, and by which names papers are known.

use chat::{DocumentId, Scope};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Move, Table},
    documents::VALUES_MAX,
    row,
};

/// What an ingest remembers. Its files are a person's where its scope is.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "seen_file",
        &[
            ("scope", Column::Scope),
            ("file", Column::Words),
            ("bytes", Column::No("size")),
            ("modified_ns", Column::No("time")),
            ("content_hash", Column::Words),
            ("reader", Column::No("version")),
        ],
        Fate::Gone { kind: "files", rows: "scope IN {scopes}" },
    )
    .exported(&[Export {
        file: "files.json",
        part: "",
        columns: "'scope', scope, 'file', file, 'bytes', bytes, 'sha256', content_hash",
        rows: "scope IN {scopes} ORDER BY scope, file",
        times: &[],
    }])
    .moved(&[
        Move::Scope(
            "INSERT INTO seen_file (scope, file, bytes, modified_ns, content_hash, reader) \
             SELECT $2, file, bytes, modified_ns, content_hash, reader FROM seen_file WHERE scope = $1 \
             ON CONFLICT DO NOTHING",
        ),
        Move::ScopeLast("DELETE FROM seen_file WHERE scope = $1"),
    ]),
    Table::new(
        "seen_document",
        &[("scope", Column::Scope), ("file", Column::Words), ("document", Column::No("id"))],
        Fate::With("seen_file"),
    )
    .moved(&[Move::Scope(
        "INSERT INTO seen_document (scope, file, document) \
         SELECT $2, file, document FROM seen_document WHERE scope = $1 ON CONFLICT DO NOTHING",
    )]),
    Table::new(
        "refusal",
        &[("scope", Column::Scope), ("file", Column::Words), ("entry", Column::Words), ("sentence", Column::Words)],
        Fate::With("seen_file"),
    )
    .moved(&[Move::Scope(
        "INSERT INTO refusal (scope, file, entry, sentence) \
         SELECT $2, file, entry, sentence FROM refusal WHERE scope = $1 ON CONFLICT DO NOTHING",
    )]),
];

/// A file as an ingest left it.
///
/// Where `bytes` and `modified` are what the file system says, and `reader` is the present one, it need not be
/// read; where only `content_hash` is the same, it need not be taken apart. A file that changes twice within one
/// tick of the file system's clock and keeps its size is missed by the first test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// Who owns what came of it.
    pub scope: Scope,
    /// Its name, without a fragment, as in [`chat::Provenance::file`].
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, as the file system says.
    pub modified: Timestamp,
    /// SHA-256 of its content, in hex.
    pub content_hash: String,
    /// Version of what read it and cut it into passages: another one reads it again.
    pub reader: String,
    /// The documents that came of it, sorted; duplicates of documents from elsewhere included.
    pub documents: Vec<DocumentId>,
    /// What of it was refused.
    pub refusals: Vec<Refusal>,
}

/// Why a file, or one entry of it, was refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The entry's fragment; empty for the whole file.
    pub entry: String,
    /// The sentence for the report.
    pub sentence: String,
}

impl Store {
    /// Remembers a file, in place of what was known of it. To be called when its documents are stored: a crash
    /// between the two costs one comparison more, and no document.
    ///
    /// # Errors
    /// [`StoreError::Full`]; [`StoreError::Failed`] where one of the documents is not stored.
    pub async fn see(&self, seen: &SeenFile) -> Result<(), StoreError> {
        let doing = "remembering a file";
        let sql = StoreError::sql(doing);
        let scope = seen.scope.to_string();
        let mut transaction = self.begin(doing).await?;
        sqlx::query(
            "INSERT INTO seen_file (scope, file, bytes, modified_ns, content_hash, reader) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (scope, file) DO UPDATE SET bytes = excluded.bytes, modified_ns = excluded.modified_ns, \
                 content_hash = excluded.content_hash, reader = excluded.reader",
        )
        .bind(&scope)
        .bind(&seen.file)
        .bind(row::integer(seen.bytes))
        .bind(row::integer(seen.modified.as_nanosecond()))
        .bind(&seen.content_hash)
        .bind(&seen.reader)
        .execute(&mut *transaction)
        .await
        .map_err(&sql)?;
        for query in [
            "DELETE FROM seen_document WHERE scope = $1 AND file = $2",
            "DELETE FROM refusal WHERE scope = $1 AND file = $2",
        ] {
            sqlx::query(query).bind(&scope).bind(&seen.file).execute(&mut *transaction).await.map_err(&sql)?;
        }
        for some in seen.documents.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO seen_document (scope, file, document) ");
            query.push_values(some, |mut values, id| {
                values.push_bind(&scope).push_bind(&seen.file).push_bind(&id.0);
            });
            query.push(" ON CONFLICT (scope, file, document) DO NOTHING");
            query.build().execute(&mut *transaction).await.map_err(&sql)?;
        }
        for some in seen.refusals.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO refusal (scope, file, entry, sentence) ");
            query.push_values(some, |mut values, refusal| {
                values.push_bind(&scope).push_bind(&seen.file);
                values.push_bind(&refusal.entry).push_bind(&refusal.sentence);
            });
            query.push(" ON CONFLICT (scope, file, entry) DO NOTHING");
            query.build().execute(&mut *transaction).await.map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn seen(&self, scope: &Scope, file: &str) -> Result<Option<SeenFile>, StoreError> {
        Ok(self.seen_where(scope, Some(file)).await?.pop())
    }

    /// All files of a scope, sorted by name: what a run over a folder compares with, in three queries.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn seen_files(&self, scope: &Scope) -> Result<Vec<SeenFile>, StoreError> {
        self.seen_where(scope, None).await
    }

    /// Forgets a file; its documents stay.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn forget_file(&self, scope: &Scope, file: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM seen_file WHERE scope = $1 AND file = $2")
            .bind(scope.to_string())
            .bind(file)
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("forgetting a file"))?;
        Ok(())
    }

    /// Those of `ids` that no file holds.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn unclaimed(&self, ids: &[DocumentId]) -> Result<Vec<DocumentId>, StoreError> {
        let mut unclaimed = Vec::new();
        for id in ids {
            let claimed: Option<i64> = sqlx::query_scalar("SELECT 1 FROM seen_document WHERE document = $1 LIMIT 1")
                .bind(&id.0)
                .fetch_optional(&self.read)
                .await
                .map_err(StoreError::sql("looking for a document's files"))?;
            if claimed.is_none() {
                unclaimed.push(id.clone());
            }
        }
        Ok(unclaimed)
    }

    /// The document of `scope` that is known by one of `keys`: by the first of them that any is known by.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn document_by_keys(&self, scope: &Scope, keys: &[String]) -> Result<Option<DocumentId>, StoreError> {
        Ok(self.documents_by_keys(scope, keys).await?.into_iter().next())
    }

    /// All documents of a scope that are known by any of these keys, in the order of the keys.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn documents_by_keys(&self, scope: &Scope, keys: &[String]) -> Result<Vec<DocumentId>, StoreError> {
        let mut found: Vec<(String, String)> = Vec::new();
        for some in keys.chunks(VALUES_MAX) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT k.name, k.document FROM identity_key k WHERE k.name IN (");
            let mut values = query.separated(", ");
            for key in some {
                values.push_bind(key);
            }
            query.push(") AND EXISTS (SELECT 1 FROM document d WHERE d.id = k.document AND d.scope = ");
            query.push_bind(scope.to_string()).push(") ORDER BY k.document");
            let rows: Vec<(String, String)> = query
                .build_query_as()
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql("looking for a document by its names"))?;
            found.extend(rows);
        }
        let mut documents: Vec<DocumentId> = Vec::new();
        for key in keys {
            for (_, document) in found.iter().filter(|(name, _)| name == key) {
                if !documents.iter().any(|known| known.0 == *document) {
                    documents.push(DocumentId(document.clone()));
                }
            }
        }
        Ok(documents)
    }

    /// One file of a scope, or all.
    async fn seen_where(&self, scope: &Scope, file: Option<&str>) -> Result<Vec<SeenFile>, StoreError> {
        let doing = "reading the manifest of files";
        let sql = StoreError::sql(doing);
        let query = |select: &str, last: &str| {
            let mut query = QueryBuilder::<Sqlite>::new(select);
            query.push(" WHERE scope = ").push_bind(scope.to_string());
            if let Some(file) = file {
                query.push(" AND file = ").push_bind(file.to_owned());
            }
            query.push(" ORDER BY file").push(last);
            query
        };
        // One snapshot for the three.
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let files: Vec<(String, i64, i64, String, String)> =
            query("SELECT file, bytes, modified_ns, content_hash, reader FROM seen_file", "")
                .build_query_as()
                .fetch_all(&mut *snapshot)
                .await
                .map_err(&sql)?;
        let documents: Vec<(String, String)> = query("SELECT file, document FROM seen_document", ", document")
            .build_query_as()
            .fetch_all(&mut *snapshot)
            .await
            .map_err(&sql)?;
        let refusals: Vec<(String, String, String)> = query("SELECT file, entry, sentence FROM refusal", ", entry")
            .build_query_as()
            .fetch_all(&mut *snapshot)
            .await
            .map_err(&sql)?;

        // All three are in the order of files.
        let (mut documents, mut refusals) = (documents.into_iter().peekable(), refusals.into_iter().peekable());
        let mut seen = Vec::with_capacity(files.len());
        for (file, bytes, modified, content_hash, reader) in files {
            let mut one = SeenFile {
                scope: scope.clone(),
                bytes: row::number(bytes, doing)?,
                modified: Timestamp::from_nanosecond(modified.into()).map_err(StoreError::damaged(doing))?,
                content_hash,
                reader,
                documents: Vec::new(),
                refusals: Vec::new(),
                file,
            };
            while let Some((_, document)) = documents.next_if(|(file, _)| *file == one.file) {
                one.documents.push(DocumentId(document));
            }
            while let Some((_, entry, sentence)) = refusals.next_if(|(file, ..)| *file == one.file) {
                one.refusals.push(Refusal { entry, sentence });
            }
            seen.push(one);
        }
        Ok(seen)
    }
}
