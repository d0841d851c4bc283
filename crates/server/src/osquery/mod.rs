//! The remote API of osquery: hosts enroll, fetch the queries of kbgap's pack, and send their answers.
//!
//! Five routes under `/kbgap/v1/osquery`, all `POST`, as osquery documents them: `enroll`, `config`, `log`,
//! `distributed/read` and `distributed/write`. No route names a tenant: the enroll secret tells it, and the node key that
//! a host gets for it. So a deployment needs two things only, the server's address and a secret.
//!
//! A refused key is answered with `"node_invalid": true` and status 200, upon which a host enrolls again. Every other
//! failure has a status of its own and an `error` in its body: osquery does not look at the status, and takes a body
//! without one for success.

mod answer;
mod enroll_secret;
mod limits;
mod node_key;
mod pack;
mod ports;
mod routes;

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::SignedDuration;
use kbgap_inventory::osquery::OsqueryHost;

use limits::NodeLimits;
use pack::Pack;

pub use enroll_secret::{EnrollSecret, EnrollSecretRecord, NoRandomness};
pub use pack::PackError;
pub use ports::{EnrollSecrets, NotTaken, ObservationSink, Taken, Unavailable};
pub use routes::router;

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct OsquerySettings {
    /// The largest request taken, in bytes, after it is decompressed.
    pub max_body: usize,
    /// A host that was not heard of for so long is asked all queries at once, where it takes distributed ones.
    pub stale_after: SignedDuration,
    /// How long a host has to answer before it is asked at once again.
    pub asked_again_after: Duration,
    /// How many requests a host may send in a row.
    pub burst: NonZeroU32,
    /// In which time it may send one more after that.
    pub request_every: Duration,
}

impl Default for OsquerySettings {
    /// Bodies of 32 MiB: 1,024 lines, as many as a host sends at once, have rarely more than a few. A host is stale after
    /// 26 hours, asked again after an hour, and may send 60 requests in a row and one a second.
    fn default() -> Self {
        Self {
            max_body: 32 << 20,
            stale_after: SignedDuration::from_hours(26),
            asked_again_after: Duration::from_hours(1),
            burst: NonZeroU32::MIN.saturating_add(59),
            request_every: Duration::from_secs(1),
        }
    }
}

/// What the routes share: the secrets that hosts enroll with, and where their observations go.
pub struct OsqueryService<E, S> {
    secrets: E,
    sink: S,
    settings: OsquerySettings,
    limits: NodeLimits,
    pack: Pack,
}

impl<E: EnrollSecrets, S: ObservationSink> OsqueryService<E, S> {
    /// Fails only where the pack that is built in cannot be read, or the settings name no time.
    pub fn new(secrets: E, sink: S, settings: OsquerySettings) -> Result<Self, PackError> {
        Ok(Self {
            limits: NodeLimits::new(&settings),
            pack: Pack::built_in()?,
            secrets,
            sink,
            settings,
        })
    }
}

/// A host whose node key was verified.
struct Node {
    tenant: Box<str>,
    host: OsqueryHost,
}
