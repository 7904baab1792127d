//! What holds whatever callers send. Tests and fuzzers call it, by the feature `fuzzing`; nothing else does.
//!
//! Each function takes any bytes, reads them as what they stand for, and panics when something does not hold.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    str,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cubegate_policy::publication::CookieKeys;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, Uri,
    header::{AUTHORIZATION, CONNECTION, COOKIE, HOST},
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::io::AsyncWriteExt as _;

use crate::{
    authorization::{Credentials, UserPassword, credentials},
    cookie::{self, CookieNames},
    limits::{HEAD_BYTES_MAX, NAME_BYTES_MAX, REQUEST_ID_BYTES_MAX},
    linger::Lingering,
    screen::{folds_beginning_with, screen},
    seal::{Purpose, Sealer},
    target::{Route, Target},
    trace::{TRACEPARENT, Trace},
};

pub use crate::oidc::fuzzing::{jwt, logout_form, logout_token};

/// A request target: what is accepted has one reading, and no detour to the engine's own paths.
pub fn target(input: &[u8]) {
    let Ok(Ok(target)) = Uri::try_from(input).map(|uri| Target::read(&uri)) else { return };
    let path = target.path();
    assert!(path.starts_with('/') && !path.contains("//") && !path.contains('\\'));
    assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
    assert!(!path.chars().any(char::is_control));
    assert_eq!(percent_decode_str(path).decode_utf8().as_deref(), Ok(path), "decoding twice changes nothing");
    let first = path.split('/').nth(1).unwrap_or_default();
    assert_eq!(target.route() == Route::Internal, first.eq_ignore_ascii_case("internal"));
    let again = target.as_str().parse().map(|uri| Target::read(&uri));
    assert_eq!(again.ok(), Some(Ok(target)), "what is forwarded is read as what was decided on");
}

/// Header lines: what passes has one Host, and nothing that is ours, hop-by-hop or named in `Connection`.
pub fn headers(input: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("door"));
    for line in input.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let named: BTreeSet<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut request = Request::new(());
    *request.headers_mut() = headers;
    let Ok(screened) = screen(request) else { return };
    for name in screened.headers.keys() {
        assert!(!folds_beginning_with(name, "xcubegate"), "{name} is ours");
        assert!(!named.contains(name.as_str()), "{name} is named in Connection");
        assert!(!["connection", "te", "upgrade", "transfer-encoding", "trailer"].contains(&name.as_str()), "{name}");
    }
    assert!(screened.headers.get_all(HOST).iter().count() <= 1);
}

/// A value of `Authorization`: a user has a name without a colon, and what was read is what was written.
pub fn authorization(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let read = |value: HeaderValue| credentials(&HeaderMap::from_iter([(AUTHORIZATION, value)]));
    let written = match read(value) {
        Ok(Some(Credentials::Basic(UserPassword { user, password }))) => {
            assert!(!user.is_empty() && user.len() <= NAME_BYTES_MAX && !user.contains(':'));
            assert!(!user.chars().chain(password.chars()).any(char::is_control));
            format!("Basic {}", STANDARD.encode(format!("{user}:{}", *password)))
        }
        Ok(Some(Credentials::Bearer(token))) => {
            assert!(token.bytes().all(|byte| byte.is_ascii_graphic()) && !token.contains([',', ';', '"']));
            format!("Bearer {}", *token)
        }
        Ok(None) => panic!("something was presented"),
        Err(_) => return,
    };
    let value = HeaderValue::try_from(written).expect("what was read from a header fits one");
    assert!(matches!(read(value), Ok(Some(_))), "what was read can be written and read again");
}

/// A `Cookie` header and what lies in it: only what we sealed opens, for its purpose, under its name and unchanged.
pub fn cookies(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let headers = HeaderMap::from_iter([(COOKIE, value.clone())]);
    let name = CookieNames::for_url(Some("https://retail.example.com")).session();
    let keeper = Sealer::new(&CookieKeys::one([7; 32]), b"scope".to_vec());
    let text = value.to_str().unwrap_or_default();
    for value in cookie::values(&headers, &name) {
        assert!(text.contains(&format!("{name}={value}")) && !value.contains(';'), "a value is what stands there");
        assert_eq!(keeper.open(Purpose::Session, &name, value), None, "nobody but us can seal");
    }
    let sealed = keeper.seal(Purpose::Session, &name, input);
    assert_eq!(keeper.open(Purpose::Session, &name, &sealed).as_deref(), Some(input));
    assert_eq!(keeper.open(Purpose::Tokens, &name, &sealed), None);
    assert_eq!(keeper.open(Purpose::Session, "cubegate-session", &sealed), None);
    // Where the input points at, the sealed value is changed.
    let at = input.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let mut changed = sealed.into_bytes();
    let at = at % changed.len();
    if let Some(byte) = changed.get_mut(at) {
        *byte = if *byte == b'A' { b'B' } else { b'A' };
    }
    let changed = String::from_utf8(changed).expect("base64url with another letter is text");
    assert_eq!(keeper.open(Purpose::Session, &name, &changed), None);
}

/// `traceparent` and `X-Request-Id`: what goes on is well-formed and bounded, whatever came.
pub fn trace(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let names = [HeaderName::from_static("x-request-id"), TRACEPARENT];
    let headers = HeaderMap::from_iter(names.map(|name| (name, value.clone())));
    let Trace { decision_id, request_id, traceparent, continues } = Trace::read(&headers);
    let id = request_id.as_bytes();
    assert!(id == input || id == decision_id.as_bytes());
    assert!(!id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.iter().all(u8::is_ascii_graphic));
    let parts: Vec<&str> = traceparent.to_str().expect("it is made of hexadecimal digits").split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2]);
    assert!(parts.iter().all(|part| is_hex(part)));
    let trace = parts.get(1).copied().unwrap_or_default();
    assert_eq!(continues, str::from_utf8(input).is_ok_and(|text| text.starts_with(&format!("00-{trace}-"))));
}

/// A body in chunks, and a request behind it: what is served next begins where the last chunk says that the body ends.
pub fn chunks(input: &[u8]) {
    let head = b"POST /first HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n";
    let behind = b"GET /behind HTTP/1.1\r\nHost: door\r\n\r\n";
    let sent = [head.as_slice(), input, behind].concat();
    let served = served(&sent);
    assert!(served.first().is_none_or(|(target, _)| target == "/first"));
    let Some((next, _)) = served.get(1) else { return };
    let Some((_, Some(body))) = served.first() else { panic!("the first body has no clean end, yet {next} is served") };
    let stream = [input, behind].concat();
    let (expected, rest) = unchunked(&stream).expect("a body that is served on ends cleanly in one reading");
    assert_eq!(*body, expected, "the body is what its chunks hold");
    let line = format!("{next} HTTP/1.");
    let begins = rest.iter().position(|byte| *byte == b' ').and_then(|space| rest.get(space + 1..));
    assert!(begins.is_some_and(|begins| begins.starts_with(line.as_bytes())), "{next} begins elsewhere");
}

/// Target and body of each request that a connection with these bytes brings, in order; no body where its end is not known.
fn served(sent: &[u8]) -> Vec<(String, Option<Bytes>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime without threads and sockets starts anywhere");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let (request, ending) = Lingering::wrap(request);
            let target = request.uri().to_string();
            let body = request.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes);
            let is_known = ending.is_known();
            seen.lock().unwrap_or_else(PoisonError::into_inner).push((target, body.filter(|_| is_known)));
            let mut answer = Response::new(Empty::<Bytes>::new());
            if !is_known {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    runtime.block_on(async {
        let (mut caller, door) = tokio::io::duplex(sent.len().max(64 * 1024) * 2);
        caller.write_all(sent).await.expect("there is room for all of it");
        caller.shutdown().await.expect("a pipe in memory can be closed");
        let mut server = http1::Builder::new();
        server.max_buf_size(HEAD_BYTES_MAX).max_header_size(HEAD_BYTES_MAX).half_close(true);
        // How the connection ends says nothing about what was served on it.
        let _ = server.serve_connection(TokioIo::new(door), service).await;
    });
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut seen)
}

/// RFC 9112 §7.1 without trailers: the body, and what stands behind it.
fn unchunked(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, behind) = rest.split_at_checked(end)?;
        rest = behind.get(2..)?;
        let digits = line.split(|byte| *byte == b';').next()?;
        let digits = str::from_utf8(digits.trim_ascii_end()).ok()?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || line.contains(&b'\n') {
            return None;
        }
        let length = usize::from_str_radix(digits, 16).ok()?;
        let (chunk, behind) = rest.split_at_checked(length)?;
        rest = behind.strip_prefix(b"\r\n")?;
        if length == 0 {
            return Some((body, rest));
        }
        body.extend_from_slice(chunk);
    }
}
