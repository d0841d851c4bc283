//! Recommendations: what to do about what is open, software by software (API specification, section 1d).
//!
//! There is one for each software with an open vulnerability on some machine: to update it.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::{ProductIdentity, SoftwareId};
use kbgap_fleet::{OnMachine, SoftwareExposure};
use kbgap_identity::Permission;
use kbgap_odata::Content;
use kbgap_odata::edm::Type;

use super::ask::Ask;
use super::caller::Authenticated;
use super::expansions::Expansions;
use super::model::{self, Recommendation, RecommendationStatus};
use super::respond::{self, Named, PAGE, count_of};
use super::views::Views;
use super::{machine_references, vulnerabilities};
use crate::envelope::ApiError;
use crate::service::Service;

const RECOMMENDATION: &[Permission] = &[Permission::SecurityRecommendationRead];
/// What the ids of recommendations to update begin with.
const UPDATE: &str = "va-_-";

/// `GET /api/recommendations`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, RECOMMENDATION)?;
    respond::in_background(move || {
        let model = &service.model;
        let named = Named::set("Recommendations").counted();
        let rows = &**views.recommendations();
        let leads = Expansions {
            caller: &caller,
            views: &views,
            model,
        };
        respond::leading(
            &ask,
            model,
            &model.recommendation,
            &named,
            PAGE,
            rows,
            &leads,
        )
    })
    .await
}

/// `GET /api/recommendations/$count`
pub(crate) async fn count(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, RECOMMENDATION)?;
    respond::in_background(move || {
        let model = &service.model;
        respond::count(
            &ask,
            model,
            &model.recommendation,
            &**views.recommendations(),
        )
    })
    .await
}

/// `GET /api/recommendations/{id}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, RECOMMENDATION)?;
    respond::in_background(move || {
        let all = views.recommendations();
        let at = all.binary_search_by(|row| (*row.id).cmp(&id.to_lowercase()));
        let row = at.ok().and_then(|at| all.get(at));
        let row = row.ok_or_else(|| ApiError::not_found("Recommendation", &id))?;
        let content = Content::Entity("Recommendations");
        let model = &service.model;
        let leads = Expansions {
            caller: &caller,
            views: &views,
            model,
        };
        respond::one_leading(&ask, model, &model.recommendation, content, row, &leads)
    })
    .await
}

/// `GET /api/recommendations/{id}/software`: one object, no list.
pub(crate) async fn software(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    // As printed: applications need the permission for software, people that for recommendations.
    let any_of = caller.either(&[Permission::SoftwareRead], RECOMMENDATION);
    let views = caller.views(&service, any_of)?;
    respond::in_background(move || {
        let row = views.software_of(&subject(&views, &id)?);
        let row = row.ok_or_else(|| ApiError::not_found("Recommendation", &id))?;
        let model = &service.model;
        let of = Type::Named(model.product.shape().name.clone());
        let content = Content::Of(&of, model::NAMESPACE);
        respond::one(&ask, model, &model.product, content, &row.product)
    })
    .await
}

/// `GET /api/recommendations/{id}/machineReferences`: the machines that are exposed.
pub(crate) async fn machines(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, RECOMMENDATION)?;
    respond::in_background(move || {
        let machines = views.machines.machines_exposed_by(&subject(&views, &id)?);
        machine_references::answer(&ask, &service.model, &views.machines, machines)
    })
    .await
}

/// `GET /api/recommendations/{id}/vulnerabilities`
pub(crate) async fn weaknesses(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::VulnerabilityRead])?;
    respond::in_background(move || {
        let exposures = views.exposures();
        let found = exposures.software().get(&subject(&views, &id)?);
        let open = found.map(|found| &*found.open).unwrap_or_default();
        vulnerabilities::answer(&ask, &service.model, &views, open)
    })
    .await
}

/// The software a recommendation is about, where there is such a recommendation.
fn subject(views: &Views, id: &str) -> Result<SoftwareId, ApiError> {
    let unknown = || ApiError::not_found("Recommendation", id);
    let software = about(id).ok_or_else(unknown)?;
    let exposures = views.exposures();
    let found = exposures.software().get(&software);
    if found.is_some_and(|found| !found.open.is_empty()) {
        Ok(software)
    } else {
        Err(unknown())
    }
}

/// The software that the id of a recommendation says it is about.
pub(super) fn about(id: &str) -> Option<SoftwareId> {
    let head = id.get(..UPDATE.len())?;
    let is_update = head.eq_ignore_ascii_case(UPDATE);
    is_update.then(|| SoftwareId::from_client(&id[UPDATE.len()..]))
}

/// Those that concern a machine, in order of id.
pub(super) fn on_machine(views: &Views, on: &OnMachine<'_>) -> Vec<Recommendation> {
    let assessed = on.assessed_software().into_iter();
    let exposed = assessed.filter(|(_, exposed)| *exposed);
    let ids: HashSet<String> = exposed.map(|(software, _)| id(software)).collect();
    let all = views.recommendations().iter();
    all.filter(|row| ids.contains(&*row.id)).cloned().collect()
}

/// All of them, in order of id.
pub(super) fn all(views: &Views) -> Vec<Recommendation> {
    let exposures = views.exposures();
    let open = exposures.software().iter();
    let open = open.filter(|(_, found)| !found.open.is_empty());
    let mut rows: Vec<Recommendation> = open.map(|(id, found)| row(views, id, found)).collect();
    rows.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    rows
}

/// The id of the recommendation to update a software.
pub(super) fn id(software: &SoftwareId) -> String {
    format!("{UPDATE}{}", software.as_str())
}

fn row(views: &Views, id: &SoftwareId, found: &SoftwareExposure) -> Recommendation {
    let catalog = views.machines.assessor().catalog();
    let mut products = catalog.find_software(id).into_iter();
    let is_windows = products.any(|product| {
        matches!(
            catalog.product(product).identity,
            ProductIdentity::Windows(_)
        )
    });
    let shown = shown(id);
    Recommendation {
        id: self::id(id).into(),
        product: id.name().into(),
        vendor: id.vendor().into(),
        name: format!("Update {shown}").into(),
        component: shown.into(),
        weaknesses: count_of(found.open.len()),
        category: if is_windows { "OS" } else { "Application" }.into(),
        public_exploit: found
            .open
            .iter()
            .any(|at| vulnerabilities::is_exploited(views, *at)),
        remediation: "Update".into(),
        status: RecommendationStatus::Active,
        exposure_impact: views.scores().software.get(id).copied().unwrap_or_default(),
        machines: count_of(found.installed),
        exposed_machines: count_of(found.exposed),
        unpatchable_cve: !found.without_fix.is_empty(),
        ..Recommendation::default()
    }
}

/// A software as people read it: `Microsoft Windows 10`.
fn shown(id: &SoftwareId) -> String {
    let words = [id.vendor(), id.name()].map(|part| part.replace('_', " "));
    let words = words.iter().flat_map(|part| part.split(' '));
    let words = words.map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softwares_are_shown_to_people() {
        let shown = |id| shown(&SoftwareId::from_client(id));
        assert_eq!(shown("microsoft-_-windows_10"), "Microsoft Windows 10");
        assert_eq!(shown("google-_-chrome"), "Google Chrome");
    }
}
