//! How often one host may ask, and how often it is asked.

use std::time::Duration;

use governor::Quota;

use super::{Node, OsquerySettings};
use crate::limits::Keyed;

/// Limits by host. They are this process' own: each of several servers has its own.
pub(crate) struct NodeLimits {
    requests: Keyed,
    asked: Keyed,
}

impl NodeLimits {
    pub(crate) fn new(settings: &OsquerySettings) -> Self {
        Self {
            requests: Keyed::new(every(settings.request_every).allow_burst(settings.burst)),
            asked: Keyed::new(every(settings.asked_again_after)),
        }
    }

    /// Counts a request of a host.
    ///
    /// # Errors
    /// Where it sent too many: when it may send the next.
    pub(crate) fn request(&self, node: &Node) -> Result<(), Duration> {
        self.requests.check(key(node))
    }

    /// Whether a host is to be asked at once; false for a while after it was.
    pub(crate) fn may_ask(&self, node: &Node) -> bool {
        self.asked.check(key(node)).is_ok()
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
