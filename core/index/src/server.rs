//! The index on a Qdrant server, over gRPC. [`ServerIndex`] speaks to an alias; the collection behind it can change.
//!
//! The lists are fetched in one batch and fused here, as in process: a server's own fusion takes another constant.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use chat::{
    DocumentId, PassageId, PortError,
    ports::{Hit, Index, IndexQuery, Point, Stamp},
};
use qdrant_client::{
    Qdrant, QdrantError,
    qdrant::{
        CollectionStatus, Condition, CountPointsBuilder, CreateAliasBuilder, CreateCollectionBuilder,
        CreateFieldIndexCollectionBuilder, DeletePointsBuilder, Distance, FieldType, Filter, HnswConfigDiffBuilder,
        IntegerIndexParamsBuilder, KeywordIndexParamsBuilder, Modifier, NamedVectors, PayloadIncludeSelector,
        PointStruct, Query, QueryBatchPointsBuilder, QueryPoints, QueryPointsBuilder, Range, ScoredPoint,
        ScrollPointsBuilder, SparseVectorParamsBuilder, SparseVectorsConfigBuilder, UpsertPointsBuilder, Value, Vector,
        VectorInput, VectorParamsBuilder, VectorsConfigBuilder, VectorsSelector, vector_output,
    },
};
use uuid::Uuid;

use crate::{
    PORT,
    error::IndexError,
    fuse::{self, Ranked},
    schema::{self, BATCH, DENSE, DOCUMENT, EF_CONSTRUCT, Field, LANGUAGE, M, Mark, Must, ORDINAL, SCOPE, TERMS, YEAR},
    sparse,
};

/// The client's own 5 s is too short for a batch that waits for the disk.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a flush waits for the server's optimiser, and how often it asks.
const OPTIMISED_WITHIN: Duration = Duration::from_secs(600);
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Metadata key under which a collection says what it was built with.
const BUILT_WITH: &str = "colloquy";

/// The index on a Qdrant server.
pub struct ServerIndex {
    client: Qdrant,
    alias: String,
    mark: RwLock<Mark>,
}

impl ServerIndex {
    /// Connects to the server at `url` (its gRPC port, usually 6334). `collection` becomes an alias; the collection
    /// behind it is made where it does not exist.
    ///
    /// # Errors
    /// [`IndexError::Server`]; [`IndexError::Stamp`] where it was built with something else;
    /// [`IndexError::Unstamped`].
    pub async fn connect(
        url: &str,
        api_key: Option<&str>,
        collection: &str,
        stamp: &Stamp,
    ) -> Result<Self, IndexError> {
        let (index, wanted) = Self::client(url, api_key, collection, stamp)?;
        match index.behind().await? {
            None => index.swap(&wanted).await?,
            Some(name) => {
                let found = index.built_with(&name).await?;
                if found != wanted {
                    return Err(IndexError::Stamp { found, wanted });
                }
            }
        }
        Ok(index)
    }

    /// An empty index beside the one that `collection` names, which goes on until [`ServerIndex::take_over`].
    ///
    /// # Errors
    /// [`IndexError::Server`], [`IndexError::Unstamped`].
    pub async fn aside(url: &str, api_key: Option<&str>, collection: &str, stamp: &Stamp) -> Result<Self, IndexError> {
        let (index, wanted) = Self::client(url, api_key, collection, stamp)?;
        let name = index.fresh(&wanted).await?;
        Ok(Self { alias: name, ..index })
    }

    /// Makes this index, built [aside](ServerIndex::aside), the one that `collection` names, and drops the one before.
    ///
    /// # Errors
    /// [`IndexError::Server`].
    pub async fn take_over(&self, collection: &str) -> Result<(), IndexError> {
        self.point(collection, &self.alias).await
    }

    fn client(url: &str, api_key: Option<&str>, collection: &str, stamp: &Stamp) -> Result<(Self, Mark), IndexError> {
        let wanted = Mark::new(stamp);
        let mut config = Qdrant::from_url(url).timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        config.api_key = api_key.map(str::to_owned);
        // The check of versions prints to the standard output.
        let client = config.skip_compatibility_check().build().map_err(IndexError::server("connecting"))?;
        let index = Self { client, alias: collection.to_owned(), mark: RwLock::new(wanted.clone()) };
        Ok((index, wanted))
    }

    /// The collection behind the alias.
    async fn behind(&self) -> Result<Option<String>, IndexError> {
        let listed = self.client.list_aliases().await.map_err(IndexError::server("listing aliases"))?;
        Ok(listed.aliases.into_iter().find(|alias| alias.alias_name == self.alias).map(|alias| alias.collection_name))
    }

    async fn built_with(&self, collection: &str) -> Result<Mark, IndexError> {
        let info = self.client.collection_info(collection).await.map_err(IndexError::server("reading its stamp"))?;
        let metadata = info.result.and_then(|info| info.config).map(|config| config.metadata).unwrap_or_default();
        let json = metadata.get(BUILT_WITH).and_then(Value::as_str);
        json.and_then(|json| serde_json::from_str(json).ok())
            .ok_or_else(|| IndexError::Unstamped { collection: collection.to_owned() })
    }

    /// Makes a new collection and points the alias to it.
    async fn swap(&self, mark: &Mark) -> Result<(), IndexError> {
        let name = self.fresh(mark).await?;
        self.point(&self.alias, &name).await?;
        *self.mark.write().unwrap_or_else(PoisonError::into_inner) = mark.clone();
        Ok(())
    }

    /// Makes a new collection.
    async fn fresh(&self, mark: &Mark) -> Result<String, IndexError> {
        let name = format!("{}.{}", self.alias, Uuid::now_v7().simple());
        self.create(&name, mark).await?;
        // One that ignores metadata would accept any stamp later: better to find out now.
        self.built_with(&name).await?;
        Ok(name)
    }

    /// Points `alias` to the collection `name` and drops those that it pointed to before.
    async fn point(&self, alias: &str, name: &str) -> Result<(), IndexError> {
        let swap = CreateAliasBuilder::new(name, alias);
        self.client.create_alias(swap).await.map_err(IndexError::server("swapping collections"))?;
        let doing = "dropping the old collection";
        let listed = self.client.list_collections().await.map_err(IndexError::server(doing))?;
        for old in listed.collections.into_iter().map(|collection| collection.name) {
            let ours = old.strip_prefix(alias).and_then(|rest| rest.strip_prefix('.'));
            if old != name && ours.is_some_and(|id| Uuid::try_parse(id).is_ok()) {
                self.client.delete_collection(old).await.map_err(IndexError::server(doing))?;
            }
        }
        Ok(())
    }

    async fn create(&self, name: &str, mark: &Mark) -> Result<(), IndexError> {
        let doing = "making a collection";
        let mut dense = VectorsConfigBuilder::default();
        dense.add_named_vector_params(DENSE, VectorParamsBuilder::new(mark.stamp.dims as u64, Distance::Cosine));
        let mut terms = SparseVectorsConfigBuilder::default();
        terms.add_named_vector_params(TERMS, SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
        let json = serde_json::to_string(mark).map_err(IndexError::engine(doing))?;
        let mut create = CreateCollectionBuilder::new(name)
            .vectors_config(dense)
            .sparse_vectors_config(terms)
            .hnsw_config(HnswConfigDiffBuilder::default().m(M as u64).ef_construct(EF_CONSTRUCT as u64))
            .build();
        create.metadata.insert(BUILT_WITH.to_owned(), json.into());
        self.client.create_collection(create).await.map_err(IndexError::server(doing))?;
        // Before any point, so that the graph is built with the links of the scope's values.
        let keyword = |hnsw| KeywordIndexParamsBuilder::default().is_tenant(hnsw).enable_hnsw(hnsw);
        let year = IntegerIndexParamsBuilder::new(true, true).enable_hnsw(false);
        let field = |field, kind| CreateFieldIndexCollectionBuilder::new(name, field, kind).wait(true);
        for request in [
            field(SCOPE, FieldType::Keyword).field_index_params(keyword(true)),
            field(DOCUMENT, FieldType::Keyword).field_index_params(keyword(false)),
            field(LANGUAGE, FieldType::Keyword).field_index_params(keyword(false)),
            field(YEAR, FieldType::Integer).field_index_params(year),
        ] {
            self.client.create_field_index(request).await.map_err(IndexError::server("indexing a field"))?;
        }
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        self.mark.read().unwrap_or_else(PoisonError::into_inner).stamp.clone()
    }

    /// One list of a search.
    fn list(&self, query: &IndexQuery, vector: VectorInput, using: &str) -> QueryPoints {
        let list = QueryPointsBuilder::new(self.alias.as_str())
            .query(Query::new_nearest(vector))
            .using(using)
            .filter(filter(&schema::musts(query)))
            .limit(fuse::depth(query.limit) as u64)
            .with_payload(named_fields());
        match using == DENSE && query.diversity > 0.0 {
            true => list.with_vectors(VectorsSelector { names: vec![DENSE.to_owned()] }).build(),
            false => list.build(),
        }
    }
}

#[async_trait]
impl Index for ServerIndex {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), PortError> {
        schema::check_points(&self.stamp(), &points)?;
        for batch in points.chunks(BATCH) {
            let batch: Vec<PointStruct> = batch.iter().map(point_struct).collect();
            let request = UpsertPointsBuilder::new(self.alias.as_str(), batch).wait(true);
            self.client.upsert_points(request).await.map_err(port("writing points"))?;
        }
        Ok(())
    }

    async fn remove(&self, documents: &[DocumentId]) -> Result<(), PortError> {
        if documents.is_empty() {
            return Ok(());
        }
        let theirs = filter(&[schema::of_documents(documents)]);
        let request = DeletePointsBuilder::new(self.alias.as_str()).points(theirs).wait(true);
        self.client.delete_points(request).await.map_err(port("removing documents"))?;
        Ok(())
    }

    async fn search(&self, query: &IndexQuery) -> Result<Vec<Hit>, PortError> {
        let lists = schema::lists(&self.stamp(), query)?;
        let dense = lists.dense.map(|vector| self.list(query, VectorInput::new_dense(vector), DENSE));
        let terms =
            lists.terms.map(|terms| self.list(query, VectorInput::new_sparse(terms.indices, terms.values), TERMS));
        let with_dense = dense.is_some();
        let batch: Vec<QueryPoints> = dense.into_iter().chain(terms).collect();
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let request = QueryBatchPointsBuilder::new(self.alias.as_str(), batch);
        let answer = self.client.query_batch(request).await.map_err(port("searching"))?;
        let mut ranked = answer.result.into_iter().map(|list| list.result.into_iter().filter_map(ranked).collect());
        let dense: Vec<Ranked> = if with_dense { ranked.next().unwrap_or_default() } else { Vec::new() };
        Ok(fuse::hits(query, dense, ranked.next().unwrap_or_default()))
    }

    async fn passages(&self) -> Result<Vec<PassageId>, PortError> {
        let mut passages = Vec::new();
        let mut offset = None;
        loop {
            let page = ScrollPointsBuilder::new(self.alias.as_str())
                .limit(schema::PAGE as u32)
                .with_payload(named_fields())
                .with_vectors(false);
            let page = match offset {
                Some(offset) => page.offset(offset),
                None => page,
            };
            let answer = self.client.scroll(page).await.map_err(port("listing the points"))?;
            passages.extend(answer.result.iter().filter_map(|point| passage(&point.payload)));
            match answer.next_page_offset {
                Some(next) => offset = Some::<qdrant_client::qdrant::PointId>(next),
                None => break,
            }
        }
        passages.sort();
        Ok(passages)
    }

    async fn count(&self) -> Result<usize, PortError> {
        let request = CountPointsBuilder::new(self.alias.as_str()).exact(true);
        let answer = self.client.count(request).await.map_err(port("counting the points"))?;
        Ok(answer.result.map_or(0, |result| usize::try_from(result.count).unwrap_or(usize::MAX)))
    }

    /// Every write waited for the server's log already; this waits for its optimiser, ten minutes at most.
    async fn flush(&self) -> Result<(), PortError> {
        let doing = "waiting for the optimiser";
        let green = async {
            loop {
                let info = self.client.collection_info(self.alias.as_str()).await.map_err(port(doing))?;
                if info.result.is_some_and(|info| info.status() == CollectionStatus::Green) {
                    return Ok(());
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        tokio::time::timeout(OPTIMISED_WITHIN, green).await.map_err(PortError::failed(PORT, doing))?
    }

    async fn purge(&self) -> Result<(), PortError> {
        // The server's own optimiser does it, and has no call for it.
        Ok(())
    }

    async fn rebuild(&self, stamp: &Stamp) -> Result<(), PortError> {
        self.swap(&Mark::new(stamp)).await.map_err(IndexError::port("rebuilding"))
    }
}

/// A server that is out of something says when to come back.
fn port(doing: &'static str) -> impl FnOnce(QdrantError) -> PortError {
    move |error| match error {
        QdrantError::ResourceExhaustedError { retry_after_seconds, .. } => {
            PortError::Overloaded { port: PORT, retry_after: Duration::from_secs(retry_after_seconds) }
        }
        error => IndexError::port(doing)(IndexError::server(doing)(error)),
    }
}

fn point_struct(point: &Point) -> PointStruct {
    let terms = sparse::passage(&sparse::BM25, &point.title, &point.text);
    let vectors = NamedVectors::default()
        .add_vector(DENSE, Vector::new_dense(point.dense.clone()))
        .add_vector(TERMS, Vector::new_sparse(terms.indices, terms.values));
    let payload = schema::payload(point).into_iter().map(|(field, value)| match value {
        Field::Text(text) => (field, Value::from(text)),
        Field::Number(number) => (field, Value::from(number)),
    });
    PointStruct::new(schema::point_id(&point.passage).to_string(), vectors, payload.collect::<HashMap<_, _>>())
}

fn filter(musts: &[Must]) -> Filter {
    Filter::must(musts.iter().map(|must| match must {
        Must::Any(field, values) => Condition::matches(*field, values.clone()),
        Must::Year(min, max) => {
            Condition::range(YEAR, Range { gte: min.map(f64::from), lte: max.map(f64::from), lt: None, gt: None })
        }
    }))
}

/// The two fields that name a passage.
fn named_fields() -> PayloadIncludeSelector {
    PayloadIncludeSelector { fields: vec![DOCUMENT.to_owned(), ORDINAL.to_owned()] }
}

fn passage(payload: &HashMap<String, Value>) -> Option<PassageId> {
    let document = payload.get(DOCUMENT).and_then(Value::as_str).map(String::as_str);
    schema::passage(document, payload.get(ORDINAL).and_then(Value::as_integer))
}

fn ranked(point: ScoredPoint) -> Option<Ranked> {
    let passage = passage(&point.payload)?;
    let vector = match point.vectors.and_then(|vectors| vectors.get_vector_by_name(DENSE)) {
        Some(vector_output::Vector::Dense(vector)) => vector.data,
        _ => Vec::new(),
    };
    Some(Ranked { passage, score: point.score, vector })
}
