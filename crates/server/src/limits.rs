//! How much one sender may ask for.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::envelope::ApiError;

/// How many senders are remembered before those that are quiet are forgotten.
const REMEMBERED: usize = 10_000;

/// A limit on requests for each sender.
pub(crate) struct Limits {
    senders: DefaultKeyedRateLimiter<Box<str>>,
    clock: DefaultClock,
}

impl Limits {
    /// So many requests a minute for each sender; a burst of as many is taken.
    pub(crate) fn a_minute(requests: NonZeroU32) -> Self {
        Self {
            senders: RateLimiter::keyed(Quota::per_minute(requests)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request of a sender.
    ///
    /// # Errors
    /// Where it had too many: the answer says when to come again.
    pub(crate) fn check(&self, sender: &str) -> Result<(), ApiError> {
        if self.senders.len() > REMEMBERED {
            self.senders.retain_recent();
        }
        let until = self.senders.check_key(&sender.into());
        until.map_err(|until| ApiError::too_many(until.wait_time_from(self.clock.now())))
    }
}
