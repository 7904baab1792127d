//! Load balancers that say whose connections they pass on.

use std::net::SocketAddr;

use cubegate_api::SourceRange;
use cubegate_policy::snapshot::Door;
use cubegate_sidecar::{Config, Tls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client::raw,
    fixture::{PASSWORD, Sidecar, basic, closed},
    pki::Authority,
    tls::shake_hands_on,
};

const FROM_ABROAD: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
const FROM_ELSEWHERE: &str = "PROXY TCP4 192.0.2.2 198.51.100.1 56324 443\r\n";

fn behind(range: &str) -> Door {
    let mut door = closed();
    door.edge.proxy_protocol = vec![SourceRange::try_from(range.to_owned()).unwrap()];
    door
}

/// The first line of the answer to whoever says this before they ask who they are.
async fn ask(address: SocketAddr, before: &str, password: &str) -> String {
    let authorization = basic("technical-user", password);
    let request = format!(
        "{before}GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
    );
    raw(address, &request).await.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_caller_is_where_a_trusted_load_balancer_says_and_is_throttled_there() {
    let sidecar = Sidecar::with(behind("127.0.0.0/8")).await;
    assert_eq!(ask(sidecar.public, FROM_ABROAD, PASSWORD).await, "HTTP/1.1 200 OK");
    for _ in 0..5 {
        assert_eq!(ask(sidecar.public, FROM_ABROAD, "wrong").await, "HTTP/1.1 401 Unauthorized");
    }
    assert_eq!(ask(sidecar.public, FROM_ABROAD, "wrong").await, "HTTP/1.1 429 Too Many Requests");
    assert_eq!(ask(sidecar.public, FROM_ELSEWHERE, "wrong").await, "HTTP/1.1 401 Unauthorized", "others are not");
    assert_eq!(ask(sidecar.public, "PROXY UNKNOWN\r\n", "wrong").await, "HTTP/1.1 401 Unauthorized");
}

#[tokio::test]
async fn a_load_balancer_that_does_not_say_is_hung_up_on() {
    let sidecar = Sidecar::with(behind("127.0.0.0/8")).await;
    for before in ["", "PROXY TCP4 192.0.2.1\r\n", "\r\n\r\n\0\r\nQUIT\n\u{31}\u{11}\0\0"] {
        assert_eq!(ask(sidecar.public, before, PASSWORD).await, "", "{before:?}");
    }
}

#[tokio::test]
async fn nobody_else_is_believed_and_an_edit_of_the_ranges_counts_for_the_next_connection() {
    let sidecar = Sidecar::with(behind("10.0.0.0/8")).await;
    assert_eq!(ask(sidecar.public, "", PASSWORD).await, "HTTP/1.1 200 OK");
    let refused = ask(sidecar.public, FROM_ABROAD, PASSWORD).await;
    assert!(refused == "HTTP/1.1 400 Bad Request" || refused.is_empty(), "{refused}");
    sidecar.enforce(2, behind("127.0.0.1/32")).await;
    assert_eq!(ask(sidecar.public, FROM_ABROAD, PASSWORD).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn the_header_comes_before_the_handshake() {
    let (authority, tls) = (Authority::new(), Tls::default());
    tls.offer(&authority.server().files()).unwrap();
    let sidecar = Sidecar::configured(|socket| Config { tls, ..Config::new(socket) }).await;
    sidecar.enforce(1, behind("127.0.0.0/8")).await;
    let mut stream = TcpStream::connect(sidecar.public).await.unwrap();
    stream.write_all(FROM_ABROAD.as_bytes()).await.unwrap();
    let mut stream = shake_hands_on(stream, authority.client(None, &[])).await.unwrap();
    stream.write_all(b"GET /whoami HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
