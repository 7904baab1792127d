//! Logging out: here, and at the provider when it offers that.

use http::{Method, StatusCode, header::SET_COOKIE};

use crate::{
    answer::{Answer, Refusal, empty, redirect},
    authenticate::session::Session,
    screen::Screened,
    standing::Policy,
};

use super::login;

/// `/logout`: makes the browser forget its session. Basic credentials and tokens are not ours to make anyone forget.
pub(crate) fn log_out<B>(request: &Screened<B>, policy: &Policy) -> Result<Answer, Refusal> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(&request.method) {
        return Err(login::wrong_method());
    }
    let mut answer = if request.manners.wants_status_only() {
        empty(StatusCode::NO_CONTENT)
    } else {
        let was_logged_in = Session::read(&request.headers, policy.sealer(), policy.cookies()).is_some();
        let elsewhere = if was_logged_in { at_provider(policy) } else { None };
        redirect(&request.method, elsewhere.as_deref().unwrap_or("/"))
    };
    let cookies = policy.cookies();
    answer.headers_mut().append(SET_COOKIE, cookies.clear(&cookies.session()));
    answer.headers_mut().append(SET_COOKIE, cookies.clear(&cookies.landing()));
    Ok(answer)
}

/// Where the provider ends its own session (RP-Initiated Logout). Without an ID token, which is not kept, it may ask first.
fn at_provider(policy: &Policy) -> Option<String> {
    let provider = policy.provider()?;
    let mut url = provider.known_now()?.metadata.additional_metadata().end_session_endpoint.clone()?;
    let home = format!("{}/", policy.door().url.as_deref()?.trim_end_matches('/'));
    url.query_pairs_mut()
        .append_pair("client_id", &provider.config().client_id)
        .append_pair("post_logout_redirect_uri", &home);
    Some(url.into())
}
