//! How a caller behaves: a browser that can be sent to a login page, or a program that needs to be told.

use http::{
    HeaderMap, HeaderName, Method,
    header::{ACCEPT, CONTENT_TYPE, UPGRADE},
};
use url::form_urlencoded;

use crate::target::Target;

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// Types that a person looks at. A caller that asks for none of them cannot use a login page.
const PAGES: [&str; 4] = ["text/html", "application/xhtml+xml", "text/plain", "text/*"];

/// What decides how someone without credentials is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about one request")]
pub(crate) struct Manners {
    /// May be sent to the login page.
    pub(crate) may_be_redirected: bool,
    /// Shows pages to a person, and says so.
    pub(crate) wants_page: bool,
    /// Runs inside a page, where a challenge would pop up a dialog.
    pub(crate) is_script: bool,
    /// Understands only trailers.
    pub(crate) is_grpc: bool,
}

// === impl Manners ===

impl Manners {
    /// Reads the manners off a request, before hop-by-hop headers are gone.
    pub(crate) fn read(method: &Method, target: &Target, headers: &HeaderMap) -> Self {
        let is_navigation =
            says_only(headers, &FETCH_MODE, "navigate") && says_only(headers, &FETCH_DESTINATION, "document");
        let is_script = headers.contains_key(REQUESTED_WITH) || !is_navigation;
        let is_grpc = text(headers, &CONTENT_TYPE).starts_with("application/grpc");
        let may_be_redirected = (method == Method::GET || method == Method::HEAD)
            && !is_script
            && !is_grpc
            && !headers.contains_key(UPGRADE)
            && target.path() != "/favicon.ico"
            && !has_token(target)
            && accepts_page(headers);
        // Browsers that do not say how they fetch still navigate by GET; programs that copy their `Accept` do anything.
        let navigates = method == Method::GET || method == Method::HEAD || headers.contains_key(FETCH_MODE);
        let wants_page =
            navigates && !is_script && !is_grpc && !headers.contains_key(UPGRADE) && asks_for_html(headers);
        Self { may_be_redirected, wants_page, is_script, is_grpc }
    }

    /// Whether the caller wants a status instead of a page (after a logout, say).
    pub(crate) fn wants_status_only(self) -> bool {
        self.is_script || self.is_grpc
    }
}

/// Absent, or exactly this.
fn says_only(headers: &HeaderMap, name: &HeaderName, expected: &str) -> bool {
    headers.get_all(name).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(expected.as_bytes()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn has_token(target: &Target) -> bool {
    target.query().is_some_and(|query| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token"))
}

fn asks_for_html(headers: &HeaderMap) -> bool {
    ranges(headers).any(|range| range == "text/html" || range == "application/xhtml+xml")
}

/// `*/*` says nothing beside other types; alone it is what a program sends that does not care.
fn accepts_page(headers: &HeaderMap) -> bool {
    let ranges: Vec<String> = ranges(headers).filter(|range| range != "*/*").collect();
    ranges.is_empty() || ranges.iter().any(|range| PAGES.contains(&range.as_str()) || range.starts_with("image/"))
}

/// The types that a caller accepts.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(ACCEPT).into_iter().map(|value| value.to_str().unwrap_or_default());
    values.flat_map(|value| value.split(',').filter_map(acceptable))
}

/// The type of a media range, unless its weight is zero.
fn acceptable(range: &str) -> Option<String> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().filter(|media| !media.is_empty())?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let is_refused = weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
    (!is_refused).then_some(media)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manners(method: &Method, target: &str, headers: &[(&'static str, &str)]) -> Manners {
        let map = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        Manners::read(method, &Target::read(&target.parse().unwrap()).unwrap(), &map)
    }

    fn redirected(headers: &[(&'static str, &str)]) -> bool {
        manners(&Method::GET, "/x", headers).may_be_redirected
    }

    #[test]
    fn browsers_and_callers_that_do_not_say_are_redirected() {
        assert!(redirected(&[]));
        assert!(redirected(&[("accept", "*/*")]));
        assert!(redirected(&[("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]));
        assert!(redirected(&[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]));
        assert!(redirected(&[("accept", "image/avif,image/*")]));
        assert!(manners(&Method::HEAD, "/x", &[]).may_be_redirected);
    }

    #[test]
    fn programs_are_not_redirected() {
        assert!(!redirected(&[("accept", "application/json")]));
        assert!(!redirected(&[("accept", "application/json, */*;q=0.5")]));
        assert!(!redirected(&[("accept", "application/vnd.apache.arrow.stream")]));
        assert!(!redirected(&[("accept", "text/html;q=0, application/json")]));
        assert!(!redirected(&[("x-requested-with", "XMLHttpRequest")]));
        assert!(!redirected(&[("x-requested-with", "fetch"), ("accept", "text/html")]));
        assert!(!redirected(&[("sec-fetch-mode", "cors")]));
        assert!(!redirected(&[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]));
        assert!(!redirected(&[("upgrade", "websocket")]));
        assert!(!redirected(&[("content-type", "application/grpc+proto")]));
        assert!(!manners(&Method::POST, "/x", &[]).may_be_redirected);
        assert!(!manners(&Method::OPTIONS, "/x", &[]).may_be_redirected);
        assert!(!manners(&Method::GET, "/favicon.ico", &[]).may_be_redirected);
        assert!(!manners(&Method::GET, "/x?access_token=a", &[]).may_be_redirected);
    }

    #[test]
    fn pages_are_for_callers_who_navigate_and_ask_for_them() {
        let wants_page = |headers: &[(&'static str, &str)]| manners(&Method::GET, "/x", headers).wants_page;
        assert!(wants_page(&[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]));
        assert!(wants_page(&[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]));
        for headers in [
            &[][..],
            &[("accept", "*/*")],
            &[("accept", "application/json")],
            &[("accept", "text/html;q=0, */*")],
            &[("accept", "text/html"), ("x-requested-with", "XMLHttpRequest")],
            &[("accept", "text/html"), ("sec-fetch-mode", "cors")],
            &[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        ] {
            assert!(!wants_page(headers), "{headers:?}");
        }
        let posted = |headers: &[(&'static str, &str)]| manners(&Method::POST, "/x", headers).wants_page;
        assert!(posted(&[("accept", "text/html"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]));
        assert!(!posted(&[("accept", "text/html")]));
    }

    #[test]
    fn scripts_are_told_apart_so_that_no_dialog_pops_up() {
        assert!(manners(&Method::POST, "/x", &[("x-requested-with", "XMLHttpRequest")]).is_script);
        assert!(manners(&Method::GET, "/x", &[("sec-fetch-mode", "cors")]).is_script);
        assert!(!manners(&Method::GET, "/x", &[("accept", "application/json")]).is_script);
    }
}
