//! Knowledge-base numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a Microsoft Knowledge Base article, which names an update: `KB4540673` is `Kb(4540673)`.
///
/// Numbers have five to eight digits: the oldest hotfixes still reported by machines have five or
/// six, today's updates seven.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kb(u32);

impl Kb {
    /// The smallest number taken for a KB; what is below it is a version, a year or a slip.
    pub const MIN: u32 = 10_000;
    /// The largest number taken for a KB.
    pub const MAX: u32 = 99_999_999;

    /// The KB of this number, unless the number is outside [`Kb::MIN`] to [`Kb::MAX`].
    pub const fn new(number: u32) -> Option<Self> {
        if number >= Self::MIN && number <= Self::MAX {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The bare number, as the Defender API prints it.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Kb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KB{}", self.0)
    }
}

impl fmt::Debug for Kb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a KB number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a KB number (five to eight digits, with or without the letters KB)")]
pub struct NotAKb(String);

impl FromStr for Kb {
    type Err = NotAKb;

    /// Reads `KB4540673`, `kb4540673` or `4540673`; white space around it is ignored.
    fn from_str(text: &str) -> Result<Self, NotAKb> {
        let trimmed = text.trim();
        let digits = match trimmed.get(..2) {
            Some(letters) if letters.eq_ignore_ascii_case("kb") => &trimmed[2..],
            _ => trimmed,
        };
        if (5..=8).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && let Some(kb) = digits.parse().ok().and_then(Self::new)
        {
            return Ok(kb);
        }
        Err(NotAKb(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_in_use() {
        for text in ["KB4540673", "kb4540673", "4540673", " 4540673\r\n"] {
            assert_eq!(text.parse::<Kb>().unwrap(), Kb(4_540_673), "{text:?}");
        }
        assert_eq!("KB893803".parse::<Kb>().unwrap().to_string(), "KB893803");
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        for text in [
            "",
            "KB",
            "KB12",
            "4540673a",
            "Release Notes",
            "123456789",
            "00001",
            "日本語",
        ] {
            assert!(text.parse::<Kb>().is_err(), "{text:?}");
        }
    }
}
