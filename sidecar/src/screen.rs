//! First step: what arrives becomes a request with one reading, or is refused with 400.
//!
//! Names are compared after dropping everything but letters and digits, because somewhere behind a proxy `X_Cubegate_User`
//! or `X.Cubegate.User` may mean `X-Cubegate-User`: lists of aliases have been incomplete too often.

use http::{
    HeaderMap, HeaderName, Method, Request, StatusCode, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
};

use crate::{
    answer::Refusal,
    limits::BODY_BYTES_MAX,
    manners::Manners,
    target::{Target, TargetError},
};

/// Prefix, folded, of every header by which the sidecar speaks to the engine.
const OURS: &str = "xcubegate";
/// Standard headers that callers may send, in their own spelling only.
const SHARED: [HeaderName; 2] = [HeaderName::from_static("x-request-id"), HeaderName::from_static("traceparent")];
/// Headers about one connection only (RFC 9110 §7.6.1), and those that mean nothing behind us.
const HOP_BY_HOP: [HeaderName; 11] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("expect"),
];

/// A request with one reading, free of hop-by-hop headers and of headers that only we may set.
#[derive(Debug)]
pub(crate) struct Screened<B> {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) manners: Manners,
    pub(crate) body: B,
}

/// Why a request is refused at first sight.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScreenError {
    #[error("failed to read the target: {0}")]
    Target(#[from] TargetError),
    #[error("the header `{0}` is set by the sidecar alone, in any spelling")]
    OurHeader(HeaderName),
    #[error("the header `{0}` is a misspelling of one that is passed on")]
    MisspeltHeader(HeaderName),
    #[error("there is more than one Host")]
    SeveralHosts,
    #[error("Connection does not list header names")]
    MalformedConnection,
    #[error("the method {0} is not served")]
    Method(Method),
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    BodyTooLarge,
}

/// Makes a request out of what arrived.
pub(crate) fn screen<B>(request: Request<B>) -> Result<Screened<B>, ScreenError> {
    let (parts, body) = request.into_parts();
    let (method, mut headers) = (parts.method, parts.headers);
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(ScreenError::Method(method));
    }
    let target = Target::read(&parts.uri)?;
    refuse_impostors(&headers)?;
    if headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(ScreenError::SeveralHosts);
    }
    if declared_length(&headers).is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(ScreenError::BodyTooLarge);
    }
    let manners = Manners::read(&method, &target, &headers);
    let named = if parts.version == Version::HTTP_2 { Vec::new() } else { named_in_connection(&headers)? };
    strip_hop_by_hop(&mut headers, &named);
    Ok(Screened { method, target, headers, manners, body })
}

/// Removes what concerns one connection only.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap, named_in_connection: &[HeaderName]) {
    for name in HOP_BY_HOP.iter().chain(named_in_connection) {
        headers.remove(name);
    }
}

/// The headers that `Connection` declares to concern this connection only.
pub(crate) fn named_in_connection(headers: &HeaderMap) -> Result<Vec<HeaderName>, ScreenError> {
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        let value = value.to_str().map_err(|_| ScreenError::MalformedConnection)?;
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            names.push(name.parse().map_err(|_| ScreenError::MalformedConnection)?);
        }
    }
    Ok(names)
}

fn refuse_impostors(headers: &HeaderMap) -> Result<(), ScreenError> {
    for name in headers.keys() {
        let folded = folded(name.as_str());
        if folded.starts_with(OURS) {
            return Err(ScreenError::OurHeader(name.clone()));
        }
        if SHARED.iter().any(|shared| shared != name && self::folded(shared.as_str()) == folded) {
            return Err(ScreenError::MisspeltHeader(name.clone()));
        }
    }
    Ok(())
}

fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

// === impl ScreenError ===

impl From<ScreenError> for Refusal {
    fn from(error: ScreenError) -> Self {
        let refusal = match &error {
            ScreenError::Method(_) => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong-method",
                "The method is not served",
                "no path here has this method",
            ),
            ScreenError::BodyTooLarge => Self::body_too_large(),
            ScreenError::Target(TargetError::TooLong) => Self::new(
                StatusCode::URI_TOO_LONG,
                "target-too-long",
                "The target is too long",
                "send less in the query",
            ),
            ScreenError::Target(_) => Self::new(
                StatusCode::BAD_REQUEST,
                "ambiguous-target",
                "The target is malformed or ambiguous",
                "write the path without `..`, empty segments, backslashes and encoded slashes, dots or control characters",
            ),
            ScreenError::OurHeader(_) | ScreenError::MisspeltHeader(_) => Self::new(
                StatusCode::BAD_REQUEST,
                "reserved-header",
                "A header is reserved",
                "remove every header whose letters and digits spell X-Cubegate-…, or a request id or trace context in another spelling",
            ),
            ScreenError::SeveralHosts | ScreenError::MalformedConnection => {
                Self::new(StatusCode::BAD_REQUEST, "malformed-headers", "The headers are malformed", "see RFC 9110")
            }
        };
        refusal.because(error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(headers: &[(&str, &str)]) -> Result<Screened<()>, ScreenError> {
        let mut request = Request::builder().uri("/api");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        screen(request.body(()).unwrap())
    }

    #[test]
    fn every_alias_of_our_headers_is_refused() {
        for name in [
            "X-Cubegate-User",
            "x-cubegate-roles",
            "X_Cubegate_User",
            "X.Cubegate.Roles",
            "XCubegateUser",
            "X-Cube-Gate-User",
            "x-cubegate",
            "X--Cubegate-Policy",
            "X-Cubegate-User-",
            "X-CUBEGATE-anything",
            "x~cubegate!user",
            "X-Cubegate-Policy-Missing",
        ] {
            assert!(matches!(with(&[(name, "admin")]), Err(ScreenError::OurHeader(_))), "{name}");
        }
    }

    #[test]
    fn a_request_id_is_accepted_in_its_own_spelling_only() {
        assert!(with(&[("X-Request-ID", "1"), ("Traceparent", "x")]).is_ok());
        for name in ["X_Request_Id", "xrequestid", "trace-parent", "X.Request.Id"] {
            assert!(matches!(with(&[(name, "1")]), Err(ScreenError::MisspeltHeader(_))), "{name}");
        }
    }

    #[test]
    fn hop_by_hop_headers_and_those_named_in_connection_are_gone() {
        let screened = with(&[
            ("connection", "close, X-Secret"),
            ("connection", "x-other"),
            ("x-secret", "1"),
            ("x-other", "2"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("keep-alive", "1"),
            ("x-stays", "3"),
        ])
        .unwrap();
        let names: Vec<_> = screened.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-stays"]);
    }

    #[test]
    fn malformed_connections_several_hosts_and_large_bodies_are_refused() {
        assert_eq!(with(&[("connection", "a b")]).unwrap_err(), ScreenError::MalformedConnection);
        assert_eq!(with(&[("host", "a"), ("host", "b")]).unwrap_err(), ScreenError::SeveralHosts);
        assert_eq!(with(&[("content-length", "99999999999")]).unwrap_err(), ScreenError::BodyTooLarge);
    }

    proptest! {
        #[test]
        fn no_spelling_of_our_prefix_passes(separators in prop::collection::vec("[-_.~!#$%&'*+^`|]{0,3}", 10), upper in any::<u16>(), tail in "[a-z_.-]{0,8}") {
            let mut name = String::new();
            for (index, (letter, separator)) in "xcubegate".chars().zip(&separators).enumerate() {
                name.push(if upper >> index & 1 == 1 { letter.to_ascii_uppercase() } else { letter });
                name.push_str(separator);
            }
            name.push_str(&tail);
            prop_assert!(matches!(with(&[(&name, "1")]), Err(ScreenError::OurHeader(_))));
        }

        #[test]
        fn nothing_of_ours_survives_screening(names in prop::collection::vec("[A-Za-z0-9_.-]{1,16}", 0..6)) {
            let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
            if let Ok(screened) = with(&headers) {
                prop_assert!(screened.headers.keys().all(|name| !folded(name.as_str()).starts_with(OURS)));
            }
        }
    }
}
