//! Settings of how clients reach the service.

use std::path::PathBuf;

use clap::Args;

/// How clients reach the service.
#[derive(Debug, Args)]
pub(crate) struct EdgeArgs {
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
}
