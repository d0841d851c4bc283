//! Assessment exports as files: gzip-compressed lines of JSON, complete before their links are given (API specification,
//! sections 1h and 8).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use kbgap_export::{
    ExportKey, ExportKind, HoursRule, Links, Producer, ProducerError, Refusal, Request, ValidHours,
};
use kbgap_fleet::Walk;
use kbgap_identity::Permission;
use kbgap_odata::edm::{Entity, Type};
use kbgap_odata::{Content, Query, Style, Writer};
use uuid::Uuid;

use super::ask::{Ask, bound};
use super::assessments::{
    Inventory, InventoryWithoutCode, RowsOfMachines, Weaknesses, is_exported,
};
use super::caller::Authenticated;
use super::model::{ExportFiles, Model, NAMESPACE};
use super::respond;
use super::views::Views;
use crate::envelope::ApiError;
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];
const VULNERABILITY: &[Permission] = &[Permission::VulnerabilityRead];
const BASELINE: &[Permission] = &[Permission::SecurityBaselinesAssessmentRead];
/// The description of a type.
type OfModel<T> = fn(&Model) -> &Entity<T>;
/// How old an export may be to be given again.
const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// Below what path the files are.
pub(crate) const BELOW: &str = "/exports/";

/// `GET /api/machines/SoftwareInventoryExport`
pub(crate) async fn inventory(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let kind = (ExportKind::SoftwareInventory, HoursRule::USUAL);
    let entity: OfModel<_> = |model| &model.asset_software;
    written(
        &service,
        &caller,
        &ask,
        SOFTWARE,
        kind,
        Inventory::default(),
        entity,
    )
    .await
}

/// `GET /api/machines/SoftwareInventoryNonCpeExport`
pub(crate) async fn inventory_without_code(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let kind = (ExportKind::NonCpeSoftwareInventory, HoursRule::LONG);
    let entity: OfModel<_> = |model| &model.asset_non_cpe_software;
    written(
        &service,
        &caller,
        &ask,
        SOFTWARE,
        kind,
        InventoryWithoutCode,
        entity,
    )
    .await
}

/// `GET /api/machines/SoftwareVulnerabilitiesExport`
pub(crate) async fn vulnerabilities(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let kind = (ExportKind::SoftwareVulnerabilities, HoursRule::USUAL);
    let entity: OfModel<_> = |model| &model.asset_vulnerability;
    let rows = Weaknesses::default();
    written(&service, &caller, &ask, VULNERABILITY, kind, rows, entity).await
}

/// Handlers of exports of what is not collected: no files.
macro_rules! without_files {
    ($($(#[$doc:meta])* $name:ident: $any_of:ident, $rule:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) async fn $name(
            State(service): State<Arc<Service>>,
            caller: Authenticated,
            ask: Ask,
        ) -> Result<Response, ApiError> {
            caller.tenant(&service, $any_of)?;
            hours(&service.model, &ask, HoursRule::$rule)?;
            Ok(answer(&service.model, &ask, Vec::new(), Timestamp::now()))
        }
    )*};
}

without_files! {
    /// `GET /api/machines/SecureConfigurationsAssessmentExport`
    configurations: VULNERABILITY, USUAL;
    /// `GET /api/Machines/InfoGatheringExport`
    gathering: VULNERABILITY, USUAL;
    /// `GET /api/machines/BaselineComplianceAssessmentExport`
    baselines: BASELINE, USUAL;
    /// `GET /api/machines/certificateAssessmentExport`
    certificates: VULNERABILITY, LONG;
    /// `GET /api/machines/browserextensionsinventoryExport`
    browser_extensions: SOFTWARE, USUAL;
    /// `GET /api/machines/HardwareFirmwareInventoryExport`
    hardware_firmware: SOFTWARE, USUAL;
}

/// How long links count: `sasValidHours`, which one page of Defender's spells with a dollar sign.
fn hours(model: &Model, ask: &Ask, rule: HoursRule) -> Result<ValidHours, ApiError> {
    let raw = ask.raw_query().replace("$sasValidHours", "sasValidHours");
    let query = bound(&raw, &model.schema, &model.export_files, respond::PAGE)?;
    rule.parse(query.custom("sasValidHours"))
        .map_err(|error| ApiError::parameter(&error))
}

async fn written<R>(
    service: &Arc<Service>,
    caller: &Authenticated,
    ask: &Ask,
    any_of: &[Permission],
    (kind, rule): (ExportKind, HoursRule),
    rows: R,
    entity: OfModel<R::Row>,
) -> Result<Response, ApiError>
where
    R: RowsOfMachines + Send + 'static,
    R::Row: 'static,
{
    let tenant = caller.tenant(service, any_of)?;
    let hours = hours(&service.model, ask, rule)?;
    let now = Timestamp::now();
    let key = ExportKey::new(tenant.id(), kind, "", &visibility(caller))
        .map_err(|error| ApiError::internal(&error))?;
    let request = Request {
        key,
        now,
        fresh: FRESH,
    };
    let producer = producer(
        service.clone(),
        caller.views(service, any_of)?,
        rows,
        entity,
    );
    let export = service.exports.export(request, producer).await;
    let export = export.map_err(|error| ApiError::internal(&*error))?;
    let base = format!("{}{}", ask.root.text(), BELOW.trim_end_matches('/'));
    let links = Links::new(&base, service.seals());
    let urls = links.of(service.exports.store(), &export, now, hours).await;
    let urls = urls.map_err(|error| ApiError::internal(&error))?;
    Ok(answer(&service.model, ask, urls, export.generated))
}

/// What the caller may see, as one word: a digest of the device groups, or nothing for all.
fn visibility(caller: &Authenticated) -> String {
    let Some(groups) = caller.groups_seen() else {
        return String::new();
    };
    let mut digest = blake3::Hasher::new();
    for group in groups {
        digest.update(&(group.len() as u64).to_le_bytes());
        digest.update(group.as_bytes());
    }
    digest.finalize().to_hex()[..32].to_owned()
}

fn answer(model: &Model, ask: &Ask, urls: Vec<String>, generated: Timestamp) -> Response {
    let row = ExportFiles {
        urls,
        generated: Some(generated),
    };
    let of = Type::named("ExportFilesResponse");
    let content = Content::Of(&of, NAMESPACE);
    respond::one_plain(ask, &model.export_files, content, &row)
}

/// Writes machine after machine, each as its lines.
fn producer<R>(
    service: Arc<Service>,
    views: Arc<Views>,
    mut rows: R,
    entity: OfModel<R::Row>,
) -> impl Producer
where
    R: RowsOfMachines + Send + 'static,
    R::Row: 'static,
{
    let (mut walk, now) = (Walk::default(), Timestamp::now());
    let all = Query::default();
    move |lines: &mut Vec<u8>| -> Result<bool, ProducerError> {
        let Some(on) = walk.next(&views.machines) else {
            return Ok(false);
        };
        let machine = on.machine();
        if is_exported(&views, &machine, now) {
            let writer = Writer::new(entity(&service.model), &all).style(Style::Export);
            for row in rows.of(&views, &machine, &on) {
                writer.line(lines, &row);
            }
        }
        Ok(true)
    }
}

/// `GET /exports/…`: a file, for whoever has a link to it that counts.
pub(crate) async fn file(
    State(service): State<Arc<Service>>,
    OriginalUri(uri): OriginalUri,
) -> Response {
    let now = Timestamp::now();
    let path = uri.path().strip_prefix(BELOW).unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let links = Links::new("", service.seals());
    let granted = match links.verify(path, query, now) {
        Ok(granted) => granted,
        Err(error) => return refused(Refusal::of_link(&error, Uuid::new_v4(), now)),
    };
    match service.exports.store().read(&granted.path, None).await {
        Ok(Some(found)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_LENGTH, found.size.to_string()),
                (header::CACHE_CONTROL, "private".to_owned()),
            ];
            (headers, Body::from_stream(found.body)).into_response()
        }
        Ok(None) => refused(Refusal::not_found(Uuid::new_v4(), now)),
        Err(error) => ApiError::internal(&error).into_response(),
    }
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
    let headers = [
        (header::CONTENT_TYPE, "application/xml"),
        (
            header::HeaderName::from_static("x-ms-error-code"),
            refusal.code,
        ),
    ];
    (status, headers, refusal.body).into_response()
}
