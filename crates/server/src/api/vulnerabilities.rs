//! Vulnerabilities: those of the catalogue, and where they are open (API specification, section 1b).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use kbgap_catalog::document::Severity;
use kbgap_catalog::{Day, VulnerabilityId, VulnerabilityInfo, VulnerabilityIx};
use kbgap_identity::Permission;
use kbgap_odata::Content;

use super::ask::Ask;
use super::caller::Authenticated;
use super::machine_references;
use super::model::{Exploits, Model, Text, Vulnerability, VulnerabilityStatus};
use super::respond::{self, Named, VULNERABILITIES, count_of};
use super::views::Views;
use crate::envelope::ApiError;
use crate::service::Service;

const VULNERABILITY: &[Permission] = &[Permission::VulnerabilityRead];

/// `GET /api/vulnerabilities`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, VULNERABILITY)?;
    respond::in_background(move || {
        let model = &service.model;
        let rows = &**views.vulnerabilities();
        let named = Named::set("Vulnerabilities");
        respond::rows(
            &ask,
            model,
            &model.vulnerability,
            &named,
            VULNERABILITIES,
            rows,
        )
    })
    .await
}

/// `GET /api/vulnerabilities/$count`
pub(crate) async fn count(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, VULNERABILITY)?;
    respond::in_background(move || {
        let model = &service.model;
        respond::count(
            &ask,
            model,
            &model.vulnerability,
            &**views.vulnerabilities(),
        )
    })
    .await
}

/// `GET /api/vulnerabilities/{cveId}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, VULNERABILITY)?;
    respond::in_background(move || {
        let row = row(&views, find(&views, &id)?);
        let content = Content::Entity("Vulnerabilities");
        respond::one(
            &ask,
            &service.model,
            &service.model.vulnerability,
            content,
            &row,
        )
    })
    .await
}

/// `GET /api/vulnerabilities/{cveId}/machineReferences`
pub(crate) async fn machines(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, VULNERABILITY)?;
    respond::in_background(move || {
        let machines = views.machines.machines_exposed(find(&views, &id)?);
        machine_references::answer(&ask, &service.model, &views.machines, machines)
    })
    .await
}

/// Answers some vulnerabilities.
pub(super) fn answer(
    ask: &Ask,
    model: &Model,
    views: &Views,
    open: &[VulnerabilityIx],
) -> Result<Response, ApiError> {
    let rows: Vec<Vulnerability> = open.iter().map(|at| row(views, *at)).collect();
    let named = Named::collection_of(&model.vulnerability_dto);
    respond::rows(
        ask,
        model,
        &model.vulnerability_dto,
        &named,
        VULNERABILITIES,
        &*rows,
    )
}

/// The same with how many there are.
pub(super) fn answer_counted(
    ask: &Ask,
    model: &Model,
    views: &Views,
    open: &[VulnerabilityIx],
) -> Result<Response, ApiError> {
    let rows: Vec<Vulnerability> = open.iter().map(|at| row(views, *at)).collect();
    let named = Named::collection_of(&model.vulnerability_dto).counted();
    respond::rows(
        ask,
        model,
        &model.vulnerability_dto,
        &named,
        VULNERABILITIES,
        &*rows,
    )
}

fn find(views: &Views, id: &str) -> Result<VulnerabilityIx, ApiError> {
    let unknown = || ApiError::not_found("Vulnerability", id);
    let parsed: VulnerabilityId = id.to_ascii_uppercase().parse().map_err(|_| unknown())?;
    let catalog = views.machines.assessor().catalog();
    catalog.find_vulnerability(&parsed).ok_or_else(unknown)
}

/// Every vulnerability of the catalogue, in order of id.
pub(super) fn all(views: &Views) -> Vec<Vulnerability> {
    let catalog = views.machines.assessor().catalog();
    let places = catalog.all_vulnerabilities();
    let mut rows: Vec<Vulnerability> = places.map(|at| row(views, at)).collect();
    rows.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    rows
}

/// Whether it is known to be exploited.
pub(super) fn is_exploited(views: &Views, at: VulnerabilityIx) -> bool {
    let vulnerability = views.machines.assessor().catalog().vulnerability(at);
    let exploit = vulnerability.exploit.as_ref();
    exploit.is_some_and(|exploit| exploit.exploited)
}

/// A severity in the words of the API: Microsoft's own, of which what its documents call important is high there; without
/// one, the rating of the score (CVSS v3.1 specification, section 5), which for no score is none. Clients take it for
/// granted that there is a word.
pub(super) fn severity(of: &VulnerabilityInfo) -> &'static str {
    match of.severity {
        Some(Severity::Low) => "Low",
        Some(Severity::Moderate) => "Medium",
        Some(Severity::Important) => "High",
        Some(Severity::Critical) => "Critical",
        None => match of.cvss.as_ref().map_or(0, |score| score.base_tenths) {
            0 => "None",
            1..40 => "Low",
            40..70 => "Medium",
            70..90 => "High",
            _ => "Critical",
        },
    }
}

/// What is said of a vulnerability.
pub(super) fn row(views: &Views, at: VulnerabilityIx) -> Vulnerability {
    let catalog = views.machines.assessor().catalog();
    let found = catalog.vulnerability(at);
    let exposures = views.exposures();
    let exposed = exposures.vulnerabilities().get(&at);
    let exposed = exposed.map_or(0, |exposure| exposure.exposed);
    let score = found.cvss.as_ref();
    let exploit = found.exploit.as_ref();
    Vulnerability {
        id: found.id.to_string().into(),
        description: views.title(at).map(Text::from),
        severity: Some(severity(found).into()),
        cvss: score.map_or(0.0, kbgap_catalog::Score::base),
        cvss_vector: score.map(|score| (*score.vector).into()),
        exposed_machines: count_of(exposed),
        published: midnight(found.published),
        updated: midnight(found.updated),
        first_detected: None,
        patch_available: None,
        exploits: Exploits {
            public: exploit.is_some_and(|exploit| exploit.publicly_disclosed || exploit.exploited),
            verified: exploit.is_some_and(|exploit| exploit.exploited),
            in_kit: false,
        },
        exploit_types: Vec::new(),
        exploit_uris: Vec::new(),
        tags: Vec::new(),
        epss: 0.0,
        status: if exposed > 0 {
            VulnerabilityStatus::RemediationRequired
        } else {
            VulnerabilityStatus::NoActionRequired
        },
    }
}

fn midnight(day: Day) -> Timestamp {
    day.midnight()
}
