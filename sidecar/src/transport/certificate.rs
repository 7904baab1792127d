//! What we read of a certificate (RFC 5280).

use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;

/// Until when a certificate counts, in Unix seconds; nothing when it cannot be read.
pub(super) fn expiry_s(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}
