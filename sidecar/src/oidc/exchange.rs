//! The token endpoint: what is given for a code or a refresh token, verified, and what it says of the user.
//!
//! ```text
//! code ──────────┐                    ┌─▶ ID token verified ─┐
//!                ├──▶ token endpoint ─┤                      ├──▶ name and roles: ID token, JWT access token, userinfo,
//! refresh token ─┘                    └─▶ none (refresh only) ┘     until all are found
//! ```

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cubegate_policy::snapshot::{AccessTokenFormat, ClaimPath};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, Nonce, OAuth2TokenResponse, PkceCodeVerifier,
    RefreshToken, RequestTokenError, SignatureVerificationError, StandardErrorResponse, TokenResponse,
    core::{CoreErrorResponseType, CoreIdToken, CoreJwsSigningAlgorithm, CoreTokenResponse, CoreTokenType},
};
use serde_json::{Value, json};

use crate::{answer::Refusal, authenticate::ProviderUser, kept::Unavailable, standing::Policy};

use super::{
    BearerError,
    claims::{Claimed, NoUser, text},
    http::HttpError,
    login::{self, CodeFlowClient},
    opaque::{self, OpaqueError},
    provider::{Known, Provider},
};

/// Our side of the token endpoint.
pub(super) struct Exchange<'a> {
    provider: &'a Provider,
    policy: &'a Policy,
    known: Arc<Known>,
    client: CodeFlowClient,
}

/// What a provider has given, and what it says of the user.
pub(super) struct Given {
    pub(super) user: ProviderUser,
    /// `sub`
    pub(super) subject: String,
    /// `sid`: the session at the provider, if it says one.
    pub(super) provider_session: Option<String>,
    /// How long the access token lives, if the provider says that.
    pub(super) expires_in: Option<Duration>,
    pub(super) refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
    /// Configured claims of roles and attributes that were found, be it empty.
    pub(super) found: Vec<ClaimPath>,
}

/// Why an exchange gives nothing. No variant repeats a token or a code.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("the provider refused the code or refresh token")]
    Grant,
    #[error("the provider refused our client: {0}")]
    Client(String),
    #[error("the provider answered with an error of its own, as when it wants to see the user")]
    OwnError,
    #[error("failed to reach the provider's token endpoint")]
    Unreachable(#[source] HttpError),
    #[error("the token endpoint gave an answer that cannot be read")]
    Unreadable,
    #[error("the access token is not a bearer token")]
    TokenType,
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
    #[error("the tokens are of somebody else")]
    OtherSubject,
    #[error("failed to ask for the user")]
    UserInfo(#[source] OpaqueError),
    #[error(transparent)]
    NoUser(#[from] NoUser),
    #[error("not every claim that must be read anew was found")]
    Incomplete,
}

/// Which nonce an ID token must have.
#[derive(Clone, Copy)]
enum NonceRule<'a> {
    /// This one.
    Same(&'a str),
    /// This one or none (OpenID Connect Core §12.2).
    SameOrNone(&'a str),
}

// === impl Exchange ===

impl<'a> Exchange<'a> {
    pub(super) fn with(provider: &'a Provider, policy: &'a Policy, known: Arc<Known>) -> Result<Self, Refusal> {
        let client = login::client(provider, &known, policy)?;
        Ok(Self { provider, policy, known, client })
    }

    /// Redeems the code of a login.
    pub(super) async fn code(
        &self,
        code: AuthorizationCode,
        verifier: &str,
        nonce: &str,
    ) -> Result<Given, ExchangeError> {
        let request = self.client.exchange_code(code).map_err(|_| ExchangeError::NoTokenEndpoint)?;
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        let tokens = checked(request.set_pkce_verifier(verifier).request_async(&self.provider.http).await)?;
        let id_token = tokens.id_token().ok_or(ExchangeError::NoIdToken)?;
        let id_claims = self.verified_claims(id_token, &tokens, NonceRule::Same(nonce)).await?;
        let claimed = self.described(&id_claims, &tokens).await?;
        given(claimed, &id_claims, &tokens)
    }

    /// Redeems a refresh token of this subject, whose login had this nonce. Claims that were found before must be found again,
    /// and without an ID token all that are configured: one that is missing may be the one that restricts the user.
    pub(super) async fn refresh(
        &self,
        token: &str,
        subject: &str,
        nonce: &str,
        found_before: &[ClaimPath],
    ) -> Result<Given, ExchangeError> {
        let token = RefreshToken::new(token.to_owned());
        let request = self.client.exchange_refresh_token(&token).map_err(|_| ExchangeError::NoTokenEndpoint)?;
        let tokens = checked(request.request_async(&self.provider.http).await)?;
        let id_claims = match tokens.id_token() {
            Some(id_token) => self.verified_claims(id_token, &tokens, NonceRule::SameOrNone(nonce)).await?,
            None => json!({"sub": subject}),
        };
        if text(&id_claims, "sub") != Some(subject) {
            return Err(ExchangeError::OtherSubject);
        }
        let claimed = self.described(&id_claims, &tokens).await?;
        let is_enough = match tokens.id_token() {
            Some(_) => claimed.has_found(found_before),
            None => claimed.is_complete(),
        };
        if !is_enough {
            return Err(ExchangeError::Incomplete);
        }
        given(claimed, &id_claims, &tokens)
    }

    /// All claims of the verified ID token. One signed with an unknown key is tried again with newer keys.
    async fn verified_claims(
        &self,
        id_token: &CoreIdToken,
        tokens: &CoreTokenResponse,
        nonce: NonceRule<'_>,
    ) -> Result<Value, ExchangeError> {
        let unknown_key = || {
            ExchangeError::IdToken(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            ))
        };
        match verify(id_token, tokens, nonce, &self.known, &self.client) {
            Err(ExchangeError::IdToken(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            ))) => {}
            verdict => return verdict,
        }
        let newer = self.provider.kept.newer_than(&self.known).await.map_err(ExchangeError::Keys)?;
        let newer = newer.ok_or_else(unknown_key)?;
        let client = login::client(self.provider, &newer, self.policy).map_err(|_| unknown_key())?;
        verify(id_token, tokens, nonce, &newer, &client)
    }

    /// Name and roles of the user: from the ID token; what is missing there from a JWT access token; what is still missing
    /// from userinfo. A place that should be read and cannot be may name the role that restricts the user, so it is an error.
    async fn described(&self, id_claims: &Value, tokens: &CoreTokenResponse) -> Result<Claimed<'a>, ExchangeError> {
        let (config, access_token) = (self.provider.config(), tokens.access_token().secret());
        let mut claimed = Claimed::nothing(config);
        claimed.complete_from(id_claims);
        if !claimed.is_complete() && config.access_token_format == AccessTokenFormat::Jwt {
            let claims = self.provider.claims_of_jwt(access_token, &self.known).await;
            let claims = claims.map_err(ExchangeError::AccessToken)?;
            if !claimed.is_same_subject(&claims) {
                return Err(ExchangeError::OtherSubject);
            }
            claimed.complete_from(&claims);
        }
        if let (false, Some(endpoint)) = (claimed.is_complete(), self.known.metadata.userinfo_endpoint()) {
            let claims = opaque::userinfo(endpoint.as_str(), access_token, &self.provider.http).await;
            let claims = claims.map_err(ExchangeError::UserInfo)?;
            if !claimed.is_same_subject(&claims) {
                return Err(ExchangeError::UserInfo(OpaqueError::OtherSubject));
            }
            claimed.complete_from(&claims);
        }
        Ok(claimed)
    }
}

fn given(claimed: Claimed<'_>, id_claims: &Value, tokens: &CoreTokenResponse) -> Result<Given, ExchangeError> {
    let found = claimed.found();
    Ok(Given {
        user: claimed.into_user()?,
        subject: text(id_claims, "sub").unwrap_or_default().to_owned(),
        provider_session: text(id_claims, "sid").map(str::to_owned),
        expires_in: tokens.expires_in(),
        refresh_token: tokens.refresh_token().map(|token| token.secret().clone()),
        id_token: tokens.id_token().map(ToString::to_string),
        found,
    })
}

fn checked(
    answer: Result<CoreTokenResponse, RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>>,
) -> Result<CoreTokenResponse, ExchangeError> {
    let tokens = answer.map_err(|error| match error {
        RequestTokenError::ServerResponse(response) => refused(response.error()),
        RequestTokenError::Request(error) => ExchangeError::Unreachable(error),
        // What could not be parsed may hold a token.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => ExchangeError::Unreadable,
    })?;
    match tokens.token_type() {
        CoreTokenType::Bearer => Ok(tokens),
        // RFC 6749 §7.1: whoever does not know the type must not use the token.
        _ => Err(ExchangeError::TokenType),
    }
}

/// Errors of RFC 6749 §5.2 other than `invalid_grant` speak of our client and its request, and two that RFC 6749 §4.1.2.1 has
/// for another endpoint speak of the provider's state. Whatever else it answers may be about the user.
fn refused(error: &CoreErrorResponseType) -> ExchangeError {
    match error {
        CoreErrorResponseType::InvalidGrant => ExchangeError::Grant,
        CoreErrorResponseType::Extension(name)
            if !matches!(name.as_str(), "server_error" | "temporarily_unavailable") =>
        {
            ExchangeError::OwnError
        }
        known => ExchangeError::Client(known.to_string()),
    }
}

fn verify(
    id_token: &CoreIdToken,
    tokens: &CoreTokenResponse,
    nonce: NonceRule<'_>,
    known: &Known,
    client: &CodeFlowClient,
) -> Result<Value, ExchangeError> {
    let algorithms =
        known.metadata.id_token_signing_alg_values_supported().iter().filter(|algorithm| is_asymmetric(algorithm));
    let verifier = client.id_token_verifier().set_allowed_algs(algorithms.cloned());
    let claims =
        id_token.claims(&verifier, |found: Option<&Nonce>| nonce.check(found)).map_err(ExchangeError::IdToken)?;
    // OpenID Connect Core §3.1.3.7, step 5, which the library leaves to us.
    if claims.authorized_party().is_some_and(|party| *party != *client.client_id()) {
        return Err(ExchangeError::AuthorizedParty);
    }
    if let Some(expected) = claims.access_token_hash() {
        let actual = id_token
            .signing_alg()
            .ok()
            .zip(id_token.signing_key(&verifier).ok())
            .and_then(|(algorithm, key)| AccessTokenHash::from_token(tokens.access_token(), algorithm, key).ok());
        if actual.as_ref() != Some(expected) {
            return Err(ExchangeError::AccessTokenHash);
        }
    }
    payload(&id_token.to_string()).ok_or(ExchangeError::NoIdToken)
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

// === impl NonceRule ===

impl NonceRule<'_> {
    fn check(self, found: Option<&Nonce>) -> Result<(), String> {
        let is_right = match (self, found) {
            (Self::Same(expected) | Self::SameOrNone(expected), Some(found)) => found.secret() == expected,
            (Self::Same(_), None) => false,
            (Self::SameOrNone(_), None) => true,
        };
        if is_right { Ok(()) } else { Err("the nonce is not that of the login".to_owned()) }
    }
}

// === impl ExchangeError ===

impl ExchangeError {
    /// Whether nobody could have done anything about it but us or the provider: another attempt may go well.
    pub(super) fn is_ours_to_solve(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::NoTokenEndpoint | Self::Keys(_) => true,
            Self::UserInfo(error) => error.is_ours_to_solve(),
            Self::AccessToken(error) => error.is_ours_to_solve(),
            Self::Grant
            | Self::Client(_)
            | Self::OwnError
            | Self::Unreadable
            | Self::TokenType
            | Self::NoIdToken
            | Self::IdToken(_)
            | Self::AuthorizedParty
            | Self::AccessTokenHash
            | Self::OtherSubject
            | Self::NoUser(_)
            | Self::Incomplete => false,
        }
    }

    /// Whether it says nothing of the user whose tokens these are: the provider is down, or at odds with our client.
    pub(super) fn is_no_verdict(&self) -> bool {
        self.is_ours_to_solve() || matches!(self, Self::Client(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::jwt::JwtError;

    #[test]
    fn signatures_that_share_our_secret_do_not_count() {
        assert!(is_asymmetric(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256));
        assert!(!is_asymmetric(&CoreJwsSigningAlgorithm::HmacSha256));
        assert!(!is_asymmetric(&CoreJwsSigningAlgorithm::None));
    }

    #[test]
    fn what_cannot_be_verified_without_the_providers_keys_is_not_wrong_yet() {
        for (error, is_ours) in [
            (ExchangeError::Keys(Unavailable), true),
            (ExchangeError::AccessToken(BearerError::Unavailable(Unavailable)), true),
            (ExchangeError::AccessToken(JwtError::UnknownKey.into()), false),
        ] {
            assert_eq!(error.is_ours_to_solve(), is_ours, "{error}");
        }
    }

    #[test]
    fn a_refused_grant_is_a_verdict_and_a_refused_client_is_not() {
        for verdict in [ExchangeError::Grant, ExchangeError::OtherSubject, ExchangeError::Unreadable] {
            assert!(!verdict.is_no_verdict(), "{verdict}");
        }
        assert!(ExchangeError::Client("invalid_client".to_owned()).is_no_verdict());
        assert!(ExchangeError::Keys(Unavailable).is_no_verdict());
    }

    #[test]
    fn an_error_that_is_not_known_to_spare_the_user_is_a_verdict() {
        let own = ["interaction_required", "login_required", "access_denied", "consent_required", "", "INVALID_CLIENT"];
        let of_client =
            ["invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type", "invalid_scope"];
        let of_state = ["server_error", "temporarily_unavailable"];
        for (names, is_no_verdict) in
            [(&["invalid_grant"][..], false), (&own, false), (&of_client, true), (&of_state, true)]
        {
            for name in names {
                let error: CoreErrorResponseType = serde_json::from_value(json!(name)).unwrap();
                assert_eq!(refused(&error).is_no_verdict(), is_no_verdict, "{name}");
            }
        }
    }

    #[test]
    fn an_id_token_of_a_refresh_may_leave_the_nonce_out_but_not_change_it() {
        let nonce = |text: &str| Nonce::new(text.to_owned());
        assert!(NonceRule::Same("n").check(Some(&nonce("n"))).is_ok());
        assert!(NonceRule::Same("n").check(None).is_err());
        assert!(NonceRule::SameOrNone("n").check(None).is_ok());
        assert!(NonceRule::SameOrNone("n").check(Some(&nonce("m"))).is_err());
    }
}
