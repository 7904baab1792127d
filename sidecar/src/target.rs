//! Where a request wants to go, in exactly one reading.
//!
//! A path that two programs could read differently (`..`, `%2f`, `%2e`, `//`, `\`, double encoding) is refused, so that
//! what is decided here is what the engine gets. A fragment never arrives: hyper cuts it off, and what is forwarded is
//! what is left.

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::limits::TARGET_BYTES_MAX;

/// The target of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Path and query as sent; visible ASCII.
    raw: String,
    /// Length of the path in `raw`.
    path_length: usize,
    /// The path, percent-decoded.
    path: String,
}

/// Who answers a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The engine's own paths: nobody from outside.
    Internal,
    /// `/login`
    Login,
    /// `/oauth2/authorization/{providerId}`
    Authorize(String),
    /// `/login/oauth2/code/{providerId}`
    Callback(String),
    /// `/logout`
    Logout,
    /// `/logout/connect/back-channel/{providerId}`
    BackChannelLogout(String),
    /// `/logout/connect/front-channel/{providerId}`
    FrontChannelLogout(String),
    /// `/whoami` and its alias.
    WhoAmI,
    /// `/metrics`
    Metrics,
    /// `/api/v1/access/explain`
    Explain,
    /// `/api/v1/access/who-sees`
    WhoSees,
    /// Everything else.
    Engine,
}

/// Why a target is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("the target is not a path")]
    NotAPath,
    #[error("the target is longer than {TARGET_BYTES_MAX} bytes")]
    TooLong,
    #[error("the target has characters that must be percent-encoded")]
    NotAscii,
    #[error("the path has a malformed percent-encoding")]
    MalformedEncoding,
    #[error("the path has an encoded slash, backslash, dot or control character, or is encoded twice")]
    AmbiguousEncoding,
    #[error("the path has an empty, `.` or `..` segment, or a backslash")]
    AmbiguousSegment,
}

// === impl Target ===

impl Target {
    /// Reads the target of a request.
    pub(crate) fn read(uri: &Uri) -> Result<Self, TargetError> {
        let raw_path = uri.path();
        if !raw_path.starts_with('/') {
            return Err(TargetError::NotAPath);
        }
        let raw = uri.path_and_query().ok_or(TargetError::NotAPath)?.as_str();
        if raw.len() > TARGET_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        if !raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetError::NotAscii);
        }
        let path = decoded(raw_path)?;
        let segments = || path.split('/').skip(1);
        let last = segments().count() - 1;
        let is_ambiguous = |(index, segment): (usize, &str)| {
            segment == "." || segment == ".." || (segment.is_empty() && index != last)
        };
        if path.contains('\\') || segments().enumerate().any(is_ambiguous) {
            return Err(TargetError::AmbiguousSegment);
        }
        Ok(Self { raw: raw.to_owned(), path_length: raw_path.len(), path })
    }

    /// Path and query as sent.
    pub(crate) fn as_str(&self) -> &str {
        &self.raw
    }

    /// The query, if there is one.
    pub(crate) fn query(&self) -> Option<&str> {
        self.raw.get(self.path_length..)?.strip_prefix('?')
    }

    /// The path, percent-decoded.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Who answers this path.
    pub(crate) fn route(&self) -> Route {
        let mut segments = self.path.split('/').skip(1);
        let parts = [segments.next(), segments.next(), segments.next(), segments.next(), segments.next()];
        match parts {
            [Some(first), ..] if first.eq_ignore_ascii_case("internal") => Route::Internal,
            [Some("login"), None, ..] => Route::Login,
            [Some("oauth2"), Some("authorization"), Some(provider), None, _] => Route::Authorize(provider.to_owned()),
            [Some("login"), Some("oauth2"), Some("code"), Some(provider), None] => Route::Callback(provider.to_owned()),
            [Some("logout"), None, ..] => Route::Logout,
            [Some("logout"), Some("connect"), Some("back-channel"), Some(provider), None] => {
                Route::BackChannelLogout(provider.to_owned())
            }
            [Some("logout"), Some("connect"), Some("front-channel"), Some(provider), None] => {
                Route::FrontChannelLogout(provider.to_owned())
            }
            [Some("whoami"), None, ..] | [Some("atoti"), Some("pyapi"), Some("whoami"), None, _] => Route::WhoAmI,
            [Some("metrics"), None, ..] => Route::Metrics,
            [Some("api"), Some("v1"), Some("access"), Some("explain"), None] => Route::Explain,
            [Some("api"), Some("v1"), Some("access"), Some("who-sees"), None] => Route::WhoSees,
            _ => Route::Engine,
        }
    }
}

/// Decodes a path whose every escape has one reading.
fn decoded(raw_path: &str) -> Result<String, TargetError> {
    let mut rest = raw_path;
    while let Some(at) = rest.find('%') {
        let digits = rest.get(at + 1..at + 3).ok_or(TargetError::MalformedEncoding)?;
        let byte = hexadecimal(digits).ok_or(TargetError::MalformedEncoding)?;
        if matches!(byte, b'/' | b'\\' | b'.') || byte.is_ascii_control() {
            return Err(TargetError::AmbiguousEncoding);
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let path = percent_decode_str(raw_path).decode_utf8().map_err(|_| TargetError::MalformedEncoding)?.into_owned();
    let is_encoded_twice =
        path.match_indices('%').any(|(at, _)| path.get(at + 1..at + 3).and_then(hexadecimal).is_some());
    if is_encoded_twice { Err(TargetError::AmbiguousEncoding) } else { Ok(path) }
}

fn hexadecimal(digits: &str) -> Option<u8> {
    // `from_str_radix` alone would accept a sign.
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u8::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(target: &str) -> Result<Target, TargetError> {
        Target::read(&target.parse().unwrap())
    }

    fn route(target: &str) -> Route {
        read(target).unwrap().route()
    }

    #[test]
    fn own_paths_are_told_from_the_engines() {
        assert_eq!(route("/login"), Route::Login);
        assert_eq!(route("/login?x=1"), Route::Login);
        assert_eq!(route("/oauth2/authorization/keycloak"), Route::Authorize("keycloak".into()));
        assert_eq!(route("/login/oauth2/code/keycloak?code=1"), Route::Callback("keycloak".into()));
        assert_eq!(route("/logout"), Route::Logout);
        assert_eq!(route("/whoami"), Route::WhoAmI);
        assert_eq!(route("/atoti/pyapi/whoami"), Route::WhoAmI);
        assert_eq!(route("/metrics"), Route::Metrics);
        assert_eq!(route("/api/v1/access/explain?user=alice"), Route::Explain);
        assert_eq!(route("/api/v1/access/who-sees"), Route::WhoSees);
        for engine in [
            "/",
            "/api/v1/cubes",
            "/api/v1/access/explain/more",
            "/api/v1/access",
            "/login/",
            "/whoami/",
            "/login/oauth2/code",
            "/a/internal/b",
            "/internals",
        ] {
            assert_eq!(route(engine), Route::Engine, "{engine}");
        }
    }

    #[test]
    fn internal_paths_are_recognised_however_they_are_spelled() {
        for internal in
            ["/internal", "/internal/", "/internal/policy", "/INTERNAL/policy", "/%69nternal/policy", "/internal?x"]
        {
            assert_eq!(route(internal), Route::Internal, "{internal}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_refused() {
        for path in [
            "/a/../internal/policy",
            "/a/./b",
            "/..",
            "/.",
            "/a//b",
            "//internal/policy",
            "/a\\b",
            "/a%5cb",
            "/a%2fb",
            "/a%2Fb",
            "/%2e%2e/b",
            "/a%2eb",
            "/a%00b",
            "/a%0ab",
            "/a%252fb",
            "/%2569nternal/policy",
            "/a%7fb",
        ] {
            assert!(
                matches!(read(path), Err(TargetError::AmbiguousEncoding | TargetError::AmbiguousSegment)),
                "{path}"
            );
        }
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for path in ["/%", "/%a", "/%zz", "/%+1", "/%ff", "/%c3"] {
            assert_eq!(read(path), Err(TargetError::MalformedEncoding), "{path}");
        }
    }

    #[test]
    fn an_absolute_form_counts_by_its_path_and_other_forms_are_refused() {
        assert_eq!(read("http://elsewhere.example/whoami").unwrap().route(), Route::WhoAmI);
        assert_eq!(read("*"), Err(TargetError::NotAPath));
        assert_eq!(read("elsewhere.example:443"), Err(TargetError::NotAPath));
    }

    #[test]
    fn a_query_may_say_anything() {
        let target = read("/a%20b?next=/../x%2f&y=%25").unwrap();
        assert_eq!(
            (target.path(), target.query(), target.as_str()),
            ("/a b", Some("next=/../x%2f&y=%25"), "/a%20b?next=/../x%2f&y=%25")
        );
        assert_eq!(read("/100%25").unwrap().path(), "/100%");
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_has_plain_segments_and_never_hides_internal(path in "(/|%2[ef5]|%69|[a-z.%\\\\]|internal|2f|2e){0,12}") {
            let Ok(uri) = format!("/{path}").parse() else { return Ok(()) };
            if let Ok(target) = Target::read(&uri) {
                prop_assert!(!target.path().contains("//") && !target.path().contains('\\'));
                prop_assert!(target.path().split('/').all(|segment| segment != ".." && segment != "."));
                let again = percent_decode_str(target.path()).decode_utf8_lossy().into_owned();
                prop_assert_eq!(&again, target.path(), "decoding twice changes nothing");
                prop_assert_eq!(target.route() == Route::Internal, target.path().split('/').nth(1) == Some("internal"));
            }
        }

        #[test]
        fn any_uri_is_read_without_panic(text in ".{0,64}") {
            if let Ok(uri) = text.parse::<Uri>() {
                let _ = Target::read(&uri).map(|target| target.route());
            }
        }
    }
}
