//! Logging in, second half: from the provider's answer to a session.
//!
//! ```text
//! parameters ──▶ state: this browser's, in time, not used before ──▶ iss ──▶ code redeemed ──▶ ID token verified
//!     ──▶ name and roles: ID token, JWT access token, userinfo, until all are found ──▶ session cookie, 302 to the page asked for
//! ```
//!
//! A state is spent before the code is redeemed. Each replica remembers the states that it has spent; a login replayed at
//! another replica passes this check there, and fails at the provider, where a code is redeemed once.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_policy::snapshot::{AccessTokenFormat, Oidc};
use http::{Method, StatusCode, header::SET_COOKIE};
use moka::sync::Cache;
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, Nonce, OAuth2TokenResponse, PkceCodeVerifier,
    RequestTokenError, SignatureVerificationError, TokenResponse,
    core::{CoreErrorResponseType, CoreIdToken, CoreJwsSigningAlgorithm, CoreTokenResponse, CoreTokenType},
};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    answer::{Answer, Refusal, redirect},
    authenticate::{ProviderUser, session::Session},
    engine::chain,
    limits::{LOGIN_TTL, USED_STATES_MAX},
    screen::Screened,
    standing::Policy,
};

use super::{
    BearerError,
    claims::{Claimed, text},
    http::HttpError,
    login::{self, CodeFlowClient, Pending},
    opaque::{self, OpaqueError},
    provider::{Known, Provider, Unavailable},
};

/// Logins that have been finished here.
pub(crate) struct Logins {
    used_states: Cache<String, ()>,
}

/// What a provider sends a browser back with.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parameters {
    state: String,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

/// Why a login fails. No variant repeats a token or a code.
#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error("the parameters are missing or repeated")]
    Parameters,
    #[error("the state is not of a login of this browser, or too old")]
    State,
    #[error("the state has been used before")]
    Replayed,
    #[error("the answer is another issuer's")]
    Issuer,
    #[error("the provider refused: {0}")]
    Refused(String),
    #[error("failed to redeem the code: {0}")]
    Redeem(String),
    #[error("failed to reach the provider's token endpoint")]
    Unreachable(#[source] HttpError),
    #[error("the provider has no token endpoint")]
    NoTokenEndpoint,
    #[error("the provider's answer has no ID token")]
    NoIdToken,
    #[error("failed to verify the ID token: {0}")]
    IdToken(#[source] ClaimsVerificationError),
    #[error("the ID token was issued to another client")]
    AuthorizedParty,
    #[error("the access token is not the one that the ID token speaks of")]
    AccessTokenHash,
    #[error("failed to get the provider's newer keys")]
    Keys(#[source] Unavailable),
    #[error("failed to verify the access token, which may name roles")]
    AccessToken(#[source] BearerError),
    #[error("the access token is of somebody else than the ID token")]
    OtherSubject,
    #[error("failed to ask for the user")]
    UserInfo(#[source] OpaqueError),
    #[error("the provider says no name of the user")]
    NoName,
    #[error("the user has too many roles or attributes for a cookie")]
    TooManyRoles,
}

// === impl Logins ===

impl Logins {
    pub(crate) fn new() -> Self {
        Self { used_states: Cache::builder().max_capacity(USED_STATES_MAX).time_to_live(LOGIN_TTL).build() }
    }

    /// `/login/oauth2/code/{providerId}`: makes a session of the provider's answer. The name is for the log.
    pub(crate) async fn finish<B>(
        &self,
        request: &Screened<B>,
        policy: &Policy,
        provider_id: &str,
    ) -> Result<(Answer, String), Refusal> {
        let provider = login::named(policy, provider_id)?;
        if request.method != Method::GET {
            return Err(login::wrong_method());
        }
        let known = provider.known().await.map_err(login::unavailable)?;
        let client = login::client(provider, &known, policy)?;
        let (pending, user) = self.user(request, policy, provider, &known, &client).await?;
        let name = user.name.clone();
        let (cookies, slot) = (policy.cookies(), login::slot_name(policy, &pending.state));
        // With all roles and attributes or not at all: a role that means nothing today may be mapped tomorrow, and restrict.
        let session = Session::begin(user).write(policy.sealer(), cookies);
        let session = session.ok_or(LoginError::TooManyRoles)?;
        let mut answer = redirect(&request.method, &pending.return_to);
        answer.headers_mut().append(SET_COOKIE, session);
        answer.headers_mut().append(SET_COOKIE, cookies.clear(&slot));
        Ok((answer, name))
    }

    async fn user<B>(
        &self,
        request: &Screened<B>,
        policy: &Policy,
        provider: &Provider,
        known: &Known,
        client: &CodeFlowClient,
    ) -> Result<(Pending, ProviderUser), LoginError> {
        let parameters = Parameters::read(request.target.query().unwrap_or_default())?;
        let pending = login::pending(&request.headers, policy, &parameters.state).ok_or(LoginError::State)?;
        self.spend(&pending.state)?;
        check_issuer(&parameters, provider.config(), known)?;
        let code = parameters.code()?;
        let tokens = redeem(code, &pending, provider, client).await?;
        let claims = verified_claims(&tokens, &pending, provider, known, client, policy).await?;
        let user = described(claims, &tokens, provider, known).await?;
        Ok((pending, user))
    }

    fn spend(&self, state: &str) -> Result<(), LoginError> {
        let is_fresh = self.used_states.entry_by_ref(state).or_insert(()).is_fresh();
        if is_fresh { Ok(()) } else { Err(LoginError::Replayed) }
    }
}

// === impl Parameters ===

impl Parameters {
    /// A parameter that counts and comes twice could be read in two ways.
    fn read(query: &str) -> Result<Self, LoginError> {
        let (mut state, mut parameters) = (None, Self::default());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "state" => &mut state,
                "code" => &mut parameters.code,
                "iss" => &mut parameters.issuer,
                "error" => &mut parameters.error,
                _ => continue,
            };
            if field.replace(value.into_owned()).is_some() {
                return Err(LoginError::Parameters);
            }
        }
        parameters.state = state.filter(|state| !state.is_empty()).ok_or(LoginError::Parameters)?;
        if parameters.code.is_some() == parameters.error.is_some() {
            return Err(LoginError::Parameters);
        }
        Ok(parameters)
    }

    fn code(self) -> Result<AuthorizationCode, LoginError> {
        match (self.code, self.error) {
            (Some(code), _) => Ok(AuthorizationCode::new(code)),
            // A code of RFC 6749 §4.1.2.1; anything longer was not written by a provider.
            (None, error) => Err(LoginError::Refused(
                error.unwrap_or_default().chars().filter(char::is_ascii_graphic).take(64).collect(),
            )),
        }
    }
}

/// RFC 9207: an answer that names an issuer must name ours, and must name one if our provider says that it does.
fn check_issuer(parameters: &Parameters, config: &Oidc, known: &Known) -> Result<(), LoginError> {
    let is_promised = known.metadata.additional_metadata().authorization_response_iss_parameter_supported;
    match &parameters.issuer {
        Some(issuer) if *issuer == config.issuer_url => Ok(()),
        None if !is_promised => Ok(()),
        Some(_) | None => Err(LoginError::Issuer),
    }
}

async fn redeem(
    code: AuthorizationCode,
    pending: &Pending,
    provider: &Provider,
    client: &CodeFlowClient,
) -> Result<CoreTokenResponse, LoginError> {
    let request = client.exchange_code(code).map_err(|_| LoginError::NoTokenEndpoint)?;
    let verifier = PkceCodeVerifier::new(pending.verifier.clone());
    let tokens =
        request.set_pkce_verifier(verifier).request_async(&provider.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(response) => match response.error() {
                CoreErrorResponseType::Extension(_) => LoginError::Redeem("with an error of its own".to_owned()),
                known => LoginError::Redeem(known.to_string()),
            },
            RequestTokenError::Request(error) => LoginError::Unreachable(error),
            // What could not be parsed may hold a token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                LoginError::Redeem("an answer that cannot be read".to_owned())
            }
        })?;
    match tokens.token_type() {
        CoreTokenType::Bearer => Ok(tokens),
        // RFC 6749 §7.1: whoever does not know the type must not use the token.
        _ => Err(LoginError::Redeem("a token that is not a bearer token".to_owned())),
    }
}

/// All claims of the verified ID token. One signed with an unknown key is tried again with newer keys.
async fn verified_claims(
    tokens: &CoreTokenResponse,
    pending: &Pending,
    provider: &Provider,
    known: &Known,
    client: &CodeFlowClient,
    policy: &Policy,
) -> Result<Value, LoginError> {
    let id_token = tokens.id_token().ok_or(LoginError::NoIdToken)?;
    match verify(id_token, tokens, pending, known, client) {
        Err(LoginError::IdToken(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey,
        ))) => {}
        verdict => return verdict,
    }
    let unknown_key = || {
        LoginError::IdToken(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
    };
    let newer = provider.newer_than(known).await.map_err(LoginError::Keys)?.ok_or_else(unknown_key)?;
    let client = login::client(provider, &newer, policy).map_err(|_| unknown_key())?;
    verify(id_token, tokens, pending, &newer, &client)
}

fn verify(
    id_token: &CoreIdToken,
    tokens: &CoreTokenResponse,
    pending: &Pending,
    known: &Known,
    client: &CodeFlowClient,
) -> Result<Value, LoginError> {
    let algorithms =
        known.metadata.id_token_signing_alg_values_supported().iter().filter(|algorithm| is_asymmetric(algorithm));
    let verifier = client.id_token_verifier().set_allowed_algs(algorithms.cloned());
    let claims = id_token.claims(&verifier, &Nonce::new(pending.nonce.clone())).map_err(LoginError::IdToken)?;
    // OpenID Connect Core §3.1.3.7, step 5, which the library leaves to us.
    if claims.authorized_party().is_some_and(|party| *party != *client.client_id()) {
        return Err(LoginError::AuthorizedParty);
    }
    if let Some(expected) = claims.access_token_hash() {
        let actual = id_token
            .signing_alg()
            .ok()
            .zip(id_token.signing_key(&verifier).ok())
            .and_then(|(algorithm, key)| AccessTokenHash::from_token(tokens.access_token(), algorithm, key).ok());
        if actual.as_ref() != Some(expected) {
            return Err(LoginError::AccessTokenHash);
        }
    }
    payload(&id_token.to_string()).ok_or(LoginError::NoIdToken)
}

/// The claims of a token that has been verified, as they are; typed claims would lose those that we do not know.
fn payload(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// A provider that signs with our own client secret could not be told from anyone who knows it.
fn is_asymmetric(algorithm: &CoreJwsSigningAlgorithm) -> bool {
    !matches!(
        algorithm,
        CoreJwsSigningAlgorithm::HmacSha256
            | CoreJwsSigningAlgorithm::HmacSha384
            | CoreJwsSigningAlgorithm::HmacSha512
            | CoreJwsSigningAlgorithm::None
    )
}

/// Name and roles of the user: from the ID token; what is missing there from a JWT access token; what is still missing from
/// userinfo. A place that should be read and cannot be may name the role that restricts the user, so it ends the login.
async fn described(
    id_claims: Value,
    tokens: &CoreTokenResponse,
    provider: &Provider,
    known: &Known,
) -> Result<ProviderUser, LoginError> {
    let (config, access_token) = (provider.config(), tokens.access_token().secret());
    let mut claimed = Claimed::nothing(config);
    claimed.complete_from(&id_claims);
    if !claimed.is_complete() && config.access_token_format == AccessTokenFormat::Jwt {
        let claims = provider.claims_of_jwt(access_token, known).await.map_err(LoginError::AccessToken)?;
        if !claimed.is_same_subject(&claims) {
            return Err(LoginError::OtherSubject);
        }
        claimed.complete_from(&claims);
    }
    if let (false, Some(endpoint)) = (claimed.is_complete(), known.metadata.userinfo_endpoint()) {
        let claims =
            opaque::userinfo(endpoint.as_str(), access_token, &provider.http).await.map_err(LoginError::UserInfo)?;
        if text(&claims, "sub").is_none() || !claimed.is_same_subject(&claims) {
            return Err(LoginError::UserInfo(OpaqueError::OtherSubject));
        }
        claimed.complete_from(&claims);
    }
    claimed.into_user().ok_or(LoginError::NoName)
}

// === impl LoginError ===

impl LoginError {
    fn refusal(&self) -> Refusal {
        let again = "begin again at /login";
        match self {
            Self::Parameters | Self::State | Self::Replayed | Self::Issuer => {
                Refusal::new(StatusCode::BAD_REQUEST, "login-state", "This login is not under way", again)
            }
            Self::Refused(_) => {
                Refusal::new(StatusCode::FORBIDDEN, "login-refused", "The identity provider refused the login", again)
            }
            Self::Unreachable(_) | Self::NoTokenEndpoint | Self::Keys(_) => {
                Refusal::unavailable("identity-provider-unavailable", "The identity provider cannot be reached")
            }
            Self::UserInfo(error) if error.is_ours_to_solve() => {
                Refusal::unavailable("identity-provider-unavailable", "The identity provider cannot be reached")
            }
            Self::AccessToken(error) if error.is_ours_to_solve() => {
                Refusal::unavailable("identity-provider-unavailable", "The identity provider cannot be reached")
            }
            Self::TooManyRoles => Refusal::new(
                StatusCode::FORBIDDEN,
                "too-many-roles",
                "The user has too many roles or attributes",
                "ask whoever maintains the identity provider",
            ),
            Self::Redeem(_)
            | Self::NoIdToken
            | Self::IdToken(_)
            | Self::AuthorizedParty
            | Self::AccessTokenHash
            | Self::AccessToken(_)
            | Self::OtherSubject
            | Self::UserInfo(_)
            | Self::NoName => {
                Refusal::new(StatusCode::FORBIDDEN, "login-failed", "The login could not be verified", again)
            }
        }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        error.refusal().because(chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oidc::jwt::JwtError;

    #[test]
    fn parameters_that_count_must_come_once() {
        let read = Parameters::read("state=s&code=c&iss=i&session_state=x&session_state=y").unwrap();
        assert_eq!(
            read,
            Parameters { state: "s".into(), code: Some("c".into()), issuer: Some("i".into()), error: None }
        );
        for query in [
            "",
            "code=c",
            "state=s",
            "state=&code=c",
            "state=s&state=s&code=c",
            "state=s&code=c&code=d",
            "state=s&code=c&error=e",
            "state=s&code=c&iss=a&iss=b",
        ] {
            assert!(matches!(Parameters::read(query), Err(LoginError::Parameters)), "{query}");
        }
    }

    #[test]
    fn a_state_is_spent_once() {
        let logins = Logins::new();
        assert!(logins.spend("a").is_ok());
        assert!(matches!(logins.spend("a"), Err(LoginError::Replayed)));
        assert!(logins.spend("b").is_ok());
    }

    #[test]
    fn what_cannot_be_verified_without_the_providers_keys_is_not_wrong_yet() {
        for (error, status) in [
            (LoginError::Keys(Unavailable), 503),
            (LoginError::AccessToken(BearerError::Unavailable(Unavailable)), 503),
            (LoginError::AccessToken(JwtError::UnknownKey.into()), 403),
        ] {
            assert_eq!(error.refusal().status, status, "{error}");
        }
    }

    #[test]
    fn signatures_that_share_our_secret_do_not_count() {
        assert!(is_asymmetric(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256));
        assert!(!is_asymmetric(&CoreJwsSigningAlgorithm::HmacSha256));
        assert!(!is_asymmetric(&CoreJwsSigningAlgorithm::None));
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_panic(query in "[ -~]{0,80}") {
            let _ = Parameters::read(&query);
        }
    }
}
