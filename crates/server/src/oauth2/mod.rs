//! The built-in provider, with the paths and answers of Entra ID: tokens for applications and people, and the pages on
//! which people sign in.

mod authorize;
pub(crate) mod browser;
mod device;
mod discovery;
mod page;
mod person_grants;
pub(crate) mod sign_in;
mod token;

use std::sync::Arc;

pub(crate) use discovery::{keys, metadata_v1, metadata_v2};
pub(crate) use token::{v1, v2};

use axum::Json;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use kbgap_identity::{OAuthError, OAuthErrorKind, Permission};
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
    let tenant = service.tenant(id_or_name).await?;
    tenant.ok_or_else(|| {
        PageError::refused(&OAuthError::new(
            OAuthErrorKind::UnknownTenant,
            format!("Tenant '{id_or_name}' not found."),
        ))
    })
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
        (status, Json(self.0)).into_response()
    }
}
