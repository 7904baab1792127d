//! Decides whether a compiled policy is a new publication, and with which revision. Pure.

use cubegate_policy::{
    limits::{PUBLISHED_BYTES_MAX, SNAPSHOT_BYTES_MAX},
    publication::{CookieKey, CookieKeys, Publication, PublicationId, canonical_bytes, published_bytes, secret_key},
    snapshot::{Authentication, Checked, Snapshot, TechnicalUser},
};
use k8s_openapi::api::core::v1::Secret;

/// Revisions from here on are damage: status keeps them as a signed number, and there must be a next one.
const REVISION_MAX: u64 = i64::MAX as u64;

/// What the policy Secret of a Session holds, as far as it is sound.
#[derive(Debug, Default)]
pub struct Previous {
    /// The Secret, if there is one.
    pub secret: Option<Secret>,
    revision: u64,
    publication: Option<Publication>,
    cookie_keys: Option<CookieKeys>,
}

/// What the pods of a Session are to enforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The policy.
    pub publication: Publication,
    /// One is generated per Session; whatever the Secret holds since is kept, so that keys can be added and taken away there.
    pub cookie_keys: CookieKeys,
}

/// Why a policy cannot be published.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// A Secret does not hold it.
    #[error(
        "the compiled policy has {0} bytes; a Secret holds {PUBLISHED_BYTES_MAX}: spread the users and roles over several Sessions"
    )]
    Published(usize),
    /// Nobody would read it back, however well it compresses.
    #[error(
        "the compiled policy has {0} bytes before it is compressed, and may have {SNAPSHOT_BYTES_MAX}: let fewer roles name long Restrictions, or spread the roles over several Sessions"
    )]
    Canonical(usize),
}

/// Whether those who read a policy, operator, sidecars and engines, would take this one.
fn check_size(snapshot: &Snapshot) -> Result<(), TooLarge> {
    let canonical = canonical_bytes(snapshot).len();
    if canonical > SNAPSHOT_BYTES_MAX {
        return Err(TooLarge::Canonical(canonical));
    }
    let published = published_bytes(snapshot);
    if published > PUBLISHED_BYTES_MAX { Err(TooLarge::Published(published)) } else { Ok(()) }
}

impl Previous {
    /// Reads a policy Secret. What is missing or damaged in it counts as absent, but its revision is still passed.
    pub fn read(secret: Option<Secret>) -> Self {
        let Some(secret) = secret else { return Self::default() };
        let value = |key: &str| secret.data.as_ref().and_then(|data| data.get(key)).map(|value| value.0.as_slice());
        let revision = value(secret_key::REVISION).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let revision = revision.and_then(|text| text.parse().ok()).filter(|&read| read < REVISION_MAX);
        let publication = revision.and_then(|_| Publication::from_secret(value).ok());
        let cookie_keys = value(secret_key::COOKIE_KEY).and_then(CookieKeys::from_bytes);
        Self { revision: revision.unwrap_or_default(), publication, cookie_keys, secret: Some(secret) }
    }

    /// What identifies the policy.
    pub fn id(&self) -> Option<&PublicationId> {
        self.publication.as_ref().map(Publication::id)
    }

    /// The published hashes of a TechnicalUser's passwords.
    pub fn password_hashes(&self, username: &str) -> impl Iterator<Item = &str> {
        let authentication = self.publication.as_ref().map(|publication| &publication.snapshot().door.authentication);
        let user = match authentication {
            Some(Authentication::Closed(ways)) => ways.technical_users.get(username),
            Some(Authentication::Open) | None => None,
        };
        user.and_then(Checked::valid).into_iter().flat_map(TechnicalUser::password_hashes)
    }

    /// What to publish. The revision grows exactly when the policy changed, or when pods may have seen a later one
    /// than the Secret holds (it was deleted, or restored from a backup): they refuse to go back. What is in the Secret already
    /// is not measured again.
    pub fn publish(
        &self,
        status_revision: u64,
        snapshot: Snapshot,
        fresh_cookie_key: CookieKey,
    ) -> Result<Published, TooLarge> {
        let cookie_keys = self.cookie_keys.clone().unwrap_or_else(|| CookieKeys::one(fresh_cookie_key));
        let unchanged = self
            .publication
            .as_ref()
            .filter(|previous| previous.snapshot() == &snapshot && previous.id().revision >= status_revision);
        let publication = if let Some(previous) = unchanged {
            previous.clone()
        } else {
            check_size(&snapshot)?;
            Publication::new(self.revision.max(status_revision) + 1, snapshot)
        };
        Ok(Published { publication, cookie_keys })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cubegate_policy::snapshot::{Access, Door, Edge};
    use k8s_openapi::ByteString;
    use proptest::prelude::*;

    use super::*;

    const FRESH: CookieKey = [9; 32];

    fn snapshot(url: &str) -> Snapshot {
        let door = Door {
            url: Some(url.into()),
            edge: Edge::default(),
            authentication: Authentication::Open,
            mapped: BTreeMap::new(),
            granted: BTreeMap::new(),
            roles: BTreeMap::new(),
        };
        Snapshot { session: "retail".into(), sources: Vec::new(), door, access: Access::default() }
    }

    fn secret(revision: &str, snapshot: &Snapshot, cookie_key: &[u8]) -> Secret {
        let mut data = BTreeMap::from(Publication::new(0, snapshot.clone()).to_secret());
        data.insert(secret_key::REVISION, revision.as_bytes().to_vec());
        data.insert(secret_key::COOKIE_KEY, cookie_key.to_vec());
        let data = data.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value)));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    /// Revision and cookie key that follow when the Secret holds `revision` of policy `a`, status says
    /// `status_revision` and policy `now` was compiled.
    fn next(revision: &str, status_revision: u64, now: &str) -> u64 {
        let previous = Previous::read(Some(secret(revision, &snapshot("a"), &[1; 32])));
        previous.publish(status_revision, snapshot(now), FRESH).unwrap().publication.id().revision
    }

    #[test]
    fn a_policy_that_compresses_well_is_measured_by_what_it_unfolds_to() {
        let empty = canonical_bytes(&snapshot("")).len();
        let of_bytes = |bytes: usize| snapshot(&"x".repeat(bytes - empty));
        let largest = of_bytes(SNAPSHOT_BYTES_MAX);
        assert_eq!(check_size(&largest), Ok(()));
        let held = Previous::read(Some(secret("1", &largest, &[1; 32])));
        assert_eq!(
            held.publish(1, largest, FRESH).unwrap().publication.id().revision,
            1,
            "it is read back as what it is"
        );
        let larger = of_bytes(SNAPSHOT_BYTES_MAX + 1);
        assert!(published_bytes(&larger) < PUBLISHED_BYTES_MAX);
        assert_eq!(check_size(&larger), Err(TooLarge::Canonical(SNAPSHOT_BYTES_MAX + 1)));
        let refused = Previous::read(Some(secret("1", &snapshot("a"), &[1; 32]))).publish(1, larger, FRESH);
        assert_eq!(refused, Err(TooLarge::Canonical(SNAPSHOT_BYTES_MAX + 1)));
    }

    #[test]
    fn a_policy_that_a_secret_does_not_hold_is_too_large() {
        // Text without repetition: successive squares modulo a prime.
        let numbers = std::iter::successors(Some(3_u64), |number| Some(number * number % 4_294_967_291));
        let text = numbers.take(300_000).map(|number| format!("{number:08x}")).collect::<Vec<_>>().concat();
        assert!(matches!(check_size(&snapshot(&text)), Err(TooLarge::Published(bytes)) if bytes > PUBLISHED_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn whatever_the_secret_holds_a_sound_policy_follows_that_is_then_kept(
            revision in "[0-9]{0,22}|.{0,8}",
            damage in prop::option::of(prop::collection::vec(any::<u8>(), 0..64)),
            cookie_key in prop::collection::vec(any::<u8>(), 0..40),
            status_revision in 0..u64::from(u32::MAX),
        ) {
            let mut held = secret(&revision, &snapshot("a"), &cookie_key);
            if let Some(damage) = damage {
                held.data.as_mut().unwrap().insert(secret_key::SNAPSHOT.into(), ByteString(damage));
            }
            let published = Previous::read(Some(held)).publish(status_revision, snapshot("b"), FRESH).unwrap();
            let id = published.publication.id().clone();
            prop_assert!(id.revision > status_revision);
            if let Ok(earlier) = revision.parse::<u64>() {
                prop_assert!(id.revision > earlier || earlier >= REVISION_MAX);
            }
            let mut stored = secret(&id.revision.to_string(), &snapshot("b"), &published.cookie_keys.to_bytes());
            stored.metadata.name = Some("retail-policy".into());
            prop_assert_eq!(Previous::read(Some(stored)).publish(id.revision, snapshot("b"), [0; 32]), Ok(published));
        }
    }

    #[test]
    fn the_first_publication_has_revision_one_and_a_fresh_cookie_key() {
        let published = Previous::read(None).publish(0, snapshot("a"), FRESH).unwrap();
        assert_eq!((published.publication.id().revision, published.cookie_keys), (1, CookieKeys::one(FRESH)));
    }

    #[test]
    fn the_revision_grows_exactly_when_it_must() {
        //          Secret  status  compiled → published
        assert_eq!(next("7", 7, "a"), 7, "nothing changed");
        assert_eq!(next("7", 6, "a"), 7, "status lags behind");
        assert_eq!(next("7", 7, "b"), 8, "the policy changed");
        assert_eq!(next("7", 9, "a"), 10, "pods may have seen a later revision: the Secret was restored");
        assert_eq!(next("7", 9, "b"), 10);
        assert_eq!(next("seven", 9, "a"), 10, "the revision is damaged");
    }

    #[test]
    fn a_deleted_secret_is_replaced_by_a_later_revision() {
        assert_eq!(Previous::read(None).publish(7, snapshot("a"), FRESH).unwrap().publication.id().revision, 8);
    }

    #[test]
    fn a_tampered_policy_is_replaced_by_a_later_revision() {
        let mut tampered = secret("7", &snapshot("a"), &[1; 32]);
        let other = secret("7", &snapshot("b"), &[1; 32]).data.unwrap().remove(secret_key::SNAPSHOT).unwrap();
        tampered.data.as_mut().unwrap().insert(secret_key::SNAPSHOT.into(), other);
        for compiled in ["a", "b"] {
            let published = Previous::read(Some(tampered.clone())).publish(7, snapshot(compiled), FRESH).unwrap();
            assert_eq!(published.publication.id().revision, 8);
        }
    }

    #[test]
    fn cookie_keys_are_kept_as_long_as_they_are_sound() {
        for sound in [vec![1; 32], [[2; 32], [1; 32]].concat(), vec![1; 128]] {
            let held = secret("7", &snapshot("a"), &sound);
            let kept = Previous::read(Some(held)).publish(7, snapshot("b"), FRESH).unwrap();
            assert_eq!(kept.cookie_keys.to_bytes(), sound);
        }
        for damaged in [b"short".to_vec(), vec![1; 33], vec![1; 160], Vec::new()] {
            let held = secret("7", &snapshot("a"), &damaged);
            let renewed = Previous::read(Some(held)).publish(7, snapshot("a"), FRESH).unwrap();
            assert_eq!((renewed.cookie_keys, renewed.publication.id().revision), (CookieKeys::one(FRESH), 7));
        }
    }
}
