//! The built-in token endpoint, with the paths and answers of Entra ID.

mod discovery;
mod token;

pub(crate) use discovery::{keys, metadata_v1, metadata_v2};
pub(crate) use token::{v1, v2};

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kbgap_identity::OAuthError;

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
        (status, Json(self.0)).into_response()
    }
}
