//! What restrictions may ask of a caller: the values of claims of the provider's tokens, or of attributes of a TechnicalUser.
//!
//! Only attributes that the policy speaks of are read. They travel from sidecar to engine as one header value, in the one
//! form that [`Attributes::to_header`] writes; any other form of the same attributes is refused, so that nothing can be
//! said in two ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{claims::at, limits::ATTRIBUTES_BYTES_MAX, snapshot::ClaimPath};

/// The attributes of one caller. None of them is empty, nor is the path of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(ClaimPath, BTreeSet<String>)>", into = "Vec<(ClaimPath, BTreeSet<String>)>")]
pub struct Attributes(BTreeMap<ClaimPath, BTreeSet<String>>);

/// Why a header value says no attributes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the attributes are not in the form that they are written in")]
pub struct MalformedAttributes;

impl Attributes {
    /// Those of a caller who has none.
    pub fn none() -> &'static Self {
        static NONE: Attributes = Attributes(BTreeMap::new());
        &NONE
    }

    /// The attributes that claims hold at these paths. Text and integers are values, alone or in an array. Anything else is no
    /// attribute, also an array that holds something besides: half of it could lose what `not` excludes.
    pub fn of_claims<'a>(claims: &Value, paths: impl IntoIterator<Item = &'a ClaimPath>) -> Self {
        let found = paths.into_iter().filter_map(|path| Some((path.clone(), values(at(claims, path)?)?)));
        found.collect::<Vec<_>>().into()
    }

    /// The values at a path; none when the caller has no such attribute. Never empty.
    pub fn values(&self, path: &ClaimPath) -> Option<&BTreeSet<String>> {
        self.0.get(path)
    }

    /// Every attribute.
    pub fn iter(&self) -> impl Iterator<Item = (&ClaimPath, &BTreeSet<String>)> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over attributes that are not here yet.
    pub fn complete_from(&mut self, other: Self) {
        for (path, values) in other.0 {
            self.0.entry(path).or_insert(values);
        }
    }

    /// These attributes as a header value: JSON of printable ASCII, `[[["shops"],["S1","S2"]]]`. None when it were longer than
    /// [`ATTRIBUTES_BYTES_MAX`].
    pub fn to_header(&self) -> Option<String> {
        let json = serde_json::to_string(self).expect("attributes are lists of texts, so they always serialise");
        let header = json.chars().fold(String::with_capacity(json.len()), |mut header, character| {
            if (' '..='~').contains(&character) {
                header.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(header, "\\u{unit:04x}").expect("writing to a String does not fail");
                }
            }
            header
        });
        (header.len() <= ATTRIBUTES_BYTES_MAX).then_some(header)
    }

    /// Whether they have a header value. Far from the limit this is known without writing it.
    pub fn fit_header(&self) -> bool {
        // A byte of a text becomes six at most, and with a text go two quotes and a comma.
        let text_bytes = |text: &String| 6 * text.len() + 3;
        let brackets_of_claim = "[[],[]],".len();
        let claim_bytes = |(claim, values): (&ClaimPath, &BTreeSet<String>)| {
            brackets_of_claim + claim.0.iter().chain(values).map(text_bytes).sum::<usize>()
        };
        let most: usize = "[]".len() + self.0.iter().map(claim_bytes).sum::<usize>();
        most <= ATTRIBUTES_BYTES_MAX || self.to_header().is_some()
    }

    /// Reads what [`to_header`](Self::to_header) wrote, and nothing else.
    pub fn from_header(header: &str) -> Result<Self, MalformedAttributes> {
        let attributes: Self = serde_json::from_str(header).map_err(|_| MalformedAttributes)?;
        if attributes.to_header().as_deref() == Some(header) { Ok(attributes) } else { Err(MalformedAttributes) }
    }
}

impl From<Vec<(ClaimPath, BTreeSet<String>)>> for Attributes {
    fn from(attributes: Vec<(ClaimPath, BTreeSet<String>)>) -> Self {
        Self(attributes.into_iter().filter(|(path, values)| !path.0.is_empty() && !values.is_empty()).collect())
    }
}

impl From<Attributes> for Vec<(ClaimPath, BTreeSet<String>)> {
    fn from(Attributes(attributes): Attributes) -> Self {
        attributes.into_iter().collect()
    }
}

fn values(value: &Value) -> Option<BTreeSet<String>> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => Some([text(value)?].into()),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
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

    #[test]
    fn text_and_integers_are_values_alone_or_in_an_array() {
        let claims = json!({"shop": "S1", "floors": [1, "two"], "org": {"unit": 7}});
        let paths = [path(&["shop"]), path(&["floors"]), path(&["org", "unit"]), path(&["missing"])];
        let header = Attributes::of_claims(&claims, &paths).to_header().unwrap();
        assert_eq!(header, r#"[[["floors"],["1","two"]],[["org","unit"],["7"]],[["shop"],["S1"]]]"#);
    }

    #[test]
    fn anything_else_is_no_attribute() {
        for value in
            [json!(null), json!(1.5), json!(true), json!([]), json!({"a": 1}), json!(["S1", null]), json!([["S1"]])]
        {
            assert!(Attributes::of_claims(&json!({"shop": value}), &[path(&["shop"])]).is_empty(), "{value}");
        }
    }

    #[test]
    fn what_is_too_long_for_a_header_does_not_travel() {
        let of = |count: usize| {
            Attributes::from(vec![(path(&["shops"]), (0..count).map(|shop| format!("{shop:04}")).collect())])
        };
        assert!(of(1000).to_header().is_some());
        assert_eq!(of(ATTRIBUTES_BYTES_MAX / 7).to_header(), None);
    }

    #[test]
    fn another_form_of_the_same_attributes_is_refused() {
        let written = r#"[[["a"],["1","2"]],[["b"],["1"]]]"#;
        assert!(Attributes::from_header(written).is_ok());
        for other in [
            r#"[[["a"],["2","1"]],[["b"],["1"]]]"#,
            r#"[[["b"],["1"]],[["a"],["1","2"]]]"#,
            r#"[[["a"],["1","2","2"]],[["b"],["1"]]]"#,
            r#"[[["a"],["1","2"]],[["b"],["1"]],[["c"],[]]]"#,
            r#"[[["a"],["1","2"]], [["b"],["1"]]]"#,
            r#"[[["a"],["\u0031","2"]],[["b"],["1"]]]"#,
            r#"[[["a"],["1"]],[["a"],["1","2"]],[["b"],["1"]]]"#,
            r#"[[[],["1"]],[["a"],["1","2"]],[["b"],["1"]]]"#,
            "",
            "{}",
        ] {
            assert_eq!(Attributes::from_header(other), Err(MalformedAttributes), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_header_is_printable_ascii_and_reads_as_it_was_written(
            attributes in prop::collection::vec((prop::collection::vec(".{0,3}", 1..3), prop::collection::btree_set(".{0,6}", 0..4)), 0..4)
        ) {
            let attributes: Vec<_> = attributes.into_iter().map(|(keys, values)| (ClaimPath(keys), values)).collect();
            let attributes = Attributes::from(attributes);
            let header = attributes.to_header().unwrap();
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(Attributes::from_header(&header), Ok(attributes));
        }

        #[test]
        fn attributes_fit_a_header_when_there_is_one(
            text in prop::sample::select(vec!["a", "\u{1}", "\"", "é", "😀"]),
            length in 0..ATTRIBUTES_BYTES_MAX + 8,
            count in 1..4_usize,
        ) {
            let value = |number: usize| format!("{number}{}", text.repeat(length / count));
            let values: BTreeSet<String> = (0..count).map(value).collect();
            let attributes = Attributes::from(vec![(path(&["shops"]), values)]);
            prop_assert_eq!(attributes.fit_header(), attributes.to_header().is_some());
        }

        #[test]
        fn any_text_is_read_without_panic_and_only_one_form_is_accepted(text in "[\\[\\]\"a\\\\,u0-9]{0,24}") {
            if let Ok(attributes) = Attributes::from_header(&text) {
                prop_assert_eq!(attributes.to_header(), Some(text));
            }
        }
    }
}
