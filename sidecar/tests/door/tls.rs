//! TLS for callers: what is spoken, and what a rotation of the certificate costs them.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use cubegate_sidecar::{Config, Tls, TlsFiles};
use http::StatusCode;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    client::{get, raw, request},
    fixture::{Sidecar, open},
    pki::{Authority, Signed, expired_params},
};

/// Requests of each of the two callers during a rotation.
const REQUESTS: usize = 150;

/// A sidecar that shows what it is offered.
async fn encrypted(tls: &Tls) -> Sidecar {
    let sidecar = Sidecar::configured(|socket| Config { tls: tls.clone(), ..Config::new(socket) }).await;
    sidecar.enforce(1, open()).await;
    sidecar
}

async fn shake_hands(address: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands_on(TcpStream::connect(address).await?, config).await
}

pub(crate) async fn shake_hands_on(stream: TcpStream, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Status of a request on a connection of its own, and the certificate that was shown.
async fn ask(address: SocketAddr, config: ClientConfig) -> (StatusCode, CertificateDer<'static>) {
    let stream = shake_hands(address, config).await.unwrap();
    let certificate = shown(&stream);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(request("GET", "/whoami", &[("host", "localhost")], "")).await.unwrap();
    (answer.status(), certificate)
}

fn write(directory: &Path, TlsFiles { certificate, key }: &TlsFiles) {
    std::fs::write(directory.join("tls.crt"), certificate).unwrap();
    std::fs::write(directory.join("tls.key"), key.as_slice()).unwrap();
}

#[tokio::test]
async fn callers_choose_between_http_1_and_2_and_nothing_is_answered_in_the_clear() {
    let (authority, tls) = (Authority::new(), Tls::default());
    tls.offer(&authority.server().files()).unwrap();
    let sidecar = encrypted(&tls).await;

    let (status, _) = ask(sidecar.public, authority.client(None, &["http/1.1"])).await;
    assert_eq!(status, 200);
    let stream = shake_hands(sidecar.public, authority.client(None, &["h2", "http/1.1"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let asked = http::Request::get("https://localhost/whoami").body(Full::<Bytes>::default()).unwrap();
    assert_eq!(sender.send_request(asked).await.unwrap().status(), 200);

    for clear in ["GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        assert!(!raw(sidecar.public, clear).await.contains("HTTP/"), "{clear}");
    }
}

#[tokio::test]
async fn a_rotation_of_the_certificate_fails_no_request() {
    let (authority, tls) = (Authority::new(), Tls::default());
    let (before, after) = (authority.server(), authority.server());
    tls.offer(&before.files()).unwrap();
    let sidecar = encrypted(&tls).await;
    let address = sidecar.public;

    let connecting = tokio::spawn({
        let config = authority.client(None, &[]);
        async move {
            let mut certificates = Vec::new();
            for _ in 0..REQUESTS {
                let (status, certificate) = ask(address, config.clone()).await;
                assert_eq!(status, 200);
                certificates.push(certificate);
            }
            certificates
        }
    });
    let stream = shake_hands(address, authority.client(None, &[])).await.unwrap();
    let (mut kept, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for asked in 0..REQUESTS {
        if asked == REQUESTS / 3 {
            tls.offer(&after.files()).unwrap();
        }
        kept.ready().await.unwrap();
        let answer = kept.send_request(request("GET", "/whoami", &[("host", "localhost")], "")).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let certificates = connecting.await.unwrap();
    assert!(certificates.iter().all(|shown| *shown == before.der() || *shown == after.der()));
    let (_, newest) = ask(address, authority.client(None, &[])).await;
    assert_eq!(newest, after.der());
}

#[tokio::test]
async fn what_cannot_be_used_leaves_the_certificate_before_and_metrics_say_so() {
    let (authority, tls) = (Authority::new(), Tls::default());
    let (good, other, expired) = (authority.server(), authority.server(), authority.sign(&expired_params()));
    tls.offer(&good.files()).unwrap();
    let sidecar = encrypted(&tls).await;
    let rejected = async || {
        let metrics = get(sidecar.private, "/metrics", &[]).await;
        let text = String::from_utf8(metrics.body.to_vec()).unwrap();
        assert!(text.contains("\ncubegate_sidecar_certificate_expiry_timestamp_seconds 6"), "{text}");
        text.contains("\ncubegate_sidecar_certificate_rejected 1")
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let mixed = TlsFiles { key: other.files().key, ..good.files() };
    let empty = TlsFiles { certificate: Vec::new(), ..good.files() };
    let garbage = TlsFiles { certificate: text("-----BEGIN CERTIFICATE-----\n!\n"), ..good.files() };
    let keyless = TlsFiles { key: text("no key").into(), ..good.files() };
    for bad in [mixed, empty, garbage, keyless, expired.files()] {
        assert!(!rejected().await);
        tls.offer(&bad).unwrap_err();
        assert!(rejected().await);
        assert_eq!(ask(sidecar.public, authority.client(None, &[])).await, (StatusCode::OK, good.der()));
        tls.offer(&good.files()).unwrap();
    }
}

#[tokio::test]
async fn a_mounted_certificate_is_followed_and_without_one_nobody_is_served() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let sidecar = encrypted(&Tls::of_directory(directory.path().to_owned())).await;
    let unready = get(sidecar.private, "/readyz", &[]).await;
    assert_eq!(unready.status, 503);
    assert!(String::from_utf8_lossy(&unready.body).contains("no certificate"));
    assert_eq!(raw(sidecar.public, "GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await, "");

    // As the kubelet does it: a directory of each version, and a link that is swapped.
    let put = |name: &str, signed: &Signed| {
        let version = directory.path().join(name);
        std::fs::create_dir(&version).unwrap();
        write(&version, &signed.files());
        let link = directory.path().join("..data_tmp");
        std::os::unix::fs::symlink(&version, &link).unwrap();
        std::fs::rename(&link, directory.path().join("..data")).unwrap();
    };
    for (version, signed) in [("first", authority.server()), ("second", authority.server())] {
        put(version, &signed);
        let mut looks = 0;
        while tls_certificate(sidecar.public, &authority).await != Some(signed.der()) {
            looks += 1;
            assert!(looks < 500, "the {version} certificate is not shown");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(get(sidecar.private, "/readyz", &[]).await.status, 200);
    }
}

async fn tls_certificate(address: SocketAddr, authority: &Authority) -> Option<CertificateDer<'static>> {
    shake_hands(address, authority.client(None, &[])).await.ok().map(|stream| shown(&stream))
}
