//! What changed of machines' vulnerabilities since a time (API specification, section 1g: the delta export).
//!
//! Defender looks back 14 days at most; here as far as the history goes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kbgap_catalog::{SoftwareId, VulnerabilityIx};
use kbgap_identity::Permission;

use super::ask::Ask;
use super::assessments::{Place, Weaknesses, device, ended, machines, page_size, versions};
use super::caller::Authenticated;
use super::model::{Change, DeltaAssetVulnerability};
use super::views::Views;
use crate::envelope::ApiError;
use crate::history::{Detected, Detection};
use crate::service::Service;
use crate::tenant::Tenant;

/// `GET /api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=…`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    const ANY_OF: &[Permission] = &[Permission::VulnerabilityRead];
    let (tenant, views) = (
        caller.tenant(&service, ANY_OF)?,
        caller.views(&service, ANY_OF)?,
    );
    let model = &service.model;
    let entity = &model.delta_asset_vulnerability;
    let query = ask.query(
        &model.schema,
        entity,
        super::assessments::LARGEST_PAGE as u64,
    )?;
    let since = query.custom("sinceTime");
    let since = since.ok_or_else(|| ApiError::parameter_missing("sinceTime"))?;
    let since =
        moment(since).ok_or_else(|| ApiError::invalid("InvalidInput", "sinceTime", since))?;
    let size = page_size(&query)?;
    let length = query
        .top
        .and_then(|top| usize::try_from(top).ok())
        .unwrap_or(size);
    let from = query
        .skip_token
        .as_deref()
        .map(Place::of_token)
        .transpose()?;
    let begin = from.as_ref().map(|from| from.machine.as_str());
    let mut weaknesses = Weaknesses::default();
    let (mut rows, mut next) = (Vec::new(), None);
    'machines: for machine in machines(&views, begin, Timestamp::now()) {
        let id = machine.id.to_string();
        let done = from.as_ref().filter(|from| from.machine == id);
        let done = done.map_or(0, |from| from.line_stopped_at);
        let changed = of_machine(&tenant, &views, &machine, since, &mut weaknesses).await?;
        for (at, row) in changed.into_iter().enumerate().skip(done) {
            if query
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.matches(&entity.row(&row)))
            {
                continue;
            }
            if rows.len() == length {
                next = Some(Place {
                    machine: id,
                    line_stopped_at: at,
                });
                break 'machines;
            }
            rows.push(row);
        }
    }
    Ok(ended(&ask, entity, &query, &rows, next.as_ref()))
}

/// A moment, or the midnight of a day, as clients write `sinceTime`.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    // A plus sign in a URL is a blank.
    if let Ok(moment) = text.replace(' ', "+").parse() {
        return Some(moment);
    }
    let day: Date = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

/// The changes on a machine since a moment, in order of time.
async fn of_machine(
    tenant: &Tenant,
    views: &Views,
    machine: &kbgap_fleet::Machine,
    since: Timestamp,
    weaknesses: &mut Weaknesses,
) -> Result<Vec<DeltaAssetVulnerability>, ApiError> {
    let id = machine.id.to_string();
    let mut events: Vec<(Timestamp, Change, VulnerabilityIx)> = Vec::new();
    let catalog = views.machines.assessor().catalog();
    for Detection {
        what,
        detected,
        fixed,
    } in tenant.history(&id).await?
    {
        let Detected::Vulnerability(vulnerability) = what else {
            continue;
        };
        let Some(at) = catalog.find_vulnerability(&vulnerability) else {
            continue;
        };
        if detected >= since {
            events.push((detected, Change::New, at));
        }
        if let Some(fixed) = fixed.filter(|fixed| *fixed >= since) {
            events.push((fixed, Change::Fixed, at));
        }
    }
    events.sort_by_key(|(moment, _, vulnerability)| (*moment, *vulnerability));
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let device = Arc::new(device(views, machine));
    let versions = versions(views, &id);
    let assessed = views
        .machines
        .assessed_software_on_machine(&id)
        .unwrap_or_default();
    let rows = events.into_iter().flat_map(|(at, change, vulnerability)| {
        let software = assessed
            .keys()
            .filter(|software| has(views, software, vulnerability));
        let rows = software.map(|software| DeltaAssetVulnerability {
            row: weaknesses.row(
                views,
                &device,
                &versions,
                software,
                vulnerability,
                machine.last_seen,
            ),
            change,
            at,
        });
        rows.collect::<Vec<_>>()
    });
    Ok(rows.collect())
}

/// Whether a vulnerability is one of a software.
fn has(views: &Views, software: &SoftwareId, vulnerability: VulnerabilityIx) -> bool {
    let catalog = views.machines.assessor().catalog();
    let products = catalog.find_software(software);
    products.iter().any(|product| {
        let mut exposures = catalog.product(*product).exposures.iter();
        exposures.any(|exposure| {
            exposure
                .vulnerabilities
                .iter()
                .any(|(at, _)| *at == vulnerability)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form_clients_write() {
        let midnight: Timestamp = "2026-02-10T00:00:00Z".parse().unwrap();
        for text in [
            "2026-02-10T00:00:00Z",
            "2026-02-10",
            "2026-02-10T00:00:00+00:00",
            "2026-02-10T00:00:00 00:00",
            " 2026-02-10 ",
        ] {
            assert_eq!(moment(text), Some(midnight), "{text}");
        }
        assert_eq!(moment("yesterday"), None);
    }
}
