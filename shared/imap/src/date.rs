//! Dates and times as IMAP writes them (RFC 9051 §9 `date`, `date-time`).

use jiff::Timestamp;
use jiff::civil::{Date, Time, date};
use jiff::tz::Offset;

use crate::command::CommandError;
use crate::cursor::{Cursor, Result};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const NO_DATE: CommandError = CommandError::Expected("a date such as 1-Feb-2026");
const NO_TIME: CommandError =
    CommandError::Expected("a date and time such as \"01-Feb-2026 15:04:05 +0100\"");

/// `1-Feb-2026`, or the same in quotes.
pub(crate) fn parse_date(cursor: &mut Cursor<'_>) -> Result<Date> {
    let octets = cursor.astring("a date such as 1-Feb-2026")?;
    let text = std::str::from_utf8(&octets).map_err(|_| NO_DATE)?;
    read_date(text).ok_or(NO_DATE)
}

/// `"01-Feb-2026 15:04:05 +0100"`.
pub(crate) fn parse_date_time(cursor: &mut Cursor<'_>) -> Result<Timestamp> {
    let octets = cursor.string("a date and time in quotes")?;
    let text = std::str::from_utf8(&octets).map_err(|_| NO_TIME)?;
    read_date_time(text).ok_or(NO_TIME)
}

fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))? + 1;
    let year = (year.len() == 4).then(|| digits(year))??;
    let rest = parts.next().is_none();
    let day = (rest && day.len() <= 2).then(|| digits(day))??;
    Date::new(year, i8::try_from(month).ok()?, day).ok()
}

fn read_date_time(text: &str) -> Option<Timestamp> {
    let mut parts = text.trim_start_matches(' ').split(' ');
    let (day, time, zone) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || time.len() != 8 {
        return None;
    }
    let mut clock = time.split(':').map(digits::<i8>);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    // A leap second is none of our clocks'.
    let second = if second == 60 { 59 } else { second };
    let time = Time::new(hour, minute, second, 0).ok()?;
    let civil = read_date(day)?.to_datetime(time);
    read_zone(zone)?.to_timestamp(civil).ok()
}

fn read_zone(text: &str) -> Option<Offset> {
    let (sign, numbers) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let number: i32 = (numbers.len() == 4).then(|| digits(numbers))??;
    let (hours, minutes) = (number / 100, number % 100);
    let seconds = (minutes < 60).then_some((hours * 60 + minutes) * 60)?;
    Offset::from_seconds(sign * seconds).ok()
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

/// A date as SEARCH takes it.
pub(crate) fn format_date(day: Date) -> String {
    let month = MONTHS[usize::from(day.month().unsigned_abs()) - 1];
    format!("{}-{month}-{:04}", day.day(), day.year())
}

/// An INTERNALDATE, in UTC.
pub fn format_internal_date(time: Timestamp) -> String {
    let civil = Offset::UTC.to_datetime(time);
    // The grammar knows years of four digits.
    let civil = match civil.year() {
        0..=9999 => civil,
        _ => date(1970, 1, 1).to_datetime(Time::midnight()),
    };
    let month = MONTHS[usize::from(civil.month().unsigned_abs()) - 1];
    format!(
        "{:02}-{month}-{:04} {:02}:{:02}:{:02} +0000",
        civil.day(),
        civil.year(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let time = read_date_time(text).map(|time| time.to_string());
        assert_eq!(time.as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn times_are_read() {
        check("01-Feb-2026 15:04:05 +0000", "2026-02-01T15:04:05Z");
        check(" 1-feb-2026 15:04:05 +0130", "2026-02-01T13:34:05Z");
        check("31-Dec-1999 23:59:60 -0800", "2000-01-01T07:59:59Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in [
            "",
            "1-Feb-2026",
            "32-Jan-2026 00:00:00 +0000",
            "29-Feb-2025 00:00:00 +0000",
            "01-Feb-26 00:00:00 +0000",
            "01-Feb-2026 0:00:00 +0000",
            "01-Feb-2026 00:00:00 0000",
            "01-Feb-2026 00:00:00 +0090",
            "01-Feb-2026 24:00:00 +0000",
            "01-Feb-2026 00:00:00 +0000 x",
            "01-Feb-2026-1 00:00:00 +0000",
            "x",
        ] {
            assert_eq!(read_date_time(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(second in -62_167_000_000_i64..253_402_000_000) {
            let time = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(read_date_time(&format_internal_date(time)), Some(time));
            let day = Offset::UTC.to_datetime(time).date();
            prop_assert_eq!(read_date(&format_date(day)), Some(day));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,30}|[0-9a-zA-Z: +-]{20,30}") {
            let _ = (read_date_time(&text), read_date(&text));
        }
    }
}
