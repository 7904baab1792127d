//! A policy of any size, the same one each time.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use cubegate_api::{Restriction, Role, Session, TechnicalUser, reference::KeyReference};
use cubegate_policy::{
    bind::{CubeShape, HierarchyShape, LevelShape, MemberKind, ModelShape, TableShape},
    compile::{Objects, Parsed},
    snapshot::ColumnName,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How many of each.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Scale {
    /// `TechnicalUsers`
    #[arg(long, default_value_t = 10_000)]
    pub(super) users: usize,
    /// Roles
    #[arg(long, default_value_t = 1_000)]
    pub(super) roles: usize,
    /// Restrictions
    #[arg(long, default_value_t = 1_000)]
    pub(super) restrictions: usize,
}

/// Who asks.
pub(super) struct Callers {
    pub(super) usernames: Vec<String>,
    pub(super) provider_users: Vec<(String, BTreeSet<String>)>,
}

const CUBE: &str = "Sales";
/// Levels that restrictions speak of: two of one hierarchy, and two of hierarchies of their own.
const LEVELS: [(&str, &str); 4] =
    [("Shops", "Country"), ("Shops", "City"), ("Products", "Category"), ("Calendar", "Year")];
const VALUES_PER_LINE: usize = 12;
const ROLES_PER_USER: usize = 4;
/// Each so many-th role inherits the one before it.
const HEIR_EVERY: usize = 4;

/// Draws numbers (Marsaglia's xorshift, 64 bits): the same ones on every machine.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    /// As many characters of an alphabet as told; what hashes and uids look like to a compressor.
    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).filter_map(|_| alphabet.get(self.below(alphabet.len()))).map(|byte| char::from(*byte)).collect()
    }
}

/// The objects of one Session.
pub(super) fn objects(scale: Scale) -> Objects {
    let mut draw = Draw(0x5eed);
    let roles: Vec<Parsed<Role>> = (0..scale.roles).map(|number| role(number, scale, &mut draw)).collect();
    let user = manifest("Role", "user", json!({"roleName": "ROLE_USER", "mappedFrom": ["staff"]}), &mut draw);
    let restrictions = (0..scale.restrictions).map(|number| restriction(number, &mut draw)).collect();
    let technical_users: Vec<Parsed<TechnicalUser>> =
        (0..scale.users).map(|number| technical_user(number, scale, &mut draw)).collect();
    let password_hashes: BTreeMap<KeyReference, Result<String, String>> =
        (0..scale.users).map(|number| (password_key(number), Ok(password_hash(&mut draw)))).collect();
    Objects {
        session: session(),
        roles: roles.into_iter().chain([user]).collect(),
        restrictions,
        technical_users,
        password_hashes,
        client_secrets: BTreeMap::new(),
    }
}

impl Callers {
    pub(super) fn of(scale: Scale) -> Self {
        let mut draw = Draw(0xca11);
        let provider_user = |number: usize| {
            let roles = (0..ROLES_PER_USER).map(|_| format!("group-{}", draw.below(scale.roles)));
            (format!("person-{number}"), roles.chain(["staff".to_owned()]).collect())
        };
        Self {
            usernames: (0..scale.users).map(username).collect(),
            provider_users: (0..scale.users).map(provider_user).collect(),
        }
    }
}

/// The cube that is asked, and its model.
pub(super) fn model() -> (&'static str, ModelShape) {
    let columns: BTreeSet<ColumnName> = LEVELS
        .map(|(table, column)| ColumnName { table: table.to_owned(), column: column.to_owned() })
        .into_iter()
        .collect();
    let table = |name: &str| {
        let own: BTreeSet<ColumnName> = columns.iter().filter(|column| column.table == name).cloned().collect();
        let shape = TableShape { columns: own.iter().map(|column| column.column.clone()).collect(), reachable: own };
        (name.to_owned(), shape)
    };
    let hierarchies = [&LEVELS[..2], &LEVELS[2..3], &LEVELS[3..]].map(|levels| HierarchyShape {
        name: levels.iter().map(|(_, column)| *column).collect::<Vec<_>>().join("-"),
        dimension: levels.iter().map(|(table, _)| (*table).to_owned()).next().unwrap_or_default(),
        levels: levels
            .iter()
            .map(|(table, column)| LevelShape {
                name: (*column).to_owned(),
                column: ColumnName { table: (*table).to_owned(), column: (*column).to_owned() },
                members: MemberKind::Other,
            })
            .collect(),
    });
    let cube = CubeShape { hierarchies: hierarchies.into(), reachable: columns.clone(), ..CubeShape::default() };
    let tables = ["Shops", "Products", "Calendar"].map(table).into();
    (CUBE, ModelShape { tables, cubes: [(CUBE.to_owned(), cube)].into() })
}

fn role(number: usize, scale: Scale, draw: &mut Draw) -> Parsed<Role> {
    let inherits = if number % HEIR_EVERY == 1 { vec![role_name(number - 1)] } else { Vec::new() };
    let restrictions = [format!("restriction-{}", draw.below(scale.restrictions))];
    let spec = json!({
        "roleName": role_name(number),
        "mappedFrom": [format!("group-{number}")],
        "users": [format!("person-{}", draw.below(scale.users)), username(draw.below(scale.users))],
        "inherits": inherits,
        "restrictions": restrictions,
    });
    manifest("Role", &format!("role-{number}"), spec, draw)
}

fn restriction(number: usize, draw: &mut Draw) -> Parsed<Restriction> {
    let lines: Vec<Value> = LEVELS
        .iter()
        .skip(number % LEVELS.len())
        .step_by(2)
        .map(|(table, column)| {
            let values: Vec<String> = (0..VALUES_PER_LINE).map(|_| format!("{column} {}", draw.below(500))).collect();
            json!({"table": table, "column": column, "in": values})
        })
        .collect();
    manifest("Restriction", &format!("restriction-{number}"), json!({"where": lines}), draw)
}

fn technical_user(number: usize, scale: Scale, draw: &mut Draw) -> Parsed<TechnicalUser> {
    let roles = (1..ROLES_PER_USER).map(|_| role_name(draw.below(scale.roles)));
    let roles: Vec<String> = roles.chain(["ROLE_USER".to_owned()]).collect();
    let KeyReference { name, key } = password_key(number);
    let spec = json!({"passwordSecretRef": {"name": name, "key": key}, "roles": roles});
    manifest("TechnicalUser", &username(number), spec, draw)
}

fn manifest<K: DeserializeOwned>(kind: &str, name: &str, mut spec: Value, draw: &mut Draw) -> Parsed<K> {
    let uid = [8, 4, 4, 4, 12].map(|length| draw.text(b"0123456789abcdef", length)).join("-");
    if let Some(fields) = spec.as_object_mut() {
        fields.insert("sessionRef".into(), json!({"name": "retail"}));
    }
    let metadata = json!({"name": name, "uid": uid, "generation": 1});
    let object = json!({"apiVersion": "cubegate.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    Parsed::Valid(serde_json::from_value(object).expect("written here by the types' own rules"))
}

fn session() -> Session {
    let tables: Vec<Value> = ["Shops", "Products", "Calendar"]
        .map(|table| json!({"name": table, "source": {"csv": {"path": format!("{table}.csv")}}}))
        .into();
    let oidc = json!({
        "providerId": "id", "issuerUrl": "https://id.example.com", "clientId": "cubegate",
        "scopes": ["openid"], "rolesClaims": [{"name": "groups"}], "accessTokenFormat": "opaque",
    });
    let spec = json!({
        "tables": tables, "cubes": [], "url": "https://retail.example.com", "authentication": {"oidc": oidc, "basic": {}},
    });
    let object =
        json!({"apiVersion": "cubegate.dev/v1alpha1", "kind": "Session", "metadata": {"name": "retail"}, "spec": spec});
    serde_json::from_value(object).expect("written here by the types' own rules")
}

/// As argon2id writes one; nobody verifies it here.
fn password_hash(draw: &mut Draw) -> String {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // The last characters stand for fewer than six bits, the rest of which must be zero.
    let (salt, tag) = (draw.text(BASE64, 21), draw.text(BASE64, 42));
    format!("$argon2id$v=19$m=19456,t=2,p=1${salt}A${tag}A")
}

fn password_key(number: usize) -> KeyReference {
    KeyReference { name: format!("{}-credentials", username(number)), key: "password".into() }
}

fn username(number: usize) -> String {
    format!("robot-{number}")
}

fn role_name(number: usize) -> String {
    format!("ROLE_{number}")
}
