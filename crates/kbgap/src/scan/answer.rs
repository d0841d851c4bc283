//! The answer of a scan, as its JSON states it.

use kbgap_assessment::words::{self, Evidence};
use kbgap_assessment::{
    ApplicationFindings, ApplicationFix, ApplicationMissing, Assessor, ExposureRef, Findings,
    MachineState, Missing, Status as Found,
};
use kbgap_catalog::document::Severity;
use kbgap_catalog::{Catalog, Kb, ProductIx, UpdateIx, VulnerabilityInfo, VulnerabilityIx};
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
    /// Applications below a version that fixes them, where no KB brings it.
    pub(crate) outdated: Vec<OutdatedAnswer>,
    /// Updates that cannot be told to be present or missing.
    pub(crate) unknown: Vec<UnknownAnswer>,
    /// Applications of which something cannot be told.
    pub(crate) unknown_applications: Vec<UnknownApplicationAnswer>,
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

/// An application below a version that fixes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutdatedAnswer {
    pub(crate) application: String,
    pub(crate) installed: Option<String>,
    /// The version to reach.
    pub(crate) fixed: Option<String>,
    pub(crate) products: Vec<String>,
    pub(crate) cves: Vec<String>,
    pub(crate) severity: Option<&'static str>,
    pub(crate) exploited: bool,
    pub(crate) why: String,
}

impl OutdatedAnswer {
    pub(crate) fn is_critical(&self) -> bool {
        self.severity == Some(Severity::Critical.name())
    }
}

/// What of an application cannot be told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnknownApplicationAnswer {
    pub(crate) application: String,
    pub(crate) installed: Option<String>,
    /// The vulnerabilities that may be open.
    pub(crate) cves: Vec<String>,
    pub(crate) reason: String,
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
            outdated: Vec::new(),
            unknown: Vec::new(),
            unknown_applications: Vec::new(),
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
        answer.status = match findings.status {
            Found::Assessed => Status::Assessed,
            Found::NoData => {
                answer.reason = Some(format!("no data for {} in the catalogue", identity.product));
                Status::NoData
            }
        };
        answer.fill(assessor.catalog(), &findings);
        answer.add_applications(assessor.catalog(), &findings.applications);
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

impl MachineAnswer {
    /// Adds what the applications lack: updates with a KB among the others, versions to reach by themselves.
    fn add_applications(&mut self, catalog: &Catalog, findings: &ApplicationFindings) {
        for missing in &findings.missing {
            let Some(line) = findings.scope.get(missing.line) else {
                continue;
            };
            let products = names(catalog, &line.products);
            match missing.fix {
                ApplicationFix::Update(update) => {
                    let row = MissingAnswer::of_application(catalog, update, products, missing);
                    match self.missing.iter_mut().find(|known| known.kb == row.kb) {
                        Some(known) => known.unite(row),
                        None => self.missing.push(row),
                    }
                }
                ApplicationFix::Version(_) | ApplicationFix::Release(_) => {
                    let closed = Closed::of(catalog, &missing.closes);
                    self.outdated.push(OutdatedAnswer {
                        application: line.application.to_string(),
                        installed: line.version.map(|version| version.to_string()),
                        fixed: missing.version.map(|version| version.to_string()),
                        products,
                        cves: closed.ids,
                        severity: closed.severity,
                        exploited: closed.exploited,
                        why: words::application_absence(catalog, &missing.absence).to_string(),
                    });
                }
            }
        }
        self.missing.sort_by_key(|row| row.kb.parse::<u32>().ok());
        let of_lines = findings.unknown.iter().filter_map(|unknown| {
            let line = findings.scope.get(unknown.line)?;
            Some(UnknownApplicationAnswer {
                application: line.application.to_string(),
                installed: line.version.map(|version| version.to_string()),
                cves: Closed::of(catalog, &unknown.vulnerabilities).ids,
                reason: unknown.cause.to_string(),
            })
        });
        self.unknown_applications.extend(of_lines);
        let unplaced = findings.unplaced.iter();
        self.unknown_applications
            .extend(unplaced.map(|unplaced| UnknownApplicationAnswer {
                application: unplaced.application.to_string(),
                installed: unplaced.version.map(|version| version.to_string()),
                cves: Vec::new(),
                reason: unplaced.cause.to_string(),
            }));
    }
}

/// What a fix closes, in the form of an answer.
struct Closed {
    ids: Vec<String>,
    severity: Option<&'static str>,
    exploited: bool,
}

impl Closed {
    fn of(catalog: &Catalog, vulnerabilities: &[VulnerabilityIx]) -> Self {
        let closed = || vulnerabilities.iter().map(|&at| catalog.vulnerability(at));
        let exploited = |v: &VulnerabilityInfo| v.exploit.is_some_and(|exploit| exploit.exploited);
        Self {
            ids: closed().map(|v| v.id.to_string()).collect(),
            severity: closed()
                .filter_map(|v| v.severity)
                .max()
                .map(Severity::name),
            exploited: closed().any(exploited),
        }
    }
}

/// The name parts of products' software ids, each once, in order.
fn names(catalog: &Catalog, products: &[ProductIx]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for &product in products {
        let name = catalog.product(product).software.name();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

impl MissingAnswer {
    fn of_application(
        catalog: &Catalog,
        update: UpdateIx,
        products: Vec<String>,
        missing: &ApplicationMissing,
    ) -> Self {
        let closed = Closed::of(catalog, &missing.closes);
        let kb = catalog.update(update).kb;
        Self {
            kb: kb.number().to_string(),
            title: catalog.update_name(update).to_owned(),
            released: catalog.update(update).released.to_string(),
            products,
            packages: Vec::new(),
            cves: closed.ids,
            severity: closed.severity,
            exploited: closed.exploited,
            replaces: Vec::new(),
            url: link(kb),
            why: words::application_absence(catalog, &missing.absence).to_string(),
        }
    }

    /// Adds what the same update is missing for besides: one update is one row.
    fn unite(&mut self, other: Self) {
        for product in other.products {
            if !self.products.contains(&product) {
                self.products.push(product);
            }
        }
        self.cves.extend(other.cves);
        self.cves.sort_unstable();
        self.cves.dedup();
        self.exploited |= other.exploited;
        let rank = |name: Option<&str>| {
            let all = [
                Severity::Low,
                Severity::Moderate,
                Severity::Important,
                Severity::Critical,
            ];
            all.iter()
                .position(|severity| Some(severity.name()) == name)
        };
        if rank(other.severity) > rank(self.severity) {
            self.severity = other.severity;
        }
    }

    fn new(catalog: &Catalog, findings: &Findings, missing: &Missing) -> Self {
        let update = catalog.update(missing.update);
        let closed = Closed::of(catalog, &findings.vulnerabilities(catalog, &missing.closes));
        let number = |kb: &Kb| kb.number().to_string();
        let replaced = |at: &UpdateIx| number(&catalog.update(*at).kb);
        Self {
            kb: update.kb.number().to_string(),
            title: catalog.update_name(missing.update).to_owned(),
            released: update.released.to_string(),
            products: names(catalog, &missing.products),
            cves: closed.ids,
            packages: missing.packages.iter().map(number).collect(),
            severity: closed.severity,
            exploited: closed.exploited,
            replaces: missing.replaces.iter().map(replaced).collect(),
            url: link(update.kb),
            why: words::absence(catalog, &missing.absence).to_string(),
        }
    }

    pub(crate) fn is_critical(&self) -> bool {
        self.severity == Some(Severity::Critical.name())
    }
}

fn ids(catalog: &Catalog, findings: &Findings, closes: &[ExposureRef]) -> Vec<String> {
    Closed::of(catalog, &findings.vulnerabilities(catalog, closes)).ids
}

/// Where an update is to be had.
fn link(kb: Kb) -> String {
    format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q={kb}")
}
