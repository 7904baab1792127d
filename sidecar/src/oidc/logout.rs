//! Logging out: here, and at the provider when it offers that.

use http::{Method, StatusCode, header::SET_COOKIE};

use crate::{
    answer::{Answer, Refusal, empty, redirect},
    authenticate::session::Session,
    screen::Screened,
    standing::Policy,
};

use super::{login, tokens::Tokens};

/// `/logout`: makes the browser forget its session. Basic credentials and tokens are not ours to make anyone forget.
pub(crate) fn log_out<B>(request: &Screened<B>, policy: &Policy) -> Result<Answer, Refusal> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(&request.method) {
        return Err(login::wrong_method());
    }
    let session = Session::read(&request.headers, policy.session_cookies());
    let mut answer = if request.manners.wants_status_only() {
        empty(StatusCode::NO_CONTENT)
    } else {
        let tokens = session.as_ref().map(|session| Tokens::read(&request.headers, policy.session_cookies(), session));
        let elsewhere = tokens.and_then(|tokens| at_provider(policy, tokens.and_then(|tokens| tokens.id_token)));
        redirect(&request.method, elsewhere.as_deref().unwrap_or("/"))
    };
    let cookies = policy.cookies();
    for name in [cookies.session(), cookies.tokens(), cookies.landing()] {
        answer.headers_mut().append(SET_COOKIE, cookies.clear(&name));
    }
    Ok(answer)
}

/// Where the provider ends its own session (RP-Initiated Logout). Without a hint whose session is meant, it may ask first.
fn at_provider(policy: &Policy, id_token_hint: Option<String>) -> Option<String> {
    let provider = policy.provider()?;
    let mut url = provider.known_now()?.metadata.additional_metadata().end_session_endpoint.clone()?;
    let home = format!("{}/", policy.door().url.as_deref()?.trim_end_matches('/'));
    url.query_pairs_mut()
        .append_pair("client_id", &provider.config().client_id)
        .append_pair("post_logout_redirect_uri", &home);
    if let Some(id_token) = id_token_hint {
        url.query_pairs_mut().append_pair("id_token_hint", &id_token);
    }
    Some(url.into())
}
