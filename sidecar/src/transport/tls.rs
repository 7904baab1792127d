//! Our certificate and key, which may be replaced while connections are being made.
//!
//! ```text
//! required ──▶ Missing ──first good pair──▶ Ready ◀──another good pair──┐
//!                                             └──a bad pair: stays, and says so
//! ```

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use cubegate_api::edge::{TLS_CERTIFICATE, TLS_KEY};
use prometheus::{IntGauge, core::Collector};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{ALPN_HTTP2, OpenError, certificate};
use crate::{engine::chain, limits::CERTIFICATE_CHECK_INTERVAL, source::mounted};

/// How the connections of callers are encrypted. Whoever has the files writes it, the listener reads it for each new
/// connection. The default is not at all.
#[derive(Clone)]
pub struct Tls {
    state: Arc<ArcSwap<State>>,
    gauges: Gauges,
}

/// A certificate chain and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Ours first, then those that lead to a root.
    pub certificate: Vec<u8>,
    /// PKCS #8, PKCS #1 or SEC 1.
    pub key: Zeroizing<Vec<u8>>,
}

/// Why a certificate and a key are not used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate can be read.
    #[error("`{TLS_CERTIFICATE}` is no chain of certificates in PEM")]
    Certificate(#[source] pem::Error),
    /// There is none.
    #[error("`{TLS_CERTIFICATE}` has no certificate")]
    NoCertificate,
    /// No key can be read.
    #[error("`{TLS_KEY}` is no private key in PEM")]
    Key(#[source] pem::Error),
    /// They are not each other's, or of an algorithm that TLS does not have.
    #[error("`{TLS_CERTIFICATE}` and `{TLS_KEY}` do not go together")]
    Pair(#[source] rustls::Error),
    /// It has expired.
    #[error("the certificate has expired")]
    Expired,
}

enum State {
    Cleartext,
    Missing,
    Ready(TlsAcceptor),
}

#[derive(Clone)]
struct Gauges {
    expiry: IntGauge,
    rejected: IntGauge,
}

// === impl Tls ===

impl Tls {
    /// As the files of a mounted Secret say, from when they are there and whenever they change. Within a runtime.
    pub fn of_directory(directory: PathBuf) -> Self {
        let tls = Self::default();
        tls.require();
        tokio::spawn(follow(directory, tls.clone()));
        tls
    }

    /// From now on this certificate is shown. If the two cannot be used, what was shown before still is.
    pub fn offer(&self, files: &TlsFiles) -> Result<(), TlsError> {
        let read = files.read();
        self.gauges.rejected.set(i64::from(read.is_err()));
        let (acceptor, expiry_s) = read?;
        self.gauges.expiry.set(expiry_s);
        self.state.store(Arc::new(State::Ready(acceptor)));
        Ok(())
    }

    /// Nothing is spoken in the clear any more. Without a certificate nothing is spoken at all.
    pub fn require(&self) {
        if matches!(**self.state.load(), State::Cleartext) {
            self.state.store(Arc::new(State::Missing));
        }
    }

    /// Everything is spoken in the clear.
    pub fn turn_off(&self) {
        self.gauges.expiry.set(0);
        self.gauges.rejected.set(0);
        self.state.store(Arc::new(State::Cleartext));
    }

    /// Whether connections can be opened.
    pub(crate) fn is_ready(&self) -> bool {
        !matches!(**self.state.load(), State::Missing)
    }

    /// What encrypts the next connection, if something does.
    pub(super) fn acceptor(&self) -> Result<Option<TlsAcceptor>, OpenError> {
        match &**self.state.load() {
            State::Cleartext => Ok(None),
            State::Missing => Err(OpenError::NoCertificate),
            State::Ready(acceptor) => Ok(Some(acceptor.clone())),
        }
    }

    pub(crate) fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.gauges.expiry.clone()), Box::new(self.gauges.rejected.clone())]
    }
}

impl Default for Tls {
    fn default() -> Self {
        let gauge = |name, help| IntGauge::new(name, help).expect("our names are valid");
        let gauges = Gauges {
            expiry: gauge(
                "cubegate_sidecar_certificate_expiry_timestamp_seconds",
                "Unix time at which the certificate that callers are shown expires; 0 without TLS.",
            ),
            rejected: gauge(
                "cubegate_sidecar_certificate_rejected",
                "1 while the newest certificate and key cannot be used, and older ones or none are.",
            ),
        };
        Self { state: Arc::new(ArcSwap::from_pointee(State::Cleartext)), gauges }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("is_ready", &self.is_ready()).finish_non_exhaustive()
    }
}

// === impl TlsFiles ===

impl TlsFiles {
    /// Whether they can be used.
    pub fn check(&self) -> Result<(), TlsError> {
        self.read().map(drop)
    }

    /// The acceptor, and when its certificate expires.
    fn read(&self) -> Result<(TlsAcceptor, i64), TlsError> {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(TlsError::Certificate)?;
        let expiry_s = certificate::expiry_s(chain.first().ok_or(TlsError::NoCertificate)?);
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(TlsError::Key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = CertifiedKey::from_der(chain, key, &provider).map_err(TlsError::Pair)?;
        match expiry_s {
            Some(expiry_s) if expiry_s > now_s() => Ok((acceptor(pair, provider), expiry_s)),
            _ => Err(TlsError::Expired),
        }
    }
}

fn acceptor(pair: CertifiedKey, provider: Arc<CryptoProvider>) -> TlsAcceptor {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites of TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), b"http/1.1".to_vec()];
    Arc::new(config).into()
}

fn now_s() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// Offers what is mounted, and again whenever it has changed.
async fn follow(directory: PathBuf, tls: Tls) {
    let mut look = interval(CERTIFICATE_CHECK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut was_missing) = (None, false);
    loop {
        look.tick().await;
        match files(&directory).await {
            Ok(files) => {
                was_missing = false;
                if last.as_ref() != Some(&files) {
                    offer_mounted(&tls, &files);
                    last = Some(files);
                }
            }
            Err(error) if !was_missing => {
                warn!(directory = %directory.display(), %error, "failed to read the mounted certificate; trying on");
                was_missing = true;
            }
            Err(_) => {}
        }
    }
}

fn offer_mounted(tls: &Tls, files: &TlsFiles) {
    match tls.offer(files) {
        Ok(()) => info!("callers are shown the mounted certificate from now on"),
        Err(error) => warn!(error = chain(&error), "the mounted certificate cannot be used; any before it still is"),
    }
}

async fn files(directory: &std::path::Path) -> std::io::Result<TlsFiles> {
    let mut parts = mounted::contents(directory, &[TLS_CERTIFICATE, TLS_KEY]).await?;
    let mut part = |name| parts.remove(name).unwrap_or_default();
    Ok(TlsFiles { certificate: part(TLS_CERTIFICATE), key: Zeroizing::new(part(TLS_KEY)) })
}
