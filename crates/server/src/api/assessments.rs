//! Assessment exports as JSON, page by page (API specification, section 1g).
//!
//! Rows come machine by machine in order of id, so a page ends at a row of a machine and the next one goes on behind it:
//! what changes meanwhile on other machines neither repeats rows nor leaves any out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use kbgap_catalog::{Kb, SoftwareId, UpdateIx, VulnerabilityIx};
use kbgap_fleet::{Activity, Machine, MachineId, OnMachine};
use kbgap_identity::Permission;
use kbgap_odata::edm::Entity;
use kbgap_odata::{Content, Link, Query, Writer, context, next_by_token};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::caller::Authenticated;
use super::model::{
    AssetNonCpeSoftware, AssetSoftware, AssetVulnerability, Device, Exploits, Installed, NAMESPACE,
    RecommendedUpdate, Text, Weakness, catalog_link, collection_of,
};
use super::respond::{self, json};
use super::views::Views;
use super::{machine_references, vulnerabilities};
use crate::envelope::ApiError;
use crate::history::OpenIn;
use crate::service::Service;

/// How many rows a page has without `pageSize`, and at most.
const USUAL_PAGE: usize = 50_000;
pub(super) const LARGEST_PAGE: usize = 200_000;

/// Where a page ended: behind which row of which machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Place {
    pub(super) machine: String,
    pub(super) line_stopped_at: usize,
    /// When the first page was asked for, where the last one will tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) begun: Option<Timestamp>,
}

impl Place {
    pub(super) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn of_token(token: &str) -> Result<Self, ApiError> {
        let wrong = || ApiError::invalid("InvalidInput", "$skiptoken", token);
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        serde_json::from_slice(&bytes).map_err(|_| wrong())
    }
}

/// Makes the rows of machines.
pub(crate) trait RowsOfMachines {
    /// A row.
    type Row;

    /// The rows of a machine, in an order that stays the same.
    fn of(&mut self, views: &Views, machine: &Machine, on: &OnMachine<'_>) -> Vec<Self::Row>;
}

/// The machines that an export has, from a place on: those not excluded and seen lately.
pub(crate) fn machines<'a>(
    views: &'a Views,
    from: Option<&str>,
    now: Timestamp,
) -> impl Iterator<Item = Machine> + Send + 'a {
    let fleet = &views.machines;
    let from = from.map(MachineId::new);
    let first = from.as_ref().and_then(|id| fleet.machine(&id.to_string()));
    let first = first.filter(|first| Some(&first.id) == from.as_ref());
    let rest: Box<dyn Iterator<Item = _> + Send + 'a> = match &from {
        Some(id) => Box::new(fleet.machines_after(id)),
        None => Box::new(fleet.machines_in_order()),
    };
    let all = first.into_iter().chain(rest);
    all.filter(move |machine| is_exported(views, machine, now))
}

/// Whether a machine is not excluded, and was seen lately.
pub(crate) fn is_exported(views: &Views, machine: &Machine, now: Timestamp) -> bool {
    let activity = views.machines.ages().activity(machine.last_seen, now);
    machine.exclusion.is_none() && activity != Activity::Gone
}

/// Answers a page.
fn page<T, R: RowsOfMachines<Row = T>>(
    ask: &Ask,
    service: &Service,
    views: &Views,
    entity: &Entity<T>,
    mut rows_of: R,
) -> Result<Response, ApiError> {
    let schema = &service.model.schema;
    let query = ask.query(schema, entity, LARGEST_PAGE as u64)?;
    let size = page_size(&query)?;
    let length = query.top.map_or(size, |top| {
        usize::try_from(top).unwrap_or(usize::MAX).min(LARGEST_PAGE)
    });
    let from = query.skip_token.as_deref().map(Place::of_token);
    let from = from.transpose()?;
    let (mut rows, mut next) = (Vec::new(), None);
    let begin = from.as_ref().map(|from| from.machine.as_str());
    'machines: for machine in machines(views, begin, Timestamp::now()) {
        let id = machine.id.to_string();
        let Some(on) = views.machines.on_machine(&id) else {
            continue;
        };
        let done = from.as_ref().filter(|from| from.machine == id);
        let done = done.map_or(0, |from| from.line_stopped_at);
        let of_machine = rows_of.of(views, &machine, &on).into_iter();
        for (at, row) in of_machine.enumerate().skip(done) {
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
                    begun: None,
                });
                break 'machines;
            }
            rows.push(row);
        }
    }
    Ok(ended(ask, entity, &query, &rows, next.as_ref(), None))
}

/// A page, with the link to the next one; with `$top` there is none (API specification, section 1g). After the last one a
/// link to what changes later may stand.
pub(super) fn ended<T>(
    ask: &Ask,
    entity: &Entity<T>,
    query: &Query,
    rows: &[T],
    next: Option<&Place>,
    delta: Option<&str>,
) -> Response {
    let mut body = Vec::with_capacity(256 + rows.len() * 512);
    let mut writer = Writer::new(entity, query);
    let of = collection_of(entity);
    let context = context(&ask.api(), Content::Of(&of, NAMESPACE), query);
    writer.begin(
        &mut body,
        &context,
        query.count.then_some(rows.len() as u64),
    );
    for row in rows {
        writer.row(&mut body, row);
    }
    let next = next.filter(|_| query.top.is_none());
    let next = next.map(|next| next_by_token(&ask.url(), &next.token(), None));
    let link = match (&next, delta) {
        (Some(next), _) => Some(Link::Next(next)),
        (None, Some(delta)) => Some(Link::Delta(delta)),
        (None, None) => None,
    };
    writer.end(&mut body, link);
    json(body)
}

/// `pageSize`: blanks around it are tolerated, as Defender does.
pub(super) fn page_size(query: &Query) -> Result<usize, ApiError> {
    let Some(text) = query.custom("pageSize") else {
        return Ok(USUAL_PAGE);
    };
    let wrong = || ApiError::invalid("InvalidInput", "pageSize", text);
    let size: usize = text.trim().parse().map_err(|_| wrong())?;
    if size == 0 || size > LARGEST_PAGE {
        return Err(wrong());
    }
    Ok(size)
}

/// `GET /api/machines/SoftwareInventoryByMachine`
pub(crate) async fn inventory(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::SoftwareRead])?;
    respond::in_background(move || {
        let entity = &service.model.asset_software;
        page(&ask, &service, &views, entity, Inventory::default())
    })
    .await
}

/// `GET /api/machines/SoftwareInventoryNoProductCodeByMachine`
pub(crate) async fn inventory_without_code(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::SoftwareRead])?;
    respond::in_background(move || {
        let entity = &service.model.asset_non_cpe_software;
        page(&ask, &service, &views, entity, InventoryWithoutCode)
    })
    .await
}

/// `GET /api/machines/SoftwareVulnerabilitiesByMachine`
pub(crate) async fn vulnerabilities(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::VulnerabilityRead])?;
    respond::in_background(move || {
        let entity = &service.model.asset_vulnerability;
        page(&ask, &service, &views, entity, Weaknesses::default())
    })
    .await
}

/// A machine as the rows of exports repeat it.
pub(crate) fn device(views: &Views, machine: &Machine) -> Device {
    let windows = machine.windows.as_ref();
    let build = windows.and_then(kbgap_fleet::WindowsFacts::build);
    Device {
        id: machine.id.to_string().into(),
        name: machine.name.as_deref().map(Into::into),
        group: machine_references::group(&views.machines, machine),
        os_platform: windows.map(|windows| windows.os_platform().into()),
        os_version: build.map(|build| build.to_string().into()),
        os_architecture: windows.map(|windows| windows.os_processor().into()),
    }
}

/// The software of machines. What many rows repeat is made once.
#[derive(Default)]
pub(crate) struct Inventory(Softwares);

impl RowsOfMachines for Inventory {
    type Row = AssetSoftware;

    fn of(&mut self, views: &Views, machine: &Machine, on: &OnMachine<'_>) -> Vec<AssetSoftware> {
        let device = Arc::new(device(views, machine));
        let weaknesses = on.open_by_software();
        let installed = on.installed().into_iter();
        let rows = installed.filter(|installed| !is_unknown(installed.software));
        rows.map(|installed| AssetSoftware {
            device: device.clone(),
            software: self.0.get(installed.software, Some(&installed.version)),
            weaknesses: weaknesses
                .get(installed.software)
                .map_or(0, |open| i32::try_from(*open).unwrap_or(i32::MAX)),
            first_seen: Some(machine.first_seen),
            category: None,
        })
        .collect()
    }
}

/// Versions of software that rows share: each made once, and found without a copy of its name.
#[derive(Default)]
pub(crate) struct Softwares(FxHashMap<SoftwareId, Versions>);

#[derive(Default)]
struct Versions {
    untold: Option<Arc<Installed>>,
    told: FxHashMap<Box<str>, Arc<Installed>>,
}

impl Softwares {
    fn get(&mut self, software: &SoftwareId, version: Option<&str>) -> Arc<Installed> {
        let of_software = match self.0.get_mut(software) {
            Some(known) => known,
            None => self.0.entry(software.clone()).or_default(),
        };
        let made = || {
            Arc::new(Installed {
                vendor: software.vendor().into(),
                name: software.name().into(),
                version: version.map(Text::from),
                ..Installed::default()
            })
        };
        let Some(version) = version else {
            return of_software.untold.get_or_insert_with(made).clone();
        };
        if let Some(known) = of_software.told.get(version) {
            return known.clone();
        }
        let made = made();
        of_software.told.insert(version.into(), made.clone());
        made
    }
}

/// Software of which not even the vendor is known has no product code.
fn is_unknown(software: &SoftwareId) -> bool {
    software.vendor().is_empty() || software.vendor() == "unknown"
}

/// Software without a product code.
pub(crate) struct InventoryWithoutCode;

impl RowsOfMachines for InventoryWithoutCode {
    type Row = AssetNonCpeSoftware;

    fn of(
        &mut self,
        views: &Views,
        machine: &Machine,
        on: &OnMachine<'_>,
    ) -> Vec<AssetNonCpeSoftware> {
        let device = Arc::new(device(views, machine));
        let installed = on.installed().into_iter();
        let rows = installed.filter(|installed| is_unknown(installed.software));
        rows.map(|installed| AssetNonCpeSoftware {
            device: device.clone(),
            vendor: None,
            name: installed.software.name().into(),
            version: Some((*installed.version).into()),
            last_seen: Some(machine.last_seen),
            registry_path: None,
        })
        .collect()
    }
}

/// The vulnerabilities that are open on machines. What many rows repeat is made once.
#[derive(Default)]
pub(crate) struct Weaknesses {
    software: Softwares,
    known: FxHashMap<VulnerabilityIx, Arc<Weakness>>,
    updates: FxHashMap<UpdateIx, Arc<RecommendedUpdate>>,
}

impl RowsOfMachines for Weaknesses {
    type Row = AssetVulnerability;

    fn of(
        &mut self,
        views: &Views,
        machine: &Machine,
        on: &OnMachine<'_>,
    ) -> Vec<AssetVulnerability> {
        let device = Arc::new(device(views, machine));
        let open = on.vulnerabilities().into_iter();
        let rows = open.map(|open| AssetVulnerability {
            device: device.clone(),
            software: self.software.get(open.software, open.version.as_deref()),
            weakness: Some(self.weakness(views, open.vulnerability)),
            update: open.fix.map(|fix| self.update(views, fix)),
            first_seen: None,
            last_seen: Some(machine.last_seen),
            category: None,
        });
        rows.collect()
    }
}

impl Weaknesses {
    /// A row of what was found on a machine at some time. What the catalogue in use does not know has its number only.
    pub(super) fn row(
        &mut self,
        views: &Views,
        device: &Arc<Device>,
        what: &OpenIn,
        fix: Option<Kb>,
        last_seen: Timestamp,
    ) -> AssetVulnerability {
        let catalog = views.machines.assessor().catalog();
        let weakness = match catalog.find_vulnerability(&what.vulnerability) {
            Some(at) => self.weakness(views, at),
            None => Arc::new(Weakness {
                id: what.vulnerability.to_string().into(),
                ..Weakness::default()
            }),
        };
        let update = fix.map(|kb| match catalog.find_update(kb) {
            Some(at) => self.update(views, at),
            None => Arc::new(RecommendedUpdate {
                name: None,
                id: Some(kb.number().to_string().into()),
                url: Some(catalog_link(kb).into()),
            }),
        });
        AssetVulnerability {
            device: device.clone(),
            software: self.software.get(&what.software, what.version.as_deref()),
            weakness: Some(weakness),
            update,
            first_seen: None,
            last_seen: Some(last_seen),
            category: None,
        }
    }

    fn weakness(&mut self, views: &Views, at: VulnerabilityIx) -> Arc<Weakness> {
        let made = || {
            let found = views.machines.assessor().catalog().vulnerability(at);
            let exploit = found.exploit.as_ref();
            Arc::new(Weakness {
                id: found.id.to_string().into(),
                severity: Some(vulnerabilities::severity(found).into()),
                exploits: Exploits {
                    public: exploit
                        .is_some_and(|exploit| exploit.publicly_disclosed || exploit.exploited),
                    verified: exploit.is_some_and(|exploit| exploit.exploited),
                    in_kit: false,
                },
                cvss: found.cvss.as_ref().map(kbgap_catalog::Score::base),
            })
        };
        self.known.entry(at).or_insert_with(made).clone()
    }

    fn update(&mut self, views: &Views, at: UpdateIx) -> Arc<RecommendedUpdate> {
        let made = || {
            let catalog = views.machines.assessor().catalog();
            let kb = catalog.update(at).kb;
            Arc::new(RecommendedUpdate {
                name: Some(catalog.update_name(at).into()),
                id: Some(kb.number().to_string().into()),
                url: Some(catalog_link(kb).into()),
            })
        };
        self.updates.entry(at).or_insert_with(made).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_token() {
        let place = Place {
            machine: "pc-1".to_owned(),
            line_stopped_at: 7,
            begun: None,
        };
        assert_eq!(Place::of_token(&place.token()).unwrap(), place);
        assert!(Place::of_token("no token").is_err());
        assert!(Place::of_token("eyJ9").is_err());
    }
}
