//! Bearer tokens of a provider that signs whatever an attacker wants it to, or that nobody signed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_tests::wire::WireAnswer;
use serde_json::{Value, json};

use crate::{door::Door, policies, provider::Provider};

async fn with_provider() -> (Provider, Door) {
    let provider = Provider::start().await;
    let door = Door::with(policies::closed_with(Some(policies::oidc(provider.issuer())))).await.unwrap();
    (provider, door)
}

async fn whoami(door: &Door, token: &str) -> WireAnswer {
    door.get("/whoami", &format!("Accept: application/json\r\nAuthorization: Bearer {token}\r\n")).await
}

#[tokio::test]
async fn a_name_with_several_at_signs_is_one_name_and_compared_whole() {
    let (provider, door) = with_provider().await;
    let boss = json!({"email": "boss@example.com"});
    let answer = whoami(&door, &provider.token(&boss)).await;
    assert!(answer.text().contains("ROLE_ADMIN"), "the one whom the policy means: {answer:?}");
    for name in [
        "boss@example.com@elsewhere.example",
        "elsewhere@boss@example.com",
        "boss@example.com ",
        " boss@example.com",
        "Boss@example.com",
        "boss@EXAMPLE.com",
        "boss@example.com.",
        "boss%40example.com",
        "<boss@example.com>",
        "boss@example.com,user",
        "boss@example\u{ad}.com",
    ] {
        let answer = whoami(&door, &provider.token(&json!({"email": name}))).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert!(!answer.text().contains("ROLE_ADMIN"), "{name}: {}", answer.text());
    }
    for name in [
        json!(["boss@example.com"]),
        json!({"": "boss@example.com"}),
        json!("boss@example.com\0"),
        json!(null),
        json!(""),
    ] {
        assert_eq!(whoami(&door, &provider.token(&json!({"email": name.clone()}))).await.status, 401, "{name}");
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_or_of_another_kind_or_unsigned_opens_nothing() {
    let (provider, door) = with_provider().await;
    assert_eq!(whoami(&door, &provider.token(&json!({}))).await.status, 200);
    let payload = provider.claims(&json!({})).to_string();
    let unsigned = |header: Value, signature: &str| {
        format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(&payload))
    };
    for (what, token) in [
        ("another audience's", provider.token(&json!({"aud": "another api"}))),
        ("our client's, as ID tokens are", provider.token(&json!({"aud": "cubegate"}))),
        ("without audience", provider.token(&json!({"aud": null}))),
        ("another issuer's", provider.token(&json!({"iss": "http://127.0.0.1:1"}))),
        (
            "an ID token",
            provider.sign(
                &json!({"alg": "ES256", "typ": "JWT", "kid": "one"}),
                provider.claims(&json!({"nonce": "n"})).to_string().as_bytes(),
            ),
        ),
        (
            "a logout token",
            provider.sign(&json!({"alg": "ES256", "typ": "logout+jwt", "kid": "one"}), payload.as_bytes()),
        ),
        ("`none`", unsigned(json!({"alg": "none", "kid": "one"}), "")),
        ("`nOnE`", unsigned(json!({"alg": "nOnE", "kid": "one"}), "")),
        ("without a signature", unsigned(json!({"alg": "ES256", "kid": "one"}), "")),
        ("a signature of zeros", unsigned(json!({"alg": "ES256", "kid": "one"}), &URL_SAFE_NO_PAD.encode([0; 64]))),
        (
            "with a key of its own",
            provider.sign(&json!({"alg": "ES256", "jwk": {"kty": "oct", "k": "AA"}, "kid": "two"}), payload.as_bytes()),
        ),
        (
            "with an address of keys",
            provider.sign(&json!({"alg": "ES256", "jku": "http://127.0.0.1:1/", "kid": "two"}), payload.as_bytes()),
        ),
    ] {
        assert_eq!(whoami(&door, &token).await.status, 401, "{what}");
    }
    assert_eq!(door.recorder.count(), 0);
}

#[tokio::test]
async fn times_that_are_no_times_never_make_a_token_valid() {
    let (provider, door) = with_provider().await;
    let now_s = jsonwebtoken::get_current_timestamp();
    for changes in [
        json!({"exp": null}),
        json!({"exp": (now_s + 300).to_string()}),
        json!({"exp": [now_s + 300]}),
        json!({"exp": {"s": now_s + 300}}),
        json!({"exp": true}),
        json!({"exp": "never"}),
        json!({"exp": -1}),
        json!({"exp": 0}),
        json!({"exp": now_s - 120}),
        json!({"nbf": now_s + 120}),
        json!({"nbf": (now_s + 120).to_string()}),
        json!({"nbf": [0]}),
        json!({"nbf": "soon"}),
    ] {
        assert_eq!(whoami(&door, &provider.token(&changes)).await.status, 401, "{changes}");
    }
}

#[tokio::test]
async fn compressed_and_encrypted_tokens_are_not_unfolded() {
    let (provider, mut door) = with_provider().await;
    let payload = provider.claims(&json!({})).to_string();
    for header in [
        json!({"alg": "ES256", "kid": "one", "zip": "DEF"}),
        json!({"alg": "ES256", "kid": "one", "crit": ["exp"]}),
        json!({"alg": "ES256", "kid": "one", "enc": "A256GCM"}),
        json!({"alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF"}),
        json!({"alg": "dir", "enc": "A256GCM"}),
        json!({"alg": "PBES2-HS256+A128KW", "enc": "A128CBC-HS256", "p2c": 2_000_000_000, "p2s": "AA"}),
    ] {
        let signed = provider.sign(&header, payload.as_bytes());
        for token in [signed.clone(), format!("{signed}.AA.AA")] {
            assert_eq!(whoami(&door, &token).await.status, 401, "{header}");
        }
    }
    door.is_well().await;
}

#[tokio::test]
async fn tokens_and_callbacks_of_any_shape_break_nothing() {
    let (provider, mut door) = with_provider().await;
    let deep = "[".repeat(3000) + &"]".repeat(3000);
    let tokens = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        "a.b.c".to_owned(),
        "e30.e30.".to_owned(),
        "A".repeat(13_000),
        provider.sign(&json!({}), b"{}"),
        provider.sign(&json!({"alg": 1}), b"{}"),
        provider.sign(&json!({"alg": "ES256", "kid": "one"}), b""),
        provider.sign(&json!({"alg": "ES256", "kid": "one"}), b"\xff\xfe"),
        provider.sign(&json!({"alg": "ES256", "kid": "one"}), b"[]"),
        provider.sign(&json!({"alg": "ES256", "kid": "one"}), b"null"),
        provider.sign(&json!({"alg": "ES256", "kid": "one"}), deep.as_bytes()),
        provider.sign(&json!({"alg": "ES256", "kid": "x".repeat(5000)}), b"{}"),
    ];
    for token in tokens {
        assert_eq!(whoami(&door, &token).await.status, 401, "{token}");
    }
    for query in [
        "",
        "?",
        "?state",
        "?state=",
        "?code=a",
        "?state=a&code=b",
        "?state=a&state=b&code=c",
        "?state=%00&code=%ff",
        "?error=x",
        "?error=x&state=",
        "?&&&&",
        "?state[]=a&code[]=b",
    ] {
        let answer = door.get(&format!("/login/oauth2/code/idp{query}"), "Accept: text/html\r\n").await;
        assert!([400, 403].contains(&answer.status) && answer.header("set-cookie").is_empty(), "{query}: {answer:?}");
    }
    assert_eq!(door.recorder.count(), 0);
    door.is_well().await;
}
