//! `sasValidHours`: how long links are asked to count.

/// What an export allows for `sasValidHours`. Most say 1 hour by default and at most 6; software without a CPE and
/// certificates say 3 and 24 (API specification, section 1h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoursRule {
    /// The hours where none are asked for.
    pub default: u8,
    /// The most.
    pub max: u8,
}

/// Whole hours for which links count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidHours(u8);

/// Why hours are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// No number.
    #[error("sasValidHours is a whole number of hours, not '{0}'")]
    NotANumber(String),
    /// A number with a fraction.
    #[error("sasValidHours is in whole hours, not '{0}'")]
    NotWhole(String),
    /// None, or fewer.
    #[error("sasValidHours is at least 1, not {0}")]
    TooFew(String),
    /// More than the export allows.
    #[error("sasValidHours is at most {max}, not {asked}")]
    TooMany {
        /// What was asked for.
        asked: String,
        /// The most.
        max: u8,
    },
}

impl HoursRule {
    /// 1 hour by default, at most 6.
    pub const USUAL: Self = Self { default: 1, max: 6 };
    /// 3 hours by default, at most 24.
    pub const LONG: Self = Self {
        default: 3,
        max: 24,
    };

    /// The hours of a query parameter. Blanks around the number are tolerated, as Defender does for `pageSize`
    /// (section 4).
    pub fn parse(self, parameter: Option<&str>) -> Result<ValidHours, HoursError> {
        let Some(text) = parameter else {
            return Ok(ValidHours(self.default));
        };
        let text = text.trim();
        let asked = || text.chars().take(32).collect::<String>();
        let (minus, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        match digits.split_once('.') {
            Some((whole, rest)) if !whole.is_empty() && are_digits(whole) && are_digits(rest) => {
                return Err(HoursError::NotWhole(asked()));
            }
            None if !digits.is_empty() && are_digits(digits) => {}
            _ => return Err(HoursError::NotANumber(asked())),
        }
        if minus {
            return Err(HoursError::TooFew(asked()));
        }
        // Digits only: what is no u8 is too large for one.
        match digits.parse::<u8>() {
            Ok(0) => Err(HoursError::TooFew(asked())),
            Ok(hours) if hours <= self.max => Ok(ValidHours(hours)),
            _ => Err(HoursError::TooMany {
                asked: asked(),
                max: self.max,
            }),
        }
    }
}

impl ValidHours {
    /// How many.
    pub fn get(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_hours_within_the_rule_are_read() {
        let hours = |rule: HoursRule, text| rule.parse(text).map(ValidHours::get);
        assert_eq!(hours(HoursRule::USUAL, None), Ok(1));
        assert_eq!(hours(HoursRule::LONG, None), Ok(3));
        assert_eq!(hours(HoursRule::USUAL, Some("6")), Ok(6));
        assert_eq!(hours(HoursRule::USUAL, Some(" 06 ")), Ok(6));
        assert_eq!(hours(HoursRule::LONG, Some("24")), Ok(24));
        let error = |text: &str| HoursRule::USUAL.parse(Some(text)).unwrap_err();
        let many = |asked: &str| HoursError::TooMany {
            asked: asked.to_owned(),
            max: 6,
        };
        assert_eq!(error("7"), many("7"));
        assert_eq!(error("256"), many("256"));
        for text in ["0", "00", "-1", "-0"] {
            assert_eq!(error(text), HoursError::TooFew(text.to_owned()));
        }
        assert_eq!(error("1.5"), HoursError::NotWhole("1.5".to_owned()));
        for text in ["", "x", "+1", "1h", ".", "-", "--1", "1e1", "١"] {
            assert_eq!(error(text), HoursError::NotANumber(text.to_owned()));
        }
        assert_eq!(error(&"9".repeat(99)), many(&"9".repeat(32)));
    }
}
