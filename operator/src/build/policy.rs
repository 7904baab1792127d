//! The Secret that carries the policy.

use cubegate_api::Session;
use cubegate_policy::publication::{canonical_bytes, secret_key};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::ResourceExt;

use super::child;
use crate::{names::policy_secret, publish::Published};

pub(super) fn policy(session: &Session, published: &Published) -> Secret {
    let id = published.publication.id();
    let data = [
        (secret_key::SNAPSHOT, canonical_bytes(published.publication.snapshot())),
        (secret_key::REVISION, id.revision.to_string().into_bytes()),
        (secret_key::SHA256, id.sha256.clone().into_bytes()),
        (secret_key::COOKIE_KEY, published.cookie_key.to_vec()),
    ];
    Secret {
        metadata: child(session, policy_secret(&session.name_any())),
        data: Some(data.map(|(key, value)| (key.to_owned(), ByteString(value))).into()),
        type_: Some("Opaque".into()),
        ..Secret::default()
    }
}
