//! An identity provider that publishes one key and signs whatever it is told to.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// A provider that runs.
pub(crate) struct Provider {
    issuer: String,
    key: EncodingKey,
    task: JoinHandle<()>,
}

// === impl Provider ===

impl Provider {
    pub(crate) async fn start() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        let point = pair.public_key().as_ref();
        let coordinate = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        let keys = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one", "x": coordinate(1), "y": coordinate(33),
        }]});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let task = tokio::spawn(serve(listener, metadata, keys));
        Self { issuer, key, task }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Claims of an access token for `api` that is in order, changed; `null` takes a claim away.
    pub(crate) fn claims(&self, changes: &Value) -> Value {
        let now_s = jsonwebtoken::get_current_timestamp();
        let mut claims = json!({
            "iss": self.issuer, "aud": "api", "sub": "1", "email": "user@example.com", "roles": ["users"], "scope": "openid",
            "iat": now_s, "exp": now_s + 300,
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    /// A token with these claims.
    pub(crate) fn token(&self, changes: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "one"}), self.claims(changes).to_string().as_bytes())
    }

    /// A token with this header and this payload, whatever they are.
    pub(crate) fn sign(&self, header: &Value, payload: &[u8]) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
        let signature = sign(message.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{message}.{signature}")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, metadata: Value, keys: Value) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (metadata, keys) = (metadata.clone(), keys.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let body = if request.uri().path() == "/jwks" { keys.to_string() } else { metadata.to_string() };
            let answer =
                Response::builder().header("content-type", "application/json").body(Full::new(Bytes::from(body)));
            async move { answer }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
