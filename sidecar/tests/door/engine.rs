//! An engine that records exactly what arrives.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use cubegate_policy::publication::{AccessPublication, EngineReport, ModelState, PublicationId};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixListener, task::JoinHandle};

/// A request as the engine got it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What the engine knows and has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) instance: String,
    pub(crate) policy: Option<PublicationId>,
    /// The newest four revisions.
    known: Vec<u64>,
    pub(crate) hand_overs: Vec<u64>,
    pub(crate) requests: Vec<Recorded>,
    /// Answer hand-overs with 503.
    pub(crate) refuses_policies: bool,
    pub(crate) model: ModelState,
}

/// An engine on a Unix socket.
pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
    pub(crate) seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Engine {
    pub(crate) fn start(socket: &Path) -> Self {
        let seen = Seen {
            instance: "first".into(),
            policy: None,
            known: Vec::new(),
            hand_overs: Vec::new(),
            requests: Vec::new(),
            refuses_policies: false,
            model: ModelState::Loaded,
        };
        let seen = Arc::new(Mutex::new(seen));
        Self { socket: socket.to_owned(), task: serve(socket, &seen), seen }
    }

    /// Ends, as a crash would: the socket stays behind.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    /// Begins again, knowing nothing.
    pub(crate) fn restart(&mut self, instance: &str) {
        self.stop();
        let _ = std::fs::remove_file(&self.socket);
        {
            let mut seen = self.seen.lock().unwrap();
            instance.clone_into(&mut seen.instance);
            seen.forget();
        }
        self.task = serve(&self.socket, &self.seen);
    }

    /// The last request that came through the door.
    pub(crate) fn last(&self) -> Recorded {
        self.seen.lock().unwrap().requests.last().expect("nothing came through").clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().requests.len()
    }
}

impl Seen {
    /// Forgets its policies.
    pub(crate) fn forget(&mut self) {
        self.policy = None;
        self.known.clear();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn serve(socket: &Path, seen: &Arc<Mutex<Seen>>) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        // Dropped with this task, so that a stopped engine drops its connections too.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&seen);
            let service = service_fn(move |request| answer(Arc::clone(&seen), request));
            connections
                .spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
        }
    })
}

async fn answer(seen: Arc<Mutex<Seen>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(plain(StatusCode::BAD_REQUEST, "broken")) };
    let body = body.to_bytes();
    let mut seen = seen.lock().unwrap();
    Ok(match (parts.method.clone(), parts.uri.path()) {
        (Method::PUT, "/internal/policy") if seen.refuses_policies => plain(StatusCode::SERVICE_UNAVAILABLE, "no"),
        (Method::PUT, "/internal/policy") => {
            let access: AccessPublication = serde_json::from_slice(&body).unwrap();
            seen.hand_overs.push(access.id.revision);
            seen.known.insert(0, access.id.revision);
            seen.known.truncate(4);
            seen.policy = Some(access.id);
            report(&seen)
        }
        (Method::GET, "/internal/policy") => report(&seen),
        (Method::GET, "/internal/metrics") => plain(StatusCode::OK, "cubegate_engine_stub 1\n"),
        (method, _) => {
            let target = parts.uri.path_and_query().unwrap().to_string();
            let stamped = parts.headers.get("x-cubegate-policy").unwrap().to_str().unwrap().to_owned();
            let is_known = seen.known.iter().any(|revision| revision.to_string() == stamped);
            seen.requests.push(Recorded { method, target, headers: parts.headers, body: body.clone() });
            match (is_known, parts.uri.path()) {
                (true, "/refused") => refused(),
                (true, _) => echo(body),
                (false, _) => missing(&stamped),
            }
        }
    })
}

fn echo(body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(if body.is_empty() { Bytes::from_static(b"engine") } else { body }));
    let headers = response.headers_mut();
    headers.insert("x-from-engine", "yes".parse().unwrap());
    headers.insert("x-cubegate-secret", "not for callers".parse().unwrap());
    headers.insert("access-control-allow-origin", "*".parse().unwrap());
    headers.insert("access-control-allow-credentials", "true".parse().unwrap());
    headers.insert("keep-alive", "timeout=5".parse().unwrap());
    response
}

fn missing(revision: &str) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "missing");
    response.headers_mut().insert("x-cubegate-policy-missing", revision.parse().unwrap());
    response
}

fn refused() -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::FORBIDDEN, "the engine's own words");
    response.headers_mut().insert("x-cubegate-refused", "role%20%60R%60%20is%20broken".parse().unwrap());
    response
}

fn report(seen: &Seen) -> Response<Full<Bytes>> {
    let report = EngineReport {
        instance: seen.instance.clone(),
        policy: seen.policy.clone(),
        model: seen.model.clone(),
        problems: Vec::new(),
        stale: Vec::new(),
    };
    plain(StatusCode::OK, serde_json::to_vec(&report).unwrap())
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
