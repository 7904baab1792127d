//! Where a body ends: `Content-Length`, `Transfer-Encoding`, and both.

use super::table::{
    Expected::{Denied, Passed, PassedLast, Refused},
    Row, Section, post, raw, section,
};

/// What an attacker wants to be read as a request of its own.
const SMUGGLED: &str = "GET {path}/smuggled HTTP/1.1\r\nHost: door\r\n\r\n";
/// The same behind the end of a body in chunks.
const AFTER_CHUNKS: &str = "0\r\n\r\nGET {path}/smuggled HTTP/1.1\r\nHost: door\r\n\r\n";

pub(crate) fn sections() -> Vec<Section> {
    vec![
        section("a Content-Length is one number of decimal digits (RFC 9110 §8.6)", content_lengths()),
        section("of both, the transfer coding counts alone, and the connection is over (RFC 9112 §6.1)", both()),
        section(
            "the last transfer coding of a request is `chunked`, and no other is known (RFC 9112 §6.1, §6.3)",
            codings(),
        ),
        section("HTTP/1.0 knows no transfer codings (RFC 9112 §6.1)", older_versions()),
    ]
}

fn content_lengths() -> Vec<Row> {
    let declared = |name, value: &str, expected| post(name, &format!("Content-Length:{value}\r\n"), "hello", expected);
    vec![
        declared("one length", " 5", Passed("hello")),
        declared("a length without a space", "5", Passed("hello")),
        declared("a length with tabs around", "\t5\t", Passed("hello")),
        declared("zeros before a length", " 0000000005", Passed("hello")),
        post("no length", "", "", Passed("")),
        post("a length of zero", "Content-Length: 0\r\n", "", Passed("")),
        declared("a plus", " +5", Refused),
        declared("a minus", " -5", Refused),
        declared("a minus before zero", " -0", Refused),
        declared("nothing", "", Refused),
        declared("a space", "  ", Refused),
        declared("a word", " five", Refused),
        declared("a hexadecimal number", " 0x5", Refused),
        declared("an exponent", " 5e0", Refused),
        declared("a fraction", " 5.0", Refused),
        declared("a digit apart", " 5 5", Refused),
        declared("an underscore", " 0_5", Refused),
        declared("a semicolon", " 5;", Refused),
        declared("quotation marks", " \"5\"", Refused),
        declared("a NUL behind", " 5\0", Refused),
        declared("a vertical tab before", " \u{b}5", Refused),
        declared("a form feed behind", " 5\u{c}", Refused),
        declared("a byte beyond ASCII", " 5\u{a0}", Refused),
        declared("more than 64 bits hold", " 18446744073709551621", Refused),
        declared("far more than 64 bits hold", " 99999999999999999999999999999999999999", Refused),
        declared("a list of equal lengths", " 5, 5", Refused),
        declared("a list of different lengths", " 5, 6", Refused),
        declared("a list with nothing first", " ,5", Refused),
        post("the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello", Passed("hello")),
        post("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello", Refused),
        post("two lengths, the smaller first", "Content-Length: 0\r\nContent-Length: 44\r\n", SMUGGLED, Refused),
        post("two lengths in two spellings", "Content-Length: 5\r\ncontent-length: 6\r\n", "hello", Refused),
        post(
            "a length in another spelling beside one",
            "Content-Length: 5\r\nContent_Length: 50\r\n",
            "hello",
            Passed("hello"),
        ),
        post(
            "a length under a name with a dot",
            "Content-Length: 5\r\nContent.Length: 50\r\n",
            "hello",
            Passed("hello"),
        ),
    ]
}

fn both() -> Vec<Row> {
    vec![
        post(
            "a length before chunks",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            AFTER_CHUNKS,
            PassedLast(""),
        ),
        post(
            "a length after chunks",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            AFTER_CHUNKS,
            PassedLast(""),
        ),
        post(
            "a length of zero and chunks",
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
            AFTER_CHUNKS,
            PassedLast(""),
        ),
        post(
            "a right length and chunks",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
            PassedLast(""),
        ),
        post(
            "a length and a coding nobody knows",
            "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n",
            "hello",
            Refused,
        ),
        post("a length and an empty coding", "Content-Length: 5\r\nTransfer-Encoding: \r\n", "hello", Refused),
        post("a length and `identity`", "Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "hello", Refused),
        post("a wrong length and chunks", "Content-Length: x\r\nTransfer-Encoding: chunked\r\n", AFTER_CHUNKS, Refused),
        post(
            "chunks in capitals and a length",
            "TRANSFER-ENCODING: CHUNKED\r\nContent-Length: 5\r\n",
            AFTER_CHUNKS,
            PassedLast(""),
        ),
        post(
            "chunks under a name with an underscore",
            "Content-Length: 5\r\nTransfer_Encoding: chunked\r\n",
            "hello",
            Passed("hello"),
        ),
        post(
            "chunks that Connection names",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n",
            AFTER_CHUNKS,
            PassedLast(""),
        ),
        post(
            "a length that Connection names",
            "Content-Length: 5\r\nConnection: content-length\r\n",
            "hello",
            Passed("hello"),
        ),
        post(
            "chunks alone that Connection names",
            "Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            Passed("hello"),
        ),
    ]
}

fn codings() -> Vec<Row> {
    let coded = |name, line: &str, expected| post(name, &format!("{line}\r\n"), "5\r\nhello\r\n0\r\n\r\n", expected);
    vec![
        coded("chunks", "Transfer-Encoding: chunked", Passed("hello")),
        coded("chunks without a space", "Transfer-Encoding:chunked", Passed("hello")),
        coded("chunks in mixed case", "Transfer-Encoding: cHuNkEd", Passed("hello")),
        coded("chunks behind a tab", "Transfer-Encoding:\tchunked", Passed("hello")),
        coded("chunks before a tab", "Transfer-Encoding: chunked\t", Passed("hello")),
        coded("chunks twice in a list", "Transfer-Encoding: chunked, chunked", Refused),
        coded("chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Refused),
        coded("chunks and then nothing", "Transfer-Encoding: chunked,", Refused),
        coded("nothing and then chunks", "Transfer-Encoding: ,chunked", Refused),
        coded("chunks and then `identity`", "Transfer-Encoding: chunked, identity", Refused),
        coded(
            "chunks, and `identity` in a second line",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            Refused,
        ),
        coded("`identity` and then chunks", "Transfer-Encoding: identity, chunked", Refused),
        coded("`gzip` and then chunks", "Transfer-Encoding: gzip, chunked", Refused),
        coded("`gzip`, and chunks in a second line", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Refused),
        coded("chunks and then `gzip`", "Transfer-Encoding: chunked, gzip", Refused),
        coded("`gzip` alone", "Transfer-Encoding: gzip", Refused),
        coded("`identity` alone", "Transfer-Encoding: identity", Refused),
        coded("nothing", "Transfer-Encoding:", Refused),
        coded("a letter more", "Transfer-Encoding: xchunked", Refused),
        coded("a letter less", "Transfer-Encoding: chunke", Refused),
        coded("a parameter", "Transfer-Encoding: chunked;q=1", Refused),
        coded("quotation marks", "Transfer-Encoding: \"chunked\"", Refused),
        coded("a vertical tab before", "Transfer-Encoding: \u{b}chunked", Refused),
        coded("a form feed behind", "Transfer-Encoding: chunked\u{c}", Refused),
        coded("a NUL behind", "Transfer-Encoding: chunked\0", Refused),
        coded("a byte beyond ASCII before", "Transfer-Encoding: \u{a0}chunked", Refused),
        coded("a space before the colon", "Transfer-Encoding : chunked", Refused),
        coded("a tab before the colon", "Transfer-Encoding\t: chunked", Refused),
        coded("a space before the name", " Transfer-Encoding: chunked", Refused),
        coded("a folded value", "Transfer-Encoding:\r\n chunked", Refused),
        coded("a folded value behind a word", "Transfer-Encoding: identity\r\n , chunked", Refused),
        coded("a bare LF before", "X: y\nTransfer-Encoding: chunked", Passed("hello")),
        coded("a bare CR before", "X: y\rTransfer-Encoding: chunked", Refused),
    ]
}

fn older_versions() -> Vec<Row> {
    let older = |name, lines: &str, body: &str, expected| {
        raw(name, &format!("POST {{path}} HTTP/1.0\r\nHost: door\r\n{{auth}}{lines}\r\n{body}"), expected)
    };
    vec![
        older("a length", "Content-Length: 5\r\n", "hello", PassedLast("hello")),
        older("a length, kept alive", "Content-Length: 5\r\nConnection: keep-alive\r\n", "hello", Passed("hello")),
        older("chunks", "Transfer-Encoding: chunked\r\n", AFTER_CHUNKS, Refused),
        older("chunks, kept alive", "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", AFTER_CHUNKS, Refused),
        older("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", AFTER_CHUNKS, Refused),
        older(
            "a length and chunks, kept alive",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
            AFTER_CHUNKS,
            Refused,
        ),
        older("an Expect", "Content-Length: 5\r\nExpect: 100-continue\r\n", "hello", PassedLast("hello")),
        raw("no Host, which 1.0 allows", "GET {path} HTTP/1.0\r\n{auth}\r\n", PassedLast("")),
        raw(
            "our header",
            "GET {path} HTTP/1.0\r\nHost: door\r\n{auth}X-Cubegate-User: admin\r\nConnection: keep-alive\r\n\r\n",
            Denied,
        )
        .alone("the header is ours"),
    ]
}
