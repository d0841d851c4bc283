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
    fn name_and_code(self) -> (&'static str, u32) {
        match self {
            Self::InvalidRequest => ("invalid_request", 900_144),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 70_003),
            Self::UnknownClient => ("unauthorized_client", 700_016),
            Self::WrongSecret => ("invalid_client", 7_000_215),
            Self::UnknownTenant => ("invalid_request", 90_002),
            Self::UnknownResource => ("invalid_resource", 500_011),
            Self::ScopeForm | Self::InvalidScope => ("invalid_scope", 70_011),
            Self::Server => ("server_error", 90_033),
            Self::RedirectMismatch => ("invalid_request", 50_011),
            Self::InvalidGrant => ("invalid_grant", 70_000),
            Self::GrantExpired => ("invalid_grant", 70_008),
            Self::CodeRedeemed => ("invalid_grant", 54_005),
            Self::RefreshTokenRevoked => ("invalid_grant", 700_082),
            Self::PkceMismatch => ("invalid_grant", 501_481),
            Self::UserDisabled => ("invalid_grant", 50_057),
            Self::UserNotAssigned => ("invalid_grant", 50_105),
            Self::AccessDenied => ("access_denied", 50_105),
            Self::LoginRequired => ("login_required", 50_058),
            Self::ConsentRequired => ("consent_required", 65_001),
            Self::ConsentDeclined => ("access_denied", 65_004),
            Self::UnsupportedResponseType => ("unsupported_response_type", 700_054),
            Self::AuthorizationPending => ("authorization_pending", 70_016),
            // Entra ID has no number of its own for it.
            Self::SlowDown => ("slow_down", 70_016),
            Self::AuthorizationDeclined => ("authorization_declined", 70_000),
            Self::DeviceCodeExpired => ("expired_token", 70_020),
            Self::BadVerificationCode => ("bad_verification_code", 70_018),
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

    /// The name and the words, as they are sent to a redirect URI (RFC 6749, section 4.1.2.1).
    pub fn name_and_description(&self) -> (&'static str, &str) {
        (self.error, &self.error_description)
    }

    /// Its kind.
    pub fn kind(&self) -> OAuthErrorKind {
        self.kind
    }
}
