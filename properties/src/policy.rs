//! How policies, and what is known of callers, travel.

use std::{collections::BTreeSet, str};

use cubegate_api::Moment;
use cubegate_policy::{
    attributes::Attributes,
    claims::{provider_roles, user_name},
    cut::Cut,
    day::{Day, RelativeDay},
    publication::{Publication, secret_key},
    rights::Rights,
    snapshot::{ClaimPath, Snapshot},
};
use serde_json::Value;

/// The header of attributes: there is one form of what it says, and no other is read.
pub fn attributes(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(attributes) = Attributes::from_header(text) else { return };
    assert_eq!(attributes.to_header().as_deref(), Some(text));
    assert!(attributes.fit_header());
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    assert!(attributes.iter().all(|(path, values)| !path.0.is_empty() && !values.is_empty()));
}

/// The headers of roles and attributes, a line each: what was read is written so that it is read as the same.
pub fn rights(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (roles, attributes) = text.split_once('\n').unwrap_or((text, "[]"));
    let today = Day::of(moment("2026-01-01T00:00:00Z"));
    let Ok(rights) = Rights::from_headers(roles, attributes, today) else { return };
    let written = (rights.roles_to_header(), rights.attributes.to_header().expect("it was read from a header"));
    assert_eq!(Rights::from_headers(&written.0, &written.1, today).as_ref(), Ok(&rights));
    // A name that has lapsed gives nothing, however it is written.
    for role in roles.split(',').filter_map(|role| role.strip_prefix('~')) {
        assert!(rights.lapsed.contains(role));
        assert!(!rights.roles.contains(role) || roles.split(',').any(|other| other == role));
    }
}

/// Claims of a token: roles are texts that stand there, of claims that hold nothing but text.
pub fn claims(input: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Value>(input) else { return };
    let paths = [
        ClaimPath(vec!["resource_access".into(), "cubegate".into(), "roles".into()]),
        ClaimPath(vec!["https://example.com/roles".into()]),
    ];
    let roles = provider_roles(&claims, &paths);
    let texts: BTreeSet<String> = texts_of(&claims);
    assert!(roles.is_subset(&texts), "{roles:?} are not all said");
    assert!(user_name(&claims, "preferred_username").is_none_or(|name| texts.contains(&name) && !name.is_empty()));
    let attributes = Attributes::of_claims(&claims, &paths);
    if let Some(header) = attributes.to_header() {
        assert_eq!(Attributes::from_header(&header), Ok(attributes));
    }
}

/// A cut: it is written as it was read.
pub fn cut(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let Ok(cut) = text.parse::<Cut>() else { return };
    assert_eq!(cut.to_string(), text);
    assert!(!cut.dimension().is_empty());
}

/// A policy as a Secret carries it: what arrives whole is the policy, and what does not is none.
pub fn publication(input: &[u8]) {
    let parts = |snapshot: &[u8], sha256: &[u8], revision: &[u8]| {
        let (snapshot, sha256, revision) = (snapshot.to_vec(), sha256.to_vec(), revision.to_vec());
        move |key: &str| match key {
            secret_key::FORMAT => None,
            secret_key::SNAPSHOT => Some(snapshot.clone()),
            secret_key::SHA256 => Some(sha256.clone()),
            _ => Some(revision.clone()),
        }
    };
    let read = |format: &[u8], part: &dyn Fn(&str) -> Option<Vec<u8>>| {
        let known = [secret_key::SNAPSHOT, secret_key::SHA256, secret_key::REVISION].map(|key| (key, part(key)));
        Publication::from_secret(|wanted| {
            if wanted == secret_key::FORMAT {
                return Some(format);
            }
            known.iter().find(|(key, _)| *key == wanted)?.1.as_deref()
        })
    };
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(input) else {
        assert!(read(b"1", &parts(input, b"", b"1")).is_err(), "its digest is not the empty text");
        return;
    };
    let published = Publication::new(7, snapshot);
    let secret = published.to_secret();
    let value = |wanted: &str| secret.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value.as_slice());
    let arrived = Publication::from_secret(value).expect("what was published can be read");
    assert_eq!((arrived.id(), arrived.snapshot()), (published.id(), published.snapshot()));
    let (format, snapshot) = (value(secret_key::FORMAT), value(secret_key::SNAPSHOT));
    let (format, snapshot) = (format.unwrap_or_default(), snapshot.unwrap_or_default());
    let other = [b'0'; 64];
    assert!(read(format, &parts(snapshot, &other, b"7")).is_err(), "another digest");
    let cut_short = snapshot.get(..snapshot.len() / 2).unwrap_or_default();
    assert!(read(format, &parts(cut_short, published.id().sha256.as_bytes(), b"7")).is_err(), "half of it");
}

/// Moments and words for days: there is one meaning of each, and what is written is read as the same.
pub fn times(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(moment) = Moment::try_from(text.to_owned()) {
        assert_eq!(Moment::try_from(moment.to_string()).ok(), Some(moment));
        assert!(text.ends_with(['Z', 'z']) || text.contains(['+', '-']), "{text} says of no place when it is");
    }
    if let Some(Ok(day)) = RelativeDay::read(text) {
        assert_eq!(RelativeDay::read(&day.to_string()), Some(Ok(day.clone())));
        for today in ["2024-02-29T23:59:59Z", "2026-12-31T00:00:00Z"] {
            let today = Day::of(moment(today));
            let meant = day.on(today).expect("a thousand units from here there still is a calendar");
            let goes_back = text == "yesterday" || text.ends_with("ago") || text.starts_with("last");
            assert!(!goes_back || meant <= today, "{text} lies ahead");
        }
    }
}

fn moment(text: &str) -> Moment {
    Moment::try_from(text.to_owned()).expect("the moment is written as RFC 3339 says")
}

/// Every text below a value, and every integer as text.
fn texts_of(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => [text.clone()].into(),
        Value::Number(number) => [number.to_string()].into(),
        Value::Array(values) => values.iter().flat_map(texts_of).collect(),
        Value::Object(members) => members.values().flat_map(texts_of).collect(),
        Value::Null | Value::Bool(_) => BTreeSet::new(),
    }
}
