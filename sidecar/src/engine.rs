//! The engine behind its Unix socket: permitted requests, and its own paths.

use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use cubegate_policy::{
    explain::CubeExplanation,
    publication::{AccessPublication, CountMember, EngineReport, ExplainCubes, MemberCounts},
};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use percent_encoding::percent_decode;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use crate::{
    answer::{Answer, Body, BodyError, Refusal, full},
    limits::{
        BODY_BYTES_MAX, ENGINE_ANSWER_TIMEOUT, ENGINE_HAND_OVER_TIMEOUT, ENGINE_IDLE_TIMEOUT,
        ENGINE_INSPECTION_TIMEOUT, ENGINE_INTERNAL_BYTES_MAX, ENGINE_INTERNAL_TIMEOUT,
    },
    linger::{BodyReadError, Lingering},
    permit::Permitted,
    screen::{named_in_connection, strip_hop_by_hop},
};

/// Says why the policy refuses what this caller asks of the engine, percent-encoded.
const REFUSED: HeaderName = HeaderName::from_static("x-cubegate-refused");
/// Names the revision that a request was stamped with and that the engine does not have.
const POLICY_MISSING: HeaderName = HeaderName::from_static("x-cubegate-policy-missing");

/// The engine of this pod.
#[derive(Clone)]
pub(crate) struct Engine {
    client: Client<SocketConnector, Body>,
}

/// Why the engine has not said what we asked it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("failed to reach the engine")]
    Unreachable(#[source] legacy::Error),
    #[error("the engine has not answered in time")]
    Timeout,
    #[error("the engine answered {0}")]
    Status(StatusCode),
    #[error("failed to read the engine's answer")]
    Body(#[source] BodyError),
    #[error("failed to understand the engine's answer")]
    Report(#[source] serde_json::Error),
}

/// An answer of the engine; or its word that there is none.
pub(crate) enum Forwarded {
    Answer(Answer),
    /// The policy refuses it, for this reason.
    Refused(String),
    /// It lacks the policy.
    PolicyMissing,
}

#[derive(Clone)]
struct SocketConnector {
    socket: Arc<Path>,
}

// === impl Engine ===

impl Engine {
    /// The engine that serves this socket. Nothing is connected yet.
    pub(crate) fn new(socket: &Path) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(ENGINE_IDLE_TIMEOUT)
            .build(SocketConnector { socket: socket.into() });
        Self { client }
    }

    /// Sends a permitted request on, bodies streaming both ways.
    pub(crate) async fn forward(&self, permitted: Permitted<Lingering>) -> Result<Forwarded, Refusal> {
        let request = permitted.into_request().map(|body| Limited::new(body, BODY_BYTES_MAX).boxed_unsync());
        let answered = timeout(ENGINE_ANSWER_TIMEOUT, self.client.request(request)).await;
        let response = answered.map_err(|_| no_answer())?.map_err(|error| failed(&error))?;
        if response.headers().contains_key(POLICY_MISSING) {
            return Ok(Forwarded::PolicyMissing);
        }
        if let Some(reason) = response.headers().get(REFUSED) {
            return Ok(Forwarded::Refused(percent_decode(reason.as_bytes()).decode_utf8_lossy().into_owned()));
        }
        Ok(Forwarded::Answer(outward(response)))
    }

    /// What the engine says of itself.
    pub(crate) async fn report(&self) -> Result<EngineReport, EngineError> {
        let bytes = self.internal(Method::GET, "/internal/policy", Bytes::new()).await?;
        serde_json::from_slice(&bytes).map_err(EngineError::Report)
    }

    /// Hands the engine a policy.
    pub(crate) async fn hand_over(&self, access: &AccessPublication) -> Result<EngineReport, EngineError> {
        let body = serde_json::to_vec(access).expect("an access policy has string keys only, so it always serialises");
        let bytes = self.exchange(Method::PUT, "/internal/policy", body.into(), ENGINE_HAND_OVER_TIMEOUT).await?;
        serde_json::from_slice(&bytes).map_err(EngineError::Report)
    }

    /// The engine's metrics, as Prometheus text.
    pub(crate) async fn metrics(&self) -> Result<Bytes, EngineError> {
        self.internal(Method::GET, "/internal/metrics", Bytes::new()).await
    }

    /// What roles see of cubes.
    pub(crate) async fn explain(&self, asked: &ExplainCubes) -> Result<Vec<CubeExplanation>, EngineError> {
        self.inspect("/internal/explain", asked).await
    }

    /// How many facts of a member roles see.
    pub(crate) async fn count_member(&self, asked: &CountMember) -> Result<MemberCounts, EngineError> {
        self.inspect("/internal/who-sees", asked).await
    }

    async fn inspect<T: DeserializeOwned>(&self, path: &'static str, asked: &impl Serialize) -> Result<T, EngineError> {
        let body = serde_json::to_vec(asked).expect("a question has string keys only, so it always serialises");
        let bytes = self.exchange(Method::POST, path, body.into(), ENGINE_INSPECTION_TIMEOUT).await?;
        serde_json::from_slice(&bytes).map_err(EngineError::Report)
    }

    async fn internal(&self, method: Method, path: &'static str, body: Bytes) -> Result<Bytes, EngineError> {
        self.exchange(method, path, body, ENGINE_INTERNAL_TIMEOUT).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
        limit: Duration,
    ) -> Result<Bytes, EngineError> {
        let uri = Uri::builder().scheme("http").authority("engine").path_and_query(path).build();
        let mut request = Request::new(full(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.expect("scheme, authority and a path make a URI");
        request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        let exchange = async {
            let response = self.client.request(request).await.map_err(EngineError::Unreachable)?;
            if response.status() != StatusCode::OK {
                return Err(EngineError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), ENGINE_INTERNAL_BYTES_MAX).collect().await;
            Ok(body.map_err(EngineError::Body)?.to_bytes())
        };
        timeout(limit, exchange).await.map_err(|_| EngineError::Timeout)?
    }
}

/// What callers get to see of an answer.
fn outward(response: Response<Incoming>) -> Answer {
    let (mut parts, body) = response.into_parts();
    let named = named_in_connection(&parts.headers).unwrap_or_default();
    strip_hop_by_hop(&mut parts.headers, &named);
    remove_ours(&mut parts.headers);
    Response::from_parts(parts, body.map_err(Into::into).boxed_unsync())
}

fn remove_ours(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-cubegate-")).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

fn failed(error: &legacy::Error) -> Refusal {
    let chain = chain(error);
    if is_caused_by::<LengthLimitError>(error) {
        return Refusal::body_too_large().because(chain);
    }
    if is_caused_by::<BodyReadError>(error) {
        let detail = "send it whole, by its length or in chunks, without trailers";
        return Refusal::new(StatusCode::BAD_REQUEST, "malformed-body", "The body is malformed", detail).because(chain);
    }
    if error.is_connect() {
        return Refusal::unavailable("engine-unavailable", "The engine is not there").because(chain);
    }
    Refusal::new(StatusCode::BAD_GATEWAY, "engine-failed", "The engine broke off", "try again in a moment")
        .retry_after(1)
        .because(chain)
}

fn no_answer() -> Refusal {
    Refusal::new(
        StatusCode::GATEWAY_TIMEOUT,
        "engine-timeout",
        "The engine has not answered in time",
        "ask for less at once",
    )
    .because("the engine has not begun an answer in time")
}

fn is_caused_by<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error with its sources, as one sentence.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

// === impl SocketConnector ===

impl tower::Service<Uri> for SocketConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let socket = Arc::clone(&self.socket);
        Box::pin(async move { Ok(TokioIo::new(UnixStream::connect(socket).await?)) })
    }
}
