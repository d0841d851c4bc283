//! One machine over HTTP: an addition to the Defender API, on routes of its own that its clients never call.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use kbgap_assessment::words::Evidence;
use kbgap_catalog::Kb;
use kbgap_identity::Permission;
use kbgap_inventory::MachineReport;
use serde::Serialize;

use crate::api::Authenticated;
use crate::envelope::ApiError;
use crate::history::Detection;
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];

/// The evidence of one machine.
#[derive(Serialize)]
pub(crate) struct MachineEvidence {
    value: Vec<Evidence>,
}

/// `GET /kbgap/v1/machines/{id}/evidence`: what is missing, pending or cannot be told, each with its chain.
pub(crate) async fn of_machine(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Json<MachineEvidence>, ApiError> {
    let machines = caller.machines(&service, SOFTWARE)?;
    let value = machines
        .evidence_on_machine(&id)
        .ok_or_else(|| ApiError::not_found("Machine", &id))?;
    Ok(Json(MachineEvidence { value }))
}

/// `GET /kbgap/v1/machines/{id}/evidence/{kb}`: why one update is present, missing or neither.
pub(crate) async fn of_update(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path((id, kb)): Path<(String, String)>,
) -> Result<Json<Evidence>, ApiError> {
    let machines = caller.machines(&service, SOFTWARE)?;
    let number: Kb = kb.parse().map_err(ApiError::body)?;
    let evidence = machines
        .evidence_of_update(&id, number)
        .ok_or_else(|| ApiError::not_found("Machine", &id))?;
    evidence
        .map(Json)
        .ok_or_else(|| ApiError::not_found("Update", &kb))
}

/// The history of one machine.
#[derive(Serialize)]
pub(crate) struct MachineHistory {
    value: Vec<Detection>,
}

/// `GET /kbgap/v1/machines/{id}/history`: what was found on a machine, since when, and until when.
pub(crate) async fn history(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Json<MachineHistory>, ApiError> {
    let machine = seen(&service, &caller, &id)?;
    let tenant = caller.tenant(&service, SOFTWARE)?;
    let value = tenant.history(&machine).await?;
    Ok(Json(MachineHistory { value }))
}

/// `GET /kbgap/v1/machines/{id}/report`: all that is known of a machine, as a report it could have sent.
pub(crate) async fn report(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Json<MachineReport>, ApiError> {
    let machine = seen(&service, &caller, &id)?;
    let tenant = caller.tenant(&service, SOFTWARE)?;
    let report = tenant.report(&machine).await?;
    report
        .map(Json)
        .ok_or_else(|| ApiError::not_found("Machine", &id))
}

/// The id of a machine that the caller sees, by its id or name.
fn seen(service: &Service, caller: &Authenticated, id_or_name: &str) -> Result<String, ApiError> {
    let machine = caller.machines(service, SOFTWARE)?.machine(id_or_name);
    let machine = machine.ok_or_else(|| ApiError::not_found("Machine", id_or_name))?;
    Ok(machine.id.to_string())
}
