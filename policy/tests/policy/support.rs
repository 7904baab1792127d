//! Builders of objects, and a reader of rows by a `Visibility`.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use cubegate_api::{Moment, Session, authentication::Oidc, reference::KeyReference};
use cubegate_policy::{
    attributes::Attributes,
    bind::{CubeShape, HierarchyShape, LevelShape, MemberKind, ModelShape, PathTest, Paths, TableShape, Visibility},
    compile::{Compiled, InvalidObject, Objects, Parsed, Problem, ProblemKind, compile},
    day::Day,
    password,
    resolve::{Caller, Refusal, Resolved, resolve},
    rights::Rights,
    snapshot::ColumnName,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A row of the facts with everything that is joined to them: column → value.
pub(crate) type Row = BTreeMap<ColumnName, String>;

/// Where the client secret of the Session's first provider is.
pub(crate) fn client_secret_ref() -> KeyReference {
    KeyReference { name: "retail-oidc".into(), key: "clientSecret".into() }
}

/// The one password that technical users of tests have.
pub(crate) const PASSWORD: &str = "s3cret";

pub(crate) fn column(name: &str) -> ColumnName {
    let (table, column) = name.split_once('/').unwrap();
    ColumnName { table: table.into(), column: column.into() }
}

pub(crate) fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

/// The rights of a caller whose roles are all valid.
pub(crate) fn rights(roles: &BTreeSet<String>, attributes: &Attributes) -> Rights {
    Rights { attributes: attributes.clone(), ..rights_with(roles.clone(), BTreeSet::new()) }
}

/// The rights of a caller without attributes.
pub(crate) fn rights_with(roles: BTreeSet<String>, lapsed: BTreeSet<String>) -> Rights {
    Rights { roles, lapsed, attributes: Attributes::default(), today: Day::of(noon()) }
}

pub(crate) fn moment(text: &str) -> Moment {
    Moment::try_from(text.to_owned()).unwrap()
}

/// The moment at which tests decide that speak of no other.
pub(crate) fn noon() -> Moment {
    moment("2027-01-31T12:00:00Z")
}

/// Reads a manifest as an edge does: what cannot be read is kept as invalid.
pub(crate) fn parsed<K: DeserializeOwned>(manifest: Value) -> Parsed<K> {
    match serde_json::from_value(manifest.clone()) {
        Ok(object) => Parsed::Valid(object),
        Err(error) => Parsed::Invalid(InvalidObject {
            name: manifest["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            uid: String::new(),
            generation: 0,
            manifest,
            error: error.to_string(),
        }),
    }
}

pub(crate) fn manifest(kind: &str, name: &str, mut spec: Value) -> Value {
    if let Some(spec) = spec.as_object_mut() {
        spec.entry("sessionRef").or_insert(json!({"name": "retail"}));
    }
    json!({"apiVersion": "cubegate.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Everything that a Session consists of, to be changed by a test.
pub(crate) struct World {
    pub(crate) objects: Objects,
}

impl World {
    /// A retail Session with Basic and `OpenID` Connect, in which the provider role `atoti` is `ROLE_USER`.
    pub(crate) fn new() -> Self {
        Self::with_user_role(json!({}))
    }

    /// The same with more to say of `ROLE_USER`.
    pub(crate) fn with_user_role(mut spec: Value) -> Self {
        spec["roleName"] = json!("ROLE_USER");
        spec["mappedFrom"] = json!(["atoti"]);
        let objects = Objects {
            session: session(&["Sales", "Shops"]),
            roles: Vec::new(),
            restrictions: Vec::new(),
            technical_users: Vec::new(),
            password_hashes: BTreeMap::new(),
            client_secrets: [(client_secret_ref(), Ok("client-secret".into()))].into(),
        };
        Self { objects }.role("user", spec)
    }

    pub(crate) fn role(mut self, name: &str, spec: Value) -> Self {
        self.objects.roles.push(parsed(manifest("Role", name, spec)));
        self
    }

    pub(crate) fn restriction(mut self, name: &str, lines: Value) -> Self {
        self.objects.restrictions.push(parsed(manifest("Restriction", name, json!({"where": lines}))));
        self
    }

    /// A role, mapped from its own name at the provider, with one restriction of its own per line.
    pub(crate) fn restricting(self, role: &str, lines: &[(&str, &[&str])]) -> Self {
        let conditions: Vec<Value> = lines
            .iter()
            .map(|(name, values)| {
                let ColumnName { table, column } = column(name);
                json!({"table": table, "column": column, "in": values})
            })
            .collect();
        let restriction = format!("{}-only", role.to_lowercase());
        self.restriction(&restriction, conditions.into())
            .role(&role.to_lowercase(), json!({"roleName": role, "mappedFrom": [role], "restrictions": [restriction]}))
    }

    pub(crate) fn technical_user(mut self, name: &str, mut spec: Value) -> Self {
        let secret = KeyReference { name: format!("{name}-credentials"), key: "password".into() };
        spec.as_object_mut()
            .unwrap()
            .entry("passwordSecretRef")
            .or_insert(json!({"name": secret.name, "key": secret.key}));
        self.objects.technical_users.push(parsed(manifest("TechnicalUser", name, spec)));
        self.objects.password_hashes.insert(secret, Ok(password_hash()));
        self
    }

    pub(crate) fn session(mut self, change: impl FnOnce(&mut Session)) -> Self {
        change(&mut self.objects.session);
        self
    }

    pub(crate) fn oidc(self, change: impl FnOnce(&mut Oidc)) -> Self {
        self.session(|session| change(session.spec.authentication.as_mut().unwrap().oidc.as_mut().unwrap()))
    }

    pub(crate) fn compile(&self) -> Compiled {
        compile(&self.objects)
    }

    /// Problems as `Kind/name field Kind: message`.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.compile().problems.iter().map(one_line).collect()
    }

    pub(crate) fn provider_user(&self, name: &str, provider_roles: &[&str]) -> Result<Resolved, Refusal> {
        self.provider_user_at(name, provider_roles, noon())
    }

    pub(crate) fn provider_user_at(
        &self,
        name: &str,
        provider_roles: &[&str],
        now: Moment,
    ) -> Result<Resolved, Refusal> {
        let provider_roles = names(provider_roles);
        let attributes = Attributes::default();
        let caller =
            Caller::ProviderUser { provider: None, name, provider_roles: &provider_roles, attributes: &attributes };
        resolve(&self.compile().snapshot.door, &caller, now)
    }

    pub(crate) fn basic(&self, username: &str) -> Result<Resolved, Refusal> {
        resolve(&self.compile().snapshot.door, &Caller::TechnicalUser { username }, noon())
    }
}

fn one_line(Problem { object, field, kind, message }: &Problem) -> String {
    let kind = match kind {
        ProblemKind::Invalid => "Invalid",
        ProblemKind::Conflict => "Conflict",
        ProblemKind::Unresolved => "Unresolved",
    };
    format!("{object} {field} {kind}: {message}")
}

fn password_hash() -> String {
    static HASH: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| password::hash(PASSWORD.as_bytes(), [7; 16]));
    HASH.clone()
}

pub(crate) fn session(tables: &[&str]) -> Session {
    let tables: Vec<Value> = tables
        .iter()
        .map(|table| json!({"name": table, "source": {"csv": {"path": format!("{table}.csv")}}}))
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "cubegate.dev/v1alpha1",
        "kind": "Session",
        "metadata": {"name": "retail"},
        "spec": {
            "tables": tables,
            "cubes": [],
            "url": "https://retail.example.com/",
            "authentication": {
                "oidc": {
                    "providerId": "keycloak",
                    "issuerUrl": "https://id.example.com/realms/retail",
                    "clientId": "cubegate",
                    "clientSecretRef": {"name": "retail-oidc", "key": "clientSecret"},
                    "scopes": ["profile", "roles"],
                    "nameClaim": "preferred_username",
                    "rolesClaims": [{"path": ["resource_access", "cubegate", "roles"]}],
                    "accessTokenFormat": "opaque",
                },
                "basic": {},
            },
        },
    }))
    .unwrap()
}

/// A model of one cube. Each hierarchy is its levels as `Table/Column`; each table its columns.
pub(crate) fn model(cube: &str, tables: &[(&str, &[&str])], hierarchies: &[&[&str]]) -> ModelShape {
    let tables: BTreeMap<String, BTreeSet<String>> =
        tables.iter().map(|(table, columns)| ((*table).to_owned(), names(columns))).collect();
    let shape = CubeShape {
        hierarchies: hierarchies
            .iter()
            .map(|levels| HierarchyShape {
                name: levels.join("-"),
                dimension: column(levels[0]).table,
                levels: levels.iter().map(|name| level(name)).collect(),
            })
            .collect(),
        reachable: all_columns(&tables),
        measures: names(&["Quantity.SUM", "Quantity.MEAN"]),
        values: names(&["discount"]),
    };
    ModelShape { cubes: [(cube.to_owned(), shape)].into(), tables: tables_in_one_chain(&tables) }
}

/// A level that is called as its column.
pub(crate) fn level(name: &str) -> LevelShape {
    let column = column(name);
    LevelShape { name: column.column.clone(), column, members: MemberKind::Other }
}

/// Tables of which each reaches those after it.
pub(crate) fn tables_in_one_chain(tables: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, TableShape> {
    let shape = |(name, columns): (&String, &BTreeSet<String>)| {
        let onward = tables.range(name.clone()..).map(|(name, columns)| (name.clone(), columns.clone())).collect();
        (name.clone(), TableShape { columns: columns.clone(), reachable: all_columns(&onward) })
    };
    tables.iter().map(shape).collect()
}

fn all_columns(tables: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<ColumnName> {
    let of_table = |(table, columns): (&String, &BTreeSet<String>)| -> Vec<ColumnName> {
        columns.iter().map(|column| ColumnName { table: table.clone(), column: column.clone() }).collect()
    };
    tables.iter().flat_map(of_table).collect()
}

/// Whether a row is visible, read off a `Visibility` clause by clause. Values are texts; that of a missing one is `N/A`.
pub(crate) fn sees(visibility: &Visibility, row: &Row) -> bool {
    let holds = |PathTest { columns, negated, paths }: &PathTest| {
        let path: Vec<&String> = columns.iter().map(|column| &row[column]).collect();
        let lies_on = |side: Ordering, bound: &[String]| {
            let looked_at = path.iter().zip(bound).find(|(value, bound)| **value == "N/A" || **value != *bound);
            looked_at.is_none_or(|(value, bound)| *value != "N/A" && value.as_str().cmp(bound) == side)
        };
        let is_wanted = match paths {
            Paths::In(paths) => {
                paths.iter().any(|wanted| path.iter().zip(wanted).all(|(value, wanted)| *value == wanted))
            }
            Paths::Between { from, to } => lies_on(Ordering::Greater, from) && lies_on(Ordering::Less, to),
        };
        if *negated { !path.iter().any(|value| *value == "N/A") && !is_wanted } else { is_wanted }
    };
    visibility
        .all_of
        .iter()
        .all(|any_of| any_of.0.iter().any(|conjunction| conjunction.0.iter().all(|test| holds(test))))
}
