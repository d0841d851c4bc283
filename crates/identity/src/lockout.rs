//! How guessing of passwords is bounded.

use jiff::SignedDuration;

/// How many wrong passwords in a row cost nothing.
const FREE: u32 = 4;
/// What the first one after them costs, in seconds; each further one costs twice as much.
const FIRST: i64 = 30;
/// The most that one costs: who is locked out by others gets in again within the hour.
const MOST: i64 = 3600;

/// For how long no further password is tried after so many wrong ones in a row.
///
/// It adds up to some 30 tries on the first day, and 24 a day from then on: out of reach for guessing any password that
/// is not among the few most common ones.
pub fn locked_for(failed: u32) -> SignedDuration {
    let Some(beyond) = failed.checked_sub(FREE + 1) else {
        return SignedDuration::ZERO;
    };
    let seconds = FIRST.checked_shl(beyond).filter(|_| beyond < 16);
    SignedDuration::from_secs(seconds.unwrap_or(MOST).min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_up_to_an_hour() {
        let seconds = |failed| locked_for(failed).as_secs();
        assert_eq!([0, 1, 4, 5, 6, 7].map(seconds), [0, 0, 0, 30, 60, 120]);
        assert_eq!([12, 40, u32::MAX].map(seconds), [3600; 3]);
        for failed in 0..100 {
            assert!(seconds(failed) <= seconds(failed + 1));
        }
    }
}
