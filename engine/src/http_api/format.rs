//! Which format an answer is written in.

use http::{HeaderMap, header};

use crate::problem::Problem;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
}

impl Format {
    /// Chooses by `Accept` (RFC 9110 §12.5.1): the highest quality wins, JSON on a tie.
    pub(super) fn negotiate(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut ranges = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(MediaRange::parse)
            .peekable();
        if ranges.peek().is_none() {
            return Ok(Self::Json);
        }
        let ranges: Vec<_> = ranges.collect();
        let quality = |kind, subtype| {
            ranges
                .iter()
                .filter_map(|range| range.matches(kind, subtype))
                .max_by_key(|(specificity, _)| *specificity)
                .map_or(0.0, |(_, q)| q)
        };
        let (json, csv) = (quality("application", "json"), quality("text", "csv"));
        match (json > 0.0, csv > 0.0) {
            (false, false) => Err(Problem::NotAcceptable),
            _ if csv > json => Ok(Self::Csv),
            _ => Ok(Self::Json),
        }
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
        let format =
            |accept: &str| Format::negotiate(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())])).ok();
        assert_eq!(Format::negotiate(&HeaderMap::new()).ok(), Some(Format::Json));
        assert_eq!(format("*/*"), Some(Format::Json));
        assert_eq!(format("text/csv"), Some(Format::Csv));
        assert_eq!(format("text/csv, */*;q=0.1"), Some(Format::Csv));
        assert_eq!(format("text/csv;q=0.5, application/json"), Some(Format::Json));
        assert_eq!(format("text/*"), Some(Format::Csv));
        assert_eq!(format("image/png"), None);
        assert_eq!(format("application/json;q=0"), None);
    }
}
