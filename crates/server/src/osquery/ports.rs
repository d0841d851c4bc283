//! What the routes need of the rest of the service.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use kbgap_inventory::{Observation, Observed};

use super::EnrollSecretRecord;

/// Where enroll secrets are kept. Every request looks its secret up: one that is removed ends its hosts' keys with it.
pub trait EnrollSecrets: Send + Sync + 'static {
    /// The secret of an id, of whichever tenant; `None` where there is none.
    fn find(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<EnrollSecretRecord>, Unavailable>> + Send;
}

/// Where observations go.
pub trait ObservationSink: Send + Sync + 'static {
    /// Takes observations of a tenant's machines, in their order, and answers once they are durable.
    fn take(
        &self,
        tenant: &str,
        observations: Vec<Observation>,
    ) -> impl Future<Output = Result<Taken, NotTaken>> + Send;

    /// When a machine was last heard of; `None` where it never was.
    fn last_seen(
        &self,
        tenant: &str,
        machine: &str,
    ) -> impl Future<Output = Result<Option<Timestamp>, Unavailable>> + Send;
}

/// What became of observations that were taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many changed what was known.
    pub changed: usize,
    /// How many said what was known, of a later time or the same.
    pub unchanged: usize,
    /// How many were older than what is known.
    pub older: usize,
    /// How many were changes of lists that are not known.
    pub baseless: usize,
}

impl Taken {
    /// Counts one observation.
    pub fn count(&mut self, observed: Observed) {
        match observed {
            Observed::Changed => self.changed += 1,
            Observed::Seen | Observed::Repeated => self.unchanged += 1,
            Observed::Older => self.older += 1,
            Observed::Baseless => self.baseless += 1,
        }
    }
}

/// Why observations were not taken. The host keeps its answers and sends them again.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// There is more to do than can be done.
    #[error("too many reports wait to be taken in")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// It failed.
    #[error(transparent)]
    Failed(#[from] Unavailable),
}

/// What is asked for cannot be told: its store fails.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available")]
pub struct Unavailable(#[source] Box<dyn Error + Send + Sync>);

impl Unavailable {
    /// The failure behind it, for the log.
    pub fn because(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
