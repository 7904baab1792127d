//! Logging in, second half: from the provider's answer to a session.
//!
//! ```text
//! parameters ──▶ state: this browser's, in time, not used before ──▶ iss ──▶ code exchanged for a user
//!     ──▶ session and tokens cookies, 302 to the page asked for
//! ```
//!
//! A state is spent before the code is redeemed. Each replica remembers the states that it has spent; a login replayed at
//! another replica passes this check there, and fails at the provider, where a code is redeemed once.

use std::sync::Arc;

use cubegate_policy::snapshot::Oidc;
use http::{Method, StatusCode, header::SET_COOKIE};
use moka::sync::Cache;
use openidconnect::AuthorizationCode;
use url::form_urlencoded;

use crate::{
    answer::{Answer, Refusal, redirect},
    challenge::LOGIN_PATH,
    engine::chain,
    limits::{LOGIN_TTL, USED_STATES_MAX},
    screen::Screened,
    standing::Policy,
};

use super::{
    exchange::{Exchange, ExchangeError, Given},
    login::{self, Pending},
    provider::Known,
    renewal,
    trusted::TrustedProvider,
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
    #[error("failed to make a user of the code")]
    Exchange(#[source] ExchangeError),
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
        let trusted = login::named(policy, provider_id)?;
        if request.method != Method::GET {
            return Err(login::wrong_method());
        }
        let provider = trusted.provider();
        let known = provider.known().await.map_err(login::unavailable)?;
        let exchange = Exchange::with(provider, policy, Arc::clone(&known))?;
        let (pending, given) = self.given(request, policy, trusted, &known, &exchange).await?;
        let name = given.user.name.clone();
        let (session, tokens) = renewal::begin(given, pending.nonce);
        let (cookies, slot) = (trusted.session_cookies(), login::slot_name(policy, &pending.state));
        // With all roles and attributes or not at all: a role that means nothing today may be mapped tomorrow, and restrict.
        let session = session.write(cookies).ok_or(LoginError::TooManyRoles)?;
        let mut answer = redirect(&request.method, &pending.return_to);
        for cookie in [session, tokens.write(cookies), policy.cookies().clear(&slot)] {
            answer.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok((answer, name))
    }

    async fn given<B>(
        &self,
        request: &Screened<B>,
        policy: &Policy,
        provider: &TrustedProvider,
        known: &Known,
        exchange: &Exchange<'_>,
    ) -> Result<(Pending, Given), LoginError> {
        let parameters = Parameters::read(request.target.query().unwrap_or_default())?;
        let pending = login::pending(&request.headers, policy, provider, &parameters.state);
        let pending = pending.ok_or(LoginError::State)?;
        self.spend(&pending.state)?;
        check_issuer(&parameters, provider.config(), known)?;
        let code = parameters.code()?;
        let given = exchange.code(code, &pending.verifier, &pending.nonce).await.map_err(LoginError::Exchange)?;
        Ok((pending, given))
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
            Self::Exchange(error) if error.is_ours_to_solve() => {
                Refusal::unavailable("identity-provider-unavailable", "The identity provider cannot be reached")
            }
            Self::TooManyRoles => Refusal::new(
                StatusCode::FORBIDDEN,
                "too-many-roles",
                "The user has too many roles or attributes",
                "ask whoever maintains the identity provider",
            ),
            Self::Exchange(_) => {
                Refusal::new(StatusCode::FORBIDDEN, "login-failed", "The login could not be verified", again)
            }
        }
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        error.refusal().login_url(LOGIN_PATH).because(chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn any_query_is_read_without_panic(query in "[ -~]{0,80}") {
            let _ = Parameters::read(&query);
        }
    }
}
