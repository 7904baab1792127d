//! First step: what arrives becomes a request with one reading, or is refused with 400.
//!
//! Names are compared after dropping everything but letters and digits, because somewhere behind a proxy `X_Cubegate_User`
//! or `X.Cubegate.User` may mean `X-Cubegate-User`: lists of aliases have been incomplete too often.

use http::{
    HeaderMap, HeaderName, Method, Request, StatusCode, Uri, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
        UPGRADE,
    },
    uri::{Authority, Scheme},
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
    #[error("there is no Host")]
    NoHost,
    #[error("the Host is not a host and perhaps a port, or names a user")]
    MalformedHost,
    #[error("the target names another authority than Host, or another scheme than http and https")]
    OtherAuthority,
    #[error("the body has another transfer coding than chunks alone")]
    TransferCoding,
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
    check_authority(&parts.uri, &headers, parts.version)?;
    check_transfer_coding(&headers)?;
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
        if folds_beginning_with(name, OURS) {
            return Err(ScreenError::OurHeader(name.clone()));
        }
        if SHARED.iter().any(|shared| shared != name && folded(shared.as_str()).eq(folded(name.as_str()))) {
            return Err(ScreenError::MisspeltHeader(name.clone()));
        }
    }
    Ok(())
}

/// What a request says of where it goes is said once, or twice in the same words (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn check_authority(uri: &Uri, headers: &HeaderMap, version: Version) -> Result<(), ScreenError> {
    if uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(ScreenError::OtherAuthority);
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(ScreenError::SeveralHosts),
        (None, None) if version == Version::HTTP_11 => return Err(ScreenError::NoHost),
        (None, None) => None,
        (Some(host), None) => Some(Authority::try_from(host.as_bytes()).map_err(|_| ScreenError::MalformedHost)?),
    };
    let named = [uri.authority(), host.as_ref()];
    if named.iter().flatten().any(|authority| !is_host(authority)) {
        return Err(ScreenError::MalformedHost);
    }
    match named {
        [Some(target), Some(host)] if target != host => Err(ScreenError::OtherAuthority),
        _ => Ok(()),
    }
}

/// A host, and a port if there is a colon after it; no user.
fn is_host(authority: &Authority) -> bool {
    let port = authority.as_str().strip_prefix(authority.host());
    let has_user = authority.as_str().contains('@');
    port.is_some_and(|port| port.is_empty() || (port.starts_with(':') && !has_user && authority.port_u16().is_some()))
}

/// Chunks are what hyper takes apart. It lets other codings before them pass, and nobody behind us would undo those.
fn check_transfer_coding(headers: &HeaderMap) -> Result<(), ScreenError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, None) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(ScreenError::TransferCoding),
    }
}

/// Whether a name, folded, begins so.
pub(crate) fn folds_beginning_with(name: &HeaderName, beginning: &str) -> bool {
    let mut folded = folded(name.as_str());
    beginning.bytes().all(|byte| folded.next() == Some(byte))
}

/// Whether a name, folded, is this.
pub(crate) fn folds_to(name: &HeaderName, whole: &str) -> bool {
    folded(name.as_str()).eq(whole.bytes())
}

/// A name without everything but letters and digits.
fn folded(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
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
            ScreenError::SeveralHosts
            | ScreenError::NoHost
            | ScreenError::MalformedHost
            | ScreenError::OtherAuthority
            | ScreenError::TransferCoding
            | ScreenError::MalformedConnection => Self::new(
                StatusCode::BAD_REQUEST,
                "malformed-headers",
                "The headers are malformed",
                "see RFC 9110 and RFC 9112",
            ),
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
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", "door");
        }
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
        assert_eq!(names, ["host", "x-stays"]);
    }

    #[test]
    fn malformed_connections_several_hosts_and_large_bodies_are_refused() {
        assert_eq!(with(&[("connection", "a b")]).unwrap_err(), ScreenError::MalformedConnection);
        assert_eq!(with(&[("host", "a"), ("host", "b")]).unwrap_err(), ScreenError::SeveralHosts);
        assert_eq!(with(&[("content-length", "99999999999")]).unwrap_err(), ScreenError::BodyTooLarge);
    }

    #[test]
    fn a_request_names_one_authority() {
        let asked = |version, uri: &str, hosts: &[&str]| {
            let request = Request::builder().version(version).uri(uri);
            let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
            screen(request.body(()).unwrap()).map(drop)
        };
        let one = |uri: &str, hosts: &[&str]| asked(Version::HTTP_11, uri, hosts);
        for host in ["door", "DOOR:80", "[::1]:8080", "192.0.2.1", "door."] {
            assert_eq!(one("/", &[host]), Ok(()), "{host}");
        }
        for host in [
            "",
            "a b",
            "a/b",
            "user@door",
            "door:x@door:80",
            "@door",
            "door:",
            "door:x",
            "door:99999",
            "[::1",
            "a#b",
            "a?b",
        ] {
            assert_eq!(one("/", &[host]), Err(ScreenError::MalformedHost), "{host}");
        }
        assert_eq!(one("/", &[]), Err(ScreenError::NoHost));
        assert_eq!(one("http://door/", &["Door"]), Ok(()));
        assert_eq!(one("http://elsewhere/", &["door"]), Err(ScreenError::OtherAuthority));
        assert_eq!(one("http://user@door/", &["door"]), Err(ScreenError::MalformedHost));
        assert_eq!(one("gopher://door/", &["door"]), Err(ScreenError::OtherAuthority));
        assert_eq!(asked(Version::HTTP_10, "/", &[]), Ok(()));
        assert_eq!(asked(Version::HTTP_2, "http://door/", &[]), Ok(()));
        assert_eq!(asked(Version::HTTP_2, "https://door/", &["elsewhere"]), Err(ScreenError::OtherAuthority));
    }

    #[test]
    fn chunks_are_the_only_transfer_coding() {
        assert!(with(&[("transfer-encoding", "Chunked")]).is_ok());
        for coding in ["gzip, chunked", "chunked, chunked", ",chunked", "identity", ""] {
            assert_eq!(with(&[("transfer-encoding", coding)]).unwrap_err(), ScreenError::TransferCoding, "{coding}");
        }
        let twice = with(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]);
        assert_eq!(twice.unwrap_err(), ScreenError::TransferCoding);
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
                prop_assert!(screened.headers.keys().all(|name| !folds_beginning_with(name, OURS)));
            }
        }
    }
}
