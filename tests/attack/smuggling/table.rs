//! The shape of the table: sections with a rule, rows with the bytes of one request.

use crate::policies;

/// Requests that one rule decides.
pub(crate) struct Section {
    /// The rule, and where it is written.
    pub(crate) rule: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// A request, byte for byte.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// With `{path}` for the path of this row and `{auth}` for a line with credentials. Characters up to U+00FF are bytes.
    template: String,
    pub(crate) expected: Expected,
    /// Why we decide otherwise than nginx, `HAProxy` and Apache, who agree with each other.
    pub(crate) alone: Option<&'static str>,
}

/// What comes of a request. A well-formed one, the marker, follows each on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Nothing comes through, the marker included: the connection is over.
    Refused,
    /// Nothing comes through, but where the next request begins is beyond doubt: the marker comes through.
    Denied,
    /// It comes through once, with this body, and then the marker.
    Passed(&'static str),
    /// It comes through once, with this body, and the connection is over.
    PassedLast(&'static str),
    /// It and a second one that is spelt out after it come through, and then the marker.
    PassedTwice,
}

// === impl Row ===

impl Row {
    /// We decide otherwise than all others, for this reason.
    pub(crate) fn alone(self, reason: &'static str) -> Self {
        Self { alone: Some(reason), ..self }
    }

    /// The bytes to send, the marker included.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let authorization = policies::analyst();
        let marker = format!("GET {path}/marker HTTP/1.1\r\nHost: door\r\n{authorization}Connection: close\r\n\r\n");
        let text = self.template.replace("{path}", path).replace("{auth}", &authorization) + &marker;
        text.chars().map(|character| u8::try_from(u32::from(character)).expect("a character is a byte here")).collect()
    }
}

/// A section.
pub(crate) fn section(rule: &'static str, rows: impl IntoIterator<Item = Row>) -> Section {
    Section { rule, rows: rows.into_iter().collect() }
}

/// Anything.
pub(crate) fn raw(name: &'static str, template: &str, expected: Expected) -> Row {
    Row { name, template: template.to_owned(), expected, alone: None }
}

/// A POST with these further header lines, and this after its head.
pub(crate) fn post(name: &'static str, lines: &str, body: &str, expected: Expected) -> Row {
    raw(name, &format!("POST {{path}} HTTP/1.1\r\nHost: door\r\n{{auth}}{lines}\r\n{body}"), expected)
}

/// A GET with these further header lines.
pub(crate) fn get(name: &'static str, lines: &str, expected: Expected) -> Row {
    raw(name, &format!("GET {{path}} HTTP/1.1\r\nHost: door\r\n{{auth}}{lines}\r\n"), expected)
}

/// A GET with this request line.
pub(crate) fn line(name: &'static str, line: &str, expected: Expected) -> Row {
    raw(name, &format!("{line}Host: door\r\n{{auth}}\r\n"), expected)
}
