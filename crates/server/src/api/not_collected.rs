//! What kbgap collects nothing of: secure configuration, certificates, baselines, firmware, browser extensions. Each
//! answers as it does where there is none, so that who goes through everything is not stopped.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_identity::Permission;
use kbgap_odata::edm::Entity;

use super::ask::Ask;
use super::caller::Authenticated;
use super::model::Model;
use super::respond::{self, Named, PAGE};
use crate::envelope::ApiError;
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];
const VULNERABILITY: &[Permission] = &[Permission::VulnerabilityRead];
const BASELINE: &[Permission] = &[Permission::SecurityBaselinesAssessmentRead];

/// Answers no rows.
fn none<T: Clone>(
    service: &Service,
    caller: &Authenticated,
    any_of: &[Permission],
    ask: &Ask,
    entity: fn(&Model) -> &Entity<T>,
    set: Option<&'static str>,
) -> Result<Response, ApiError> {
    caller.tenant(service, any_of)?;
    let entity = entity(&service.model);
    let named = set.map_or_else(|| Named::collection_of(entity), Named::set);
    let rows: &[T] = &[];
    respond::rows(ask, &service.model, entity, &named, PAGE, rows)
}

/// Handlers of lists without rows: name, permission, type, entity set.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident: $any_of:ident, $entity:ident, $set:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) async fn $name(
            State(service): State<Arc<Service>>,
            caller: Authenticated,
            ask: Ask,
        ) -> Result<Response, ApiError> {
            none(&service, &caller, $any_of, &ask, |model| &model.$entity, $set)
        }
    )*};
}

lists! {
    /// `GET /api/machines/SecureConfigurationsAssessmentByMachine`
    configurations: VULNERABILITY, asset_configuration, None;
    /// `GET /api/Machines/BrowserExtensionsInventoryByMachine`
    browser_extensions: SOFTWARE, asset_browser_extension, None;
    /// `GET /api/machines/HardwareFirmwareInventoryByMachine`
    hardware_firmware: SOFTWARE, asset_hardware_firmware, None;
    /// `GET /api/machines/certificateAssessmentByMachine`
    certificates: VULNERABILITY, asset_certificate, None;
    /// `GET /api/machines/baselineComplianceAssessmentByMachine`
    baselines: BASELINE, asset_baseline, None;
    /// `GET /api/browserextensions/permissionsinfo`
    permissions_info: SOFTWARE, permission_info, Some("BrowserExtensions");
    /// `GET /api/baselineProfiles`
    baseline_profiles: BASELINE, baseline_profile, Some("BaselineProfiles");
    /// `GET /api/baselineConfigurations`
    baseline_configurations: BASELINE, baseline_configuration, Some("BaselineConfigurations");
    /// `GET /api/baselineExceptions`
    baseline_exceptions: BASELINE, baseline_exception, Some("BaselineExceptions");
}

/// `GET /api/machines/{id}/firmware`
pub(crate) async fn firmware(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let machines = caller.machines(&service, SOFTWARE)?;
    if machines.machine(&id).is_none() {
        return Err(ApiError::not_found("Machine", &id));
    }
    none(
        &service,
        &caller,
        SOFTWARE,
        &ask,
        |model| &model.firmware,
        Some("Firmware"),
    )
}

/// `GET /api/baselineProfiles/{id}` and the like: there is none.
pub(crate) async fn baseline(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.tenant(&service, BASELINE)?;
    Err(ApiError::not_found("Baseline", &id))
}
