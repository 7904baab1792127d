//! The HTTP interface: paths, formats, and which step answers what.

mod admitted;
mod format;
mod inspecting;
mod reading;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State as Extract},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};
use bytes::Bytes;
use cubegate_policy::publication::{AccessPublication, EngineReport};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use tracing::debug;

use crate::{
    caller::{Caller, today},
    limits::{BODY_BYTES_MAX, POLICY_BYTES_MAX},
    model::{VisibleCube, VisibleTable},
    problem::Problem,
    state::Shared,
};
use admitted::Admitted;

/// Every path of the engine.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let asking =
        |handler: MethodRouter<Arc<Shared>>| allowing("POST", handler.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)));
    // A question may name everybody whom a policy names.
    let inspecting =
        |handler: MethodRouter<Arc<Shared>>| allowing("POST", handler.layer(DefaultBodyLimit::max(POLICY_BYTES_MAX)));
    Router::new()
        .route("/", allowing("GET", get(index)))
        .route("/api/v1/cubes", allowing("GET", get(cubes)))
        .route("/api/v1/cubes/{cube}/query", asking(post(reading::query)))
        .route("/api/v1/cubes/{cube}/drillthrough", asking(post(reading::drill_through)))
        .route("/api/v1/cubes/{cube}/members", allowing("GET", get(reading::members_of_parameter)))
        .route("/api/v1/cubes/{cube}/members/{*level}", allowing("GET", get(reading::members)))
        .route("/api/v1/tables", allowing("GET", get(tables)))
        .route("/api/v1/tables/{table}/query", asking(post(reading::table_rows)))
        .route("/api/v1/schema", allowing("GET", get(schema)))
        .route(
            "/internal/policy",
            allowing("GET, PUT", get(report).put(adopt_policy).layer(DefaultBodyLimit::max(POLICY_BYTES_MAX))),
        )
        .route("/internal/explain", inspecting(post(inspecting::explain)))
        .route("/internal/who-sees", inspecting(post(inspecting::who_sees)))
        .route("/internal/metrics", allowing("GET", get(metrics)))
        .fallback(async || Problem::NoSuchPath)
        .with_state(shared)
}

fn allowing(methods: &'static str, router: MethodRouter<Arc<Shared>>) -> MethodRouter<Arc<Shared>> {
    router.fallback(async move || Problem::WrongMethod(methods))
}

async fn index(headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let caller = Caller::from_headers(&headers, today())?;
    Ok(Json(json!({
        "user": caller.user,
        "roles": caller.rights.roles,
        "cubes": "/api/v1/cubes",
        "query": "/api/v1/cubes/{cube}/query",
        "drillthrough": "/api/v1/cubes/{cube}/drillthrough",
        "members": "/api/v1/cubes/{cube}/members/{level}",
        "tables": "/api/v1/tables",
        "rows": "/api/v1/tables/{table}/query",
        "schema": "/api/v1/schema",
        "whoami": "/whoami",
    })))
}

async fn cubes(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let admitted = Admitted::new(&shared, &headers)?;
    Ok(Json(json!({ "cubes": admitted.visible_cubes().map(VisibleCube::describe).collect::<Vec<_>>() })))
}

async fn tables(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let admitted = Admitted::new(&shared, &headers)?;
    Ok(Json(json!({ "tables": admitted.visible_tables().map(VisibleTable::describe).collect::<Vec<_>>() })))
}

/// The tables as a Mermaid diagram.
async fn schema(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Problem> {
    let admitted = Admitted::new(&shared, &headers)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], admitted.mermaid()).into_response())
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

#[cfg(test)]
mod tests;
