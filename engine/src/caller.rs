//! Who asks, as the sidecar stamped it on the request.

use std::time::SystemTime;

use cubegate_api::Moment;
use cubegate_policy::{day::Day, rights::Rights};
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use crate::problem::Problem;

const USER: HeaderName = HeaderName::from_static("x-cubegate-user");
const ROLES: HeaderName = HeaderName::from_static("x-cubegate-roles");
const ATTRIBUTES: HeaderName = HeaderName::from_static("x-cubegate-attributes");
const POLICY: HeaderName = HeaderName::from_static("x-cubegate-policy");

/// A caller whom the sidecar admitted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Name, for the log only: no answer depends on it.
    pub(crate) user: String,
    /// Decided by the policy of `revision`.
    pub(crate) rights: Rights,
    /// Policy by which the rights were decided, and by which the answer must be restricted.
    pub(crate) revision: u64,
}

impl Caller {
    /// Reads the stamp of a request that is answered today. One with a missing, repeated or malformed stamp is refused.
    pub(crate) fn from_headers(headers: &HeaderMap, today: Day) -> Result<Self, Problem> {
        let user = percent_decode_str(single(headers, &USER, "X-Cubegate-User")?)
            .decode_utf8()
            .map_err(|_| Problem::NotStamped("X-Cubegate-User"))?
            .into_owned();
        let roles = single(headers, &ROLES, "X-Cubegate-Roles")?;
        let attributes = single(headers, &ATTRIBUTES, "X-Cubegate-Attributes")?;
        let rights =
            Rights::from_headers(roles, attributes, today).map_err(|_| Problem::NotStamped("X-Cubegate-Attributes"))?;
        let revision = single(headers, &POLICY, "X-Cubegate-Policy")?
            .parse()
            .map_err(|_| Problem::NotStamped("X-Cubegate-Policy"))?;
        Ok(Self { user, rights, revision })
    }
}

/// What day it is.
pub(crate) fn today() -> Day {
    Day::of(Moment::of(SystemTime::now()))
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName, shown: &'static str) -> Result<&'a str, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Problem::NotStamped(shown)),
        _ => Err(Problem::NotStamped(shown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Day {
        Day::of(Moment::of(SystemTime::UNIX_EPOCH))
    }

    fn stamped(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_stamp_names_user_roles_attributes_and_revision() {
        let headers = stamped(&[
            ("x-cubegate-user", "Zo%C3%AB"),
            ("x-cubegate-roles", "ROLE_PARIS,ROLE_USER,~ROLE_LYON"),
            ("x-cubegate-attributes", r#"[[["shops"],["S1"]]]"#),
            ("x-cubegate-policy", "12"),
        ]);
        let Caller { user, rights: Rights { roles, lapsed, attributes, today: _ }, revision } =
            Caller::from_headers(&headers, day()).unwrap();
        assert_eq!((user.as_str(), roles.len(), revision), ("Zoë", 2, 12));
        assert_eq!(lapsed, ["ROLE_LYON".to_owned()].into());
        assert_eq!(attributes.to_header().as_deref(), Some(r#"[[["shops"],["S1"]]]"#));
    }

    #[test]
    fn a_request_without_a_whole_stamp_is_refused() {
        let whole = [
            ("x-cubegate-user", "a"),
            ("x-cubegate-roles", "ROLE_USER"),
            ("x-cubegate-attributes", "[]"),
            ("x-cubegate-policy", "1"),
        ];
        assert!(Caller::from_headers(&stamped(&whole), day()).is_ok());
        for missing in 0..whole.len() {
            let pairs: Vec<_> =
                whole.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, pair)| *pair).collect();
            assert!(matches!(Caller::from_headers(&stamped(&pairs), day()), Err(Problem::NotStamped(_))));
        }
    }

    #[test]
    fn attributes_in_another_form_than_the_sidecars_are_refused() {
        for attributes in ["", "[[]]", "[[[\"shops\"],[\"S2\",\"S1\"]]]"] {
            let headers = stamped(&[
                ("x-cubegate-user", "a"),
                ("x-cubegate-roles", "ROLE_USER"),
                ("x-cubegate-attributes", attributes),
                ("x-cubegate-policy", "1"),
            ]);
            assert_eq!(Caller::from_headers(&headers, day()), Err(Problem::NotStamped("X-Cubegate-Attributes")));
        }
    }

    #[test]
    fn a_repeated_stamp_is_refused() {
        let headers = stamped(&[
            ("x-cubegate-user", "a"),
            ("x-cubegate-roles", "ROLE_USER"),
            ("x-cubegate-roles", "ROLE_ADMIN"),
            ("x-cubegate-attributes", "[]"),
            ("x-cubegate-policy", "1"),
        ]);
        assert_eq!(Caller::from_headers(&headers, day()), Err(Problem::NotStamped("X-Cubegate-Roles")));
    }
}
