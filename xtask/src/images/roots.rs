//! Mozilla's roots of trust, as the lock file pins them: the same on every machine that builds.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Where TLS libraries look for roots. Mount a file over it to trust an authority of your own.
pub(super) const PATH: &str = "etc/ssl/certs/ca-certificates.crt";

const LINE_CHARACTERS: usize = 64;

/// All roots, as PEM.
pub(super) fn bundle() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = STANDARD.encode(certificate);
        let lines =
            text.as_bytes().chunks(LINE_CHARACTERS).map(|line| std::str::from_utf8(line).expect("base64 is ASCII"));
        let lines = lines.collect::<Vec<_>>().join("\n");
        writeln!(pem, "-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----")
            .expect("a String takes whatever is written");
    }
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_holds_every_root_and_each_can_be_decoded() {
        let bundle = bundle();
        let certificates: Vec<&str> = bundle.split_terminator("-----END CERTIFICATE-----\n").collect();
        assert_eq!(certificates.len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        for (pem, root) in certificates.iter().zip(webpki_root_certs::TLS_SERVER_ROOT_CERTS) {
            let body: String = pem.trim_start_matches("-----BEGIN CERTIFICATE-----").split_whitespace().collect();
            assert_eq!(STANDARD.decode(body).unwrap(), root.as_ref());
        }
    }
}
