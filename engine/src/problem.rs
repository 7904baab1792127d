//! Errors as callers see them: RFC 9457 problems. What only the log may know stays out of them.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use cubegate_policy::resolve::Refusal;
use http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::limits::REFUSAL_CHARACTERS_MAX;

/// Says why the policy refuses, percent-encoded: the sidecar keeps it for the log and refuses in its own words.
pub(crate) const REFUSED: HeaderName = HeaderName::from_static("x-cubegate-refused");
/// Names the revision that a request was stamped with and that this engine does not have.
pub(crate) const POLICY_MISSING: HeaderName = HeaderName::from_static("x-cubegate-policy-missing");

/// Why a request has no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The request did not come through a sidecar.
    NotStamped(&'static str),
    /// The policy by which the caller was admitted is not here (yet).
    PolicyMissing(u64),
    /// The tables are being read.
    ModelLoading,
    /// The tables cannot be read.
    ModelFailed,
    /// The policy refuses this caller this cube.
    Refused(Refusal),
    /// No such path.
    NoSuchPath,
    /// The path exists, the method does not.
    WrongMethod(&'static str),
    /// No cube of that name that the caller may know of.
    UnknownCube { name: String, nearest: Option<String> },
    /// No table of that name that the caller may know of.
    UnknownTable { name: String, nearest: Option<String> },
    /// The body is larger than a query may be.
    BodyTooLarge,
    /// The body broke off.
    BodyBroken,
    /// The body is not a query.
    MalformedQuery(String),
    /// The query names something that does not exist or asks for something that cannot be.
    InvalidQuery(String),
    /// The answer would be larger than allowed.
    ResultLimit(String),
    /// There was no answer in time.
    QueryTimeout(Duration),
    /// It was given up, and nobody waits for it.
    Interrupted,
    /// None of the formats that the caller accepts.
    NotAcceptable,
    /// Too many queries at once.
    Busy,
    /// A defect of ours; the log knows more.
    Internal,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, slug, title) = self.classify();
        let missing = if let Self::PolicyMissing(revision) = &self { Some(HeaderValue::from(*revision)) } else { None };
        let refused = if let Self::Refused(refusal) = &self { Some(reason(refusal)) } else { None };
        let allow = if let Self::WrongMethod(allowed) = &self { Some(HeaderValue::from_static(allowed)) } else { None };
        let is_temporary = status == StatusCode::SERVICE_UNAVAILABLE;
        let body = Body {
            r#type: format!("https://cubegate.dev/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail: self.detail(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(revision) = missing {
            headers.insert(POLICY_MISSING, revision);
        }
        if let Some(reason) = refused {
            headers.insert(REFUSED, reason);
        }
        if let Some(methods) = allow {
            headers.insert(http::header::ALLOW, methods);
        }
        if is_temporary {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl Problem {
    fn classify(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotStamped(_) => {
                (StatusCode::BAD_REQUEST, "not-through-the-sidecar", "The request did not come through the sidecar")
            }
            Self::PolicyMissing(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "policy-missing", "The policy has not arrived yet")
            }
            Self::ModelLoading => (StatusCode::SERVICE_UNAVAILABLE, "loading", "The tables are being loaded"),
            Self::ModelFailed => (StatusCode::SERVICE_UNAVAILABLE, "load-failed", "The tables could not be loaded"),
            Self::Refused(_) => (StatusCode::FORBIDDEN, "refused", "The access policy refuses this request"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "not-found", "There is nothing here"),
            Self::WrongMethod(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "The method does not fit the path")
            }
            Self::UnknownCube { .. } => (StatusCode::NOT_FOUND, "unknown-cube", "There is no such cube"),
            Self::UnknownTable { .. } => (StatusCode::NOT_FOUND, "unknown-table", "There is no such table"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "body-broken", "The body broke off"),
            Self::MalformedQuery(_) => (StatusCode::BAD_REQUEST, "malformed-query", "The body is not a query"),
            Self::InvalidQuery(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-query", "The query cannot be answered")
            }
            Self::ResultLimit(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "result-limit-exceeded", "The answer would be too large")
            }
            Self::QueryTimeout(_) => (StatusCode::GATEWAY_TIMEOUT, "query-timeout", "The answer took too long"),
            Self::Interrupted => (StatusCode::SERVICE_UNAVAILABLE, "interrupted", "The query was given up"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not-acceptable", "No acceptable format"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many queries at once"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here"),
        }
    }

    /// The sentence for the caller. Reasons of a refusal are for the log only: they name objects of the policy.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::NotStamped(header) => format!("the header {header} is missing or malformed"),
            Self::PolicyMissing(revision) => format!("revision {revision} is not known here; try again"),
            Self::ModelLoading | Self::Busy | Self::Interrupted => "try again in a moment".into(),
            Self::ModelFailed => "the Session's status says why".into(),
            Self::Refused(_) => "ask whoever maintains the access policy of this Session".into(),
            Self::NoSuchPath => "GET / names the paths; see GET /api/v1/cubes".into(),
            Self::WrongMethod(allowed) => format!("allowed here: {allowed}"),
            Self::UnknownCube { name, nearest: Some(nearest) } => {
                format!("there is no cube `{name}`; did you mean `{nearest}`?")
            }
            Self::UnknownCube { name, nearest: None } => format!("there is no cube `{name}`"),
            Self::UnknownTable { name, nearest: Some(nearest) } => {
                format!("there is no table `{name}`; did you mean `{nearest}`?")
            }
            Self::UnknownTable { name, nearest: None } => format!("there is no table `{name}`"),
            Self::BodyTooLarge => format!("a query has at most {} bytes", crate::limits::BODY_BYTES_MAX),
            Self::BodyBroken => "the connection ended before the body did".into(),
            Self::MalformedQuery(detail) | Self::InvalidQuery(detail) | Self::ResultLimit(detail) => detail.clone(),
            Self::QueryTimeout(limit) => {
                format!("there was no answer within {} ms; ask for less, or for more time", limit.as_millis())
            }
            Self::NotAcceptable => {
                "an answer is application/json, text/csv or application/vnd.apache.arrow.stream".into()
            }
            Self::Internal => "the log of the engine says more".into(),
        }
    }
}

/// As much of the reason as the log is to keep.
fn reason(refusal: &Refusal) -> HeaderValue {
    let reason: String = refusal.to_string().chars().take(REFUSAL_CHARACTERS_MAX).collect();
    let encoded = utf8_percent_encode(&reason, NON_ALPHANUMERIC).to_string();
    HeaderValue::from_str(&encoded).expect("what is percent-encoded is ASCII")
}
