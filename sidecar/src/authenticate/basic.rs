//! Basic: TechnicalUsers by name and password.
//!
//! ```text
//! name ‖ password ‖ a stored hash ──HMAC──▶ verified before? ──yes──▶ in
//!                                              │ no
//!                     too many failures of (source, name)? ──yes──▶ 429
//!                                              │ no
//!                        hashing pool, bounded: full? ──yes──▶ 503
//!                                              │ no
//!                                     argon2id / bcrypt ──▶ in, or 401
//! ```
//!
//! A user has one password, or two while one replaces the other. The stored hash is part of the key, so a changed password voids
//! what was verified at once, and what was verified by the other one stays. A name that is not known
//! costs as much as one that is: it is verified against the hashes of some user, and refused whatever comes out. So is a
//! TechnicalUser who is broken, or not valid at the moment. (A user with a broken role is another matter: they prove
//! who they are, and the decision refuses them.)

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::hmac;
use cubegate_api::Moment;
use cubegate_policy::{
    password,
    snapshot::{Checked, TechnicalUser},
    validity::Lapse,
};
use moka::sync::Cache;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{
    authorization::UserPassword,
    limits::{HASHES_AT_ONCE_MAX, HASHES_WAITING_MAX, VERIFIED_MAX, VERIFIED_TTL},
    seal::length_prefixed,
};

use super::throttle::Throttle;

/// Verifies passwords.
pub(crate) struct PasswordCheck {
    key: hmac::Key,
    verified: Cache<[u8; 32], ()>,
    throttle: Throttle,
    hashing: Semaphore,
    waiting: AtomicUsize,
}

/// Why a password does not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Wrong password, no such user, a broken or a lapsed one: callers cannot tell which.
    #[error("wrong password")]
    Wrong,
    #[error("no such TechnicalUser")]
    UnknownUser,
    #[error("the TechnicalUser is broken: {}", .0.join("; "))]
    BrokenUser(Vec<String>),
    #[error("the TechnicalUser is {0}")]
    LapsedUser(Lapse),
    /// Too many failures; and what no password mends, if there is that.
    #[error("too many failures; {seconds} s to wait{}", .nobody.as_ref().map(|nobody| format!("; {nobody}")).unwrap_or_default())]
    Throttled { seconds: u64, nobody: Option<Box<PasswordError>> },
    #[error("too many passwords are waiting to be hashed")]
    Busy,
}

/// The hashes of the passwords that a user has.
#[derive(Clone, Copy)]
struct Stored<'a> {
    current: &'a str,
    previous: Option<&'a str>,
}

/// Counts a waiting password for as long as it waits.
struct Waiting<'a>(&'a AtomicUsize);

// === impl PasswordCheck ===

impl PasswordCheck {
    pub(crate) fn new() -> Self {
        Self {
            key: process_key(),
            verified: Cache::builder().max_capacity(VERIFIED_MAX).time_to_live(VERIFIED_TTL).build(),
            throttle: Throttle::new(),
            hashing: Semaphore::new(HASHES_AT_ONCE_MAX),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Lets in whoever knows the password of a TechnicalUser.
    pub(crate) async fn verify(
        &self,
        users: &BTreeMap<String, Checked<TechnicalUser>>,
        presented: UserPassword,
        source: IpAddr,
        now: Moment,
    ) -> Result<String, PasswordError> {
        let UserPassword { user, password } = presented;
        let (stored, nobody) = match users.get(&user) {
            Some(Checked::Valid(known)) => match known.validity.lapse(now) {
                None => (Stored::of(known), None),
                Some(lapse) => (self.decoy(users, &user), Some(PasswordError::LapsedUser(lapse))),
            },
            Some(Checked::Broken(reasons)) => {
                (self.decoy(users, &user), Some(PasswordError::BrokenUser(reasons.clone())))
            }
            None => (self.decoy(users, &user), Some(PasswordError::UnknownUser)),
        };
        let is_known = nobody.is_none();
        if is_known && self.verified_before(&user, &password, stored).is_some() {
            return Ok(user);
        }
        let right = self.hash_and_compare(&user, &password, stored, source, nobody.as_ref()).await?;
        match (nobody, right) {
            (None, Some(hash)) => {
                self.throttle.forgive(source, &user, is_known);
                self.verified.insert(self.tag(&[user.as_bytes(), password.as_bytes(), hash.as_bytes()]), ());
                Ok(user)
            }
            (refused, _) => {
                self.throttle.blame(source, &user, is_known);
                Err(refused.unwrap_or(PasswordError::Wrong))
            }
        }
    }

    /// The one of the stored hashes that the password was found to fit.
    fn verified_before<'a>(&self, user: &str, password: &str, stored: Stored<'a>) -> Option<&'a str> {
        let is_verified = |hash: &&str| {
            self.verified.contains_key(&self.tag(&[user.as_bytes(), password.as_bytes(), hash.as_bytes()]))
        };
        stored.hashes().find(is_verified)
    }

    /// The one of the stored hashes that the password fits.
    async fn hash_and_compare<'a>(
        &self,
        user: &str,
        password: &Zeroizing<String>,
        stored: Stored<'a>,
        source: IpAddr,
        nobody: Option<&PasswordError>,
    ) -> Result<Option<&'a str>, PasswordError> {
        let is_known = nobody.is_none();
        let throttled = |seconds| PasswordError::Throttled { seconds, nobody: nobody.cloned().map(Box::new) };
        self.throttle.check(source, user, is_known).map_err(throttled)?;
        let waiting = Waiting::enter(&self.waiting).ok_or(PasswordError::Busy)?;
        let permit = self.hashing.acquire().await.map_err(|_| PasswordError::Busy)?;
        drop(waiting);
        // Others with the same credentials may have come first: the many connections of one client cost one hash, and
        // the many guesses of an attacker are throttled although they were sent at once.
        if is_known && let Some(hash) = self.verified_before(user, password, stored) {
            return Ok(Some(hash));
        }
        self.throttle.check(source, user, is_known).map_err(throttled)?;
        let mut right = None;
        // All of them, whichever fits: a wrong password costs what it costs of a name that is not known.
        for hash in stored.hashes() {
            let (password, compared_to) = (password.clone(), hash.to_owned());
            let compare = move || password::verify(password.as_bytes(), &compared_to);
            if tokio::task::spawn_blocking(compare).await.unwrap_or(false) {
                right = right.or(Some(hash));
            }
        }
        drop(permit);
        Ok(right)
    }

    /// Hashes with which an unknown name is as slow to refuse as a known one: those of some user, always the same.
    fn decoy<'a>(&self, users: &'a BTreeMap<String, Checked<TechnicalUser>>, user: &str) -> Stored<'a> {
        let known: Vec<&TechnicalUser> = users
            .values()
            .filter_map(|known| match known {
                Checked::Valid(known) => Some(known),
                Checked::Broken(_) => None,
            })
            .collect();
        let [first, ..] = self.tag(&[b"decoy", user.as_bytes()]);
        let index = usize::from(first).checked_rem(known.len());
        let decoy = index.and_then(|index| known.get(index).copied());
        decoy.map_or(Stored { current: password::DECOY, previous: None }, Stored::of)
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        keyed_tag(&self.key, parts)
    }
}

/// A key that lives as long as the process.
pub(crate) fn process_key() -> hmac::Key {
    let mut bytes = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).expect("the kernel has randomness");
    hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice())
}

/// HMAC-SHA256 of parts, each with its length.
pub(crate) fn keyed_tag(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let joined = Zeroizing::new(length_prefixed(parts));
    let tag = hmac::sign(key, &joined);
    tag.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

// === impl Stored ===

impl<'a> Stored<'a> {
    fn of(user: &'a TechnicalUser) -> Self {
        Self { current: &user.password_hash, previous: user.previous_password_hash.as_deref() }
    }

    fn hashes(self) -> impl Iterator<Item = &'a str> {
        [self.current].into_iter().chain(self.previous)
    }
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        let entered = Self(count);
        (count.fetch_add(1, Ordering::AcqRel) < HASHES_WAITING_MAX).then_some(entered)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr, sync::LazyLock, time::Instant};

    use cubegate_policy::{attributes::Attributes, validity::Validity};

    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    static NOON: LazyLock<Moment> = LazyLock::new(|| moment("2027-01-31T12:00:00Z"));

    fn moment(text: &str) -> Moment {
        Moment::try_from(text.to_owned()).unwrap()
    }

    fn users(password: &str) -> BTreeMap<String, Checked<TechnicalUser>> {
        let password_hash = password::hash(password.as_bytes(), [1; 16]);
        let user = TechnicalUser {
            declared_by: "user".into(),
            password_hash,
            previous_password_hash: None,
            roles: BTreeSet::new(),
            attributes: Attributes::default(),
            validity: Validity::default(),
        };
        BTreeMap::from([
            ("prometheus".to_owned(), Checked::Valid(user)),
            ("broken".to_owned(), Checked::Broken(vec!["why".to_owned()])),
        ])
    }

    fn presented(user: &str, password: &str) -> UserPassword {
        UserPassword { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }

    #[tokio::test]
    async fn a_right_password_lets_in_and_is_remembered_until_it_changes() {
        let check = PasswordCheck::new();
        let users_before = users("secret");
        assert_eq!(
            check.verify(&users_before, presented("prometheus", "secret"), SOURCE, *NOON).await,
            Ok("prometheus".into())
        );
        let started = Instant::now();
        for _ in 0..100 {
            assert!(check.verify(&users_before, presented("prometheus", "secret"), SOURCE, *NOON).await.is_ok());
        }
        assert!(started.elapsed().as_millis() < 500, "100 remembered credentials took {:?}", started.elapsed());
        let users_after = users("changed");
        assert_eq!(
            check.verify(&users_after, presented("prometheus", "secret"), SOURCE, *NOON).await,
            Err(PasswordError::Wrong)
        );
        assert!(check.verify(&users_after, presented("prometheus", "changed"), SOURCE, *NOON).await.is_ok());
    }

    #[tokio::test]
    async fn two_passwords_count_while_one_replaces_the_other() {
        let check = PasswordCheck::new();
        let with = |current: &str, previous: Option<&str>| {
            let mut users = users(current);
            let Some(Checked::Valid(user)) = users.get_mut("prometheus") else { panic!("it is there") };
            user.previous_password_hash = previous.map(|password| password::hash(password.as_bytes(), [2; 16]));
            users
        };
        for (users, password, is_in) in [
            (with("new", Some("old")), "old", true),
            (with("new", Some("old")), "new", true),
            (with("new", Some("old")), "other", false),
            (with("new", None), "new", true),
            (with("new", None), "old", false),
        ] {
            let verified = check.verify(&users, presented("prometheus", password), SOURCE, *NOON).await;
            assert_eq!(verified.is_ok(), is_in, "{password}");
        }
    }

    /// Else the time that a wrong password takes would tell who is about to change theirs.
    #[tokio::test]
    async fn an_unknown_name_is_compared_with_as_many_hashes_as_some_user_has() {
        let (check, mut users) = (PasswordCheck::new(), users("new"));
        let Some(Checked::Valid(user)) = users.get_mut("prometheus") else { panic!("it is there") };
        user.previous_password_hash = Some(password::hash(b"old", [2; 16]));
        assert_eq!(check.decoy(&users, "nobody").hashes().count(), 2);
    }

    #[tokio::test]
    async fn failures_throttle_their_user_and_source_but_never_what_was_verified() {
        let check = PasswordCheck::new();
        let users = users("secret");
        check.verify(&users, presented("prometheus", "secret"), SOURCE, *NOON).await.unwrap();
        let mut last = Ok(String::new());
        for _ in 0..10 {
            last = check.verify(&users, presented("prometheus", "guess"), SOURCE, *NOON).await;
        }
        assert!(matches!(last, Err(PasswordError::Throttled { .. })));
        assert!(check.verify(&users, presented("prometheus", "secret"), SOURCE, *NOON).await.is_ok());
        let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(
            check.verify(&users, presented("prometheus", "guess"), elsewhere, *NOON).await,
            Err(PasswordError::Wrong)
        );
    }

    #[tokio::test]
    async fn an_unknown_user_is_refused_even_with_the_password_of_the_decoy() {
        let check = PasswordCheck::new();
        assert_eq!(
            check.verify(&users("secret"), presented("nobody", "secret"), SOURCE, *NOON).await,
            Err(PasswordError::UnknownUser)
        );
        assert_eq!(
            check.verify(&BTreeMap::new(), presented("nobody", "x"), SOURCE, *NOON).await,
            Err(PasswordError::UnknownUser)
        );
    }

    #[tokio::test]
    async fn a_broken_user_is_refused_and_throttled_as_an_unknown_one_is() {
        let (check, users) = (PasswordCheck::new(), users("secret"));
        for _ in 0..5 {
            let refused = check.verify(&users, presented("broken", "secret"), SOURCE, *NOON).await;
            assert_eq!(refused, Err(PasswordError::BrokenUser(vec!["why".to_owned()])));
        }
        let mut last = check.verify(&users, presented("broken", "secret"), SOURCE, *NOON).await;
        if !matches!(last, Err(PasswordError::Throttled { .. })) {
            last = check.verify(&users, presented("broken", "secret"), SOURCE, *NOON).await;
        }
        let throttled = last.unwrap_err();
        assert!(matches!(throttled, PasswordError::Throttled { .. }), "{throttled:?}");
        assert!(throttled.to_string().ends_with("s to wait; the TechnicalUser is broken: why"), "{throttled}");
    }

    #[tokio::test]
    async fn a_user_is_let_in_from_one_moment_until_another_although_they_were_verified_in_between() {
        let (check, mut users) = (PasswordCheck::new(), users("secret"));
        let Some(Checked::Valid(user)) = users.get_mut("prometheus") else { panic!("it is there") };
        let (noon, evening) = (*NOON, moment("2027-01-31T18:00:00Z"));
        user.validity = Validity { not_before: Some(noon), not_after: Some(evening) };
        let morning = moment("2027-01-31T11:59:59.9Z");
        for (now, expected) in [
            (morning, Err(PasswordError::LapsedUser(Lapse::NotYet(noon)))),
            (noon, Ok("prometheus".to_owned())),
            (evening, Err(PasswordError::LapsedUser(Lapse::NoMore(evening)))),
        ] {
            assert_eq!(check.verify(&users, presented("prometheus", "secret"), SOURCE, now).await, expected);
        }
    }

    #[tokio::test]
    async fn a_user_who_is_mended_is_let_in_at_once_however_often_they_came_before() {
        let (check, broken) = (PasswordCheck::new(), BTreeMap::from([("u".to_owned(), Checked::Broken(Vec::new()))]));
        for _ in 0..10 {
            assert!(check.verify(&broken, presented("u", "secret"), SOURCE, *NOON).await.is_err());
        }
        let user = users("secret").remove("prometheus").unwrap();
        let mended = BTreeMap::from([("u".to_owned(), user)]);
        assert_eq!(check.verify(&mended, presented("u", "secret"), SOURCE, *NOON).await, Ok("u".to_owned()));
    }

    #[tokio::test]
    async fn a_flood_of_guesses_fills_a_bounded_queue_and_no_more() {
        let (check, users) = (PasswordCheck::new(), users("secret"));
        check.verify(&users, presented("prometheus", "secret"), SOURCE, *NOON).await.unwrap();
        let names: Vec<String> =
            (0..HASHES_WAITING_MAX + HASHES_AT_ONCE_MAX + 10).map(|number| format!("user {number}")).collect();
        let guesses = names.iter().map(|name| check.verify(&users, presented(name, "x"), SOURCE, *NOON));
        let outcomes = futures::future::join_all(guesses).await;
        let busy = outcomes.iter().filter(|outcome| **outcome == Err(PasswordError::Busy)).count();
        assert_eq!(busy, 10);
        assert!(check.verify(&users, presented("prometheus", "secret"), SOURCE, *NOON).await.is_ok());
        assert_eq!(check.waiting.load(Ordering::Acquire), 0);
    }

    #[test]
    fn parts_of_a_tag_cannot_flow_into_each_other() {
        let key = process_key();
        assert_ne!(keyed_tag(&key, &[b"ab", b"c"]), keyed_tag(&key, &[b"a", b"bc"]));
        assert_ne!(keyed_tag(&key, &[b"ab", b""]), keyed_tag(&key, &[b"ab"]));
    }
}
