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
    /// A person's scopes cannot be read, or none of them can be granted.
    InvalidScope,
    /// The redirect URI is not one of the application's.
    RedirectMismatch,
    /// A code or refresh token is unknown, or is another application's.
    InvalidGrant,
    /// A code or refresh token has expired.
    GrantExpired,
    /// A code was redeemed before.
    CodeRedeemed,
    /// A refresh token was used before, was revoked, or was not used for too long.
    RefreshTokenRevoked,
    /// The verifier does not fit the challenge of the code.
    PkceMismatch,
    /// The person's account is disabled or gone.
    UserDisabled,
    /// The person belongs to no group here.
    UserNotAssigned,
    /// The same, told to a redirect URI.
    AccessDenied,
    /// The person must sign in, and the client wants no page to be shown.
    LoginRequired,
    /// The person must agree, and the client wants no page to be shown.
    ConsentRequired,
    /// The person did not agree.
    ConsentDeclined,
    /// Only the flow with a code is offered.
    UnsupportedResponseType,
    /// The person has not decided yet about the device.
    AuthorizationPending,
    /// The client asks too often about the device.
    SlowDown,
    /// The person let the device not in.
    AuthorizationDeclined,
    /// The device's code has expired.
    DeviceCodeExpired,
    /// The device's code is unknown, or was redeemed.
    BadVerificationCode,
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
            Self::ScopeForm | Self::InvalidScope => ("invalid_scope", 70_011, 400),
            Self::UnknownInstance => ("invalid_instance", 50_049, 400),
            Self::Server => ("server_error", 90_033, 500),
            Self::RedirectMismatch => ("invalid_request", 50_011, 400),
            Self::InvalidGrant => ("invalid_grant", 70_000, 400),
            Self::GrantExpired => ("invalid_grant", 70_008, 400),
            Self::CodeRedeemed => ("invalid_grant", 54_005, 400),
            Self::RefreshTokenRevoked => ("invalid_grant", 700_082, 400),
            Self::PkceMismatch => ("invalid_grant", 501_481, 400),
            Self::UserDisabled => ("invalid_grant", 50_057, 400),
            Self::UserNotAssigned => ("invalid_grant", 50_105, 400),
            Self::AccessDenied => ("access_denied", 50_105, 400),
            Self::LoginRequired => ("login_required", 50_058, 400),
            Self::ConsentRequired => ("consent_required", 65_001, 400),
            Self::ConsentDeclined => ("access_denied", 65_004, 400),
            Self::UnsupportedResponseType => ("unsupported_response_type", 700_054, 400),
            Self::AuthorizationPending => ("authorization_pending", 70_016, 400),
            // Entra ID has no number of its own for it.
            Self::SlowDown => ("slow_down", 70_016, 400),
            Self::AuthorizationDeclined => ("authorization_declined", 70_000, 400),
            Self::DeviceCodeExpired => ("expired_token", 70_020, 400),
            Self::BadVerificationCode => ("bad_verification_code", 70_018, 400),
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

    /// The name and the words, as they are sent to a redirect URI (RFC 6749, section 4.1.2.1).
    pub fn name_and_description(&self) -> (&'static str, &str) {
        (self.error, &self.error_description)
    }

    /// Its kind.
    pub fn kind(&self) -> OAuthErrorKind {
        self.kind
    }
}
