//! What a provider says of a user: a name, and the provider's own roles.
//!
//! Provider roles never travel further than [`resolve`](crate::resolve::resolve), which maps them to roles.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::snapshot::ClaimPath;

/// The provider's roles of a user: the union of what is found at the paths.
///
/// A string is one role, an array of strings many. Anything else is none, also an array that holds
/// something besides strings: reading half of it could lose the role that restricts its bearer.
pub fn provider_roles(claims: &Value, paths: &[ClaimPath]) -> BTreeSet<String> {
    provider_roles_by_claim(claims, paths).into_iter().flat_map(|(_, roles)| roles).collect()
}

/// What [`provider_roles`] found at each path.
pub fn provider_roles_by_claim<'a>(claims: &Value, paths: &'a [ClaimPath]) -> Vec<(&'a ClaimPath, BTreeSet<String>)> {
    let found = |path| Some((path, roles_in(at(claims, path)?).into_iter().collect()));
    paths.iter().filter_map(found).collect()
}

/// The user's name: a top-level claim that is text and not empty.
pub fn user_name(claims: &Value, name_claim: &str) -> Option<String> {
    claims.get(name_claim)?.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The first of these claims of which a token says that it is elsewhere (OpenID Connect Core §5.6.2): Microsoft Entra ID does so of
/// more groups than a token has room for. What a token has of such a claim may be half of it, or nothing.
pub fn elsewhere<'a>(claims: &Value, paths: impl IntoIterator<Item = &'a ClaimPath>) -> Option<&'a ClaimPath> {
    let is_named = |name: &String| claims.get("_claim_names").is_some_and(|names| names.get(name).is_some());
    // How Entra says it where a token travels in a URL.
    let is_left_out = |name: &String| name == "groups" && claims.get("hasgroups").is_some_and(|has| has != false);
    paths.into_iter().find(|ClaimPath(keys)| keys.first().is_some_and(|name| is_named(name) || is_left_out(name)))
}

/// What lies at a path.
pub(crate) fn at<'a>(claims: &'a Value, ClaimPath(keys): &ClaimPath) -> Option<&'a Value> {
    if keys.is_empty() {
        return None;
    }
    keys.iter().try_fold(claims, |value, key| value.as_object()?.get(key))
}

fn roles_in(value: &Value) -> Vec<String> {
    match value {
        Value::String(role) => vec![role.clone()],
        Value::Array(roles) => {
            roles.iter().map(|role| role.as_str().map(str::to_owned)).collect::<Option<_>>().unwrap_or_default()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn path(keys: &[&str]) -> ClaimPath {
        ClaimPath(keys.iter().map(ToString::to_string).collect())
    }

    fn roles(claims: &Value, paths: &[ClaimPath]) -> Vec<String> {
        provider_roles(claims, paths).into_iter().collect()
    }

    #[test]
    fn a_claim_that_is_said_to_be_elsewhere_is_found_by_its_outermost_key() {
        let paths = [path(&["roles"]), path(&["groups"]), path(&["realm", "roles"])];
        let found = |claims: &Value| elsewhere(claims, &paths).map(|path| path.0[0].as_str());
        assert_eq!(found(&json!({"groups": ["a"], "roles": []})), None);
        assert_eq!(found(&json!({"_claim_names": {"groups": "src1"}, "groups": ["a"]})), Some("groups"));
        assert_eq!(found(&json!({"_claim_names": {"realm": "src1"}})), Some("realm"));
        assert_eq!(found(&json!({"_claim_names": {"address": "src1"}, "hasgroups": false})), None);
        assert_eq!(found(&json!({"hasgroups": true})), Some("groups"));
        assert_eq!(found(&json!({"hasgroups": "true"})), Some("groups"));
    }

    #[test]
    fn roles_are_found_at_nested_keys() {
        let claims = json!({"resource_access": {"cubegate": {"roles": ["paris", "atoti"]}}});
        assert_eq!(roles(&claims, &[path(&["resource_access", "cubegate", "roles"])]), ["atoti", "paris"]);
    }

    #[test]
    fn a_literal_claim_name_may_hold_dots_and_slashes() {
        let claims = json!({"https://example.com/roles": "france"});
        assert_eq!(roles(&claims, &[path(&["https://example.com/roles"])]), ["france"]);
    }

    #[test]
    fn the_union_of_all_paths_counts() {
        let claims = json!({"a": "x", "b": ["y", "x"]});
        assert_eq!(roles(&claims, &[path(&["a"]), path(&["b"]), path(&["missing", "c"])]), ["x", "y"]);
    }

    #[test]
    fn anything_but_text_and_arrays_of_text_is_no_role() {
        for value in
            [json!(null), json!(7), json!(true), json!({"paris": true}), json!(["atoti", 7]), json!([["paris"]])]
        {
            assert_eq!(roles(&json!({"roles": value}), &[path(&["roles"])]), Vec::<String>::new());
        }
    }

    #[test]
    fn an_array_on_the_way_gives_none() {
        assert_eq!(
            roles(&json!({"a": [{"b": "x"}]}), &[path(&["a", "b"]), path(&["a", "0", "b"]), path(&[])]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_name_is_text_and_not_empty() {
        let claims = json!({"sub": "u1", "n": 7, "e": "", "a.b": "dotted"});
        assert_eq!(user_name(&claims, "sub").as_deref(), Some("u1"));
        assert_eq!(user_name(&claims, "a.b").as_deref(), Some("dotted"));
        assert_eq!(user_name(&claims, "n"), None);
        assert_eq!(user_name(&claims, "e"), None);
        assert_eq!(user_name(&json!([]), "sub"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_claims_are_read_without_panic_and_only_text_of_theirs_comes_out(claims in any_json(), keys in prop::collection::vec("[ab]", 0..4)) {
            let text = claims.to_string();
            for role in provider_roles(&claims, &[ClaimPath(keys)]) {
                let quoted = format!("{role:?}");
                prop_assert!(text.contains(&quoted));
            }
        }
    }
}
