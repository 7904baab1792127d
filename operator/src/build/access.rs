//! Who the sidecar is for the API server, and that it may read its policy Secret and nothing else.

use cubegate_api::Session;
use k8s_openapi::api::{
    core::v1::ServiceAccount,
    rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject},
};
use kube::ResourceExt;

use super::child;
use crate::names::policy_secret;

pub(super) fn service_account(session: &Session) -> ServiceAccount {
    ServiceAccount {
        metadata: child(session, session.name_any()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

/// `list` and `watch` with `resourceNames` are granted to requests with the field selector `metadata.name=…`.
pub(super) fn role(session: &Session) -> Role {
    let rule = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".into()]),
        resource_names: Some(vec![policy_secret(&session.name_any())]),
        verbs: ["get", "list", "watch"].map(Into::into).into(),
        ..PolicyRule::default()
    };
    Role { metadata: child(session, session.name_any()), rules: Some(vec![rule]) }
}

pub(super) fn role_binding(session: &Session) -> RoleBinding {
    let subject = Subject {
        kind: "ServiceAccount".into(),
        name: session.name_any(),
        namespace: session.namespace(),
        ..Subject::default()
    };
    RoleBinding {
        metadata: child(session, session.name_any()),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".into(),
            kind: "Role".into(),
            name: session.name_any(),
        },
        subjects: Some(vec![subject]),
    }
}
