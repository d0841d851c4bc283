//! Missing updates of a software and of a machine (API specification, sections 1a, 1c and 10).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kbgap_catalog::SoftwareId;
use kbgap_fleet::MissingUpdate;
use kbgap_identity::Permission;
use serde::Serialize;

use super::answers::Question;
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

impl From<&MissingUpdate> for PublicProductFixDto {
    fn from(update: &MissingUpdate) -> Self {
        let kb = update.kb;
        Self {
            id: kb.number().to_string(),
            name: update.name.clone(),
            os_build: update.os_build,
            products_names: update.products.clone(),
            url: format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q={kb}"),
            machine_missed_on: update.machines,
            cve_addressed: update.cves,
        }
    }
}

impl Collection {
    fn of(root: &Root, rows: &[MissingUpdate]) -> Self {
        Self {
            context: root.collection("PublicProductFixDto"),
            count: None,
            value: rows.iter().map(Into::into).collect(),
        }
    }
}

/// `GET /api/Software/{Id}/getmissingkbs`
pub(crate) async fn of_software(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    root: Root,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant(&service, &[Permission::SoftwareRead])?;
    let machines = tenant.fleet().snapshot();
    let software = SoftwareId::from_client(&id);
    let question = Question {
        tenant: tenant.id().clone(),
        generation: machines.generation(),
        root: root.text().into(),
        software,
    };
    if let Some(body) = service.answers.get(&question) {
        return Ok(json(body));
    }
    let rows = machines
        .missing_for_software(&question.software)
        .ok_or_else(|| ApiError::not_found("Software", &id))?;
    let body = serde_json::to_vec(&Collection::of(&root, &rows));
    let body = Bytes::from(body.map_err(|error| ApiError::internal(&error))?);
    service.answers.put(question, body.clone());
    Ok(json(body))
}

fn json(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// `GET /api/machines/{machineId}/getmissingkbs`
pub(crate) async fn of_machine(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    root: Root,
    Path(id): Path<String>,
) -> Result<Json<Collection>, ApiError> {
    let machines = caller.machines(&service, &[Permission::SoftwareRead])?;
    let rows = machines
        .missing_on_machine(&id)
        .ok_or_else(|| ApiError::not_found("Machine", &id))?;
    Ok(Json(Collection {
        count: Some(rows.len()),
        ..Collection::of(&root, &rows)
    }))
}
