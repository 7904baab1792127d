//! Certificates, as an authority of a test's own signs them.

use std::{sync::Arc, time::Duration};

use cubegate_sidecar::TlsFiles;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// A certificate authority.
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Signed {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::default());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().unwrap();
        Signed { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }

    /// For the door.
    pub(crate) fn server(&self) -> Signed {
        self.sign(&server_params())
    }

    /// Whoever trusts this authority, and perhaps shows a certificate.
    pub(crate) fn client(&self, shown: Option<&Signed>, protocols: &[&str]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(signed) => builder.with_client_auth_cert(vec![signed.der()], signed.key_der()).unwrap(),
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }
}

impl Signed {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    pub(crate) fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.certificate.pem().into(), key: self.key.serialize_pem().into_bytes().into() }
    }
}

pub(crate) fn server_params() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned()]).unwrap()
}

/// Of a certificate that has expired.
pub(crate) fn expired_params() -> CertificateParams {
    let mut params = server_params();
    params.not_after = (std::time::SystemTime::now() - Duration::from_mins(1)).into();
    params
}
