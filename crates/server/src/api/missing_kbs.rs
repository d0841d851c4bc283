//! Missing updates of a software and of a machine (API specification, sections 1a, 1c and 10).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::SoftwareId;
use kbgap_identity::Permission;

use super::answers::Question;
use super::ask::Ask;
use super::caller::Authenticated;
use super::model::MissingKb;
use super::respond::{self, Named, PAGE, json};
use crate::envelope::ApiError;
use crate::service::Service;

/// `GET /api/Software/{Id}/getmissingkbs`: without options, the answer is kept as long as the machines stay the same.
pub(crate) async fn of_software(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    const ANY_OF: &[Permission] = &[Permission::SoftwareRead];
    let tenant = caller.tenant(&service, ANY_OF)?;
    let machines = caller.machines(&service, ANY_OF)?;
    let question = Question {
        tenant: tenant.id().clone(),
        generation: machines.generation(),
        root: ask.root.text().into(),
        software: SoftwareId::from_client(&id),
    };
    // Who sees some machines only has answers of their own.
    let plain = ask.raw_query().is_empty() && caller.groups_seen().is_none();
    if let Some(body) = service.answers.get(&question).filter(|_| plain) {
        return Ok(json(body));
    }
    let rows = machines
        .missing_for_software(&question.software)
        .ok_or_else(|| ApiError::not_found("Software", &id))?;
    let rows: Vec<MissingKb> = rows.iter().map(MissingKb::from).collect();
    let model = &service.model;
    let named = Named::collection_of(&model.missing_kb);
    let body = respond::body(&ask, model, &model.missing_kb, &named, PAGE, &*rows)?;
    let body = Bytes::from(body);
    if plain {
        service.answers.put(question, body.clone());
    }
    Ok(json(body))
}

/// `GET /api/machines/{machineId}/getmissingkbs`
pub(crate) async fn of_machine(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let machines = caller.machines(&service, &[Permission::SoftwareRead])?;
    let rows = machines
        .missing_on_machine(&id)
        .ok_or_else(|| ApiError::not_found("Machine", &id))?;
    let rows: Vec<MissingKb> = rows.iter().map(MissingKb::from).collect();
    let model = &service.model;
    let named = Named::collection_of(&model.missing_kb).counted();
    respond::rows(&ask, model, &model.missing_kb, &named, PAGE, &*rows)
}
