//! What the sidecar itself answers: where it sends browsers, and what it writes.

use cubegate_tests::wire;

use crate::{door::Door, policies, provider::Provider};

#[tokio::test]
async fn no_redirect_of_ours_leaves_this_host_whatever_was_asked_for() {
    let door = Door::with(policies::closed_with(Some(policies::oidc_out_of_reach()))).await.unwrap();
    for target in [
        "/elsewhere",
        "/?next=https://elsewhere.example",
        "/login?rd=//elsewhere.example",
        "/login?return_to=https:elsewhere.example",
        "/@elsewhere.example/",
        "/;//elsewhere.example",
        "/https:elsewhere.example",
        "/%09/elsewhere.example",
        "/logout?post_logout_redirect_uri=https://elsewhere.example",
        "/logout?returnTo=//elsewhere.example",
    ] {
        for host in ["door", "elsewhere.example", "elsewhere.example:443"] {
            for headers in ["", "X-Forwarded-Host: elsewhere.example\r\nReferer: https://elsewhere.example\r\n"] {
                let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
                let answer = door.ask(&request).await;
                let location = answer.header("location");
                let is_here = matches!(location, "/" | "/oauth2/authorization/idp");
                assert!((answer.status == 302 && is_here) || answer.status == 400, "{target}: {answer:?}");
            }
        }
    }
    for target in ["//elsewhere.example", "/\\elsewhere.example", "/%5celsewhere.example", "/%2felsewhere.example"] {
        assert_eq!(door.get(target, "").await.status, 400, "{target}");
    }
}

#[tokio::test]
async fn a_login_starts_at_the_provider_with_our_own_address_whatever_the_caller_says() {
    let provider = Provider::start().await;
    let door = Door::with(policies::closed_with(Some(policies::oidc(provider.issuer())))).await.unwrap();
    let target =
        "/oauth2/authorization/idp?redirect_uri=https://elsewhere.example&scope=admin&state=mine&client_id=other";
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\nX-Forwarded-Host: elsewhere.example\r\n\r\n"
    );
    let answer = door.ask(&request).await;
    let location = url::Url::parse(answer.header("location")).unwrap();
    assert!(location.as_str().starts_with(provider.issuer()), "{location}");
    let values = |name: &str| -> Vec<String> {
        location.query_pairs().filter(|(found, _)| found == name).map(|(_, value)| value.into_owned()).collect()
    };
    assert_eq!(values("redirect_uri"), ["http://127.0.0.1:8080/login/oauth2/code/idp"]);
    assert_eq!((values("client_id"), values("scope")), (vec!["cubegate".to_owned()], vec!["openid".to_owned()]));
    assert_eq!((values("state").len(), values("nonce").len(), values("code_challenge").len()), (1, 1, 1));
    assert!(!location.as_str().contains("elsewhere") && values("state") != ["mine"], "{location}");
}

#[tokio::test]
async fn no_answer_of_ours_repeats_what_it_was_sent_or_runs_anything() {
    const SCRIPT: &str = "scr1pt";
    let provider = Provider::start().await;
    let door = Door::with(policies::closed_with(Some(policies::oidc(provider.issuer())))).await.unwrap();
    for target in [
        format!("/api/{SCRIPT}"),
        format!("/api?{SCRIPT}=<svg/onload=alert(1)>"),
        format!("/login/oauth2/code/idp?error={SCRIPT}&error_description={SCRIPT}&state={SCRIPT}"),
        format!("/oauth2/authorization/{SCRIPT}"),
        format!("/logout?{SCRIPT}"),
        format!("/a/../{SCRIPT}"),
        format!("/internal/{SCRIPT}"),
    ] {
        let headers = format!("Referer: {SCRIPT}\r\nUser-Agent: {SCRIPT}\r\nCookie: {SCRIPT}={SCRIPT}\r\n");
        for credentials in
            [String::new(), format!("Authorization: Bearer {SCRIPT}\r\n"), policies::basic(SCRIPT, SCRIPT)]
        {
            for accept in ["application/json", "text/html"] {
                let answer = door.get(&target, &format!("Accept: {accept}\r\n{headers}{credentials}")).await;
                let shown = format!("{:?} {}", answer.headers, answer.text());
                assert!(!shown.contains(SCRIPT), "{target}: {shown}");
                if answer.body.is_empty() {
                    continue;
                }
                assert_eq!(wire::values(&answer.headers, "x-content-type-options"), ["nosniff"]);
                if answer.header("content-type") == "text/html; charset=utf-8" {
                    assert_eq!(accept, "text/html", "{target}");
                    let policy = answer.header("content-security-policy").to_owned();
                    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{target}: {policy}");
                    assert!(!policy.contains("script") && !policy.contains("unsafe"), "{target}: {policy}");
                } else {
                    assert_eq!(answer.header("content-type"), "application/problem+json", "{target}");
                }
            }
        }
    }
    assert_eq!(door.recorder.count(), 0);
}
