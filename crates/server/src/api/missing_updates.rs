//! Every missing update of the fleet, and the machines that lack one: an addition, which Defender has software by software
//! only.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::Kb;
use kbgap_identity::Permission;

use super::ask::Ask;
use super::caller::Authenticated;
use super::machine_references;
use super::model::MissingKb;
use super::respond::{self, Named, PAGE};
use crate::envelope::ApiError;
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];

/// `GET /api/missingkbs`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SOFTWARE)?;
    respond::in_background(move || {
        let rows: Vec<MissingKb> = views.missing().iter().map(MissingKb::from).collect();
        let model = &service.model;
        let named = Named::collection_of(&model.missing_kb);
        respond::rows(&ask, model, &model.missing_kb, &named, PAGE, &*rows)
    })
    .await
}

/// `GET /api/missingkbs/{kb}/machineReferences`
pub(crate) async fn machines(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(kb): Path<String>,
) -> Result<Response, ApiError> {
    let machines = caller.machines(&service, SOFTWARE)?;
    let unknown = || ApiError::not_found("Update", &kb);
    let number: Kb = kb.parse().map_err(|_| unknown())?;
    if machines.assessor().catalog().find_update(number).is_none() {
        return Err(unknown());
    }
    let lacking = machines.machines_lacking(number);
    machine_references::answer(&ask, &service.model, &machines, lacking)
}
