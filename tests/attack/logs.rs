//! What the process writes while it is attacked.

use crate::{
    door::Door,
    policies::{self, PASSWORD, basic},
    provider::Provider,
};

#[tokio::test]
async fn no_secret_is_logged_and_every_line_is_one_record_whatever_callers_send() {
    let provider = Provider::start().await;
    let door = Door::with(policies::closed_with(Some(policies::oidc(provider.issuer())))).await.unwrap();
    let token = provider.token(&serde_json::json!({}));
    let right = basic("analyst", PASSWORD);
    for credentials in [
        right.clone(),
        basic("analyst", "wrong-secret"),
        format!("Authorization: Bearer {token}\r\n"),
        "Authorization: Bearer token-secret\r\n".to_owned(),
        "Authorization: Strange scheme-secret\r\n".to_owned(),
        "Cookie: cubegate-session=cookie-secret\r\n".to_owned(),
        "Proxy-Authorization: Basic proxy-secret\r\n".to_owned(),
        "X-Cubegate-User: header-secret\r\n".to_owned(),
    ] {
        for target in [
            "/api?key=query-secret",
            "/login/oauth2/code/idp?code=code-secret&state=state-secret",
            "/oauth2/authorization/idp",
        ] {
            door.get(target, &credentials).await;
        }
    }
    for hostile in [
        "GET /api/%1b%5b31mred HTTP/1.1\r\nHost: door\r\n",
        "GET /api/%0aforged HTTP/1.1\r\nHost: door\r\n",
        "GET /api/%e2%80%a8forged HTTP/1.1\r\nHost: door\r\n",
        "GET /api/\"},{\"forged HTTP/1.1\r\nHost: door\r\n",
        "GET /api/%22%7d%0a%7b%22forged%22:1 HTTP/1.1\r\nHost: door\r\n",
        "GET /api HTTP/1.1\r\nHost: door\r\nX-Request-Id: \u{1b}[31m\r\n",
        "GET /api HTTP/1.1\r\nHost: door\r\nX-Request-Id: {\"forged\":1}\r\n",
        "F%0aORGED /api HTTP/1.1\r\nHost: door\r\n",
    ] {
        for user in ["analyst", "fo\u{2028}rged", "for\\nged", "\"},{\"forged\":1"] {
            door.exchange(format!("{hostile}Connection: close\r\n{}\r\n", basic(user, PASSWORD)).as_bytes()).await;
        }
    }
    let (out, err) = (door.process.stdout(), door.process.stderr());
    assert_eq!(err, "", "nothing is written elsewhere");
    assert!(out.lines().filter(|line| line.contains("cubegate::audit")).count() > 30, "{out}");
    for line in out.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(record["target"].is_string() && record.get("forged").is_none(), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    let encoded = right.trim_start_matches("Authorization: Basic ").trim_end();
    let (_, signed) = token.split_once('.').unwrap();
    for secret in [
        PASSWORD,
        encoded,
        signed,
        "wrong-secret",
        "token-secret",
        "scheme-secret",
        "cookie-secret",
        "proxy-secret",
        "header-secret",
        "query-secret",
        "code-secret",
        "state-secret",
        "client secret",
        "code_challenge",
    ] {
        assert!(!out.contains(secret), "{secret} is in the log");
    }
}
