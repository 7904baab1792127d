//! From rights to our kinds.

use std::collections::BTreeMap;

use cubegate_api::{ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER, Restriction, Role, TechnicalUser, role::CubeOrder};
use cubegate_policy::{
    cut::{Cut, MISSING, Path},
    limits::CUTS_MAX,
    nearest::suggestion,
};
use serde_json::{Value, json};

use super::read::{Cube, Right, Rights};
use crate::import::{names::Names, output::Imported};

/// The identity that serves whoever has none.
const GUEST: &str = "guest";

/// Names that mean something here which they do not mean there.
const BUILT_IN: [&str; 3] = [ROLE_ADMIN, ROLE_ANONYMOUS, ROLE_USER];

/// What the two files do not say.
pub(super) struct Settings<'a> {
    pub(super) session: &'a str,
    pub(super) order: CubeOrder,
    /// The dimension that is cut to the caller's own name.
    pub(super) identity_dimension: Option<&'a str>,
    /// The Secret that has a password per identity.
    pub(super) password_secret: Option<&'a str>,
}

/// What is wrong, by file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Mistakes {
    pub(super) of_identities: Vec<String>,
    pub(super) of_roles: Vec<String>,
}

/// What is made of either file, in its order.
struct Conversion<'a> {
    settings: &'a Settings<'a>,
    /// Of the roles that are declared.
    role_names: BTreeMap<String, String>,
    roles_taken: Names,
    objects_taken: Names,
    roles: Vec<Role>,
    restrictions: Vec<Restriction>,
}

/// Whether a name is that of an identity or a role.
#[derive(Clone, Copy, PartialEq)]
enum Bearer {
    Identity,
    Role,
}

/// Makes the objects.
pub(super) fn convert(identities: &Rights, roles: &Rights, settings: &Settings<'_>) -> Result<Imported, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut names = Names::default();
    let mut role_names = BTreeMap::new();
    for role in roles.keys() {
        let is_built_in = BUILT_IN.contains(&role.as_str());
        let made = if is_built_in {
            Err(format!("`{role}` is a role that Cubegate has with a meaning of its own; rename it"))
        } else {
            names.role("", role)
        };
        match made {
            Ok(name) => drop(role_names.insert(role.clone(), name)),
            Err(mistake) => mistakes.of_roles.push(mistake),
        }
    }
    let mut conversion = Conversion {
        settings,
        role_names,
        roles_taken: names,
        objects_taken: Names::default(),
        roles: Vec::new(),
        restrictions: Vec::new(),
    };
    for (name, right) in roles {
        mistakes.of_roles.extend(conversion.add(Bearer::Role, name, right));
    }
    for (name, right) in identities {
        mistakes.of_identities.extend(conversion.add(Bearer::Identity, name, right));
    }
    let technical_users = settings.password_secret.map(|secret| {
        let users = identities.keys().filter(|name| *name != GUEST);
        users.map(|name| conversion.technical_user(name, secret)).collect::<Result<Vec<_>, String>>()
    });
    let technical_users = technical_users.unwrap_or(Ok(Vec::new())).unwrap_or_else(|mistake| {
        mistakes.of_identities.push(mistake);
        Vec::new()
    });
    if mistakes != Mistakes::default() {
        return Err(mistakes);
    }
    let Conversion { roles, restrictions, .. } = conversion;
    let mut session_lines = vec!["access: {combine: All}    # every cut of every role holds".to_owned()];
    if identities.contains_key(GUEST) {
        let guest = identity_role(&mut Names::default(), GUEST).unwrap_or_default();
        session_lines.push(format!("authentication: {{guestRoles: [\"{guest}\"]}}    # beside its ways in"));
    }
    Ok(Imported { session_lines, roles, restrictions, technical_users })
}

fn identity_role(names: &mut Names, identity: &str) -> Result<String, String> {
    names.role("user:", identity)
}

impl Conversion<'_> {
    /// Adds a Role with its Restrictions, and gives back what is wrong with the right.
    fn add(&mut self, bearer: Bearer, name: &str, right: &Right) -> Vec<String> {
        let mut mistakes = Vec::new();
        let Right { roles, allowed_cubes, denied_cubes, restrictions } = right;
        let mut inherits = if bearer == Bearer::Identity { vec![ROLE_USER.to_owned()] } else { Vec::new() };
        for role in roles {
            if let Some(role) = self.role_names.get(role) {
                inherits.push(role.clone());
            } else {
                let hint = suggestion(role, "roles", self.role_names.keys().map(String::as_str));
                mistakes.push(format!("`{name}`: roles.json has no role `{role}`; {hint}"));
            }
        }
        let mut by_cube: Vec<(&Cube, Vec<Cut>)> =
            restrictions.iter().map(|(cube, cuts)| (cube, cuts.clone())).filter(|(_, cuts)| !cuts.is_empty()).collect();
        match self.own_cut(bearer, name) {
            Ok(None) => {}
            Ok(Some(cut)) => match by_cube.iter_mut().find(|(cube, _)| **cube == Cube::Any) {
                Some((_, cuts)) => cuts.push(cut),
                None => by_cube.insert(0, (&Cube::Any, vec![cut])),
            },
            Err(mistake) => mistakes.push(format!("`{name}`: {mistake}")),
        }
        let (role_name, object_name) = match bearer {
            Bearer::Identity => (identity_role(&mut self.roles_taken, name), self.objects_taken.object("user", name)),
            // A role without a name has been complained about.
            Bearer::Role => match self.role_names.get(name) {
                Some(role_name) => (Ok(role_name.clone()), self.objects_taken.object("role", name)),
                None => return mistakes,
            },
        };
        let (role_name, object_name) = match (role_name, object_name) {
            (Ok(role_name), Ok(object_name)) => (role_name, object_name),
            (one, other) => {
                mistakes.extend([one.err(), other.err()].into_iter().flatten());
                return mistakes;
            }
        };
        let mut names = Vec::new();
        for (cube, cuts) in by_cube {
            match self.restrict(&object_name, cube, &cuts) {
                Ok(restriction) => names.push(restriction),
                Err(mistake) => mistakes.push(format!("`{name}`: {mistake}")),
            }
        }
        let mut spec = json!({
            "sessionRef": {"name": self.settings.session},
            "roleName": role_name,
            "inherits": inherits,
            "restrictions": names,
        });
        let order = self.settings.order;
        // Without lists, `AllowDeny` shows no cube, and the other orders are as if nothing were said.
        if !allowed_cubes.is_empty() || !denied_cubes.is_empty() || order == CubeOrder::AllowDeny {
            insert(&mut spec, "cubes", json!({"allowed": allowed_cubes, "denied": denied_cubes, "order": order}));
        }
        if bearer == Bearer::Identity && name != GUEST {
            insert(&mut spec, "users", json!([name]));
        }
        self.roles.push(Role::new(&object_name, read_back(spec)));
        mistakes
    }

    /// The cut of the dimension that is named after identities to this one.
    fn own_cut(&self, bearer: Bearer, name: &str) -> Result<Option<Cut>, String> {
        let Some(dimension) = self.settings.identity_dimension.filter(|_| bearer == Bearer::Identity) else {
            return Ok(None);
        };
        if name == GUEST {
            return Err("a guest has no name that the identity dimension could be cut to; leave one of them out".into());
        }
        let path = Path::new(vec![name.to_owned()]).filter(|_| name != MISSING);
        let path = path.ok_or_else(|| format!("`{name}` is no member that the identity dimension could be cut to"))?;
        let cut = format!("{dimension}:{path}").parse::<Cut>();
        cut.map(Some).map_err(|error| format!("the identity dimension `{dimension}` makes no cut: {error}"))
    }

    fn restrict(&mut self, object: &str, cube: &Cube, cuts: &[Cut]) -> Result<String, String> {
        if cuts.len() > CUTS_MAX {
            return Err(format!("{} cuts of `{cube}` are more than {CUTS_MAX}; give some to a role", cuts.len()));
        }
        let name = match cube {
            Cube::Any => self.objects_taken.object(object, "any-cube")?,
            Cube::Named(cube) => self.objects_taken.object(object, &format!("cube-{cube}"))?,
        };
        let spec = json!({
            "sessionRef": {"name": self.settings.session},
            "cube": cube.to_string(),
            "cuts": cuts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        self.restrictions.push(Restriction::new(&name, read_back(spec)));
        Ok(name)
    }

    /// The Secret has the password under the name of the identity. Its roles come by the Role that names it, so that it has them however it authenticates.
    fn technical_user(&self, identity: &str, secret: &str) -> Result<TechnicalUser, String> {
        let is_key = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        if !identity.chars().all(is_key) {
            return Err(format!("`{identity}` cannot be a key of the Secret `{secret}`: letters, digits and `-._`"));
        }
        let name = Names::default().object("user", identity)?;
        let spec = json!({
            "sessionRef": {"name": self.settings.session},
            "username": identity,
            "passwordSecretRef": {"name": secret, "key": identity},
        });
        Ok(TechnicalUser::new(&name, read_back(spec)))
    }
}

fn insert(spec: &mut Value, field: &str, value: Value) {
    if let Some(fields) = spec.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// A `spec` as its kind has it.
fn read_back<T: serde::de::DeserializeOwned>(spec: Value) -> T {
    serde_json::from_value(spec).expect("what is written here has the fields of its kind")
}
