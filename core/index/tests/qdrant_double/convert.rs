//! Between the wire's messages and the engine's types; what the double does not know is `UNIMPLEMENTED`, never
//! ignored.

use std::collections::{HashMap, HashSet};

use ::qdrant_client::qdrant::{
    condition::ConditionOneOf, r#match::MatchValue, payload_index_params::IndexParams, point_id::PointIdOptions,
    query::Variant, vectors::VectorsOptions, vectors_config::Config,
    with_payload_selector::SelectorOptions as PayloadOptions, with_vectors_selector::SelectorOptions as VectorOptions,
    *,
};
use qdrant_edge as qe;
use tonic::Status;

pub fn failed(error: qe::OperationError) -> Status {
    Status::internal(error.to_string())
}

pub fn updated() -> PointsOperationResponse {
    let result = UpdateResult { operation_id: None, status: UpdateStatus::Completed.into() };
    PointsOperationResponse { result: Some(result), time: 0.0, usage: None }
}

fn unknown<T>(what: &str) -> Result<T, Status> {
    Err(Status::unimplemented(format!("the double does not know {what}")))
}

pub fn path(field: &str) -> Result<qe::JsonPath, Status> {
    field.parse().map_err(|()| Status::invalid_argument(field.to_owned()))
}

pub fn config(request: CreateCollection) -> Result<qe::EdgeConfig, Status> {
    let Some(Config::ParamsMap(vectors)) = request.vectors_config.and_then(|vectors| vectors.config) else {
        return unknown("a vector without a name");
    };
    let mut config = qe::EdgeConfig::builder();
    for (name, params) in vectors.map {
        if params.distance() != Distance::Cosine {
            return unknown("a distance but the cosine");
        }
        config = config.vector(name, qe::EdgeVectorParams::builder(params.size as usize, qe::Distance::Cosine).build());
    }
    for (name, params) in request.sparse_vectors_config.unwrap_or_default().map {
        let modifier = (params.modifier() == Modifier::Idf).then_some(qe::Modifier::Idf);
        config = config.sparse_vector(name, qe::EdgeSparseVectorParams { modifier, ..Default::default() });
    }
    Ok(config.build())
}

pub fn field_schema(params: Option<PayloadIndexParams>) -> Result<qe::PayloadFieldSchema, Status> {
    let params = match params.and_then(|params| params.index_params) {
        Some(IndexParams::KeywordIndexParams(params)) => qe::PayloadSchemaParams::Keyword(qe::KeywordIndexParams {
            is_tenant: params.is_tenant,
            enable_hnsw: params.enable_hnsw,
            ..Default::default()
        }),
        Some(IndexParams::IntegerIndexParams(params)) => qe::PayloadSchemaParams::Integer(qe::IntegerIndexParams {
            lookup: params.lookup,
            range: params.range,
            enable_hnsw: params.enable_hnsw,
            ..Default::default()
        }),
        _ => return unknown("such a field"),
    };
    Ok(qe::PayloadFieldSchema::FieldParams(params))
}

pub fn filter(filter: Filter, indexed: &HashSet<String>) -> Result<qe::Filter, Status> {
    if !(filter.should.is_empty() && filter.must_not.is_empty() && filter.min_should.is_none()) {
        return unknown("a filter but `must`");
    }
    let condition = |condition: Condition| {
        let Some(ConditionOneOf::Field(field)) = condition.condition_one_of else {
            return unknown("a condition but on a field");
        };
        if !indexed.contains(&field.key) {
            return Err(Status::invalid_argument(format!("Index required but not found for \"{}\"", field.key)));
        }
        let key = path(&field.key)?;
        let condition = match (field.r#match.and_then(|found| found.match_value), field.range) {
            (Some(MatchValue::Keywords(any)), None) => qe::FieldCondition::new_match(key, any.strings.into()),
            (None, Some(Range { lt: None, gt: None, gte, lte })) => {
                let range = qe::Range { lt: None, gt: None, gte: gte.map(Into::into), lte: lte.map(Into::into) };
                qe::FieldCondition::new_range(key, range)
            }
            _ => return unknown("such a condition on a field"),
        };
        Ok(qe::Condition::Field(condition))
    };
    let must = filter.must.into_iter().map(condition).collect::<Result<_, _>>()?;
    Ok(qe::Filter { must: Some(must), ..qe::Filter::new() })
}

pub fn id(id: PointId) -> Result<qe::PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Num(number)) => Ok(qe::PointId::NumId(number)),
        Some(PointIdOptions::Uuid(text)) => {
            let wrong = || Status::invalid_argument(format!("Unable to parse UUID: {text}"));
            text.parse().map(qe::PointId::Uuid).map_err(|_| wrong())
        }
        None => Err(Status::invalid_argument("no point id")),
    }
}

pub fn point_id(id: qe::PointId) -> PointId {
    match id {
        qe::PointId::NumId(number) => number.into(),
        qe::PointId::Uuid(uuid) => uuid.to_string().into(),
    }
}

pub fn point(point: PointStruct) -> Result<qe::PointStructPersisted, Status> {
    let Some(VectorsOptions::Vectors(named)) = point.vectors.and_then(|vectors| vectors.vectors_options) else {
        return unknown("a point without named vectors");
    };
    let mut vectors = qe::NamedVectors::default();
    for (name, vector) in named.vectors {
        let vector = match vector.vector {
            Some(vector::Vector::Dense(dense)) => qe::Vector::new_dense(dense.data),
            Some(vector::Vector::Sparse(sparse)) => {
                qe::Vector::new_sparse(sparse.indices, sparse.values).map_err(failed)?
            }
            _ => return unknown("such a vector"),
        };
        vectors = vectors.add_vector(name, vector);
    }
    let mut payload = serde_json::Map::new();
    for (key, value) in point.payload {
        let value = match value.kind {
            Some(value::Kind::StringValue(text)) => text.into(),
            Some(value::Kind::IntegerValue(number)) => number.into(),
            _ => return unknown("such a payload"),
        };
        payload.insert(key, value);
    }
    let id = id(point.id.unwrap_or_default())?;
    Ok(qe::PointStruct::new(id, vectors, serde_json::Value::Object(payload)).into())
}

pub fn with_payload(selector: Option<WithPayloadSelector>) -> Result<qe::WithPayloadInterface, Status> {
    match selector.and_then(|selector| selector.selector_options) {
        Some(PayloadOptions::Include(include)) => {
            let fields = include.fields.iter().map(|field| path(field)).collect::<Result<_, _>>()?;
            Ok(qe::WithPayloadInterface::Fields(fields))
        }
        Some(PayloadOptions::Enable(enable)) => Ok(enable.into()),
        Some(PayloadOptions::Exclude(_)) => unknown("a payload with fields left out"),
        None => Ok(false.into()),
    }
}

pub fn search(query: QueryPoints, indexed: &HashSet<String>) -> Result<qe::SearchRequest, Status> {
    if !query.prefetch.is_empty() || query.params.is_some() || query.score_threshold.is_some() {
        return unknown("a query with stages, parameters or a threshold");
    }
    let vector = match query.query.and_then(|query| query.variant) {
        Some(Variant::Nearest(VectorInput { variant: Some(vector_input::Variant::Dense(dense)) })) => {
            qe::VectorInternal::Dense(dense.data)
        }
        Some(Variant::Nearest(VectorInput { variant: Some(vector_input::Variant::Sparse(sparse)) })) => {
            qe::VectorInternal::Sparse(qe::SparseVector { indices: sparse.indices, values: sparse.values })
        }
        _ => return unknown("a query but by a vector"),
    };
    let with_vector = match query.with_vectors.and_then(|selector| selector.selector_options) {
        Some(VectorOptions::Include(include)) => qe::WithVector::Selector(include.names),
        Some(VectorOptions::Enable(enable)) => qe::WithVector::Bool(enable),
        None => qe::WithVector::Bool(false),
    };
    Ok(qe::SearchRequest {
        query: qe::QueryEnum::Nearest(qe::NamedQuery::new(vector, query.using.unwrap_or_default())),
        filter: query.filter.map(|asked| filter(asked, indexed)).transpose()?,
        params: None,
        limit: query.limit.unwrap_or(10) as usize,
        offset: query.offset.unwrap_or(0) as usize,
        with_payload: Some(with_payload(query.with_payload)?),
        with_vector: Some(with_vector),
        score_threshold: None,
    })
}

fn payload(payload: Option<qe::Payload>) -> HashMap<String, Value> {
    let value = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text.into(),
        value => Value::from(value.as_i64().unwrap_or_default()),
    };
    payload.into_iter().flat_map(|payload| payload.0).map(|(key, json)| (key, value(json))).collect()
}

pub fn record(record: qe::Record) -> RetrievedPoint {
    RetrievedPoint { id: Some(point_id(record.id)), payload: payload(record.payload), ..Default::default() }
}

pub fn scored(point: qe::ScoredPoint) -> ScoredPoint {
    let dense = |vector| {
        let vector = Some(vector_output::Vector::Dense(DenseVector { data: vector }));
        VectorOutput { vector, ..Default::default() }
    };
    let vectors = match point.vector {
        Some(qe::VectorStructInternal::Named(named)) => {
            let vectors = named.into_iter().filter_map(|(name, vector)| match vector {
                qe::VectorInternal::Dense(vector) => Some((name, dense(vector))),
                _ => None,
            });
            let named = NamedVectorsOutput { vectors: vectors.collect() };
            Some(VectorsOutput { vectors_options: Some(vectors_output::VectorsOptions::Vectors(named)) })
        }
        _ => None,
    };
    ScoredPoint {
        id: Some(point_id(point.id)),
        payload: payload(point.payload),
        score: point.score,
        version: point.version,
        vectors,
        ..Default::default()
    }
}
