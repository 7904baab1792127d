//! Chunks, trailers, upgrades, expectations, and what comes on a connection before its time.

use super::table::{
    Expected::{Denied, Passed, PassedLast, PassedTwice, Refused},
    Row, Section, get, post, raw, section,
};

/// Why nobody else minds.
const UNREAD: &str = "others drop trailers or pass them on; nothing behind the sidecar reads any";

pub(crate) fn sections() -> Vec<Section> {
    vec![
        section("the size of a chunk is hexadecimal digits, and says where the chunk ends (RFC 9112 §7.1)", chunks()),
        section("trailers have no reader here, so that what has some is refused (RFC 9110 §6.5.1)", trailers()),
        section("an upgrade that nobody has agreed to changes nothing (RFC 9110 §7.8)", upgrades()),
        section("whoever sends without being asked to is served (RFC 9110 §10.1.1)", expectations()),
        section("requests in a row are answered one after the other (RFC 9112 §9.3.2)", pipelines()),
    ]
}

fn chunks() -> Vec<Row> {
    let chunked = |name, body: &str, expected| post(name, "Transfer-Encoding: chunked\r\n", body, expected);
    vec![
        chunked("two chunks", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", Passed("hello")),
        chunked("no chunk", "0\r\n\r\n", Passed("")),
        chunked("zeros before a size", "0005\r\nhello\r\n0\r\n\r\n", Passed("hello")),
        chunked("several zeros at the end", "5\r\nhello\r\n000\r\n\r\n", Passed("hello")),
        chunked("a size in capitals", "A\r\n0123456789\r\n0\r\n\r\n", Passed("0123456789")),
        chunked("an extension", "5;a=b\r\nhello\r\n0\r\n\r\n", Passed("hello")),
        chunked("an extension in quotation marks", "5;a=\"b\"\r\nhello\r\n0\r\n\r\n", Passed("hello")),
        chunked("an extension with a space before", "5 ;a=b\r\nhello\r\n0\r\n\r\n", Passed("hello")),
        chunked("an extension at the end", "5\r\nhello\r\n0;a=b\r\n\r\n", Passed("hello")),
        chunked("an extension with LF alone", "5;a\nhello\r\n0\r\n\r\n", Refused),
        chunked("an extension with CR alone", "5;a\rb\r\nhello\r\n0\r\n\r\n", Refused),
        chunked(
            "an extension that hides a request",
            "5;\nxx\r\nhello\r\n0\r\n\r\nGET {path}/smuggled HTTP/1.1\r\nHost: door\r\n\r\n",
            Refused,
        ),
        chunked("a space before a size", " 5\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("a space behind a size", "5 \r\nhello\r\n0\r\n\r\n", Passed("hello")),
        chunked("a plus", "+5\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("a minus", "-5\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("0x", "0x5\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("an underscore", "0_5\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("no size", "\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("a letter that is no digit", "g\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("more than 64 bits hold", "10000000000000005\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("as much as 64 bits hold", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("LF alone behind a size", "5\nhello\r\n0\r\n\r\n", Refused),
        chunked("CR alone behind a size", "5\rhello\r\n0\r\n\r\n", Refused),
        chunked("LF alone behind a chunk", "5\r\nhello\n0\r\n\r\n", Refused),
        chunked("nothing behind a chunk", "5\r\nhello0\r\n\r\n", Refused),
        chunked("something behind a chunk", "5\r\nhelloXX0\r\n\r\n", Refused),
        chunked("a size that is too small", "4\r\nhello\r\n0\r\n\r\n", Refused),
        chunked("LF alone at the end", "5\r\nhello\r\n0\r\n\n", Refused),
        chunked("LF alone behind the last size", "5\r\nhello\r\n0\n\r\n", Refused),
        chunked("a byte behind the last chunk", "5\r\nhello\r\n0\r\nX\r\n\r\n", Refused),
    ]
}

fn trailers() -> Vec<Row> {
    let ended = |name, lines: &str, trailers: &str, expected| {
        post(
            name,
            &format!("Transfer-Encoding: chunked\r\n{lines}"),
            &format!("5\r\nhello\r\n0\r\n{trailers}\r\n"),
            expected,
        )
    };
    vec![
        ended("one", "", "X-Sum: 1\r\n", Refused).alone(UNREAD),
        ended("one that was announced", "Trailer: X-Sum\r\n", "X-Sum: 1\r\n", Refused).alone(UNREAD),
        ended("our header", "", "X-Cubegate-User: admin\r\n", Refused).alone(UNREAD),
        ended(
            "our header, announced",
            "Trailer: X-Cubegate-User\r\nTE: trailers\r\n",
            "X-Cubegate-User: admin\r\n",
            Refused,
        )
        .alone(UNREAD),
        ended("our header under another name", "Trailer: x_cubegate_user\r\n", "X_Cubegate_User: admin\r\n", Refused)
            .alone(UNREAD),
        ended("a length", "Trailer: Content-Length\r\n", "Content-Length: 50\r\n", Refused).alone(UNREAD),
        ended("a transfer coding", "", "Transfer-Encoding: chunked\r\n", Refused).alone(UNREAD),
        ended("credentials", "Trailer: Authorization\r\n", "Authorization: Basic YWRtaW46eA==\r\n", Refused)
            .alone(UNREAD),
        ended("one with LF alone", "", "X-Sum: 1\n", Refused),
        ended("one without a colon", "", "X-Sum\r\n", Refused),
        ended("one that is folded", "", "X-Sum: 1\r\n 2\r\n", Refused).alone(UNREAD),
        ended("one with a space before the colon", "", "X-Sum : 1\r\n", Refused),
    ]
}

fn upgrades() -> Vec<Row> {
    vec![
        get("to a WebSocket", "Connection: Upgrade\r\nUpgrade: websocket\r\n", Passed("")),
        get(
            "to HTTP/2",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
            Passed(""),
        ),
        get("to TLS", "Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n", Passed("")),
        get("without Connection", "Upgrade: websocket\r\n", Passed("")),
        post(
            "with a body",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n",
            "hello",
            Passed("hello"),
        ),
        post(
            "with chunks",
            "Connection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            Passed("hello"),
        ),
        post(
            "with what comes after it",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
            "GET {path}/second HTTP/1.1\r\nHost: door\r\n{auth}\r\n",
            PassedTwice,
        ),
    ]
}

fn expectations() -> Vec<Row> {
    vec![
        post("100-continue", "Content-Length: 5\r\nExpect: 100-continue\r\n", "hello", Passed("hello")),
        post(
            "100-continue with chunks",
            "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            Passed("hello"),
        ),
        post("something else", "Content-Length: 5\r\nExpect: 200-ok\r\n", "hello", Passed("hello")),
        get("100-continue without a body", "Expect: 100-continue\r\n", Passed("")),
    ]
}

fn pipelines() -> Vec<Row> {
    vec![
        get("a second one", "\r\nGET {path}/second HTTP/1.1\r\nHost: door\r\n{auth}", PassedTwice),
        post("a second one behind a body", "Content-Length: 5\r\n", "helloGET {path}/second HTTP/1.1\r\nHost: door\r\n{auth}\r\n", PassedTwice),
        get("one behind `Connection: close`", "Connection: close\r\n\r\nGET {path}/second HTTP/1.1\r\nHost: door\r\n{auth}", PassedLast("")),
        raw("a body that looks like a request", "POST {path} HTTP/1.1\r\nHost: door\r\n{auth}Content-Length: 38\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: door\r\n\r\n", Passed("GET /smuggled HTTP/1.1\r\nHost: door\r\n\r\n")),
        get("a body with GET", "Content-Length: 5\r\n\r\nhello", Passed("hello")),
        raw("a body with DELETE", "DELETE {path} HTTP/1.1\r\nHost: door\r\n{auth}Content-Length: 5\r\n\r\nhello", Passed("hello")),
        post("a refused body before the next one", "Content-Length: 5\r\nX-Cubegate-User: admin\r\n", "hello", Denied).alone("the header is ours"),
        post("a refused body that looks like a request", "Content-Length: 38\r\nX-Cubegate-User: admin\r\n", "GET /smuggled HTTP/1.1\r\nHost: door\r\n\r\n", Denied).alone("the header is ours"),
        raw("nobody's request before one", "POST {path} HTTP/1.1\r\nHost: door\r\nContent-Length: 38\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: door\r\n\r\n", Denied).alone("whoever sends it is nobody"),
        post("a length beyond what is sent", "Content-Length: 999\r\n", "hello", Refused),
        post("a chunk beyond what is sent", "Transfer-Encoding: chunked\r\n", "fff\r\nhello", Refused),
    ]
}
