//! HTTP: the Defender API's answers, tokens, and machine reports taken in.
//!
//! Every data route asks for a token. The store is written first, then the fleet in memory;
//! a restart rebuilds the same fleet from the store.

mod api;
mod applications;
pub mod audit;
mod envelope;
mod former;
mod front;
mod history;
mod intake;
mod issuers;
mod limits;
mod machine;
mod oauth2;
pub mod osquery;
mod osquery_store;
mod paths;
mod peer;
mod portal;
mod routes;
mod service;
mod signing_keys;
mod stream;
mod tenant;

pub use applications::{ApplicationError, MAX_CREDENTIALS, NewSecret, add_certificate, add_secret};
pub use front::{NotANetwork, NotAPublicUrl, PublicUrl, TrustedProxies};
pub use history::{Detected, Detection};
pub use intake::{Incoming, IngestSummary, Intake, Rejected, StreamError};
pub use issuers::{
    ApplicationsSetting, ApplicationsWord, BadIssuer, BadIssuerReason, BadUrl, Checked, CheckedKey,
    CheckedSkip, ClaimsSetting, Cloud, FetchError, IssuerSettings, ListSetting, PathSetting,
    check as check_issuers, validate as validate_issuers,
};
pub use limits::{NotAProfile, Rate, RateLimits};
pub use routes::serve;
pub use service::{DEFAULT_TENANT, Published, Service, Settings, StartError};
pub use signing_keys::{KeyOfStore, create_key, keys_of};
