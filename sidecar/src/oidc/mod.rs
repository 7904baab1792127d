//! OpenID Connect: people who log in with a browser, and bearers of the provider's access tokens.

mod backchannel;
mod callback;
pub(crate) mod claims;
mod clients;
mod exchange;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod http;
mod jwt;
pub(crate) mod login;
mod logout;
mod opaque;
mod provider;
pub(crate) mod renewal;
mod tokens;
pub(crate) mod trusted;
mod verified;

use std::sync::Arc;

use cubegate_policy::snapshot::{AccessTokenFormat, Oidc};
use serde_json::Value;

use crate::{authenticate::ProviderUser, kept::Unavailable, source::ApiServer};

pub(crate) use backchannel::LogoutTokens;
pub(crate) use callback::Logins;
pub(crate) use http::{HttpClient, HttpError};
pub(crate) use logout::{log_out, log_out_in_frame};
pub(crate) use trusted::TrustedProvider;

use claims::{Claimed, NoUser};
pub(crate) use clients::ClientError;
pub(crate) use jwt::{Expected, JwtError, SignedClaims, SigningKeys};
use opaque::OpaqueError;
use provider::{Described, Known, Provider};
pub(crate) use verified::VerifiedTokens;

/// How we reach those who issue tokens.
pub(crate) struct Issuers {
    pub(crate) http: HttpClient,
    /// The API server of the cluster that we run in, if we run in one.
    pub(crate) api_server: Option<ApiServer>,
}

/// Why a bearer token does not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BearerError {
    #[error("no identity provider has issued the token or takes opaque ones")]
    NoProvider,
    #[error("the token may be of an identity provider whose configuration is not in order")]
    BrokenProvider,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Jwt(#[from] JwtError),
    #[error(transparent)]
    Opaque(#[from] Arc<OpaqueError>),
    #[error("the token is not of a ServiceAccount")]
    NoServiceAccount,
    #[error(transparent)]
    NoUser(#[from] NoUser),
}

// === impl BearerError ===

impl BearerError {
    /// Whether the caller could have done nothing about it.
    pub(crate) fn is_ours_to_solve(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::BrokenProvider => true,
            Self::Opaque(error) => error.is_ours_to_solve(),
            Self::NoProvider | Self::Jwt(_) | Self::NoServiceAccount | Self::NoUser(_) => false,
        }
    }
}

// === impl Provider ===

impl Provider {
    /// The bearer of an access token.
    pub(crate) async fn user_of_token(&self, token: &str) -> Result<ProviderUser, BearerError> {
        let known = self.known().await?;
        match self.config().access_token_format {
            AccessTokenFormat::Opaque => Ok(self.opaque.user(token, self.config(), &known, &self.http).await?),
            AccessTokenFormat::Jwt => self.bearer_of_jwt(token, &known).await,
        }
    }

    async fn bearer_of_jwt(&self, token: &str, known: &Known) -> Result<ProviderUser, BearerError> {
        if let Some(user) = self.verified.bearer(self.verified.tag(token, &known.keys)) {
            return Ok(user);
        }
        let expected = self.expected_of_access_tokens();
        let verify =
            |Described { keys, .. }: &Described| Ok((keys.verify(token, &expected)?, self.verified.tag(token, keys)));
        let (claims, tag) = self.kept.verify(known, verify).await?;
        let mut claimed = Claimed::nothing(self.config());
        claimed.complete_from(&claims);
        let user = claimed.into_user()?;
        self.verified.remember(tag, &claims, &user);
        Ok(user)
    }

    /// The claims of an access token that came with a login.
    async fn claims_of_jwt(&self, token: &str, known: &Known) -> Result<Value, BearerError> {
        let expected = self.expected_of_access_tokens();
        self.kept.verify(known, |known| known.keys.verify(token, &expected)).await
    }

    /// The claims of a logout token, as far as every token must be in order.
    async fn claims_of_logout_token(&self, token: &str) -> Result<SignedClaims, BearerError> {
        let known = self.known().await?;
        let Oidc { issuer_url: issuer, client_id, .. } = self.config();
        let expected = Expected { issuer, audience: client_id, client_id };
        self.kept.verify(&known, |known| known.keys.signed_claims(token, &expected)).await
    }

    fn expected_of_access_tokens(&self) -> Expected<'_> {
        let Oidc { issuer_url: issuer, client_id, audience, .. } = self.config();
        Expected { issuer, audience: audience.as_ref().unwrap_or(client_id), client_id }
    }
}
