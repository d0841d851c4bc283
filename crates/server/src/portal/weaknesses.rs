//! Weaknesses: the list of vulnerabilities, and one with its machines and what closes it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::document::Severity;
use kbgap_catalog::{UpdateIx, VulnerabilityId, VulnerabilityIx};
use kbgap_identity::Permission;
use kbgap_portal::pages::{Detail, Link, List, tabs};
use kbgap_portal::{Cell, Choice, ColumnOf, Filter, Frame, Listing, Section};

use super::problem::Problem;
use super::reader::Reader;
use super::{answer, machine_lists, updates};
use crate::api::Views;
use crate::service::Service;

const VULNERABILITY: &[Permission] = &[Permission::VulnerabilityRead];

/// What a list shows of a vulnerability.
pub(super) struct Row {
    id: String,
    title: String,
    severity: Option<Severity>,
    base: Option<f64>,
    exploited: bool,
    exposed: u64,
    published: kbgap_catalog::Day,
}

/// `GET /weaknesses`
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    reader: Reader,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Weaknesses);
    let views = reader.views(&service, VULNERABILITY)?;
    answer::in_background(move || {
        let c = &reader.frame;
        let catalog = views.machines.assessor().catalog();
        let all: Vec<VulnerabilityIx> = catalog.all_vulnerabilities().collect();
        let rows = rows(&views, &all);
        let listing = listing(c, "/api/vulnerabilities");
        let title = c.t("nav-weaknesses");
        let path = Section::Weaknesses.path();
        let table = match answer::table(&reader, &listing, title.clone(), path, &rows) {
            ControlFlow::Continue(table) => table,
            ControlFlow::Break(file) => return Ok(file),
        };
        Ok(answer::page(&List {
            c,
            title,
            lead: c.t("weaknesses-lead"),
            table,
        }))
    })
    .await
}

/// `GET /weaknesses/{cve}`
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Weaknesses);
    let views = reader.views(&service, VULNERABILITY)?;
    answer::in_background(move || page(&reader, &views, &id)).await
}

fn page(reader: &Reader, views: &Arc<Views>, id: &str) -> Result<Response, Problem> {
    let c = &reader.frame;
    let catalog = views.machines.assessor().catalog().clone();
    let parsed: Option<VulnerabilityId> = id.to_ascii_uppercase().parse().ok();
    let at = parsed.and_then(|parsed| catalog.find_vulnerability(&parsed));
    let at = at.ok_or_else(|| reader.not_found(id))?;
    let info = catalog.vulnerability(at);
    let name = info.id.to_string();
    let path = Section::Weaknesses.item(&name);
    let machines = views.machines.exposed_to(at);
    let fixes = updates::of_updates(views, &closing(&catalog, at));
    let all = [
        ("machines", c.t1("tab-machines", "count", machines.len())),
        ("fixes", c.t1("tab-fixes", "count", fixes.len())),
    ];
    let (shown, tabs) = tabs(&path, &reader.asked, &all);
    let caption = all.iter().find(|(name, _)| *name == shown);
    let caption = caption.map(|(_, text)| text.clone()).unwrap_or_default();
    let exposed = machines.len();
    let table = if shown == "fixes" {
        let listing = updates::listing(c, "/api/missingkbs", &fixes);
        answer::table(reader, &listing, caption.clone(), &path, &fixes)
    } else {
        let api = format!("/api/vulnerabilities/{name}/machineReferences");
        machine_lists::of(reader, views, machines, caption.clone(), &path, &api)
    };
    let table = match table {
        ControlFlow::Continue(table) => table,
        ControlFlow::Break(file) => return Ok(file),
    };
    let above = Link {
        text: c.t("nav-weaknesses"),
        href: Section::Weaknesses.path().to_owned(),
    };
    let exploit = info.exploit.as_ref();
    let mut detail = Detail::new(c, above, &name);
    detail.lead = views.title(at).map(str::to_owned);
    detail.facts = vec![
        (
            "col-severity",
            info.severity.map_or(Cell::Nothing, Cell::Severity),
        ),
        (
            "col-cvss",
            info.cvss
                .as_ref()
                .map_or(Cell::Nothing, |score| Cell::Decimal(score.base(), 1)),
        ),
        (
            "fact-vector",
            Cell::text(info.cvss.as_ref().map(|score| score.vector.to_string())),
        ),
        (
            "col-exploited",
            Cell::Flag(exploit.is_some_and(|exploit| exploit.exploited)),
        ),
        (
            "fact-disclosed",
            Cell::Flag(exploit.is_some_and(|exploit| exploit.publicly_disclosed)),
        ),
        ("col-exposed", Cell::Number(exposed)),
        ("col-published", Cell::Day(info.published)),
        ("fresh-revised", Cell::Day(info.updated)),
    ];
    let mut links = vec![Link {
        text: c.t1("weakness-msrc-link", "cve", &name),
        href: format!("https://msrc.microsoft.com/update-guide/vulnerability/{name}"),
    }];
    if info.id.is_cve() {
        links.push(Link {
            text: c.t1("weakness-nvd-link", "cve", &name),
            href: format!("https://nvd.nist.gov/vuln/detail/{name}"),
        });
    }
    detail.links = links;
    detail.tabs = tabs;
    detail.heading = Some(caption);
    detail.table = Some(table);
    Ok(answer::page(&detail))
}

/// The updates that are stated as fixes of a vulnerability.
fn closing(catalog: &kbgap_catalog::Catalog, at: VulnerabilityIx) -> BTreeSet<UpdateIx> {
    let exposures = catalog
        .products()
        .iter()
        .flat_map(|product| &product.exposures);
    let of_it =
        exposures.filter(|exposure| exposure.vulnerabilities.iter().any(|(own, _)| *own == at));
    let fixes = of_it.flat_map(|exposure| &exposure.fixes);
    fixes.filter_map(|fix| catalog.fix(*fix).update()).collect()
}

/// What a list shows of some vulnerabilities.
pub(super) fn rows(views: &Views, some: &[VulnerabilityIx]) -> Vec<Row> {
    let catalog = views.machines.assessor().catalog();
    let exposures = views.exposures();
    let rows = some.iter().map(|at| {
        let info = catalog.vulnerability(*at);
        let exposure = exposures.vulnerabilities().get(at);
        let exploit = info.exploit.as_ref();
        Row {
            id: info.id.to_string(),
            title: views.title(*at).unwrap_or_default().to_owned(),
            severity: info.severity,
            base: info.cvss.as_ref().map(kbgap_catalog::Score::base),
            exploited: exploit.is_some_and(|exploit| exploit.exploited),
            exposed: exposure.map_or(0, |exposure| exposure.exposed),
            published: info.published,
        }
    });
    rows.collect()
}

/// The list of vulnerabilities.
pub(super) fn listing<'a>(c: &Frame, api: impl Into<String>) -> Listing<'a, Row> {
    let columns = vec![
        ColumnOf::new("id", "col-cve", |row: &Row| {
            Cell::link(&*row.id, Section::Weaknesses.item(&row.id))
        })
        .api("id"),
        ColumnOf::new("name", "col-title", |row: &Row| {
            Cell::Text(row.title.clone())
        }),
        ColumnOf::new("severity", "col-severity", |row: &Row| {
            row.severity.map_or(Cell::Nothing, Cell::Severity)
        }),
        ColumnOf::new("cvssV3", "col-cvss", |row: &Row| {
            row.base
                .map_or(Cell::Nothing, |base| Cell::Decimal(base, 1))
        })
        .numeric()
        .api("cvssV3"),
        ColumnOf::new("exploitVerified", "col-exploited", |row: &Row| {
            Cell::Flag(row.exploited)
        })
        .api("exploitVerified"),
        ColumnOf::new("exposedMachines", "col-exposed", |row: &Row| {
            Cell::Number(row.exposed)
        })
        .numeric()
        .api("exposedMachines"),
        ColumnOf::new("publishedOn", "col-published", |row: &Row| {
            Cell::Day(row.published)
        })
        .api("publishedOn"),
    ];
    let choices = |all: &[(&str, &str)]| -> Vec<Choice> {
        let choices = all.iter().map(|(value, label)| Choice {
            value: (*value).to_owned(),
            text: c.t(label),
        });
        choices.collect()
    };
    let severity = Filter {
        key: "severity",
        label: "filter-severity",
        choices: choices(&[
            ("critical", "severity-critical"),
            ("important", "severity-important"),
            ("moderate", "severity-moderate"),
            ("low", "severity-low"),
        ]),
    };
    let exploited = Filter {
        key: "exploited",
        label: "filter-exploited",
        choices: choices(&[("yes", "cell-yes"), ("no", "cell-no")]),
    };
    let open = Filter {
        key: "open",
        label: "filter-open",
        choices: choices(&[("here", "open-here"), ("nowhere", "open-nowhere")]),
    };
    Listing::new(api, columns)
        .ordered("exposedMachines", true)
        .searched(
            c.t("weaknesses-search"),
            |row, words| {
                row.id.to_lowercase().contains(words) || row.title.to_lowercase().contains(words)
            },
            None,
        )
        .narrowed(
            severity,
            |row, value| row.severity.is_some_and(|own| severity_value(own) == value),
            None,
        )
        .narrowed(
            exploited,
            |row, value| row.exploited == (value == "yes"),
            None,
        )
        .narrowed(
            open,
            |row, value| (row.exposed > 0) == (value == "here"),
            None,
        )
}

pub(super) const fn severity_value(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Important => "important",
        Severity::Moderate => "moderate",
        Severity::Low => "low",
    }
}
