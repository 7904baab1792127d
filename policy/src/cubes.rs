//! Which cubes a caller may see.
//!
//! The lists of all roles of a caller count together. Roles that say nothing of cubes do not count; when none of them does,
//! every cube is visible. Where orders differ, a cube must be visible by each of them. A role that has lapsed goes on denying
//! and allows nothing: its list of allowed cubes counts as one that names none.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::snapshot::CubeOrder;

/// What one role says of cubes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CubeRights {
    /// Cubes that are allowed.
    pub allowed: BTreeSet<CubePattern>,
    /// Cubes that are denied.
    pub denied: BTreeSet<CubePattern>,
    /// How the two go together.
    pub order: CubeOrder,
}

/// One cube, or many by a part of their names. Written as in `Sales`, `*`, `Sales*`, `*2021`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CubePattern {
    /// The cube of this name.
    Name(String),
    /// Cubes whose names begin so.
    Prefix(String),
    /// Cubes whose names end so.
    Suffix(String),
}

/// Why text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the name of a cube, `*`, `prefix*` or `*suffix`")]
pub struct MalformedPattern;

/// Whether a cube is visible to the holder of roles that say this, each with whether it has lapsed.
pub fn is_visible<'a>(cube: &str, roles: impl IntoIterator<Item = (&'a CubeRights, bool)>) -> bool {
    let (mut orders, mut allows_any) = (BTreeSet::new(), false);
    let (mut is_allowed, mut is_denied) = (false, false);
    for (CubeRights { allowed, denied, order }, has_lapsed) in roles {
        orders.insert(order);
        allows_any |= !allowed.is_empty();
        is_allowed |= !has_lapsed && allowed.iter().any(|pattern| pattern.matches(cube));
        is_denied |= denied.iter().any(|pattern| pattern.matches(cube));
    }
    orders.into_iter().all(|order| match order {
        CubeOrder::Strict => !is_denied && (is_allowed || !allows_any),
        CubeOrder::DenyAllow => is_allowed || !is_denied,
        CubeOrder::AllowDeny => is_allowed && !is_denied,
    })
}

impl CubePattern {
    /// Whether a cube is meant.
    pub fn matches(&self, cube: &str) -> bool {
        match self {
            Self::Name(name) => cube == name,
            Self::Prefix(prefix) => cube.starts_with(prefix),
            Self::Suffix(suffix) => cube.ends_with(suffix),
        }
    }
}

impl TryFrom<String> for CubePattern {
    type Error = MalformedPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (pattern, rest) = match (text.strip_suffix('*'), text.strip_prefix('*')) {
            (Some(prefix), _) => (Self::Prefix(prefix.to_owned()), prefix),
            (None, Some(suffix)) => (Self::Suffix(suffix.to_owned()), suffix),
            (None, None) if text.is_empty() => return Err(MalformedPattern),
            (None, None) => (Self::Name(text.clone()), text.as_str()),
        };
        if rest.contains('*') { Err(MalformedPattern) } else { Ok(pattern) }
    }
}

impl std::fmt::Display for CubePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Suffix(suffix) => write!(f, "*{suffix}"),
        }
    }
}

impl From<CubePattern> for String {
    fn from(pattern: CubePattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rights(order: CubeOrder, allowed: &[&str], denied: &[&str]) -> CubeRights {
        let patterns = |patterns: &[&str]| {
            patterns.iter().map(|text| CubePattern::try_from((*text).to_owned()).unwrap()).collect()
        };
        CubeRights { allowed: patterns(allowed), denied: patterns(denied), order }
    }

    fn seen(roles: &[CubeRights]) -> Vec<&'static str> {
        seen_with(roles, &[])
    }

    fn seen_with(valid: &[CubeRights], lapsed: &[CubeRights]) -> Vec<&'static str> {
        let cubes = ["hr", "sales", "sales 2021", "stock"].into_iter();
        let roles = || valid.iter().map(|role| (role, false)).chain(lapsed.iter().map(|role| (role, true)));
        cubes.filter(|cube| is_visible(cube, roles())).collect()
    }

    #[test]
    fn patterns_are_names_prefixes_and_suffixes() {
        let allowed = |pattern: &str| seen(&[rights(CubeOrder::Strict, &[pattern], &[])]);
        assert_eq!(allowed("sales"), ["sales"]);
        assert_eq!(allowed("sales*"), ["sales", "sales 2021"]);
        assert_eq!(allowed("*2021"), ["sales 2021"]);
        assert_eq!(allowed("*").len(), 4);
        for malformed in ["", "**", "a*b", "*a*"] {
            assert!(CubePattern::try_from(malformed.to_owned()).is_err(), "{malformed}");
        }
    }

    #[test]
    fn strict_shows_only_what_is_allowed_and_nothing_that_is_denied() {
        assert_eq!(seen(&[rights(CubeOrder::Strict, &["sales", "hr"], &[])]), ["hr", "sales"]);
        assert_eq!(seen(&[rights(CubeOrder::Strict, &["sales", "hr"], &["hr"])]), ["sales"]);
        assert_eq!(seen(&[rights(CubeOrder::Strict, &[], &["hr"])]), ["sales", "sales 2021", "stock"]);
    }

    #[test]
    fn deny_allow_hides_only_what_is_denied_and_not_allowed() {
        assert_eq!(seen(&[rights(CubeOrder::DenyAllow, &["sales"], &[])]).len(), 4);
        assert_eq!(seen(&[rights(CubeOrder::DenyAllow, &["sales"], &["s*"])]), ["hr", "sales"]);
    }

    #[test]
    fn allow_deny_shows_only_what_is_allowed_and_not_denied() {
        assert_eq!(seen(&[rights(CubeOrder::AllowDeny, &["s*"], &["stock"])]), ["sales", "sales 2021"]);
        assert_eq!(seen(&[rights(CubeOrder::AllowDeny, &[], &[])]), Vec::<&str>::new());
    }

    #[test]
    fn lists_of_several_roles_count_together_and_every_order_must_show_a_cube() {
        let sales = rights(CubeOrder::Strict, &["sales"], &[]);
        assert_eq!(seen(&[sales.clone(), rights(CubeOrder::Strict, &["hr"], &[])]), ["hr", "sales"]);
        assert_eq!(seen(&[sales.clone(), rights(CubeOrder::DenyAllow, &[], &["sales"])]), Vec::<&str>::new());
        assert_eq!(seen(&[]).len(), 4);
    }

    #[test]
    fn what_has_lapsed_denies_and_allows_nothing() {
        let sales = |order| rights(order, &["s*"], &["stock"]);
        let nothing = Vec::<&str>::new();
        assert_eq!(seen_with(&[], &[sales(CubeOrder::Strict)]), nothing);
        assert_eq!(seen_with(&[], &[sales(CubeOrder::DenyAllow)]), ["hr", "sales", "sales 2021"]);
        assert_eq!(seen_with(&[], &[sales(CubeOrder::AllowDeny)]), nothing);
        let valid = rights(CubeOrder::Strict, &["sales", "stock"], &[]);
        assert_eq!(seen_with(&[valid], &[sales(CubeOrder::Strict)]), ["sales"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_a_pattern_is_written_as_it_was_read(text in "[*a-c ]{0,6}") {
            match CubePattern::try_from(text.clone()) {
                Ok(pattern) => prop_assert_eq!(String::from(pattern), text),
                Err(MalformedPattern) => prop_assert!(text.is_empty() || text.contains('*')),
            }
        }
    }
}
