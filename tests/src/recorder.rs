//! An engine of our own behind the door: it keeps every byte that it is sent, and answers each request with a number.
//!
//! ```text
//! connection ──bytes──▶ read without forgiveness ──┬── whole      ──▶ arrived; answered with its number
//!                                                  ├── cut off    ──▶ broken off
//!                                                  └── malformed  ──▶ kept, and the connection is closed
//! ```
//!
//! What the sidecar asks for itself is told from what callers sent by being, to the header, what the sidecar sends.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result};
use cubegate_policy::publication::{AccessPublication, EngineReport, ModelState, PublicationId};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::{JoinHandle, JoinSet},
};

use crate::wire::{self, Malformed, WireRequest};

/// Header of an answer with the number of its request.
pub const NUMBER: &str = "x-arrived";

/// A recording engine on a Unix socket.
#[derive(Debug)]
pub struct Recorder {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What came through.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whole requests, by the number that they were answered with.
    pub arrived: Vec<WireRequest>,
    /// Beginnings of requests whose connection ended.
    pub broken_off: Vec<Vec<u8>>,
    /// Bytes that are no request, and why.
    pub malformed: Vec<(Vec<u8>, Malformed)>,
    policy: Option<PublicationId>,
}

// === impl Recorder ===

impl Recorder {
    /// Listens on a socket that is not there yet.
    pub fn start(socket: &Path) -> Result<Self> {
        let listener = UnixListener::bind(socket).with_context(|| format!("failed to bind {}", socket.display()))?;
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(record(stream, Arc::clone(&shared)));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { seen, task })
    }

    /// What has come through so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        locked(&self.seen)
    }

    /// Whole requests of callers.
    pub fn arrived(&self) -> Vec<WireRequest> {
        self.seen().arrived.clone()
    }

    /// How many requests of callers came through, whole or not.
    pub fn count(&self) -> usize {
        let seen = self.seen();
        seen.arrived.len() + seen.broken_off.len() + seen.malformed.len()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn record(mut stream: UnixStream, seen: Arc<Mutex<Seen>>) {
    let mut bytes = Vec::new();
    loop {
        match wire::read_request(&bytes) {
            Ok(Some((request, length))) => {
                bytes.drain(..length);
                let answer = answer(&mut locked(&seen), request);
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
            Ok(None) => {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    if !bytes.is_empty() {
                        locked(&seen).broken_off.push(bytes);
                    }
                    return;
                }
            }
            Err(malformed) => {
                locked(&seen).malformed.push((bytes, malformed));
                return;
            }
        }
    }
}

fn answer(seen: &mut Seen, request: WireRequest) -> Vec<u8> {
    if let Some(answer) = answer_the_sidecar(seen, &request) {
        return answer;
    }
    let number = seen.arrived.len();
    let body = format!("{} arrived as {number}\n", request.target);
    let length = body.len();
    let body = if request.method == "HEAD" { "" } else { &body };
    seen.arrived.push(request);
    format!("HTTP/1.1 200 OK\r\n{NUMBER}: {number}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// What the sidecar asks for itself, if this is that.
fn answer_the_sidecar(seen: &mut Seen, request: &WireRequest) -> Option<Vec<u8>> {
    let WireRequest { method, target, headers, body } = request;
    let is_sent_by_sidecar = headers.iter().all(|(name, value)| match name.as_str() {
        "host" => value == "engine",
        "content-type" => value == "application/json",
        name => name == "content-length",
    });
    if !is_sent_by_sidecar {
        return None;
    }
    match (method.as_str(), target.as_str()) {
        ("PUT", "/internal/policy") => seen.policy = Some(serde_json::from_slice::<AccessPublication>(body).ok()?.id),
        ("GET", "/internal/policy") => {}
        _ => return None,
    }
    let report = EngineReport {
        instance: "recorder".into(),
        policy: seen.policy.clone(),
        model: ModelState::Loaded,
        problems: Vec::new(),
        stale: Vec::new(),
    };
    let report = serde_json::to_string(&report).ok()?;
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{report}", report.len()).into_bytes())
}
