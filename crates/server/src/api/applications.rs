//! Who may ask: applications, their permissions, and what they prove themselves by. An addition: in Defender it is done in
//! portals.
//!
//! All of it needs the permission of administration, whose holder may grant any other: nobody grants what is not theirs.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use kbgap_identity::Permission;
use kbgap_store::{
    Application, ApplicationCertificate, ApplicationChange, ApplicationSecret, Credentials,
    StoreError,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::Authenticated;
use crate::applications::{self, ApplicationError, NewSecret};
use crate::audit::Note;
use crate::envelope::ApiError;
use crate::service::Service;

/// How many characters a name may have.
const LONGEST_NAME: usize = 200;

/// The body of `POST`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    display_name: String,
    #[serde(default)]
    permissions: Vec<String>,
    /// Where it is stated, a secret is made at once.
    secret: Option<WantedSecret>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WantedSecret {
    expires_on: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WantedCertificate {
    /// PEM, or DER in base64.
    certificate: String,
}

/// The body of `PATCH`: what is not stated stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Changes {
    display_name: Option<String>,
    permissions: Option<Vec<String>>,
}

/// An application as it is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// The client id.
    id: String,
    display_name: String,
    permissions: Vec<String>,
    created_on: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<SecretRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<CertificateRow>>,
    /// The one just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<SecretRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretRow {
    id: String,
    hint: String,
    created_on: Timestamp,
    expires_on: Option<Timestamp>,
    /// The secret itself, this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_text: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateRow {
    /// The SHA-256 thumbprint.
    thumbprint: String,
    sha1_thumbprint: String,
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
    created_on: Timestamp,
}

#[derive(Serialize)]
pub(crate) struct List {
    value: Vec<Row>,
}

/// `GET /kbgap/v1/applications`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
) -> Result<Json<List>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let known = service.store.applications(tenant.id()).await?;
    let value = known.into_iter().map(Row::of).collect();
    Ok(Json(List { value }))
}

/// `POST /kbgap/v1/applications`
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    body: Bytes,
) -> Result<(StatusCode, Json<Row>), ApiError> {
    let tenant = caller.administered(&service).await?;
    let wanted: Wanted = read(&body)?;
    let application = Application {
        tenant: tenant.id().to_string(),
        client: Uuid::new_v4().to_string(),
        name: name(&wanted.display_name)?,
        roles: roles(&wanted.permissions)?,
        created_at: Timestamp::now(),
    };
    let expires_at = wanted.secret.map(|secret| secret.expires_on);
    if let Some(past) = expires_at.flatten().filter(|at| *at <= Timestamp::now()) {
        return Err(ApplicationError::Past(past).into());
    }
    note.on(&application.client);
    note.telling(application.roles.join(" "));
    service.store.create_application(&application).await?;
    let client = application.client.clone();
    let mut row = Row::of(application);
    if let Some(expires_at) = expires_at {
        let store = &service.store;
        let made = applications::add_secret(store, tenant.id(), &client, expires_at).await?;
        row.secret = Some(SecretRow::made(made));
    }
    Ok((StatusCode::CREATED, Json(row)))
}

/// `GET /kbgap/v1/applications/{id}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Row>, ApiError> {
    let tenant = caller.administered(&service).await?;
    whole(&service, tenant.id(), &id).await.map(Json)
}

/// `PATCH /kbgap/v1/applications/{id}`
pub(crate) async fn change(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Row>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let changes: Changes = read(&body)?;
    let change = ApplicationChange {
        name: changes.display_name.as_deref().map(name).transpose()?,
        roles: changes.permissions.as_deref().map(roles).transpose()?,
        ..ApplicationChange::default()
    };
    if let Some(roles) = &change.roles {
        note.telling(roles.join(" "));
    }
    let store = &service.store;
    let client = id.to_ascii_lowercase();
    if !store
        .change_application(tenant.id(), &client, &change)
        .await?
    {
        return Err(unknown(&id));
    }
    whole(&service, tenant.id(), &id).await.map(Json)
}

/// `DELETE /kbgap/v1/applications/{id}`
pub(crate) async fn remove(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let tenant = caller.administered(&service).await?;
    let client = id.to_ascii_lowercase();
    let removed = service.store.remove_application(tenant.id(), &client);
    gone(removed.await?, || unknown(&id))
}

/// `POST /kbgap/v1/applications/{id}/secrets`
pub(crate) async fn add_secret(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<SecretRow>), ApiError> {
    let tenant = caller.administered(&service).await?;
    let wanted: WantedSecret = if body.is_empty() {
        WantedSecret::default()
    } else {
        read(&body)?
    };
    let client = id.to_ascii_lowercase();
    let store = &service.store;
    let made = applications::add_secret(store, tenant.id(), &client, wanted.expires_on).await?;
    note.on(&format!("{client}/{}", made.kept.id));
    Ok((StatusCode::CREATED, Json(SecretRow::made(made))))
}

/// `DELETE /kbgap/v1/applications/{id}/secrets/{secretId}`
pub(crate) async fn remove_secret(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path((id, secret)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let tenant = caller.administered(&service).await?;
    let (client, own) = (id.to_ascii_lowercase(), secret.to_ascii_lowercase());
    let removed = service
        .store
        .remove_application_secret(tenant.id(), &client, &own);
    gone(removed.await?, || ApiError::not_found("Secret", &secret))
}

/// `POST /kbgap/v1/applications/{id}/certificates`
pub(crate) async fn add_certificate(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<CertificateRow>), ApiError> {
    let tenant = caller.administered(&service).await?;
    let WantedCertificate { certificate } = read(&body)?;
    let bytes = if certificate.contains("-----BEGIN ") {
        certificate.into_bytes()
    } else {
        use base64::Engine;
        let text: String = certificate.split_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(text);
        decoded.map_err(|_| ApiError::body("the certificate is neither PEM nor DER in base64"))?
    };
    let client = id.to_ascii_lowercase();
    let store = &service.store;
    let kept = applications::add_certificate(store, tenant.id(), &client, &bytes).await?;
    note.on(&format!("{client}/{}", kept.sha256));
    Ok((StatusCode::CREATED, Json(CertificateRow::of(kept))))
}

/// `DELETE /kbgap/v1/applications/{id}/certificates/{thumbprint}`
pub(crate) async fn remove_certificate(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path((id, thumbprint)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let tenant = caller.administered(&service).await?;
    let (client, own) = (id.to_ascii_lowercase(), thumbprint.to_ascii_lowercase());
    let removed = service
        .store
        .remove_application_certificate(tenant.id(), &client, &own);
    gone(removed.await?, || {
        ApiError::not_found("Certificate", &thumbprint)
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(ApiError::body)
}

fn name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let fits = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.contains(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(ApiError::invalid("InvalidInput", "displayName", name))
    }
}

fn roles(names: &[String]) -> Result<Vec<String>, ApiError> {
    let read = names.iter().map(|name| name.parse::<Permission>());
    let mut read: Vec<Permission> = read
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::parameter(&error))?;
    read.sort_unstable_by_key(|permission| permission.role());
    read.dedup();
    Ok(read.iter().map(|role| role.role().to_owned()).collect())
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found("Application", id)
}

fn gone(removed: bool, unknown: impl FnOnce() -> ApiError) -> Result<StatusCode, ApiError> {
    if removed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(unknown())
    }
}

async fn whole(service: &Service, tenant: &str, id: &str) -> Result<Row, ApiError> {
    let client = id.to_ascii_lowercase();
    let application = service.store.application(tenant, &client).await?;
    let application = application.ok_or_else(|| unknown(id))?;
    let Credentials {
        secrets,
        certificates,
    } = service.store.credentials(tenant, &client).await?;
    Ok(Row {
        secrets: Some(secrets.into_iter().map(SecretRow::of).collect()),
        certificates: Some(certificates.into_iter().map(CertificateRow::of).collect()),
        ..Row::of(application)
    })
}

impl Row {
    fn of(application: Application) -> Self {
        Self {
            id: application.client,
            display_name: application.name,
            permissions: application.roles,
            created_on: application.created_at,
            secrets: None,
            certificates: None,
            secret: None,
        }
    }
}

impl SecretRow {
    fn of(secret: ApplicationSecret) -> Self {
        Self {
            id: secret.id,
            hint: secret.hint,
            created_on: secret.created_at,
            expires_on: secret.expires_at,
            secret_text: None,
        }
    }

    fn made(NewSecret { kept, value }: NewSecret) -> Self {
        Self {
            secret_text: Some(value.expose().to_owned()),
            ..Self::of(kept)
        }
    }
}

impl CertificateRow {
    fn of(certificate: ApplicationCertificate) -> Self {
        Self {
            thumbprint: certificate.sha256,
            sha1_thumbprint: certificate.sha1,
            subject: certificate.subject,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            created_on: certificate.created_at,
        }
    }
}

impl From<ApplicationError> for ApiError {
    fn from(error: ApplicationError) -> Self {
        match error {
            ApplicationError::Store(StoreError::Exists(what)) => Self::exists(what),
            ApplicationError::Store(error) => error.into(),
            ApplicationError::Unknown(id) => unknown(&id),
            error @ (ApplicationError::Certificate(_)
            | ApplicationError::Past(_)
            | ApplicationError::TooMany) => Self::parameter(&error),
            error @ (ApplicationError::Secret(_) | ApplicationError::Hashing(_)) => {
                Self::internal(&error)
            }
        }
    }
}
