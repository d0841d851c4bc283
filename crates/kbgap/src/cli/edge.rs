//! Settings of how clients reach the service.

use std::path::PathBuf;

use clap::Args;
use kbgap_server::RateLimits;

/// How clients reach the service.
#[derive(Debug, Args)]
pub(crate) struct EdgeArgs {
    /// The URL clients reach the service by; several where it has several names: the one that is called is repeated in
    /// answers, the first one where another is called [default: whichever is called]
    #[arg(
        long,
        env = "KBGAP_PUBLIC_URL",
        value_name = "URL",
        global = true,
        value_delimiter = ','
    )]
    pub(crate) public_url: Option<Vec<String>>,
    /// The certificate to serve TLS with: its chain as PEM, taken anew when the file changes
    #[arg(long, env = "KBGAP_TLS_CERT", value_name = "FILE", global = true)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, as PEM
    #[arg(long, env = "KBGAP_TLS_KEY", value_name = "FILE", global = true)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Serve TLS with a development certificate, which is made in the data directory for the names served
    #[arg(long, env = "KBGAP_TLS_SELF_SIGNED", value_name = "BOOL", global = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) tls_self_signed: Option<bool>,
    /// Serve plain HTTP to other machines too, behind a proxy that has TLS, say
    #[arg(long, env = "KBGAP_PLAIN_HTTP", value_name = "BOOL", global = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) plain_http: Option<bool>,
    /// The proxies (addresses or networks) whose X-Forwarded-For, -Proto and -Host, or Forwarded, are believed
    #[arg(
        long,
        env = "KBGAP_TRUSTED_PROXIES",
        value_name = "NETWORK",
        global = true,
        value_delimiter = ','
    )]
    pub(crate) trusted_proxies: Option<Vec<String>>,
    /// How many connections there are at most
    #[arg(long, env = "KBGAP_MAX_CONNECTIONS", value_name = "N", global = true)]
    pub(crate) max_connections: Option<u32>,
    /// How many of them one address may have, that of a trusted proxy excepted
    #[arg(
        long,
        env = "KBGAP_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "N",
        global = true
    )]
    pub(crate) max_connections_per_address: Option<u32>,
    /// How many seconds a connection waits for the header of a request
    #[arg(
        long,
        env = "KBGAP_HEADER_TIMEOUT",
        value_name = "SECONDS",
        global = true
    )]
    pub(crate) header_timeout: Option<u32>,
    /// How many seconds the body of a request is waited for, beside one for each 100 bytes of it
    #[arg(
        long,
        env = "KBGAP_BODY_TIMEOUT",
        value_name = "SECONDS",
        global = true
    )]
    pub(crate) body_timeout: Option<u32>,
    /// How many seconds a request may be worked on
    #[arg(
        long,
        env = "KBGAP_REQUEST_TIMEOUT",
        value_name = "SECONDS",
        global = true
    )]
    pub(crate) request_timeout: Option<u32>,
    /// How many requests an application of a tenant may make: 'none' for any number, 'defender' for Defender's figures;
    /// figures of your own as a table of the configuration file
    #[arg(long, env = "KBGAP_LIMITS", value_name = "PROFILE", global = true)]
    pub(crate) limits: Option<RateLimits>,
}
