//! Errors of the token endpoint, in Entra ID's form.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// The kinds of error a client tells apart (RFC 6749, section 5.2; the numbers are Entra ID's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthErrorKind {
    /// A field is missing or stated twice.
    InvalidRequest,
    /// The grant is not offered.
    UnsupportedGrantType,
    /// The application is not known in the tenant.
    UnknownClient,
    /// The secret is wrong.
    WrongSecret,
    /// The tenant is not known.
    UnknownTenant,
    /// The resource or scope is not this API.
    UnknownResource,
    /// The scope is not in the form that client credentials need.
    ScopeForm,
    /// The server failed.
    Server,
}

/// The body of an error of the token endpoint.
#[derive(Debug, Clone, Serialize)]
pub struct OAuthError {
    #[serde(skip)]
    kind: OAuthErrorKind,
    error: &'static str,
    error_description: String,
    error_codes: [u32; 1],
    timestamp: String,
    trace_id: Uuid,
    correlation_id: Uuid,
}

impl OAuthErrorKind {
    fn name_and_code(self) -> (&'static str, u32) {
        match self {
            Self::InvalidRequest => ("invalid_request", 900_144),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 70_003),
            Self::UnknownClient => ("unauthorized_client", 700_016),
            Self::WrongSecret => ("invalid_client", 7_000_215),
            Self::UnknownTenant => ("invalid_request", 90_002),
            Self::UnknownResource => ("invalid_resource", 500_011),
            Self::ScopeForm => ("invalid_scope", 70_011),
            Self::Server => ("server_error", 90_033),
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::WrongSecret => 401,
            Self::Server => 500,
            _ => 400,
        }
    }
}

impl OAuthError {
    /// An error with words for the developer who reads it.
    pub fn new(kind: OAuthErrorKind, description: impl std::fmt::Display) -> Self {
        let (error, code) = kind.name_and_code();
        let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace_id, correlation_id) = (Uuid::new_v4(), Uuid::new_v4());
        Self {
            kind,
            error,
            error_description: format!(
                "AADSTS{code}: {description} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {now}"
            ),
            error_codes: [code],
            timestamp: now,
            trace_id,
            correlation_id,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> OAuthErrorKind {
        self.kind
    }
}
