//! The least identity provider by which somebody can log in: a code is the nonce of its login.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// Our client at the provider.
pub(crate) const CLIENT: &str = "cubegate";
pub(crate) const CLIENT_SECRET: &str = "secret";
/// Whom access tokens are for.
pub(crate) const AUDIENCE: &str = "api";
/// Time for which tokens count: longer than any run.
const TOKEN_TTL_S: u64 = 12 * 3600;

/// A provider that runs for as long as the process.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    key: EcdsaKeyPair,
}

impl Provider {
    pub(crate) fn start() -> Result<Arc<Self>> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().context("cannot make a key")?;
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for the provider")?;
        let provider = Arc::new(Self { issuer: format!("http://{}", listener.local_addr()?), key });
        let serving = Arc::clone(&provider);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up is asked nothing more.
                let _ = serving.answer(stream);
            }
        });
        Ok(provider)
    }

    /// An access token of the user of all benches.
    pub(crate) fn access_token(&self) -> Result<String> {
        self.sign(
            "at+jwt",
            &json!({"iss": self.issuer, "aud": AUDIENCE, "sub": "u", "scope": "openid", "roles": ["users"]}),
        )
    }

    fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            match header.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = self.document(&path, &String::from_utf8_lossy(&body))?.to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())?;
        Ok(())
    }

    fn document(&self, path: &str, form: &str) -> Result<Value> {
        let issuer = &self.issuer;
        Ok(match path {
            "/jwks" => json!({"keys": [self.public_key()?]}),
            "/token" => {
                let code = form.split('&').find_map(|field| field.strip_prefix("code=")).unwrap_or_default();
                let claims = json!({"iss": issuer, "aud": CLIENT, "sub": "u", "nonce": code, "roles": ["users"]});
                let id_token = self.sign("JWT", &claims)?;
                json!({"token_type": "Bearer", "expires_in": TOKEN_TTL_S, "id_token": id_token, "access_token": self.access_token()?})
            }
            _ => json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }),
        })
    }

    fn public_key(&self) -> Result<Value> {
        let point = self.key.public_key().as_ref();
        let coordinate = |from: usize| point.get(from..from + 32).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let (x, y) = coordinate(1).zip(coordinate(33)).context("a point has two coordinates")?;
        Ok(json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "one", "x": x, "y": y}))
    }

    fn sign(&self, kind: &str, claims: &Value) -> Result<String> {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_secs();
        let mut claims = claims.clone();
        for (name, value) in [("iat", now_s), ("exp", now_s + TOKEN_TTL_S)] {
            if let Some(claims) = claims.as_object_mut() {
                claims.insert(name.to_owned(), value.into());
            }
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({"alg": "ES256", "typ": kind, "kid": "one"})), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes()).ok().context("cannot sign")?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())))
    }
}
