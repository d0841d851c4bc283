//! HTTP: the Defender API's answers, tokens, and machine reports taken in.
//!
//! Every data route asks for a token. The store is written first, then the fleet in memory;
//! a restart rebuilds the same fleet from the store.

mod api;
mod envelope;
mod former;
mod history;
mod intake;
mod limits;
mod machine;
mod oauth2;
pub mod osquery;
mod osquery_store;
mod paths;
mod portal;
mod routes;
mod service;
mod stream;
mod tenant;

pub use history::{Detected, Detection};
pub use intake::{Incoming, IngestSummary, Intake, Rejected, StreamError};
pub use routes::serve;
pub use service::{Published, Service, Settings, StartError};
