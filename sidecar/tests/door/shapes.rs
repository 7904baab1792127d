//! Tokens as the well-known providers shape them, read by the manifests of `docs/identity-providers.md`.

use std::collections::BTreeMap;

use cubegate_api::authentication::{AccessTokenFormat, Authentication};
use cubegate_policy::{
    compile::{Objects, Parsed, compile},
    snapshot::Door,
};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    client::{Jar, get},
    fixture::Sidecar,
    provider::{Provider, now_s},
};

const PAGE: &str = include_str!("../../../docs/identity-providers.md");

/// What a provider says of somebody, and who that is here.
struct Shape {
    /// Its heading on the page.
    provider: &'static str,
    /// `typ` of the header of its access tokens.
    kind: Option<&'static str>,
    claims: Value,
    name: &'static str,
    provider_roles: &'static [&'static str],
}

fn shapes() -> Vec<Shape> {
    vec![
        Shape {
            provider: "Keycloak",
            kind: Some("JWT"),
            claims: json!({
                "typ": "Bearer", "azp": "excel", "aud": ["cubegate", "account"], "sid": "d3", "scope": "openid profile",
                "sub": "5f0c", "preferred_username": "alice", "email_verified": true, "acr": "1",
                "realm_access": {"roles": ["offline_access", "staff"]},
                "resource_access": {"cubegate": {"roles": ["paris"]}, "account": {"roles": ["manage-account"]}},
            }),
            name: "alice",
            provider_roles: &["offline_access", "staff", "paris"],
        },
        Shape {
            provider: "Microsoft Entra ID",
            kind: Some("JWT"),
            claims: json!({
                "aud": "66666666-7777-8888-9999-000000000000", "ver": "2.0", "azp": "66666666-7777-8888-9999-000000000000",
                "azpacr": "1", "scp": "access_as_user", "sub": "pairwise", "oid": "0a1b", "tid": "11111111-2222-3333",
                "preferred_username": "alice@example.com", "name": "Alice", "uti": "u", "rh": "r",
                "roles": ["Retail.Paris"], "groups": ["7e8f"],
            }),
            name: "0a1b",
            provider_roles: &["Retail.Paris", "7e8f"],
        },
        Shape {
            provider: "Auth0",
            kind: Some("at+jwt"),
            claims: json!({
                "aud": ["https://retail.example.com", "https://retail.eu.auth0.com/userinfo"], "azp": "excel",
                "sub": "auth0|64", "scope": "openid profile", "permissions": ["read:paris"],
                "https://retail.example.com/email": "alice@example.com", "https://retail.example.com/roles": ["paris"],
            }),
            name: "alice@example.com",
            provider_roles: &["paris", "read:paris"],
        },
        Shape {
            provider: "Okta",
            kind: None,
            claims: json!({
                "ver": 1, "jti": "AT.x", "aud": "api://default", "cid": "0oa2excel", "uid": "00u1", "scp": ["openid"],
                "auth_time": 1, "sub": "alice@example.com", "groups": ["Everyone", "paris"],
            }),
            name: "alice@example.com",
            provider_roles: &["Everyone", "paris"],
        },
        Shape {
            provider: "Google",
            kind: None,
            claims: json!({
                "azp": "1234.apps.googleusercontent.com", "aud": "1234.apps.googleusercontent.com", "sub": "10769",
                "hd": "example.com", "email": "alice@example.com", "email_verified": true,
            }),
            name: "alice@example.com",
            provider_roles: &["example.com"],
        },
    ]
}

/// `spec.authentication` below a heading of the page.
fn documented(provider: &str) -> Authentication {
    let (_, section) = PAGE.split_once(&format!("### {provider}\n")).unwrap();
    let (_, block) = section.split_once("```yaml\n").unwrap();
    serde_saphyr::from_str(block.split_once("```").unwrap().0).unwrap()
}

/// The documented manifest in a Session that maps each of these roles of the provider to one of its own.
fn door(mut authentication: Authentication, issuer: &str, provider_roles: &[&str]) -> Door {
    let oidc = authentication.oidc.as_mut().unwrap();
    issuer.clone_into(&mut oidc.issuer_url);
    let secret = oidc.client_secret_ref.clone().unwrap();
    let object = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "cubegate.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let tables = json!([{"name": "Sales", "source": {"csv": {"path": "sales.csv"}}}]);
    let spec = json!({"tables": tables, "cubes": [], "url": "http://127.0.0.1:8080", "authentication": authentication});
    let roles = provider_roles.iter().enumerate().map(|(number, role)| {
        let spec = json!({"sessionRef": {"name": "retail"}, "mappedFrom": [role], "inherits": ["ROLE_USER"]});
        Parsed::Valid(serde_json::from_value(object("Role", &format!("role-{number}"), spec)).unwrap())
    });
    let compiled = compile(&Objects {
        session: serde_json::from_value(object("Session", "retail", spec)).unwrap(),
        roles: roles.collect(),
        restrictions: Vec::new(),
        technical_users: Vec::new(),
        password_hashes: BTreeMap::new(),
        client_secrets: [(secret, Ok("client secret".to_owned()))].into(),
    });
    assert_eq!(compiled.problems, []);
    compiled.snapshot.door
}

#[tokio::test]
async fn the_documented_manifests_read_the_tokens_of_their_providers() {
    for Shape { provider: named, kind, claims, name, provider_roles } in shapes() {
        let provider = Provider::start().await;
        let authentication = documented(named);
        let oidc = authentication.oidc.clone().unwrap();
        let sidecar = Sidecar::with(door(authentication, &provider.issuer(), provider_roles)).await;
        let own = if oidc.access_token_format == AccessTokenFormat::Jwt {
            let bearer = token(&provider, kind, &claims);
            get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {bearer}"))]).await
        } else {
            let mut browser = Browser::choose(&sidecar, Jar::default(), "google").await;
            browser.granted(&provider, "c", claims);
            let finished = browser.finish(&sidecar).await;
            assert_eq!(finished.status, 302, "{named}: {finished:?}");
            browser.asks(&sidecar, "/whoami").await
        };
        let mut roles: Vec<String> = (0..provider_roles.len()).map(|number| format!("role-{number}")).collect();
        roles.insert(0, "ROLE_USER".to_owned());
        assert_eq!(own.json(), json!({"name": name, "roles": roles}), "{named}");
    }
}

/// More groups than fit: Entra leaves them out and says where they are.
#[tokio::test]
async fn a_user_whose_groups_are_elsewhere_is_refused_although_their_app_roles_are_there() {
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(door(documented("Microsoft Entra ID"), &provider.issuer(), &["Retail.Paris"])).await;
    let mut claims = shapes().swap_remove(1).claims;
    claims.as_object_mut().unwrap().remove("groups");
    let whole = token(&provider, Some("JWT"), &claims);
    claims["_claim_names"] = json!({"groups": "src1"});
    claims["_claim_sources"] =
        json!({"src1": {"endpoint": "https://graph.example.com/v1.0/users/0a1b/getMemberObjects"}});
    let overage = token(&provider, Some("JWT"), &claims);
    for (token, status) in [(whole, 200), (overage, 401)] {
        let reply = get(sidecar.public, "/whoami", &[("authorization", &format!("Bearer {token}"))]).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
}

fn token(provider: &Provider, kind: Option<&str>, claims: &Value) -> String {
    let mut all = claims.clone();
    let (iat, exp) = (now_s(), now_s() + 300);
    all.as_object_mut().unwrap().extend([
        ("iss".to_owned(), json!(provider.issuer())),
        ("iat".to_owned(), json!(iat)),
        ("exp".to_owned(), json!(exp)),
    ]);
    let header = jsonwebtoken::Header { typ: kind.map(str::to_owned), ..provider.signer.header("JWT") };
    provider.signer.sign_with(header, &all)
}
