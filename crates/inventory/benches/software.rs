//! Identifying 300,000 distinct entries of software lists: what a large fleet's start asks for.
//!
//! `KBGAP_BENCH_ROUNDS` rounds (5 without it); the median counts.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::hint::black_box;
use std::time::Instant;

use kbgap_inventory::{Reported, SoftwareRules};

const ENTRIES: usize = 300_000;

fn main() {
    let rounds: usize = std::env::var("KBGAP_BENCH_ROUNDS").map_or(5, |n| n.parse().unwrap());
    let start = Instant::now();
    let rules = SoftwareRules::built_in().unwrap();
    println!("rules read: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let table = include_str!("../tests/software_names/names.csv");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|line| line.splitn(4, '|').collect())
        .collect();
    // Each name in many versions, as a fleet has them.
    let entries: Vec<(String, String, String)> = (0..ENTRIES)
        .map(|at| {
            let row = &rows[at % rows.len()];
            let build = at / rows.len();
            (
                row[0].to_owned(),
                format!("{} {}.{build}", row[1], build % 30),
                format!("{}.{build}", row[2]),
            )
        })
        .collect();
    let mut times: Vec<f64> = (0..rounds.max(1))
        .map(|_| {
            let start = Instant::now();
            for (vendor, name, version) in &entries {
                black_box(rules.identify(Reported {
                    vendor,
                    name,
                    version,
                }));
            }
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    println!("{ENTRIES} entries: {median:.0} ms");
    println!("{{\"entries\":{ENTRIES},\"identifyMs\":{median:.1}}}");
}
