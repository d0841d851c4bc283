//! What changed of machines' vulnerabilities since a time (API specification, section 1g: the delta export).
//!
//! Applied to an export of that time, the changes give the export of now: a row is told by machine, software, version and
//! vulnerability; of several changes of one the last holds. A machine that is excluded, or silent for so long that it is
//! exported no more, has all its rows fixed; one that comes back has them new.
//!
//! Defender looks back 14 days at most; here as far as the history goes. The last page links to what changes later.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kbgap_identity::Permission;
use kbgap_odata::with_custom;

use super::ask::Ask;
use super::assessments::{LARGEST_PAGE, Place, Weaknesses, device, ended, page_size};
use super::caller::Authenticated;
use super::model::{Change, DeltaAssetVulnerability};
use super::views::Views;
use crate::envelope::ApiError;
use crate::history::{ChangeOnMachine, Found, Status};
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
    let query = ask.query(&model.schema, entity, LARGEST_PAGE as u64)?;
    let since = query.custom("sinceTime");
    let since = since.ok_or_else(|| ApiError::parameter_missing("sinceTime"))?;
    let since =
        moment(since).ok_or_else(|| ApiError::invalid("InvalidInput", "sinceTime", since))?;
    let now = Timestamp::now();
    reaches_back(&service, &tenant, since, now).await?;
    let size = page_size(&query)?;
    let length = query
        .top
        .and_then(|top| usize::try_from(top).ok())
        .unwrap_or(size);
    let from = query.skip_token.as_deref();
    let from = from.map(Place::of_token).transpose()?;
    let begun = from.as_ref().and_then(|from| from.begun).unwrap_or(now);
    let mut changes = Changes {
        since: since - service.settings.delta_overlap,
        now,
        found: tenant.found(),
        weaknesses: Weaknesses::default(),
    };
    let mut machines = changes.machines(&tenant, &views).await?;
    if let Some(from) = &from {
        machines = machines.split_off(&from.machine);
    }
    let (mut rows, mut next) = (Vec::new(), None);
    'machines: for id in machines {
        let done = from.as_ref().filter(|from| from.machine == id);
        let done = done.map_or(0, |from| from.line_stopped_at);
        let of_machine = changes.of_machine(&tenant, &views, &id).await?;
        for (at, row) in of_machine.into_iter().enumerate().skip(done) {
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
                    begun: Some(begun),
                });
                break 'machines;
            }
            rows.push(row);
        }
    }
    let delta = with_custom(&ask.url(), "sinceTime", &begun.to_string());
    let delta = Some(delta).filter(|_| query.top.is_none());
    Ok(ended(
        &ask,
        entity,
        &query,
        &rows,
        next.as_ref(),
        delta.as_deref(),
    ))
}

/// Refuses what the history may not know any more: changes that were left out would never be told.
async fn reaches_back(
    service: &Service,
    tenant: &Tenant,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), ApiError> {
    let kept = now - service.settings.keep_history;
    if since >= kept {
        return Ok(());
    }
    let known = service.tenant(tenant.id()).await;
    let known = known.map_err(|error| ApiError::internal(&error))?;
    if known.is_none_or(|tenant| tenant.created_at >= kept) {
        return Ok(());
    }
    Err(ApiError::parameter(&format!(
        "The changes are kept since {kept}: take the whole export SoftwareVulnerabilitiesByMachine, then the changes \
         since then"
    )))
}

/// Tells changes.
struct Changes {
    since: Timestamp,
    now: Timestamp,
    found: Found,
    weaknesses: Weaknesses,
}

impl Changes {
    /// The machines on which anything may have changed.
    async fn machines(&self, tenant: &Tenant, views: &Views) -> Result<BTreeSet<String>, ApiError> {
        let changed = tenant.changed_since(self.since).await;
        let changed = changed.map_err(|error| ApiError::internal(&error))?;
        let Some(mut changed) = changed else {
            let all = views.machines.machines_in_order();
            return Ok(all.map(|machine| machine.id.to_string()).collect());
        };
        let gone = views.machines.ages().gone;
        let silent = views
            .machines
            .last_seen_between(self.since - gone, self.now - gone);
        changed.extend(silent.map(|id| id.to_string()));
        Ok(changed)
    }

    /// The changes on a machine, in order of time.
    async fn of_machine(
        &mut self,
        tenant: &Tenant,
        views: &Views,
        id: &str,
    ) -> Result<Vec<DeltaAssetVulnerability>, ApiError> {
        // One that was removed is told of nowhere any more.
        let Some(machine) = views.machines.machine(id) else {
            return Ok(Vec::new());
        };
        let timeline = tenant.timeline(&mut self.found, id, &views.machines).await;
        let timeline = timeline.map_err(|error| ApiError::internal(&error))?;
        let left = machine.last_seen + views.machines.ages().gone;
        let left = Some(left).filter(|left| *left <= self.now);
        let device = Arc::new(device(views, &machine));
        let changes = timeline.changes(self.since, left).into_iter();
        let rows = changes.map(
            |ChangeOnMachine {
                 at,
                 status,
                 what,
                 fix,
             }| {
                DeltaAssetVulnerability {
                    row: self
                        .weaknesses
                        .row(views, &device, &what, fix, machine.last_seen),
                    change: match status {
                        Status::New => Change::New,
                        Status::Fixed => Change::Fixed,
                        Status::Updated => Change::Updated,
                    },
                    at,
                }
            },
        );
        Ok(rows.collect())
    }
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
