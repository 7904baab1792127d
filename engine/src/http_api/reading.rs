//! The requests that are answered from data: queries, drill-through, member lists and rows of tables.
//!
//! ```text
//! body ──▶ turn ──▶ Admitted ──▶ Work ──blocking thread──▶ bytes
//!                                  ▲
//!              time is up, or the caller hung up
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{FromRequest, Path, Query as Parameters, Request, State as Extract, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use cubegate_cube::{Budget, Encoding, MembersQuery, Query, RowsQuery};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tracing::warn;

use super::{admitted::Admitted, format};
use crate::{
    limits::{ANSWER_BYTES_MAX, QUERY_WAIT_MAX},
    model::{Answered, query_error},
    problem::Problem,
    state::Shared,
};

type Compute = Box<dyn FnOnce(&Budget<'_>) -> Result<Answered, Problem> + Send>;

/// What is left to do once it is known who asks for what.
pub(super) struct Work {
    pub(super) compute: Compute,
    pub(super) time_limit: Duration,
}

/// Stops the work when it is dropped, as it is when the caller hangs up.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a list of members is asked for beside the level.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MembersParameters {
    level: Option<String>,
    search: Option<String>,
    offset: Option<u64>,
    limit: Option<u64>,
}

pub(super) async fn query(
    Extract(shared): Extract<Arc<Shared>>,
    Path(cube): Path<String>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Response {
    let metrics = shared.metrics.clone();
    respond(&shared, &headers, read_body::<Query>(request), move |admitted, query| {
        let visible = admitted.cube(&cube)?;
        let query = visible.in_context(query)?;
        let time_limit = visible.time_limit(query.context.query_time_limit);
        let compute = Box::new(move |budget: &Budget<'_>| visible.answer(&query, budget, &metrics));
        Ok(Work { compute, time_limit })
    })
    .await
}

pub(super) async fn drill_through(
    Extract(shared): Extract<Arc<Shared>>,
    Path(cube): Path<String>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Response {
    respond(&shared, &headers, read_body::<RowsQuery>(request), move |admitted, query| {
        let visible = admitted.cube(&cube)?;
        let time_limit = visible.time_limit(None);
        Ok(Work { compute: Box::new(move |budget: &Budget<'_>| visible.drill_through(&query, budget)), time_limit })
    })
    .await
}

pub(super) async fn table_rows(
    Extract(shared): Extract<Arc<Shared>>,
    Path(table): Path<String>,
    headers: HeaderMap,
    request: Request<Body>,
) -> Response {
    respond(&shared, &headers, read_body::<RowsQuery>(request), move |admitted, query| {
        let visible = admitted.table(&table)?;
        let time_limit = visible.time_limit();
        Ok(Work { compute: Box::new(move |budget: &Budget<'_>| visible.rows(&query, budget)), time_limit })
    })
    .await
}

/// The level is the rest of the path, so that `Geography/City` needs no escape; or a parameter, for a name that no path can
/// hold.
pub(super) async fn members(
    Extract(shared): Extract<Arc<Shared>>,
    Path((cube, level)): Path<(String, String)>,
    headers: HeaderMap,
    parameters: Result<Parameters<MembersParameters>, QueryRejection>,
) -> Response {
    list_members(shared, cube, Some(level), headers, parameters).await
}

pub(super) async fn members_of_parameter(
    Extract(shared): Extract<Arc<Shared>>,
    Path(cube): Path<String>,
    headers: HeaderMap,
    parameters: Result<Parameters<MembersParameters>, QueryRejection>,
) -> Response {
    list_members(shared, cube, None, headers, parameters).await
}

async fn list_members(
    shared: Arc<Shared>,
    cube: String,
    level_of_path: Option<String>,
    headers: HeaderMap,
    parameters: Result<Parameters<MembersParameters>, QueryRejection>,
) -> Response {
    let query = async { read_parameters(level_of_path, parameters) };
    respond(&shared, &headers, query, move |admitted, query| {
        let visible = admitted.cube(&cube)?;
        let time_limit = visible.time_limit(None);
        Ok(Work { compute: Box::new(move |budget: &Budget<'_>| visible.members(&query, budget)), time_limit })
    })
    .await
}

fn read_parameters(
    level_of_path: Option<String>,
    parameters: Result<Parameters<MembersParameters>, QueryRejection>,
) -> Result<MembersQuery, Problem> {
    let Parameters(MembersParameters { level, search, offset, limit }) =
        parameters.map_err(|rejection| Problem::MalformedQuery(rejection.body_text()))?;
    match (level_of_path, level) {
        (Some(level), None) | (None, Some(level)) => Ok(MembersQuery { level, search, offset, limit }),
        _ => Err(Problem::MalformedQuery("write the level once: behind members/ or as ?level=".into())),
    }
}

async fn read_body<Q: DeserializeOwned>(request: Request<Body>) -> Result<Q, Problem> {
    let body = Bytes::from_request(request, &()).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Problem::BodyTooLarge } else { Problem::BodyBroken }
    })?;
    serde_json::from_slice(&body).map_err(|error| Problem::MalformedQuery(error.to_string()))
}

/// Answers, counts and times.
async fn respond<Q>(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    asked: impl Future<Output = Result<Q, Problem>>,
    work: impl FnOnce(&Admitted, Q) -> Result<Work, Problem>,
) -> Response {
    let started = Instant::now();
    let answered = answer(shared, headers, asked, work).await;
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
pub(super) async fn answer<Q>(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    asked: impl Future<Output = Result<Q, Problem>>,
    work: impl FnOnce(&Admitted, Q) -> Result<Work, Problem>,
) -> Result<Response, Problem> {
    let encoding = format::negotiate(headers)?;
    let asked = asked.await;
    let turn = Arc::clone(&shared.turns).acquire_owned();
    let turn = tokio::time::timeout(QUERY_WAIT_MAX, turn).await.map_err(|_| Problem::Busy)?;
    let admitted = Admitted::new(shared, headers)?;
    let revision = admitted.revision();
    let Work { compute, time_limit } = work(&admitted, asked?)?;
    drop(admitted);

    let stop = Arc::new(AtomicBool::new(false));
    let _stop_on_drop = StopOnDrop(Arc::clone(&stop));
    let deadline = Instant::now() + time_limit;
    // The turn ends with the work, not with the request: what was told to stop needs a moment.
    let computed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let interrupted = || stop.load(Ordering::Relaxed) || Instant::now() >= deadline;
        let budget = Budget { interrupted: &interrupted, ..Budget::default() };
        let answered = compute(&budget)?;
        if interrupted() { Err(Problem::Interrupted) } else { encode(&answered, encoding, revision) }
    });
    match tokio::time::timeout(time_limit, computed).await {
        // The caller is still there, so it was time that interrupted the work.
        Err(_) | Ok(Ok(Err(Problem::Interrupted))) => Err(Problem::QueryTimeout(time_limit)),
        Ok(Err(panic)) => {
            warn!(error = %panic, "query panicked");
            Err(Problem::Internal)
        }
        Ok(Ok(bytes)) => Ok(([(header::CONTENT_TYPE, format::content_type(encoding))], bytes?).into_response()),
    }
}

fn encode(answered: &Answered, encoding: Encoding, revision: u64) -> Result<Vec<u8>, Problem> {
    let Answered { answer, explanation } = answered;
    let explanation: Option<&Value> = explanation.as_ref();
    let remarks = cubegate_cube::Remarks { policy_revision: revision, explanation };
    answer.encode_within(encoding, remarks, ANSWER_BYTES_MAX).map_err(query_error)
}
