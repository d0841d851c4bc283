//! `kbgap scan` on one file, as a whole process, from the compiled catalogue of all documents; beside it the
//! same program printing its version, which is what starting a process costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "figures are for people"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use support::Installation;

/// The peer's figures for the same job (definitions of 2026-06), as measured in the field.
const PEER: (f64, f64) = (2_000.0, 568.0);

fn main() {
    let rounds: usize = std::env::var("KBGAP_BENCH_ROUNDS").map_or(20, |n| n.parse().unwrap());
    let installation = Installation::new();
    let machines = kbgap_corpus::machines();
    let client = machines.join("10_22H2_x64_enterprise_en-us_systeminfo.txt");
    let server = machines.join("srv_2022_systeminfo.txt");
    let start = median(&installation, &["--version"], rounds);
    let started = peak();
    let imported = installation.run(["catalog", "import", kbgap_corpus::cvrf().to_str().unwrap()]);
    assert!(imported.status.success());
    let fresh = Installation::new();
    let catalog = installation.path().join("data/catalog.kbgap");
    let client_ms = median(
        &fresh,
        &[
            "scan",
            client.to_str().unwrap(),
            "--catalog",
            catalog.to_str().unwrap(),
        ],
        rounds,
    );
    let server_ms = median(
        &fresh,
        &[
            "scan",
            server.to_str().unwrap(),
            "--catalog",
            catalog.to_str().unwrap(),
        ],
        rounds,
    );
    let peak = memory(
        &fresh,
        &[
            "scan",
            server.to_str().unwrap(),
            "--catalog",
            catalog.to_str().unwrap(),
        ],
    );
    println!(
        "whole process, median of {rounds}; catalogue of {} bytes",
        std::fs::metadata(&catalog).unwrap().len()
    );
    println!("{:<34} {:>9} {:>9}", "", "ms", "MB");
    println!(
        "{:<34} {:>9.1} {started:>9.1}",
        "kbgap --version",
        ms(start)
    );
    println!(
        "{:<34} {:>9.1} {peak:>9.1}",
        "kbgap scan, Windows 10 22H2",
        ms(client_ms)
    );
    println!(
        "{:<34} {:>9.1} {peak:>9.1}",
        "kbgap scan, Server 2022",
        ms(server_ms)
    );
    println!(
        "{:<34} {:>9.1} {:>9.1}",
        "peer (wesng 1.06), client", PEER.0, PEER.1
    );
    println!(
        "{{\"bench\":\"scan\",\"startMs\":{:.1},\"clientMs\":{:.1},\"serverMs\":{:.1},\"peakMb\":{peak:.1},\"peerMs\":{},\"peerMb\":{}}}",
        ms(start),
        ms(client_ms),
        ms(server_ms),
        PEER.0,
        PEER.1
    );
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(installation: &Installation, args: &[&str], rounds: usize) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            let output = installation.run(args.iter().copied());
            let time = start.elapsed();
            assert!(
                output.status.code().is_some_and(|code| code <= 1),
                "{}",
                support::stderr(&output)
            );
            time
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// The largest resident set of a child so far, in MB.
fn peak() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    usage.max_rss() as f64 / 1024.0
}

/// The peak of one process, which says so itself when it is over.
fn memory(installation: &Installation, args: &[&str]) -> f64 {
    let mut child = installation
        .command(args.iter().copied())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    // The high-water mark only rises: the last reading before the end is the peak, or nearly.
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes / 1024.0);
    }
    peak
}
