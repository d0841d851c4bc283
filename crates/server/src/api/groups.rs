//! Groups of people: what they may do, and which machines they see.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use kbgap_identity::{Rights, Role, Seen};
use kbgap_store::Group;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::caller::Authenticated;
use super::users::{self, refused};
use crate::audit::Note;
use crate::envelope::ApiError;
use crate::service::Service;

/// The body of `POST`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    display_name: String,
    role: String,
    /// The device groups whose machines are seen; null, as when it is not stated: all machines.
    device_groups: Option<Vec<String>>,
    claim: Option<String>,
    /// The members, each by id or name.
    #[serde(default)]
    members: Vec<String>,
}

/// The body of `PATCH`: what is not stated stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "null is something else than what is not stated"
)]
struct Changes {
    display_name: Option<String>,
    role: Option<String>,
    #[serde(default, deserialize_with = "stated")]
    device_groups: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "stated")]
    claim: Option<Option<String>>,
    /// All members, instead of those up to now.
    members: Option<Vec<String>>,
}

/// A group as it is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    id: String,
    display_name: String,
    role: &'static str,
    device_groups: Option<Vec<String>>,
    claim: Option<String>,
    created_on: Timestamp,
    /// The ids of its members.
    members: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct List {
    value: Vec<Row>,
}

/// `GET /kbgap/v1/groups`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
) -> Result<Json<List>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let mut value = Vec::new();
    for group in service.store.groups(tenant.id()).await? {
        value.push(Row::of(&service, group).await?);
    }
    Ok(Json(List { value }))
}

/// `POST /kbgap/v1/groups`
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    body: Bytes,
) -> Result<(StatusCode, Json<Row>), ApiError> {
    let tenant = caller.administered(&service).await?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(ApiError::body)?;
    let members = ids(&service, tenant.id(), &wanted.members).await?;
    let group = Group {
        tenant: tenant.id().to_string(),
        id: Uuid::new_v4().to_string(),
        name: wanted.display_name.trim().to_owned(),
        rights: Rights {
            role: role(&wanted.role)?,
            sees: seen(wanted.device_groups),
        },
        claim: wanted.claim,
        created_at: Timestamp::now(),
    };
    note.on(&group.id);
    note.telling(group.to_string());
    let created = service.store.create_group(&group).await;
    created.map_err(refused)?;
    for member in &members {
        let added = service
            .store
            .add_group_member(tenant.id(), &group.id, member);
        added.await?;
    }
    let row = Row::of(&service, group).await?;
    Ok((StatusCode::CREATED, Json(row)))
}

/// `GET /kbgap/v1/groups/{id or name}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Row>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let group = find(&service, tenant.id(), &id).await?;
    Ok(Json(Row::of(&service, group).await?))
}

/// `PATCH /kbgap/v1/groups/{id or name}`
pub(crate) async fn change(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Row>, ApiError> {
    let tenant = caller.administered(&service).await?;
    let changes: Changes = serde_json::from_slice(&body).map_err(ApiError::body)?;
    let mut group = find(&service, tenant.id(), &id).await?;
    let wanted = match &changes.members {
        Some(members) => Some(ids(&service, tenant.id(), members).await?),
        None => None,
    };
    if let Some(name) = changes.display_name {
        name.trim().clone_into(&mut group.name);
    }
    if let Some(name) = changes.role {
        group.rights.role = role(&name)?;
    }
    if let Some(device_groups) = changes.device_groups {
        group.rights.sees = seen(device_groups);
    }
    if let Some(claim) = changes.claim {
        group.claim = claim;
    }
    note.on(&group.id);
    let mut told = group.to_string();
    if let Some(members) = &wanted {
        told = format!("{told}; members {}", members.join(" "));
    }
    note.telling(told);
    let store = &service.store;
    if !store.change_group(&group).await.map_err(refused)? {
        return Err(ApiError::not_found("Group", &id));
    }
    if let Some(wanted) = wanted {
        let (tenant, group) = (tenant.id(), &group.id);
        for known in store.group_members(tenant, group).await? {
            if !wanted.contains(&known) {
                store.remove_group_member(tenant, group, &known).await?;
            }
        }
        for member in &wanted {
            store.add_group_member(tenant, group, member).await?;
        }
    }
    Ok(Json(Row::of(&service, group).await?))
}

/// `DELETE /kbgap/v1/groups/{id or name}`
pub(crate) async fn remove(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    note: Note,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let tenant = caller.administered(&service).await?;
    let group = find(&service, tenant.id(), &id).await?;
    note.on(&group.id);
    note.telling(group.name.clone());
    service.store.remove_group(tenant.id(), &group.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(service: &Service, tenant: &str, id: &str) -> Result<Group, ApiError> {
    let group = service.store.find_group(tenant, id).await?;
    group.ok_or_else(|| ApiError::not_found("Group", id))
}

/// The ids of users, each named by id or name.
async fn ids(service: &Service, tenant: &str, users: &[String]) -> Result<Vec<String>, ApiError> {
    let mut ids = Vec::with_capacity(users.len());
    for user in users {
        ids.push(users::find(service, tenant, user).await?.id);
    }
    Ok(ids)
}

fn role(name: &str) -> Result<Role, ApiError> {
    name.parse()
        .map_err(|error: kbgap_identity::UnknownRole| ApiError::body(error))
}

fn seen(device_groups: Option<Vec<String>>) -> Seen {
    device_groups.map_or(Seen::All, |names| {
        Seen::Groups(names.into_iter().map(String::into_boxed_str).collect())
    })
}

/// Tells null from what is not stated.
fn stated<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Row {
    async fn of(service: &Service, group: Group) -> Result<Self, ApiError> {
        let members = service.store.group_members(&group.tenant, &group.id);
        let members = members.await?;
        let device_groups = match group.rights.sees {
            Seen::All => None,
            Seen::Groups(names) => Some(names.into_iter().map(String::from).collect()),
        };
        Ok(Self {
            id: group.id,
            display_name: group.name,
            role: group.rights.role.name(),
            device_groups,
            claim: group.claim,
            created_on: group.created_at,
            members,
        })
    }
}
