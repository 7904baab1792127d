//! Puts a user together from what a provider says in several places.
//!
//! The name and each attribute are taken from the first place that has them. Roles are those of all places that were read, and reading ends only
//! when every configured claim has been found in one of them: the one that is still missing may hold the role that restricts
//! its bearer.

use std::collections::BTreeSet;

use cubegate_policy::{
    attributes::Attributes,
    claims::{self, provider_roles, user_name},
    snapshot::{ClaimPath, Oidc},
};
use serde_json::Value;

use crate::{authenticate::ProviderUser, limits::NAME_BYTES_MAX};

/// What has been found of a user so far.
#[derive(Debug)]
pub(crate) struct Claimed<'a> {
    config: &'a Oidc,
    subject: Option<String>,
    name: Option<String>,
    provider_roles: BTreeSet<String>,
    attributes: Attributes,
    /// Claims of roles and attributes that have been nowhere yet.
    missing: Vec<&'a ClaimPath>,
    /// A claim of which some place says that it is elsewhere.
    elsewhere: Option<&'a ClaimPath>,
}

/// Why what was found makes no user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoUser {
    #[error("the provider says no name of the user")]
    NoName,
    #[error("the name of the user, or a role, begins with the prefix of another provider")]
    Foreign,
    #[error("the claim {0} is elsewhere, and may not be whole here")]
    Elsewhere(ClaimPath),
}

// === impl Claimed ===

impl<'a> Claimed<'a> {
    /// Of whom nothing is known yet.
    pub(crate) fn nothing(config: &'a Oidc) -> Self {
        let missing = config.roles_claims.iter().chain(&config.attribute_claims).collect();
        let (provider_roles, attributes) = (BTreeSet::new(), Attributes::default());
        Self { config, subject: None, name: None, provider_roles, attributes, missing, elsewhere: None }
    }

    /// Takes from further claims what they add.
    pub(crate) fn complete_from(&mut self, claims: &Value) {
        let config = self.config;
        self.subject = self.subject.take().or_else(|| text(claims, "sub").map(str::to_owned));
        self.name = self.name.take().or_else(|| user_name(claims, &config.name_claim).filter(|name| is_usable(name)));
        self.provider_roles.extend(provider_roles(claims, &config.roles_claims));
        // Of an attribute that has been found before, further values count no more than those of a name.
        let found = config.attribute_claims.iter().filter(|path| self.missing.contains(path));
        self.attributes.complete_from(Attributes::of_claims(claims, found));
        self.missing.retain(|path| !is_present(claims, path));
        let configured = config.roles_claims.iter().chain(&config.attribute_claims);
        self.elsewhere = self.elsewhere.or_else(|| claims::elsewhere(claims, configured));
    }

    /// Whether all that was configured has been found, be it empty.
    pub(crate) fn is_complete(&self) -> bool {
        self.name.is_some() && self.missing.is_empty()
    }

    /// Whether none of these is missing. One that is not configured any more is not missed.
    pub(crate) fn has_found(&self, paths: &[ClaimPath]) -> bool {
        !self.missing.iter().any(|path| paths.contains(path))
    }

    /// Claims of roles and attributes that have been found, be they empty.
    pub(crate) fn found(&self) -> Vec<ClaimPath> {
        let configured = self.config.roles_claims.iter().chain(&self.config.attribute_claims);
        configured.filter(|path| !self.missing.contains(path)).cloned().collect()
    }

    /// Whether further claims are about the same user (OpenID Connect Core §5.3.2). Where nothing is known of a subject
    /// yet, any will do.
    pub(crate) fn is_same_subject(&self, claims: &Value) -> bool {
        let subject = text(claims, "sub");
        subject.is_some() && (self.subject.is_none() || self.subject.as_deref() == subject)
    }

    /// The user as the policy knows them.
    pub(crate) fn into_user(self) -> Result<ProviderUser, NoUser> {
        if let Some(claim) = self.elsewhere {
            return Err(NoUser::Elsewhere(claim.clone()));
        }
        let qualified = |name: &String| self.config.qualified(name).ok_or(NoUser::Foreign);
        let name = qualified(self.name.as_ref().ok_or(NoUser::NoName)?)?;
        let provider_roles = self.provider_roles.iter().map(qualified).collect::<Result<_, _>>()?;
        Ok(ProviderUser { name, provider_roles, attributes: self.attributes })
    }
}

/// A claim that is text.
pub(crate) fn text<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// Whether a place says anything at a path; `null` says nothing.
fn is_present(claims: &Value, ClaimPath(keys): &ClaimPath) -> bool {
    keys.iter().try_fold(claims, |value, key| value.as_object()?.get(key)).is_some_and(|value| !value.is_null())
}

/// A name travels in a header and appears in logs.
fn is_usable(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use cubegate_policy::snapshot::{AccessTokenFormat, Checked, SessionTimeouts};
    use serde_json::json;

    use super::*;

    fn config(paths: &[&str]) -> Oidc {
        Oidc {
            provider_id: "p".into(),
            display_name: None,
            prefix: String::new(),
            foreign_prefixes: BTreeSet::new(),
            issuer_url: "https://id.example.com".into(),
            client_id: "cubegate".into(),
            client_secret: None,
            scopes: vec!["openid".into()],
            name_claim: "preferred_username".into(),
            roles_claims: paths.iter().map(|path| ClaimPath(vec![(*path).to_owned()])).collect(),
            attribute_claims: BTreeSet::new(),
            access_token_format: AccessTokenFormat::Jwt,
            audience: None,
            default_roles: Checked::Valid([].into()),
            session: SessionTimeouts::default(),
        }
    }

    #[test]
    fn a_name_is_taken_from_the_first_place_and_only_of_the_same_subject() {
        let config = config(&["roles"]);
        let mut claimed = Claimed::nothing(&config);
        claimed.complete_from(&json!({"sub": "1"}));
        assert!(!claimed.is_complete());
        assert!(claimed.is_same_subject(&json!({"sub": "1"})));
        assert!(!claimed.is_same_subject(&json!({"sub": "2"})));
        assert!(!claimed.is_same_subject(&json!({})));
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "zoë", "roles": ["a"]}));
        assert!(claimed.is_complete());
        claimed.complete_from(&json!({"preferred_username": "other"}));
        let user = claimed.into_user().unwrap();
        assert_eq!((user.name.as_str(), user.provider_roles), ("zoë", ["a".to_owned()].into()));
    }

    #[test]
    fn roles_are_those_of_all_places_until_every_claim_has_been_found() {
        let config = config(&["groups", "roles"]);
        let mut claimed = Claimed::nothing(&config);
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "u", "groups": ["atoti"]}));
        assert!(!claimed.is_complete(), "the claim that is missing may be the one that restricts");
        claimed.complete_from(&json!({"sub": "1", "roles": null}));
        assert!(!claimed.is_complete(), "null says nothing");
        claimed.complete_from(&json!({"sub": "1", "roles": ["paris"]}));
        assert!(claimed.is_complete());
        assert_eq!(claimed.into_user().unwrap().provider_roles, ["atoti".to_owned(), "paris".to_owned()].into());
    }

    #[test]
    fn an_attribute_is_taken_whole_from_the_first_place_that_has_it() {
        let shops = ClaimPath(vec!["shops".to_owned()]);
        let config = Oidc { attribute_claims: [shops.clone()].into(), ..config(&[]) };
        let mut claimed = Claimed::nothing(&config);
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "u"}));
        assert!(!claimed.is_complete(), "another place may have it");
        claimed.complete_from(&json!({"sub": "1", "shops": ["S1"], "towns": ["T1"]}));
        assert!(claimed.is_complete());
        claimed.complete_from(&json!({"sub": "1", "shops": ["S2"]}));
        let attributes = claimed.into_user().unwrap().attributes;
        assert_eq!(attributes.iter().collect::<Vec<_>>(), [(&shops, &["S1".to_owned()].into())]);
    }

    #[test]
    fn an_attribute_that_cannot_be_read_where_it_is_said_is_read_nowhere_else() {
        let config = Oidc { attribute_claims: [ClaimPath(vec!["shops".to_owned()])].into(), ..config(&[]) };
        let mut claimed = Claimed::nothing(&config);
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "u", "shops": {"all": true}}));
        claimed.complete_from(&json!({"sub": "1", "shops": ["S2"]}));
        assert!(claimed.into_user().unwrap().attributes.is_empty());
    }

    #[test]
    fn a_claim_that_is_there_and_empty_has_been_found() {
        let config = config(&["groups"]);
        let mut claimed = Claimed::nothing(&config);
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "u", "groups": []}));
        assert!(claimed.is_complete());
    }

    #[test]
    fn what_was_found_is_missed_when_it_is_found_no_more() {
        let config = config(&["groups", "roles"]);
        let (mut before, mut now) = (Claimed::nothing(&config), Claimed::nothing(&config));
        before.complete_from(&json!({"sub": "1", "preferred_username": "u", "groups": []}));
        assert_eq!(before.found(), [ClaimPath(vec!["groups".to_owned()])]);
        now.complete_from(&json!({"sub": "1", "preferred_username": "u"}));
        assert!(now.has_found(&[]) && !now.has_found(&before.found()));
        now.complete_from(&json!({"sub": "1", "groups": ["paris"]}));
        assert!(now.has_found(&before.found()), "roles were nowhere before either");
        assert!(now.has_found(&[ClaimPath(vec!["towns".to_owned()])]), "nothing is configured to be read there");
    }

    #[test]
    fn half_of_the_groups_make_no_user() {
        let config = config(&["groups"]);
        let mut claimed = Claimed::nothing(&config);
        let overage = json!({"sub": "1", "preferred_username": "u", "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.example.com/getMemberObjects"}}});
        claimed.complete_from(&overage);
        claimed.complete_from(&json!({"sub": "1", "groups": ["atoti"]}));
        let elsewhere = NoUser::Elsewhere(ClaimPath(vec!["groups".to_owned()]));
        assert_eq!(claimed.into_user(), Err(elsewhere), "another place does not make the first one whole");
    }

    #[test]
    fn users_and_roles_are_told_from_those_of_other_providers() {
        let found = |prefix: &str, foreign: &[&str], name: &str, role: &str| {
            let foreign_prefixes = foreign.iter().map(|prefix| (*prefix).to_owned()).collect();
            let config = Oidc { prefix: prefix.to_owned(), foreign_prefixes, ..config(&["roles"]) };
            let mut claimed = Claimed::nothing(&config);
            claimed.complete_from(&json!({"sub": "1", "preferred_username": name, "roles": [role]}));
            claimed.into_user().ok().map(|user| (user.name, user.provider_roles.into_iter().collect::<Vec<_>>()))
        };
        let user = |name: &str, role: &str| Some((name.to_owned(), vec![role.to_owned()]));
        assert_eq!(found("partners:", &[], "alice", "paris"), user("partners:alice", "partners:paris"));
        assert_eq!(found("", &["partners:"], "alice", "paris"), user("alice", "paris"));
        assert_eq!(found("", &["partners:"], "partners:alice", "paris"), None);
        assert_eq!(found("", &["partners:"], "alice", "partners:paris"), None);
        assert_eq!(
            found("staff:", &["partners:"], "partners:alice", "paris"),
            user("staff:partners:alice", "staff:paris")
        );
    }

    #[test]
    fn without_configured_roles_a_name_is_all_that_is_needed() {
        let config = config(&[]);
        let mut claimed = Claimed::nothing(&config);
        claimed.complete_from(&json!({"sub": "1", "preferred_username": "u"}));
        assert!(claimed.is_complete());
    }

    #[test]
    fn a_name_that_cannot_travel_is_no_name() {
        let config = config(&[]);
        for name in ["", "a\nb", "a\u{7f}", &"x".repeat(300)] {
            let mut claimed = Claimed::nothing(&config);
            claimed.complete_from(&json!({"sub": "1", "preferred_username": name}));
            assert_eq!(claimed.into_user(), Err(NoUser::NoName));
        }
    }
}
