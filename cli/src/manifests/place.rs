//! Where in a document a field stands.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A document as nothing but positions.
enum Tree {
    Leaf,
    List(Vec<Spanned<Tree>>),
    Fields(Vec<(String, Spanned<Tree>)>),
}

/// Line and column, from 1, of a field such as `spec.where[0].column`; of the deepest part of the path that exists,
/// when the field itself is missing.
pub(crate) fn of_field(document: &str, path: &str) -> Option<(u64, u64)> {
    let root: Spanned<Tree> = serde_saphyr::from_str(document).ok()?;
    let mut found = None;
    let mut node = &root;
    for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
        let next = match &node.value {
            Tree::Leaf => None,
            Tree::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            Tree::Fields(fields) => fields.iter().find(|(name, _)| name == step).map(|(_, value)| value),
        };
        let Some(next) = next else { break };
        found = Some((next.referenced.line(), next.referenced.column()));
        node = next;
    }
    found
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Tree::Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::of_field;

    const DOCUMENT: &str = "kind: Restriction\nspec:\n  where:\n    - {table: Shops, column: City, equals: 7}\n    - table: Shop\n      column: Country\n      in:\n";

    #[test]
    fn a_field_is_found_by_its_path() {
        assert_eq!(of_field(DOCUMENT, "spec.where[0].column"), Some((4, 30)));
        assert_eq!(of_field(DOCUMENT, "spec.where[1].table"), Some((5, 14)));
        assert_eq!(of_field(&format!("\n\n{DOCUMENT}"), "spec.where[0]"), Some((6, 7)));
    }

    #[test]
    fn what_is_missing_is_where_it_would_have_to_be() {
        assert_eq!(of_field(DOCUMENT, "spec.where[1].equals"), Some((5, 7)));
        assert_eq!(of_field(DOCUMENT, "status"), None);
        assert_eq!(of_field("[", "spec"), None);
    }
}
