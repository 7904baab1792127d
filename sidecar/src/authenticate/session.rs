//! The session cookie: who has logged in, sealed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cubegate_policy::snapshot::SessionTimeouts;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::{
    authenticate::ProviderUser,
    cookie::{self, CookieNames},
    limits::{COOKIE_CANDIDATES_MAX, SESSION_COOKIE_BYTES_MAX, SESSION_RENEW_AGE_MAX},
    seal::{Purpose, Sealer},
    trace::random_hex,
};

/// Someone who has logged in. Field names are short because browsers send this along with each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// Another for each login.
    #[serde(rename = "i")]
    pub(crate) id: String,
    #[serde(rename = "v")]
    pub(crate) vouched: Vouched,
    /// Unix seconds of the login.
    #[serde(rename = "b")]
    pub(crate) began_s: u64,
    /// Unix seconds of this cookie.
    #[serde(rename = "w")]
    written_s: u64,
}

/// What the provider vouches for, and how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vouched {
    #[serde(rename = "u")]
    pub(crate) user: ProviderUser,
    /// `sub`
    #[serde(rename = "s")]
    pub(crate) subject: String,
    /// `sid`: the session at the provider.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider_session: Option<String>,
    /// Unix seconds at which the access token expires, if the provider said when.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) until_s: Option<u64>,
}

/// How sessions are kept in browsers.
#[derive(Clone, Copy)]
pub(crate) struct SessionCookies<'a> {
    pub(crate) sealer: &'a Sealer,
    pub(crate) names: CookieNames,
    pub(crate) timeouts: SessionTimeouts,
}

// === impl Session ===

impl Session {
    /// A new session, from now.
    pub(crate) fn begin(vouched: Vouched) -> Self {
        let now_s = now_s();
        Self { id: random_hex::<8>(), vouched, began_s: now_s, written_s: now_s }
    }

    /// The same session, vouched for anew.
    pub(crate) fn vouched_anew(&self, vouched: Vouched) -> Self {
        Self { vouched, written_s: now_s(), ..self.clone() }
    }

    /// The session that a request belongs to: the first of its cookies that opens and has not timed out. One that was ended
    /// otherwise hides those behind it.
    pub(crate) fn read(headers: &HeaderMap, cookies: SessionCookies<'_>) -> Option<Self> {
        let name = cookies.names.session();
        let now_s = now_s();
        cookie::values(headers, &name)
            .take(COOKIE_CANDIDATES_MAX)
            .filter_map(|value| cookies.sealer.open(Purpose::Session, &name, value))
            .filter_map(|plain| serde_json::from_slice::<Self>(&plain).ok())
            .find(|session| session.is_alive(cookies.timeouts, now_s))
    }

    /// A cookie that keeps an active session from ending early, when it is time for one.
    pub(crate) fn renewal(&self, cookies: SessionCookies<'_>) -> Option<HeaderValue> {
        let now_s = now_s();
        let renew_age_s = SESSION_RENEW_AGE_MAX.as_secs().min(cookies.timeouts.idle_s / 4);
        if now_s.saturating_sub(self.written_s) < renew_age_s {
            return None;
        }
        Self { written_s: now_s, ..self.clone() }.write(cookies)
    }

    /// `Set-Cookie`; nothing when the session is too large for one.
    pub(crate) fn write(&self, cookies: SessionCookies<'_>) -> Option<HeaderValue> {
        let name = cookies.names.session();
        let plain = serde_json::to_vec(self).expect("a session has string keys only, so it always serialises");
        let value = cookies.sealer.seal(Purpose::Session, &name, &plain);
        (name.len() + value.len() <= SESSION_COOKIE_BYTES_MAX)
            .then(|| cookies.names.set(&name, &value, self.left(cookies.timeouts)))
    }

    /// Until the session ends in any case.
    pub(crate) fn left(&self, timeouts: SessionTimeouts) -> Duration {
        Duration::from_secs((self.began_s + timeouts.absolute_s).saturating_sub(now_s()))
    }

    fn is_alive(&self, timeouts: SessionTimeouts, now_s: u64) -> bool {
        now_s < self.began_s + timeouts.absolute_s && now_s < self.written_s + timeouts.idle_s
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cubegate_policy::{publication::CookieKeys, snapshot::ClaimPath};
    use http::header::COOKIE;

    use super::*;

    const TIMEOUTS: SessionTimeouts = SessionTimeouts { idle_s: 1800, absolute_s: 43_200 };

    fn sealer() -> Sealer {
        Sealer::new(&CookieKeys::one([1; 32]), b"scope".to_vec())
    }

    fn cookies(sealer: &Sealer) -> SessionCookies<'_> {
        SessionCookies { sealer, names: CookieNames::for_url(Some("http://127.0.0.1")), timeouts: TIMEOUTS }
    }

    fn vouched(provider_roles: BTreeSet<String>) -> Vouched {
        let attributes = vec![(ClaimPath(vec!["shops".to_owned()]), ["S1".to_owned()].into())].into();
        let user = ProviderUser { name: "zoë".into(), provider_roles, attributes };
        Vouched { user, subject: "u1".into(), provider_session: Some("p1".into()), until_s: None }
    }

    fn session() -> Session {
        Session::begin(vouched(["paris".to_owned(), "atoti".to_owned()].into()))
    }

    fn sent_back(set_cookie: &HeaderValue) -> HeaderMap {
        let pair = set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(COOKIE, pair.parse().unwrap())])
    }

    #[test]
    fn a_session_comes_back_as_it_was_written() {
        let (session, sealer) = (session(), sealer());
        let cookie = session.write(cookies(&sealer)).unwrap();
        assert_eq!(Session::read(&sent_back(&cookie), cookies(&sealer)), Some(session));
    }

    #[test]
    fn a_session_ends_when_idle_and_in_any_case() {
        let (now_s, sealer) = (now_s(), sealer());
        let aged = |began_s, written_s| Session { began_s, written_s, ..session() };
        assert!(aged(now_s, now_s).is_alive(TIMEOUTS, now_s));
        assert!(!aged(now_s - 1801, now_s - 1801).is_alive(TIMEOUTS, now_s));
        assert!(!aged(now_s - 43_201, now_s).is_alive(TIMEOUTS, now_s));
        let shorter = SessionTimeouts { idle_s: 60, absolute_s: 600 };
        assert!(!aged(now_s - 61, now_s - 61).is_alive(shorter, now_s));
        assert!(!aged(now_s - 601, now_s).is_alive(shorter, now_s));
        let idle = aged(now_s - 7200, now_s - 7200).write(cookies(&sealer)).unwrap();
        assert_eq!(Session::read(&sent_back(&idle), cookies(&sealer)), None);
    }

    #[test]
    fn an_active_session_is_renewed_but_keeps_its_beginning() {
        let (now_s, sealer) = (now_s(), sealer());
        assert_eq!(session().renewal(cookies(&sealer)), None);
        let old = Session { began_s: now_s - 1000, written_s: now_s - 1000, ..session() };
        let renewed = Session::read(&sent_back(&old.renewal(cookies(&sealer)).unwrap()), cookies(&sealer)).unwrap();
        assert_eq!((renewed.began_s, renewed.id), (old.began_s, old.id));
        assert!(renewed.written_s >= now_s);
        let recent = Session { began_s: now_s - 1000, written_s: now_s - 20, ..session() };
        let short = SessionCookies { timeouts: SessionTimeouts { idle_s: 60, ..TIMEOUTS }, ..cookies(&sealer) };
        assert!(recent.renewal(short).is_some() && recent.renewal(cookies(&sealer)).is_none());
    }

    #[test]
    fn a_session_too_large_for_a_cookie_is_not_written() {
        let sealer = sealer();
        let roles = (0..200).map(|number| format!("a-rather-long-role-{number}")).collect();
        assert_eq!(Session::begin(vouched(roles)).write(cookies(&sealer)), None);
        let shops = (0..300).map(|number| format!("shop {number}")).collect();
        let mut vouched = vouched(BTreeSet::new());
        vouched.user.attributes = vec![(ClaimPath(vec!["shops".to_owned()]), shops)].into();
        assert_eq!(Session::begin(vouched).write(cookies(&sealer)), None);
    }

    #[test]
    fn each_login_has_another_id() {
        assert_ne!(session().id, session().id);
    }
}
