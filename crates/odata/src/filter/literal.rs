//! Literals that are not simply digits or quoted: dates, times and GUIDs.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A date or a point in time, and how many bytes it takes.
#[derive(Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) time: Timestamp,
    /// Whether it is a day without time and zone.
    pub(super) is_date: bool,
    pub(super) length: usize,
}

/// Whether the text begins as a date does: `2019-11`.
pub(super) fn begins_date(text: &[u8]) -> bool {
    text.len() >= 7
        && text[..4].iter().all(u8::is_ascii_digit)
        && text[4] == b'-'
        && text[5..7].iter().all(u8::is_ascii_digit)
}

/// Reads a date or time at the start of the text, in the standard's form and in those that clients send beside it:
///
/// - `2018-08-01Z`, a day with a zone, as Microsoft's documentation has it;
/// - `2019-11-22T00:00:00 00:00`, where the plus sign of the zone was decoded as a blank;
/// - no zone at all, which is UTC.
pub(super) fn moment(text: &[u8]) -> Result<Moment, &'static str> {
    let mut at = 0;
    let digits = |at: usize, count: usize| -> Option<i16> {
        let digits = text.get(at..at + count)?;
        digits.iter().try_fold(0_i16, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let two = |at: usize| digits(at, 2).and_then(|number| i8::try_from(number).ok());
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);

    let (Some(year), Some(month), true, Some(day)) = (digits(0, 4), two(5), is(7, b'-'), two(8))
    else {
        return Err("a date is written 2019-11-22");
    };
    at += 10;
    let date = Date::new(year, month, day).map_err(|_| "there is no such day")?;
    let mut time = Time::midnight();
    let mut is_date = true;
    if is(at, b'T') || is(at, b't') {
        let (Some(hour), true, Some(minute)) = (two(at + 1), is(at + 3, b':'), two(at + 4)) else {
            return Err("a time is written 2019-11-22T13:05:00Z");
        };
        at += 6;
        let (mut second, mut nanos) = (0, 0_i32);
        if is(at, b':') {
            second = two(at + 1).ok_or("a time is written 2019-11-22T13:05:00Z")?;
            at += 3;
            if is(at, b'.') {
                let fraction = text[at + 1..].iter().take_while(|b| b.is_ascii_digit());
                let mut unit = 100_000_000;
                let mut count = 0;
                for digit in fraction {
                    nanos += i32::from(digit - b'0') * unit;
                    unit /= 10;
                    count += 1;
                }
                if count == 0 {
                    return Err("digits are missing after the point of the seconds");
                }
                at += 1 + count;
            }
        }
        time = Time::new(hour, minute, second, nanos).map_err(|_| "there is no such time")?;
        is_date = false;
    }
    let mut offset = SignedDuration::ZERO;
    match text.get(at) {
        Some(b'Z' | b'z') => {
            at += 1;
            is_date = false;
        }
        Some(sign @ (b'+' | b'-' | b' ')) => {
            if let (Some(hours), true, Some(minutes)) = (two(at + 1), is(at + 3, b':'), two(at + 4))
            {
                if hours > 14 || minutes > 59 {
                    return Err("there is no such zone");
                }
                offset = SignedDuration::from_mins(i64::from(hours) * 60 + i64::from(minutes));
                if *sign == b'-' {
                    offset = -offset;
                }
                at += 6;
                is_date = false;
            }
        }
        _ => {}
    }
    let civil = DateTime::from_parts(date, time);
    let time = TimeZone::fixed(Offset::UTC)
        .to_timestamp(civil)
        .and_then(|time| time.checked_sub(offset))
        .map_err(|_| "the time is out of range")?;
    Ok(Moment {
        time,
        is_date,
        length: at,
    })
}

/// Reads a GUID of 36 characters at the start of the text.
pub(super) fn guid(text: &[u8]) -> Option<Uuid> {
    const LENGTH: usize = 36;
    let candidate = text.get(..LENGTH)?;
    if candidate[8] != b'-' || candidate[13] != b'-' {
        return None;
    }
    if text
        .get(LENGTH)
        .is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_' || *next == b'-')
    {
        return None;
    }
    Uuid::try_parse_ascii(candidate).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_times_that_clients_send() {
        for (text, time, is_date) in [
            ("2019-11-22T00:00:00Z", "2019-11-22T00:00:00Z", false),
            ("2019-11-22", "2019-11-22T00:00:00Z", true),
            ("2018-08-01Z", "2018-08-01T00:00:00Z", false),
            ("2019-11-22T00:00:00+00:00", "2019-11-22T00:00:00Z", false),
            ("2019-11-22T00:00:00 00:00", "2019-11-22T00:00:00Z", false),
            ("2019-11-22T10:00:00 02:00", "2019-11-22T08:00:00Z", false),
            ("2019-11-22T10:00:00-02:30", "2019-11-22T12:30:00Z", false),
            ("2019-11-22T10:00", "2019-11-22T10:00:00Z", false),
            (
                "2018-08-01T00:00:00.1234567Z",
                "2018-08-01T00:00:00.1234567Z",
                false,
            ),
            (
                "2018-08-01T00:00:00.123456789012Z",
                "2018-08-01T00:00:00.123456789Z",
                false,
            ),
        ] {
            let read = moment(text.as_bytes()).unwrap();
            assert_eq!(read.time, time.parse().unwrap(), "{text}");
            assert_eq!((read.is_date, read.length), (is_date, text.len()), "{text}");
        }
        assert_eq!(moment(b"2019-11-22 and x").unwrap().length, 10);
        assert_eq!(moment(b"2019-11-22T00:00:00 and x").unwrap().length, 19);
    }

    #[test]
    fn refuses_times_that_are_none() {
        for text in [
            "2019-13-01",
            "2019-02-29",
            "2019-1-1",
            "2019-11-22T",
            "2019-11-22T25:00:00Z",
            "2019-11-22T00:00:60Z",
            "2019-11-22T00:00:00.Z",
            "2019-11-22T00:00:00+15:00",
        ] {
            assert!(moment(text.as_bytes()).is_err(), "{text}");
        }
    }
}
