//! One quota for each of many, forgotten when they are quiet.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// After so many checks, those that have all of their quota back are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// A quota for each, by a hash: whatever they are called, it has one size.
pub(crate) struct Keyed {
    clock: DefaultClock,
    limiter: DefaultKeyedRateLimiter<blake3::Hash>,
    checks: AtomicU32,
}

impl Keyed {
    pub(crate) fn new(quota: Quota) -> Self {
        Self {
            clock: DefaultClock::default(),
            limiter: RateLimiter::keyed(quota),
            checks: AtomicU32::new(0),
        }
    }

    /// Takes one of a quota.
    ///
    /// # Errors
    /// Where none is left: after what time there is one.
    pub(crate) fn check(&self, key: blake3::Hash) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let checked = self.limiter.check_key(&key);
        checked.map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn who_is_quiet_is_forgotten() {
        let keyed = Keyed::new(Quota::per_second(NonZeroU32::new(1_000_000).unwrap()));
        for number in 0..100_000_u32 {
            keyed.check(blake3::hash(&number.to_le_bytes())).unwrap();
        }
        assert!(
            keyed.limiter.len() <= SWEEP_EVERY as usize * 2,
            "{}",
            keyed.limiter.len()
        );
    }
}
