//! Cookies (RFC 6265): reading values by name, and writing ours.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::COOKIE};

/// Names of our cookies. With `__Host-`, browsers keep them for this host, this scheme and no other path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieNames {
    is_secure: bool,
}

// === impl CookieNames ===

impl CookieNames {
    /// The names for a Session that is opened at this address.
    pub(crate) fn for_url(url: Option<&str>) -> Self {
        Self { is_secure: url.is_some_and(|url| url.starts_with("https://")) }
    }

    pub(crate) fn session(self) -> String {
        self.prefixed("cubegate-session")
    }

    pub(crate) fn tokens(self) -> String {
        self.prefixed("cubegate-tokens")
    }

    pub(crate) fn landing(self) -> String {
        self.prefixed("cubegate-return")
    }

    pub(crate) fn login(self, slot: u8) -> String {
        self.prefixed(&format!("cubegate-login-{slot}"))
    }

    /// A `Set-Cookie` value.
    pub(crate) fn set(self, name: &str, value: &str, max_age: Duration) -> HeaderValue {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", max_age.as_secs());
        HeaderValue::from_str(&cookie).expect("our names and base64url values are visible ASCII")
    }

    /// A `Set-Cookie` value that makes browsers forget.
    pub(crate) fn clear(self, name: &str) -> HeaderValue {
        self.set(name, "", Duration::ZERO)
    }

    fn prefixed(self, name: &str) -> String {
        format!("{}{name}", if self.is_secure { "__Host-" } else { "" })
    }
}

/// The values of all cookies of this name, in order. Names are case-sensitive.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
        .filter(move |(found, _)| *found == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().fold(HeaderMap::new(), |mut map, value| {
            map.append(COOKIE, HeaderValue::from_str(value).unwrap());
            map
        })
    }

    #[test]
    fn values_are_found_by_exact_name_across_headers() {
        let map = headers(&["a=1; b=2;c=3", "a=4=5; A=6; aa=7"]);
        assert_eq!(values(&map, "a").collect::<Vec<_>>(), ["1", "4=5"]);
        assert_eq!(values(&map, "c").collect::<Vec<_>>(), ["3"]);
        assert_eq!(values(&map, "d").count(), 0);
    }

    #[test]
    fn a_cookie_for_https_is_bound_to_its_host() {
        let names = CookieNames::for_url(Some("https://retail.example.com"));
        assert_eq!(names.session(), "__Host-cubegate-session");
        let set = names.set(&names.session(), "v", Duration::from_secs(5));
        assert_eq!(set, "__Host-cubegate-session=v; Path=/; Max-Age=5; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn a_cookie_for_http_has_no_prefix_that_browsers_would_refuse() {
        let names = CookieNames::for_url(Some("http://127.0.0.1:8080"));
        assert_eq!(names.clear(&names.login(2)), "cubegate-login-2=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    proptest! {
        #[test]
        fn what_was_set_is_read_back_among_others(value in "[A-Za-z0-9_-]{0,40}", noise in "[ -:<-~]{0,20}") {
            let map = headers(&[&format!("{noise}; cubegate-session={value}; x=y")]);
            prop_assert!(values(&map, "cubegate-session").any(|found| found == value));
        }

        #[test]
        fn any_cookie_header_is_read_without_panic(bytes in prop::collection::vec(0x20..=0xffu8, 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut map = HeaderMap::new();
                map.insert(COOKIE, value);
                let _ = values(&map, "a").count();
            }
        }
    }
}
