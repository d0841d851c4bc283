//! Numbers and dates as each language writes them.

use icu_calendar::Iso;
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::enums::CompositeDateTimeFieldSet;
use icu_datetime::fieldsets::{YM, YMD};
use icu_datetime::input::{Date, DateTime, Time};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::{Locale, ParseError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kbgap_catalog::Day;

use crate::language::Language;

/// Why a language's forms of numbers or dates cannot be had: a slip of this crate, which its tests find.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// Its tag is none.
    #[error("the tag of a language: {0}")]
    Tag(#[from] ParseError),
    /// Numbers.
    #[error("the numbers of a language: {0}")]
    Numbers(#[from] icu_provider::DataError),
    /// Dates.
    #[error("the dates of a language: {0}")]
    Dates(#[from] icu_datetime::DateTimeFormatterLoadError),
}

/// How a language writes numbers and dates.
pub(crate) struct Figures {
    numbers: DecimalFormatter,
    days: DateTimeFormatter<YMD>,
    months: DateTimeFormatter<YM>,
    moments: DateTimeFormatter<CompositeDateTimeFieldSet>,
}

impl Figures {
    pub(crate) fn of(language: Language) -> Result<Self, FiguresError> {
        let locale: Locale = language.tag().parse()?;
        let moments = CompositeDateTimeFieldSet::DateTime(
            icu_datetime::fieldsets::enums::DateAndTimeFieldSet::YMDT(YMD::medium().with_time_hm()),
        );
        Ok(Self {
            numbers: DecimalFormatter::try_new(
                (&locale).into(),
                icu_decimal::options::DecimalFormatterOptions::default(),
            )?,
            days: DateTimeFormatter::try_new((&locale).into(), YMD::medium())?,
            months: DateTimeFormatter::try_new((&locale).into(), YM::medium())?,
            moments: DateTimeFormatter::try_new((&locale).into(), moments)?,
        })
    }

    /// A whole number, in groups of digits.
    pub(crate) fn number(&self, number: u64) -> String {
        self.numbers.format(&Decimal::from(number)).to_string()
    }

    /// A number with so many digits after the point.
    pub(crate) fn decimal(&self, number: f64, digits: u8) -> String {
        let text = format!("{number:.*}", usize::from(digits));
        match text.parse::<Decimal>() {
            Ok(decimal) => self.numbers.format(&decimal).to_string(),
            Err(_) => text,
        }
    }

    /// A day.
    pub(crate) fn day(&self, day: Day) -> String {
        date(day).map_or_else(
            || day.to_string(),
            |date| self.days.format(&date).to_string(),
        )
    }

    /// The month of a day.
    pub(crate) fn month(&self, day: Day) -> String {
        date(day).map_or_else(
            || day.to_string(),
            |date| self.months.format(&date).to_string(),
        )
    }

    /// A moment, in UTC.
    pub(crate) fn moment(&self, moment: Timestamp) -> String {
        let at = TimeZone::UTC.to_datetime(moment);
        let hour = u8::try_from(at.hour()).unwrap_or_default();
        let minute = u8::try_from(at.minute()).unwrap_or_default();
        let date = date(Day::of_date(at.date()));
        let time = Time::try_new(hour, minute, 0, 0).ok();
        match date.zip(time) {
            Some((date, time)) => {
                format!("{} UTC", self.moments.format(&DateTime { date, time }))
            }
            None => moment.to_string(),
        }
    }
}

fn date(day: Day) -> Option<Date<Iso>> {
    let date = day.date();
    let month = u8::try_from(date.month()).ok()?;
    let day = u8::try_from(date.day()).ok()?;
    Date::try_new_iso(i32::from(date.year()), month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_forms() {
        let moment: Timestamp = "2026-02-11T13:05:59Z".parse().unwrap();
        let day = Day::of_timestamp(moment);
        let forms = |language| {
            let figures = Figures::of(language).unwrap();
            [
                figures.number(1_234_567),
                figures.decimal(8.25, 1),
                figures.day(day),
                figures.month(day),
                figures.moment(moment).replace('\u{202f}', " "),
            ]
        };
        assert_eq!(
            forms(Language::English),
            [
                "1,234,567",
                "8.2",
                "Feb 11, 2026",
                "Feb 2026",
                "Feb 11, 2026, 1:05 PM UTC"
            ]
        );
        let chinese = forms(Language::TraditionalChinese);
        assert_eq!(chinese[..3], ["1,234,567", "8.2", "2026年2月11日"]);
        assert!(chinese[4].starts_with("2026年2月11日"), "{chinese:?}");
    }
}
