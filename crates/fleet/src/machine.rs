//! A machine of a fleet.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::facts::WindowsFacts;
use crate::value::{DeviceValue, ExclusionReason};

/// A machine's id: lower case, so that clients may write it in any.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(Form);

/// Most ids are Defender's, 40 hexadecimal digits: a million of them are kept as numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    Digits([u8; 20]),
    Text(Arc<str>),
}

impl MachineId {
    /// The id of a text.
    pub fn new(id: &str) -> Self {
        let id = id.trim().to_lowercase();
        Self(digits(&id).map_or_else(|| Form::Text(id.into()), Form::Digits))
    }
}

fn digits(id: &str) -> Option<[u8; 20]> {
    let text: &[u8; 40] = id.as_bytes().try_into().ok()?;
    let mut digits = [0; 20];
    for (digit, pair) in digits.iter_mut().zip(text.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *digit = u8::try_from(high? << 4 | low?).ok()?;
    }
    Some(digits)
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Digits(digits) => digits.iter().try_for_each(|digit| write!(f, "{digit:02x}")),
            Form::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A machine as the store has it.
#[derive(Debug, Clone, Copy)]
pub struct MachineRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its DNS name.
    pub name: Option<&'a str>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// The number of the change that wrote the row.
    pub sequence: i64,
    /// What it reported, packed: see [`crate::pack`].
    pub body: &'a [u8],
    /// Its device group.
    pub group: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
    /// What it is worth.
    pub value: DeviceValue,
    /// Why it is excluded, where it is.
    pub exclusion: Option<ExclusionReason>,
}

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its DNS name.
    pub name: Option<Box<str>>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// Its device group.
    pub group: Option<Arc<str>>,
    /// Its tags, in order.
    pub tags: Vec<Arc<str>>,
    /// What it is worth.
    pub value: DeviceValue,
    /// Why it is excluded, where it is.
    pub exclusion: Option<ExclusionReason>,
    /// What is told of its Windows; `None` where that cannot be told.
    pub windows: Option<WindowsFacts>,
    /// Why its Windows cannot be told, where it cannot. What is missing on such a machine is unknown.
    pub unidentified: Option<Box<str>>,
}

/// Whether a machine still reports (API specification, section 2: `healthStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// It reported lately.
    Active,
    /// It has not reported for some days; what it last reported still counts.
    Inactive,
    /// It has not reported for so long that it counts no more.
    Gone,
}

/// After what time without a report a machine is inactive, and after what time it counts no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// After this time it is inactive.
    pub inactive: SignedDuration,
    /// After this time it counts no more.
    pub gone: SignedDuration,
}

impl Default for Ages {
    /// Defender's: 7 and 30 days.
    fn default() -> Self {
        Self {
            inactive: SignedDuration::from_hours(7 * 24),
            gone: SignedDuration::from_hours(30 * 24),
        }
    }
}

impl Ages {
    /// The activity of a machine last seen at a moment.
    pub fn activity(&self, last_seen: Timestamp, now: Timestamp) -> Activity {
        let silent = now.duration_since(last_seen);
        if silent > self.gone {
            Activity::Gone
        } else if silent > self.inactive {
            Activity::Inactive
        } else {
            Activity::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_whatever_their_form() {
        let long = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";
        assert_eq!(MachineId::new(&long.to_uppercase()).to_string(), long);
        assert_eq!(MachineId::new(" PC-1 ").to_string(), "pc-1");
        assert_ne!(MachineId::new(&long[1..]), MachineId::new(long));
        let umlaut = "ä".repeat(20);
        assert_eq!(MachineId::new(&umlaut).to_string(), umlaut);
    }

    #[test]
    fn a_silent_machine_is_inactive_and_then_gone() {
        let now: Timestamp = "2026-03-31T00:00:00Z".parse().unwrap();
        let ages = Ages::default();
        let of = |day: &str| ages.activity(day.parse().unwrap(), now);
        assert_eq!(of("2026-03-24T00:00:00Z"), Activity::Active);
        assert_eq!(of("2026-03-23T23:59:59Z"), Activity::Inactive);
        assert_eq!(of("2026-03-01T00:00:00Z"), Activity::Inactive);
        assert_eq!(of("2026-02-28T23:59:59Z"), Activity::Gone);
        // A clock that is ahead.
        assert_eq!(of("2026-04-01T00:00:00Z"), Activity::Active);
    }
}
