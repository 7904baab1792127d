//! How we speak to the identity provider: bounded in time and size, without following redirects, in the clear on
//! loopback only.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use openidconnect::AsyncHttpClient;
use tokio::time::timeout;

use crate::{
    answer::BodyError,
    limits::{PROVIDER_BYTES_MAX, PROVIDER_TIMEOUT},
};

/// Speaks to identity providers. Authorities are loaded when the first one is spoken to, so that a Session without one
/// starts without them.
#[derive(Clone, Default)]
pub(crate) struct HttpClient {
    client: Arc<OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>>,
}

/// Why an exchange with the provider failed. No variant repeats what was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("failed to load the certificate authorities of this machine")]
    Authorities(#[source] std::io::Error),
    #[error("refused to speak to {0} without TLS")]
    InTheClear(String),
    #[error("failed to reach the identity provider")]
    Unreachable(#[source] legacy::Error),
    #[error("the identity provider has not answered in time")]
    Timeout,
    #[error("failed to read the identity provider's answer")]
    Body(#[source] BodyError),
}

// === impl HttpClient ===

impl HttpClient {
    /// One exchange.
    pub(crate) async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
        if !is_protected(request.uri()) {
            return Err(HttpError::InTheClear(request.uri().authority().map(ToString::to_string).unwrap_or_default()));
        }
        let client = self.client()?;
        let exchange = async {
            let response =
                client.request(request.map(|body| Full::new(body.into()))).await.map_err(HttpError::Unreachable)?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, PROVIDER_BYTES_MAX).collect().await.map_err(HttpError::Body)?;
            Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        timeout(PROVIDER_TIMEOUT, exchange).await.map_err(|_| HttpError::Timeout)?
    }

    fn client(&self) -> Result<&Client<HttpsConnector<HttpConnector>, Full<Bytes>>, HttpError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(HttpError::Authorities)?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}

fn is_protected(uri: &Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_spoken_to_without_tls() {
        for uri in ["https://id.example.com/", "http://localhost:1/", "http://127.0.0.1:1/x", "http://[::1]/"] {
            assert!(is_protected(&uri.parse().unwrap()), "{uri}");
        }
        for uri in ["http://id.example.com/", "http://127.0.0.1.example.com/", "ftp://localhost/", "/x"] {
            assert!(!is_protected(&uri.parse().unwrap()), "{uri}");
        }
    }
}
