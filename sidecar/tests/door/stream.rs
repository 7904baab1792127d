//! Bodies stream both ways, and nothing secret is logged.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use cubegate_policy::snapshot::Checked;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener},
};

use crate::{
    client::{get, raw},
    fixture::{PASSWORD, Sidecar, basic, closed, closed_with, oidc},
    provider::Provider,
};

#[tokio::test]
async fn an_answer_is_passed_on_while_the_engine_is_still_writing_it() {
    let sidecar = Sidecar::with(closed()).await;
    // From here on an engine of our own answers, byte by byte.
    sidecar.engine.stop();
    std::fs::remove_file(&sidecar.engine.socket).unwrap();
    let listener = UnixListener::bind(&sidecar.engine.socket).unwrap();
    let engine = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            if !String::from_utf8_lossy(&head[..length]).starts_with("GET /api") {
                continue;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await.unwrap();
            return stream;
        }
    });
    let mut caller = TcpStream::connect(sidecar.public).await.unwrap();
    let authorization = basic("technical-user", PASSWORD);
    caller
        .write_all(format!("GET /api HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut seen = String::new();
    while !seen.contains("first") {
        let mut bytes = [0; 1024];
        let read =
            tokio::time::timeout(Duration::from_secs(5), caller.read(&mut bytes)).await.expect("nothing was passed on");
        seen.push_str(&String::from_utf8_lossy(&bytes[..read.unwrap()]));
    }
    assert!(seen.starts_with("HTTP/1.1 200 OK"));
    // An engine that breaks off must not look like one that has finished.
    drop(engine.await.unwrap());
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), caller.read_to_end(&mut rest))
        .await
        .expect("the connection stays open");
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"));
}

#[tokio::test]
async fn a_request_body_of_many_frames_arrives_whole_and_one_too_large_is_refused() {
    let sidecar = Sidecar::with(closed()).await;
    let upload = async |frames: usize| {
        let stream = TcpStream::connect(sidecar.public).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let frames = (0..frames).map(|_| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![b'x'; 1024]))));
        let request = http::Request::post("/api")
            .header("host", "a")
            .header("authorization", basic("technical-user", PASSWORD))
            .body(StreamBody::new(futures::stream::iter(frames)))
            .unwrap();
        sender.send_request(request).await
    };
    let answer = upload(1024).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 1024 * 1024);
    assert_eq!(sidecar.engine.last().body.len(), 1024 * 1024);
    let refused = upload(1025).await;
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 413));
    assert_eq!(sidecar.engine.count(), 1, "what is cut off is no request");
}

#[tokio::test]
async fn whoever_sends_everything_before_reading_still_gets_to_see_the_refusal() {
    let sidecar = Sidecar::with(closed()).await;
    let right = format!("Authorization: {}\r\n", basic("technical-user", PASSWORD));
    let body = "x".repeat(4 * 1024 * 1024);
    for (credentials, declared, status) in
        [(right.as_str(), true, 413), (right.as_str(), false, 413), ("", true, 413), ("", false, 401)]
    {
        let framing = if declared {
            format!("Content-Length: {}\r\n\r\n{body}", body.len())
        } else {
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        };
        for _ in 0..5 {
            let answer = raw(
                sidecar.public,
                &format!("POST /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{credentials}{framing}"),
            )
            .await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{declared}: {answer}");
        }
    }
}

/// What all sidecars of this process say, on whichever thread they do.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_passwords_nor_tokens_nor_cookies_nor_queries_are_logged() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(move || writer.clone()).init();
    let provider = Provider::start().await;
    let sidecar = Sidecar::with(closed_with(Some(Checked::Valid(oidc(&provider.issuer()))))).await;
    let right = basic("technical-user", PASSWORD);
    for headers in [
        [("authorization", right.as_str()), ("cookie", "a=cookie-secret")],
        [("authorization", "Basic dGVjaG5pY2FsLXVzZXI6d3Jvbmctc2VjcmV0"), ("cookie", "cubegate-session=cookie-secret")],
        [("authorization", "Bearer token-secret"), ("cookie", "cubegate-login-1=cookie-secret")],
        [("authorization", "Strange scheme-secret"), ("cookie", "a=cookie-secret")],
    ] {
        get(sidecar.public, "/told-of?key=query-secret", &headers).await;
        get(sidecar.public, "/login/oauth2/code/keycloak?code=code-secret&state=state-secret", &headers).await;
    }
    get(sidecar.public, "/oauth2/authorization/keycloak", &[]).await;
    raw(sidecar.public, "GET /%0a%22forged HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let is_of_here = |line: &&str| line.contains("cubegate::audit") && line.contains("/told-of");
    assert_eq!(log.lines().filter(is_of_here).count(), 4, "{log}");
    let encoded = right.trim_start_matches("Basic ");
    for secret in [
        PASSWORD,
        encoded,
        "wrong-secret",
        "d3Jvbmctc2VjcmV0",
        "cookie-secret",
        "token-secret",
        "scheme-secret",
        "query-secret",
        "code-secret",
        "state-secret",
        "client secret",
        "code_challenge",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
