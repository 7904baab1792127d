//! Which format an answer is written in.

use cubegate_cube::Encoding;
use http::{HeaderMap, header};

use crate::problem::Problem;

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// In the order of preference among those that the caller likes equally.
const TYPES: [(Encoding, &str, &str); 3] = [
    (Encoding::Json, "application", "json"),
    (Encoding::Csv, "text", "csv"),
    (Encoding::Arrow, "application", "vnd.apache.arrow.stream"),
];

/// Chooses by `Accept` (RFC 9110 §12.5.1): the highest quality wins, JSON on a tie.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let ranges: Vec<MediaRange<'_>> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(MediaRange::parse)
        .collect();
    if ranges.is_empty() {
        return Ok(Encoding::Json);
    }
    let quality = |kind, subtype| {
        ranges
            .iter()
            .filter_map(|range| range.matches(kind, subtype))
            .max_by_key(|(specificity, _)| *specificity)
            .map_or(0.0, |(_, q)| q)
    };
    let mut best = (0.0, None);
    for (encoding, kind, subtype) in TYPES {
        let quality = quality(kind, subtype);
        if quality > best.0 {
            best = (quality, Some(encoding));
        }
    }
    best.1.ok_or(Problem::NotAcceptable)
}

pub(super) fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "application/json",
        Encoding::Csv => "text/csv; charset=utf-8; header=present",
        Encoding::Arrow => ARROW,
    }
}

struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    quality: f32,
}

impl<'a> MediaRange<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next().unwrap_or_default().split_once('/').unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0);
        Self { kind, subtype, quality }
    }

    /// Specificity and quality, when the range covers the type.
    fn matches(&self, kind: &str, subtype: &str) -> Option<(u8, f32)> {
        let is = |range: &str, exact: &str| range.eq_ignore_ascii_case(exact);
        match () {
            () if is(self.kind, kind) && is(self.subtype, subtype) => Some((2, self.quality)),
            () if is(self.kind, kind) && self.subtype == "*" => Some((1, self.quality)),
            () if self.kind == "*" && self.subtype == "*" => Some((0, self.quality)),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_the_caller_likes_best() {
        let format = |accept: &str| negotiate(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())])).ok();
        assert_eq!(negotiate(&HeaderMap::new()).ok(), Some(Encoding::Json));
        assert_eq!(format("*/*"), Some(Encoding::Json));
        assert_eq!(format("text/csv"), Some(Encoding::Csv));
        assert_eq!(format("text/csv, */*;q=0.1"), Some(Encoding::Csv));
        assert_eq!(format("text/csv;q=0.5, application/json"), Some(Encoding::Json));
        assert_eq!(format("text/*"), Some(Encoding::Csv));
        assert_eq!(format(ARROW), Some(Encoding::Arrow));
        assert_eq!(format("application/vnd.apache.arrow.stream, application/json;q=0.9"), Some(Encoding::Arrow));
        assert_eq!(format("application/*"), Some(Encoding::Json));
        assert_eq!(format("image/png"), None);
        assert_eq!(format("application/json;q=0"), None);
    }
}
