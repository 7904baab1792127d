//! The session cookie: who has logged in, sealed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::{
    authenticate::ProviderUser,
    cookie::{self, CookieNames},
    limits::{COOKIE_CANDIDATES_MAX, SESSION_AGE_MAX, SESSION_COOKIE_BYTES_MAX, SESSION_IDLE_MAX, SESSION_RENEW_AGE},
    seal::{Purpose, Sealer},
    trace::random_hex,
};

/// Someone who has logged in. Field names are short because browsers send this along with each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// Another for each login.
    #[serde(rename = "i")]
    id: String,
    #[serde(rename = "u")]
    pub(crate) user: ProviderUser,
    /// Unix seconds of the login.
    #[serde(rename = "b")]
    began_s: u64,
    /// Unix seconds of this cookie.
    #[serde(rename = "w")]
    written_s: u64,
}

// === impl Session ===

impl Session {
    /// A new session, from now.
    pub(crate) fn begin(user: ProviderUser) -> Self {
        let now_s = now_s();
        Self { id: random_hex::<8>(), user, began_s: now_s, written_s: now_s }
    }

    /// The session that a request belongs to: the first of its cookies that opens and has not ended.
    pub(crate) fn read(headers: &HeaderMap, sealer: &Sealer, names: CookieNames) -> Option<Self> {
        let name = names.session();
        let now_s = now_s();
        cookie::values(headers, &name)
            .take(COOKIE_CANDIDATES_MAX)
            .filter_map(|value| sealer.open(Purpose::Session, &name, value))
            .filter_map(|plain| serde_json::from_slice::<Self>(&plain).ok())
            .find(|session| session.is_alive(now_s))
    }

    /// A cookie that keeps an active session from ending early, when it is time for one.
    pub(crate) fn renewal(&self, sealer: &Sealer, names: CookieNames) -> Option<HeaderValue> {
        let now_s = now_s();
        if now_s.saturating_sub(self.written_s) < SESSION_RENEW_AGE.as_secs() {
            return None;
        }
        Self { written_s: now_s, ..self.clone() }.write(sealer, names)
    }

    /// `Set-Cookie`; nothing when the session is too large for one.
    pub(crate) fn write(&self, sealer: &Sealer, names: CookieNames) -> Option<HeaderValue> {
        let name = names.session();
        let plain = serde_json::to_vec(self).expect("a session has string keys only, so it always serialises");
        let value = sealer.seal(Purpose::Session, &name, &plain);
        let left_s = (self.began_s + SESSION_AGE_MAX.as_secs()).saturating_sub(self.written_s);
        (name.len() + value.len() <= SESSION_COOKIE_BYTES_MAX)
            .then(|| names.set(&name, &value, Duration::from_secs(left_s)))
    }

    fn is_alive(&self, now_s: u64) -> bool {
        now_s < self.began_s + SESSION_AGE_MAX.as_secs() && now_s < self.written_s + SESSION_IDLE_MAX.as_secs()
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cubegate_policy::snapshot::ClaimPath;
    use http::header::COOKIE;

    use super::*;

    const NAMES: fn() -> CookieNames = || CookieNames::for_url(Some("http://127.0.0.1"));

    fn sealer() -> Sealer {
        Sealer::new(&[1; 32], b"scope".to_vec())
    }

    fn user(provider_roles: BTreeSet<String>) -> ProviderUser {
        let attributes = vec![(ClaimPath(vec!["shops".to_owned()]), ["S1".to_owned()].into())].into();
        ProviderUser { name: "zoë".into(), provider_roles, attributes }
    }

    fn session() -> Session {
        Session::begin(user(["paris".to_owned(), "atoti".to_owned()].into()))
    }

    fn sent_back(set_cookie: &HeaderValue) -> HeaderMap {
        let pair = set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(COOKIE, pair.parse().unwrap())])
    }

    #[test]
    fn a_session_comes_back_as_it_was_written() {
        let session = session();
        let cookie = session.write(&sealer(), NAMES()).unwrap();
        assert_eq!(Session::read(&sent_back(&cookie), &sealer(), NAMES()), Some(session));
    }

    #[test]
    fn a_session_ends_when_idle_and_in_any_case() {
        let now_s = now_s();
        let aged = |began_s, written_s| Session { began_s, written_s, ..session() };
        assert!(aged(now_s, now_s).is_alive(now_s));
        assert!(!aged(now_s - SESSION_IDLE_MAX.as_secs() - 1, now_s - SESSION_IDLE_MAX.as_secs() - 1).is_alive(now_s));
        assert!(!aged(now_s - SESSION_AGE_MAX.as_secs() - 1, now_s).is_alive(now_s));
        let idle = aged(now_s - 7200, now_s - 7200).write(&sealer(), NAMES()).unwrap();
        assert_eq!(Session::read(&sent_back(&idle), &sealer(), NAMES()), None);
    }

    #[test]
    fn an_active_session_is_renewed_but_keeps_its_beginning() {
        let now_s = now_s();
        assert_eq!(session().renewal(&sealer(), NAMES()), None);
        let old = Session { began_s: now_s - 1000, written_s: now_s - 1000, ..session() };
        let renewed = Session::read(&sent_back(&old.renewal(&sealer(), NAMES()).unwrap()), &sealer(), NAMES()).unwrap();
        assert_eq!((renewed.began_s, renewed.id), (old.began_s, old.id));
        assert!(renewed.written_s >= now_s);
    }

    #[test]
    fn a_session_too_large_for_a_cookie_is_not_written() {
        let roles = (0..200).map(|number| format!("a-rather-long-role-{number}")).collect();
        assert_eq!(Session::begin(user(roles)).write(&sealer(), NAMES()), None);
        let shops = (0..300).map(|number| format!("shop {number}")).collect();
        let attributes = vec![(ClaimPath(vec!["shops".to_owned()]), shops)].into();
        let user = ProviderUser { attributes, ..user(BTreeSet::new()) };
        assert_eq!(Session::begin(user).write(&sealer(), NAMES()), None);
    }

    #[test]
    fn each_login_has_another_id() {
        assert_ne!(session().id, session().id);
    }
}
