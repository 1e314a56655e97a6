//! Writing documents: one transaction per batch, and nothing at all for what is there already.
//!
//! What "the same" means is one digest of all that was handed in but the vectors, stored with the document.

use std::collections::HashMap;

use chat::{
    Document, DocumentId, Identifiers, Passage, PassageId,
    ports::{Embedding, Stored},
};
use sha2::{Digest, Sha256};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{Store, StoreError, documents::VALUES_MAX, row};

/// A document as ingest hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its passages.
    pub passages: &'a [Passage],
    /// `vectors[i]` belongs to `passages[i]`, an empty one being none; or no vectors at all.
    pub vectors: &'a [Embedding],
    /// Names that it is known by beside its identifiers ([`identity_keys`] are added here), such as its
    /// normalised title and authors.
    pub keys: &'a [String],
}

/// The names that identifiers give a document: `doi:10.18653/v1/p19-1374`, `arxiv:1707.08567`, ...
pub fn identity_keys(identifiers: &Identifiers) -> Vec<String> {
    let Identifiers { doi, arxiv, anthology, pubmed } = identifiers;
    [("doi", doi), ("arxiv", arxiv), ("anthology", anthology), ("pubmed", pubmed)]
        .into_iter()
        .filter_map(|(kind, id)| id.as_ref().map(|id| format!("{kind}:{id}")))
        .collect()
}

impl Store {
    /// Writes documents with their passages and vectors in one transaction: all of them or, on an error, none.
    /// Row `i` of the result belongs to `entries[i]`. A few hundred at a time is fast; more gains nothing.
    ///
    /// A document that is there with the same content, passages and keys is left alone, its vectors too
    /// ([`chat::ports::Documents::put_vectors`] adds those of a new model). One that differs is replaced, with
    /// all its passages, vectors and keys.
    ///
    /// # Errors
    /// [`StoreError::Full`]; [`StoreError::Refused`] where a passage is no substring of its document, the counts
    /// of passages and vectors differ, or the id belongs to a document of another scope.
    pub async fn put_many(&self, model: &str, entries: &[Entry<'_>]) -> Result<Vec<Stored>, StoreError> {
        let doing = "writing documents";
        let prepared = prepare(entries)?;
        let mut transaction = self.begin(doing).await?;
        let stored = compare(&mut transaction, &prepared).await?;
        for (one, stored) in prepared.iter().zip(&stored) {
            if *stored != Stored::Unchanged {
                write(&mut transaction, one, *stored, model).await?;
            }
        }
        if stored.iter().any(|stored| *stored != Stored::Unchanged) {
            transaction.commit().await.map_err(StoreError::sql(doing))?;
        }
        Ok(stored)
    }

    /// What [`Store::put_many`] would do, vectors aside, without doing it: only what is not
    /// [`Stored::Unchanged`] needs embedding.
    ///
    /// # Errors
    /// As [`Store::put_many`].
    pub async fn preview(&self, entries: &[Entry<'_>]) -> Result<Vec<Stored>, StoreError> {
        let prepared = prepare(entries)?;
        let mut connection = self.read.acquire().await.map_err(StoreError::sql("comparing documents"))?;
        compare(&mut connection, &prepared).await
    }

    pub(crate) async fn delete(&self, ids: &[DocumentId]) -> Result<usize, StoreError> {
        let doing = "removing documents";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let mut removed = 0;
        for some in ids.chunks(VALUES_MAX) {
            // Files that they came from are no longer known: reading one again brings its documents back.
            let mut query = QueryBuilder::<Sqlite>::new(
                "DELETE FROM seen_file WHERE (scope, file) IN \
                 (SELECT s.scope, s.file FROM seen_document s WHERE s.document IN ",
            );
            push_ids(&mut query, some.iter());
            query.push(")").build().execute(&mut *transaction).await.map_err(&sql)?;
            // What was said is gone with the document that was made of it.
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM conversation WHERE document IN ");
            push_ids(&mut query, some.iter());
            query.build().execute(&mut *transaction).await.map_err(&sql)?;
            // Passages, vectors and keys go with their document.
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM document WHERE id IN ");
            push_ids(&mut query, some.iter());
            removed += query.build().execute(&mut *transaction).await.map_err(&sql)?.rows_affected();
        }
        transaction.commit().await.map_err(&sql)?;
        Ok(usize::try_from(removed).unwrap_or(usize::MAX))
    }

    pub(crate) async fn add_vectors(&self, model: &str, vectors: &[(PassageId, Embedding)]) -> Result<(), StoreError> {
        let doing = "writing vectors";
        let mut transaction = self.begin(doing).await?;
        for (passage, vector) in vectors.iter().filter(|(_, vector)| !vector.is_empty()) {
            // By way of the passage: it may have been removed while its vector was computed.
            sqlx::query(
                "INSERT INTO passage_vector (document, ordinal, model, vector) \
                 SELECT p.document, p.ordinal, $3, $4 FROM passage p WHERE p.document = $1 AND p.ordinal = $2 \
                 ON CONFLICT (document, ordinal, model) DO NOTHING",
            )
            .bind(&passage.document.0)
            .bind(i64::from(passage.ordinal))
            .bind(model)
            .bind(row::blob(vector))
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))
    }
}

/// An entry that is fit to be written.
struct Prepared<'a> {
    entry: Entry<'a>,
    keys: Vec<String>,
    digest: String,
}

/// Checks entries and takes their digests.
fn prepare<'a>(entries: &[Entry<'a>]) -> Result<Vec<Prepared<'a>>, StoreError> {
    entries.iter().map(|entry| check(entry).and_then(|()| Prepared::of(*entry))).collect()
}

/// Refuses an entry that contradicts itself.
fn check(entry: &Entry<'_>) -> Result<(), StoreError> {
    let Entry { document, passages, vectors, .. } = entry;
    let refused = |reason: String| Err(StoreError::Refused { reason: format!("document {}: {reason}", document.id) });
    if !vectors.is_empty() && vectors.len() != passages.len() {
        return refused(format!("{} passages, {} vectors", passages.len(), vectors.len()));
    }
    for (ordinal, passage) in passages.iter().enumerate() {
        if passage.id.document != document.id || passage.id.ordinal as usize != ordinal {
            return refused(format!("passage {} stands at place {ordinal}", passage.id));
        }
        if document.text.get(passage.span.clone()) != Some(&passage.text) {
            return refused(format!("passage {} is not its text", passage.id));
        }
    }
    Ok(())
}

impl<'a> Prepared<'a> {
    fn of(entry: Entry<'a>) -> Result<Self, StoreError> {
        let mut keys = identity_keys(&entry.document.identifiers);
        keys.extend_from_slice(entry.keys);
        keys.sort();
        keys.dedup();
        // The passages' texts are the document's.
        let passages: Vec<_> = entry.passages.iter().map(|one| (&one.span, one.page, &one.section)).collect();
        let all = row::json(&(entry.document, passages, &keys), "taking a document's digest")?;
        Ok(Self { entry, keys, digest: row::hex(Sha256::digest(all)) })
    }
}

/// What writing each would change; a second entry of one id is compared with the first.
async fn compare(connection: &mut SqliteConnection, all: &[Prepared<'_>]) -> Result<Vec<Stored>, StoreError> {
    let mut there: HashMap<String, (String, String)> = HashMap::new();
    for some in all.chunks(VALUES_MAX) {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT id, scope, digest FROM document WHERE id IN ");
        push_ids(&mut query, some.iter().map(|one| &one.entry.document.id));
        let rows: Vec<(String, String, String)> =
            query.build_query_as().fetch_all(&mut *connection).await.map_err(StoreError::sql("comparing documents"))?;
        there.extend(rows.into_iter().map(|(id, scope, digest)| (id, (scope, digest))));
    }
    all.iter()
        .map(|one| {
            let Document { id, scope, .. } = one.entry.document;
            let new = (scope.to_string(), one.digest.clone());
            match there.insert(id.0.clone(), new) {
                None => Ok(Stored::Added),
                Some((_, digest)) if digest == one.digest => Ok(Stored::Unchanged),
                Some((old, _)) if old == scope.to_string() => Ok(Stored::Updated),
                // A moderator moved it elsewhere: reading its file again must not bring it back.
                Some(_) => Ok(Stored::Unchanged),
            }
        })
        .collect()
}

/// Writes one document, in place of what is there under its id.
async fn write(
    connection: &mut SqliteConnection,
    one: &Prepared<'_>,
    stored: Stored,
    model: &str,
) -> Result<(), StoreError> {
    let doing = "writing a document";
    let sql = StoreError::sql(doing);
    let Entry { document, passages, vectors, .. } = one.entry;
    if stored == Stored::Updated {
        for query in ["DELETE FROM passage WHERE document = $1", "DELETE FROM identity_key WHERE document = $1"] {
            sqlx::query(query).bind(&document.id.0).execute(&mut *connection).await.map_err(&sql)?;
        }
    }
    write_document(connection, one, passages.len()).await?;
    for key in &one.keys {
        sqlx::query("INSERT INTO identity_key (name, document) VALUES ($1, $2)")
            .bind(key)
            .bind(&document.id.0)
            .execute(&mut *connection)
            .await
            .map_err(&sql)?;
    }
    for passage in passages {
        sqlx::query(
            "INSERT INTO passage (document, ordinal, span_start, span_end, page, section, text) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&document.id.0)
        .bind(i64::from(passage.id.ordinal))
        .bind(row::integer(passage.span.start))
        .bind(row::integer(passage.span.end))
        .bind(passage.page.map(i64::from))
        .bind(&passage.section)
        .bind(&passage.text)
        .execute(&mut *connection)
        .await
        .map_err(&sql)?;
    }
    for (passage, vector) in passages.iter().zip(vectors).filter(|(_, vector)| !vector.is_empty()) {
        sqlx::query("INSERT INTO passage_vector (document, ordinal, model, vector) VALUES ($1, $2, $3, $4)")
            .bind(&document.id.0)
            .bind(i64::from(passage.id.ordinal))
            .bind(model)
            .bind(row::blob(vector))
            .execute(&mut *connection)
            .await
            .map_err(&sql)?;
    }
    Ok(())
}

/// Writes the row of a document.
async fn write_document(
    connection: &mut SqliteConnection,
    one: &Prepared<'_>,
    passages: usize,
) -> Result<(), StoreError> {
    let doing = "writing a document";
    let document = one.entry.document;
    // Updated in place: what refers to it (the manifest of files) stays.
    sqlx::query(
        "INSERT INTO document (id, scope, title, sort_key, search_key, authors, year, venue, language, doi, arxiv, \
             anthology, pubmed, file, format, content_hash, license, retracted, passages, characters, digest, \
             sections, pages, text) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
             $22, $23, $24) \
         ON CONFLICT (id) DO UPDATE SET title = excluded.title, sort_key = excluded.sort_key, \
             search_key = excluded.search_key, authors = excluded.authors, year = excluded.year, \
             venue = excluded.venue, language = excluded.language, doi = excluded.doi, arxiv = excluded.arxiv, \
             anthology = excluded.anthology, pubmed = excluded.pubmed, file = excluded.file, \
             format = excluded.format, content_hash = excluded.content_hash, license = excluded.license, \
             retracted = excluded.retracted, passages = excluded.passages, characters = excluded.characters, \
             digest = excluded.digest, sections = excluded.sections, pages = excluded.pages, text = excluded.text",
    )
    .bind(&document.id.0)
    .bind(document.scope.to_string())
    .bind(&document.title)
    .bind(document.title.to_lowercase())
    .bind(search_key(document))
    .bind(row::json(&document.authors, doing)?)
    .bind(document.year)
    .bind(&document.venue)
    .bind(&document.language)
    .bind(&document.identifiers.doi)
    .bind(&document.identifiers.arxiv)
    .bind(&document.identifiers.anthology)
    .bind(&document.identifiers.pubmed)
    .bind(&document.provenance.file)
    .bind(&document.provenance.format)
    .bind(&document.provenance.content_hash)
    .bind(&document.provenance.license)
    .bind(document.retracted)
    .bind(row::integer(passages))
    .bind(row::integer(document.text.chars().count()))
    .bind(&one.digest)
    .bind(row::json(&document.sections, doing)?)
    .bind(row::json(&document.pages, doing)?)
    .bind(&document.text)
    .execute(connection)
    .await
    .map_err(StoreError::sql(doing))?;
    Ok(())
}

/// What a list is searched in: title and authors, a line each, so that no match crosses a border.
fn search_key(document: &Document) -> String {
    let mut key = document.title.to_lowercase();
    for author in &document.authors {
        key.push('\n');
        key.push_str(&author.to_lowercase());
    }
    key
}

/// Pushes `(id, id, ...)`.
fn push_ids<'a>(query: &mut QueryBuilder<Sqlite>, ids: impl Iterator<Item = &'a DocumentId>) {
    query.push("(");
    let mut values = query.separated(", ");
    for id in ids {
        values.push_bind(id.0.clone());
    }
    query.push(")");
}
