//! What scripts in pages of other origins may do (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! - Scripts of the origins that the policy names may read answers. They prove who they are with `Authorization`.
//! - Cookies are for our own pages. A request that says that it comes from another origin brings none, whatever the origin:
//!   `SameSite` keeps cookies from other sites, but not from other hosts of our own.

use cubegate_policy::snapshot::Edge;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, COOKIE, ORIGIN, VARY,
    },
};
use url::Url;

use crate::{
    answer::{Answer, empty},
    limits::PREFLIGHT_AGE_MAX,
    screen::Screened,
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// What scripts may send beyond what any may.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, if-none-match, traceparent, tracestate, x-request-id, x-requested-with",
);
/// What scripts may read beyond what any may.
const ANSWER_HEADERS: HeaderValue =
    HeaderValue::from_static("etag, retry-after, server-timing, www-authenticate, x-request-id");
/// Beginning of the headers by which a server says what scripts may do.
const CORS_HEADERS: &str = "access-control-";

/// The script that may read an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reader {
    /// None ever may.
    #[default]
    NoneEver,
    /// None may this time; others may.
    None,
    /// One of this origin.
    Origin(HeaderValue),
}

// === impl Reader ===

impl Reader {
    /// Whom the policy lets read the answer to this request.
    pub(crate) fn of(headers: &HeaderMap, edge: &Edge) -> Self {
        let is_allowed =
            |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| edge.allowed_origins.contains(origin));
        match only(headers, &ORIGIN).filter(is_allowed) {
            _ if edge.allowed_origins.is_empty() => Self::NoneEver,
            None => Self::None,
            Some(origin) => Self::Origin(origin.clone()),
        }
    }

    /// The answer to a browser that asks whether a script may ask. Nobody needs to be known for that.
    pub(crate) fn preflight<B>(&self, request: &Screened<B>) -> Option<Answer> {
        only(&request.headers, &ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method != Method::OPTIONS || !matches!(self, Self::Origin(_)) {
            return None;
        }
        let mut answer = empty(StatusCode::NO_CONTENT);
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_AGE_MAX.as_secs()));
        Some(answer)
    }

    /// Tells browsers who may read an answer, and caches that not everybody may.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if *self == Self::NoneEver {
            return;
        }
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Self::Origin(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}

/// Takes the cookies off a request of a page that is not ours.
pub(crate) fn drop_foreign_cookies(headers: &mut HeaderMap, url: Option<&str>) {
    let own = |origin: &HeaderValue| {
        let url = url.and_then(|url| Url::parse(url).ok());
        url.is_some_and(|url| url.origin().ascii_serialization().as_bytes() == origin.as_bytes())
    };
    if headers.contains_key(COOKIE) && !headers.get_all(ORIGIN).iter().all(own) {
        headers.remove(COOKIE);
    }
}

/// Takes off an answer what whoever is behind us says of scripts: that is for the policy to say.
pub(crate) fn drop_words_of_others(headers: &mut HeaderMap) {
    let theirs: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(CORS_HEADERS)).cloned().collect();
    for name in theirs {
        headers.remove(name);
    }
}

/// The one value of a header, if it has exactly one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(origins: &[&'static str], url: Option<&str>) -> bool {
        let mut headers: HeaderMap = [(COOKIE, HeaderValue::from_static("a=b"))].into_iter().collect();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_static(origin));
        }
        drop_foreign_cookies(&mut headers, url);
        headers.contains_key(COOKIE)
    }

    #[test]
    fn cookies_are_of_use_to_our_own_pages_alone() {
        let url = Some("https://retail.example.com:443");
        assert!(kept(&[], url) && kept(&["https://retail.example.com"], url));
        for origin in [
            "https://other.example.com",
            "http://retail.example.com",
            "https://retail.example.com:8443",
            "https://retail.example.com.evil.example",
            "https://RETAIL.example.com",
            "null",
            "",
        ] {
            assert!(!kept(&[origin], url), "{origin}");
        }
        assert!(!kept(&["https://retail.example.com", "null"], url));
        assert!(!kept(&["null"], None) && kept(&[], None));
    }

    #[test]
    fn only_an_origin_that_is_named_may_read_and_only_when_it_is_the_only_one() {
        let edge = Edge { allowed_origins: ["https://app.example.com".to_owned()].into(), ..Edge::default() };
        let reader = |origins: &[&'static str], edge: &Edge| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            Reader::of(&headers, edge)
        };
        let named = "https://app.example.com";
        assert_eq!(reader(&[named], &edge), Reader::Origin(HeaderValue::from_static(named)));
        for origins in [&[][..], &["null"], &["*"], &["https://app.example.com.evil.example"], &[named, named]] {
            assert_eq!(reader(origins, &edge), Reader::None, "{origins:?}");
        }
        assert_eq!(reader(&[named], &Edge::default()), Reader::NoneEver);
    }
}
