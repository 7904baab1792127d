//! Answers that the sidecar gives itself: bodies, redirects, RFC 9457 problems.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde_json::json;

use crate::limits::BODY_BYTES_MAX;

/// Whatever went wrong while a body was being streamed.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body that is ours or the engine's.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// What a caller gets.
pub(crate) type Answer = Response<Body>;

/// Why a request is not served. The caller sees `status`, `slug`, `title` and `detail`; `log` is for the log alone.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Last part of the problem's type, and a label in metrics.
    pub(crate) slug: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: &'static str,
    pub(crate) log: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Where a script can send its user to log in.
    pub(crate) login_url: Option<&'static str>,
    /// Somebody else might be let in: who signs out can come back as another.
    pub(crate) may_sign_out: bool,
    /// The caller understands trailers only.
    pub(crate) is_grpc: bool,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn new(status: StatusCode, slug: &'static str, title: &'static str, detail: &'static str) -> Self {
        Self {
            status,
            slug,
            title,
            detail,
            log: String::new(),
            headers: Vec::new(),
            login_url: None,
            may_sign_out: false,
            is_grpc: false,
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", "the path is not one of this Session's")
    }

    pub(crate) fn body_too_large() -> Self {
        static DETAIL: LazyLock<String> = LazyLock::new(|| format!("a body has at most {BODY_BYTES_MAX} bytes"));
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", &DETAIL)
    }

    pub(crate) fn unavailable(slug: &'static str, title: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, slug, title, "try again in a moment").retry_after(1)
    }

    /// What only the log may know.
    pub(crate) fn because(mut self, reason: impl std::fmt::Display) -> Self {
        self.log = reason.to_string();
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn login_url(mut self, url: &'static str) -> Self {
        self.login_url = Some(url);
        self
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The problem, with the id by which the log knows this decision.
    pub(crate) fn into_answer(self, decision_id: &str) -> Answer {
        let Self { status, slug, title, detail, log: _, headers, login_url, may_sign_out: _, is_grpc } = self;
        if is_grpc {
            return grpc_unauthenticated();
        }
        let mut problem = json!({
            "type": format!("https://cubegate.dev/problems/{slug}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "decisionId": decision_id,
        });
        if let (Some(url), Some(object)) = (login_url, problem.as_object_mut()) {
            object.insert("login_url".to_owned(), url.into());
        }
        let mut answer = typed(status, "application/problem+json", problem.to_string());
        for (name, value) in headers {
            answer.headers_mut().append(name, value);
        }
        answer
    }
}

/// An answer with nothing in it.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(full(Bytes::new()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer that must not be kept by anyone.
pub(crate) fn typed(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = empty(status);
    *answer.body_mut() = full(body.into());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// JSON that must not be kept by anyone.
pub(crate) fn json_answer(value: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("our own answers have string keys only, so they always serialise");
    typed(StatusCode::OK, "application/json", body)
}

/// Sends a browser elsewhere: with 302 after GET and HEAD, with 303 after anything else.
pub(crate) fn redirect(method: &http::Method, location: &str) -> Answer {
    let status = if method == http::Method::GET || method == http::Method::HEAD {
        StatusCode::FOUND
    } else {
        StatusCode::SEE_OTHER
    };
    let mut answer = empty(status);
    // Callers pass URLs and screened paths, both visible ASCII; anything else must not become a header.
    let location = HeaderValue::from_str(location).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// What a gRPC client understands of a 401: trailers in place of headers.
fn grpc_unauthenticated() -> Answer {
    let mut answer = typed(StatusCode::OK, "application/grpc", "");
    answer.headers_mut().insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static("16"));
    answer.headers_mut().insert(HeaderName::from_static("grpc-message"), HeaderValue::from_static("unauthenticated"));
    answer
}

/// A body that is all there.
pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_sends_too_much_is_told_the_limit() {
        let refusal = Refusal::body_too_large();
        assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(refusal.detail.contains(&BODY_BYTES_MAX.to_string()), "{}", refusal.detail);
    }
}
