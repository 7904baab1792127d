//! Puts a user together from what a provider says in several places.
//!
//! The name is taken from the first place that has it, the roles from the first that has any.

use std::collections::BTreeSet;

use cubegate_policy::{
    claims::{provider_roles, user_name},
    snapshot::Oidc,
};
use serde_json::Value;

use crate::{authenticate::ProviderUser, limits::NAME_BYTES_MAX};

/// What has been found of a user so far.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    subject: Option<String>,
    name: Option<String>,
    provider_roles: BTreeSet<String>,
    wants_roles: bool,
}

// === impl Claimed ===

impl Claimed {
    /// Takes what is still missing from further claims.
    pub(crate) fn complete_from(&mut self, claims: &Value, config: &Oidc) {
        self.wants_roles = !config.roles_claims.is_empty();
        self.subject = self.subject.take().or_else(|| text(claims, "sub").map(str::to_owned));
        self.name = self.name.take().or_else(|| user_name(claims, &config.name_claim).filter(|name| is_usable(name)));
        if self.provider_roles.is_empty() {
            self.provider_roles = provider_roles(claims, &config.roles_claims);
        }
    }

    /// Whether further claims could add nothing.
    pub(crate) fn is_complete(&self) -> bool {
        self.name.is_some() && self.wants_roles != self.provider_roles.is_empty()
    }

    /// Whether further claims are about the same user (OpenID Connect Core §5.3.2). Where nothing is known of a subject
    /// yet, any will do.
    pub(crate) fn is_same_subject(&self, claims: &Value) -> bool {
        let subject = text(claims, "sub");
        subject.is_some() && (self.subject.is_none() || self.subject.as_deref() == subject)
    }

    pub(crate) fn into_user(self) -> Option<ProviderUser> {
        Some(ProviderUser { name: self.name?, provider_roles: self.provider_roles })
    }
}

/// A claim that is text.
pub(crate) fn text<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A name travels in a header and appears in logs.
fn is_usable(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use cubegate_policy::snapshot::{AccessTokenFormat, Checked, ClaimPath};
    use serde_json::json;

    use super::*;

    fn config(paths: &[&str]) -> Oidc {
        Oidc {
            provider_id: "p".into(),
            issuer_url: "https://id.example.com".into(),
            client_id: "cubegate".into(),
            client_secret: None,
            scopes: vec!["openid".into()],
            name_claim: "preferred_username".into(),
            roles_claims: paths.iter().map(|path| ClaimPath(vec![(*path).to_owned()])).collect(),
            access_token_format: AccessTokenFormat::Jwt,
            audience: None,
            default_roles: Checked::Valid([].into()),
        }
    }

    #[test]
    fn name_and_roles_are_completed_from_the_next_place() {
        let mut claimed = Claimed::default();
        claimed.complete_from(&json!({"sub": "1"}), &config(&["roles"]));
        assert!(!claimed.is_complete());
        assert!(claimed.is_same_subject(&json!({"sub": "1"})));
        assert!(!claimed.is_same_subject(&json!({"sub": "2"})));
        assert!(!claimed.is_same_subject(&json!({})));
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "zoë", "roles": ["a"]}), &config(&["roles"]));
        assert!(claimed.is_complete());
        claimed.complete_from(&json!({"preferred_username": "other", "roles": ["b"]}), &config(&["roles"]));
        let user = claimed.into_user().unwrap();
        assert_eq!((user.name.as_str(), user.provider_roles), ("zoë", ["a".to_owned()].into()));
    }

    #[test]
    fn without_configured_roles_a_name_is_all_that_is_needed() {
        let mut claimed = Claimed::default();
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "u"}), &config(&[]));
        assert!(claimed.is_complete());
    }

    #[test]
    fn a_name_that_cannot_travel_is_no_name() {
        for name in ["", "a\nb", "a\u{7f}", &"x".repeat(300)] {
            let mut claimed = Claimed::default();
            claimed.complete_from(&json!({"sub": "1", "preferred_username": name}), &config(&[]));
            assert_eq!(claimed.into_user(), None);
        }
    }
}
