//! Missing updates of a software and of a machine (API specification, sections 1a, 1c and 10).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use kbgap_catalog::SoftwareId;
use kbgap_fleet::MissingUpdate;
use kbgap_identity::Permission;
use serde::Serialize;

use super::caller::Authenticated;
use super::root::Root;
use crate::envelope::ApiError;
use crate::service::Service;

/// A collection as OData answers it.
#[derive(Serialize)]
pub(crate) struct Collection {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(rename = "@odata.count", skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    value: Vec<PublicProductFixDto>,
}

/// A missing update, in the order of the API's own metadata (API specification, section 2.3).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicProductFixDto {
    id: String,
    name: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_build: Option<u32>,
    products_names: Vec<Box<str>>,
    url: String,
    machine_missed_on: u64,
    cve_addressed: usize,
}

impl From<MissingUpdate> for PublicProductFixDto {
    fn from(update: MissingUpdate) -> Self {
        let kb = update.kb;
        Self {
            id: kb.number().to_string(),
            name: update.name,
            os_build: update.os_build,
            products_names: update.products,
            url: format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q={kb}"),
            machine_missed_on: update.machines,
            cve_addressed: update.cves,
        }
    }
}

impl Collection {
    fn of(root: &Root, rows: Vec<MissingUpdate>) -> Self {
        Self {
            context: root.collection("PublicProductFixDto"),
            count: None,
            value: rows.into_iter().map(Into::into).collect(),
        }
    }
}

/// `GET /api/Software/{Id}/getmissingkbs`
pub(crate) async fn of_software(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    root: Root,
    Path(id): Path<String>,
) -> Result<Json<Collection>, ApiError> {
    let fleet = caller.fleet(&service, &[Permission::SoftwareRead])?;
    let rows = fleet
        .missing_for_software(&SoftwareId::from_client(&id))
        .ok_or_else(|| ApiError::not_found("Software", &id))?;
    Ok(Json(Collection::of(&root, rows)))
}

/// `GET /api/machines/{machineId}/getmissingkbs`
pub(crate) async fn of_machine(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    root: Root,
    Path(id): Path<String>,
) -> Result<Json<Collection>, ApiError> {
    let fleet = caller.fleet(&service, &[Permission::SoftwareRead])?;
    let rows = fleet
        .missing_on_machine(&id)
        .ok_or_else(|| ApiError::not_found("Machine", &id))?;
    Ok(Json(Collection {
        count: Some(rows.len()),
        ..Collection::of(&root, rows)
    }))
}
