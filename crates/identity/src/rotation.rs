//! When keys that sign tokens follow each other.
//!
//! A key is published before it signs, so that whoever keeps our keys for a while knows it by then; and it verifies after
//! it signed its last token, until that has ended. What a key is follows from when each begins to sign, so servers that
//! share a store agree without a word.

use jiff::{SignedDuration, Timestamp};

/// No token issued here lives longer, clocks that differ included.
const LONGEST_TOKEN: SignedDuration = SignedDuration::from_hours(2);

/// How often keys are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotationPolicy {
    /// For how long a key signs.
    pub age: SignedDuration,
    /// For how long it is published before.
    pub overlap: SignedDuration,
}

impl Default for RotationPolicy {
    /// 90 days, and a day before.
    fn default() -> Self {
        Self {
            age: SignedDuration::from_hours(90 * 24),
            overlap: SignedDuration::from_hours(24),
        }
    }
}

/// What a key is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and not signing yet.
    Next,
    /// The one that signs.
    Active,
    /// It signs no more; tokens that it signed may still count.
    Retired {
        /// Since when another one signs.
        since: Timestamp,
    },
    /// Every token that it signed has ended.
    Spent {
        /// Since when another one signs.
        since: Timestamp,
    },
}

impl KeyState {
    /// Whether the key is published, and tokens that it signed are accepted.
    pub fn verifies(self) -> bool {
        !matches!(self, Self::Spent { .. })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired { .. } => "retired",
            Self::Spent { .. } => "spent",
        }
    }
}

/// What keys are at a moment, by when each begins to sign. Of two that begin at once, the later in order signs. Where all
/// begin later, by the clock of another server, the first one signs.
pub fn key_states(signs_from: &[Timestamp], now: Timestamp) -> Vec<KeyState> {
    let now = signs_from.iter().min().map_or(now, |first| now.max(*first));
    let keys: Vec<(Timestamp, usize)> = signs_from.iter().copied().zip(0..).collect();
    keys.iter()
        .map(|key| {
            if key.0 > now {
                return KeyState::Next;
            }
            let after = keys.iter().filter(|other| *other > key && other.0 <= now);
            match after.min() {
                None => KeyState::Active,
                Some(&(since, _)) if now.duration_since(since) < LONGEST_TOKEN => {
                    KeyState::Retired { since }
                }
                Some(&(since, _)) => KeyState::Spent { since },
            }
        })
        .collect()
}

impl RotationPolicy {
    /// From when a new key is to sign, where it is time to make one.
    pub fn due(&self, signs_from: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
        let states = key_states(signs_from, now);
        if states.contains(&KeyState::Next) {
            return None;
        }
        let active = states.iter().position(|state| *state == KeyState::Active);
        match active {
            None => Some(now),
            Some(active) => {
                let age = now.duration_since(signs_from[active]);
                let due = age >= self.age.saturating_sub(self.overlap);
                due.then(|| self.overlapping(now))
            }
        }
    }

    /// From when a key signs that is made now.
    pub fn overlapping(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.overlap).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn hour(number: i32) -> Timestamp {
        Timestamp::UNIX_EPOCH + HOUR * (1_000_000 + number)
    }

    #[test]
    fn a_key_is_published_signs_retires_and_is_spent() {
        let keys = [hour(0), hour(24)];
        let at = |number| key_states(&keys, hour(number)).map_names();
        assert_eq!(at(1), ["active", "next"]);
        assert_eq!(at(23), ["active", "next"]);
        assert_eq!(at(24), ["retired", "active"]);
        assert_eq!(at(25), ["retired", "active"]);
        assert_eq!(at(26), ["spent", "active"]);
        assert_eq!(at(-1), ["active", "next"]);
        // The order of the keys does not matter, but of two of the same moment.
        let same = [hour(0), hour(0), hour(-5)];
        assert_eq!(
            key_states(&same, hour(0)).map_names(),
            ["retired", "active", "retired"]
        );
    }

    trait Names {
        fn map_names(self) -> Vec<&'static str>;
    }

    impl Names for Vec<KeyState> {
        fn map_names(self) -> Vec<&'static str> {
            self.into_iter().map(KeyState::name).collect()
        }
    }

    #[test]
    fn a_key_is_made_once_the_overlap_before_it_is_needed() {
        let policy = RotationPolicy {
            age: HOUR * 100,
            overlap: HOUR * 10,
        };
        assert_eq!(policy.due(&[], hour(0)), Some(hour(0)));
        assert_eq!(policy.due(&[hour(0)], hour(89)), None);
        assert_eq!(policy.due(&[hour(0)], hour(90)), Some(hour(100)));
        // A server that was off for long publishes the next one first, too.
        assert_eq!(policy.due(&[hour(0)], hour(500)), Some(hour(510)));
        assert_eq!(policy.due(&[hour(0), hour(100)], hour(91)), None);
        assert_eq!(policy.due(&[hour(0), hour(100)], hour(150)), None);
        // An overlap longer than the age makes keys one after the other, and never two at once.
        let odd = RotationPolicy {
            age: HOUR,
            overlap: HOUR * 10,
        };
        assert_eq!(odd.due(&[hour(0)], hour(0)), Some(hour(10)));
        assert_eq!(odd.due(&[hour(0), hour(10)], hour(5)), None);
    }
}
