//! How a policy travels: what comes out of a Secret is what went in, or an error.

use std::collections::BTreeMap;

use cubegate_policy::{
    limits::{ACCESS_PUBLICATION_BYTES_MAX, PUBLISHED_BYTES_MAX, SNAPSHOT_BYTES_MAX},
    publication::{Publication, PublicationError, canonical_bytes, published_bytes, secret_key},
};
use proptest::prelude::*;

use crate::{
    algebra::case,
    support::{World, names},
};

type Secret = BTreeMap<&'static str, Vec<u8>>;

fn read(secret: &Secret) -> Result<Publication, PublicationError> {
    Publication::from_secret(|key| secret.get(key).map(Vec::as_slice))
}

fn secret() -> Secret {
    Publication::new(7, World::new().compile().snapshot).to_secret().into()
}

proptest! {
    #[test]
    fn a_policy_that_was_published_is_read_as_the_one_that_was_compiled(case in case(), revision in any::<u64>()) {
        let publication = Publication::new(revision, case.world().compile().snapshot);
        prop_assert_eq!(read(&publication.to_secret().into()).unwrap(), publication);
    }

    #[test]
    fn damage_is_an_error_and_never_another_policy(key in 0..4_usize, damage in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>()) {
        let mut secret = secret();
        let sound = read(&secret).unwrap();
        let key = [secret_key::FORMAT, secret_key::SNAPSHOT, secret_key::SHA256, secret_key::REVISION][key];
        let value = secret.get_mut(key).unwrap();
        let start = at.index(value.len());
        value.splice(start.., damage);
        if let Ok(read) = read(&secret) {
            prop_assert_eq!(read.snapshot(), sound.snapshot());
        }
    }
}

#[test]
fn each_part_that_is_missing_is_named() {
    for key in [secret_key::FORMAT, secret_key::SNAPSHOT, secret_key::SHA256, secret_key::REVISION] {
        let mut secret = secret();
        secret.remove(key);
        assert!(matches!(read(&secret), Err(PublicationError::Missing(missing)) if missing == key));
    }
}

#[test]
fn a_format_of_another_time_is_refused_by_name() {
    let mut secret = secret();
    secret.insert(secret_key::FORMAT, b"99".to_vec());
    assert!(read(&secret).unwrap_err().to_string().contains("`99`"));
}

#[test]
fn what_unfolds_to_more_than_a_snapshot_may_have_is_refused() {
    let mut secret = secret();
    let bomb = zstd::bulk::compress(&vec![b' '; SNAPSHOT_BYTES_MAX + 1], 1).unwrap();
    secret.insert(secret_key::SNAPSHOT, bomb);
    assert!(matches!(read(&secret), Err(PublicationError::Compression(_))));
}

#[test]
fn the_digest_is_of_the_snapshot_and_not_of_how_it_was_compressed() {
    let mut secret = secret();
    let sound = read(&secret).unwrap();
    let otherwise = zstd::bulk::compress(&canonical_bytes(sound.snapshot()), 1).unwrap();
    secret.insert(secret_key::SNAPSHOT, otherwise);
    assert_eq!(read(&secret).unwrap(), sound);
}

#[test]
fn a_snapshot_is_measured_as_it_is_published() {
    let mut snapshot = World::new().compile().snapshot;
    let many: Vec<String> = (0..50_000).map(|number| format!("user-{number}")).collect();
    snapshot.door.granted = many.iter().map(|user| (user.clone(), names(&["ROLE_USER"]))).collect();
    assert!(canonical_bytes(&snapshot).len() > PUBLISHED_BYTES_MAX);
    assert!(published_bytes(&snapshot) < PUBLISHED_BYTES_MAX);
}

#[test]
fn what_can_be_published_can_be_handed_to_an_engine() {
    let mut snapshot = World::new().compile().snapshot;
    snapshot.session = String::new();
    snapshot.sources = Vec::new();
    let (whole, access) = (canonical_bytes(&snapshot).len(), serde_json::to_vec(&snapshot.access).unwrap().len());
    let handed_over = serde_json::to_vec(&Publication::new(u64::MAX, snapshot).access()).unwrap().len();
    assert!(access < whole);
    assert!(handed_over - access <= ACCESS_PUBLICATION_BYTES_MAX - SNAPSHOT_BYTES_MAX);
}
