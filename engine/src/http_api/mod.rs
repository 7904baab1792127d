//! The HTTP interface: paths, formats, and which step answers what.

mod format;

use std::{sync::Arc, time::Instant};

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Path, Request, State as Extract},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use bytes::Bytes;
use cubegate_cube::Query;
use cubegate_policy::publication::{AccessPublication, EngineReport};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tracing::{debug, warn};

use crate::{
    caller::Caller,
    limits::{BODY_BYTES_MAX, POLICY_BYTES_MAX, QUERY_WAIT_MAX},
    model::{LoadedModel, VisibleCube},
    policies::Policy,
    problem::Problem,
    state::{ModelSlot, Shared},
};
use format::Format;

/// Every path of the engine.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", allowing("GET", get(index)))
        .route("/api/v1/cubes", allowing("GET", get(cubes)))
        .route("/api/v1/cubes/{cube}/query", allowing("POST", post(query).layer(DefaultBodyLimit::max(BODY_BYTES_MAX))))
        .route(
            "/internal/policy",
            allowing("GET, PUT", get(report).put(adopt_policy).layer(DefaultBodyLimit::max(POLICY_BYTES_MAX))),
        )
        .route("/internal/metrics", allowing("GET", get(metrics)))
        .fallback(async || Problem::NoSuchPath)
        .with_state(shared)
}

fn allowing(methods: &'static str, router: MethodRouter<Arc<Shared>>) -> MethodRouter<Arc<Shared>> {
    router.fallback(async move || Problem::WrongMethod(methods))
}

async fn index(headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let caller = Caller::from_headers(&headers)?;
    Ok(Json(json!({
        "user": caller.user,
        "roles": caller.roles,
        "cubes": "/api/v1/cubes",
        "query": "/api/v1/cubes/{cube}/query",
        "whoami": "/whoami",
    })))
}

async fn cubes(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let admitted = Admitted::new(&shared, &headers)?;
    Ok(Json(json!({ "cubes": admitted.visible_cubes().map(VisibleCube::describe).collect::<Vec<_>>() })))
}

async fn query(
    Extract(shared): Extract<Arc<Shared>>,
    Path(cube): Path<String>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Response {
    let started = Instant::now();
    let answered = answer(&shared, &cube, &headers, request).await;
    let elapsed = started.elapsed();
    shared.metrics.query_seconds.observe(elapsed.as_secs_f64());
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    let outcome =
        if response.status().is_success() { "answered".to_owned() } else { response.status().as_u16().to_string() };
    shared.metrics.queries.with_label_values(&[&outcome]).inc();
    if let Ok(timing) = HeaderValue::from_str(&format!("query;dur={:.3}", elapsed.as_secs_f64() * 1e3)) {
        response.headers_mut().insert("server-timing", timing);
    }
    response
}

/// The body is read before anything is decided: however slowly it arrives, the answer is by a policy that is still known
/// when the query can start.
async fn answer(
    shared: &Arc<Shared>,
    cube: &str,
    headers: &HeaderMap,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let format = Format::negotiate(headers)?;
    let query = read_query(request).await;
    let turn = Arc::clone(&shared.turns).acquire_owned();
    let turn = tokio::time::timeout(QUERY_WAIT_MAX, turn).await.map_err(|_| Problem::Busy)?;
    let admitted = Admitted::new(shared, headers)?;
    let visible = admitted.cube(cube)?;
    let query = query?;
    let revision = admitted.caller.revision;
    // The turn ends with the query, not with the request: a caller who hangs up does not stop a query that runs.
    let computed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        visible.answer(&query)
    });
    let answer = computed.await.map_err(|panic| {
        warn!(error = %panic, "query panicked");
        Problem::Internal
    })??;
    Ok(match format {
        Format::Json => ([(header::CONTENT_TYPE, "application/json")], answer.to_json(revision)).into_response(),
        Format::Csv => {
            ([(header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present")], answer.to_csv()).into_response()
        }
    })
}

async fn read_query(request: Request<Body>) -> Result<Query, Problem> {
    let body = Bytes::from_request(request, &()).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Problem::BodyTooLarge } else { Problem::BodyBroken }
    })?;
    serde_json::from_slice(&body).map_err(|error| Problem::MalformedQuery(error.to_string()))
}

async fn report(Extract(shared): Extract<Arc<Shared>>) -> Json<EngineReport> {
    Json(shared.report())
}

async fn adopt_policy(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Result<Json<EngineReport>, Problem> {
    let publication: AccessPublication =
        serde_json::from_slice(&body).map_err(|error| Problem::MalformedQuery(error.to_string()))?;
    debug!(revision = publication.id.revision, "policy handed over");
    shared.adopt_policy(publication);
    Ok(Json(shared.report()))
}

async fn metrics(Extract(shared): Extract<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.text()).into_response()
}

/// A caller whose roles were decided by a policy that this engine has, bound to the model that it has.
struct Admitted {
    caller: Caller,
    policy: Arc<Policy>,
    model: Arc<LoadedModel>,
}

impl Admitted {
    fn new(shared: &Shared, headers: &HeaderMap) -> Result<Self, Problem> {
        let caller = Caller::from_headers(headers)?;
        let state = shared.current();
        let model = match &state.model {
            ModelSlot::Loading => return Err(Problem::ModelLoading),
            ModelSlot::Failed(_) => return Err(Problem::ModelFailed),
            ModelSlot::Loaded(model) => Arc::clone(model),
        };
        let policy =
            state.policies.revision(caller.revision, Instant::now()).ok_or(Problem::PolicyMissing(caller.revision))?;
        Ok(Self { policy: Arc::clone(policy), caller, model })
    }

    fn cube(&self, name: &str) -> Result<VisibleCube, Problem> {
        let bound = self.policy.bound().ok_or(Problem::ModelLoading)?;
        if !self.model.has_cube(name) {
            let visible: Vec<_> = self.visible_cubes().collect();
            let nearest = cubegate_policy::nearest::nearest(name, visible.iter().map(VisibleCube::name));
            return Err(Problem::UnknownCube { name: name.to_owned(), nearest: nearest.map(str::to_owned) });
        }
        let visibility = bound.visibility(name, &self.caller.roles).map_err(|refusal| {
            warn!(user = self.caller.user, cube = name, ?refusal, "refused");
            Problem::Refused(refusal)
        })?;
        Ok(VisibleCube::new(Arc::clone(&self.model), name, visibility))
    }

    /// The cubes that do not refuse this caller.
    fn visible_cubes(&self) -> impl Iterator<Item = VisibleCube> {
        self.model.cube_names().filter_map(|name| self.cube(name).ok())
    }
}

#[cfg(test)]
mod tests;
