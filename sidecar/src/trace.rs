//! Identifiers of a request: our decision, the caller's request id, the trace that it belongs to.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::limits::REQUEST_ID_BYTES_MAX;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Identifiers of a request.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// Ours alone: finds the record of the decision in the log.
    pub(crate) decision_id: String,
    /// The caller's, or ours when theirs is missing or malformed.
    pub(crate) request_id: HeaderValue,
    /// A span of ours in the caller's trace, or in a new one.
    pub(crate) traceparent: HeaderValue,
    /// Whether the caller's trace goes on.
    pub(crate) continues: bool,
}

// === impl Trace ===

impl Trace {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let decision_id = random_hex::<16>();
        let request_id = single(headers, &REQUEST_ID).filter(|id| is_plain(id)).unwrap_or(&decision_id).to_owned();
        let parent = single(headers, &TRACEPARENT).and_then(parent);
        let continues = parent.is_some();
        let (trace, flags) =
            parent.map_or_else(|| (random_hex::<16>(), "00"), |(trace, flags)| (trace.to_owned(), flags));
        let traceparent = format!("00-{trace}-{}-{flags}", random_hex::<8>());
        Self { decision_id, request_id: header(&request_id), traceparent: header(&traceparent), continues }
    }
}

/// Hexadecimal of so many random bytes.
pub(crate) fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).expect("the kernel has randomness");
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("a nibble is a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("checked or made to be visible ASCII")
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_plain(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte);
    !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(is_allowed)
}

/// Trace id and flags of a version 00 `traceparent` (W3C Trace Context).
fn parent(value: &str) -> Option<(&str, &str)> {
    let mut parts = value.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_something = |part: &str| part.bytes().any(|byte| byte != b'0');
    let is_valid = version == "00"
        && is_hex(trace, 32)
        && is_something(trace)
        && is_hex(span, 16)
        && is_something(span)
        && is_hex(flags, 2)
        && parts.next().is_none();
    is_valid.then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &str) -> Trace {
        Trace::read(&HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]))
    }

    #[test]
    fn a_plain_request_id_is_kept_and_any_other_replaced() {
        assert_eq!(read("x-request-id", "abc-1").request_id, "abc-1");
        for id in ["", "a b", "a\tb", "é", &"x".repeat(200)] {
            let trace = read("x-request-id", id);
            assert_eq!(trace.request_id, trace.decision_id, "{id}");
        }
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_ours() {
        let trace = read("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let value = trace.traceparent.to_str().unwrap();
        assert!(value.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && value.ends_with("-01"));
        assert!(!value.contains("00f067aa0ba902b7") && trace.continues);
    }

    #[test]
    fn a_malformed_trace_is_replaced() {
        for parent in [
            "",
            "x",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            let trace = read("traceparent", parent);
            assert!(!trace.continues && trace.traceparent.len() == 55, "{parent}");
        }
    }
}
