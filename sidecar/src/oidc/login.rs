//! Logging in, first half: from the page that was asked for to the provider.
//!
//! ```text
//! GET /page ──302, return cookie──▶ /oauth2/authorization/{id} ──302, login cookie──▶ provider
//!                                                     provider ──302──▶ /login/oauth2/code/{id}?code&state
//! ```
//!
//! Everything about a login under way is in a sealed cookie, so that any replica can finish it.

use std::sync::Arc;

use http::{HeaderMap, StatusCode, header::SET_COOKIE};
use openidconnect::{
    AuthType, AuthenticationFlow, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    core::{CoreClient, CoreClientAuthMethod, CoreResponseType},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    answer::{Answer, Refusal, json_answer, redirect},
    authenticate::session::now_s,
    challenge::LOGIN_PATH,
    cookie,
    kept::Unavailable,
    limits::{COOKIE_CANDIDATES_MAX, LOGIN_SLOTS, LOGIN_TTL, RETURN_BYTES_MAX},
    page,
    pipeline::only_get,
    screen::Screened,
    seal::Purpose,
    standing::Policy,
    trace::random_hex,
};

use super::{
    provider::{Known, Provider},
    trusted::TrustedProvider,
};

/// A client that knows where to authorise and, mostly, where to redeem codes.
pub(super) type CodeFlowClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A login under way.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) return_to: String,
    pub(super) expires_s: u64,
}

/// Where to go after a login.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Landing {
    path: String,
    expires_s: u64,
}

/// Sends a browser that has no session to the login path, and remembers where it wanted to go.
pub(crate) fn to_login<B>(request: &Screened<B>, policy: &Policy) -> Answer {
    let mut answer = redirect(&request.method, &login_path(policy));
    let path = request.target.as_str();
    let path = if path.len() <= RETURN_BYTES_MAX { path } else { "/" };
    let landing = Landing { path: path.to_owned(), expires_s: now_s() + LOGIN_TTL.as_secs() };
    let name = policy.cookies().landing();
    let value = policy.sealer().seal(Purpose::Return, &name, &to_json(&landing));
    answer.headers_mut().append(SET_COOKIE, policy.cookies().set(&name, &value, LOGIN_TTL));
    answer
}

/// `/login`: on to the only provider there is, or a choice among several. Whoever is of one that is broken is sent to no other
/// unasked.
pub(crate) fn start<B>(request: &Screened<B>, policy: &Policy) -> Result<Answer, Refusal> {
    match (policy.providers(), policy.only_provider()) {
        ([], _) => Err(Refusal::not_found()),
        (_, Some(only)) => Ok(redirect(&request.method, &authorization_path(only))),
        (several, None) => {
            only_get(request)?;
            let choices = several.iter().map(|provider| (authorization_path(provider), provider.display_name()));
            if request.manners.wants_page {
                return Ok(page::chooser(choices));
            }
            let choices: Vec<_> = choices.map(|(path, name)| json!({"displayName": name, "loginUrl": path})).collect();
            Ok(json_answer(&json!({"providers": choices})))
        }
    }
}

/// `/oauth2/authorization/{providerId}`: on to the provider.
pub(crate) async fn begin<B>(request: &Screened<B>, policy: &Policy, provider_id: &str) -> Result<Answer, Refusal> {
    let trusted = named(policy, provider_id)?;
    only_get(request)?;
    let provider = trusted.provider();
    let known = provider.known().await.map_err(unavailable)?;
    let client = client(provider, &known, policy)?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (state, nonce) = (random_hex::<16>(), random_hex::<16>());
    let scopes = provider.config().scopes.iter().filter(|scope| *scope != "openid");
    let authorization = client.authorize_url(
        AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
        {
            let state = state.clone();
            move || CsrfToken::new(state)
        },
        {
            let nonce = nonce.clone();
            move || Nonce::new(nonce)
        },
    );
    let (url, _, _) = authorization.add_scopes(scopes.cloned().map(Scope::new)).set_pkce_challenge(challenge).url();

    let pending = Pending {
        return_to: landing(&request.headers, policy).unwrap_or_else(|| "/".to_owned()),
        expires_s: now_s() + LOGIN_TTL.as_secs(),
        verifier: PkceCodeVerifier::into_secret(verifier),
        state,
        nonce,
    };
    let (cookies, name) = (policy.cookies(), slot_name(policy, &pending.state));
    let value = trusted.sealer().seal(Purpose::Login, &name, &to_json(&pending));
    let mut answer = redirect(&request.method, url.as_str());
    answer.headers_mut().append(SET_COOKIE, cookies.set(&name, &value, LOGIN_TTL));
    answer.headers_mut().append(SET_COOKIE, cookies.clear(&cookies.landing()));
    Ok(answer)
}

/// The login at this provider that a state belongs to, when this browser began it and it has not expired.
pub(super) fn pending(
    headers: &HeaderMap,
    policy: &Policy,
    provider: &TrustedProvider,
    state: &str,
) -> Option<Pending> {
    let name = slot_name(policy, state);
    let is_ours = |pending: &Pending| {
        let is_same =
            aws_lc_rs::constant_time::verify_slices_are_equal(pending.state.as_bytes(), state.as_bytes()).is_ok();
        is_same && now_s() < pending.expires_s
    };
    cookie::values(headers, &name)
        .take(COOKIE_CANDIDATES_MAX)
        .filter_map(|value| provider.sealer().open(Purpose::Login, &name, value))
        .filter_map(|plain| serde_json::from_slice(&plain).ok())
        .find(is_ours)
}

/// A browser can log in from several tabs at once, each in a slot of its own, but cannot pile up cookies.
pub(super) fn slot_name(policy: &Policy, state: &str) -> String {
    policy.cookies().login(state.bytes().last().unwrap_or_default() % LOGIN_SLOTS)
}

/// The provider of this name.
pub(super) fn named<'a>(policy: &'a Policy, provider_id: &str) -> Result<&'a Arc<TrustedProvider>, Refusal> {
    let mut providers = policy.providers().iter();
    providers.find(|provider| provider.config().provider_id == provider_id).ok_or_else(Refusal::not_found)
}

/// Our side of the code flow.
pub(super) fn client(provider: &Provider, known: &Known, policy: &Policy) -> Result<CodeFlowClient, Refusal> {
    let config = provider.config();
    let base = policy.door().url.as_deref().unwrap_or_default().trim_end_matches('/');
    let redirect_url =
        RedirectUrl::new(format!("{base}/login/oauth2/code/{}", config.provider_id)).map_err(|error| {
            Refusal::unavailable("no-url", "This Session cannot be logged in to")
                .because(format!("failed to make a redirect URI of the Session's url: {error}"))
        })?;
    let secret = config.client_secret.clone().map(ClientSecret::new);
    let client =
        CoreClient::from_provider_metadata(known.metadata.clone(), ClientId::new(config.client_id.clone()), secret);
    Ok(client.set_redirect_uri(redirect_url).set_auth_type(way_of_authenticating(known)))
}

pub(super) fn unavailable(error: Unavailable) -> Refusal {
    Refusal::unavailable("identity-provider-unavailable", "The identity provider cannot be reached").because(error)
}

pub(crate) fn wrong_method() -> Refusal {
    only("GET, HEAD")
}

/// The 405 for any other method than these.
pub(crate) fn only(methods: &'static str) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "The method does not fit the path", "see `Allow`")
        .header(http::header::ALLOW, http::HeaderValue::from_static(methods))
}

/// Where a login begins.
fn login_path(policy: &Policy) -> String {
    policy.only_provider().map_or_else(|| LOGIN_PATH.to_owned(), authorization_path)
}

fn authorization_path(provider: &TrustedProvider) -> String {
    format!("/oauth2/authorization/{}", provider.config().provider_id)
}

/// `client_secret_basic` unless the provider knows only the other one.
fn way_of_authenticating(known: &Known) -> AuthType {
    match known.metadata.token_endpoint_auth_methods_supported() {
        Some(methods)
            if methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic) =>
        {
            AuthType::RequestBody
        }
        _ => AuthType::BasicAuth,
    }
}

/// A screened path of ours: sealed, and relative because it has neither `//` nor `\`.
fn landing(headers: &HeaderMap, policy: &Policy) -> Option<String> {
    let name = policy.cookies().landing();
    cookie::values(headers, &name)
        .take(COOKIE_CANDIDATES_MAX)
        .filter_map(|value| policy.sealer().open(Purpose::Return, &name, value))
        .filter_map(|plain| serde_json::from_slice::<Landing>(&plain).ok())
        .find(|landing| now_s() < landing.expires_s && landing.path.starts_with('/'))
        .map(|landing| landing.path)
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("what we seal has string keys only, so it always serialises")
}
