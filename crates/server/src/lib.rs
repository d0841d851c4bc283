//! HTTP: the Defender API's answers, tokens, and machine reports taken in.
//!
//! Every data route asks for a token. The store is written first, then the fleet in memory;
//! a restart rebuilds the same fleet from the store.

mod api;
mod envelope;
mod evidence;
mod ingest;
mod oauth2;
pub mod osquery;
mod paths;
mod reports;
mod routes;
mod service;

pub use ingest::{Incoming, IngestSummary, Rejected, ingest};
pub use routes::serve;
pub use service::{Service, Settings, StartError};
