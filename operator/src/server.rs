//! `/livez`, `/readyz` and `/metrics`.

use std::{convert::Infallible, sync::Arc, time::Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    limits::{CONNECTIONS_MAX, REQUEST_HEAD_MAX},
    metrics::Metrics,
    names::SessionKey,
    queue::SharedQueue,
    watch::health::Health,
};

/// What the answers are made from.
#[derive(Debug)]
pub struct Server {
    /// Whether the watches work.
    pub health: Arc<Health>,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// How much waits.
    pub queue: SharedQueue<SessionKey>,
}

impl Server {
    /// Serves for good.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let permit = Arc::clone(&connections).acquire_owned().await.expect("the semaphore is never closed");
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely: give others time to close theirs.
                tokio::time::sleep(REQUEST_HEAD_MAX).await;
                continue;
            };
            let server = Arc::clone(&self);
            tokio::spawn(async move {
                let _permit = permit;
                let service = service_fn(|request| std::future::ready(Ok::<_, Infallible>(server.answer(&request))));
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(REQUEST_HEAD_MAX);
                if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!(%error, "connection ended");
                }
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here\n");
        }
        match request.uri().path() {
            "/livez" => verdict(&self.health.stuck(Instant::now()), "these watches only fail"),
            "/readyz" => verdict(&self.health.unlisted(), "these watches have not listed yet"),
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "there are /livez, /readyz and /metrics\n"),
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        self.metrics.queue_depth.set(i64::try_from(self.queue.depth()).unwrap_or(i64::MAX));
        match self.metrics.text() {
            Ok(body) => response(StatusCode::OK, "text/plain; version=0.0.4", body.into()),
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
        }
    }
}

fn verdict(faults: &[String], meaning: &str) -> Response<Full<Bytes>> {
    if faults.is_empty() {
        text(StatusCode::OK, "ok\n")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, &format!("{meaning}: {}\n", faults.join(", ")))
    }
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", Bytes::copy_from_slice(body.as_bytes()))
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}
