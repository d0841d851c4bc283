//! Makes a fleet and says how varied it is, and how fast it came: `cargo run --release --example fleet -- 1000000`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use std::collections::BTreeMap;
use std::time::Instant;

use kbgap_synthetic::{Era, SyntheticFleet};
use rustc_hash::FxHashMap;

fn main() {
    let machines = std::env::args()
        .nth(1)
        .map_or(100_000, |n| n.parse().unwrap());
    for era in [Era::Spring2020, Era::Winter2026] {
        let start = Instant::now();
        let fleet = SyntheticFleet::new(era, 1, machines).unwrap();
        println!("{era:?}: facts read in {:.0?}", start.elapsed());

        let start = Instant::now();
        let software: usize = fleet
            .reports()
            .map(|r| r.software.map_or(0, |list| list.len()))
            .sum();
        let rate = f64::from(machines) / start.elapsed().as_secs_f64();
        println!("  {machines} machines, {software} entries: {rate:.0} reports a second");

        let mut entries: FxHashMap<_, u32> = FxHashMap::default();
        let mut windows: FxHashMap<_, u32> = FxHashMap::default();
        for report in fleet.reports() {
            for entry in report.software.unwrap_or_default() {
                *entries
                    .entry((entry.vendor, entry.name, entry.version))
                    .or_default() += 1;
            }
            let kbs = report
                .updates
                .map(|list| list.iter().map(|u| u.kb).collect::<Vec<_>>());
            *windows
                .entry((
                    report.os.name,
                    report.os.version,
                    report.os.architecture,
                    kbs,
                ))
                .or_default() += 1;
        }
        println!(
            "  {} distinct entries, {} distinct states of Windows",
            entries.len(),
            windows.len()
        );
        let mut decades: BTreeMap<u32, u32> = BTreeMap::new();
        for machines in entries.values() {
            *decades.entry(machines.ilog10()).or_default() += 1;
        }
        for (decade, entries) in decades {
            println!(
                "  on {:>7} machines and more: {entries} entries",
                10_u32.pow(decade)
            );
        }
    }
}
