//! Replay: every revision of the release history as a machine, on the documents of today and of the day
//! before the next security update of its line came out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use kbgap_assessment::{Assessor, MachineState};
use kbgap_catalog::document::SubType;
use kbgap_catalog::{
    Catalog, Day, HistoryLine, Kb, ProductIdentity, Series, UpdateIx, WindowsBuild, WindowsProduct,
};
use support::TODAY;

/// A security update on a line, as the documents have it.
struct Security {
    kb: Kb,
    revision: u32,
    released: Day,
}

/// A line of the release history with a Windows product of the catalog that it is about.
struct Line<'a> {
    windows: WindowsProduct,
    history: &'a HistoryLine,
    security: Vec<Security>,
}

/// The lines of Windows 10 and later, each with every architecture and installation type there is of it.
fn lines(catalog: &Catalog) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for history in catalog.history_lines() {
        if history.series != Series::Rollup || !history.windows.family.is_cumulative() {
            continue;
        }
        let products = catalog.products().iter().filter_map(|product| {
            let ProductIdentity::Windows(windows) = &product.identity else {
                return None;
            };
            let same = windows.family == history.windows.family
                && windows.release == history.windows.release
                && !windows.azure_hotpatch;
            same.then_some(windows)
        });
        let mut windows: Vec<WindowsProduct> = products.cloned().collect();
        windows.sort_by_key(ToString::to_string);
        windows.dedup();
        for windows in windows {
            let security = security(catalog, &windows, history);
            lines.push(Line {
                windows,
                history,
                security,
            });
        }
    }
    lines
}

/// The updates that documents describe as fixes of this Windows or its components, and that raise its build:
/// by the release history, or where that lacks them by the build stated. Hotpatches are another track.
fn security(catalog: &Catalog, windows: &WindowsProduct, history: &HistoryLine) -> Vec<Security> {
    let build = windows.build().unwrap();
    let products = catalog.find_windows(windows).iter();
    let products = products.chain(catalog.find_components(windows));
    let mut stated: BTreeMap<UpdateIx, Option<u32>> = BTreeMap::new();
    for &product in products {
        let exposures = &catalog.product(product).exposures;
        for &fix in exposures.iter().flat_map(|exposure| &exposure.fixes) {
            let fix = catalog.fix(fix);
            let Some(update) = fix.update() else { continue };
            if matches!(fix.sub_type, SubType::Hotpatch | SubType::SecurityOnly) {
                continue;
            }
            let versions = fix.fixed_build.iter().flat_map(|fixed| &fixed.versions);
            let own = versions
                .filter_map(kbgap_catalog::Version::windows_build)
                .filter(|fixed| fixed.same_line(&build));
            let revision = stated.entry(update).or_default();
            *revision = (*revision).max(own.filter_map(|fixed| fixed.ubr).max());
        }
    }
    let updates = stated.into_iter().filter_map(|(update, revision)| {
        let update = catalog.update(update);
        let listed = history.entries.iter().find(|entry| entry.kb == update.kb);
        // A single fix that the history does not list is no cumulative update, whatever build it states.
        let cves = catalog.cves_addressed(
            catalog.find_update(update.kb)?,
            catalog.find_windows(windows).iter().copied(),
        );
        let counted = listed.is_some() || cves > 2;
        Some(Security {
            kb: update.kb,
            revision: listed.and_then(|entry| entry.revision).or(revision)?,
            released: update.released,
        })
        .filter(|_| counted)
    });
    updates.collect()
}

/// A machine at a revision, and what it lacks.
struct Row {
    line: usize,
    build: WindowsBuild,
    expected: Vec<Kb>,
}

impl Row {
    fn new(line: usize, build: WindowsBuild, newest: Option<&Security>) -> Self {
        Self {
            line,
            build,
            expected: newest.map(|update| update.kb).into_iter().collect(),
        }
    }
}

struct Outcome {
    right: usize,
    wrong: Vec<String>,
}

fn replay() -> Outcome {
    let today = Assessor::new(TODAY.clone());
    let lines = lines(&TODAY);
    let mut by_day: BTreeMap<Option<Day>, Vec<Row>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        for entry in &line.history.entries {
            let Some(revision) = entry.revision else {
                continue;
            };
            let build = WindowsBuild {
                ubr: Some(revision),
                ..line.windows.build().unwrap()
            };
            let above = || {
                line.security
                    .iter()
                    .filter(|update| update.revision > revision)
            };
            let newest = above().max_by_key(|update| update.revision);
            let today = by_day.entry(None).or_default();
            today.push(Row::new(at, build, newest));
            if let Some(next) = above().min_by_key(|update| update.revision) {
                let day = next.released.yesterday();
                let known = above().filter(|update| update.released <= day);
                let newest = known.max_by_key(|update| update.revision);
                let then = by_day.entry(Some(day)).or_default();
                then.push(Row::new(at, build, newest));
            }
        }
    }
    let mut outcome = Outcome {
        right: 0,
        wrong: Vec::new(),
    };
    for (day, rows) in by_day {
        let then = day.map(|day| Assessor::new(Arc::new(TODAY.as_of(day))));
        let assessor = then.as_ref().unwrap_or(&today);
        for Row {
            line,
            build,
            expected,
        } in rows
        {
            let windows = &lines[line].windows;
            let state = MachineState {
                build: Some(build),
                ..MachineState::new(windows.clone())
            };
            let findings = assessor.assess(&state);
            let named: Vec<Kb> = findings
                .missing
                .iter()
                .map(|missing| TODAY.update(missing.update).kb)
                .collect();
            if named == expected {
                outcome.right += 1;
            } else {
                let day = day.map_or("today".to_owned(), |day| day.to_string());
                outcome.wrong.push(format!(
                    "{windows} {build} {day}: named {named:?}, expected {expected:?}"
                ));
            }
        }
    }
    outcome
}

#[test]
fn every_revision_of_the_release_history_is_told_right() {
    let outcome = replay();
    let all = outcome.right + outcome.wrong.len();
    for row in &outcome.wrong {
        println!("{row}");
    }
    println!(
        "{{\"replay\":{{\"rows\":{all},\"right\":{}}}}}",
        outcome.right
    );
    assert_eq!(outcome.wrong.len(), 0);
}
