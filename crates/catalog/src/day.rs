//! Calendar days.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A calendar day, in UTC: what Microsoft's release dates mean.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

/// Day 0.
const EPOCH: Date = date(1970, 1, 1);

impl Day {
    /// The month of the year, 1 to 12.
    pub fn month(self) -> i8 {
        self.date().month()
    }

    /// The day of a date.
    pub fn of_date(date: Date) -> Self {
        Self(EPOCH.until(date).map_or(0, |span| span.get_days()))
    }

    /// The day, in UTC, of a moment.
    pub fn of_timestamp(at: Timestamp) -> Self {
        Self::of_date(TimeZone::UTC.to_datetime(at).date())
    }

    /// The day as a date.
    pub fn date(self) -> Date {
        EPOCH
            .checked_add(jiff::Span::new().days(self.0))
            .unwrap_or(EPOCH)
    }

    /// The moment it begins, in UTC.
    pub fn midnight(self) -> Timestamp {
        let begin = TimeZone::UTC.to_timestamp(self.date().at(0, 0, 0, 0));
        begin.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The day after.
    #[must_use]
    pub fn tomorrow(self) -> Self {
        Self(self.0 + 1)
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The day before.
    #[must_use]
    pub fn yesterday(self) -> Self {
        Self(self.0 - 1)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.date(), f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.trim().parse().map(Self::of_date)
    }
}

/// Reads a moment as Microsoft's documents write it: with `Z`, with an offset, or with neither
/// (then UTC).
pub(crate) fn parse_moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_with_and_without_a_zone_are_utc() {
        let with = parse_moment("2020-03-10T07:00:00Z").unwrap();
        assert_eq!(parse_moment("2020-03-10T07:00:00"), Some(with));
        assert_eq!(parse_moment("\n2020-03-10T08:00:00+01:00 "), Some(with));
        assert_eq!(Day::of_timestamp(with).to_string(), "2020-03-10");
        assert_eq!(parse_moment("soon"), None);
    }

    #[test]
    fn days_survive_a_round_trip() {
        for text in ["1969-12-31", "2016-04-12", "2024-02-29"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
    }
}
