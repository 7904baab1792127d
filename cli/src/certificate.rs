//! The certificate that a Session shows to its callers.

use cubegate_api::{
    Session,
    edge::{TLS_CERTIFICATE, TLS_KEY},
    reference::KeyReference,
};
use cubegate_sidecar::TlsFiles;

use crate::{manifests::Manifests, passwords::Passwords};

/// Certificate and key of a Session with TLS, or why they cannot be used. Nothing too where Secrets cannot be seen.
pub(crate) fn certificate(
    session: &Session,
    manifests: &Manifests,
    passwords: &Passwords,
) -> Option<Result<TlsFiles, String>> {
    let tls = session.spec.tls.as_ref().filter(|_| passwords.are_seen())?;
    let part = |key: &str| {
        let reference = KeyReference { name: tls.secret_name.clone(), key: key.to_owned() };
        manifests.secret_value(&reference).map(<[u8]>::to_vec)
    };
    Some(part(TLS_CERTIFICATE).and_then(|certificate| {
        let files = TlsFiles { certificate, key: part(TLS_KEY)?.into() };
        let place = |error| format!("Secret `{}`: {:#}", tls.secret_name, anyhow::Error::from(error));
        files.check().map_err(place).map(|()| files)
    }))
}
