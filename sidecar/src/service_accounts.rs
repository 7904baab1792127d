//! ServiceAccounts of Kubernetes, by the tokens that an API server issues to their pods.
//!
//! ```text
//! token ──▶ signed by a key of the cluster ──▶ its issuer, our audience, in time ──▶ of a ServiceAccount ──▶ its name
//! ```
//!
//! Keys come from the API server of the cluster that we run in, or from where the issuer publishes them. While neither can be
//! reached, what is known of them stays good. A token counts until it expires: that its pod is gone, only the API server knows.

use std::sync::Arc;

use cubegate_policy::snapshot::{self, Authentication, Door, SERVICE_ACCOUNT_PREFIX};
use http::{Request, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    authenticate::ProviderUser,
    kept::{Kept, Source},
    limits::PROVIDER_TIMEOUT,
    oidc::{BearerError, Expected, HttpClient, HttpError, Issuers, SigningKeys, VerifiedTokens, claims::text},
    source::{ApiServer, api_server::ApiServerError},
};

/// Where an issuer describes itself, below its address.
const DESCRIPTION_PATH: &str = "/.well-known/openid-configuration";
/// Where an API server has its keys, whatever address it describes for others.
const KEYS_PATH: &str = "/openid/v1/jwks";

/// Vouches for ServiceAccounts.
pub(crate) struct ServiceAccounts {
    config: snapshot::ServiceAccounts,
    cluster: Kept<Cluster>,
    verified: VerifiedTokens,
}

/// What a cluster says of its tokens.
struct Cluster {
    issuer: String,
    keys: SigningKeys,
}

/// Where it says so.
enum Place {
    ApiServer(Option<ApiServer>),
    Public { issuer: String, http: HttpClient },
}

#[derive(Debug, thiserror::Error)]
enum PlaceError {
    #[error("there is no API server here; name the issuer of the tokens (`serviceAccounts.issuerUrl`)")]
    NoApiServer,
    #[error("failed to find the API server")]
    ApiServer(#[source] ApiServerError),
    #[error("failed to ask the API server; its role `system:service-account-issuer-discovery` lets us")]
    Ask(#[source] kube::Error),
    #[error("the API server has not answered in time")]
    Timeout,
    #[error("failed to ask the issuer")]
    Exchange(#[source] HttpError),
    #[error("the issuer answered {0}")]
    Status(StatusCode),
    #[error("the issuer's answer cannot be read")]
    Unreadable,
    #[error("the issuer says that it is another")]
    OtherIssuer,
}

// === impl ServiceAccounts ===

impl ServiceAccounts {
    /// As a policy has it. What is known already is kept while the configuration stays.
    pub(crate) fn of(door: &Door, previous: Option<&Arc<Self>>, issuers: &Issuers) -> Option<Arc<Self>> {
        let Authentication::Closed(ways) = &door.authentication else { return None };
        let config = ways.service_accounts.as_ref()?;
        let known = previous.filter(|known| known.config == *config);
        Some(known.map_or_else(|| Arc::new(Self::start(config.clone(), issuers)), Arc::clone))
    }

    fn start(config: snapshot::ServiceAccounts, Issuers { http, api_server }: &Issuers) -> Self {
        let place = match &config.issuer_url {
            Some(issuer) => Place::Public { issuer: issuer.clone(), http: http.for_issuer(issuer) },
            None => Place::ApiServer(api_server.clone()),
        };
        Self { config, cluster: Kept::start(place), verified: VerifiedTokens::new() }
    }

    /// `system:serviceaccount:NAMESPACE:NAME` of the bearer of a token.
    pub(crate) async fn name_of_bearer(&self, token: &str) -> Result<String, BearerError> {
        let known = self.cluster.known().await?;
        if let Some(bearer) = self.verified.bearer(self.verified.tag(token, &known.keys)) {
            return Ok(bearer.name);
        }
        let verify = |Cluster { issuer, keys }: &Cluster| {
            let expected = Expected { issuer, audience: &self.config.audience, client_id: "" };
            Ok((keys.signed_claims(token, &expected)?.claims, self.verified.tag(token, keys)))
        };
        let (claims, tag) = self.cluster.verify(&known, verify).await?;
        let name = name(&claims).ok_or(BearerError::NoServiceAccount)?;
        let bearer = ProviderUser { name, provider_roles: [].into(), attributes: Vec::new().into() };
        self.verified.remember(tag, &claims, &bearer);
        Ok(bearer.name)
    }
}

/// The name of a ServiceAccount, when the claims say twice, and the same, that they are of one.
fn name(claims: &Value) -> Option<String> {
    let bound = claims.get("kubernetes.io")?;
    let (namespace, account) = (text(bound, "namespace")?, text(bound.get("serviceaccount")?, "name")?);
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        (1..=253).contains(&name.len()) && name.bytes().all(is_part)
    };
    let name = format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{account}");
    let is_one = is_name(namespace) && is_name(account) && claims.get("cnf").is_none();
    (is_one && text(claims, "sub") == Some(&name)).then_some(name)
}

// === impl Place ===

impl Source for Place {
    type Value = Cluster;
    type Error = PlaceError;

    fn issuer(&self) -> &str {
        match self {
            Self::ApiServer(_) => "the API server",
            Self::Public { issuer, .. } => issuer,
        }
    }

    async fn fetch(&self) -> Result<Cluster, PlaceError> {
        match self {
            Self::ApiServer(None) => Err(PlaceError::NoApiServer),
            Self::ApiServer(Some(server)) => {
                timeout(PROVIDER_TIMEOUT, described_by_server(server)).await.map_err(|_| PlaceError::Timeout)?
            }
            Self::Public { issuer, http } => described_by_issuer(issuer, http).await,
        }
    }
}

async fn described_by_server(server: &ApiServer) -> Result<Cluster, PlaceError> {
    let client = server.client().await.map_err(PlaceError::ApiServer)?;
    let ask = |path: &'static str| {
        let request = Request::get(path).body(Vec::new()).expect("the path is a URI");
        client.request::<Value>(request)
    };
    let (description, keys) = futures::try_join!(ask(DESCRIPTION_PATH), ask(KEYS_PATH)).map_err(PlaceError::Ask)?;
    let issuer = text(&description, "issuer").ok_or(PlaceError::Unreadable)?.to_owned();
    Ok(Cluster { issuer, keys: self::keys(&keys)? })
}

/// OpenID Connect Discovery 1.0 §4, as far as a cluster has it.
async fn described_by_issuer(issuer: &str, http: &HttpClient) -> Result<Cluster, PlaceError> {
    let description = json(&format!("{}{DESCRIPTION_PATH}", issuer.trim_end_matches('/')), http).await?;
    if text(&description, "issuer") != Some(issuer) {
        return Err(PlaceError::OtherIssuer);
    }
    let keys = json(text(&description, "jwks_uri").ok_or(PlaceError::Unreadable)?, http).await?;
    Ok(Cluster { issuer: issuer.to_owned(), keys: self::keys(&keys)? })
}

async fn json(url: &str, http: &HttpClient) -> Result<Value, PlaceError> {
    let request = Request::get(url).body(Vec::new()).map_err(|_| PlaceError::Unreadable)?;
    let response = http.exchange(request).await.map_err(PlaceError::Exchange)?;
    if response.status() != StatusCode::OK {
        return Err(PlaceError::Status(response.status()));
    }
    serde_json::from_slice(response.body()).map_err(|_| PlaceError::Unreadable)
}

fn keys(set: &Value) -> Result<SigningKeys, PlaceError> {
    let keys = set.get("keys").and_then(Value::as_array).ok_or(PlaceError::Unreadable)?;
    Ok(SigningKeys::from_keys(keys.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn claims(subject: &str, namespace: &str, account: &str) -> Value {
        json!({"sub": subject, "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": account}}})
    }

    #[test]
    fn a_token_says_twice_and_the_same_whose_it_is() {
        let subject = "system:serviceaccount:monitoring:prometheus";
        assert_eq!(name(&claims(subject, "monitoring", "prometheus")).as_deref(), Some(subject));
        for other in [
            claims(subject, "monitoring", "other"),
            claims(subject, "other", "prometheus"),
            claims("system:serviceaccount:a:b:c", "a", "b:c"),
            claims("system:serviceaccount::b", "", "b"),
            claims("prometheus", "monitoring", "prometheus"),
            json!({"sub": subject}),
            json!({"sub": subject, "kubernetes.io": "monitoring"}),
            json!({"sub": subject, "kubernetes.io": {"namespace": "monitoring"}}),
        ] {
            assert_eq!(name(&other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_two_accounts_have_one_name(one in "[a-z.:-]{0,6}", other in "[a-z.:-]{0,6}") {
            let subject = format!("{SERVICE_ACCOUNT_PREFIX}{one}:{other}");
            if name(&claims(&subject, &one, &other)).is_some() {
                prop_assert_eq!(subject.matches(':').count(), 3);
            }
        }
    }
}
