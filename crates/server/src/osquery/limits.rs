//! How often one host may ask, and how often it is asked.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{Node, OsquerySettings};

/// After so many checks, hosts that have all of their allowance back are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// Limits by host. They are this process' own: each of several servers has its own.
pub(crate) struct NodeLimits {
    clock: DefaultClock,
    requests: DefaultKeyedRateLimiter<blake3::Hash>,
    asked: DefaultKeyedRateLimiter<blake3::Hash>,
    checks: AtomicU32,
}

impl NodeLimits {
    pub(crate) fn new(settings: &OsquerySettings) -> Self {
        Self {
            clock: DefaultClock::default(),
            requests: RateLimiter::keyed(every(settings.request_every).allow_burst(settings.burst)),
            asked: RateLimiter::keyed(every(settings.asked_again_after)),
            checks: AtomicU32::new(0),
        }
    }

    /// Counts a request of a host.
    ///
    /// # Errors
    /// Where it sent too many: when it may send the next.
    pub(crate) fn request(&self, node: &Node) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.requests.retain_recent();
            self.asked.retain_recent();
        }
        self.requests
            .check_key(&key(node))
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Whether a host is to be asked at once; false for a while after it was.
    pub(crate) fn may_ask(&self, node: &Node) -> bool {
        self.asked.check_key(&key(node)).is_ok()
    }
}

/// One in a time; a time of nothing is a nanosecond.
fn every(time: Duration) -> Quota {
    Quota::with_period(time.max(Duration::from_nanos(1)))
        .unwrap_or_else(|| Quota::per_second(std::num::NonZeroU32::MIN))
}

/// A tenant's machine, in a fixed size: what hosts call themselves has none.
fn key(node: &Node) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(node.tenant.as_bytes());
    hasher.update(&[0]);
    hasher.update(node.host.machine.as_bytes());
    hasher.finalize()
}
