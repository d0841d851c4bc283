//! Machines: the list, and one with what it lacks and why.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kbgap_assessment::words::{Evidence, VerdictName};
use kbgap_catalog::{Kb, SoftwareId};
use kbgap_fleet::{Activity, DeviceValue, Machine};
use kbgap_identity::Permission;
use kbgap_portal::pages::{Detail, Link, List, Notice, Reason, tabs};
use kbgap_portal::{Cell, ColumnOf, Listing, Look, Section};

use super::problem::Problem;
use super::reader::Reader;
use super::{answer, machine_lists};
use crate::api::Views;
use crate::history::{Detected, Detection};
use crate::service::Service;

const MACHINE: &[Permission] = &[Permission::MachineRead, Permission::MachineReadWrite];
const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];
/// How many updates are shown with their reasons.
const REASONS: usize = 100;

/// `GET /machines`
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    reader: Reader,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Machines);
    let views = reader.views(&service, MACHINE)?;
    answer::in_background(move || {
        let c = &reader.frame;
        let title = c.t("nav-machines");
        let path = Section::Machines.path();
        let table = match machine_lists::all(&reader, &views, title.clone(), path) {
            ControlFlow::Continue(table) => table,
            ControlFlow::Break(file) => return Ok(file),
        };
        Ok(answer::page(&List {
            c,
            title,
            lead: c.t("machines-lead"),
            table,
        }))
    })
    .await
}

/// `GET /machines/{id}`
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Machines);
    let views = reader.views(&service, MACHINE)?;
    // What it lacks and has is of another permission.
    let tenant = reader.tenant(&service, SOFTWARE)?;
    let machine = views.machines.machine(&id);
    let machine = machine.ok_or_else(|| reader.not_found(&id))?;
    let history = if reader.asked.value("tab") == Some("history") {
        let history = tenant.history(&machine.id.to_string()).await;
        history.map_err(|error| Problem::store(&reader.frame, &error))?
    } else {
        Vec::new()
    };
    answer::in_background(move || page(&reader, &views, &machine, &history)).await
}

/// `GET /machines/{id}/report`: all that it reported.
pub(super) async fn report(
    State(service): State<Arc<Service>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let tenant = reader.tenant(&service, SOFTWARE)?;
    let machine = reader.views(&service, MACHINE)?.machines.machine(&id);
    let machine = machine.ok_or_else(|| reader.not_found(&id))?;
    let report = tenant.report(&machine.id.to_string()).await;
    let report = report.map_err(|error| Problem::failed(&reader.frame, &error))?;
    let report = report.ok_or_else(|| reader.not_found(&id))?;
    Ok(Json(report).into_response())
}

#[expect(
    clippy::too_many_lines,
    reason = "one part of the page after the other"
)]
fn page(
    reader: &Reader,
    views: &Arc<Views>,
    machine: &Machine,
    history: &[Detection],
) -> Result<Response, Problem> {
    let c = &reader.frame;
    let now = Timestamp::now();
    let id = machine.id.to_string();
    let path = Section::Machines.item(&id);
    let on = views.machines.on_machine(&id);
    let on = on.ok_or_else(|| reader.not_found(&id))?;
    let mut evidence = views.machines.evidence_on_machine(&id).unwrap_or_default();
    evidence.sort_by_key(|evidence| rank(evidence.verdict));
    let missing = evidence
        .iter()
        .filter(|evidence| evidence.verdict == VerdictName::Missing);
    let missing = missing.count();
    let open = on.vulnerabilities();
    let installed = on.installed();
    let all = [
        ("missing", c.t1("tab-missing", "count", missing)),
        ("weaknesses", c.t1("tab-weaknesses", "count", open.len())),
        ("software", c.t1("tab-software", "count", installed.len())),
        ("history", c.t("tab-history")),
    ];
    let (shown, tabs) = tabs(&path, &reader.asked, &all);
    let caption = all.iter().find(|(name, _)| *name == shown);
    let caption = caption.map(|(_, text)| text.clone()).unwrap_or_default();
    let above = Link {
        text: c.t("nav-machines"),
        href: Section::Machines.path().to_owned(),
    };
    let mut detail = Detail::new(c, above, machine.name.as_deref().unwrap_or(&id));
    let api = format!("/api/machines/{id}");
    let table = match shown {
        "weaknesses" => Some(weaknesses(reader, views, &open, &caption, &path, &api)),
        "software" => {
            let counts = on.open_by_software();
            let columns = vec![
                ColumnOf::new("name", "col-software", |row: &Installed| {
                    Cell::link(
                        row.software.name(),
                        Section::Software.item(row.software.as_str()),
                    )
                }),
                ColumnOf::new("vendor", "col-vendor", |row: &Installed| {
                    Cell::Text(row.software.vendor().to_owned())
                }),
                ColumnOf::new("version", "col-version", |row: &Installed| {
                    Cell::Text(row.version.clone())
                }),
                ColumnOf::new("weaknesses", "col-weaknesses", |row: &Installed| {
                    Cell::Number(row.open)
                })
                .numeric(),
            ];
            let rows = installed.iter().map(|installed| Installed {
                software: installed.software.clone(),
                version: installed.version.to_string(),
                open: counts
                    .get(installed.software)
                    .map_or(0, |open| *open as u64),
            });
            let rows: Vec<Installed> = rows.collect();
            let listing = Listing::new(format!("{api}/software"), columns)
                .ordered("weaknesses", true)
                .searched(
                    c.t("software-search"),
                    |row, words| row.software.as_str().contains(&words.replace(' ', "_")),
                    None,
                );
            Some(answer::table(
                reader,
                &listing,
                caption.clone(),
                &path,
                &rows,
            ))
        }
        "history" => {
            let columns = vec![
                ColumnOf::new("what", "col-what", |row: &Detection| match &row.what {
                    Detected::Kb(kb) => Cell::link(
                        kb.to_string(),
                        Section::Updates.item(&kb.number().to_string()),
                    ),
                    Detected::Vulnerability(id) => {
                        Cell::link(id.to_string(), Section::Weaknesses.item(&id.to_string()))
                    }
                }),
                ColumnOf::new("detected", "col-detected", |row: &Detection| {
                    Cell::Moment(row.detected)
                }),
                ColumnOf::new("fixed", "col-fixed", |row: &Detection| {
                    row.fixed.map_or(Cell::Nothing, Cell::Moment)
                }),
            ];
            let route = format!("/kbgap/v1/machines/{id}/history");
            let listing = Listing::new(route, columns).ordered("detected", true);
            Some(answer::table(
                reader,
                &listing,
                caption.clone(),
                &path,
                history,
            ))
        }
        _ => {
            detail.reasons = reasons(reader, views, &evidence);
            if evidence.is_empty() && machine.unidentified.is_none() {
                detail.notices.push(Notice {
                    text: c.t("reasons-none"),
                    look: Look::Good,
                });
            }
            if evidence.len() > REASONS {
                detail.notices.push(Notice {
                    text: c.t1("reasons-more", "count", REASONS),
                    look: Look::Plain,
                });
            }
            None
        }
    };
    detail.table = match table {
        None => None,
        Some(ControlFlow::Continue(table)) => Some(table),
        Some(ControlFlow::Break(file)) => return Ok(file),
    };
    notices(reader, views, machine, now, &mut detail.notices);
    detail.facts = facts(views, machine, now);
    detail.links = vec![Link {
        text: c.t("machine-report-link"),
        href: format!("{path}/report"),
    }];
    detail.tabs = tabs;
    detail.heading = Some(caption);
    Ok(answer::page(&detail))
}

/// A software as a machine has it.
struct Installed {
    software: SoftwareId,
    version: String,
    open: u64,
}

/// What is open on a machine.
fn weaknesses(
    reader: &Reader,
    views: &Views,
    open: &[kbgap_fleet::MachineVulnerability<'_>],
    caption: &str,
    path: &str,
    api: &str,
) -> ControlFlow<Response, kbgap_portal::Table> {
    type Row<'a> = kbgap_fleet::MachineVulnerability<'a>;
    let catalog = views.machines.assessor().catalog();
    let info = |row: &Row<'_>| catalog.vulnerability(row.vulnerability);
    let columns = vec![
        ColumnOf::new("id", "col-cve", move |row: &Row<'_>| {
            let id = info(row).id.to_string();
            let href = Section::Weaknesses.item(&id);
            Cell::link(id, href)
        })
        .api("id"),
        ColumnOf::new("severity", "col-severity", move |row: &Row<'_>| {
            info(row).severity.map_or(Cell::Nothing, Cell::Severity)
        }),
        ColumnOf::new("cvssV3", "col-cvss", move |row: &Row<'_>| {
            let score = info(row).cvss.as_ref();
            score.map_or(Cell::Nothing, |score| Cell::Decimal(score.base(), 1))
        })
        .numeric()
        .api("cvssV3"),
        ColumnOf::new("exploited", "col-exploited", move |row: &Row<'_>| {
            let exploit = info(row).exploit.as_ref();
            Cell::Flag(exploit.is_some_and(|exploit| exploit.exploited))
        }),
        ColumnOf::new("software", "col-software", |row: &Row<'_>| {
            Cell::link(
                row.software.name(),
                Section::Software.item(row.software.as_str()),
            )
        }),
        ColumnOf::new("version", "col-version", |row: &Row<'_>| {
            Cell::text(row.version.as_deref())
        }),
        ColumnOf::new("fix", "col-fix", move |row: &Row<'_>| {
            row.fix.map_or(Cell::Nothing, |at| {
                let kb: Kb = catalog.update(at).kb;
                Cell::link(
                    kb.to_string(),
                    Section::Updates.item(&kb.number().to_string()),
                )
            })
        }),
    ];
    let listing = Listing::new(format!("{api}/vulnerabilities"), columns)
        .ordered("severity", true)
        .searched(
            reader.frame.t("weaknesses-search"),
            move |row, words| info(row).id.to_string().to_lowercase().contains(words),
            None,
        );
    answer::table(reader, &listing, caption.to_owned(), path, open)
}

/// What was found, most pressing first, each with its chain of facts.
fn reasons(reader: &Reader, views: &Views, evidence: &[Evidence]) -> Vec<Reason> {
    let c = &reader.frame;
    let catalog = views.machines.assessor().catalog();
    let reasons = evidence.iter().take(REASONS).map(|evidence| {
        let (verdict, look) = verdict(evidence.verdict);
        let at = evidence
            .kb
            .parse()
            .ok()
            .and_then(|kb: Kb| catalog.find_update(kb));
        let products = evidence.products.iter();
        let products = products.map(|product| format!("{} ({})", product.name, product.shown_by));
        let documents = evidence.documents.iter().map(ToString::to_string);
        let about = [
            ("line", evidence.line.as_str().into()),
            ("products", products.collect::<Vec<_>>().join(", ").into()),
            ("documents", documents.collect::<Vec<_>>().join(", ").into()),
        ];
        Reason {
            kb: evidence.kb.clone(),
            href: Section::Updates.item(&evidence.kb),
            name: at
                .map(|at| catalog.update_name(at).to_owned())
                .unwrap_or_default(),
            verdict,
            look,
            because: evidence.because.iter().map(ToString::to_string).collect(),
            about: c.message("reason-about", &about),
        }
    });
    reasons.collect()
}

const fn rank(verdict: VerdictName) -> u8 {
    match verdict {
        VerdictName::Missing => 0,
        VerdictName::Pending => 1,
        VerdictName::Unknown => 2,
        VerdictName::Replaced => 3,
        VerdictName::NotNeeded => 4,
        VerdictName::Present => 5,
    }
}

const fn verdict(verdict: VerdictName) -> (&'static str, Look) {
    match verdict {
        VerdictName::Missing => ("verdict-missing", Look::Bad),
        VerdictName::Pending => ("verdict-pending", Look::Warning),
        VerdictName::Unknown => ("verdict-unknown", Look::Warning),
        VerdictName::Replaced => ("verdict-replaced", Look::Plain),
        VerdictName::NotNeeded => ("verdict-not-needed", Look::Plain),
        VerdictName::Present => ("verdict-present", Look::Good),
    }
}

fn notices(
    reader: &Reader,
    views: &Views,
    machine: &Machine,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) {
    let c = &reader.frame;
    let mut tell = |text: String| {
        notices.push(Notice {
            text,
            look: Look::Warning,
        });
    };
    if machine.exclusion.is_some() {
        tell(c.t("machine-excluded"));
    }
    if views.machines.ages().activity(machine.last_seen, now) != Activity::Active {
        tell(c.t("machine-inactive"));
    }
    if let Some(why) = &machine.unidentified {
        tell(c.t1("machine-unidentified", "why", &**why));
    }
}

fn facts(views: &Views, machine: &Machine, now: Timestamp) -> Vec<(&'static str, Cell)> {
    let fleet = &views.machines;
    let windows = machine.windows.as_ref();
    let build = windows.and_then(kbgap_fleet::WindowsFacts::build);
    let (value, label) = match machine.value {
        DeviceValue::Normal => ("normal", "value-normal"),
        DeviceValue::Low => ("low", "value-low"),
        DeviceValue::High => ("high", "value-high"),
    };
    let standing = fleet.standing(&machine.id, now);
    let score = fleet.score_of_machine(&machine.id);
    vec![
        (
            "col-state",
            standing.map_or(Cell::Nothing, machine_lists::standing),
        ),
        (
            "col-exposure",
            score.map_or(Cell::Nothing, |score| Cell::Decimal(score, 1)),
        ),
        (
            "col-os",
            Cell::text(windows.map(|windows| windows.product().to_string())),
        ),
        (
            "col-build",
            Cell::text(build.map(|build| build.to_string())),
        ),
        ("col-group", Cell::text(machine.group.as_deref())),
        (
            "col-tags",
            Cell::List(machine.tags.iter().map(ToString::to_string).collect()),
        ),
        (
            "fact-value",
            Cell::Word {
                value,
                label,
                look: Look::Plain,
            },
        ),
        ("col-first-seen", Cell::Moment(machine.first_seen)),
        ("col-last-seen", Cell::Moment(machine.last_seen)),
        ("fact-id", Cell::Text(machine.id.to_string())),
    ]
}
