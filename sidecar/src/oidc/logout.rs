//! Logging out: here, and at the provider when it offers that.

use http::{Method, StatusCode, header::SET_COOKIE};
use url::form_urlencoded;

use crate::{
    answer::{Answer, Refusal, empty, redirect, typed},
    authenticate::{ended::Ended, session::Session},
    page,
    screen::Screened,
    standing::Policy,
};

use super::{login, provider::Provider, tokens::Tokens, trusted};

/// `/logout`: ends the session of a browser. Basic credentials and tokens are not ours to make anyone forget.
pub(crate) fn log_out<B>(request: &Screened<B>, policy: &Policy, ended: &Ended) -> Result<Answer, Refusal> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(&request.method) {
        return Err(login::only("GET, HEAD, POST"));
    }
    let found = trusted::session(&request.headers, policy.providers());
    if let Some((_, session)) = &found {
        ended.end_session(session);
    }
    let elsewhere = || {
        let (provider, session) = found.as_ref()?;
        let tokens = Tokens::read(&request.headers, provider.session_cookies(), session);
        at_provider(policy, provider.provider(), tokens.and_then(|tokens| tokens.id_token))
    };
    let mut answer = if request.manners.wants_status_only() {
        empty(StatusCode::NO_CONTENT)
    } else {
        match elsewhere() {
            Some(url) => redirect(&request.method, &url),
            None if request.manners.wants_page => page::signed_out(),
            None => redirect(&request.method, "/"),
        }
    };
    forget(&mut answer, policy);
    Ok(answer)
}

/// `/logout/connect/front-channel/{providerId}`, which a page of the provider loads in a frame (OpenID Connect Front-Channel
/// Logout 1.0). Anybody's page can do that, so it ends the session of this browser only, and only if it came of the session
/// at the provider that is named. Browsers send our cookies to a frame only where the provider is same-site.
pub(crate) fn log_out_in_frame<B>(
    request: &Screened<B>,
    policy: &Policy,
    provider_id: &str,
    ended: &Ended,
) -> Result<Answer, Refusal> {
    let provider = login::named(policy, provider_id)?;
    if request.method != Method::GET {
        return Err(login::only("GET"));
    }
    let (issuer, sid) = issuer_and_session(request.target.query().unwrap_or_default()).ok_or_else(|| {
        let detail = "send `iss` and `sid` once each";
        Refusal::new(StatusCode::BAD_REQUEST, "malformed-parameters", "The parameters are not understood", detail)
    })?;
    let mut answer = typed(StatusCode::OK, "text/html; charset=utf-8", "");
    let session = Session::read(&request.headers, provider.session_cookies());
    let is_meant = |session: &Session| session.vouched.provider_session.as_deref() == Some(&sid);
    if let Some(session) = session.filter(|session| issuer == provider.config().issuer_url && is_meant(session)) {
        ended.end_session(&session);
        forget(&mut answer, policy);
    }
    Ok(answer)
}

fn issuer_and_session(query: &str) -> Option<(String, String)> {
    let value = |wanted: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
        let value = values.next()?.1.into_owned();
        values.next().is_none().then_some(value)
    };
    Some((value("iss")?, value("sid")?))
}

/// Makes the browser forget its session.
fn forget(answer: &mut Answer, policy: &Policy) {
    let cookies = policy.cookies();
    for name in [cookies.session(), cookies.tokens(), cookies.landing()] {
        answer.headers_mut().append(SET_COOKIE, cookies.clear(&name));
    }
}

/// Where the provider ends its own session (RP-Initiated Logout). Without a hint whose session is meant, it may ask first.
fn at_provider(policy: &Policy, provider: &Provider, id_token_hint: Option<String>) -> Option<String> {
    let mut url = provider.kept.known_now()?.metadata.additional_metadata().end_session_endpoint.clone()?;
    let home = format!("{}/", policy.door().url.as_deref()?.trim_end_matches('/'));
    url.query_pairs_mut()
        .append_pair("client_id", &provider.config().client_id)
        .append_pair("post_logout_redirect_uri", &home);
    if let Some(id_token) = id_token_hint {
        url.query_pairs_mut().append_pair("id_token_hint", &id_token);
    }
    Some(url.into())
}
