//! An HTTP client that is exactly one connection, so that a test knows what happened to it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

use crate::limits::{LATE_MAX, POLL, REQUEST_MAX};

/// One connection to one server. It never reconnects: a server that drops it fails the next request.
#[derive(Debug)]
pub struct Connection {
    authority: String,
    credentials: Credentials,
    sender: SendRequest<Full<Bytes>>,
}

/// Who the client says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody.
    None,
    /// A user name and a password.
    Basic(String, String),
    /// A token.
    Bearer(String),
    /// The value of a `Cookie` header.
    Cookie(String),
}

/// An answer, read to its end.
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// One request on a connection of its own.
pub async fn get(url: &str, credentials: Credentials) -> Result<Reply> {
    let url = Url::parse(url).with_context(|| format!("not a URL: {url}"))?;
    let path = url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
    Connection::open(&url, credentials).await?.get(&path).await
}

/// A form posted on a connection of its own.
pub async fn post_form(url: &str, credentials: Credentials, fields: &[(&str, &str)]) -> Result<Reply> {
    let url = Url::parse(url).with_context(|| format!("not a URL: {url}"))?;
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::builder()
        .method(Method::POST)
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(body)))?;
    Connection::open(&url, credentials).await?.send(request).await
}

impl Credentials {
    /// A user name and a password.
    pub fn basic(user: &str, password: &str) -> Self {
        Self::Basic(user.to_owned(), password.to_owned())
    }

    fn header(&self) -> Result<Option<(header::HeaderName, HeaderValue)>> {
        let (name, text) = match self {
            Self::None => return Ok(None),
            Self::Basic(user, password) => {
                (header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            Self::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {token}")),
            Self::Cookie(cookie) => (header::COOKIE, cookie.clone()),
        };
        Ok(Some((name, HeaderValue::from_str(&text).context("the credentials do not fit a header")?)))
    }
}

impl Connection {
    /// Connects.
    pub async fn open(base: &Url, credentials: Credentials) -> Result<Self> {
        let host = base.host_str().context("the URL has a host")?;
        let port = base.port_or_known_default().context("the URL has a port")?;
        let authority = format!("{host}:{port}");
        let stream =
            TcpStream::connect(&authority).await.with_context(|| format!("failed to connect to {authority}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("failed to begin HTTP")?;
        // Its end is seen by the next request.
        tokio::spawn(connection);
        Ok(Self { authority, credentials, sender })
    }

    /// Connects to a base URL given as text.
    pub async fn to(base: &str, credentials: Credentials) -> Result<Self> {
        Self::open(&Url::parse(base).with_context(|| format!("not a URL: {base}"))?, credentials).await
    }

    /// GET.
    pub async fn get(&mut self, path: &str) -> Result<Reply> {
        self.send(Request::get(path).body(Full::default())?).await
    }

    /// GET with headers.
    pub async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Reply> {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Full::default())?).await
    }

    /// POST of a JSON document.
    pub async fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Result<Reply> {
        self.post(path, "application/json", body.to_string()).await
    }

    /// POST of anything.
    pub async fn post(&mut self, path: &str, content_type: &str, body: String) -> Result<Reply> {
        self.post_with(path, &[("Content-Type", content_type)], body).await
    }

    /// POST of anything with headers.
    pub async fn post_with(&mut self, path: &str, headers: &[(&str, &str)], body: String) -> Result<Reply> {
        let request = headers.iter().fold(Request::post(path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Full::new(Bytes::from(body)))?).await
    }

    /// Any method with a JSON document; `null` is none.
    pub async fn send_json(&mut self, method: Method, path: &str, body: &serde_json::Value) -> Result<Reply> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Full::new(Bytes::from(text)))?).await
    }

    /// A query of a cube.
    pub async fn query(&mut self, cube: &str, query: &serde_json::Value) -> Result<Reply> {
        self.post_json(&format!("/api/v1/cubes/{cube}/query"), query).await
    }

    /// Repeats a query until its reply is accepted; how long that took. No reply may be a server error meanwhile, and the connection must last.
    pub async fn query_until(
        &mut self,
        cube: &str,
        query: &serde_json::Value,
        limit: Duration,
        accept: impl Fn(&Reply) -> Result<()>,
    ) -> Result<Duration> {
        let started = Instant::now();
        loop {
            let reply = self.query(cube, query).await?;
            ensure!(!reply.status.is_server_error(), "a server error while waiting: {reply:?}");
            let elapsed = started.elapsed();
            match accept(&reply) {
                Ok(()) => {
                    ensure!(elapsed <= limit, "took {elapsed:?}, although it may take {limit:?} at most");
                    return Ok(elapsed);
                }
                // Late and never are different defects: look a while longer before calling it never.
                Err(error) if elapsed > limit + LATE_MAX => {
                    return Err(error.context(format!("not within {limit:?}, nor {LATE_MAX:?} later")));
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Any request; `Host` and the credentials are added.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Reply> {
        let shown = format!("{} {}", request.method(), request.uri());
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(&self.authority)?);
        if let Some((name, value)) = self.credentials.header()? {
            headers.insert(name, value);
        }
        let exchange = async {
            self.sender.ready().await.context("the connection was closed")?;
            let (head, body) = self.sender.send_request(request).await.context("no answer")?.into_parts();
            let body = body.collect().await.context("the answer broke off")?.to_bytes();
            anyhow::Ok(Reply { status: head.status, headers: head.headers, body })
        };
        within(REQUEST_MAX, exchange).await.with_context(|| format!("{shown} at {}", self.authority))
    }
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {self:?}"))
    }

    /// A header as text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// An error unless the caller is refused: by name and password (401), by roles (403), or after too many failures (429).
    pub fn expect_refused(&self) -> Result<()> {
        ensure!(matches!(self.status.as_u16(), 401 | 403 | 429), "expected a refusal, got {self:?}");
        Ok(())
    }

    /// The id by which the audit log knows the decision about a problem.
    pub fn decision_id(&self) -> Result<String> {
        let problem = self.json()?;
        Ok(problem
            .get("decisionId")
            .and_then(serde_json::Value::as_str)
            .with_context(|| format!("no decision id in {self:?}"))?
            .to_owned())
    }

    /// An error unless the status is `expected`.
    pub fn expect_status(&self, expected: u16) -> Result<()> {
        ensure!(self.status.as_u16() == expected, "expected {expected}, got {self:?}");
        Ok(())
    }

    /// The reply, or an error unless the status is `expected`.
    pub fn expect(self, expected: u16) -> Result<Self> {
        self.expect_status(expected)?;
        Ok(self)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, work).await.with_context(|| format!("no answer within {limit:?}"))?
}
