//! What clients discover: where the endpoints are, and the public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use kbgap_identity::{OAuthError, OAuthErrorKind};
use serde_json::{Value, json};

use super::Refused;
use crate::service::Service;

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub(crate) async fn metadata_v2(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, Refused> {
    metadata(&service, &tenant, "/v2.0").await
}

/// `GET /{tenant}/.well-known/openid-configuration`
pub(crate) async fn metadata_v1(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, Refused> {
    metadata(&service, &tenant, "").await
}

/// The fields of `OpenID` Connect Discovery 1.0, section 3, that have a meaning for applications.
async fn metadata(service: &Service, tenant: &str, version: &str) -> Result<Json<Value>, Refused> {
    let tenant = super::token::tenant(service, tenant).await?;
    let base = service.settings.issuer_url().trim_end_matches('/');
    Ok(Json(json!({
        "issuer": service.issuer.name(&tenant.id),
        "authorization_endpoint": format!("{base}/{}/oauth2/v2.0/authorize", tenant.id),
        "device_authorization_endpoint": format!("{base}/{}/oauth2{version}/devicecode", tenant.id),
        "end_session_endpoint": format!("{base}/{}/oauth2/v2.0/logout", tenant.id),
        "token_endpoint": format!("{base}/{}/oauth2{version}/token", tenant.id),
        "jwks_uri": format!("{base}/{}/discovery/v2.0/keys", tenant.id),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": [
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })))
}

/// `GET /{tenant}/discovery/v2.0/keys`: the public keys, as RFC 7517 states them.
pub(crate) async fn keys(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, Refused> {
    super::token::tenant(&service, &tenant).await?;
    let keys = service.verifier.keys().iter();
    let keys: Result<Vec<Value>, _> = keys.map(|key| serde_json::to_value(key.jwk())).collect();
    let keys =
        keys.map_err(|_| OAuthError::new(OAuthErrorKind::Server, "The keys cannot be stated."))?;
    Ok(Json(json!({ "keys": keys })))
}
