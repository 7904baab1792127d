//! The certificates of a control plane that lives for one test.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// A certificate authority and what it has signed, as PEM.
#[derive(Debug)]
pub struct Pki {
    authority: Certificate,
    issuer: Issuer<'static, KeyPair>,
    service_accounts: KeyPair,
}

/// A certificate and its key, as PEM.
#[derive(Debug)]
pub struct Identity {
    certificate: String,
    key: String,
}

impl Pki {
    /// Makes an authority, and a key that signs ServiceAccount tokens.
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate().context("failed to generate a key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "cubegate-tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = params.self_signed(&key).context("failed to sign the authority")?;
        let service_accounts = KeyPair::generate().context("failed to generate a key")?;
        Ok(Self { authority, issuer: Issuer::new(params, key), service_accounts })
    }

    /// The certificate of the authority.
    pub fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    /// A server that is known by these names and addresses.
    pub fn server(&self, names: &[&str]) -> Result<Identity> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.sign(CertificateParams::new(names)?, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client: a user in a group.
    pub fn client(&self, user: &str, group: &str) -> Result<Identity> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, user);
        params.distinguished_name.push(DnType::OrganizationName, group);
        self.sign(params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Writes `ca.crt`, `sa.pub` and `sa.key`.
    pub fn write(&self, directory: &Path) -> Result<()> {
        fs::write(directory.join("ca.crt"), self.authority_pem())?;
        fs::write(directory.join("sa.pub"), self.service_accounts.public_key_pem())?;
        fs::write(directory.join("sa.key"), self.service_accounts.serialize_pem())?;
        Ok(())
    }

    fn sign(&self, mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> Result<Identity> {
        let key = KeyPair::generate().context("failed to generate a key")?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &self.issuer).context("failed to sign a certificate")?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

impl Identity {
    /// Writes `NAME.crt` and `NAME.key`.
    pub fn write(&self, directory: &Path, name: &str) -> Result<()> {
        fs::write(directory.join(format!("{name}.crt")), &self.certificate)?;
        fs::write(directory.join(format!("{name}.key")), &self.key)?;
        Ok(())
    }

    /// The certificate, in DER.
    pub fn der(&self) -> Result<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).context("rcgen writes PEM")
    }

    /// A Secret of type `kubernetes.io/tls`, as JSON (which is YAML).
    pub fn secret(&self, name: &str) -> serde_json::Value {
        serde_json::json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": name},
            "stringData": {"tls.crt": self.certificate, "tls.key": self.key},
        })
    }

    /// A kubeconfig for this client, as JSON (which is YAML).
    pub fn kubeconfig(&self, server: &str, authority_pem: &str) -> serde_json::Value {
        serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": STANDARD.encode(authority_pem)}}],
            "users": [{"name": "test", "user": {
                "client-certificate-data": STANDARD.encode(&self.certificate),
                "client-key-data": STANDARD.encode(&self.key),
            }}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        })
    }
}
