//! Protocols that the listener does not speak.

use crate::{
    door::Door,
    policies::{self, analyst},
};

#[tokio::test]
async fn whoever_speaks_something_else_is_hung_up_on_and_gives_no_address_of_theirs() {
    let mut door = Door::with(policies::closed()).await.unwrap();
    let request = format!("GET /api HTTP/1.1\r\nHost: door\r\n{}\r\n", analyst());
    let version_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x01\x00\x02";
    let client_hello =
        b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f";
    for (what, opening) in [
        ("PROXY protocol, version 1", &b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"[..]),
        ("PROXY protocol of nobody in particular", b"PROXY UNKNOWN\r\n"),
        ("PROXY protocol, version 2", version_2),
        (
            "PROXY protocol, version 2, with a field beyond its length",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x10\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x01\x00\x02\x01\xff\xff\x00",
        ),
        ("TLS", client_hello),
        ("a piece of TLS", &client_hello[..5]),
        ("TLS of 1996", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("SOCKS", b"\x05\x01\x00"),
        ("SMTP", b"EHLO elsewhere.example\r\n"),
        ("FastCGI", b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
        ("zeros", &[0; 64]),
        ("HTTP/2 under another name", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        ("HTTP/0.9", b"GET /api\r\n"),
    ] {
        let exchange = door.exchange(&[opening, request.as_bytes()].concat()).await;
        assert!(exchange.answers.iter().all(|answer| answer.status == 400), "{what}: {exchange:?}");
        assert!(exchange.is_closed, "{what}: {exchange:?}");
    }
    assert_eq!(door.recorder.count(), 0);
    door.is_well().await;
}
