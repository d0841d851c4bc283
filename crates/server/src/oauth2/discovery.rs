//! What clients discover: where the endpoints are, and the public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use kbgap_identity::{OAuthError, OAuthErrorKind, Permission};
use serde_json::{Value, json};

use super::Refused;
use crate::api::Root;
use crate::service::Service;

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub(crate) async fn metadata_v2(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    called: Root,
) -> Result<Json<Value>, Refused> {
    metadata(&service, &tenant, &called, "/v2.0").await
}

/// `GET /{tenant}/.well-known/openid-configuration`
pub(crate) async fn metadata_v1(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    called: Root,
) -> Result<Json<Value>, Refused> {
    metadata(&service, &tenant, &called, "").await
}

/// The fields of `OpenID` Connect Discovery 1.0, section 3, of RFC 8414 and RFC 8628, as Entra ID has them. The endpoints
/// are under the name by which the client called; the issuer has one name, which is in every token.
async fn metadata(
    service: &Service,
    tenant: &str,
    called: &Root,
    version: &str,
) -> Result<Json<Value>, Refused> {
    let tenant = super::tenant(service, tenant).await?;
    let own = format!("{}/{}", called.text(), tenant.id);
    let scopes = ["openid", "profile", "email", "offline_access"].into_iter();
    let scopes: Vec<&str> = scopes
        .chain(Permission::ALL.iter().map(|permission| permission.scope()))
        .collect();
    Ok(Json(json!({
        "issuer": service.issuer.name(&tenant.id),
        "authorization_endpoint": format!("{own}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{own}/oauth2{version}/token"),
        "device_authorization_endpoint": format!("{own}/oauth2{version}/devicecode"),
        "end_session_endpoint": format!("{own}/oauth2/v2.0/logout"),
        "jwks_uri": format!("{own}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic", "none"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
        "grant_types_supported": [
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "code_challenge_methods_supported": ["S256"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "scopes_supported": scopes,
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "request_uri_parameter_supported": false,
        "claims_supported": [
            "aud", "iss", "iat", "nbf", "exp", "sub", "oid", "tid", "ver", "uti", "appid", "appidacr",
            "app_displayname", "roles", "scp", "name", "preferred_username", "upn", "unique_name", "nonce", "auth_time",
        ],
    })))
}

/// `GET /{tenant}/discovery/v2.0/keys`: the public keys, as RFC 7517 states them.
pub(crate) async fn keys(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
) -> Result<Json<Value>, Refused> {
    super::tenant(&service, &tenant).await?;
    let keys = service.verifier.keys();
    let keys: Result<Vec<Value>, _> = keys
        .iter()
        .map(|key| serde_json::to_value(key.jwk()))
        .collect();
    let keys =
        keys.map_err(|_| OAuthError::new(OAuthErrorKind::Server, "The keys cannot be stated."))?;
    Ok(Json(json!({ "keys": keys })))
}
