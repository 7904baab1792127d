//! A browser without a window: follows redirects, keeps cookies, fills in forms.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use url::{Position, Url};

use crate::{
    http::{Connection, Credentials, Reply},
    limits::REDIRECTS_MAX,
};

/// Cookies by origin and name, and the way it went.
#[derive(Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Every address it visited, in order.
    pub visited: Vec<Url>,
    /// Every `Set-Cookie` it got, each after the origin that it came from.
    pub set_cookies: Vec<String>,
    /// A path that it does not go to when it is sent there.
    pub stops_before: Option<&'static str>,
}

/// A page where redirects ended.
#[derive(Debug)]
pub struct Page {
    /// Its address.
    pub url: Url,
    /// The answer.
    pub reply: Reply,
}

impl Browser {
    /// Opens an address as a person does, and follows redirects.
    pub async fn open(&mut self, address: &str) -> Result<Page> {
        self.navigate(Method::GET, Url::parse(address)?, String::new()).await
    }

    /// One request, no redirect followed.
    pub async fn request(&mut self, method: &Method, url: &Url, form: &str) -> Result<Reply> {
        self.visited.push(url.clone());
        let cookies = self.cookies.get(&url.origin().ascii_serialization());
        let cookies: Vec<String> =
            cookies.into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
        let credentials = if cookies.is_empty() { Credentials::None } else { Credentials::Cookie(cookies.join("; ")) };
        let request = Request::builder()
            .method(method)
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(form.to_owned())))?;
        let reply = Connection::open(url, credentials).await?.send(request).await?;
        self.remember(url, &reply)?;
        Ok(reply)
    }

    /// Logs in with the forms of npm's provider, starting at a page that leads to them. Ends where no form is left.
    pub async fn log_in(&mut self, address: &str, user: &str, password: &str) -> Result<Page> {
        let mut page = self.open(address).await?;
        for _ in 0..3 {
            let html = page.reply.text();
            let Some(prompt) = attribute_after(&html, "name=\"prompt\"", "value") else { return Ok(page) };
            let mut fields = vec![("prompt", prompt.as_str())];
            if prompt == "login" {
                fields.extend([("login", user), ("password", password)]);
            }
            page = self.submit(&page, &fields).await?;
        }
        bail!("still asked for something at {}: {:?}", page.url, page.reply)
    }

    /// Opens a page of npm's provider that asks whether to log out, and says yes.
    pub async fn log_out(&mut self, address: &str) -> Result<Page> {
        let page = self.open(address).await?;
        let html = page.reply.text();
        let xsrf = attribute_after(&html, "name=\"xsrf\"", "value").context("no form asks whether to log out")?;
        self.submit(&page, &[("xsrf", &xsrf), ("logout", "yes")]).await
    }

    /// Sends the first form of a page, with these fields.
    pub async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Result<Page> {
        let action = attribute_after(&page.reply.text(), "<form", "action");
        let action = action.with_context(|| format!("no form at {}: {:?}", page.url, page.reply))?;
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.navigate(Method::POST, page.url.join(&action)?, form).await
    }

    /// The `Cookie` header that this browser would send to an address.
    pub fn cookie_header(&self, address: &str) -> Result<String> {
        let origin = Url::parse(address)?.origin().ascii_serialization();
        let cookies = self.cookies.get(&origin).with_context(|| format!("no cookie for {origin}"))?;
        ensure!(!cookies.is_empty(), "no cookie left for {origin}");
        Ok(cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; "))
    }

    async fn navigate(&mut self, mut method: Method, mut url: Url, mut form: String) -> Result<Page> {
        for _ in 0..REDIRECTS_MAX {
            let reply = self.request(&method, &url, &form).await?;
            if !reply.status.is_redirection() {
                return Ok(Page { url, reply });
            }
            url = url.join(reply.header("location")).with_context(|| format!("redirected to nowhere: {reply:?}"))?;
            if self.stops_before == Some(url.path()) {
                return Ok(Page { url, reply });
            }
            (method, form) = (Method::GET, String::new());
        }
        bail!("redirected more than {REDIRECTS_MAX} times, last to {url}")
    }

    fn remember(&mut self, url: &Url, reply: &Reply) -> Result<()> {
        let jar = self.cookies.entry(url.origin().ascii_serialization()).or_default();
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().context("a cookie is ASCII")?;
            self.set_cookies.push(format!("{} {cookie}", url.origin().ascii_serialization()));
            let mut parts = cookie.split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).context("a cookie has a name")?;
            let attribute = |wanted: &str| {
                cookie
                    .split(';')
                    .filter_map(|part| part.trim().split_once('='))
                    .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.to_owned()))
            };
            let past = attribute("expires").is_some_and(|date| date.contains(" 1970 "));
            if value.is_empty() || past || attribute("max-age").is_some_and(|seconds| seconds == "0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }
}

/// The value of an attribute after a place in a page.
fn attribute_after(html: &str, place: &str, attribute: &str) -> Option<String> {
    let (_, rest) = html.split_once(place)?;
    let (_, rest) = rest.split_once(&format!("{attribute}=\""))?;
    rest.split_once('"').map(|(value, _)| value.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_form_is_found_with_its_action_and_its_prompt() {
        let html = r#"<form autocomplete="off" action="/interaction/a?b=1&amp;c=2" method="post">
            <input type="hidden" name="prompt" value="login"/>"#;
        assert_eq!(attribute_after(html, "<form", "action").as_deref(), Some("/interaction/a?b=1&c=2"));
        assert_eq!(attribute_after(html, "name=\"prompt\"", "value").as_deref(), Some("login"));
        assert_eq!(attribute_after("<p>no form</p>", "<form", "action"), None);
    }

    #[test]
    fn cookies_are_kept_by_origin_and_forgotten_when_they_expire() {
        let mut browser = Browser::default();
        let mut set = |cookie: &'static str| {
            let headers = HeaderMap::from_iter([(header::SET_COOKIE, http::HeaderValue::from_static(cookie))]);
            let reply = Reply { status: http::StatusCode::OK, headers, body: Bytes::new() };
            browser.remember(&Url::parse("http://a.example/").unwrap(), &reply).unwrap();
            browser.cookie_header("http://a.example/x").ok()
        };
        assert_eq!(set("one=1; Path=/; HttpOnly").as_deref(), Some("one=1"));
        assert_eq!(set("two=2").as_deref(), Some("one=1; two=2"));
        assert_eq!(set("one=; Max-Age=0").as_deref(), Some("two=2"));
        assert_eq!(set("two=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), None);
        assert!(browser.cookie_header("http://b.example/").is_err());
    }
}
