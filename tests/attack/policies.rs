//! Who is who at the door that is attacked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cubegate_policy::{
    attributes::Attributes,
    password,
    snapshot::{
        AccessTokenFormat, Authentication, Checked, ClaimPath, Door, DoorRole, Edge, Oidc, SessionTimeouts,
        TechnicalUser, Ways,
    },
    validity::Validity,
};

/// Password of the users that have an argon2id hash, made once: hashing is slow on purpose.
pub(crate) const PASSWORD: &str = "correct horse: battery staple";
static HASH: LazyLock<String> = LazyLock::new(|| password::hash(PASSWORD.as_bytes(), [3; 16]));
/// The same password as bcrypt keeps it.
static BCRYPT: LazyLock<String> = LazyLock::new(|| bcrypt::hash(PASSWORD, 4).expect("the cost is a valid one"));

/// Technical users only: `analyst` and `admin`; `old` with a bcrypt hash; `outsider` without access; `a` and `ab`, whose
/// passwords are each other's rest.
pub(crate) fn closed() -> Door {
    closed_with(None)
}

/// The same, and the users of a provider.
pub(crate) fn closed_with(oidc: Option<Oidc>) -> Door {
    let user = |name: &str, hash: &str, roles: &[&str]| {
        let user = TechnicalUser {
            declared_by: name.to_owned(),
            password_hash: hash.to_owned(),
            previous_password_hash: None,
            roles: set(roles),
            attributes: Attributes::default(),
            validity: Validity::default(),
        };
        (name.to_owned(), Checked::Valid(user))
    };
    let technical_users = BTreeMap::from([
        user("analyst", &HASH, &["ROLE_USER"]),
        user("admin", &HASH, &["ROLE_ADMIN"]),
        user("old", &BCRYPT, &["ROLE_USER"]),
        user("outsider", &HASH, &[]),
        user("a", &password::hash(b"bc", [4; 16]), &["ROLE_USER"]),
        user("ab", &password::hash(b"c", [5; 16]), &["ROLE_ADMIN"]),
    ]);
    let ways = Ways {
        realm: "retail".into(),
        technical_users,
        oidc: oidc.map(Checked::Valid),
        additional_oidc: BTreeMap::new(),
        service_accounts: None,
        client_credentials: None,
        guest_roles: None,
    };
    door("http://127.0.0.1:8080", Authentication::Closed(ways))
}

/// Reached over https, so that cookies carry their prefix.
pub(crate) fn over_https(door: Door) -> Door {
    Door { url: Some("https://retail.example.com".into()), ..door }
}

/// Without one of the technical users.
pub(crate) fn without(mut door: Door, user: &str) -> Door {
    let Authentication::Closed(ways) = &mut door.authentication else { panic!("an open Session has no users") };
    ways.technical_users.remove(user).expect("there was such a user");
    door
}

/// A provider at this issuer, whose access tokens are JWTs for `api`.
pub(crate) fn oidc(issuer: &str) -> Oidc {
    Oidc {
        provider_id: "idp".into(),
        display_name: None,
        prefix: String::new(),
        foreign_prefixes: BTreeSet::new(),
        issuer_url: issuer.to_owned(),
        client_id: "cubegate".into(),
        client_secret: Some("client secret".into()),
        scopes: vec!["openid".into()],
        name_claim: "email".into(),
        roles_claims: vec![ClaimPath(vec!["roles".into()])],
        attribute_claims: BTreeSet::new(),
        access_token_format: AccessTokenFormat::Jwt,
        audience: Some("api".into()),
        default_roles: Checked::Valid(BTreeSet::new()),
        session: SessionTimeouts::default(),
    }
}

/// A provider that nobody answers for. For callers who are never sent there.
pub(crate) fn oidc_out_of_reach() -> Oidc {
    oidc("http://127.0.0.1:1")
}

/// `Authorization` of a technical user, as a header line.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// `Authorization` of `analyst`, as a header line.
pub(crate) fn analyst() -> String {
    basic("analyst", PASSWORD)
}

fn door(url: &str, authentication: Authentication) -> Door {
    let role =
        |name: &str, inherits: &[&str]| (name.to_owned(), DoorRole { inherits: set(inherits), ..DoorRole::default() });
    let mapped = [("users", "ROLE_USER"), ("admins", "ROLE_ADMIN"), ("boss@example.com", "ROLE_ADMIN")];
    Door {
        url: Some(url.to_owned()),
        edge: Edge::default(),
        authentication,
        mapped: mapped.map(|(from, role)| (from.to_owned(), set(&[role]))).into(),
        granted: BTreeMap::new(),
        roles: BTreeMap::from([
            role("ROLE_USER", &[]),
            role("ROLE_ADMIN", &["ROLE_USER"]),
            role("ROLE_ANONYMOUS", &[]),
        ]),
    }
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
