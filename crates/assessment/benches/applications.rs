//! Assessing the applications of one machine with ten of them, and making the index, from the catalog
//! of all documents.
//!
//! `KBGAP_BENCH_ROUNDS` rounds (2,000 without it); the median counts.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use kbgap_assessment::{Applications, InstalledApplications, InstalledUpdates};
use kbgap_catalog::{Compiler, Kb, document};
use kbgap_inventory::InstalledSoftware;

/// A machine that is months behind with everything, the worst case.
const BEHIND: [(&str, &str); 10] = [
    ("Microsoft Edge", "120.0.2210.61"),
    (
        "Microsoft 365 Apps for enterprise - en-us",
        "16.0.16130.20306",
    ),
    ("Microsoft Visio Professional 2016", "16.0.4266.1001"),
    ("Microsoft SQL Server 2019", "15.0.4360.2"),
    ("Visual Studio Enterprise 2022", "17.8.3"),
    ("Microsoft .NET Runtime - 8.0.4 (x64)", ""),
    ("PowerShell 7-x64", "7.4.1.0"),
    ("Microsoft Visual Studio Code", "1.87.2"),
    ("Microsoft ODBC Driver 17 for SQL Server", "17.10.1.1"),
    (
        "Microsoft Exchange Server 2019 Cumulative Update 13",
        "15.2.1258.16",
    ),
];

fn main() {
    let rounds: usize = std::env::var("KBGAP_BENCH_ROUNDS").map_or(2_000, |n| n.parse().unwrap());
    let mut compiler = Compiler::new();
    for (_, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
        compiler.add(document::read(&bytes).unwrap());
    }
    let (catalog, _) = compiler.finish();
    let start = Instant::now();
    let applications = Applications::new(&catalog);
    let index = start.elapsed().as_secs_f64() * 1e3;
    println!("index: {index:.1} ms");
    let mut figures = vec![format!("\"indexMs\":{index:.1}")];
    let office = ("Microsoft Office Professional Plus 2016", "16.0.4266.1001");
    let mut with_suite = BEHIND.to_vec();
    with_suite.push(office);
    let updates = InstalledUpdates::new(
        [5_002_496, 5_002_497, 5_002_498, 5_034_441]
            .into_iter()
            .filter_map(Kb::new),
        false,
    );
    for (what, software) in [
        ("ten applications", BEHIND.to_vec()),
        ("and a suite", with_suite),
    ] {
        let software: Vec<InstalledSoftware> = software
            .iter()
            .map(|(name, version)| InstalledSoftware {
                vendor: "Microsoft Corporation".into(),
                name: (*name).into(),
                version: (*version).into(),
            })
            .collect();
        let read = median(rounds, || InstalledApplications::of_software(&software));
        let installed = InstalledApplications::of_software(&software);
        let assessed = median(rounds, || applications.assess(&installed, Some(&updates)));
        println!(
            "{what}: list read in {:.1} µs, assessed in {:.1} µs",
            read.as_secs_f64() * 1e6,
            assessed.as_secs_f64() * 1e6
        );
        // The baseline: reading the list, which every report costs anyway.
        figures.push(format!(
            "\"{what}\":{{\"readUs\":{:.1},\"assessedUs\":{:.1}}}",
            read.as_secs_f64() * 1e6,
            assessed.as_secs_f64() * 1e6
        ));
    }
    println!("{{\"bench\":\"applications\",{}}}", figures.join(","));
}

fn median<T>(rounds: usize, mut work: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[rounds / 2]
}
