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
use kbgap_catalog::{UpdateIx, VulnerabilityIx};
use kbgap_fleet::{Activity, MachineId};
use kbgap_identity::Permission;
use kbgap_odata::edm::Entity;
use kbgap_odata::{Content, Query, Writer, context, next_by_token};
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
    fn of(&mut self, views: &Views, machine: &kbgap_fleet::Machine) -> Vec<Self::Row>;
}

/// The machines that an export has, from a place on: those not excluded and seen lately.
pub(crate) fn machines<'a>(
    views: &'a Views,
    from: Option<&str>,
    now: Timestamp,
) -> impl Iterator<Item = kbgap_fleet::Machine> + Send + 'a {
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
pub(crate) fn is_exported(views: &Views, machine: &kbgap_fleet::Machine, now: Timestamp) -> bool {
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
        let done = from.as_ref().filter(|from| from.machine == id);
        let done = done.map_or(0, |from| from.line_stopped_at);
        for (at, row) in rows_of
            .of(views, &machine)
            .into_iter()
            .enumerate()
            .skip(done)
        {
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
    Ok(ended(ask, entity, &query, &rows, next.as_ref()))
}

/// A page, with the link to the next one; with `$top` there is none (API specification, section 1g).
pub(super) fn ended<T>(
    ask: &Ask,
    entity: &Entity<T>,
    query: &Query,
    rows: &[T],
    next: Option<&Place>,
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
    writer.end(&mut body, next.as_deref());
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
        page(&ask, &service, &views, entity, Inventory)
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
pub(crate) fn device(views: &Views, machine: &kbgap_fleet::Machine) -> Device {
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

/// The software of machines.
pub(crate) struct Inventory;

impl RowsOfMachines for Inventory {
    type Row = AssetSoftware;

    fn of(&mut self, views: &Views, machine: &kbgap_fleet::Machine) -> Vec<AssetSoftware> {
        let id = machine.id.to_string();
        let device = Arc::new(device(views, machine));
        let installed = views.machines.installed_on_machine(&id).unwrap_or_default();
        let open = views
            .machines
            .vulnerabilities_on_machine(&id)
            .unwrap_or_default();
        let mut weaknesses: FxHashMap<&str, i32> = FxHashMap::default();
        for open in &open {
            *weaknesses.entry(open.software.as_str()).or_default() += 1;
        }
        let rows = installed
            .iter()
            .filter(|(software, _)| !is_unknown(software));
        rows.map(|(software, version)| AssetSoftware {
            device: device.clone(),
            software: Arc::new(Installed {
                vendor: software.vendor().into(),
                name: software.name().into(),
                version: Some((**version).into()),
                ..Installed::default()
            }),
            weaknesses: weaknesses
                .get(software.as_str())
                .copied()
                .unwrap_or_default(),
            first_seen: Some(machine.first_seen),
            category: None,
        })
        .collect()
    }
}

/// Software of which not even the vendor is known has no product code.
fn is_unknown(software: &kbgap_catalog::SoftwareId) -> bool {
    software.vendor().is_empty() || software.vendor() == "unknown"
}

/// Software without a product code.
pub(crate) struct InventoryWithoutCode;

impl RowsOfMachines for InventoryWithoutCode {
    type Row = AssetNonCpeSoftware;

    fn of(&mut self, views: &Views, machine: &kbgap_fleet::Machine) -> Vec<AssetNonCpeSoftware> {
        let id = machine.id.to_string();
        let device = Arc::new(device(views, machine));
        let installed = views.machines.installed_on_machine(&id).unwrap_or_default();
        let rows = installed
            .iter()
            .filter(|(software, _)| is_unknown(software));
        rows.map(|(software, version)| AssetNonCpeSoftware {
            device: device.clone(),
            vendor: None,
            name: software.name().into(),
            version: Some((**version).into()),
            last_seen: Some(machine.last_seen),
            registry_path: None,
        })
        .collect()
    }
}

/// The vulnerabilities that are open on machines. What many rows repeat is made once.
#[derive(Default)]
pub(crate) struct Weaknesses {
    known: FxHashMap<VulnerabilityIx, Arc<Weakness>>,
    updates: FxHashMap<UpdateIx, Arc<RecommendedUpdate>>,
}

impl RowsOfMachines for Weaknesses {
    type Row = AssetVulnerability;

    fn of(&mut self, views: &Views, machine: &kbgap_fleet::Machine) -> Vec<AssetVulnerability> {
        let id = machine.id.to_string();
        let device = Arc::new(device(views, machine));
        let versions = versions(views, &id);
        let open = views
            .machines
            .vulnerabilities_on_machine(&id)
            .unwrap_or_default();
        let mut software: FxHashMap<&str, Arc<Installed>> = FxHashMap::default();
        let rows = open.iter().map(|open| AssetVulnerability {
            device: device.clone(),
            software: software
                .entry(open.software.as_str())
                .or_insert_with(|| {
                    Arc::new(Installed {
                        vendor: open.software.vendor().into(),
                        name: open.software.name().into(),
                        version: versions.get(open.software.as_str()).cloned(),
                        ..Installed::default()
                    })
                })
                .clone(),
            weakness: Some(self.weakness(views, open.vulnerability)),
            update: open.fix.map(|fix| self.update(views, fix)),
            first_seen: None,
            last_seen: Some(machine.last_seen),
            category: None,
        });
        rows.collect()
    }
}

/// The version of each software of a machine; of several the first.
pub(crate) fn versions(views: &Views, machine: &str) -> FxHashMap<String, Text> {
    let installed = views
        .machines
        .installed_on_machine(machine)
        .unwrap_or_default();
    let mut versions: FxHashMap<String, Text> = FxHashMap::default();
    for (software, version) in installed {
        let version = || Text::from(&*version);
        versions
            .entry(software.as_str().to_owned())
            .or_insert_with(version);
    }
    versions
}

impl Weaknesses {
    /// A row of one vulnerability that was found on a machine; without the update that closes it.
    pub(super) fn row(
        &mut self,
        views: &Views,
        device: &Arc<Device>,
        versions: &FxHashMap<String, Text>,
        software: &kbgap_catalog::SoftwareId,
        vulnerability: VulnerabilityIx,
        last_seen: Timestamp,
    ) -> AssetVulnerability {
        AssetVulnerability {
            device: device.clone(),
            software: Arc::new(Installed {
                vendor: software.vendor().into(),
                name: software.name().into(),
                version: versions.get(software.as_str()).cloned(),
                ..Installed::default()
            }),
            weakness: Some(self.weakness(views, vulnerability)),
            update: None,
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
        };
        assert_eq!(Place::of_token(&place.token()).unwrap(), place);
        assert!(Place::of_token("no token").is_err());
        assert!(Place::of_token("eyJ9").is_err());
    }
}
