//! How we speak to the identity provider: bounded in time and size, without following redirects, in the clear on
//! loopback only.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use openidconnect::AsyncHttpClient;
use rustls::{ClientConfig, RootCertStore};
use tokio::{sync::Semaphore, time::timeout};
use tracing::warn;

use crate::{
    answer::BodyError,
    limits::{PROVIDER_BYTES_MAX, PROVIDER_EXCHANGES_MAX, PROVIDER_TIMEOUT},
};

/// Speaks to identity providers. Authorities are loaded when the first one is spoken to, so that a Session without one
/// starts without them.
#[derive(Clone)]
pub(crate) struct HttpClient {
    /// Whether what it speaks to may be on loopback and without TLS.
    is_local: bool,
    client: Arc<OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>>,
    slots: Arc<Semaphore>,
}

/// Why an exchange with the provider failed. No variant repeats what was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("refused to speak to {0} without TLS")]
    InTheClear(String),
    #[error("failed to reach the identity provider")]
    Unreachable(#[source] legacy::Error),
    #[error("the identity provider has not answered in time")]
    Timeout,
    #[error("the identity provider answered {0}")]
    Failed(StatusCode),
    #[error("failed to read the identity provider's answer")]
    Body(#[source] BodyError),
}

// === impl HttpClient ===

impl HttpClient {
    pub(crate) fn new() -> Self {
        Self { is_local: false, client: Arc::default(), slots: Arc::new(Semaphore::new(PROVIDER_EXCHANGES_MAX)) }
    }

    /// For a provider with this issuer, whose exchanges wait for no other's. One that is reached by TLS cannot lead to what
    /// else listens in our pod.
    pub(crate) fn for_issuer(&self, issuer: &str) -> Self {
        Self {
            is_local: issuer.parse().is_ok_and(|uri| is_loopback(&uri)),
            client: Arc::clone(&self.client),
            slots: Arc::new(Semaphore::new(PROVIDER_EXCHANGES_MAX)),
        }
    }

    /// One exchange.
    pub(crate) async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        if !self.may_speak_to(request.uri()) {
            return Err(HttpError::InTheClear(request.uri().authority().map(ToString::to_string).unwrap_or_default()));
        }
        let client = self.client();
        let exchange = async {
            // Callers with made-up tokens must not become a flood at the provider.
            let _slot = self.slots.acquire().await.map_err(|_| HttpError::Timeout)?;
            let response =
                client.request(request.map(|body| Full::new(body.into()))).await.map_err(HttpError::Unreachable)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, PROVIDER_BYTES_MAX).collect().await.map_err(HttpError::Body)?;
            Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        timeout(PROVIDER_TIMEOUT, exchange).await.map_err(|_| HttpError::Timeout)?
    }

    fn may_speak_to(&self, uri: &Uri) -> bool {
        uri.scheme_str() == Some("https") || (self.is_local && is_loopback(uri))
    }

    fn client(&self) -> &Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
        self.client.get_or_init(|| {
            let connector = HttpsConnectorBuilder::new().with_tls_config(tls()).https_or_http().enable_http1().build();
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
        })
    }
}

/// Trusts the authorities of this machine (or of `SSL_CERT_FILE`); without any, nobody.
fn tls() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the cipher suites of TLS 1.2 and 1.3");
    match builder.clone().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            warn!(%error, "this machine has no certificate authorities; identity providers with TLS cannot be trusted");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        // The library would take it for an answer that cannot be read, and that for the provider's last word.
        let is_failure = |status: StatusCode| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        Box::pin(async move {
            let response = self.exchange(request).await?;
            if is_failure(response.status()) { Err(HttpError::Failed(response.status())) } else { Ok(response) }
        })
    }
}

fn is_loopback(uri: &Uri) -> bool {
    uri.scheme_str() == Some("http") && matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_provider_on_loopback_is_spoken_to_without_tls_and_only_there() {
        let client = HttpClient::new();
        let may = |issuer: &str, uri: &str| client.for_issuer(issuer).may_speak_to(&uri.parse().unwrap());
        let local = "http://127.0.0.1:9000/realms/retail";
        for uri in ["https://id.example.com/", "http://localhost:1/", "http://127.0.0.1:1/x", "http://[::1]/"] {
            assert!(may(local, uri), "{uri}");
        }
        for uri in ["http://id.example.com/", "http://127.0.0.1.example.com/", "ftp://localhost/", "/x"] {
            assert!(!may(local, uri), "{uri}");
        }
        assert!(may("https://id.example.com", "https://elsewhere.example.com/keys"));
        assert!(!may("https://id.example.com", "http://127.0.0.1:8081/policy"), "our own pod");
    }
}
