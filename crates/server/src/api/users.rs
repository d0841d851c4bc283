//! The people who sign in. An addition: in Defender it is done in portals.
//!
//! All of it needs the permission of administration, and so does `groups`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use kbgap_identity::{Password, SecretHash, UserName};
use kbgap_store::{StoreError, User, UserChange};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::Authenticated;
use crate::audit::Note;
use crate::envelope::ApiError;
use crate::service::Service;

/// The body of `POST`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    user_name: String,
    display_name: Option<String>,
    /// One is made, and told once, where none is stated.
    password: Option<String>,
    #[serde(default = "yes")]
    must_change_password: bool,
}

/// The body of `PATCH`: what is not stated stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Changes {
    display_name: Option<String>,
    disabled: Option<bool>,
    password: Option<String>,
    #[serde(default = "yes")]
    must_change_password: bool,
}

/// A user as it is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    id: String,
    user_name: String,
    display_name: String,
    disabled: bool,
    must_change_password: bool,
    created_on: Timestamp,
    last_sign_in_on: Option<Timestamp>,
    /// The ids of the groups it belongs to.
    groups: Vec<String>,
    /// The highest role of these; none of a user that is disabled or in no group.
    role: Option<&'static str>,
    /// The one just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct List {
    value: Vec<Row>,
}

/// `GET /kbgap/v1/users`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
) -> Result<Json<List>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let mut value = Vec::new();
    for user in service.store.users(tenant.id()).await? {
        value.push(Row::of(&service, &user, None).await?);
    }
    Ok(Json(List { value }))
}

/// `POST /kbgap/v1/users`
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    body: Bytes,
) -> Result<(StatusCode, Json<Row>), ApiError> {
    let tenant = caller.administered(&service).await?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(ApiError::body)?;
    let name = UserName::new(&wanted.user_name).map_err(ApiError::body)?;
    let (password, made) = if let Some(password) = wanted.password {
        (fit(password, &name)?, None)
    } else {
        let password = Password::generate().map_err(|error| ApiError::internal(&error))?;
        let made = password.expose().to_owned();
        (password, Some(made))
    };
    let user = User {
        tenant: tenant.id().to_string(),
        id: Uuid::new_v4().to_string(),
        display_name: wanted.display_name.unwrap_or_else(|| name.to_string()),
        name,
        password_hash: hash(&service, password).await?.as_str().to_owned(),
        must_change: wanted.must_change_password,
        disabled: false,
        created_at: Timestamp::now(),
        last_sign_in: None,
        locked_until: None,
    };
    note.on(&user.id);
    note.telling(user.name.to_string());
    let created = service.store.create_user(&user).await;
    created.map_err(refused)?;
    let row = Row::of(&service, &user, made).await?;
    Ok((StatusCode::CREATED, Json(row)))
}

/// `GET /kbgap/v1/users/{id or name}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Row>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let user = find(&service, tenant.id(), &id).await?;
    Ok(Json(Row::of(&service, &user, None).await?))
}

/// `PATCH /kbgap/v1/users/{id or name}`
pub(crate) async fn change(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Row>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let changes: Changes = serde_json::from_slice(&body).map_err(ApiError::body)?;
    let user = find(&service, tenant.id(), &id).await?;
    note.on(&user.id);
    let what = [
        changes.password.as_ref().map(|_| "password"),
        changes.display_name.as_ref().map(|_| "name"),
        changes
            .disabled
            .map(|disabled| if disabled { "disabled" } else { "enabled" }),
    ];
    let what: Vec<&str> = what.into_iter().flatten().collect();
    note.telling(what.join(" "));
    let store = &service.store;
    if let Some(password) = changes.password {
        let hash = hash(&service, fit(password, &user.name)?).await?;
        let must_change = changes.must_change_password;
        let set = store.set_password(tenant.id(), &user.id, hash.as_str(), must_change);
        set.await?;
    }
    let change = UserChange {
        display_name: changes.display_name,
        disabled: changes.disabled,
    };
    let outcome = store.change_user(tenant.id(), &user.id, &change).await;
    outcome.map_err(refused)?;
    let user = find(&service, tenant.id(), &user.id).await?;
    Ok(Json(Row::of(&service, &user, None).await?))
}

/// `DELETE /kbgap/v1/users/{id or name}`
pub(crate) async fn remove(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let tenant = caller.administered(&service).await?;
    let user = find(&service, tenant.id(), &id).await?;
    note.on(&user.id);
    note.telling(user.name.to_string());
    service.store.remove_user(tenant.id(), &user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user by the id or the name.
pub(super) async fn find(service: &Service, tenant: &str, id: &str) -> Result<User, ApiError> {
    let user = service.store.find_user(tenant, id).await?;
    user.ok_or_else(|| ApiError::not_found("User", id))
}

/// What the store does not take, in the words of who reads it.
pub(super) fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::Exists(what) => ApiError::exists(what),
        StoreError::Unfit { what, why } => ApiError::body(format!("{what}: {why}")),
        error => error.into(),
    }
}

fn fit(password: String, name: &UserName) -> Result<Password, ApiError> {
    Password::new(password, name.as_str()).map_err(ApiError::body)
}

async fn hash(service: &Service, password: Password) -> Result<SecretHash, ApiError> {
    let permit = service.secret_checks.acquire().await;
    let hash = tokio::task::spawn_blocking(move || password.hash()).await;
    drop(permit);
    hash.map_err(|error| ApiError::internal(&error))?
        .map_err(|error| ApiError::internal(&error))
}

fn yes() -> bool {
    true
}

impl Row {
    async fn of(service: &Service, user: &User, made: Option<String>) -> Result<Self, ApiError> {
        let groups = service.store.groups_of(&user.tenant, &user.id).await?;
        let role = groups.iter().map(|group| group.rights.role).max();
        Ok(Self {
            id: user.id.clone(),
            user_name: user.name.to_string(),
            display_name: user.display_name.clone(),
            disabled: user.disabled,
            must_change_password: user.must_change,
            created_on: user.created_at,
            last_sign_in_on: user.last_sign_in,
            groups: groups.into_iter().map(|group| group.id).collect(),
            role: role.map(kbgap_identity::Role::name),
            password: made,
        })
    }
}
