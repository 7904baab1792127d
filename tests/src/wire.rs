//! HTTP/1.1 messages as RFC 9112 writes them, read without any forgiveness.
//!
//! What passes here has one reading, whoever reads it next: one framing, one line ending, no folded lines, no chunk
//! extensions, no trailers.

/// A request, read to the end of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    /// Method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names, in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// Body, free of its framing.
    pub body: Vec<u8>,
}

/// An answer, read to the end of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireAnswer {
    /// Status.
    pub status: u16,
    /// Names, in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// Body, free of its framing.
    pub body: Vec<u8>,
}

/// Which rule a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Start line and headers, and how many bytes they took.
struct Head<'a> {
    start: &'a str,
    headers: Vec<(String, String)>,
    length: usize,
}

/// The message that some bytes begin with, and its length; nothing while it is not whole.
type Read<T> = Result<Option<(T, usize)>, Malformed>;

/// Reads the request that `bytes` begin with.
pub fn read_request(bytes: &[u8]) -> Read<WireRequest> {
    let Some(head) = read_head(bytes)? else { return Ok(None) };
    let mut words = head.start.split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Malformed("a request line is a method, a target and HTTP/1.1, with single spaces"));
    };
    if !is_token(method) {
        return Err(Malformed("a method is a token"));
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Malformed("a target is a path of visible ASCII without a fragment"));
    }
    if head.headers.iter().filter(|(name, _)| name == "host").count() != 1 {
        return Err(Malformed("there is one Host"));
    }
    let Some((body, length)) = read_body(bytes.get(head.length..).unwrap_or_default(), &head.headers, 0)? else {
        return Ok(None);
    };
    let request = WireRequest { method: method.to_owned(), target: target.to_owned(), headers: head.headers, body };
    Ok(Some((request, length + head.length)))
}

/// Reads the answer that `bytes` begin with. An answer to HEAD has no body, whatever it declares.
pub fn read_answer(bytes: &[u8], is_to_head: bool) -> Read<WireAnswer> {
    let Some(head) = read_head(bytes)? else { return Ok(None) };
    let status = head.start.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    let status = status.ok_or(Malformed("a status line is a version, a status of three digits and a reason"))?;
    let has_body = !is_to_head && status >= 200 && status != 204 && status != 304;
    let rest = bytes.get(head.length..).unwrap_or_default();
    let (body, length) = match has_body.then(|| read_body(rest, &head.headers, rest.len())).transpose()? {
        None => (Vec::new(), 0),
        Some(None) => return Ok(None),
        Some(Some(read)) => read,
    };
    Ok(Some((WireAnswer { status, headers: head.headers, body }, length + head.length)))
}

impl WireAnswer {
    /// The only value of a header; empty when there is none, or more than one.
    pub fn header(&self, name: &str) -> &str {
        match values(&self.headers, name)[..] {
            [value] => value,
            _ => "",
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The values of a header.
pub fn values<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
}

fn read_head(bytes: &[u8]) -> Result<Option<Head<'_>>, Malformed> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        // What is wrong already does not become right by waiting.
        return lines(bytes.strip_suffix(b"\r").unwrap_or(bytes)).map(|_| None);
    };
    let mut lines = lines(bytes.get(..end).unwrap_or_default())?.into_iter();
    let start = lines.next().unwrap_or_default();
    let headers = lines.map(read_header).collect::<Result<_, _>>()?;
    Ok(Some(Head { start, headers, length: end + 4 }))
}

/// Lines of visible ASCII, spaces, tabs and bytes beyond ASCII; between them CR LF and nothing else.
fn lines(head: &[u8]) -> Result<Vec<&str>, Malformed> {
    let text = std::str::from_utf8(head).map_err(|_| Malformed("a head is text"))?;
    if text.starts_with("\r\n") {
        return Err(Malformed("nothing goes before a start line"));
    }
    let lines: Vec<&str> = text.split("\r\n").collect();
    if lines.iter().any(|line| line.chars().any(|character| character.is_control() && character != '\t')) {
        return Err(Malformed("a head has no control characters, and no CR or LF but at the end of a line"));
    }
    Ok(lines)
}

fn read_header(line: &str) -> Result<(String, String), Malformed> {
    let (name, value) = line.split_once(':').ok_or(Malformed("a header is a name, a colon and a value"))?;
    if !is_token(name) {
        return Err(Malformed("the name of a header is a token, with nothing around it"));
    }
    Ok((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
}

/// A body, and the length of what it was in. `unframed` bytes follow when nothing says how many.
fn read_body(bytes: &[u8], headers: &[(String, String)], unframed: usize) -> Read<Vec<u8>> {
    let length = match (&values(headers, "content-length")[..], &values(headers, "transfer-encoding")[..]) {
        ([], []) => unframed,
        ([], ["chunked"]) => return read_chunks(bytes),
        ([length], []) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().map_err(|_| Malformed("a Content-Length fits a machine"))?
        }
        _ => return Err(Malformed("a body is framed once: by a number, or by `chunked`")),
    };
    Ok(bytes.get(..length).map(|body| (body.to_vec(), length)))
}

fn read_chunks(bytes: &[u8]) -> Read<Vec<u8>> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(end) = find(rest, b"\r\n") else { return Ok(None) };
        let size = rest.get(..end).and_then(|digits| std::str::from_utf8(digits).ok());
        let size = size.filter(|digits| (1..=8).contains(&digits.len()));
        let size = size.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let size = size.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.ok_or(Malformed("the size of a chunk is hexadecimal digits and nothing else"))?;
        let Some(chunk) = rest.get(end + 2..end + 2 + size + 2) else { return Ok(None) };
        let data = chunk.strip_suffix(b"\r\n").ok_or(Malformed("a chunk ends where its size says"))?;
        body.extend_from_slice(data);
        at += end + 2 + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_read_to_the_end_of_its_body_and_no_further() {
        for framed in
            ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"]
        {
            let bytes = format!("POST /a?b HTTP/1.1\r\nHost: h\r\n{framed}");
            let (request, length) = read_request(format!("{bytes}GET /").as_bytes()).unwrap().unwrap();
            assert_eq!(
                (request.method.as_str(), request.target.as_str(), &*request.body),
                ("POST", "/a?b", &b"hello"[..])
            );
            assert_eq!(length, bytes.len());
            for part in 0..bytes.len() {
                assert_eq!(read_request(&bytes.as_bytes()[..part]), Ok(None), "{part} bytes");
            }
        }
    }

    #[test]
    fn whatever_somebody_might_read_otherwise_is_malformed() {
        for wrong in [
            "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: h\r\n\r\n",
            "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked, chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0;a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        ] {
            assert!(read_request(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_without_a_framing_goes_on_to_the_end() {
        let read = |text: &str| read_answer(text.as_bytes(), false).unwrap().unwrap();
        assert_eq!(read("HTTP/1.0 400 Bad Request\r\nServer: s\r\n\r\nno").0.body, b"no");
        let (answer, length) = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((answer.status, length), (100, 25));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(path in "/[!-\"$-~]{0,20}", names in prop::collection::vec("x-[a-z]{1,8}", 0..4), value in "[!-~]{0,20}", body in prop::collection::vec(any::<u8>(), 0..40)) {
            let headers: Vec<(String, String)> = [("host".to_owned(), "h".to_owned())].into_iter()
                .chain(names.into_iter().map(|name| (name, value.clone())))
                .chain([("content-length".to_owned(), body.len().to_string())]).collect();
            let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let bytes = [format!("PUT {path} HTTP/1.1\r\n{}\r\n", lines.concat()).into_bytes(), body.clone()].concat();
            let request = WireRequest { method: "PUT".into(), target: path, headers, body };
            prop_assert_eq!(read_request(&bytes), Ok(Some((request, bytes.len()))));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[ -~\r\n]{0,80}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = (read_request(bytes), read_answer(bytes, false), read_answer(bytes, true));
            }
        }
    }
}
