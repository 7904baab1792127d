//! The date table: each day of the seven years that orders may fall in.

use std::io::{self, Write};

use jiff::{ToSpan as _, civil::date};

/// One row per day, from 1992 to 1998.
pub(super) fn write_days(file: &mut impl Write) -> io::Result<()> {
    let (first, last) = (date(1992, 1, 1), date(1998, 12, 31));
    for day in first.series(1.day()).take_while(|day| *day <= last) {
        let (year, month) = (day.year(), day.month());
        let week = (day.day_of_year() - 1) / 7 + 1;
        writeln!(file, "{day},{year},{year}{month:02},{}{year},{week}", day.strftime("%b"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_tells_its_year_month_and_week() {
        let mut text = Vec::new();
        write_days(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 7 * 365 + 2);
        assert!(text.starts_with("1992-01-01,1992,199201,Jan1992,1\n"), "{}", &text[..40]);
        assert!(text.contains("\n1997-12-31,1997,199712,Dec1997,53\n"));
    }
}
