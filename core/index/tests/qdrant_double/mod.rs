//! A stand-in for a Qdrant server, for the index's contract alone: the real wire protocol, the real engine in this
//! process, and of the server only the calls that `ServerIndex` makes. Everything else answers `UNIMPLEMENTED`.
//!
//! Where a real server forgives, it refuses: a write that does not wait, a filter on a field without an index (as in
//! strict mode), a call by a name that is neither collection nor alias. `convert` reads and writes the messages.

mod convert;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use ::qdrant_client::qdrant::{
    collections_server::{Collections, CollectionsServer},
    points_server::{Points, PointsServer},
    *,
};
use qdrant_edge as qe;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// A running double; it stops with the runtime that started it.
pub struct Double {
    pub url: String,
}

impl Double {
    /// Listens on a free port of this machine.
    pub fn start() -> Self {
        let state = State { collections: BTreeMap::new(), aliases: BTreeMap::new(), dir: tempfile::tempdir().unwrap() };
        let served = Served { state: Arc::new(Mutex::new(state)) };
        let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(CollectionsServer::new(served.clone()))
            .add_service(PointsServer::new(served))
            .serve_with_incoming(incoming);
        tokio::spawn(async move { server.await.unwrap() });
        Self { url }
    }
}

#[derive(Clone)]
struct Served {
    state: Arc<Mutex<State>>,
}

struct State {
    collections: BTreeMap<String, Collection>,
    aliases: BTreeMap<String, String>,
    /// Dropped last: the engine flushes into it when its collections are.
    dir: tempfile::TempDir,
}

struct Collection {
    shard: qe::EdgeShard,
    metadata: HashMap<String, Value>,
    indexed: HashSet<String>,
}

impl State {
    fn get(&mut self, name: &str) -> Result<&mut Collection, Status> {
        let name = self.aliases.get(name).map_or(name, String::as_str).to_owned();
        let missing = || Status::not_found(format!("Collection `{name}` doesn't exist!"));
        self.collections.get_mut(&name).ok_or_else(missing)
    }
}

impl Collection {
    fn filter(&self, filter: Option<Filter>) -> Result<Option<qe::Filter>, Status> {
        filter.map(|filter| convert::filter(filter, &self.indexed)).transpose()
    }

    fn update(&self, wait: Option<bool>, operation: qe::PointOperations) -> Result<PointsOperationResponse, Status> {
        if wait != Some(true) {
            return Err(Status::unimplemented("the double knows only writes that wait"));
        }
        self.shard.update(qe::UpdateOperation::PointOperation(operation)).map_err(convert::failed)?;
        Ok(convert::updated())
    }
}

impl Served {
    fn with<T>(&self, collection: &str, run: impl FnOnce(&mut Collection) -> Result<T, Status>) -> Result<T, Status> {
        run(self.state.lock().unwrap().get(collection)?)
    }

    fn create(&self, request: CreateCollection) -> Result<CollectionOperationResponse, Status> {
        let mut state = self.state.lock().unwrap();
        let name = request.collection_name.clone();
        if state.collections.contains_key(&name) || state.aliases.contains_key(&name) {
            return Err(Status::already_exists(format!("Collection `{name}` already exists!")));
        }
        let path = state.dir.path().join(&name);
        std::fs::create_dir(&path)?;
        let metadata = request.metadata.clone();
        let shard = qe::EdgeShard::new(&path, convert::config(request)?).map_err(convert::failed)?;
        state.collections.insert(name, Collection { shard, metadata, indexed: HashSet::new() });
        Ok(CollectionOperationResponse { result: true, time: 0.0 })
    }

    fn drop_collection(&self, request: DeleteCollection) -> Result<CollectionOperationResponse, Status> {
        let mut state = self.state.lock().unwrap();
        state.aliases.retain(|_, collection| *collection != request.collection_name);
        let result = state.collections.remove(&request.collection_name).is_some();
        Ok(CollectionOperationResponse { result, time: 0.0 })
    }

    fn info(&self, request: GetCollectionInfoRequest) -> Result<GetCollectionInfoResponse, Status> {
        self.with(&request.collection_name, |collection| {
            collection.shard.optimize().map_err(convert::failed)?;
            let config = CollectionConfig { metadata: collection.metadata.clone(), ..Default::default() };
            let status = CollectionStatus::Green.into();
            let result = Some(CollectionInfo { status, config: Some(config), ..Default::default() });
            Ok(GetCollectionInfoResponse { result, time: 0.0 })
        })
    }

    fn list_collections(&self, _: ListCollectionsRequest) -> Result<ListCollectionsResponse, Status> {
        let names = self.state.lock().unwrap().collections.keys().cloned().collect::<Vec<_>>();
        let collections = names.into_iter().map(|name| CollectionDescription { name }).collect();
        Ok(ListCollectionsResponse { collections, time: 0.0 })
    }

    fn all_aliases(&self, _: ListAliasesRequest) -> Result<ListAliasesResponse, Status> {
        let state = self.state.lock().unwrap();
        let described = state.aliases.iter().map(|(alias_name, collection_name)| AliasDescription {
            alias_name: alias_name.clone(),
            collection_name: collection_name.clone(),
        });
        Ok(ListAliasesResponse { aliases: described.collect(), time: 0.0 })
    }

    /// As the server does: an alias that exists is pointed anew.
    fn change_aliases(&self, request: ChangeAliases) -> Result<CollectionOperationResponse, Status> {
        let mut state = self.state.lock().unwrap();
        for action in request.actions {
            let Some(alias_operations::Action::CreateAlias(create)) = action.action else {
                return Err(Status::unimplemented("the double only creates aliases"));
            };
            if !state.collections.contains_key(&create.collection_name) {
                return Err(Status::not_found(create.collection_name));
            }
            if state.collections.contains_key(&create.alias_name) {
                return Err(Status::already_exists(create.alias_name));
            }
            state.aliases.insert(create.alias_name, create.collection_name);
        }
        Ok(CollectionOperationResponse { result: true, time: 0.0 })
    }

    fn index_field(&self, request: CreateFieldIndexCollection) -> Result<PointsOperationResponse, Status> {
        self.with(&request.collection_name, |collection| {
            let create = qe::CreateIndex {
                field_name: convert::path(&request.field_name)?,
                field_schema: Some(convert::field_schema(request.field_index_params)?),
            };
            let operation = qe::UpdateOperation::FieldIndexOperation(qe::FieldIndexOperations::CreateIndex(create));
            collection.shard.update(operation).map_err(convert::failed)?;
            collection.indexed.insert(request.field_name);
            Ok(convert::updated())
        })
    }

    fn upsert_points(&self, request: UpsertPoints) -> Result<PointsOperationResponse, Status> {
        self.with(&request.collection_name, |collection| {
            let points = request.points.into_iter().map(convert::point).collect::<Result<_, _>>()?;
            let insert = qe::PointOperations::UpsertPoints(qe::PointInsertOperations::PointsList(points));
            collection.update(request.wait, insert)
        })
    }

    fn delete_points(&self, request: DeletePoints) -> Result<PointsOperationResponse, Status> {
        self.with(&request.collection_name, |collection| {
            let selector = request.points.and_then(|points| points.points_selector_one_of);
            let Some(points_selector::PointsSelectorOneOf::Filter(filter)) = selector else {
                return Err(Status::unimplemented("the double deletes by filter alone"));
            };
            let filter = convert::filter(filter, &collection.indexed)?;
            collection.update(request.wait, qe::PointOperations::DeletePointsByFilter(filter))
        })
    }

    fn scroll_points(&self, request: ScrollPoints) -> Result<ScrollResponse, Status> {
        self.with(&request.collection_name, |collection| {
            let page = qe::ScrollRequest {
                offset: request.offset.map(convert::id).transpose()?,
                limit: request.limit.map(|limit| limit as usize),
                filter: collection.filter(request.filter)?,
                with_payload: Some(convert::with_payload(request.with_payload)?),
                with_vector: qe::WithVector::Bool(false),
                order_by: None,
            };
            let (records, next) = collection.shard.scroll(page).map_err(convert::failed)?;
            let result = records.into_iter().map(convert::record).collect();
            Ok(ScrollResponse { result, next_page_offset: next.map(convert::point_id), ..Default::default() })
        })
    }

    fn count_points(&self, request: CountPoints) -> Result<CountResponse, Status> {
        self.with(&request.collection_name, |collection| {
            let filter = collection.filter(request.filter)?;
            let count = qe::CountRequest { filter, exact: request.exact.unwrap_or(true) };
            let count = collection.shard.count(count).map_err(convert::failed)? as u64;
            Ok(CountResponse { result: Some(CountResult { count }), ..Default::default() })
        })
    }

    fn query_lists(&self, request: QueryBatchPoints) -> Result<QueryBatchResponse, Status> {
        let list = |query: QueryPoints| {
            self.with(&request.collection_name, |collection| {
                let search = convert::search(query, &collection.indexed)?;
                let found = collection.shard.search(search).map_err(convert::failed)?;
                Ok(BatchResult { result: found.into_iter().map(convert::scored).collect() })
            })
        };
        let result = request.query_points.into_iter().map(list).collect::<Result<_, _>>()?;
        Ok(QueryBatchResponse { result, ..Default::default() })
    }
}

/// Implements a service: calls with a method behind them, and those that the double does not know.
macro_rules! service {
    ($service:ident: $($call:ident($request:ty) -> $reply:ty = $method:ident,)*; $($other:ident($_request:ty) -> $_reply:ty,)*) => {
        #[tonic::async_trait]
        impl $service for Served {
            $(async fn $call(&self, request: Request<$request>) -> Result<Response<$reply>, Status> {
                self.$method(request.into_inner()).map(Response::new)
            })*
            $(async fn $other(&self, _: Request<$_request>) -> Result<Response<$_reply>, Status> {
                Err(Status::unimplemented(concat!("the double does not know `", stringify!($other), "`")))
            })*
        }
    };
}

service! { Collections:
    get(GetCollectionInfoRequest) -> GetCollectionInfoResponse = info,
    list(ListCollectionsRequest) -> ListCollectionsResponse = list_collections,
    create(CreateCollection) -> CollectionOperationResponse = create,
    delete(DeleteCollection) -> CollectionOperationResponse = drop_collection,
    update_aliases(ChangeAliases) -> CollectionOperationResponse = change_aliases,
    list_aliases(ListAliasesRequest) -> ListAliasesResponse = all_aliases,
    ;
    update(UpdateCollection) -> CollectionOperationResponse,
    list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse,
    collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse,
    collection_exists(CollectionExistsRequest) -> CollectionExistsResponse,
    update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse,
    create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse,
    delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse,
    list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse,
}

service! { Points:
    upsert(UpsertPoints) -> PointsOperationResponse = upsert_points,
    delete(DeletePoints) -> PointsOperationResponse = delete_points,
    create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = index_field,
    scroll(ScrollPoints) -> ScrollResponse = scroll_points,
    count(CountPoints) -> CountResponse = count_points,
    query_batch(QueryBatchPoints) -> QueryBatchResponse = query_lists,
    ;
    get(GetPoints) -> GetResponse,
    update_vectors(UpdatePointVectors) -> PointsOperationResponse,
    delete_vectors(DeletePointVectors) -> PointsOperationResponse,
    set_payload(SetPayloadPoints) -> PointsOperationResponse,
    overwrite_payload(SetPayloadPoints) -> PointsOperationResponse,
    delete_payload(DeletePayloadPoints) -> PointsOperationResponse,
    clear_payload(ClearPayloadPoints) -> PointsOperationResponse,
    delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse,
    create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse,
    delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse,
    search(SearchPoints) -> SearchResponse,
    search_batch(SearchBatchPoints) -> SearchBatchResponse,
    search_groups(SearchPointGroups) -> SearchGroupsResponse,
    recommend(RecommendPoints) -> RecommendResponse,
    recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse,
    recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse,
    discover(DiscoverPoints) -> DiscoverResponse,
    discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse,
    update_batch(UpdateBatchPoints) -> UpdateBatchResponse,
    query(QueryPoints) -> QueryResponse,
    query_groups(QueryPointGroups) -> QueryGroupsResponse,
    facet(FacetCounts) -> FacetResponse,
    search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse,
    search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse,
}
