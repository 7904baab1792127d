//! The Secret that pods mount as their certificate: whether it is there. What is in it, the sidecar judges.

use cubegate_api::{
    Session,
    edge::{TLS_CERTIFICATE, TLS_KEY},
    reference::KeyReference,
};
use cubegate_policy::{
    compile::{Problem, ProblemKind},
    snapshot::{Kind, ObjectName},
};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};

use super::{
    Error, get_secret,
    passwords::{missing_secret, value},
};
use crate::watch::namespace::Namespace;

pub(super) async fn problem(
    secrets: &Api<Secret>,
    namespace: &Namespace,
    session: &Session,
) -> Result<Option<Problem>, Error> {
    let Some(tls) = &session.spec.tls else { return Ok(None) };
    let found = get_secret(secrets, &tls.secret_name).await?;
    let defect = match &found {
        None => Some(missing_secret(namespace, &tls.secret_name)),
        Some(secret) => [TLS_CERTIFICATE, TLS_KEY].into_iter().find_map(|key| {
            let reference = KeyReference { name: tls.secret_name.clone(), key: key.to_owned() };
            value(secret, &reference).err()
        }),
    };
    Ok(defect.map(|message| Problem {
        object: ObjectName { kind: Kind::Session, name: session.name_any() },
        field: "spec.tls.secretName".to_owned(),
        kind: ProblemKind::Unresolved,
        message,
    }))
}
