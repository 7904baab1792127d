//! An OpenID Connect provider: its configuration, and what it says of itself.

use std::sync::Arc;

use cubegate_policy::snapshot::Oidc;
use openidconnect::{
    AdditionalProviderMetadata, IssuerUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::kept::{Fetched, Kept, Source, Unavailable};

use super::{
    clients::Clients, http::HttpClient, jwt::SigningKeys, opaque::OpaqueTokens, renewal::Renewals,
    verified::VerifiedTokens,
};

/// What a provider says of itself.
pub(crate) type Metadata = ProviderMetadata<
    Advertised,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What a provider says beyond OpenID Connect Discovery 1.0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Advertised {
    /// RFC 7662.
    pub(crate) introspection_endpoint: Option<Url>,
    /// RP-Initiated Logout.
    pub(crate) end_session_endpoint: Option<Url>,
    /// RFC 9207.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// What a provider that has been reached says.
pub(crate) struct Described {
    pub(crate) metadata: Metadata,
    pub(crate) keys: SigningKeys,
}

/// What is known of a provider.
pub(crate) type Known = Fetched<Described>;

/// The identity provider of a Session.
pub(crate) struct Provider {
    config: Oidc,
    pub(super) http: HttpClient,
    pub(super) opaque: OpaqueTokens,
    pub(super) renewals: Renewals,
    pub(super) verified: VerifiedTokens,
    pub(super) clients: Clients,
    pub(super) kept: Kept<Described>,
}

/// Where a provider describes itself (OpenID Connect Discovery 1.0).
struct Discovery {
    issuer: String,
    http: HttpClient,
}

#[derive(Debug, thiserror::Error)]
enum DiscoveryError {
    #[error("failed to read the issuer")]
    Issuer(#[source] openidconnect::url::ParseError),
    #[error("failed to discover the identity provider")]
    Discover(#[source] openidconnect::DiscoveryError<super::http::HttpError>),
}

impl AdditionalProviderMetadata for Advertised {}

// === impl Provider ===

impl Provider {
    /// Begins to look for the provider.
    pub(crate) fn start(config: Oidc, http: &HttpClient) -> Arc<Self> {
        let http = http.for_issuer(&config.issuer_url);
        let discovery = Discovery { issuer: config.issuer_url.clone(), http: http.clone() };
        Arc::new(Self {
            opaque: OpaqueTokens::new(),
            renewals: Renewals::new(),
            verified: VerifiedTokens::new(),
            clients: Clients::new(),
            kept: Kept::start(discovery),
            config,
            http,
        })
    }

    pub(crate) fn config(&self) -> &Oidc {
        &self.config
    }

    /// What is known, waiting a little when nothing is yet.
    pub(crate) async fn known(&self) -> Result<Arc<Known>, Unavailable> {
        self.kept.known().await
    }
}

// === impl Discovery ===

impl Source for Discovery {
    type Value = Described;
    type Error = DiscoveryError;

    fn issuer(&self) -> &str {
        &self.issuer
    }

    async fn fetch(&self) -> Result<Described, DiscoveryError> {
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(DiscoveryError::Issuer)?;
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(DiscoveryError::Discover)?;
        let keys = SigningKeys::new(metadata.jwks());
        Ok(Described { metadata, keys })
    }
}
