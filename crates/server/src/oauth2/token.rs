//! Tokens for applications.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kbgap_identity::{
    Client, EndpointVersion, IssuedToken, OAuthError, OAuthErrorKind, SecretHash, TokenRequest,
    field,
};
use kbgap_store::{Application, Tenant};
use serde_json::{Value, json};

use super::Refused;
use super::person_grants::{PersonGrantType, PersonRequest};
use crate::service::Service;

/// `POST /{tenant}/oauth2/v2.0/token`
pub(crate) async fn v2(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Refused> {
    if let Some(answer) = of_person(&service, &tenant, &headers, &body, EndpointVersion::V2).await?
    {
        return Ok(answer);
    }
    let (token, _) = token(&service, &tenant, &headers, &body, EndpointVersion::V2).await?;
    Ok(answer(&json!({
        "token_type": "Bearer",
        "expires_in": token.expires_in,
        "ext_expires_in": token.expires_in,
        "access_token": token.access_token,
    })))
}

/// `POST /{tenant}/oauth2/token`, whose numbers are texts.
pub(crate) async fn v1(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Refused> {
    if let Some(answer) = of_person(&service, &tenant, &headers, &body, EndpointVersion::V1).await?
    {
        return Ok(answer);
    }
    let (token, resource) = token(&service, &tenant, &headers, &body, EndpointVersion::V1).await?;
    Ok(answer(&json!({
        "token_type": "Bearer",
        "expires_in": token.expires_in.to_string(),
        "ext_expires_in": token.expires_in.to_string(),
        "expires_on": token.expires_on.to_string(),
        "not_before": token.not_before.to_string(),
        "resource": resource,
        "access_token": token.access_token,
    })))
}

/// The answer to a request for a token for a person; `None` where it is none.
async fn of_person(
    service: &Service,
    tenant: &str,
    headers: &HeaderMap,
    body: &str,
    version: EndpointVersion,
) -> Result<Option<Response>, OAuthError> {
    let fields = fields(body)?;
    let grant_type = field(&fields, "grant_type")?.and_then(PersonGrantType::of);
    let Some(grant_type) = grant_type else {
        return Ok(None);
    };
    let request = PersonRequest {
        service,
        tenant: &self::tenant(service, tenant).await?,
        headers,
        fields: &fields,
        version,
    };
    request.answer(grant_type).await.map(Some)
}

/// The fields of a form.
pub(super) fn fields(body: &str) -> Result<Vec<(String, String)>, OAuthError> {
    serde_urlencoded::from_str(body).map_err(|_| {
        OAuthError::new(
            OAuthErrorKind::InvalidRequest,
            "The request body must be of type application/x-www-form-urlencoded.",
        )
    })
}

/// Tokens are not for caches (RFC 6749, section 5.1).
fn answer(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn token(
    service: &Service,
    tenant: &str,
    headers: &HeaderMap,
    body: &str,
    version: EndpointVersion,
) -> Result<(IssuedToken, String), OAuthError> {
    let tenant = self::tenant(service, tenant).await?;
    let fields = fields(body)?;
    let audiences = service.verifier.audiences();
    let request = TokenRequest::from_form(&fields, basic(headers), version, audiences)?;
    let application = application(service, &tenant, &request).await?;
    let permissions: Vec<_> = application
        .roles
        .iter()
        .filter_map(|role| role.parse().ok())
        .collect();
    let client = Client {
        tenant: &tenant.id,
        id: &application.client,
        name: &application.name,
        permissions: &permissions,
    };
    let issued = service
        .issuer
        .issue(&client, &request.audience, Timestamp::now())
        .map_err(|error| failed(&error))?;
    tracing::info!(tenant = %tenant.id, application = %application.client, "token issued");
    Ok((issued, request.audience))
}

/// The application of a request, whose secret was right.
pub(super) async fn application(
    service: &Service,
    tenant: &Tenant,
    request: &TokenRequest,
) -> Result<Application, OAuthError> {
    let client = request.client.to_ascii_lowercase();
    let application = service
        .store
        .application(&tenant.id, &client)
        .await
        .map_err(|error| failed(&error))?
        .ok_or_else(|| unknown_client(&request.client, tenant))?;
    let permit = service.secret_checks.acquire().await;
    let hash = SecretHash::stored(&application.secret_hash);
    let secret = request.secret.clone();
    let right = tokio::task::spawn_blocking(move || hash.matches(&secret)).await;
    drop(permit);
    if right.map_err(|error| failed(&error))? {
        return Ok(application);
    }
    tracing::warn!(tenant = %tenant.id, application = %client, "a wrong secret");
    Err(OAuthError::new(
        OAuthErrorKind::WrongSecret,
        format!("Invalid client secret provided for application '{client}'."),
    ))
}

pub(super) fn unknown_client(client: &str, tenant: &Tenant) -> OAuthError {
    OAuthError::new(
        OAuthErrorKind::UnknownClient,
        format!(
            "Application with identifier '{client}' was not found in the tenant '{}'.",
            tenant.name
        ),
    )
}

pub(super) async fn tenant(service: &Service, id_or_name: &str) -> Result<Tenant, OAuthError> {
    let tenant = service.tenant(id_or_name).await;
    tenant.map_err(|error| failed(&error))?.ok_or_else(|| {
        OAuthError::new(
            OAuthErrorKind::UnknownTenant,
            format!("Tenant '{id_or_name}' not found."),
        )
    })
}

pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client, secret) = decoded.split_once(':')?;
    Some((client.to_owned(), secret.to_owned()))
}

pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> OAuthError {
    tracing::error!(error, "a token could not be issued");
    OAuthError::new(
        OAuthErrorKind::Server,
        "The server failed; try again later.",
    )
}
