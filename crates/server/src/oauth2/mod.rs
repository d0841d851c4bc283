//! The built-in token endpoint, with the paths and answers of Entra ID.

mod client;
mod discovery;
mod instance;
mod token;

pub(crate) use discovery::{keys, metadata_v1, metadata_v2};
pub(crate) use instance::instance;
pub(crate) use token::{v1, v2};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kbgap_identity::{OAuthError, OAuthErrorKind};
use kbgap_store::Tenant;

use crate::service::Service;

/// An error answer of the token endpoint.
pub(crate) struct Refused(OAuthError);

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.kind().status());
        let status = status.unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            // The scheme that a client may use in the header (RFC 6749, section 5.2).
            let scheme = HeaderValue::from_static("Basic realm=\"kbgap\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// The tenant that a path names.
async fn tenant(service: &Service, id_or_name: &str) -> Result<Tenant, OAuthError> {
    let tenant = service.tenant(id_or_name).await;
    tenant.map_err(|error| failed(&error))?.ok_or_else(|| {
        OAuthError::new(
            OAuthErrorKind::UnknownTenant,
            format!("Tenant '{id_or_name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."),
        )
    })
}

/// A failure of the service itself; what it is, only the log tells.
fn failed(error: &(dyn std::error::Error + 'static)) -> OAuthError {
    tracing::error!(error, "a token could not be issued");
    OAuthError::new(
        OAuthErrorKind::Server,
        "The server failed; try again later.",
    )
}
