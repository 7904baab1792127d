//! Sessions that have ended before their cookies have.
//!
//! A cookie cannot be called back, so what has ended is remembered until no session that it could concern is left. There is
//! room for a bounded number; when it is used up the oldest make way, and every session that began before them has ended
//! too: what cannot be remembered must not come back to life.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, RwLock},
};

use aws_lc_rs::hmac;

use crate::limits::{ENDED_AGE_MAX, ENDED_MAX};

use super::{
    basic::{keyed_tag, process_key},
    session::{Session, now_s},
};

/// What has ended in this process.
pub(crate) struct Ended {
    key: hmac::Key,
    remembered: RwLock<Remembered>,
}

/// What ends at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending<'a> {
    /// One session of ours, by its id.
    Session(&'a str),
    /// Those that came of one session at the provider (`sid`).
    ProviderSession { issuer: &'a str, sid: &'a str },
    /// Those of a subject of which we do not know of which session at the provider they came.
    Unattributed { issuer: &'a str, subject: &'a str },
    /// All of a subject.
    Subject { issuer: &'a str, subject: &'a str },
}

/// Unix seconds of endings, by tag and by age.
#[derive(Default)]
struct Remembered {
    ended_s: BTreeMap<[u8; 32], u64>,
    oldest_first: BTreeSet<(u64, [u8; 32])>,
    /// Whatever began until then has ended.
    all_until_s: Option<u64>,
}

// === impl Ended ===

impl Ended {
    pub(crate) fn new() -> Self {
        Self { key: process_key(), remembered: RwLock::default() }
    }

    /// From now on, sessions that have begun until now have ended.
    pub(crate) fn end(&self, ending: Ending<'_>) {
        let tag = self.tag(ending);
        self.remembered.write().unwrap_or_else(PoisonError::into_inner).add(tag, now_s(), ENDED_MAX);
    }

    /// From now on, this session has ended. Repeating that with the same cookie takes no further room, or whoever has one
    /// could use up the room of everybody.
    pub(crate) fn end_session(&self, session: &Session) {
        let tag = self.tag(Ending::Session(&session.id));
        let mut remembered = self.remembered.write().unwrap_or_else(PoisonError::into_inner);
        if !remembered.covers(&tag, session.began_s) {
            remembered.add(tag, now_s(), ENDED_MAX);
        }
    }

    /// Whether a session of this issuer's has ended.
    pub(crate) fn has_ended(&self, session: &Session, issuer: &str) -> bool {
        let remembered = self.remembered.read().unwrap_or_else(PoisonError::into_inner);
        if remembered.ended_s.is_empty() && remembered.all_until_s.is_none() {
            return false;
        }
        let subject = session.vouched.subject.as_str();
        let origin = match &session.vouched.provider_session {
            Some(sid) => Ending::ProviderSession { issuer, sid },
            None => Ending::Unattributed { issuer, subject },
        };
        [Ending::Session(&session.id), origin, Ending::Subject { issuer, subject }]
            .into_iter()
            .any(|ending| remembered.covers(&self.tag(ending), session.began_s))
    }

    fn tag(&self, ending: Ending<'_>) -> [u8; 32] {
        let parts: [&[u8]; 3] = match ending {
            Ending::Session(id) => [b"session", b"", id.as_bytes()],
            Ending::ProviderSession { issuer, sid } => [b"sid", issuer.as_bytes(), sid.as_bytes()],
            Ending::Unattributed { issuer, subject } => [b"unattributed", issuer.as_bytes(), subject.as_bytes()],
            Ending::Subject { issuer, subject } => [b"sub", issuer.as_bytes(), subject.as_bytes()],
        };
        keyed_tag(&self.key, &parts)
    }
}

// === impl Remembered ===

impl Remembered {
    fn add(&mut self, tag: [u8; 32], now_s: u64, entries_max: usize) {
        if let Some(earlier_s) = self.ended_s.insert(tag, now_s) {
            self.oldest_first.remove(&(earlier_s, tag));
        }
        self.oldest_first.insert((now_s, tag));
        while let Some(&(ended_s, tag)) = self.oldest_first.first() {
            let is_over = ended_s + ENDED_AGE_MAX.as_secs() < now_s;
            if !is_over && self.oldest_first.len() <= entries_max {
                break;
            }
            self.oldest_first.pop_first();
            self.ended_s.remove(&tag);
            if !is_over {
                self.all_until_s = self.all_until_s.max(Some(ended_s));
            }
        }
    }

    /// Sessions know only the second in which they began; one that began in that of the ending counts as before it.
    fn covers(&self, tag: &[u8; 32], began_s: u64) -> bool {
        let until_s = self.ended_s.get(tag).copied().max(self.all_until_s);
        until_s.is_some_and(|until_s| began_s <= until_s)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::authenticate::{ProviderUser, session::Vouched};

    const ISSUER: &str = "https://id.example.com";

    fn session(subject: &str, sid: Option<&str>) -> Session {
        let user = ProviderUser { name: "u".into(), provider_roles: [].into(), attributes: vec![].into() };
        let provider_session = sid.map(str::to_owned);
        Session::begin(Vouched { user, subject: subject.into(), provider_session, until_s: None })
    }

    #[test]
    fn an_ending_concerns_what_it_names_and_nothing_else() {
        let (alice, other, vague) =
            (session("alice", Some("p1")), session("alice", Some("p2")), session("alice", None));
        let bob = session("bob", Some("p3"));
        let issuer = ISSUER;
        for (ending, expected) in [
            (Ending::Session(&alice.id), [true, false, false, false]),
            (Ending::ProviderSession { issuer, sid: "p1" }, [true, false, false, false]),
            (Ending::Unattributed { issuer, subject: "alice" }, [false, false, true, false]),
            (Ending::Subject { issuer, subject: "alice" }, [true, true, true, false]),
            (Ending::Subject { issuer: "https://id.example.org", subject: "alice" }, [false; 4]),
        ] {
            let ended = Ended::new();
            ended.end(ending);
            assert_eq!([&alice, &other, &vague, &bob].map(|session| ended.has_ended(session, issuer)), expected);
        }
    }

    #[test]
    fn a_session_that_begins_afterwards_is_another() {
        let ended = Ended::new();
        ended.end(Ending::Subject { issuer: ISSUER, subject: "alice" });
        let mut later = session("alice", None);
        later.began_s = now_s() + 1;
        assert!(!ended.has_ended(&later, ISSUER));
    }

    #[test]
    fn what_is_too_old_to_concern_anybody_is_forgotten() {
        let mut remembered = Remembered::default();
        remembered.add([1; 32], 1000, 10);
        remembered.add([2; 32], 1001 + ENDED_AGE_MAX.as_secs(), 10);
        assert_eq!((remembered.ended_s.len(), remembered.oldest_first.len(), remembered.all_until_s), (1, 1, None));
    }

    #[test]
    fn whoever_ends_the_same_again_and_again_ends_nothing_else() {
        let (ended, alice, bob) = (Ended::new(), session("alice", Some("p1")), session("bob", Some("p2")));
        for _ in 0..=ENDED_MAX {
            ended.end_session(&alice);
            ended.end(Ending::Subject { issuer: ISSUER, subject: "alice" });
        }
        assert!(ended.has_ended(&alice, ISSUER) && !ended.has_ended(&bob, ISSUER));
    }

    #[test]
    fn a_session_that_has_ended_is_remembered_by_its_first_ending() {
        let (ended, mut alice, now_s) = (Ended::new(), session("alice", None), now_s());
        alice.began_s = now_s - 10;
        let tag = ended.tag(Ending::Session(&alice.id));
        ended.remembered.write().unwrap().add(tag, now_s - 5, ENDED_MAX);
        ended.end_session(&alice);
        assert_eq!(ended.remembered.read().unwrap().oldest_first, [(now_s - 5, tag)].into());
    }

    proptest! {
        /// However many endings there are, memory is bounded and nothing that has ended is in again.
        #[test]
        fn whatever_has_ended_stays_so(endings in prop::collection::vec((0..8u8, 0..3u64), 1..60), entries_max in 1..6usize) {
            let (mut remembered, mut now_s, mut all) = (Remembered::default(), 1000, Vec::new());
            for (who, pause_s) in endings {
                now_s += pause_s;
                remembered.add([who; 32], now_s, entries_max);
                all.push((who, now_s));
                prop_assert!(remembered.ended_s.len() <= entries_max);
                prop_assert_eq!(remembered.ended_s.len(), remembered.oldest_first.len());
                for (who, ended_s) in &all {
                    prop_assert!(remembered.covers(&[*who; 32], *ended_s));
                }
                prop_assert!(!remembered.covers(&[0; 32], now_s + 1));
            }
        }
    }
}
