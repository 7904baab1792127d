//! Days, and words for days that move: `today`, `90daysago`, `lastmonth`.
//!
//! ```text
//! word  = "today" | "yesterday" | "tomorrow"
//!       | [count] unit ("ago" | "forward")          so many units before today, or after it
//!       | ("last" | "next") [count] unit            the first day of the unit that is so many before this one, or after it
//! unit  = ("day" | "week" | "month" | "quarter" | "year") ["s"]
//! ```
//!
//! The words are those of Cubes. A day is one of UTC, and a week begins on Monday. Where a month has no such day, its last
//! one is meant.

use std::fmt;

use cubegate_api::Moment;
use jiff::{
    Span,
    civil::{Date, Weekday},
};
use serde::{Deserialize, Serialize};

use crate::limits::RELATIVE_UNITS_MAX;

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(Date);

/// A part of a day that a level of a calendar has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayPart {
    /// `2027`.
    Year,
    /// `1` to `4`.
    Quarter,
    /// `1` to `12`.
    Month,
    /// `1` to `31`.
    DayOfMonth,
    /// The whole of it, as in `2027-01-31`.
    Date,
}

/// A day that moves with the day on which it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativeDay {
    word: String,
    /// Whether the day is the first one of its unit.
    is_first: bool,
    unit: Unit,
    /// How many units after today; before it when negative.
    count: i32,
}

/// What days are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// Why a word that is relative to the day means none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDay {
    /// It counts in what a day is made of.
    #[error("`{0}` is finer than a day; count in days, weeks, months, quarters or years")]
    TooFine(String),
    /// It counts too far.
    #[error("`{0}` counts more than {RELATIVE_UNITS_MAX} units")]
    TooFar(String),
}

impl Day {
    /// The day in UTC that a moment lies in.
    pub fn of(moment: Moment) -> Self {
        Self(moment.date())
    }

    /// A part, as members of levels have it.
    pub fn part(self, part: DayPart) -> String {
        let Self(date) = self;
        match part {
            DayPart::Year => date.year().to_string(),
            DayPart::Quarter => quarter(date).to_string(),
            DayPart::Month => date.month().to_string(),
            DayPart::DayOfMonth => date.day().to_string(),
            DayPart::Date => date.to_string(),
        }
    }
}

impl DayPart {
    /// The part that a level of whole numbers has by its name, in whatever case.
    pub fn of_name(level: &str) -> Option<Self> {
        let parts =
            [("year", Self::Year), ("quarter", Self::Quarter), ("month", Self::Month), ("day", Self::DayOfMonth)];
        parts.into_iter().find(|(name, _)| level.eq_ignore_ascii_case(name)).map(|(_, part)| part)
    }
}

/// Whether these parts, from the coarsest on, tell days apart and in their order: a day of a month means nothing without its
/// month, nor a month without its year.
pub fn is_calendar(parts: &[DayPart]) -> bool {
    let begins = parts.first().is_some_and(|first| matches!(first, DayPart::Year | DayPart::Date));
    let grows = parts.is_sorted_by(|coarser, finer| coarser < finer);
    let of_month = parts.iter().position(|part| *part == DayPart::DayOfMonth);
    let has_month = of_month.is_none_or(|position| parts.iter().take(position).any(|part| *part == DayPart::Month));
    begins && grows && has_month
}

impl RelativeDay {
    /// What a word means; nothing when it is not relative to the day.
    pub fn read(word: &str) -> Option<Result<Self, NoDay>> {
        let (is_first, is_before, span) = match word {
            "today" => return Some(Ok(Self::new(word, false, Unit::Day, 0))),
            "yesterday" => return Some(Ok(Self::new(word, false, Unit::Day, -1))),
            "tomorrow" => return Some(Ok(Self::new(word, false, Unit::Day, 1))),
            _ => [
                word.strip_suffix("ago").map(|span| (false, true, span)),
                word.strip_suffix("forward").map(|span| (false, false, span)),
                word.strip_prefix("last").map(|span| (true, true, span)),
                word.strip_prefix("next").map(|span| (true, false, span)),
            ]
            .into_iter()
            .flatten()
            .find(|(_, _, span)| unit(span).is_some())?,
        };
        let unit = unit(span)?;
        let digits: &str = span.trim_end_matches(|character: char| !character.is_ascii_digit());
        let Some(unit) = unit else { return Some(Err(NoDay::TooFine(word.to_owned()))) };
        let count = if digits.is_empty() { Some(1) } else { digits.parse().ok() };
        let Some(count) = count.filter(|count| *count <= RELATIVE_UNITS_MAX) else {
            return Some(Err(NoDay::TooFar(word.to_owned())));
        };
        Some(Ok(Self::new(word, is_first, unit, if is_before { -count } else { count })))
    }

    /// The day that is meant on a day; none beyond the end of the calendar.
    pub fn on(&self, Day(today): Day) -> Option<Day> {
        let Self { word: _, is_first, unit, count } = *self;
        let start = if is_first { unit.first_day(today)? } else { today };
        let span = match unit {
            Unit::Day => Span::new().try_days(count),
            Unit::Week => Span::new().try_weeks(count),
            Unit::Month => Span::new().try_months(count),
            Unit::Quarter => Span::new().try_months(count.checked_mul(3)?),
            Unit::Year => Span::new().try_years(count),
        };
        start.checked_add(span.ok()?).ok().map(Day)
    }

    fn new(word: &str, is_first: bool, unit: Unit, count: i32) -> Self {
        Self { word: word.to_owned(), is_first, unit, count }
    }
}

impl Unit {
    /// The first day of the unit that a day lies in.
    fn first_day(self, date: Date) -> Option<Date> {
        match self {
            Self::Day => Some(date),
            Self::Week => date.tomorrow().ok()?.nth_weekday(-1, Weekday::Monday).ok(),
            Self::Month => Some(date.first_of_month()),
            Self::Quarter => Date::new(date.year(), (quarter(date) - 1) * 3 + 1, 1).ok(),
            Self::Year => Some(date.first_of_year()),
        }
    }
}

fn quarter(date: Date) -> i8 {
    (date.month() - 1) / 3 + 1
}

/// The unit that a span such as `90days` is counted in, if it is a span: none when a day is made of it.
#[expect(clippy::option_option, reason = "no span, a span of hours, a span of days are three things")]
fn unit(span: &str) -> Option<Option<Unit>> {
    let name = span.trim_start_matches(|character: char| character.is_ascii_digit());
    match name.strip_suffix('s').unwrap_or(name) {
        "day" => Some(Some(Unit::Day)),
        "week" => Some(Some(Unit::Week)),
        "month" => Some(Some(Unit::Month)),
        "quarter" => Some(Some(Unit::Quarter)),
        "year" => Some(Some(Unit::Year)),
        "second" | "minute" | "hour" => Some(None),
        _ => None,
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RelativeDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day(text.parse().unwrap())
    }

    fn on(word: &str, today: &str) -> String {
        RelativeDay::read(word).unwrap().unwrap().on(day(today)).unwrap().to_string()
    }

    #[test]
    fn words_move_with_the_day() {
        for (word, expected) in [
            ("today", "2028-03-31"),
            ("yesterday", "2028-03-30"),
            ("tomorrow", "2028-04-01"),
            ("90daysago", "2028-01-01"),
            ("0daysago", "2028-03-31"),
            ("dayago", "2028-03-30"),
            ("2weeksforward", "2028-04-14"),
            ("1monthago", "2028-02-29"),
            ("quarterago", "2027-12-31"),
            ("10yearsforward", "2038-03-31"),
            ("lastday", "2028-03-30"),
            ("lastweek", "2028-03-20"),
            ("lastmonth", "2028-02-01"),
            ("last3months", "2027-12-01"),
            ("lastquarter", "2027-10-01"),
            ("nextquarter", "2028-04-01"),
            ("nextyear", "2029-01-01"),
            ("next2weeks", "2028-04-10"),
        ] {
            assert_eq!(on(word, "2028-03-31"), expected, "{word}");
        }
        assert_eq!(on("lastweek", "2028-03-27"), "2028-03-20", "of a Monday");
        assert_eq!(on("lastweek", "2028-04-02"), "2028-03-20", "of a Sunday");
    }

    #[test]
    fn other_words_are_none_of_these() {
        for word in [
            "",
            "ago",
            "last",
            "lasting",
            "long ago",
            "xdaysago",
            "lastdayago",
            "days",
            "Today",
            "-1daysago",
            "daysssago",
        ] {
            assert_eq!(RelativeDay::read(word), None, "{word}");
        }
    }

    #[test]
    fn what_no_day_can_be_is_said() {
        assert_eq!(RelativeDay::read("12hoursago"), Some(Err(NoDay::TooFine("12hoursago".into()))));
        assert_eq!(RelativeDay::read("lastminute"), Some(Err(NoDay::TooFine("lastminute".into()))));
        for count in ["1001", "99999999999999999999"] {
            let word = format!("{count}daysago");
            assert_eq!(RelativeDay::read(&word), Some(Err(NoDay::TooFar(word.clone()))));
        }
        let last = RelativeDay::read("1000yearsforward").unwrap().unwrap();
        assert_eq!(last.on(day("9999-12-31")), None);
        assert_eq!(RelativeDay::read("nextweek").unwrap().unwrap().on(day("9999-12-31")), None);
    }

    #[test]
    fn only_parts_that_tell_days_in_their_order_are_a_calendar() {
        use DayPart::{Date, DayOfMonth, Month, Quarter, Year};
        for parts in [&[Date][..], &[Year], &[Year, Month], &[Year, Quarter, Month, DayOfMonth], &[Year, Month, Date]] {
            assert!(is_calendar(parts), "{parts:?}");
        }
        let others = [
            &[][..],
            &[Month, DayOfMonth],
            &[Year, DayOfMonth],
            &[Year, Quarter, DayOfMonth],
            &[Month, Year],
            &[Year, Year],
        ];
        for parts in others {
            assert!(!is_calendar(parts), "{parts:?}");
        }
    }

    #[test]
    fn a_day_has_the_parts_that_levels_have() {
        let parts = |text: &str| {
            [DayPart::Year, DayPart::Quarter, DayPart::Month, DayPart::DayOfMonth, DayPart::Date]
                .map(|part| day(text).part(part))
        };
        assert_eq!(parts("2027-01-31"), ["2027", "1", "1", "31", "2027-01-31"]);
        assert_eq!(parts("2027-12-01"), ["2027", "4", "12", "1", "2027-12-01"]);
        assert_eq!(DayPart::of_name("Month"), Some(DayPart::Month));
        assert_eq!(DayPart::of_name("months"), None);
        let moment = |text: &str| Moment::try_from(text.to_owned()).unwrap();
        assert_eq!(Day::of(moment("2027-01-31T23:30:00-01:00")), day("2027-02-01"), "in UTC");
    }

    proptest! {
        #[test]
        fn any_word_is_read_without_panic_and_written_as_it_was(
            word in "(last|next)?[0-9]{0,4}(second|hour|day|week|month|quarter|year)?s?(ago|forward)?|.{0,12}",
            today in -9999_i16..=9999,
        ) {
            if let Some(Ok(read)) = RelativeDay::read(&word) {
                prop_assert_eq!(read.to_string(), word);
                let _ = read.on(Day(Date::new(today, 2, 28).unwrap()));
            }
        }
    }
}
