//! Software: what is installed, in which versions, where, and what is open in it (API specification, section 1a).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::SoftwareId;
use kbgap_fleet::SoftwareExposure;
use kbgap_identity::Permission;
use kbgap_odata::Content;
use kbgap_odata::edm::Described;

use super::ask::Ask;
use super::caller::Authenticated;
use super::expansions::Expansions;
use super::model::{Distribution, Product, Software};
use super::respond::{self, Named, PAGE, count_of};
use super::views::Views;
use super::{machine_references, vulnerabilities};
use crate::envelope::ApiError;
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];

/// `GET /api/Software`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SOFTWARE)?;
    respond::in_background(move || {
        let model = &service.model;
        let rows = &**views.software();
        let leads = Expansions {
            caller: &caller,
            views: &views,
            model,
        };
        respond::leading(
            &ask,
            model,
            &model.software,
            &Named::set("Software"),
            PAGE,
            rows,
            &leads,
        )
    })
    .await
}

/// `GET /api/Software/$count`
pub(crate) async fn count(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SOFTWARE)?;
    respond::in_background(move || {
        respond::count(
            &ask,
            &service.model,
            &service.model.software,
            &**views.software(),
        )
    })
    .await
}

/// `GET /api/Software/{Id}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SOFTWARE)?;
    respond::in_background(move || {
        let row = find(&views, &id)?;
        let model = &service.model;
        let leads = Expansions {
            caller: &caller,
            views: &views,
            model,
        };
        let content = Content::Entity("Software");
        respond::one_leading(&ask, model, &model.software, content, &row, &leads)
    })
    .await
}

/// `GET /api/Software/{Id}/distributions`
pub(crate) async fn distributions(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SOFTWARE)?;
    respond::in_background(move || {
        let id = known(&views, &id)?;
        let versions = views.machines.distribution(&id).unwrap_or_default();
        let rows: Vec<Distribution> = versions
            .into_iter()
            .map(|version| Distribution {
                version: Some((*version.version).into()),
                installations: count_of(version.machines),
                vulnerabilities: count_of(version.vulnerabilities),
            })
            .collect();
        let model = &service.model;
        let entity = Distribution::description();
        let named = Named::collection_of(entity);
        respond::rows(&ask, model, entity, &named, PAGE, &*rows)
    })
    .await
}

/// `GET /api/Software/{Id}/machineReferences`
pub(crate) async fn machines(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, SOFTWARE)?;
    respond::in_background(move || {
        let id = known(&views, &id)?;
        let machines = views.machines.machines_having(&id);
        machine_references::answer(&ask, &service.model, &views.machines, machines)
    })
    .await
}

/// `GET /api/Software/{Id}/vulnerabilities`
pub(crate) async fn weaknesses(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::VulnerabilityRead])?;
    respond::in_background(move || {
        let id = known(&views, &id)?;
        let exposures = views.exposures();
        let open = exposures.software().get(&id).map(|found| &*found.open);
        vulnerabilities::answer(&ask, &service.model, &views, open.unwrap_or_default())
    })
    .await
}

/// The software of an id as the client wrote it.
fn find(views: &Views, id: &str) -> Result<Software, ApiError> {
    let software = SoftwareId::from_client(id);
    views
        .software_of(&software)
        .ok_or_else(|| ApiError::not_found("Software", id))
}

/// The id of a software that the fleet or the catalogue has.
fn known(views: &Views, id: &str) -> Result<SoftwareId, ApiError> {
    let software = SoftwareId::from_client(id);
    let of_catalog = || {
        !views
            .machines
            .assessor()
            .catalog()
            .find_software(&software)
            .is_empty()
    };
    if views.software_of(&software).is_some() || of_catalog() {
        Ok(software)
    } else {
        Err(ApiError::not_found("Software", id))
    }
}

/// Every software that is on machines, in order of id.
pub(super) fn all(views: &Views) -> Vec<Software> {
    let (exposures, scores) = (views.exposures(), views.scores());
    let inventory = views.machines.software();
    let of_inventory = inventory.iter().map(|software| &software.id);
    let ids: BTreeSet<&SoftwareId> = of_inventory.chain(exposures.software().keys()).collect();
    let mut inventory = inventory.iter().peekable();
    let rows = ids.into_iter().map(|id| {
        while inventory.next_if(|software| software.id < *id).is_some() {}
        let listed = inventory.next_if(|software| software.id == *id);
        let exposure = exposures.software().get(id);
        let impact = scores.software.get(id).copied();
        let installed = exposure.map(|exposure| exposure.installed);
        let installed = installed.or(listed.map(|software| software.machines));
        Software {
            product: product(views, id, installed.unwrap_or_default(), exposure, impact),
            distributions: Vec::new(),
        }
    });
    rows.filter(|row| row.product.installed_machines > 0)
        .collect()
}

fn product(
    views: &Views,
    id: &SoftwareId,
    installed: u64,
    exposure: Option<&SoftwareExposure>,
    impact: Option<f64>,
) -> Product {
    let open = exposure.map_or(&[][..], |exposure| &exposure.open);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the API's type is Single (API specification, section 2.1)"
    )]
    let impact = impact.unwrap_or_default() as f32;
    Product {
        id: id.as_str().into(),
        name: id.name().into(),
        vendor: id.vendor().into(),
        weaknesses: count_of(open.len()),
        public_exploit: open
            .iter()
            .any(|at| vulnerabilities::is_exploited(views, *at)),
        exposed_machines: count_of(exposure.map_or(0, |exposure| exposure.exposed)),
        installed_machines: count_of(installed),
        impact,
        normalized: false,
        tags: Vec::new(),
    }
}
