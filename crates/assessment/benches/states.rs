//! Assessing machine states on Microsoft's real documents, on one thread; beside it the bare difference of two
//! hash sets over the same candidates: the updates of that Windows against those the machine lists.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench"
)]
#![allow(clippy::cast_precision_loss, reason = "figures are for people")]

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kbgap_assessment::{Assessor, InstalledUpdates, MachineState};
use kbgap_catalog::{
    Catalog, Compiler, Day, Kb, ReleaseHistory, Series, WindowsBuild, WindowsProduct, document,
};

/// How many different states of each Windows are assessed.
const STATES: usize = 4_000;
/// From how few updates a machine lists to how many the states differ; lists grow over the years.
const LISTED: [usize; 2] = [10, 250];

fn main() {
    let rounds: usize = std::env::var("KBGAP_BENCH_ROUNDS").map_or(3, |n| n.parse().unwrap());
    let catalog = catalog();
    let assessor = Assessor::new(catalog.clone());
    println!("{STATES} states of each Windows, one thread, best of {rounds}");
    println!(
        "{:<34} {:>12} {:>14} {:>7} {:>16}",
        "", "states/s", "sets alone/s", "ratio", "long list/short"
    );
    let mut lines = Vec::new();
    for name in [
        "Windows 10 Version 22H2 for x64-based Systems",
        "Windows 10 Version 1809 for x64-based Systems",
        "Windows 11 Version 23H2 for x64-based Systems",
        "Windows 11 Version 24H2 for x64-based Systems",
        "Windows Server 2022",
        "Windows 7 for x64-based Systems Service Pack 1",
        "Windows Server 2012 R2",
    ] {
        let windows = WindowsProduct::of_name(name).unwrap();
        let updates = updates(&catalog, &windows);
        let states = states(&catalog, &windows, &updates, LISTED[0]);
        let long = self::states(&catalog, &windows, &updates, LISTED[1]);
        // The servicing lines are worked out once for a Windows.
        assessor.assess(&states[0]);
        let assessed = per_second(rounds, || {
            for state in &states {
                black_box(assessor.assess(black_box(state)));
            }
        });
        let assessed_long = per_second(rounds, || {
            for state in &long {
                black_box(assessor.assess(black_box(state)));
            }
        });
        let candidates: HashSet<Kb> = updates.iter().map(|(_, kb)| *kb).collect();
        let sets = per_second(rounds, || {
            for state in &states {
                let installed = state.installed.as_ref().unwrap();
                let installed: HashSet<Kb> = installed.kbs().iter().copied().collect();
                let missing: Vec<Kb> = candidates.difference(&installed).copied().collect();
                black_box(missing);
            }
        });
        let ratio = assessed / sets;
        let growth = assessed_long / assessed;
        println!(
            "{:<34} {assessed:>12.0} {sets:>14.0} {ratio:>7.2} {growth:>16.2}",
            windows.to_string()
        );
        lines.push(format!(
            "{{\"windows\":\"{windows}\",\"statesPerSecond\":{assessed:.0},\"setsPerSecond\":{sets:.0},\"ratio\":{ratio:.3},\"longListsToShort\":{growth:.3}}}"
        ));
    }
    println!("{{\"bench\":\"states\",\"windows\":[{}]}}", lines.join(","));
}

fn per_second(rounds: usize, run: impl Fn()) -> f64 {
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    let best = times.min().unwrap_or(Duration::ZERO);
    STATES as f64 / best.as_secs_f64()
}

fn catalog() -> Arc<Catalog> {
    let mut compiler = Compiler::new();
    for (name, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
        let document = document::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        compiler.add(document);
    }
    compiler.add_history(ReleaseHistory::read(&kbgap_corpus::release_history()).unwrap());
    Arc::new(compiler.finish().0)
}

/// The updates of a Windows and its components, in order of publication.
fn updates(catalog: &Catalog, windows: &WindowsProduct) -> Vec<(Day, Kb)> {
    let products = catalog.find_windows(windows).iter();
    let products = products.chain(catalog.find_components(windows));
    let exposures = products.flat_map(|&at| &catalog.product(at).exposures);
    let fixes = exposures.flat_map(|exposure| &exposure.fixes);
    let updates = fixes.filter_map(|&fix| catalog.fix(fix).update());
    let mut updates: Vec<(Day, Kb)> = updates
        .map(|at| (catalog.update(at).released, catalog.update(at).kb))
        .collect();
    updates.sort_unstable();
    updates.dedup();
    updates
}

/// States of machines patched up to different days, which list some of the updates up to then, and others
/// that no document describes.
fn states(
    catalog: &Catalog,
    windows: &WindowsProduct,
    updates: &[(Day, Kb)],
    listed: usize,
) -> Vec<MachineState> {
    let history = catalog.history(windows, Series::Rollup);
    (0..STATES)
        .map(|number| {
            // Spread evenly without repeating.
            let place = |len: usize, salt: usize| (number * 7_919 + salt * 104_729) % len.max(1);
            let until = place(updates.len(), 1);
            let known = (0..listed / 2).map(|at| updates[place(until + 1, at)].1);
            let others = (0..listed / 2)
                .filter_map(|at| Kb::new(u32::try_from(2_000_000 + place(900_000, at)).unwrap()));
            let revision = history
                .get(place(history.len(), 3))
                .and_then(|entry| entry.revision);
            MachineState {
                build: windows.build().map(|build| WindowsBuild {
                    ubr: revision,
                    ..build
                }),
                installed: Some(InstalledUpdates::new(known.chain(others), false)),
                ..MachineState::new(windows.clone())
            }
        })
        .collect()
}
