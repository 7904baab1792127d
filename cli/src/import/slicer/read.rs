//! Reads `rights.json` or `roles.json`. What stands there wins nothing by being misspelt: every key is known, and written once.

use std::{collections::BTreeMap, fmt, marker::PhantomData, path::Path};

use cubegate_policy::{cubes::CubePattern, cut::Cut, nearest::suggestion};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::manifests::Diagnostic;

/// What a file says, by the name of the identity or role.
pub(super) type Rights = BTreeMap<String, Right>;

/// What one identity or role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Right {
    /// Names of roles that come with it.
    pub(super) roles: Vec<String>,
    pub(super) allowed_cubes: Vec<CubePattern>,
    pub(super) denied_cubes: Vec<CubePattern>,
    /// By cube the cuts that all hold there.
    pub(super) restrictions: BTreeMap<Cube, Vec<Cut>>,
}

/// One cube, or any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Cube {
    Any,
    Named(String),
}

const KEYS: [&str; 5] = ["allowed_cubes", "cell_restrictions", "cube_restrictions", "denied_cubes", "roles"];

/// The rights of a file; or the first thing that is wrong with it.
pub(super) fn read(path: &Path, text: &str) -> Result<Rights, Diagnostic> {
    serde_json::from_str(text).map(|Unique(rights)| rights).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        Diagnostic {
            file: path.to_owned(),
            line: error.line().max(1) as u64,
            column: Some(error.column().max(1) as u64),
            message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        }
    })
}

/// A map that has each key once.
struct Unique<K, V>(BTreeMap<K, V>);

impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Deserialize<'de> for Unique<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<K, V>(PhantomData<(K, V)>);
        impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Visitor<'de> for Reader<K, V> {
            type Value = Unique<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique<K, V>, A::Error> {
                let mut unique = BTreeMap::new();
                while let Some(key) = map.next_key::<K>()? {
                    if unique.contains_key(&key) {
                        return Err(A::Error::custom(format!("`{key}` stands here twice")));
                    }
                    unique.insert(key, map.next_value()?);
                }
                Ok(Unique(unique))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Right {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Right;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with rights")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Right, A::Error> {
                let mut right = Right::default();
                let mut seen = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let unknown = || {
                        let hint = suggestion(&key, "keys", KEYS);
                        A::Error::custom(format!("there is no key `{key}`; {hint}"))
                    };
                    if seen.contains(&key) {
                        return Err(A::Error::custom(format!("`{key}` stands here twice")));
                    }
                    match key.as_str() {
                        "roles" => right.roles = map.next_value()?,
                        "allowed_cubes" => right.allowed_cubes = map.next_value()?,
                        "denied_cubes" => right.denied_cubes = map.next_value()?,
                        // The documentation of Cubes knows the one, its code the other.
                        "cube_restrictions" | "cell_restrictions" => {
                            let Unique(of_cubes) = map.next_value::<Unique<Cube, Vec<Cut>>>()?;
                            for (cube, cuts) in of_cubes {
                                if right.restrictions.contains_key(&cube) {
                                    let message = format!(
                                        "`cube_restrictions` and `cell_restrictions` both restrict `{cube}`; write it in one"
                                    );
                                    return Err(A::Error::custom(message));
                                }
                                right.restrictions.insert(cube, cuts);
                            }
                        }
                        _ => return Err(unknown()),
                    }
                    seen.push(key);
                }
                Ok(right)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl TryFrom<String> for Cube {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "*" => Ok(Self::Any),
            name if name.is_empty() || name.contains('*') => {
                Err(format!("`{name}` is no cube; write its name, or `*` for any"))
            }
            _ => Ok(Self::Named(name)),
        }
    }
}

impl fmt::Display for Cube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Named(name) => name,
        })
    }
}
