//! The figures of a measurement.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A share of a hundred, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Percent(f64);

impl Percent {
    /// The share that a part has of a whole; `None` where the whole is nothing.
    pub(crate) fn of(part: u32, whole: u32) -> Option<Self> {
        (whole > 0).then(|| Self(100.0 * f64::from(part) / f64::from(whole)))
    }
}

/// The text is not a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAPercentage;

impl fmt::Display for NotAPercentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage is a number from 0 to 100")
    }
}

impl std::error::Error for NotAPercentage {}

impl FromStr for Percent {
    type Err = NotAPercentage;

    fn from_str(text: &str) -> Result<Self, NotAPercentage> {
        let number = text.trim().trim_end_matches('%').trim_end();
        let value = number.parse().map_err(|_| NotAPercentage)?;
        if (0.0..=100.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(NotAPercentage)
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} %", self.0)
    }
}

/// Rounded to hundredths, so that a machine's arithmetic does not show.
impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0 * 100.0).round() / 100.0)
    }
}

/// How answers compare with the truth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Score {
    /// How many are named and true.
    pub(super) right: u32,
    /// How many are named and not true.
    pub(super) wrong: u32,
    /// How many are true and not named.
    pub(super) missed: u32,
    /// Of those named, the percentage that is right; null where none is named.
    precision: Option<Percent>,
    /// Of the true ones, the percentage that is named; null where there are none.
    recall: Option<Percent>,
}

impl Score {
    pub(super) fn new(right: u32, wrong: u32, missed: u32) -> Self {
        Self {
            right,
            wrong,
            missed,
            precision: Percent::of(right, right + wrong),
            recall: Percent::of(right, right + missed),
        }
    }

    /// Of those named, the share that is right.
    pub(super) fn precision(&self) -> Option<Percent> {
        self.precision
    }

    /// Of the true ones, the share that is named.
    pub(super) fn recall(&self) -> Option<Percent> {
        self.recall
    }
}

/// The figures of one machine, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    /// Updates that the agent offered: rows of the truth.
    pub(super) offered: u32,
    /// Of these, the ones the catalogue describes, which are the truth: right and missed.
    pub(super) described: u32,
    /// Answers: right and wrong. Several numbers of one offered update are one answer.
    pub(super) named: u32,
    /// Updates against the truth.
    #[serde(flatten)]
    pub(super) updates: Score,
    /// CVEs that are open, against those the described offered updates close; over several machines, of each.
    pub(super) cves: Score,
}

impl Figures {
    pub(super) fn new(offered: u32, updates: Score, cves: Score) -> Self {
        Self {
            offered,
            described: updates.right + updates.missed,
            named: updates.right + updates.wrong,
            updates,
            cves,
        }
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        *self = Self::new(
            self.right + other.right,
            self.wrong + other.wrong,
            self.missed + other.missed,
        );
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        let (mut updates, mut cves) = (self.updates, self.cves);
        updates += other.updates;
        cves += other.cves;
        *self = Self::new(self.offered + other.offered, updates, cves);
    }
}

/// A length as a figure.
pub(super) fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_nothing_are_not_shares() {
        assert_eq!(Score::new(0, 0, 0).precision(), None);
        assert_eq!(Score::new(0, 0, 2).recall(), Percent::of(0, 1));
        assert_eq!(
            Score::new(4, 422, 2).precision().unwrap().to_string(),
            "0.9 %"
        );
    }

    #[test]
    fn figures_add_up() {
        let mut total = Figures::default();
        for (right, wrong) in [(1, 0), (2, 3)] {
            total += Figures::new(4, Score::new(right, wrong, 1), Score::default());
        }
        assert_eq!((total.offered, total.described, total.named), (8, 5, 6));
        assert_eq!(total.updates.precision(), Percent::of(1, 2));
    }

    #[test]
    fn thresholds_are_percentages() {
        assert_eq!("97.5 %".parse(), Ok(Percent(97.5)));
        for wrong in ["", "-1", "101", "NaN", "all"] {
            assert_eq!(wrong.parse::<Percent>(), Err(NotAPercentage), "{wrong}");
        }
    }
}
