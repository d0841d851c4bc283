//! Which changes of the store a fleet shows.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which changes of the store a fleet shows.
#[derive(Debug, Default)]
pub(crate) struct Applied(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    /// All up to this one.
    upto: i64,
    /// And these, that this process wrote while others wrote what lies between.
    beyond: BTreeSet<i64>,
}

impl Applied {
    /// Begins anew: all up to a number are shown, and no others.
    pub(crate) fn begin(&self, upto: i64) {
        *self.numbers() = Numbers {
            upto,
            beyond: BTreeSet::new(),
        };
    }

    /// Up to which number all are shown.
    pub(crate) fn upto(&self) -> i64 {
        self.numbers().upto
    }

    /// One more is shown.
    pub(crate) fn add(&self, sequence: i64) {
        let mut numbers = self.numbers();
        if sequence > numbers.upto {
            numbers.beyond.insert(sequence);
        }
        numbers.close();
    }

    /// All up to a number are shown.
    pub(crate) fn all_upto(&self, sequence: i64) {
        let mut numbers = self.numbers();
        numbers.upto = numbers.upto.max(sequence);
        let behind = numbers.upto + 1;
        numbers.beyond = numbers.beyond.split_off(&behind);
        numbers.close();
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Numbers {
    fn close(&mut self) {
        while self.beyond.remove(&(self.upto + 1)) {
            self.upto += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_here_closes_up_when_what_lies_between_was_followed() {
        let applied = Applied::default();
        applied.add(1);
        applied.add(4);
        assert_eq!((applied.upto(), applied.numbers().beyond.len()), (1, 1));
        applied.add(3);
        applied.add(2);
        assert_eq!((applied.upto(), applied.numbers().beyond.len()), (4, 0));
        applied.add(7);
        applied.all_upto(6);
        assert_eq!((applied.upto(), applied.numbers().beyond.len()), (7, 0));
        applied.all_upto(5);
        applied.add(2);
        assert_eq!((applied.upto(), applied.numbers().beyond.len()), (7, 0));
    }
}
