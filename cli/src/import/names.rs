//! Names of another system as names that are legal here.

use std::collections::BTreeMap;

use cubegate_policy::limits::ROLE_NAME_CHARACTERS_MAX;

/// Longest name of an object.
const OBJECT_NAME_CHARACTERS_MAX: usize = 253;

/// New names, each with the one that it was made of, so that no two become one.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// A role name: what is no letter, digit or one of `_.:-` becomes `_`, and an `_` comes before what is neither letter nor `_`.
    pub(super) fn role(&mut self, prefix: &str, name: &str) -> Result<String, String> {
        let is_legal = |character: char| character.is_ascii_alphanumeric() || "_.:-".contains(character);
        let mut legal: String =
            format!("{prefix}{name}").chars().map(|one| if is_legal(one) { one } else { '_' }).collect();
        if !legal.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            legal.insert(0, '_');
        }
        if legal.len() > ROLE_NAME_CHARACTERS_MAX {
            return Err(format!("`{name}` is longer than the {ROLE_NAME_CHARACTERS_MAX} characters of a role name"));
        }
        self.take(legal, &format!("{prefix}{name}"))
    }

    /// The name of an object: in small letters, and what is no letter or digit becomes `-`.
    pub(super) fn object(&mut self, prefix: &str, name: &str) -> Result<String, String> {
        let letter = |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' };
        let legal: String = format!("{prefix}-{name}").chars().map(letter).collect();
        let legal = legal.trim_matches('-').to_owned();
        if legal.len() > OBJECT_NAME_CHARACTERS_MAX {
            return Err(format!("`{name}` is too long for the name of an object"));
        }
        self.take(legal, &format!("{prefix} {name}"))
    }

    fn take(&mut self, legal: String, of: &str) -> Result<String, String> {
        match self.0.insert(legal.clone(), of.to_owned()) {
            Some(other) => Err(format!("`{other}` and `{of}` would both be called `{legal}` here; rename one")),
            None => Ok(legal),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_change_as_little_as_they_must() {
        let mut names = Names::default();
        assert_eq!(names.role("", "ROLE_FRANCE"), Ok("ROLE_FRANCE".into()));
        assert_eq!(names.role("", "2021 sales"), Ok("_2021_sales".into()));
        assert_eq!(names.role("user:", "anna@example.com"), Ok("user:anna_example.com".into()));
        assert_eq!(names.object("user", "Anna@example.com"), Ok("user-anna-example-com".into()));
    }

    #[test]
    fn names_that_would_become_one_are_refused() {
        let mut names = Names::default();
        names.role("", "a b").unwrap();
        assert!(names.role("", "a?b").unwrap_err().contains("would both be called `a_b`"));
        names.object("role", "France").unwrap();
        assert!(names.object("role", "france").is_err());
    }

    proptest! {
        #[test]
        fn any_name_becomes_legal_or_is_refused(name in ".{0,140}") {
            let mut names = Names::default();
            if let Ok(role) = names.role("", &name) {
                prop_assert!(role.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'));
                prop_assert!(role.chars().all(|one| one.is_ascii_alphanumeric() || "_.:-".contains(one)));
            }
            if let Ok(object) = names.object("role", &name) {
                prop_assert!(object.starts_with("role") && !object.ends_with('-'));
                prop_assert!(object.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-'));
            }
        }
    }
}
