//! What holds whatever stands in manifests.

use std::{path::Path, str};

use cubegate_policy::compile::Parsed;
use serde::Serialize;
use serde_json::Value;

use super::{
    document::split_yaml,
    object::{self, Object},
};

/// Documents of YAML: each begins at a line of its file, and an object that is valid is the same when it is written and read.
pub fn manifests(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let lines = text.lines().count() as u64;
    for document in split_yaml(text) {
        assert!((1..=lines).contains(&document.line), "line {} of {lines}", document.line);
        let Ok((object, found)) = object::read(Path::new("manifest.yaml"), &document) else { continue };
        for diagnostic in &found {
            assert!((1..=lines + 1).contains(&diagnostic.line), "{diagnostic} is outside of {lines} lines");
        }
        if let Some(written) = valid(&object) {
            assert!(found.is_empty(), "valid, and yet: {found:?}");
            let yaml = serde_saphyr::to_string(&written).expect("an object can be written as YAML");
            assert_eq!(objects(&yaml), [written], "it is another object when it is read again:\n{yaml}");
        }
    }
}

/// Everything that is wrong with a text of manifests.
pub(crate) fn mistakes(text: &str) -> Vec<String> {
    let read =
        split_yaml(text).into_iter().flat_map(|document| match object::read(Path::new("manifest.yaml"), &document) {
            Ok((_, found)) => found,
            Err(diagnostic) => vec![diagnostic],
        });
    read.map(|diagnostic| diagnostic.to_string()).collect()
}

/// Every valid object of a text.
fn objects(text: &str) -> Vec<Value> {
    let read = |document| object::read(Path::new("manifest.yaml"), document).ok();
    split_yaml(text).iter().filter_map(read).filter_map(|(object, _)| valid(&object)).collect()
}

/// An object of ours, if it is valid.
fn valid(object: &Object) -> Option<Value> {
    fn written<T: Serialize>(parsed: &Parsed<T>) -> Option<Value> {
        let Parsed::Valid(object) = parsed else { return None };
        Some(serde_json::to_value(object).expect("an object of ours is JSON"))
    }
    match object {
        Object::Session(session) => written(session),
        Object::Role(role) => written(role),
        Object::Restriction(restriction) => written(restriction),
        Object::TechnicalUser(user) => written(user),
        Object::Secret { .. } | Object::ConfigMap { .. } | Object::Kustomization(_) | Object::Foreign => None,
    }
}
