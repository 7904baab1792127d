//! An identity provider that does exactly what a test says.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};
use url::form_urlencoded;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// A key that signs tokens.
pub(crate) struct Signer {
    key: EncodingKey,
    id: String,
    point: Vec<u8>,
    algorithm: Algorithm,
}

/// What a test can change.
#[derive(Default)]
pub(crate) struct Script {
    /// Codes that can be redeemed, once.
    codes: BTreeMap<String, Grant>,
    /// Refresh tokens that can be redeemed, once.
    pub(crate) refreshes: BTreeMap<String, Grant>,
    /// Redemptions of what was not there (any more).
    pub(crate) refused_grants: usize,
    /// Answers of the introspection endpoint by token; others are inactive.
    pub(crate) introspection: BTreeMap<String, Value>,
    /// Answers of the userinfo endpoint by token; others are refused.
    pub(crate) userinfo: BTreeMap<String, Value>,
    /// Access tokens of other clients by their `Authorization`.
    pub(crate) clients: BTreeMap<String, String>,
    /// Requests by path.
    pub(crate) asked: BTreeMap<String, usize>,
    /// Facts that the metadata leave out.
    pub(crate) hidden: BTreeSet<&'static str>,
    /// Facts that the metadata add or say otherwise.
    pub(crate) advertised: BTreeMap<&'static str, Value>,
    pub(crate) keys: Vec<Value>,
    /// What access tokens are called, if not `Bearer`.
    pub(crate) token_type: Option<&'static str>,
    /// What is answered on a path, whatever was asked.
    pub(crate) faults: BTreeMap<&'static str, Fault>,
    /// Time that it takes to answer.
    pub(crate) delay: Duration,
}

/// How an endpoint misbehaves.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Sends elsewhere.
    Redirect(u16, String),
    /// Says this.
    Says(u16, String),
    /// Never stops talking.
    Endless,
    /// Begins an answer and says no more.
    Stalls,
}

/// What is behind a code or a refresh token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grant {
    /// Of a code; `*` is one that the provider forgets to compare.
    pub(crate) challenge: String,
    pub(crate) id_token: Option<String>,
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    /// Seconds; 300 unless a test says otherwise.
    pub(crate) expires_in: Option<u64>,
}

pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    pub(crate) signer: Signer,
    pub(crate) script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Signer {
    pub(crate) fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let document = pair.to_pkcs8v1().unwrap();
        Self {
            key: EncodingKey::from_ec_der(document.as_ref()),
            id: id.to_owned(),
            point: pair.public_key().as_ref().to_vec(),
            algorithm: Algorithm::ES256,
        }
    }

    /// With RSA, which most providers sign with.
    pub(crate) fn rsa(id: &str) -> (Self, Value) {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'static> = pair.as_der().unwrap();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(private.as_ref()));
        let public = pair.public_key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let modulus = number(public.modulus().big_endian_without_leading_zero());
        let exponent = number(public.exponent().big_endian_without_leading_zero());
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let signer = Self { key, id: id.to_owned(), point: Vec::new(), algorithm: Algorithm::RS256 };
        (signer, json!({"kty": "RSA", "use": "sig", "kid": id, "n": modulus, "e": exponent}))
    }

    pub(crate) fn public(&self) -> Value {
        let coordinate = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&self.point[range]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": coordinate(1..33), "y": coordinate(33..65)})
    }

    pub(crate) fn sign(&self, kind: &str, claims: &Value) -> String {
        self.sign_with(self.header(kind), claims)
    }

    /// Signed under a header that may say anything.
    pub(crate) fn sign_with(&self, header: Header, claims: &Value) -> String {
        encode(&header, claims, &self.key).unwrap()
    }

    pub(crate) fn header(&self, kind: &str) -> Header {
        Header { typ: Some(kind.to_owned()), kid: Some(self.id.clone()), ..Header::new(self.algorithm) }
    }
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let signer = Signer::new("first");
        let script = Arc::new(Mutex::new(Script { keys: vec![signer.public()], ..Script::default() }));
        let shared = Arc::clone(&script);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = Arc::clone(&shared);
                let service = service_fn(move |request| answer(address, Arc::clone(&script), request));
                tokio::spawn(
                    async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await },
                );
            }
        });
        Self { address, signer, script, task }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets a code be redeemed.
    pub(crate) fn grant(&self, code: &str, grant: Grant) {
        self.script.lock().unwrap().codes.insert(code.to_owned(), grant);
    }

    pub(crate) fn asked(&self, path: &str) -> usize {
        self.script.lock().unwrap().asked.get(path).copied().unwrap_or(0)
    }

    /// Claims of a token of this provider, for this audience, changed as a test needs.
    pub(crate) fn claims(&self, audience: &str, changes: Value) -> Value {
        let mut claims =
            json!({"iss": self.issuer(), "aud": audience, "sub": "u1", "iat": now_s(), "exp": now_s() + 300});
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn answer(
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let authorization =
        parts.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let delay = script.lock().unwrap().delay;
    tokio::time::sleep(delay).await;
    let mut script = script.lock().unwrap();
    *script.asked.entry(parts.uri.path().to_owned()).or_default() += 1;
    if let Some(fault) = script.faults.get(parts.uri.path()) {
        return Ok(fault.answer());
    }
    Ok(match parts.uri.path() {
        "/.well-known/openid-configuration" => reply(200, &metadata(address, &script)),
        "/jwks" => reply(200, &json!({"keys": script.keys})),
        "/token" => redeem(&mut script, &form, &authorization),
        "/introspect" if !is_our_client(&authorization) => reply(401, &json!({"error": "invalid_client"})),
        "/introspect" => reply(200, script.introspection.get(&form["token"]).unwrap_or(&json!({"active": false}))),
        "/userinfo" => match script.userinfo.get(authorization.trim_start_matches("Bearer ")) {
            Some(claims) => reply(200, claims),
            None => reply(401, &json!({"error": "invalid_token"})),
        },
        _ => reply(404, &json!({})),
    })
}

fn metadata(address: SocketAddr, script: &Script) -> Value {
    let issuer = format!("http://{address}");
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "introspection_endpoint": format!("{issuer}/introspect"),
        "end_session_endpoint": format!("{issuer}/end"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256", "HS256", "none"],
    });
    for (name, value) in &script.advertised {
        metadata[*name] = value.clone();
    }
    for hidden in &script.hidden {
        metadata.as_object_mut().unwrap().remove(*hidden);
    }
    metadata
}

/// RFC 6749 §4.1.3 and RFC 7636 §4.6, strictly.
fn redeem(script: &mut Script, form: &BTreeMap<String, String>, authorization: &str) -> Answer {
    if form["grant_type"] == "client_credentials" {
        return match script.clients.get(authorization) {
            Some(token) => reply(200, &json!({"token_type": "Bearer", "expires_in": 300, "access_token": token})),
            None => reply(401, &json!({"error": "invalid_client"})),
        };
    }
    if !is_our_client(authorization) {
        return reply(401, &json!({"error": "invalid_client"}));
    }
    if form["grant_type"] == "refresh_token" {
        let Some(grant) = script.refreshes.remove(&form["refresh_token"]) else {
            script.refused_grants += 1;
            return reply(400, &json!({"error": "invalid_grant"}));
        };
        return give(script, grant);
    }
    let Some(grant) = script.codes.remove(&form["code"]) else {
        script.refused_grants += 1;
        return reply(400, &json!({"error": "invalid_grant"}));
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
    let is_right = (challenge == grant.challenge || grant.challenge == "*")
        && form["grant_type"] == "authorization_code"
        && ["keycloak", "partners", "google"]
            .iter()
            .any(|id| form["redirect_uri"] == format!("http://127.0.0.1:8080/login/oauth2/code/{id}"));
    if !is_right {
        return reply(400, &json!({"error": "invalid_grant"}));
    }
    give(script, grant)
}

fn give(script: &Script, grant: Grant) -> Answer {
    let Grant { challenge: _, id_token, access_token, refresh_token, expires_in } = grant;
    let mut given = json!({
        "token_type": script.token_type.unwrap_or("Bearer"),
        "expires_in": expires_in.unwrap_or(300),
        "access_token": access_token,
    });
    for (name, token) in [("id_token", id_token), ("refresh_token", refresh_token)] {
        if let Some(token) = token {
            given[name] = json!(token);
        }
    }
    reply(200, &given)
}

/// With the secret, and with the one that replaces it in time; or as Google would call us.
fn is_our_client(authorization: &str) -> bool {
    ["cubegate:client+secret", "cubegate:client+secret+2", "1234.apps.googleusercontent.com:client+secret"]
        .into_iter()
        .any(|pair| authorization == format!("Basic {}", STANDARD.encode(pair)))
}

fn reply(status: u16, body: &Value) -> Answer {
    says(status, body.to_string())
}

fn says(status: u16, body: String) -> Answer {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

// === impl Fault ===

impl Fault {
    fn answer(&self) -> Answer {
        match self {
            Self::Redirect(status, elsewhere) => {
                let mut response = says(*status, String::new());
                response.headers_mut().insert("location", elsewhere.parse().unwrap());
                response
            }
            Self::Says(status, body) => says(*status, body.clone()),
            Self::Endless => {
                let pieces = futures::stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b' '; 8 * 1024]))));
                Response::new(StreamBody::new(pieces).boxed_unsync())
            }
            Self::Stalls => {
                let beginning = futures::stream::once(async { Ok(Frame::data(Bytes::from_static(b"{"))) });
                let pieces = futures::StreamExt::chain(beginning, futures::stream::pending());
                Response::new(StreamBody::new(pieces).boxed_unsync())
            }
        }
    }
}
