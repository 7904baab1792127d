//! Finds out whom a Role concerns that could not be read.
//!
//! Such a Role must refuse its holders: were it dropped, those whom it restricts would see everything that their
//! other roles show. Its author made a mistake somewhere in it, perhaps in the very place that names the holders, so
//! reading errs on the side of refusing:
//!
//! | in the manifest                                  | counts as                                             |
//! |--------------------------------------------------|-------------------------------------------------------|
//! | `mappedFrom`, `users`, or a misspelling of them   | holders; one text with commas or spaces also its parts |
//! | any other field that a Role does not have         | holders, as far as there is text in it                |
//! | `restrictions`, `inherits`, … or a misspelling    | not holders                                           |
//! | a number or boolean where a holder should be      | unreadable: how it was written is lost (`007`)        |
//! | no `spec`, or one that is not a mapping           | unreadable                                            |
//!
//! When the holders are unreadable anyone may be one of them. Then nobody is let in at all until the object is
//! mended: the caller of this module breaks `ROLE_USER`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::objects::InvalidObject;

/// Fields of a Role, and of the object around it, that do not name holders.
const OTHER_FIELDS: [&str; 18] = [
    "sessionRef",
    "roleName",
    "inherits",
    "restrictions",
    "unrestricted",
    "cubes",
    "notBefore",
    "notAfter",
    "priority",
    "context",
    "hide",
    "grantMeasures",
    "grantMembers",
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "status",
];

/// Single-character edits that make a misspelling.
const MISSPELLING_EDITS_MAX: usize = 2;

/// Whom an unreadable Role concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holders {
    pub(super) role_name: String,
    pub(super) mapped_from: BTreeSet<String>,
    pub(super) users: BTreeSet<String>,
    /// Whether these are all; if not, anyone may be a holder.
    pub(super) complete: bool,
}

pub(super) fn read(role: &InvalidObject) -> Holders {
    let spec = role.manifest.get("spec").and_then(Value::as_object);
    let role_name = spec.and_then(|spec| spec.get("roleName")).and_then(Value::as_str).unwrap_or(&role.name);
    let mut holders = Holders { role_name: role_name.to_owned(), complete: spec.is_some(), ..Holders::default() };
    // A field that lost its indentation is found beside `spec`.
    for fields in role.manifest.as_object().into_iter().chain(spec) {
        read_fields(fields, &mut holders);
    }
    holders
}

fn read_fields(fields: &Map<String, Value>, holders: &mut Holders) {
    let Holders { role_name: _, mapped_from, users, complete } = holders;
    for (field, value) in fields {
        if is_misspelling_of("mappedFrom", field) {
            *complete &= collect_names(value, mapped_from);
        } else if is_misspelling_of("users", field) {
            *complete &= collect_names(value, users);
        } else if !OTHER_FIELDS.iter().any(|known| is_misspelling_of(known, field)) {
            let mut names = BTreeSet::new();
            collect_names(value, &mut names);
            mapped_from.extend(names.iter().cloned());
            users.extend(names);
        }
    }
}

fn is_misspelling_of(known: &str, written: &str) -> bool {
    strsim::osa_distance(&known.to_lowercase(), &written.to_lowercase()) <= MISSPELLING_EDITS_MAX
}

/// Collects all names in a value, to its end; false when there may be names that cannot be told.
fn collect_names(value: &Value, names: &mut BTreeSet<String>) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => {
            let parts = text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|part| !part.is_empty());
            names.extend(parts.map(str::to_owned));
            names.insert(text.clone());
            true
        }
        Value::Array(items) => items.iter().map(|item| collect_names(item, names)).min().unwrap_or(true),
        Value::Object(fields) => {
            names.extend(fields.keys().cloned());
            fields.values().map(|item| collect_names(item, names)).min().unwrap_or(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_role_names_holders_or_is_known_not_to() {
        let crds = cubegate_api::crds::crds();
        let role = crds.iter().find(|crd| crd.spec.names.kind == "Role").unwrap();
        let schema = role.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
        let spec = schema.properties.unwrap().remove("spec").unwrap();
        let fields: BTreeSet<String> = spec.properties.unwrap().into_keys().collect();
        assert!(fields.contains("mappedFrom") && fields.contains("users"));
        for field in fields {
            let names_holders = ["mappedFrom", "users"].contains(&field.as_str());
            assert_ne!(names_holders, OTHER_FIELDS.contains(&field.as_str()), "{field}");
        }
    }
}
