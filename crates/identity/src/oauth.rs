//! Errors of the token endpoint, in Entra ID's form.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// The kinds of error a client tells apart (RFC 6749, section 5.2; the numbers are Entra ID's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthErrorKind {
    /// A field is missing.
    MissingParameter,
    /// A field is stated twice.
    RepeatedParameter,
    /// The request cannot be read.
    InvalidRequest,
    /// The grant is not offered.
    UnsupportedGrantType,
    /// The application is not known in the tenant.
    UnknownClient,
    /// The application does not prove itself by anything.
    NoCredential,
    /// The secret is wrong.
    WrongSecret,
    /// The secret's time is over.
    ExpiredSecret,
    /// The assertion, its signature or its certificate does not count.
    WrongAssertion,
    /// The assertion is another application's.
    AssertionClient,
    /// The assertion is for somebody else.
    AssertionAudience,
    /// The assertion is not within its time range.
    AssertionTime,
    /// The assertion was used before.
    AssertionUsed,
    /// The tenant is not known.
    UnknownTenant,
    /// The resource or scope is not this API.
    UnknownResource,
    /// The scope is not in the form that client credentials need.
    ScopeForm,
    /// The authority asked about is not this service.
    UnknownInstance,
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
    /// The table of all: name, number, HTTP status.
    const fn known(self) -> (&'static str, u32, u16) {
        match self {
            Self::MissingParameter => ("invalid_request", 900_144, 400),
            Self::RepeatedParameter => ("invalid_request", 9_000_411, 400),
            Self::InvalidRequest => ("invalid_request", 90_013, 400),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 70_003, 400),
            Self::UnknownClient => ("unauthorized_client", 700_016, 400),
            Self::NoCredential => ("invalid_client", 7_000_216, 401),
            Self::WrongSecret => ("invalid_client", 7_000_215, 401),
            Self::ExpiredSecret => ("invalid_client", 7_000_222, 401),
            Self::WrongAssertion => ("invalid_client", 700_027, 401),
            Self::AssertionClient => ("invalid_client", 700_021, 401),
            Self::AssertionAudience => ("invalid_client", 700_023, 401),
            Self::AssertionTime => ("invalid_client", 700_024, 401),
            Self::AssertionUsed => ("invalid_client", 50_012, 401),
            Self::UnknownTenant => ("invalid_request", 90_002, 400),
            Self::UnknownResource => ("invalid_resource", 500_011, 400),
            Self::ScopeForm => ("invalid_scope", 70_011, 400),
            Self::UnknownInstance => ("invalid_instance", 50_049, 400),
            Self::Server => ("server_error", 90_033, 500),
        }
    }

    /// Its number, Entra ID's: `AADSTS7000215`.
    pub fn code(self) -> u32 {
        self.known().1
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        self.known().2
    }
}

impl OAuthError {
    /// An error with words for the developer who reads it.
    pub fn new(kind: OAuthErrorKind, description: impl std::fmt::Display) -> Self {
        let (error, code, _) = kind.known();
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
