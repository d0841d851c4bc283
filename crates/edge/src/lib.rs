//! Connections: TLS, and how long and how many clients may hold them.
//!
//! Nothing here knows what is asked: a service gets each request with the address it came from
//! ([`ConnectInfo`](axum::extract::ConnectInfo)) and by which scheme ([`Scheme`]).

mod activity;
mod certificate;
mod connection;
mod development;
mod limits;
mod places;
mod serve;
mod tls;

pub use certificate::{CertificateFiles, TlsError};
pub use connection::Scheme;
pub use development::Development;
pub use limits::ConnectionLimits;
pub use serve::{Edge, serve};
pub use tls::Tls;
