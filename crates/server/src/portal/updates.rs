//! Missing updates: the list, and one with its machines, what it closes, and what replaces what.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::document::{Restart, Severity};
use kbgap_catalog::{Catalog, Day, Kb, UpdateIx};
use kbgap_fleet::{MissingUpdate, UpdateClosing};
use kbgap_identity::Permission;
use kbgap_portal::charts::{self, Bar, Tone};
use kbgap_portal::pages::{Detail, Link, List, Notice, tabs};
use kbgap_portal::{Cell, Choice, ColumnOf, Filter, Frame, Listing, Look, Section};

use super::problem::Problem;
use super::reader::Reader;
use super::{answer, machine_lists, weaknesses};
use crate::api::{Views, catalog_link};
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];
/// How many updates are drawn before and after one.
const DRAWN: usize = 3;

/// What a list shows of a missing update.
pub(super) struct Row {
    kb: Kb,
    name: String,
    released: Day,
    products: Vec<String>,
    severity: Option<Severity>,
    machines: u64,
    cves: u64,
    exploited: u64,
}

/// `GET /updates`
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    reader: Reader,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Updates);
    let views = reader.views(&service, SOFTWARE)?;
    answer::in_background(move || {
        let c = &reader.frame;
        let rows = rows(&views, views.missing());
        let listing = listing(c, "/api/missingkbs", &rows);
        let title = c.t("nav-updates");
        let path = Section::Updates.path();
        let table = match answer::table(&reader, &listing, title.clone(), path, &rows) {
            ControlFlow::Continue(table) => table,
            ControlFlow::Break(file) => return Ok(file),
        };
        Ok(answer::page(&List {
            c,
            title,
            lead: c.t("updates-lead"),
            table,
        }))
    })
    .await
}

/// `GET /updates/{kb}`
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    reader: Reader,
    Path(kb): Path<String>,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Updates);
    let views = reader.views(&service, SOFTWARE)?;
    answer::in_background(move || page(&reader, &views, &kb)).await
}

#[expect(
    clippy::too_many_lines,
    reason = "one part of the page after the other"
)]
fn page(reader: &Reader, views: &Arc<Views>, written: &str) -> Result<Response, Problem> {
    let c = &reader.frame;
    let catalog = views.machines.assessor().catalog().clone();
    let kb: Option<Kb> = written.parse().ok();
    let at = kb.and_then(|kb| catalog.find_update(kb));
    let at = at.ok_or_else(|| reader.not_found(written))?;
    let update = catalog.update(at);
    let number = update.kb.number().to_string();
    let path = Section::Updates.item(&number);
    let machines = views.machines.lacking(update.kb);
    let missed = machines.len();
    let closes = catalog.fixed_by(at, catalog.all_products());
    let all = [
        ("machines", c.t1("tab-machines", "count", missed)),
        ("weaknesses", c.t1("tab-weaknesses", "count", closes.len())),
    ];
    let (shown, tabs) = tabs(&path, &reader.asked, &all);
    let caption = all.iter().find(|(name, _)| *name == shown);
    let caption = caption.map(|(_, text)| text.clone()).unwrap_or_default();
    let table = if shown == "weaknesses" {
        let rows = weaknesses::rows(views, &closes);
        let listing = weaknesses::listing(c, "/api/vulnerabilities");
        answer::table(reader, &listing, caption.clone(), &path, &rows)
    } else {
        let api = format!("/api/missingkbs/{number}/machineReferences");
        machine_lists::of(reader, views, machines, caption.clone(), &path, &api)
    };
    let table = match table {
        ControlFlow::Continue(table) => table,
        ControlFlow::Break(file) => return Ok(file),
    };
    let above = Link {
        text: c.t("nav-updates"),
        href: Section::Updates.path().to_owned(),
    };
    let mut detail = Detail::new(c, above, update.kb.to_string());
    let row = of_updates(views, &BTreeSet::from([at])).pop();
    detail.lead = Some(catalog.update_name(at).to_owned());
    if missed == 0 {
        detail.notices.push(Notice {
            text: c.t("update-not-missing"),
            look: Look::Good,
        });
    }
    detail.facts = vec![
        ("col-released", Cell::Day(update.released)),
        (
            "col-severity",
            row.as_ref()
                .and_then(|row| row.severity)
                .map_or(Cell::Nothing, Cell::Severity),
        ),
        ("col-machines-missing", Cell::Number(missed)),
        ("col-cves", Cell::Number(closes.len() as u64)),
        (
            "col-exploited-cves",
            Cell::Number(row.as_ref().map_or(0, |row| row.exploited)),
        ),
        ("fact-restart", restart(&catalog, at)),
        (
            "fact-document",
            Cell::Text(catalog.document(update.home).id.to_string()),
        ),
        (
            "col-products",
            Cell::List(row.map(|row| row.products).unwrap_or_default()),
        ),
    ];
    detail.links = vec![
        Link {
            text: c.t1("update-catalog-link", "kb", &number),
            href: catalog_link(update.kb),
        },
        Link {
            text: c.t1("update-support-link", "kb", &number),
            href: format!("https://support.microsoft.com/help/{number}"),
        },
    ];
    let line = line(&catalog, update.kb);
    if line.len() > 1 {
        let steps = line.iter().map(|kb| {
            let released = catalog
                .find_update(*kb)
                .map(|at| catalog.update(at).released);
            Bar {
                label: kb.to_string(),
                value: 0.0,
                shown: released.map(|day| c.month(day)).unwrap_or_default(),
                tone: if *kb == update.kb {
                    Tone::Plain
                } else {
                    Tone::Faint
                },
            }
        });
        let steps: Vec<Bar> = steps.collect();
        let title = format!("{}: {}", c.t("chart-line"), c.t("line-oldest-first"));
        let chart = charts::chain(&title, &c.t("col-released"), &steps);
        detail.charts.push(chart);
    }
    detail.tabs = tabs;
    detail.heading = Some(caption);
    detail.table = Some(table);
    Ok(answer::page(&detail))
}

/// Whether installing needs a restart: the most that any of its fixes says.
fn restart(catalog: &Catalog, at: UpdateIx) -> Cell {
    let fixes = catalog
        .fixes()
        .iter()
        .filter(|fix| fix.update() == Some(at));
    let (mut known, mut may, mut must) = (false, false, false);
    for restart in fixes.filter_map(|fix| fix.restart) {
        known = true;
        may |= restart == Restart::MayBe;
        must |= restart == Restart::Required;
    }
    let (value, label) = match (must, may, known) {
        (true, _, _) => ("required", "restart-yes"),
        (_, true, _) => ("maybe", "restart-maybe"),
        (_, _, true) => ("no", "restart-no"),
        _ => return Cell::Nothing,
    };
    Cell::Word {
        value,
        label,
        look: Look::Plain,
    }
}

/// The updates before and after one, by what its fixes say they replace; of several the newest before, the earliest after.
fn line(catalog: &Catalog, kb: Kb) -> Vec<Kb> {
    let mut older: BTreeMap<Kb, BTreeSet<Kb>> = BTreeMap::new();
    let mut newer: BTreeMap<Kb, BTreeSet<Kb>> = BTreeMap::new();
    for fix in catalog.fixes() {
        let Some(update) = fix.update() else { continue };
        let own = catalog.update(update).kb;
        for replaced in &fix.supersedes {
            older.entry(own).or_default().insert(*replaced);
            newer.entry(*replaced).or_default().insert(own);
        }
    }
    let released = |kb: &Kb| {
        let at = catalog.find_update(*kb);
        at.map(|at| (catalog.update(at).released, *kb))
    };
    let mut line = vec![kb];
    let mut seen = BTreeSet::from([kb]);
    for _ in 0..DRAWN {
        let before = line.first().and_then(|first| older.get(first));
        let before = before.into_iter().flatten().filter(|kb| !seen.contains(kb));
        let Some(before) = before.max_by_key(|kb| released(kb)).copied() else {
            break;
        };
        seen.insert(before);
        line.insert(0, before);
    }
    for _ in 0..DRAWN {
        let after = line.last().and_then(|last| newer.get(last));
        let after = after.into_iter().flatten().filter(|kb| !seen.contains(kb));
        let Some(after) = after.min_by_key(|kb| released(kb)).copied() else {
            break;
        };
        seen.insert(after);
        line.push(after);
    }
    line
}

/// What a list shows of some missing updates.
pub(super) fn rows(views: &Views, missing: &[MissingUpdate]) -> Vec<Row> {
    let catalog = views.machines.assessor().catalog();
    let closing = views.machines.closing();
    let by_update: BTreeMap<UpdateIx, &UpdateClosing> = closing
        .updates
        .iter()
        .map(|one| (one.update, one))
        .collect();
    let rows = missing.iter().filter_map(|missing| {
        let at = catalog.find_update(missing.kb)?;
        let closing = by_update.get(&at);
        Some(Row {
            kb: missing.kb,
            name: missing.name.to_string(),
            released: catalog.update(at).released,
            products: missing.products.iter().map(ToString::to_string).collect(),
            severity: closing.and_then(|closing| closing.severity),
            machines: missing.machines,
            cves: missing.cves as u64,
            exploited: closing.map_or(0, |closing| closing.exploited as u64),
        })
    });
    rows.collect()
}

/// The same of updates that need not be missing anywhere.
pub(super) fn of_updates(views: &Views, updates: &BTreeSet<UpdateIx>) -> Vec<Row> {
    let catalog = views.machines.assessor().catalog();
    let missing = views.missing();
    let rows = updates.iter().filter_map(|at| {
        let kb = catalog.update(*at).kb;
        let found = missing.binary_search_by_key(&kb, |missing| missing.kb);
        if let Some(known) = found.ok().and_then(|place| missing.get(place)) {
            return rows(views, std::slice::from_ref(known)).pop();
        }
        Some(Row {
            kb,
            name: catalog.update_name(*at).to_owned(),
            released: catalog.update(*at).released,
            products: Vec::new(),
            severity: None,
            machines: 0,
            cves: catalog.cves_addressed(*at, catalog.all_products()) as u64,
            exploited: 0,
        })
    });
    rows.collect()
}

/// The list of missing updates.
pub(super) fn listing<'a>(c: &Frame, api: impl Into<String>, rows: &[Row]) -> Listing<'a, Row> {
    let columns = vec![
        ColumnOf::new("id", "col-kb", |row: &Row| {
            let number = row.kb.number().to_string();
            Cell::link(row.kb.to_string(), Section::Updates.item(&number))
        }),
        ColumnOf::new("name", "col-name", |row: &Row| Cell::Text(row.name.clone())).api("name"),
        ColumnOf::new("released", "col-released", |row: &Row| {
            Cell::Day(row.released)
        }),
        ColumnOf::new("productsNames", "col-products", |row: &Row| {
            Cell::List(row.products.clone())
        })
        .unordered(),
        ColumnOf::new("severity", "col-severity", |row: &Row| {
            row.severity.map_or(Cell::Nothing, Cell::Severity)
        }),
        ColumnOf::new("machineMissedOn", "col-machines-missing", |row: &Row| {
            Cell::Number(row.machines)
        })
        .numeric()
        .api("machineMissedOn"),
        ColumnOf::new("cveAddressed", "col-cves", |row: &Row| {
            Cell::Number(row.cves)
        })
        .numeric()
        .api("cveAddressed"),
        ColumnOf::new("exploited", "col-exploited-cves", |row: &Row| {
            Cell::Number(row.exploited)
        })
        .numeric(),
    ];
    let months: BTreeSet<String> = rows.iter().map(|row| month(row.released)).collect();
    let months = months.into_iter().rev().map(|month| Choice {
        text: month.clone(),
        value: month,
    });
    let products: BTreeSet<&String> = rows.iter().flat_map(|row| &row.products).collect();
    let products = products.into_iter().map(|name| Choice {
        text: name.replace('_', " "),
        value: name.clone(),
    });
    let month_filter = Filter {
        key: "month",
        label: "filter-month",
        choices: months.collect(),
    };
    let product_filter = Filter {
        key: "product",
        label: "filter-product",
        choices: products.collect(),
    };
    let severity = Filter {
        key: "severity",
        label: "filter-severity",
        choices: [
            ("critical", "severity-critical"),
            ("important", "severity-important"),
            ("moderate", "severity-moderate"),
            ("low", "severity-low"),
        ]
        .map(|(value, label)| Choice {
            value: value.to_owned(),
            text: c.t(label),
        })
        .into(),
    };
    Listing::new(api, columns)
        .ordered("machineMissedOn", true)
        .searched(
            c.t("updates-search"),
            |row, words| {
                row.kb.to_string().to_lowercase().contains(words)
                    || row.name.to_lowercase().contains(words)
            },
            None,
        )
        .narrowed(
            month_filter,
            |row, value| month(row.released) == value,
            None,
        )
        .narrowed(
            product_filter,
            |row, value| row.products.iter().any(|own| own == value),
            None,
        )
        .narrowed(
            severity,
            |row, value| {
                let own = row.severity.map(weaknesses::severity_value);
                own == Some(value)
            },
            None,
        )
}

/// A month as the value of a filter: `2026-02`.
fn month(day: Day) -> String {
    let mut text = day.to_string();
    text.truncate(7);
    text
}
