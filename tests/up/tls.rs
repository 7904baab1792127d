//! A Session with TLS, on a laptop.

use std::{sync::Arc, time::Instant};

use cubegate_tests::{
    limits::{ENFORCED_MAX, POLL},
    pki::Pki,
    process::RunDirectory,
    story::Story,
    up::{self, Up},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::ANY_PORT;

const REQUEST: &[u8] = b"GET /whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The certificate that is shown, and the first line of an answer.
async fn ask(authority: &str, pki: &Pki) -> (CertificateDer<'static>, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.authority_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(authority).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (shown, answer.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_session_with_tls_speaks_nothing_else_and_shows_a_new_certificate_at_once_if_it_can_be_used() {
    let story = Story::begin("retail: TLS");
    let run = RunDirectory::new().unwrap();
    let directory = up::copy_example(&run, "retail").unwrap();
    let (pki, secret) = (Pki::new().unwrap(), directory.join("tls.yaml"));
    let (first, second) = (pki.server(&["localhost"]).unwrap(), pki.server(&["localhost"]).unwrap());
    std::fs::write(&secret, first.secret("retail-tls").to_string()).unwrap();
    up::edit(
        &directory.join("session.yaml"),
        "  authentication:\n",
        "  tls: {secretName: retail-tls}\n  authentication:\n",
    )
    .unwrap();
    let mut up = Up::start(&run, &directory, ANY_PORT).await.unwrap();
    let authority = up.url("retail").unwrap().strip_prefix("https://").expect("TLS is on").to_owned();
    assert_eq!(ask(&authority, &pki).await, (first.der().unwrap(), "HTTP/1.1 401 Unauthorized".to_owned()));

    story.step("nothing is answered in the clear");
    let mut clear = TcpStream::connect(&authority).await.unwrap();
    clear.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    story.step("another certificate is shown as soon as it is in the Secret");
    up::replace(&secret, second.secret("retail-tls").to_string().as_bytes()).unwrap();
    let edited = Instant::now();
    while ask(&authority, &pki).await.0 != second.der().unwrap() {
        assert!(edited.elapsed() < ENFORCED_MAX, "the new certificate is not shown");
        tokio::time::sleep(POLL).await;
    }

    story.step("one that does not go with its key is reported, and the one before is still shown");
    let mut mixed = first.secret("retail-tls");
    mixed["stringData"]["tls.key"] = second.secret("retail-tls")["stringData"]["tls.key"].clone();
    up::replace(&secret, mixed.to_string().as_bytes()).unwrap();
    up.wait_for_report(0, &["Session/retail: spec.tls.secretName:", "do not go together"]).await.unwrap();
    assert_eq!(ask(&authority, &pki).await.0, second.der().unwrap());
}
