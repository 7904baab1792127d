//! The Secret that carries the policy.

use cubegate_api::Session;
use cubegate_policy::publication::secret_key;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::ResourceExt;

use super::child;
use crate::{names::policy_secret, publish::Published};

pub(super) fn policy(session: &Session, published: &Published) -> Secret {
    let publication = published.publication.to_secret();
    let data = publication.into_iter().chain([(secret_key::COOKIE_KEY, published.cookie_keys.to_bytes())]);
    Secret {
        metadata: child(session, policy_secret(&session.name_any())),
        data: Some(data.map(|(key, value)| (key.to_owned(), ByteString(value))).collect()),
        type_: Some("Opaque".into()),
        ..Secret::default()
    }
}
