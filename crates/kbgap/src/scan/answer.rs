//! The answer of a scan, as its JSON states it.

use kbgap_assessment::words::{self, Evidence};
use kbgap_assessment::{Assessor, ExposureRef, Findings, MachineState, Missing, Status as Found};
use kbgap_catalog::document::Severity;
use kbgap_catalog::{Catalog, Kb, UpdateIx};
use kbgap_inventory::identify;
use serde::Serialize;

use super::explain;
use super::input::MachineInput;

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) machines: Vec<MachineAnswer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MachineAnswer {
    pub(crate) source: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) product: Option<String>,
    pub(crate) build: Option<String>,
    pub(crate) status: Status,
    /// Why the machine was not assessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    pub(crate) missing: Vec<MissingAnswer>,
    pub(crate) pending: Vec<PendingAnswer>,
    /// Updates that cannot be told to be present or missing.
    pub(crate) unknown: Vec<UnknownAnswer>,
    /// The list of installed updates was cut off: some that are named may be installed.
    pub(crate) incomplete: bool,
    /// Why the update asked for is missing, present or neither (`--explain`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explanation: Option<Evidence>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    Assessed,
    Unidentified,
    NoData,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MissingAnswer {
    pub(crate) kb: String,
    pub(crate) title: String,
    pub(crate) released: String,
    pub(crate) products: Vec<String>,
    /// The numbers it is listed under once installed, where those are others than its own: a rollup of
    /// the .NET Framework brings a package for each version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) packages: Vec<String>,
    /// The open vulnerabilities it closes, itself or by what it replaces.
    pub(crate) cves: Vec<String>,
    pub(crate) severity: Option<&'static str>,
    pub(crate) exploited: bool,
    pub(crate) replaces: Vec<String>,
    pub(crate) url: String,
    pub(crate) why: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PendingAnswer {
    pub(crate) kb: String,
    pub(crate) title: Option<String>,
    pub(crate) cves: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnknownAnswer {
    pub(crate) kb: String,
    pub(crate) title: String,
    pub(crate) reason: &'static str,
}

impl MachineAnswer {
    pub(crate) fn new(assessor: &Assessor, machine: &MachineInput, explain: Option<Kb>) -> Self {
        let report = &machine.report;
        let mut answer = Self {
            source: machine.sources.clone(),
            name: report.name.as_deref().map(str::to_owned),
            product: None,
            build: report.os.version.map(|build| build.to_string()),
            status: Status::Unidentified,
            reason: None,
            missing: Vec::new(),
            pending: Vec::new(),
            unknown: Vec::new(),
            incomplete: report.updates.is_some() && !report.updates_complete,
            explanation: explain.and_then(|kb| explain::explain(assessor, machine, kb).ok()),
        };
        let identity = match identify(report) {
            Ok(identity) => identity,
            Err(reason) => {
                answer.reason = Some(reason.to_string());
                return answer;
            }
        };
        let state = MachineState::of_report(report, &identity);
        answer.product = Some(identity.product.to_string());
        let findings = assessor.assess(&state);
        if findings.status == Found::NoData {
            answer.status = Status::NoData;
            answer.reason = Some(format!("no data for {} in the catalogue", identity.product));
            return answer;
        }
        answer.status = Status::Assessed;
        answer.fill(assessor.catalog(), &findings);
        answer
    }

    fn fill(&mut self, catalog: &Catalog, findings: &Findings) {
        let missing = findings.missing.iter();
        self.missing = missing
            .map(|found| MissingAnswer::new(catalog, findings, found))
            .collect();
        let pending = findings.pending.iter();
        self.pending = pending
            .map(|found| PendingAnswer {
                kb: found.kb.number().to_string(),
                title: found.update.map(|at| catalog.update_name(at).to_owned()),
                cves: ids(catalog, findings, &found.closes),
            })
            .collect();
        let unknown = findings.unknown.iter();
        self.unknown = unknown
            .map(|found| UnknownAnswer {
                kb: catalog.update(found.update).kb.number().to_string(),
                title: catalog.update_name(found.update).to_owned(),
                reason: found.reason.words(),
            })
            .collect();
    }
}

impl MissingAnswer {
    fn new(catalog: &Catalog, findings: &Findings, missing: &Missing) -> Self {
        let update = catalog.update(missing.update);
        let closed = findings.vulnerabilities(catalog, &missing.closes);
        let closes = || closed.iter().map(|&at| catalog.vulnerability(at));
        let mut products: Vec<String> = Vec::new();
        for &product in &missing.products {
            let name = catalog.product(product).software.name();
            if !products.iter().any(|known| known == name) {
                products.push(name.to_owned());
            }
        }
        let number = |kb: &Kb| kb.number().to_string();
        let replaced = |at: &UpdateIx| number(&catalog.update(*at).kb);
        Self {
            kb: update.kb.number().to_string(),
            title: catalog.update_name(missing.update).to_owned(),
            released: update.released.to_string(),
            products,
            cves: closes().map(|closed| closed.id.to_string()).collect(),
            packages: missing.packages.iter().map(number).collect(),
            severity: closes().filter_map(|v| v.severity).max().map(severity),
            exploited: closes().any(|v| v.exploit.is_some_and(|exploit| exploit.exploited)),
            replaces: missing.replaces.iter().map(replaced).collect(),
            url: format!(
                "https://catalog.update.microsoft.com/v7/site/Search.aspx?q={}",
                update.kb
            ),
            why: words::absence(catalog, &missing.absence).to_string(),
        }
    }

    pub(crate) fn is_critical(&self) -> bool {
        self.severity == Some(severity(Severity::Critical))
    }
}

fn ids(catalog: &Catalog, findings: &Findings, closes: &[ExposureRef]) -> Vec<String> {
    let closed = findings.vulnerabilities(catalog, closes);
    let ids = closed.iter();
    ids.map(|&at| catalog.vulnerability(at).id.to_string())
        .collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "Low",
        Severity::Moderate => "Moderate",
        Severity::Important => "Important",
        Severity::Critical => "Critical",
    }
}
