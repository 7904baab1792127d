//! Request lines and header lines.

use super::table::{
    Expected::{Denied, Passed, PassedLast, Refused},
    Row, Section, get, line, raw, section,
};

/// Why nobody else minds.
const OURS: &str = "the header says who is calling, and only the sidecar knows";

pub(crate) fn sections() -> Vec<Section> {
    vec![
        section("a request line is three words with single spaces (RFC 9112 §3)", request_lines()),
        section(
            "a target is a path without a fragment; an authority beside it decides nothing (RFC 9112 §3.2)",
            targets(),
        ),
        section("a request has one Host (RFC 9112 §3.2)", hosts()),
        section(
            "a line ends with CR LF or, which recipients may take for it, with LF; neither occurs elsewhere, nor does NUL (RFC 9112 §2.2, RFC 9110 §5.5)",
            line_ends(),
        ),
        section("a header is a token, a colon and a value on one line (RFC 9112 §5)", header_lines()),
        section("our headers are ours under any name, and in any place (RFC 9110 §7.6.1)", our_headers()),
    ]
}

fn request_lines() -> Vec<Row> {
    vec![
        line("a request", "GET {path} HTTP/1.1\r\n", Passed("")),
        line("two spaces before the target", "GET  {path} HTTP/1.1\r\n", Refused),
        line("two spaces before the version", "GET {path}  HTTP/1.1\r\n", Refused),
        line("a tab for a space", "GET\t{path} HTTP/1.1\r\n", Refused),
        line("a tab before the version", "GET {path}\tHTTP/1.1\r\n", Refused),
        line("a space before the method", " GET {path} HTTP/1.1\r\n", Refused),
        line("a space after the version", "GET {path} HTTP/1.1 \r\n", Refused),
        line("no version", "GET {path}\r\n", Refused),
        line("a version in lower case", "GET {path} http/1.1\r\n", Refused),
        line("version 1.2", "GET {path} HTTP/1.2\r\n", Refused).alone("no version of HTTP/1 comes after 1.1"),
        line("version 2.0", "GET {path} HTTP/2.0\r\n", Refused),
        line("version 0.9", "GET {path} HTTP/0.9\r\n", Refused),
        line("a version with more digits", "GET {path} HTTP/1.10\r\n", Refused),
        line("a version with a zero before", "GET {path} HTTP/01.1\r\n", Refused),
        line("a method in lower case", "get {path} HTTP/1.1\r\n", Passed("")),
        line("a method that nobody knows", "FROBNICATE {path} HTTP/1.1\r\n", Passed("")),
        line("a method with a colon", "GE:T {path} HTTP/1.1\r\n", Refused),
        line("a method with a NUL", "G\0ET {path} HTTP/1.1\r\n", Refused),
        line("TRACE", "TRACE {path} HTTP/1.1\r\n", Denied),
        line("an empty line before", "\r\nGET {path} HTTP/1.1\r\n", Passed("")),
        line("two empty lines before", "\r\n\r\nGET {path} HTTP/1.1\r\n", Passed("")),
        line("a bare LF before", "\nGET {path} HTTP/1.1\r\n", Passed("")),
        line("a byte-order mark before", "\u{ef}\u{bb}\u{bf}GET {path} HTTP/1.1\r\n", Refused),
        line("a PROXY header before", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET {path} HTTP/1.1\r\n", Refused),
        line("half of a preface of HTTP/2 before", "PRI * HTTP/2.0\r\n\r\nGET {path} HTTP/1.1\r\n", Refused),
    ]
}

fn targets() -> Vec<Row> {
    vec![
        line("a query", "GET {path}?a=b&c HTTP/1.1\r\n", Passed("")),
        line("a fragment", "GET {path}#/../internal/policy HTTP/1.1\r\n", Passed("")),
        line("a query with a fragment", "GET {path}?a#b HTTP/1.1\r\n", Passed("")),
        line("a space in the target", "GET {path} /smuggled HTTP/1.1\r\n", Refused),
        line("a NUL in the target", "GET {path}\0 HTTP/1.1\r\n", Refused),
        line("a byte beyond ASCII in the target", "GET {path}/\u{e9} HTTP/1.1\r\n", Refused),
        line("a control character in the target", "GET {path}/\u{1f} HTTP/1.1\r\n", Refused),
        line("DEL in the target", "GET {path}/\u{7f} HTTP/1.1\r\n", Refused),
        line("an encoded line end in the target", "GET {path}%0d%0aX:y HTTP/1.1\r\n", Denied),
        line("an encoded NUL in the target", "GET {path}%00 HTTP/1.1\r\n", Denied),
        line("a backslash in the target", "GET {path}\\..\\x HTTP/1.1\r\n", Denied),
        line("a quotation mark in the query", "GET {path}?\"a\" HTTP/1.1\r\n", Refused)
            .alone("a URI has no quotation marks (RFC 3986 §2)"),
        line("a path that climbs", "GET {path}/../internal/policy HTTP/1.1\r\n", Denied),
        line("no slash before the path", "GET internal HTTP/1.1\r\n", Denied),
        line("an asterisk", "GET * HTTP/1.1\r\n", Denied),
        line("an asterisk with OPTIONS", "OPTIONS * HTTP/1.1\r\n", Denied),
        line("the absolute form", "GET http://door{path} HTTP/1.1\r\n", Passed("")),
        line("the absolute form of another host", "GET http://elsewhere.example{path} HTTP/1.1\r\n", Denied),
        line("the absolute form of the engine", "GET http://engine{path} HTTP/1.1\r\n", Denied),
        line("the absolute form with a user", "GET http://admin@door{path} HTTP/1.1\r\n", Denied),
        line("the absolute form of another scheme", "GET gopher://door{path} HTTP/1.1\r\n", Denied),
        line("an authority with GET", "GET door:80 HTTP/1.1\r\n", Denied),
        line("CONNECT", "CONNECT engine:80 HTTP/1.1\r\n", Denied),
        line("CONNECT with a path", "CONNECT {path} HTTP/1.1\r\n", Denied),
    ]
}

fn hosts() -> Vec<Row> {
    let hosts =
        |name, lines: &str, expected| raw(name, &format!("GET {{path}} HTTP/1.1\r\n{lines}{{auth}}\r\n"), expected);
    vec![
        hosts("none", "", Denied),
        hosts("an empty one", "Host:\r\n", Denied),
        hosts("two", "Host: door\r\nHost: engine\r\n", Denied),
        hosts("the same one twice", "Host: door\r\nHost: door\r\n", Denied),
        hosts("two in two spellings", "Host: door\r\nhOST: engine\r\n", Denied),
        hosts("a list", "Host: door, engine\r\n", Denied),
        hosts("a space before the colon", "Host : door\r\n", Refused),
        hosts("one with a path", "Host: door/internal\r\n", Denied),
        hosts("one with a user", "Host: admin@door\r\n", Denied),
        hosts("one with a space", "Host: door engine\r\n", Denied),
        hosts("one with a port that is none", "Host: door:x\r\n", Denied),
        hosts("one in brackets", "Host: [::1]:80\r\n", Passed("")),
        hosts("one with a port", "Host: door:8080\r\n", Passed("")),
        hosts("one in capitals", "Host: DOOR\r\n", Passed("")),
    ]
}

fn line_ends() -> Vec<Row> {
    vec![
        raw("LF alone everywhere", "GET {path} HTTP/1.1\nHost: door\n{auth}\n", Passed("")),
        raw("LF alone after the request line", "GET {path} HTTP/1.1\nHost: door\r\n{auth}\r\n", Passed("")),
        raw("LF alone after a header", "GET {path} HTTP/1.1\r\nHost: door\n{auth}\r\n", Passed("")),
        raw("LF alone before the end of the head", "GET {path} HTTP/1.1\r\nHost: door\r\n{auth}X: y\n\r\n", Passed("")),
        raw("CR alone after the request line", "GET {path} HTTP/1.1\rHost: door\r\n{auth}\r\n", Refused),
        raw("CR alone after a header", "GET {path} HTTP/1.1\r\nHost: door\r{auth}\r\n", Refused),
        raw("CR CR LF", "GET {path} HTTP/1.1\r\r\nHost: door\r\n{auth}\r\n", Refused),
        get("CR in a value", "X: a\rb\r\n", Refused),
        get("LF in a value", "X: a\nb\r\n", Refused),
        get("LF and a header in a value", "X: a\nX-Cubegate-User: admin\r\n", Denied),
        get("NUL in a value", "X: a\0b\r\n", Refused),
        get("a vertical tab in a value", "X: a\u{b}b\r\n", Refused),
        get("DEL in a value", "X: a\u{7f}b\r\n", Refused),
        get("ESC in a value", "X: a\u{1b}[31mb\r\n", Refused),
        get("bytes beyond ASCII in a value", "X: \u{c3}\u{a9}\r\n", Passed("")),
    ]
}

fn header_lines() -> Vec<Row> {
    vec![
        get("no colon", "X-Plain\r\n", Refused),
        get("no name", ": y\r\n", Refused),
        get("a space before the colon", "X : y\r\n", Refused),
        get("a tab before the colon", "X\t: y\r\n", Refused),
        get("a space in the name", "X Y: z\r\n", Refused),
        get("a NUL in the name", "X\0: y\r\n", Refused),
        get("a slash in the name", "X/Y: z\r\n", Refused),
        get("brackets in the name", "X[]: z\r\n", Refused),
        get("a byte beyond ASCII in the name", "X\u{e9}: y\r\n", Refused),
        get("a folded value", "X: y\r\n z\r\n", Refused),
        get("a value folded with a tab", "X: y\r\n\tz\r\n", Refused),
        get("a folded line that looks like a header", "X: y\r\n X-Cubegate-User: admin\r\n", Refused),
        raw("a first header that is folded", "GET {path} HTTP/1.1\r\n Host: door\r\nHost: door\r\n{auth}\r\n", Refused),
        raw("an empty first header", "GET {path} HTTP/1.1\r\n: x\r\nHost: door\r\n{auth}\r\n", Refused),
        get("an empty value", "X:\r\n", Passed("")),
        get("a colon in the value", "X: y: z\r\n", Passed("")),
    ]
}

fn our_headers() -> Vec<Row> {
    vec![
        get("plainly", "X-Cubegate-User: admin\r\n", Denied).alone(OURS),
        get("with an underscore", "X_Cubegate_User: admin\r\n", Denied).alone(OURS),
        get("with dots", "X.Cubegate.User: admin\r\n", Denied).alone(OURS),
        get("without anything between", "xcubegateuser: admin\r\n", Denied).alone(OURS),
        get("with a space before the colon", "X-Cubegate-User : admin\r\n", Refused),
        get("with a NUL at the end", "X-Cubegate-User\0: admin\r\n", Refused),
        get("named in Connection", "Connection: keep-alive, X-Cubegate-User, X-Cubegate-Roles\r\n", Passed("")),
        get(
            "named in Connection and there",
            "Connection: keep-alive, X-Cubegate-User\r\nX-Cubegate-User: admin\r\n",
            Denied,
        )
        .alone(OURS),
        get("Authorization named in Connection", "Connection: keep-alive, authorization\r\n", Denied)
            .alone("without credentials one is nobody"),
        get("Host named in Connection", "Connection: keep-alive, host\r\n", Passed("")),
        get("a Connection that is no list of names", "Connection: keep-alive, a b\r\n", Denied)
            .alone("what concerns this connection only cannot be told"),
        get("a Connection that ends the connection", "Connection: close\r\n", PassedLast("")),
    ]
}
