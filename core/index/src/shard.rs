//! One shard of the vector engine with the files around it; every call here blocks.
//!
//! `stamp.json` names the shard's folder and what it was built with. It is replaced by a rename, so at every moment
//! exactly one shard is the index; whatever else lies beside it is left over and swept at the next opening.
//!
//! **Invariant:** the engine's `flush` and `optimize` never overlap, and `flush` overlaps no write (its own locks
//! panic): `edge` holds the locks, this file assumes them.

use std::{
    any::Any,
    fs,
    io::{ErrorKind, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use chat::{
    DocumentId, PassageId,
    ports::{Hit, IndexQuery, Point},
};
use qdrant_edge as qe;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::IndexError,
    fuse::{self, Ranked},
    schema::{
        self, BATCH, DENSE, DOCUMENT, EF_CONSTRUCT, Field, LANGUAGE, Lists, M, Mark, Must, ORDINAL, SCOPE, TERMS, YEAR,
    },
    sparse,
};

const STAMP: &str = "stamp.json";

/// Disk that a write needs: one segment of the log and one chunk of each vector file, all of 32 MiB and mapped. A
/// mapped page that the disk has no room for kills the process, so less than this is refused.
const FREE_MIB_MIN: u64 = 128;

/// What `stamp.json` holds.
#[derive(Serialize, Deserialize)]
struct Named {
    #[serde(flatten)]
    mark: Mark,
    shard: String,
}

/// An open shard.
pub struct Shard {
    /// None only while it is dropped.
    engine: Option<qe::EdgeShard>,
    path: PathBuf,
    mark: Mark,
    /// Another took its place: its files go when its last search is done.
    replaced: AtomicBool,
}

impl Shard {
    /// Opens the shard that `stamp.json` in `home` names, or makes the first one.
    ///
    /// # Errors
    /// [`IndexError::Stamp`], [`IndexError::Damaged`], [`IndexError::Io`].
    pub fn open(home: &Path, wanted: &Mark) -> Result<Self, IndexError> {
        let file = home.join(STAMP);
        let json = match fs::read(&file) {
            Ok(json) => json,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                sweep(home, None);
                return Self::create(home, wanted);
            }
            Err(source) => return Err(IndexError::Io { doing: "reading the index's stamp", path: file, source }),
        };
        let damaged = |reason: String| IndexError::Damaged { dir: home.to_owned(), reason };
        let named: Named = serde_json::from_slice(&json).map_err(|error| damaged(format!("{STAMP}: {error}")))?;
        if named.mark != *wanted {
            return Err(IndexError::Stamp { found: named.mark, wanted: wanted.clone() });
        }
        sweep(home, Some(&named.shard));
        let path = home.join(&named.shard);
        if !path.is_dir() {
            return Err(damaged(format!("{} is gone", named.shard)));
        }
        // The engine refuses to load beside a half-built segment, and never reads its log again: only the last closed
        // part of it is needed, which carries the count of operations on.
        remove(&path.join("temp_segments"));
        trim_log(&path.join("wal"));
        let config = config(wanted.stamp.dims);
        let engine = catching(|| qe::EdgeShard::load(&path, Some(config))).map_err(damaged)?;
        let shard = Self::of(engine, path, named.mark);
        shard.index_payload().map_err(|error| damaged(error.to_string()))?;
        Ok(shard)
    }

    /// An empty shard in a folder of its own; when `stamp.json` names it, it is the index.
    ///
    /// # Errors
    /// [`IndexError::Io`], [`IndexError::DiskFull`], [`IndexError::Engine`].
    pub fn create(home: &Path, mark: &Mark) -> Result<Self, IndexError> {
        check_disk(home)?;
        let name = format!("shard-{}", Uuid::now_v7().simple());
        let path = home.join(&name);
        fs::create_dir_all(&path).map_err(IndexError::io("making room for an index", &path))?;
        let doing = "making an empty index";
        let config = config(mark.stamp.dims);
        let engine = catching(|| qe::EdgeShard::new(&path, config)).map_err(IndexError::engine(doing))?;
        let shard = Self::of(engine, path, mark.clone());
        shard.index_payload()?;
        shard.flush()?;
        let json = serde_json::to_vec_pretty(&Named { mark: mark.clone(), shard: name })
            .map_err(IndexError::engine("writing the index's stamp"))?;
        replace(&home.join(STAMP), &json).map_err(IndexError::io("writing the index's stamp", home.join(STAMP)))?;
        Ok(shard)
    }

    fn of(engine: qe::EdgeShard, path: PathBuf, mark: Mark) -> Self {
        Self { engine: Some(engine), path, mark, replaced: AtomicBool::new(false) }
    }

    /// What it was built with.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Its files go with it.
    pub fn replace(&self) {
        self.replaced.store(true, Ordering::Release);
    }

    fn engine(&self) -> &qe::EdgeShard {
        self.engine.as_ref().expect("an open shard has its engine: only `drop` takes it")
    }

    fn update(&self, doing: &'static str, operation: qe::UpdateOperation) -> Result<(), IndexError> {
        self.engine().update(operation).map_err(IndexError::engine(doing))
    }

    /// Payload indexes: the scope's with links in the graph, the others without. Building one that exists is free;
    /// segments that the engine makes on its own come without.
    fn index_payload(&self) -> Result<(), IndexError> {
        let keyword = |hnsw: bool| qe::KeywordIndexParams {
            is_tenant: hnsw.then_some(true),
            enable_hnsw: Some(hnsw),
            ..qe::KeywordIndexParams::default()
        };
        let year = qe::IntegerIndexParams { enable_hnsw: Some(false), ..qe::IntegerIndexParams::default() };
        for (field, params) in [
            (SCOPE, qe::PayloadSchemaParams::Keyword(keyword(true))),
            (DOCUMENT, qe::PayloadSchemaParams::Keyword(keyword(false))),
            (LANGUAGE, qe::PayloadSchemaParams::Keyword(keyword(false))),
            (YEAR, qe::PayloadSchemaParams::Integer(year)),
        ] {
            let create = qe::FieldIndexOperations::CreateIndex(qe::CreateIndex {
                field_name: key(field),
                field_schema: Some(qe::PayloadFieldSchema::FieldParams(params)),
            });
            self.update("indexing a field", qe::UpdateOperation::FieldIndexOperation(create))?;
        }
        Ok(())
    }

    /// Writes points; whether one of them was there before.
    ///
    /// # Errors
    /// [`IndexError::DiskFull`], [`IndexError::Engine`].
    pub fn upsert(&self, points: &[Point]) -> Result<bool, IndexError> {
        let doing = "writing points";
        let mut replaced = false;
        for batch in points.chunks(BATCH) {
            check_disk(&self.path)?;
            let ids: Vec<qe::PointId> =
                batch.iter().map(|point| qe::PointId::Uuid(schema::point_id(&point.passage))).collect();
            let known = self.engine().retrieve(&ids, Some(false.into()), Some(qe::WithVector::Bool(false)));
            replaced |= !known.map_err(IndexError::engine(doing))?.is_empty();
            let list = batch.iter().map(point_struct).collect::<Result<_, _>>().map_err(IndexError::engine(doing))?;
            let insert = qe::PointOperations::UpsertPoints(qe::PointInsertOperations::PointsList(list));
            self.update(doing, qe::UpdateOperation::PointOperation(insert))?;
        }
        Ok(replaced)
    }

    /// Removes every point of these documents.
    ///
    /// # Errors
    /// [`IndexError::Engine`].
    pub fn remove(&self, documents: &[DocumentId]) -> Result<(), IndexError> {
        let delete = qe::PointOperations::DeletePointsByFilter(filter(&[schema::of_documents(documents)]));
        self.update("removing documents", qe::UpdateOperation::PointOperation(delete))
    }

    /// The hits of a checked query.
    ///
    /// # Errors
    /// [`IndexError::Engine`].
    pub fn search(&self, query: &IndexQuery, lists: Lists) -> Result<Vec<Hit>, IndexError> {
        let musts = schema::musts(query);
        let depth = fuse::depth(query.limit);
        let dense = match lists.dense {
            Some(vector) => {
                let with_vector = query.diversity > 0.0;
                self.ranked(qe::VectorInternal::Dense(vector), DENSE, filter(&musts), depth, with_vector)?
            }
            None => Vec::new(),
        };
        let sparse = match lists.terms {
            Some(terms) => {
                let terms = qe::SparseVector { indices: terms.indices, values: terms.values };
                self.ranked(qe::VectorInternal::Sparse(terms), TERMS, filter(&musts), depth, false)?
            }
            None => Vec::new(),
        };
        Ok(fuse::hits(query, dense, sparse))
    }

    fn ranked(
        &self,
        vector: qe::VectorInternal,
        using: &str,
        filter: qe::Filter,
        limit: usize,
        with_vector: bool,
    ) -> Result<Vec<Ranked>, IndexError> {
        let doing = "searching";
        let request = qe::SearchRequest {
            query: qe::QueryEnum::Nearest(qe::NamedQuery::new(vector, using)),
            filter: Some(filter),
            params: None,
            limit,
            offset: 0,
            with_payload: Some(named_fields()),
            with_vector: with_vector.then(|| qe::WithVector::Selector(vec![DENSE.to_owned()])),
            score_threshold: None,
        };
        let found = self.engine().search(request).map_err(IndexError::engine(doing))?;
        let entry = |point: qe::ScoredPoint| {
            let passage = point.payload.as_ref().and_then(passage).ok_or("a point without its passage")?;
            let vector = match point.vector {
                Some(qe::VectorStructInternal::Named(mut named)) => match named.remove(DENSE) {
                    Some(qe::VectorInternal::Dense(vector)) => vector,
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            Ok(Ranked { passage, score: point.score, vector })
        };
        found.into_iter().map(entry).collect::<Result<_, &str>>().map_err(IndexError::engine(doing))
    }

    /// The ids of all points, sorted.
    ///
    /// # Errors
    /// [`IndexError::Engine`].
    pub fn passages(&self) -> Result<Vec<PassageId>, IndexError> {
        let mut passages = Vec::new();
        self.each_page(named_fields(), false, |page| {
            passages.extend(page.iter().filter_map(|record| record.payload.as_ref().and_then(passage)));
        })?;
        passages.sort();
        Ok(passages)
    }

    /// How many points. Pages through them: the engine's own count takes a point for two where a crash during an
    /// optimisation left it in two segments.
    ///
    /// # Errors
    /// [`IndexError::Engine`].
    pub fn count(&self) -> Result<usize, IndexError> {
        let mut count = 0;
        self.each_page(false.into(), false, |page| count += page.len())?;
        Ok(count)
    }

    fn each_page(
        &self,
        with_payload: qe::WithPayloadInterface,
        with_vector: bool,
        mut each: impl FnMut(Vec<qe::Record>),
    ) -> Result<(), IndexError> {
        let mut offset = None;
        loop {
            let request = qe::ScrollRequest {
                offset,
                limit: Some(schema::PAGE),
                filter: None,
                with_payload: Some(with_payload.clone()),
                with_vector: qe::WithVector::Bool(with_vector),
                order_by: None,
            };
            let (page, next) = self.engine().scroll(request).map_err(IndexError::engine("listing the points"))?;
            each(page);
            match next {
                Some(next) => offset = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Writes all points into `new`, which is empty.
    ///
    /// # Errors
    /// [`IndexError::DiskFull`], [`IndexError::Engine`].
    pub fn copy_to(&self, new: &Self) -> Result<(), IndexError> {
        let doing = "writing the points anew";
        let mut copied = Ok(());
        self.each_page(true.into(), true, |page| {
            copied = std::mem::replace(&mut copied, Ok(())).and_then(|()| {
                check_disk(&new.path)?;
                let points = page.into_iter().map(TryInto::try_into);
                let points = points.collect::<Result<_, _>>().map_err(IndexError::engine(doing))?;
                let insert = qe::PointOperations::UpsertPoints(qe::PointInsertOperations::PointsList(points));
                new.update(doing, qe::UpdateOperation::PointOperation(insert))
            });
        })?;
        copied?;
        new.flush()
    }

    /// Writes everything to disk and waits for the disk.
    ///
    /// # Errors
    /// [`IndexError::Engine`]; the engine panics where the disk refuses.
    pub fn flush(&self) -> Result<(), IndexError> {
        let flush = || {
            self.engine().flush();
            Ok::<_, String>(())
        };
        catching(flush).map_err(IndexError::engine("flushing"))
    }

    /// Merges segments and builds their graphs; may take minutes for a large library.
    ///
    /// # Errors
    /// [`IndexError::Engine`].
    pub fn optimize(&self) -> Result<(), IndexError> {
        let doing = "optimising";
        if catching(|| self.engine().optimize()).map_err(IndexError::engine(doing))? {
            self.index_payload()?;
        }
        Ok(())
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        // The engine flushes once more, and panics where it cannot.
        let engine = self.engine.take();
        let close = || {
            drop(engine);
            Ok::<_, String>(())
        };
        if let Err(reason) = catching(close) {
            tracing::warn!(reason, "the index could not be flushed; the next start tops it up");
        }
        if self.replaced.load(Ordering::Acquire) {
            remove(&self.path);
        }
    }
}

/// One shard: vectors in memory, a graph above about 10 MiB of them, one large segment beside the one being written
/// (segments are searched one after another).
fn config(dims: usize) -> qe::EdgeConfig {
    let dense = qe::EdgeVectorParams::builder(dims, qe::Distance::Cosine).build();
    let terms = qe::EdgeSparseVectorParams { modifier: Some(qe::Modifier::Idf), ..Default::default() };
    qe::EdgeConfig::builder()
        .vector(DENSE, dense)
        .sparse_vector(TERMS, terms)
        .on_disk_payload(false)
        .hnsw_config(qe::HnswIndexConfig { m: M, ef_construct: EF_CONSTRUCT, ..Default::default() })
        .build()
}

fn point_struct(point: &Point) -> Result<qe::PointStructPersisted, qe::OperationError> {
    let terms = sparse::passage(&sparse::BM25, &point.title, &point.text);
    let vectors = qe::Vectors::new_named([
        (DENSE, qe::Vector::new_dense(point.dense.clone())),
        (TERMS, qe::Vector::new_sparse(terms.indices, terms.values)?),
    ]);
    let payload = schema::payload(point).into_iter().map(|(field, value)| match value {
        Field::Text(text) => (field.to_owned(), text.into()),
        Field::Number(number) => (field.to_owned(), number.into()),
    });
    let payload = serde_json::Value::Object(payload.collect());
    Ok(qe::PointStruct::new(qe::PointId::Uuid(schema::point_id(&point.passage)), vectors, payload).into())
}

fn filter(musts: &[Must]) -> qe::Filter {
    let condition = |must: &Must| match must {
        Must::Any(field, values) => qe::FieldCondition::new_match(key(field), qe::Match::from(values.clone())),
        Must::Year(min, max) => {
            let bound = |year: &Option<i16>| year.map(|year| f64::from(year).into());
            let range = qe::Range { gte: bound(min), lte: bound(max), lt: None, gt: None };
            qe::FieldCondition::new_range(key(YEAR), range)
        }
    };
    qe::Filter { must: Some(musts.iter().map(condition).map(qe::Condition::Field).collect()), ..qe::Filter::new() }
}

fn key(field: &str) -> qe::JsonPath {
    field.parse().expect("a plain word is a path")
}

/// The two fields that name a passage.
fn named_fields() -> qe::WithPayloadInterface {
    qe::WithPayloadInterface::Fields(vec![key(DOCUMENT), key(ORDINAL)])
}

fn passage(payload: &qe::Payload) -> Option<PassageId> {
    let document = payload.0.get(DOCUMENT).and_then(serde_json::Value::as_str);
    schema::passage(document, payload.0.get(ORDINAL).and_then(serde_json::Value::as_i64))
}

/// Runs the engine, a panic of which becomes its reason.
fn catching<T, E: ToString>(run: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let said = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
    };
    catch_unwind(AssertUnwindSafe(run)).map_err(said)?.map_err(|error| error.to_string())
}

fn check_disk(path: &Path) -> Result<(), IndexError> {
    let free = fs4::available_space(path).map_err(IndexError::io("asking for free disk", path))?;
    let free_mib = free / (1024 * 1024);
    if free_mib < FREE_MIB_MIN {
        return Err(IndexError::DiskFull { free_mib, needed_mib: FREE_MIB_MIN });
    }
    Ok(())
}

/// Replaces a small file at once or not at all.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension("json.new");
    let mut file = fs::File::create(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    match path.parent() {
        Some(folder) if cfg!(unix) => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Removes shards that are not the index: left over from a crash or from a swap.
fn sweep(home: &Path, keep: Option<&str>) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("shard-") && keep != Some(name.as_ref()) {
            remove(&entry.path());
        }
    }
}

/// Removes all closed parts of the log but the last, as the engine itself never does.
fn trim_log(log: &Path) {
    let mut closed: Vec<(u64, PathBuf)> = fs::read_dir(log)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let start = entry.file_name().to_str()?.strip_prefix("closed-")?.parse().ok()?;
            Some((start, entry.path()))
        })
        .collect();
    closed.sort();
    closed.pop();
    for (_, path) in closed {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "an old part of the index's log stays");
        }
    }
}

fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(path = %folder.display(), %error, "a folder that is no longer needed stays");
        }
        _ => {}
    }
}
