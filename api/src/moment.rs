//! Moments, as RFC 3339 writes them.

use std::{
    borrow::Cow,
    time::{SystemTime, UNIX_EPOCH},
};

use k8s_openapi::jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A moment, to the nanosecond. Written as in `2027-01-31T18:00:00Z` or `2027-01-31T19:00:00+01:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(Timestamp);

/// Why text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedMoment;

/// A digit.
const DIGIT: u8 = b'0';

impl Moment {
    /// The moment that a clock shows. A clock that shows none counts as the last there is: whatever ends has ended by then.
    pub fn of(clock: SystemTime) -> Self {
        let since_epoch = clock.duration_since(UNIX_EPOCH).ok();
        let nanoseconds = since_epoch.and_then(|elapsed| i128::try_from(elapsed.as_nanos()).ok());
        let shown = nanoseconds.and_then(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).ok());
        Self(shown.unwrap_or(Timestamp::MAX))
    }

    /// The day in UTC that it lies in.
    pub fn date(self) -> Date {
        TimeZone::UTC.to_datetime(self.0).date()
    }
}

impl TryFrom<String> for Moment {
    type Error = MalformedMoment;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let moment = text.parse().ok().filter(|_| is_rfc_3339(&text));
        moment.map(Self).ok_or(MalformedMoment)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for MalformedMoment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("write a moment as RFC 3339 has it, for example `2027-01-31T18:00:00Z`")
    }
}

impl std::error::Error for MalformedMoment {}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// Whether a moment is written in the one form that the API server takes. Calendars read many more.
fn is_rfc_3339(text: &str) -> bool {
    let Some((head, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else { return false };
    let offset = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if offset.len() == fraction.len() {
                return false;
            }
            offset
        }
    };
    has_shape(head, "0000-00-00T00:00:00")
        && (offset.eq_ignore_ascii_case("Z") || has_shape(offset, "+00:00") || has_shape(offset, "-00:00"))
}

/// Whether there is a digit for each `0` of a shape, and else what stands there, in either case.
fn has_shape(text: &str, shape: &str) -> bool {
    let is_so = |(found, wanted): (u8, u8)| {
        if wanted == DIGIT { found.is_ascii_digit() } else { found.eq_ignore_ascii_case(&wanted) }
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(is_so)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Result<Moment, MalformedMoment> {
        Moment::try_from(text.to_owned())
    }

    #[test]
    fn a_moment_is_one_however_it_is_written() {
        let written = ["2027-01-31T18:00:00Z", "2027-01-31t18:00:00.000z", "2027-01-31T19:30:00+01:30"];
        for text in written {
            assert_eq!(moment(text).unwrap().to_string(), "2027-01-31T18:00:00Z", "{text}");
        }
        assert!(moment("2027-01-31T18:00:00.5Z").unwrap() > moment("2027-01-31T18:00:00Z").unwrap());
    }

    #[test]
    fn what_rfc_3339_does_not_have_is_no_moment() {
        for text in [
            "",
            "tomorrow",
            "2027-01-31",
            "2027-01-31T18:00:00",
            "2027-01-31 18:00:00Z",
            "2027-01-31T18:00Z",
            "2027-01-31T18:00:00.Z",
            "2027-01-31T18:00:00+01",
            "2027-01-31T18:00:00+01:00[Europe/Paris]",
            "2027-02-31T18:00:00Z",
            "+002027-01-31T18:00:00Z",
            "20270131T180000Z",
        ] {
            assert_eq!(moment(text), Err(MalformedMoment), "{text}");
        }
    }

    #[test]
    fn a_clock_tells_a_moment() {
        let clock = UNIX_EPOCH + Duration::from_millis(1_500);
        assert_eq!(Moment::of(clock).to_string(), "1970-01-01T00:00:01.5Z");
        assert_eq!(Moment::of(UNIX_EPOCH - Duration::from_secs(1)), Moment(Timestamp::MAX));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_a_moment_is_read_back_as_it_was_written(text in "[0-9TZtz:+.é -]{0,26}") {
            if let Ok(read) = moment(&text) {
                prop_assert_eq!(moment(&read.to_string()), Ok(read));
            }
        }

        #[test]
        fn moments_of_any_clock_are_written_and_read_back(nanoseconds in any::<u64>()) {
            let clock = Moment::of(UNIX_EPOCH + Duration::from_nanos(nanoseconds));
            prop_assert_eq!(moment(&clock.to_string()), Ok(clock));
        }
    }
}
