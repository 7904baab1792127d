//! Bearer tokens: opaque ones by the password grant, JWTs for our audience, and those that must not pass.

use std::{
    convert::identity,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cubegate_tests::{
    answers,
    http::{Credentials, Reply},
    limits::ENFORCED_MAX,
    process::RunDirectory,
    provider::{API, AUDIENCE, CLIENT_ID, FOREIGN_API, Provider, REPORT_ID, REPORT_SECRET, SigningKey, email_of},
    story::{self, Story},
    up,
};
use serde_json::{Value, json};

use crate::session::{MAPPED, Place, Settings, UNMAPPED};

/// From the first token that is signed by a new key until it is accepted.
const ROTATION_MAX: Duration = Duration::from_secs(15);

#[tokio::test]
async fn opaque_tokens_of_the_password_grant_get_the_published_tables() {
    let story = Story::begin("opaque bearer tokens, roles by path");
    let run = RunDirectory::new().unwrap();
    let (place, provider, _up) = Place::beside(&run, Settings::Story, identity).await;
    story.step("published tables");
    expect_tables(&place, &provider, Settings::Story, None).await;

    story.step("the name is the claim's");
    let token = provider.token("parisian-user", Settings::Story.scope(), None).await.unwrap();
    expect_whoami(&place, Credentials::Bearer(token.clone()), "parisian-user", &["ROLE_PARIS", "ROLE_USER"]).await;

    story.step("a token that the provider does not know, and one cut short");
    for wrong in ["no-such-token", &token[1..]] {
        expect_bearer_challenge(&place.ask(Credentials::Bearer(wrong.into())).await);
    }

    story.step("an edit of mappedFrom counts for the next query with the same token");
    let mut parisian = place.connect(Credentials::Bearer(token)).await;
    let tables = |reply: &Reply| answers::expect_cities(reply, answers::PARIS);
    let query = answers::quantity_by_city();
    tables(&parisian.query("Sales", &query).await.unwrap()).unwrap();
    let roles = place.directory.join("roles.yaml");
    up::edit(&roles, "mappedFrom: [atoti]", "mappedFrom: [nobody]").unwrap();
    let refused = |reply: &Reply| reply.expect_status(403);
    story.measured("refused after", parisian.query_until("Sales", &query, ENFORCED_MAX, refused).await.unwrap());
    up::edit(&roles, "mappedFrom: [nobody]", "mappedFrom: [atoti]").unwrap();
    story.measured("admitted after", parisian.query_until("Sales", &query, ENFORCED_MAX, tables).await.unwrap());
}

#[tokio::test]
async fn opaque_tokens_work_where_the_provider_has_no_introspection() {
    let run = RunDirectory::new().unwrap();
    let (place, provider, _up) = Place::beside(&run, Settings::Story, Provider::without_introspection).await;
    expect_tables(&place, &provider, Settings::Story, None).await;
    expect_bearer_challenge(&place.ask(Credentials::Bearer("no-such-token".into())).await);
}

#[tokio::test]
async fn roles_in_one_literal_claim_and_names_in_email_get_the_published_tables() {
    let run = RunDirectory::new().unwrap();
    let (place, provider, _up) = Place::beside(&run, Settings::Older, identity).await;
    expect_tables(&place, &provider, Settings::Older, None).await;
    let token = provider.token("french-user", Settings::Older.scope(), None).await.unwrap();
    expect_whoami(&place, Credentials::Bearer(token), &email_of("french-user"), &["ROLE_FRANCE", "ROLE_USER"]).await;
}

#[tokio::test]
async fn jwts_are_verified_here_and_whatever_is_wrong_with_one_is_401() {
    let story = Story::begin("JWT bearer tokens");
    let run = RunDirectory::new().unwrap();
    let (place, mut provider, _up) = Place::beside(&run, Settings::Jwt, identity).await;
    story.step("published tables");
    expect_tables(&place, &provider, Settings::Jwt, Some(API)).await;

    story.step("a client of the provider comes with its id and secret");
    let report = place.ask(Credentials::basic(REPORT_ID, REPORT_SECRET)).await;
    answers::expect_cities(&report, answers::FRANCE).unwrap();
    for (id, secret) in [(REPORT_ID, "another secret"), ("nobody", REPORT_SECRET), (CLIENT_ID, REPORT_SECRET)] {
        place.ask(Credentials::basic(id, secret)).await.expect(401).unwrap();
    }

    story.step("a token that differs from a good one in nothing passes");
    let issuer = provider.issuer().to_owned();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let header = json!({"alg": "RS256", "kid": "own", "typ": "at+jwt"});
    let claims = json!({
        "iss": issuer, "aud": AUDIENCE, "sub": "somebody", "iat": now, "exp": now + 300, "client_id": CLIENT_ID,
        "jti": "1", "scope": "openid", "preferred_username": "parisian-user",
        "resource_access": {CLIENT_ID: {"roles": ["atoti", "paris"]}},
    });
    let good = provider.sign(header.clone(), claims.clone(), SigningKey::Own).await.unwrap();
    answers::expect_cities(&place.ask(Credentials::Bearer(good.clone())).await, answers::PARIS).unwrap();

    let claim = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let mut id_token = claim("aud", json!(CLIENT_ID));
    id_token["nonce"] = json!("n");
    for (name, header, claims, key) in [
        ("a foreign audience", header.clone(), claim("aud", json!("somebody-else")), SigningKey::Own),
        ("no audience", header.clone(), without("aud"), SigningKey::Own),
        ("a foreign issuer", header.clone(), claim("iss", json!("https://elsewhere.example.com")), SigningKey::Own),
        ("expired", header.clone(), claim("exp", json!(now - 120)), SigningKey::Own),
        ("no expiry", header.clone(), without("exp"), SigningKey::Own),
        ("not valid yet", header.clone(), claim("nbf", json!(now + 240)), SigningKey::Own),
        ("signed by another key", header.clone(), claims.clone(), SigningKey::Foreign),
        ("unsigned", json!({"alg": "none", "typ": "at+jwt"}), claims.clone(), SigningKey::None),
        ("unsigned, but says RS256", header.clone(), claims.clone(), SigningKey::None),
        (
            "of a key that is not published",
            json!({"alg": "RS256", "kid": "other"}),
            claims.clone(),
            SigningKey::Foreign,
        ),
        ("an ID token", json!({"alg": "RS256", "kid": "own", "typ": "JWT"}), id_token, SigningKey::Own),
    ] {
        story.step(name);
        let token = provider.sign(header, claims, key).await.unwrap();
        expect_bearer_challenge(&place.ask(Credentials::Bearer(token)).await);
    }
    story.step("the provider's own token for somebody else");
    let foreign = provider.token("parisian-user", Settings::Jwt.scope(), Some(FOREIGN_API)).await.unwrap();
    expect_bearer_challenge(&place.ask(Credentials::Bearer(foreign)).await);
    story.step("opaque");
    let opaque = provider.token("parisian-user", Settings::Jwt.scope(), None).await.unwrap();
    expect_bearer_challenge(&place.ask(Credentials::Bearer(opaque)).await);

    story.step("verified tokens keep working while the provider is down");
    provider.stop();
    answers::expect_cities(&place.ask(Credentials::Bearer(good)).await, answers::PARIS).unwrap();
}

#[tokio::test]
async fn new_keys_of_the_provider_are_found_by_themselves() {
    let story = Story::begin("key rotation");
    let run = RunDirectory::new().unwrap();
    let (place, mut provider, _up) = Place::beside(&run, Settings::Jwt, identity).await;
    let old = provider.token("parisian-user", Settings::Jwt.scope(), Some(API)).await.unwrap();
    answers::expect_cities(&place.ask(Credentials::Bearer(old)).await, answers::PARIS).unwrap();

    provider.stop();
    provider.start().await.unwrap();
    let new = provider.token("french-user", Settings::Jwt.scope(), Some(API)).await.unwrap();
    let ((), waited) = story::eventually("the new key is found", ROTATION_MAX, || async {
        answers::expect_cities(&place.ask(Credentials::Bearer(new.clone())).await, answers::FRANCE)
    })
    .await
    .unwrap();
    story.measured("new key found after", waited);
}

/// The three users have their tables, and the fourth is refused.
async fn expect_tables(place: &Place, provider: &Provider<'_>, settings: Settings, resource: Option<&str>) {
    for (user, table) in MAPPED {
        let token = provider.token(user, settings.scope(), resource).await.unwrap();
        let reply = place.ask(Credentials::Bearer(token)).await;
        answers::expect_cities(&reply, table).unwrap_or_else(|error| panic!("{user}: {error:#}"));
    }
    let token = provider.token(UNMAPPED, settings.scope(), resource).await.unwrap();
    place.ask(Credentials::Bearer(token)).await.expect(403).unwrap();
}

async fn expect_whoami(place: &Place, credentials: Credentials, name: &str, roles: &[&str]) {
    let reply = place.connect(credentials).await.get("/whoami").await.unwrap().expect(200).unwrap();
    assert_eq!(reply.json().unwrap(), json!({"name": name, "roles": roles}));
}

fn expect_bearer_challenge(reply: &Reply) {
    assert_eq!(reply.status, 401, "{reply:?}");
    let challenges: Vec<_> =
        reply.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(challenges.iter().any(|challenge| challenge.contains("Bearer")), "{challenges:?}");
}
