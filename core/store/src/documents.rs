//! The port of documents, and its reading half; the writing half is in `put`.
//!
//! **Invariant:** a method with a `readable` puts it into the query through [`readable_only`], and nothing it
//! returns comes from a query without it.

use std::collections::HashMap;

use async_trait::async_trait;
use chat::{
    Document, DocumentId, Passage, PassageId, PortError, Readable, Scope,
    document::Rights,
    ports::{Documents, Embedding, LibraryStats, Listing, Point, Stored},
};
use sqlx::{FromRow, QueryBuilder, Sqlite};

use crate::{
    Entry, Store, StoreError,
    declared::{Column, Export, Fate, Move, Table},
    row::{self, DocumentRow, LISTED, PASSAGE, PassageRow},
};

const PORT: &str = "documents";

/// The library. What is of a person's scope is theirs; who wrote a paper is told to all who may read it.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "document",
        &[
            ("id", LIBRARY),
            ("scope", Column::Scope),
            ("title", LIBRARY),
            ("sort_key", LIBRARY),
            ("search_key", LIBRARY),
            ("authors", LIBRARY),
            ("year", LIBRARY),
            ("venue", LIBRARY),
            ("language", LIBRARY),
            ("doi", LIBRARY),
            ("arxiv", LIBRARY),
            ("anthology", LIBRARY),
            ("pubmed", LIBRARY),
            ("file", LIBRARY),
            ("format", LIBRARY),
            ("content_hash", LIBRARY),
            ("license", LIBRARY),
            ("retracted", LIBRARY),
            ("passages", LIBRARY),
            ("characters", LIBRARY),
            ("digest", LIBRARY),
            ("sections", LIBRARY),
            ("pages", LIBRARY),
            ("text", LIBRARY),
        ],
        Fate::Gone { kind: "documents", rows: "scope IN {scopes}" },
    )
    .exported(&[Export {
        file: "documents.json",
        part: "",
        columns: "'id', id, 'scope', scope, 'title', title, 'authors', json(authors), 'year', year, 'venue', venue, \
             'language', language, 'doi', doi, 'arxiv', arxiv, 'anthology', anthology, 'pubmed', pubmed, 'file', file, \
             'format', format, 'license', license, 'text', text",
        rows: "scope IN {scopes} ORDER BY id",
        times: &[],
    }])
    .moved(&[Move::Scope("UPDATE document SET scope = $2 WHERE scope = $1")]),
    Table::new(
        "passage",
        &[
            ("document", LIBRARY),
            ("ordinal", LIBRARY),
            ("span_start", LIBRARY),
            ("span_end", LIBRARY),
            ("page", LIBRARY),
            ("section", LIBRARY),
            ("text", LIBRARY),
        ],
        Fate::With("document"),
    ),
    Table::new(
        "passage_vector",
        &[("document", LIBRARY), ("ordinal", LIBRARY), ("model", LIBRARY), ("vector", LIBRARY)],
        Fate::With("passage"),
    ),
    Table::new("identity_key", &[("name", LIBRARY), ("document", LIBRARY)], Fate::With("document")),
];

const LIBRARY: Column = Column::No("of a document");

/// Most values in one `IN`: databases limit the parameters of a statement.
pub(crate) const VALUES_MAX: usize = 500;

/// Longest text that a list is searched for, in bytes.
const MATCHING_MAX: usize = 1_000;

#[async_trait]
impl Documents for Store {
    async fn put(
        &self,
        document: &Document,
        passages: &[Passage],
        model: &str,
        vectors: &[Embedding],
    ) -> Result<Stored, PortError> {
        let entry = Entry { document, passages, vectors, keys: &[] };
        let stored = self.put_many(model, &[entry]).await.map_err(StoreError::port(PORT))?;
        Ok(stored[0])
    }

    async fn get(&self, readable: Option<&Readable>, id: &DocumentId) -> Result<Option<Document>, PortError> {
        self.document(readable, id).await.map_err(StoreError::port(PORT))
    }

    async fn passages_of(&self, readable: Option<&Readable>, id: &DocumentId) -> Result<Vec<Passage>, PortError> {
        self.passages_in(readable, id).await.map_err(StoreError::port(PORT))
    }

    async fn passages(
        &self,
        readable: Option<&Readable>,
        ids: &[PassageId],
    ) -> Result<Vec<(Passage, Document)>, PortError> {
        self.passages_by_id(readable, ids).await.map_err(StoreError::port(PORT))
    }

    async fn list(
        &self,
        readable: Option<&Readable>,
        matching: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Listing>, PortError> {
        self.listing(readable, matching, offset, limit).await.map_err(StoreError::port(PORT))
    }

    async fn stats(&self, readable: Option<&Readable>) -> Result<LibraryStats, PortError> {
        self.totals(readable).await.map_err(StoreError::port(PORT))
    }

    async fn rights(&self, id: &DocumentId) -> Result<Rights, PortError> {
        self.rights_of(id).await.map_err(StoreError::port(PORT))
    }

    async fn set_rights(&self, id: &DocumentId, rights: &Rights) -> Result<(), PortError> {
        self.keep_rights(id, rights).await.map_err(StoreError::port(PORT))
    }

    async fn remove(&self, ids: &[DocumentId]) -> Result<usize, PortError> {
        self.delete(ids).await.map_err(StoreError::port(PORT))
    }

    async fn points(&self, model: &str, after: Option<&PassageId>, limit: usize) -> Result<Vec<Point>, PortError> {
        self.points_after(model, after, limit).await.map_err(StoreError::port(PORT))
    }

    async fn put_vectors(&self, model: &str, vectors: &[(PassageId, Embedding)]) -> Result<(), PortError> {
        self.add_vectors(model, vectors).await.map_err(StoreError::port(PORT))
    }

    async fn passage_ids(&self) -> Result<Vec<PassageId>, PortError> {
        self.all_passage_ids().await.map_err(StoreError::port(PORT))
    }
}

/// Adds the filter on scope to a query whose `WHERE` has begun and whose documents are called `d`.
pub(crate) fn readable_only(query: &mut QueryBuilder<Sqlite>, readable: Option<&Readable>) {
    let Some(readable) = readable else { return };
    let within = |query: &mut QueryBuilder<Sqlite>, scopes: &[Scope]| {
        let mut scopes_of = query.separated(", ");
        for scope in scopes {
            scopes_of.push_bind(scope.to_string());
        }
        query.push(")");
    };
    query.push(" AND d.scope IN (");
    within(query, readable.scopes());
    if !readable.lent().is_empty() {
        // What was said in a room was meant for that room.
        query.push(
            " AND NOT ((d.format = 'conversation' OR EXISTS (SELECT 1 FROM document_right r WHERE r.document = d.id \
             AND (r.confidential OR r.embargo_us > ",
        );
        query.push_bind(readable.as_of().as_microsecond()).push("))) AND d.scope IN (");
        within(query, readable.lent());
        query.push(")");
    }
}

/// [`LISTED`] as people see it: what moderators said of a document holds over what its source says.
fn listed(readable: Option<&Readable>) -> String {
    if readable.is_none() {
        return LISTED.to_owned();
    }
    LISTED
        .replace(
            "d.license",
            "COALESCE((SELECT r.license FROM document_right r WHERE r.document = d.id), d.license) AS license",
        )
        .replace(
            "d.retracted",
            "(d.retracted OR EXISTS (SELECT 1 FROM document_right r WHERE r.document = d.id AND r.retracted)) \
             AS retracted",
        )
}

/// A passage with its document's columns.
#[derive(FromRow)]
struct PassageOfDocument {
    #[sqlx(flatten)]
    passage: PassageRow,
    #[sqlx(flatten)]
    document: DocumentRow,
}

/// A row of the list: id, scope, title, authors, year, file, passages.
type ListingRow = (String, String, String, String, Option<i16>, String, i64);

/// A passage with what its point needs: document, ordinal, scope, title, text, language, year, vector.
type PointRow = (String, i64, String, String, String, Option<String>, Option<i16>, Option<Vec<u8>>);

impl Store {
    async fn document(&self, readable: Option<&Readable>, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        let doing = "reading a document";
        let mut query = QueryBuilder::new(format!(
            "SELECT {}, d.text, d.pages, d.sections FROM document d WHERE d.id = ",
            listed(readable)
        ));
        query.push_bind(&id.0);
        readable_only(&mut query, readable);
        let row: Option<DocumentRow> =
            query.build_query_as().fetch_optional(&self.read).await.map_err(StoreError::sql(doing))?;
        row.map(|row| row.document(doing)).transpose()
    }

    async fn passages_in(&self, readable: Option<&Readable>, id: &DocumentId) -> Result<Vec<Passage>, StoreError> {
        let doing = "reading a document's passages";
        let mut query = QueryBuilder::new(format!(
            "SELECT {PASSAGE} FROM passage p JOIN document d ON d.id = p.document WHERE p.document = "
        ));
        query.push_bind(&id.0);
        readable_only(&mut query, readable);
        query.push(" ORDER BY p.ordinal");
        let rows: Vec<PassageRow> =
            query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|row| row.passage(doing)).collect()
    }

    async fn passages_by_id(
        &self,
        readable: Option<&Readable>,
        ids: &[PassageId],
    ) -> Result<Vec<(Passage, Document)>, StoreError> {
        let doing = "reading passages";
        let mut found = HashMap::with_capacity(ids.len());
        for some in ids.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::new("WITH asked (document, ordinal) AS (VALUES ");
            let mut rows = query.separated(", ");
            for id in some {
                rows.push("(");
                rows.push_bind_unseparated(&id.document.0);
                rows.push_unseparated(", ");
                rows.push_bind_unseparated(i64::from(id.ordinal));
                rows.push_unseparated(")");
            }
            query.push(format!(
                ") SELECT {PASSAGE}, {}, d.pages FROM asked a \
                 JOIN passage p ON p.document = a.document AND p.ordinal = a.ordinal \
                 JOIN document d ON d.id = p.document WHERE 1 = 1",
                listed(readable)
            ));
            readable_only(&mut query, readable);
            let rows: Vec<PassageOfDocument> =
                query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
            for row in rows {
                let passage = row.passage.passage(doing)?;
                found.insert(passage.id.clone(), (passage, row.document.document(doing)?));
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    async fn listing(
        &self,
        readable: Option<&Readable>,
        matching: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Listing>, StoreError> {
        let doing = "listing documents";
        if matching.len() > MATCHING_MAX {
            return Err(StoreError::Refused {
                reason: format!("a title or an author of more than {MATCHING_MAX} bytes"),
            });
        }
        let mut query = QueryBuilder::new(
            "SELECT d.id, d.scope, d.title, d.authors, d.year, d.file, d.passages FROM document d WHERE 1 = 1",
        );
        if !matching.is_empty() {
            query.push(" AND d.search_key LIKE ").push_bind(pattern(matching)).push(" ESCAPE '!'");
        }
        readable_only(&mut query, readable);
        query.push(" ORDER BY d.sort_key, d.id LIMIT ").push_bind(row::integer(limit));
        query.push(" OFFSET ").push_bind(row::integer(offset));
        let rows: Vec<ListingRow> =
            query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(id, scope, title, authors, year, file, passages)| {
                Ok(Listing {
                    id: DocumentId(id),
                    scope: row::scope(&scope, doing)?,
                    title,
                    authors: serde_json::from_str(&authors).map_err(StoreError::damaged(doing))?,
                    year,
                    file,
                    passages: row::number(passages, doing)?,
                })
            })
            .collect()
    }

    async fn totals(&self, readable: Option<&Readable>) -> Result<LibraryStats, StoreError> {
        let doing = "counting the library";
        let mut query = QueryBuilder::new(
            // The casts: a sum of BIGINT is a NUMERIC on PostgreSQL.
            "SELECT d.format, COUNT(*), CAST(SUM(d.passages) AS BIGINT), CAST(SUM(d.characters) AS BIGINT) \
             FROM document d WHERE 1 = 1",
        );
        readable_only(&mut query, readable);
        query.push(" GROUP BY d.format ORDER BY COUNT(*) DESC, d.format");
        let rows: Vec<(String, i64, i64, i64)> =
            query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        let mut stats = LibraryStats::default();
        for (format, documents, passages, characters) in rows {
            let documents = row::number(documents, doing)?;
            stats.documents += documents;
            stats.passages += row::number::<usize>(passages, doing)?;
            stats.characters += row::number::<usize>(characters, doing)?;
            stats.formats.push((format, documents));
        }
        Ok(stats)
    }

    async fn points_after(
        &self,
        model: &str,
        after: Option<&PassageId>,
        limit: usize,
    ) -> Result<Vec<Point>, StoreError> {
        let doing = "reading passages for the index";
        let (document, ordinal) = after.map_or(("", -1), |id| (id.document.0.as_str(), i64::from(id.ordinal)));
        let rows: Vec<PointRow> = sqlx::query_as(
            "SELECT p.document, p.ordinal, d.scope, d.title, p.text, d.language, d.year, v.vector \
             FROM passage p JOIN document d ON d.id = p.document \
             LEFT JOIN passage_vector v ON v.document = p.document AND v.ordinal = p.ordinal AND v.model = $1 \
             WHERE (p.document, p.ordinal) > ($2, $3) ORDER BY p.document, p.ordinal LIMIT $4",
        )
        .bind(model)
        .bind(document)
        .bind(ordinal)
        .bind(row::integer(limit))
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(document, ordinal, scope, title, text, language, year, vector)| {
                Ok(Point {
                    passage: row::passage_id(document, ordinal, doing)?,
                    scope: row::scope(&scope, doing)?,
                    title,
                    text,
                    language,
                    year,
                    dense: vector.map_or(Ok(Embedding::new()), |blob| row::vector(&blob, doing))?,
                })
            })
            .collect()
    }

    async fn all_passage_ids(&self) -> Result<Vec<PassageId>, StoreError> {
        let doing = "reading passage ids";
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT document, ordinal FROM passage ORDER BY document, ordinal")
                .fetch_all(&self.read)
                .await
                .map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|(document, ordinal)| row::passage_id(document, ordinal, doing)).collect()
    }
}

/// The pattern of `LIKE` for a substring, with `!` before what it would take for a wildcard.
fn pattern(matching: &str) -> String {
    let mut pattern = String::from("%");
    for letter in matching.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
