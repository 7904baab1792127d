//! Cookies that nobody got from us, or that are not theirs.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_tests::wire;

use crate::{door::Door, policies, provider::Provider};

/// Of a whole head of hostile cookies, on a busy machine and a build that is not optimised.
const HOSTILE_COOKIES_MAX: Duration = Duration::from_secs(2);

async fn with_logins() -> Door {
    Door::with(policies::closed_with(Some(policies::oidc_out_of_reach()))).await.unwrap()
}

#[tokio::test]
async fn a_cookie_that_we_did_not_seal_is_no_session_and_all_of_them_look_the_same() {
    let mut door = with_logins().await;
    let sealed = |length: usize| URL_SAFE_NO_PAD.encode(vec![0x5a; length]);
    let mut seen = Vec::new();
    let lengths = [0, 1, 11, 12, 13, 27, 28, 29, 64, 256, 1024];
    let forged = lengths
        .into_iter()
        .map(sealed)
        .chain(["{\"u\":{\"n\":\"admin\"}}", "admin", "=", "....", "%00", "\"quoted\"", "a b"].map(str::to_owned));
    for value in forged {
        let answer =
            door.get("/api", &format!("Accept: application/json\r\nCookie: cubegate-session={value}\r\n")).await;
        let mut problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        problem["decisionId"].take();
        seen.push((answer.status, problem));
    }
    assert!(seen.iter().all(|answer| *answer == seen[0] && answer.0 == 401), "{seen:?}");
    assert_eq!(door.recorder.count(), 0);
    door.is_well().await;
}

#[tokio::test]
async fn hostile_cookie_headers_cost_little_and_break_nothing() {
    let provider = Provider::start().await;
    let mut door = Door::with(policies::closed_with(Some(policies::oidc(provider.issuer())))).await.unwrap();
    let many = vec!["cubegate-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"; 1000].join("; ");
    let lines = "Cookie: cubegate-session=AAAA\r\n".repeat(90);
    for headers in [
        format!("Cookie: {many}\r\n"),
        format!("Cookie: {}\r\n", ";".repeat(60_000)),
        format!("Cookie: {}\r\n", "=".repeat(60_000)),
        format!("Cookie: {}\r\n", "cubegate-session".repeat(3_000)),
        format!("Cookie: cubegate-session={}\r\n", "A".repeat(60_000)),
        format!("Cookie: cubegate-login-0={}\r\n", "A".repeat(60_000)),
        lines,
        "Cookie: \r\n".to_owned(),
        "Cookie: =; ==; ;;; = ;\t; a; \"; cubegate-session\r\n".to_owned(),
        "Cookie: cubegate-session=\u{e9}\u{e9}\r\n".to_owned(),
    ] {
        for path in ["/api", "/login/oauth2/code/idp?state=0&code=x", "/logout"] {
            let started = Instant::now();
            let status = door.get(path, &format!("Accept: application/json\r\n{headers}")).await.status;
            assert!([302, 400, 401, 403].contains(&status), "{path}: {status}");
            assert!(started.elapsed() < HOSTILE_COOKIES_MAX, "{:?}", started.elapsed());
        }
    }
    assert_eq!(door.recorder.count(), 0);
    door.is_well().await;
}

#[tokio::test]
async fn logging_out_clears_every_cookie_under_the_name_that_it_has() {
    let plain = policies::closed_with(Some(policies::oidc_out_of_reach()));
    for (policy, prefix, end) in
        [(plain.clone(), "", "SameSite=Lax"), (policies::over_https(plain), "__Host-", "SameSite=Lax; Secure")]
    {
        let door = Door::with(policy).await.unwrap();
        for method in ["GET", "POST"] {
            let request = format!("{method} /logout HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n");
            let answer = door.ask(&request).await;
            let cleared = wire::values(&answer.headers, "set-cookie");
            for name in ["cubegate-session", "cubegate-tokens", "cubegate-return"] {
                let expected = format!("{prefix}{name}=; Path=/; Max-Age=0; HttpOnly; {end}");
                assert!(cleared.contains(&expected.as_str()), "{expected} in {cleared:?}");
            }
        }
    }
}

#[tokio::test]
async fn forged_words_of_a_provider_at_the_logout_of_browsers_are_not_read() {
    let door = with_logins().await;
    let forms = "logout_token=eyJhbGciOiJub25lIn0.e30.&sid=1&sub=1";
    for path in ["/logout?sid=1&iss=http://127.0.0.1:1", "/logout?logout_token=x"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: door\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{forms}",
            forms.len()
        );
        let answer = door.ask(&request).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{path}");
    }
    assert_eq!(door.recorder.count(), 0);
}
