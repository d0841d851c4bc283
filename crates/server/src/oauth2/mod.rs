//! The built-in provider, with the paths and answers of Entra ID: tokens for applications and people, and the pages on
//! which people sign in.

mod authorize;
pub(crate) mod browser;
mod client;
mod device;
mod discovery;
mod instance;
mod page;
mod person_grants;
pub(crate) mod sign_in;
mod token;

use std::sync::Arc;

pub(crate) use discovery::{keys, metadata_v1, metadata_v2};
pub(crate) use instance::instance;
pub(crate) use token::{v1, v2};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use kbgap_identity::{Form, OAuthError, OAuthErrorKind, Permission};
use kbgap_store::{Application, Tenant};

use crate::service::Service;
use page::PageError;

/// What people's browsers and devices ask for.
pub(crate) fn people() -> Router<Arc<Service>> {
    Router::new()
        .route(
            "/{tenant}/oauth2/v2.0/authorize",
            get(authorize::ask).post(authorize::ask_by_form),
        )
        .route("/{tenant}/oauth2/consent", post(authorize::decide))
        .route(
            "/{tenant}/oauth2/sign-in",
            get(sign_in::show).post(sign_in::submit),
        )
        .route(
            "/{tenant}/oauth2/password",
            get(sign_in::show_password).post(sign_in::change_password),
        )
        .route(
            "/{tenant}/oauth2/v2.0/logout",
            get(sign_in::ask_sign_out).post(sign_in::sign_out),
        )
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device::begin))
        .route("/{tenant}/oauth2/devicecode", post(device::begin_v1))
        .route(
            "/{tenant}/oauth2/deviceauth",
            get(device::show).post(device::submit),
        )
        .route("/{tenant}/oauth2/deviceauth/decision", post(device::decide))
        .route("/devicelogin", get(device::show).post(device::submit))
}

/// What their pages are made of.
pub(crate) fn assets() -> Router<Arc<Service>> {
    Router::new()
        .route("/kbgap/sign-in.css", get(page::style))
        .route("/kbgap/send-form.js", get(page::script))
}

/// The permissions of an application that this version knows.
fn permissions(application: &Application) -> Vec<Permission> {
    let roles = application.roles.iter();
    roles.filter_map(|role| role.parse().ok()).collect()
}

/// The tenant in the path of a page.
async fn page_tenant(service: &Service, id_or_name: &str) -> Result<Tenant, PageError> {
    let tenant = tenant(service, id_or_name).await;
    tenant.map_err(|error| PageError::refused(&error))
}

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

/// The fields of a request's body.
fn form(body: &Result<Bytes, BytesRejection>) -> Result<Form, OAuthError> {
    let unreadable = |why: &str| OAuthError::new(OAuthErrorKind::InvalidRequest, why);
    let body = body
        .as_ref()
        .map_err(|_| unreadable("The request body is too large, or did not come whole."))?;
    let fields = serde_urlencoded::from_bytes(body).map_err(|_| {
        unreadable("The request body must be of type application/x-www-form-urlencoded.")
    })?;
    Ok(Form::new(fields))
}
