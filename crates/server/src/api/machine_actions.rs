//! What is changed of machines: tags, values, exclusion (API specification, section 1j).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use kbgap_fleet::Snapshot;
use kbgap_identity::Permission;
use kbgap_odata::Content;
use kbgap_store::{DeviceValue, ExclusionReason, Labels};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ask::Ask;
use super::caller::Authenticated;
use super::machines::row;
use super::model::Machine;
use super::respond::{self, Named, PAGE};
use crate::envelope::ApiError;
use crate::service::Service;
use crate::tenant::Tenant;

const WRITE: &[Permission] = &[Permission::MachineReadWrite];
/// How many machines may be tagged at once.
const MOST: usize = 500;
/// How long a tag may be.
const LONGEST: usize = 200;

/// The body of `tags`. Names are case-sensitive (API specification, section 0).
#[derive(Deserialize)]
struct Tag {
    #[serde(rename = "Value")]
    value: String,
    #[serde(rename = "Action")]
    action: TagAction,
}

#[derive(Deserialize, Clone, Copy)]
enum TagAction {
    Add,
    Remove,
}

#[derive(Deserialize)]
struct TagMany {
    #[serde(flatten)]
    tag: Tag,
    #[serde(rename = "MachineIds")]
    machines: Vec<String>,
}

#[derive(Deserialize)]
struct Value {
    #[serde(rename = "DeviceValue")]
    value: String,
}

#[derive(Deserialize)]
struct Exclusion {
    #[serde(rename = "IsExcluded")]
    excluded: bool,
    #[serde(rename = "ExclusionReason")]
    reason: Option<String>,
}

/// The body of `setDeviceGroup`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Grouping {
    /// The device group; null takes the machines out of any.
    rbac_group_name: Option<String>,
    machine_ids: Vec<String>,
}

/// The body of `PATCH`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Changes {
    machine_tags: Option<Vec<String>>,
    device_value: Option<String>,
}

/// `POST /api/machines/{id}/tags`
pub(crate) async fn tags(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.permit(WRITE)?;
    let tag: Tag = read(&body)?;
    change(&service, &caller, &ask, &id, labels(&tag)?).await
}

/// `POST /api/machines/AddOrRemoveTagForMultipleMachines`
pub(crate) async fn tag_many(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    body: Bytes,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant(&service, WRITE)?;
    let TagMany { tag, machines } = read(&body)?;
    if machines.len() > MOST {
        return Err(ApiError::too_many_items(machines.len(), MOST));
    }
    let seen = caller.machines(&service, WRITE)?;
    let ids = known(&seen, &machines)?;
    store(&service, &tenant, &ids, labels(&tag)?).await?;
    changed(&service, &tenant, &ask, &ids)
}

/// `POST /kbgap/v1/machines/setDeviceGroup`: an addition; Defender has rules for it in its portal. Who sees some device
/// groups only may not: it would change what is seen.
pub(crate) async fn set_group(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    body: Bytes,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant(&service, WRITE)?;
    if caller.groups_seen().is_some() {
        return Err(ApiError::sees_too_little());
    }
    let Grouping {
        rbac_group_name,
        machine_ids,
    } = read(&body)?;
    if machine_ids.len() > MOST {
        return Err(ApiError::too_many_items(machine_ids.len(), MOST));
    }
    if let Some(name) = &rbac_group_name {
        checked(name)?;
    }
    let seen = caller.machines(&service, WRITE)?;
    let ids = known(&seen, &machine_ids)?;
    let labels = Labels {
        group: Some(rbac_group_name),
        ..Labels::default()
    };
    store(&service, &tenant, &ids, labels).await?;
    changed(&service, &tenant, &ask, &ids)
}

/// The ids of machines by their ids or names; all of them are known.
fn known(machines: &Snapshot, asked: &[String]) -> Result<Vec<String>, ApiError> {
    let ids = asked.iter().map(|id| {
        let machine = machines.machine(id);
        let machine = machine.ok_or_else(|| ApiError::not_found("Machine", id))?;
        Ok(machine.id.to_string())
    });
    ids.collect()
}

/// Answers machines that were changed, as they are now.
fn changed(
    service: &Service,
    tenant: &Tenant,
    ask: &Ask,
    ids: &[String],
) -> Result<Response, ApiError> {
    let views = tenant.views(service);
    let now = Timestamp::now();
    let rows = ids.iter().filter_map(|id| views.machines.machine(id));
    let rows: Vec<Machine> = rows.map(|machine| row(&views, &machine, now)).collect();
    let model = &service.model;
    let named = Named::set("Machines");
    respond::rows(ask, model, &model.machine, &named, PAGE, &*rows)
}

/// `POST /api/machines/{machineId}/setDeviceValue`
pub(crate) async fn set_value(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.permit(WRITE)?;
    let Value { value } = read(&body)?;
    let labels = Labels {
        value: Some(value_of(&value)?),
        ..Labels::default()
    };
    change(&service, &caller, &ask, &id, labels).await
}

/// `POST /api/machines/{id}/setExclusion`
pub(crate) async fn set_exclusion(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.permit(WRITE)?;
    let Exclusion { excluded, reason } = read(&body)?;
    let reason = match reason.as_deref() {
        None => ExclusionReason::Other,
        Some(name) => ExclusionReason::of_name(name)
            .ok_or_else(|| ApiError::invalid("InvalidInput", "ExclusionReason", name))?,
    };
    let labels = Labels {
        exclusion: Some(excluded.then_some(reason)),
        ..Labels::default()
    };
    change(&service, &caller, &ask, &id, labels).await
}

/// `PATCH /api/machines/{machineId}`: a list of tags replaces the tags there are.
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    caller.permit(WRITE)?;
    let Changes {
        machine_tags,
        device_value,
    } = read(&body)?;
    for tag in machine_tags.iter().flatten() {
        checked(tag)?;
    }
    let labels = Labels {
        set_tags: machine_tags,
        value: device_value.as_deref().map(value_of).transpose()?,
        ..Labels::default()
    };
    change(&service, &caller, &ask, &id, labels).await
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(ApiError::body)
}

fn value_of(name: &str) -> Result<DeviceValue, ApiError> {
    DeviceValue::of_name(name).ok_or_else(|| ApiError::invalid("InvalidInput", "DeviceValue", name))
}

fn checked(tag: &str) -> Result<(), ApiError> {
    let fits = !tag.trim().is_empty() && tag.chars().count() <= LONGEST && !tag.contains('\0');
    if fits {
        Ok(())
    } else {
        Err(ApiError::invalid("InvalidInput", "Value", tag))
    }
}

fn labels(tag: &Tag) -> Result<Labels, ApiError> {
    checked(&tag.value)?;
    let tags = vec![tag.value.clone()];
    Ok(match tag.action {
        TagAction::Add => Labels {
            add_tags: tags,
            ..Labels::default()
        },
        TagAction::Remove => Labels {
            remove_tags: tags,
            ..Labels::default()
        },
    })
}

/// Stores changes, and shows them: the answer, and every one after it, has them.
async fn store(
    service: &Service,
    tenant: &Tenant,
    machines: &[String],
    labels: Labels,
) -> Result<(), ApiError> {
    let machines: Vec<&str> = machines.iter().map(String::as_str).collect();
    service
        .store
        .label_machines(tenant.id(), &machines, labels)
        .await?;
    tenant.follow().await?;
    Ok(())
}

async fn change(
    service: &Service,
    caller: &Authenticated,
    ask: &Ask,
    id: &str,
    labels: Labels,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("Machine", id);
    let tenant = caller.tenant(service, WRITE)?;
    let seen = caller.machines(service, WRITE)?;
    let machine = seen.machine(id).ok_or_else(unknown)?;
    let id = machine.id.to_string();
    store(service, &tenant, std::slice::from_ref(&id), labels).await?;
    let views = tenant.views(service);
    let machine = views.machines.machine(&id).ok_or_else(unknown)?;
    let row = row(&views, &machine, Timestamp::now());
    let model = &service.model;
    respond::one(
        ask,
        model,
        &model.machine,
        Content::Entity("Machines"),
        &row,
    )
}
