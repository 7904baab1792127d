//! What people see of us in their browsers: a choice of providers, that they are signed out, why they are refused.
//!
//! Pages have no script and load nothing, and their policy (Content Security Policy) says so. Every text and every link goes through
//! [`Markup`], which escapes it. Programs get problems (RFC 9457) instead.

use std::{fmt::Write as _, sync::LazyLock};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_FRAME_OPTIONS},
};

use crate::{
    answer::{Answer, Refusal, typed},
    challenge::{LOGIN_PATH, LOGOUT_PATH},
};

/// Contrast is at least 7:1 in both schemes (WCAG 2.2, 1.4.6).
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:12vh auto;max-width:32rem;padding:0 1.5rem;font:1.125rem/1.6 system-ui,sans-serif;color:#1b1b1b;background:#fff}\
h1{font-size:1.75rem;line-height:1.25}\
ul{list-style:none;padding:0}\
li{margin:.75rem 0}\
a{color:#003a9b}\
a:focus-visible{outline:3px solid;outline-offset:3px}\
li a{display:block;padding:.75rem 1rem;border:2px solid;border-radius:.5rem;text-decoration:none}\
code{overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){body{color:#f2f2f2;background:#161616}a{color:#a9c7ff}}";

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is visible ASCII")
});

/// HTML that grows by texts, which it escapes, and by elements of ours.
struct Markup(String);

/// Asks for one of several providers; of each the path that leads to it, and its name.
pub(crate) fn chooser<'a>(providers: impl Iterator<Item = (String, &'a str)>) -> Answer {
    let title = "Sign in";
    let mut page = Markup::begin(title);
    page.element("p", "Choose who signs you in.");
    page.0.push_str("<ul>");
    for (path, name) in providers {
        page.0.push_str("<li>");
        page.link(&path, name);
        page.0.push_str("</li>");
    }
    page.0.push_str("</ul>");
    page.answer(StatusCode::OK)
}

/// Says that nobody is signed in here any more.
pub(crate) fn signed_out() -> Answer {
    let mut page = Markup::begin("You are signed out");
    page.paragraph_link(LOGIN_PATH, "Sign in again");
    page.answer(StatusCode::OK)
}

/// Says why somebody is refused, as far as they may know, and the id by which the log knows more.
pub(crate) fn refused(refusal: Refusal, decision_id: &str) -> Answer {
    let mut page = Markup::begin(refusal.title);
    page.element("p", refusal.detail);
    if refusal.login_url.is_some() {
        page.paragraph_link(LOGIN_PATH, "Sign in");
    }
    if refusal.may_sign_out {
        page.paragraph_link(LOGOUT_PATH, "Sign out, to come back as somebody else");
    }
    page.0.push_str("<p>Whoever maintains this application finds the reason by this id: ");
    page.element("code", decision_id);
    page.0.push_str("</p>");
    let mut answer = page.answer(refusal.status);
    for (name, value) in refusal.headers {
        answer.headers_mut().append(name, value);
    }
    answer
}

// === impl Markup ===

impl Markup {
    fn begin(title: &str) -> Self {
        let mut page = Self(String::with_capacity(2048));
        page.0.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
        page.0.push_str("<meta name=\"viewport\" content=\"width=device-width\">");
        page.element("title", title);
        let _ = write!(page.0, "<style>{STYLE}</style></head><body><main>");
        page.element("h1", title);
        page
    }

    fn element(&mut self, tag: &'static str, text: &str) {
        let _ = write!(self.0, "<{tag}>");
        self.text(text);
        let _ = write!(self.0, "</{tag}>");
    }

    fn link(&mut self, path: &str, text: &str) {
        self.0.push_str("<a href=\"");
        self.text(path);
        self.0.push_str("\">");
        self.text(text);
        self.0.push_str("</a>");
    }

    fn paragraph_link(&mut self, path: &str, text: &str) {
        self.0.push_str("<p>");
        self.link(path, text);
        self.0.push_str("</p>");
    }

    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    fn answer(mut self, status: StatusCode) -> Answer {
        self.0.push_str("</main></body></html>");
        let mut answer = typed(status, "text/html; charset=utf-8", self.0);
        let fixed: [(HeaderName, &HeaderValue); 3] = [
            (CONTENT_SECURITY_POLICY, &POLICY),
            (X_FRAME_OPTIONS, &HeaderValue::from_static("DENY")),
            (REFERRER_POLICY, &HeaderValue::from_static("no-referrer")),
        ];
        for (name, value) in fixed {
            answer.headers_mut().insert(name, value.clone());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a text may say, it says as text: no tag, no attribute and no entity begins or ends in it.
        #[test]
        fn whatever_a_text_says_it_opens_and_closes_nothing(text in "(?s).{0,60}") {
            let mut markup = Markup(String::new());
            markup.text(&text);
            prop_assert!(!markup.0.contains(['<', '>', '"', '\'']));
            let unescaped = markup.0.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            prop_assert_eq!(unescaped.replace("&#39;", "'").replace("&amp;", "&"), text);
        }
    }
}
