//! Software: the list, and one with what is missing, its versions, its machines and what is open in it.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use kbgap_catalog::SoftwareId;
use kbgap_identity::Permission;
use kbgap_portal::charts::{self, Bar, Tone};
use kbgap_portal::pages::{Detail, Link, List, tabs};
use kbgap_portal::{Cell, Choice, ColumnOf, Filter, Frame, Listing, Section};

use super::answer;
use super::machine_lists;
use super::problem::Problem;
use super::reader::Reader;
use super::{updates, weaknesses};
use crate::api::Views;
use crate::api::model::Software;
use crate::service::Service;

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];
/// How many vendors there are to choose from: those whose software is on most machines.
const VENDORS: usize = 60;
/// How many versions are drawn.
const VERSIONS: usize = 30;

/// `GET /software`
pub(super) async fn list(
    State(service): State<Arc<Service>>,
    reader: Reader,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Software);
    let views = reader.views(&service, SOFTWARE)?;
    answer::in_background(move || {
        let c = &reader.frame;
        let rows = views.software();
        let listing = listing(c, "/api/Software", rows);
        let title = c.t("nav-software");
        let path = Section::Software.path();
        let table = match answer::table(&reader, &listing, title.clone(), path, rows) {
            ControlFlow::Continue(table) => table,
            ControlFlow::Break(file) => return Ok(file),
        };
        Ok(answer::page(&List {
            c,
            title,
            lead: c.t("software-lead"),
            table,
        }))
    })
    .await
}

/// `GET /software/{id}`
pub(super) async fn one(
    State(service): State<Arc<Service>>,
    reader: Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let reader = reader.reading(Section::Software);
    let views = reader.views(&service, SOFTWARE)?;
    answer::in_background(move || page(&reader, &views, &id)).await
}

#[expect(
    clippy::too_many_lines,
    reason = "one part of the page after the other"
)]
fn page(reader: &Reader, views: &Arc<Views>, id: &str) -> Result<Response, Problem> {
    let c = &reader.frame;
    let software = SoftwareId::from_client(id);
    let row = views.software_of(&software);
    let row = row.ok_or_else(|| reader.not_found(id))?;
    let product = &row.product;
    let path = Section::Software.item(&product.id);
    let missing = views.machines.missing_for_software(&software);
    let missing = missing.unwrap_or_default();
    let mut versions = views.machines.distribution(&software).unwrap_or_default();
    versions.sort_by_key(|version| std::cmp::Reverse(version.machines));
    let machines = views.machines.having_software(&software);
    let exposures = views.exposures();
    let open = exposures.software().get(&software);
    let open = open.map_or(&[][..], |found| &found.open);
    let all = [
        ("missing", c.t1("tab-missing", "count", missing.len())),
        ("versions", c.t1("tab-versions", "count", versions.len())),
        ("machines", c.t1("tab-machines", "count", machines.len())),
        ("weaknesses", c.t1("tab-weaknesses", "count", open.len())),
    ];
    let (shown, tabs) = tabs(&path, &reader.asked, &all);
    let caption = all.iter().find(|(name, _)| *name == shown);
    let caption = caption.map(|(_, text)| text.clone()).unwrap_or_default();
    let mut detail = Detail::new(
        c,
        Link {
            text: c.t("nav-software"),
            href: Section::Software.path().to_owned(),
        },
        &*product.name,
    );
    let api = format!("/api/Software/{}", product.id);
    let table = match shown {
        "versions" => {
            let bars = versions.iter().take(VERSIONS).map(|version| {
                let unknown = version.version.is_empty();
                Bar {
                    label: if unknown {
                        c.t("version-unknown")
                    } else {
                        version.version.to_string()
                    },
                    value: f64_of(version.machines),
                    shown: c.number(version.machines),
                    tone: if version.vulnerabilities > 0 {
                        Tone::Bad
                    } else {
                        Tone::Good
                    },
                }
            });
            let bars: Vec<Bar> = bars.collect();
            let mut chart = charts::bars(&c.t("chart-versions"), &c.t("unit-machines"), &bars);
            // The list below has the numbers.
            chart.rows.clear();
            detail.tab_charts.push(chart);
            let columns = vec![
                ColumnOf::new(
                    "version",
                    "col-version",
                    |row: &kbgap_fleet::VersionCount| Cell::Text(row.version.to_string()),
                ),
                ColumnOf::new(
                    "installations",
                    "col-installed",
                    |row: &kbgap_fleet::VersionCount| Cell::Number(row.machines),
                )
                .numeric()
                .api("installations"),
                ColumnOf::new(
                    "vulnerabilities",
                    "col-weaknesses",
                    |row: &kbgap_fleet::VersionCount| Cell::Number(row.vulnerabilities as u64),
                )
                .numeric()
                .api("vulnerabilities"),
            ];
            let listing = Listing::new(format!("{api}/distributions"), columns)
                .ordered("installations", true);
            answer::table(reader, &listing, caption.clone(), &path, &versions)
        }
        "machines" => machine_lists::of(
            reader,
            views,
            machines,
            caption.clone(),
            &path,
            &format!("{api}/machineReferences"),
        ),
        "weaknesses" => {
            let rows = weaknesses::rows(views, open);
            let listing = weaknesses::listing(c, format!("{api}/vulnerabilities"));
            answer::table(reader, &listing, caption.clone(), &path, &rows)
        }
        _ => {
            let rows = updates::rows(views, &missing);
            let listing = updates::listing(c, format!("{api}/getmissingkbs"), &rows);
            answer::table(reader, &listing, caption.clone(), &path, &rows)
        }
    };
    let table = match table {
        ControlFlow::Continue(table) => table,
        ControlFlow::Break(file) => return Ok(file),
    };
    detail.facts = vec![
        ("col-vendor", Cell::Text(product.vendor.to_string())),
        (
            "col-installed",
            Cell::Number(count(product.installed_machines)),
        ),
        ("col-exposed", Cell::Number(count(product.exposed_machines))),
        ("col-weaknesses", Cell::Number(count(product.weaknesses))),
        ("col-exploited", Cell::Flag(product.public_exploit)),
        ("col-impact", Cell::Decimal(f64::from(product.impact), 2)),
    ];
    detail.tabs = tabs;
    detail.heading = Some(caption);
    detail.table = Some(table);
    Ok(answer::page(&detail))
}

/// The list of softwares.
pub(super) fn listing<'a>(
    c: &Frame,
    api: impl Into<String>,
    rows: &[Software],
) -> Listing<'a, Software> {
    let columns = vec![
        ColumnOf::new("name", "col-name", |row: &Software| {
            Cell::link(&*row.product.name, Section::Software.item(&row.product.id))
        })
        .api("name"),
        ColumnOf::new("vendor", "col-vendor", |row: &Software| {
            Cell::Text(row.product.vendor.to_string())
        })
        .api("vendor"),
        ColumnOf::new("installedMachines", "col-installed", |row: &Software| {
            Cell::Number(count(row.product.installed_machines))
        })
        .numeric()
        .api("installedMachines"),
        ColumnOf::new("exposedMachines", "col-exposed", |row: &Software| {
            Cell::Number(count(row.product.exposed_machines))
        })
        .numeric()
        .api("exposedMachines"),
        ColumnOf::new("weaknesses", "col-weaknesses", |row: &Software| {
            Cell::Number(count(row.product.weaknesses))
        })
        .numeric()
        .api("weaknesses"),
        ColumnOf::new("publicExploit", "col-exploited", |row: &Software| {
            Cell::Flag(row.product.public_exploit)
        })
        .api("publicExploit"),
        ColumnOf::new("impactScore", "col-impact", |row: &Software| {
            Cell::Decimal(f64::from(row.product.impact), 2)
        })
        .numeric()
        .api("impactScore"),
    ];
    let vendors = Filter {
        key: "vendor",
        label: "filter-vendor",
        choices: vendors(rows),
    };
    let weak = Filter {
        key: "weak",
        label: "filter-weak",
        choices: [("open", "weak-open"), ("exploited", "weak-exploited")]
            .map(|(value, label)| Choice {
                value: value.to_owned(),
                text: c.t(label),
            })
            .into(),
    };
    Listing::new(api, columns)
        .ordered("exposedMachines", true)
        .searched(
            c.t("software-search"),
            |row, words| {
                let own = [&row.product.name, &row.product.vendor];
                // Names have underscores where people write blanks.
                let words = words.replace(' ', "_");
                own.iter().any(|own| own.contains(&*words))
            },
            None,
        )
        .narrowed(
            vendors,
            |row, vendor| *row.product.vendor == *vendor,
            Some(|vendor| format!("vendor eq '{}'", vendor.replace('\'', "''"))),
        )
        .narrowed(
            weak,
            |row, weak| match weak {
                "open" => row.product.weaknesses > 0,
                "exploited" => row.product.public_exploit,
                _ => true,
            },
            None,
        )
}

/// The vendors to choose from, in order of name.
fn vendors(rows: &[Software]) -> Vec<Choice> {
    let mut spread: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for row in rows {
        *spread.entry(&row.product.vendor).or_default() += row.product.installed_machines;
    }
    let mut vendors: Vec<(&str, i64)> = spread.into_iter().collect();
    vendors.sort_by_key(|(_, machines)| std::cmp::Reverse(*machines));
    vendors.truncate(VENDORS);
    vendors.sort_unstable();
    let choices = vendors.into_iter().map(|(vendor, _)| Choice {
        value: vendor.to_owned(),
        text: vendor.replace('_', " "),
    });
    choices.collect()
}

/// A count of the API's rows.
pub(super) fn count(number: i64) -> u64 {
    number.try_into().unwrap_or_default()
}

/// A count as the length of a bar.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted is far below 2^52"
)]
pub(super) fn f64_of(number: u64) -> f64 {
    number as f64
}
