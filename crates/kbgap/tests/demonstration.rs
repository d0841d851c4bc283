//! `kbgap demo` with a generated fleet, as a process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use support::{Installation, json, stderr};

/// The reports of a fleet as lines.
fn written(installation: &Installation, args: &[&str]) -> Vec<u8> {
    let output = installation.run(["demo"].iter().chain(args).copied());
    assert!(output.status.success(), "{}", stderr(&output));
    output.stdout
}

#[test]
fn a_generated_fleet_is_written_and_read_back() {
    let installation = Installation::new();
    let lines = written(&installation, &["--machines", "40", "--write", "-"]);
    assert_eq!(lines.split(|byte| *byte == b'\n').count() - 1, 40);
    let read = kbgap_inventory::read(&lines).unwrap();
    for report in &read {
        let report = report.as_ref().unwrap();
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        assert!(kbgap_inventory::identify(&report.report).is_ok());
    }
    // The same seed gives the same machines, also of a larger fleet; another gives others.
    let more = written(
        &installation,
        &["--machines", "41", "--seed", "1", "--write", "-"],
    );
    assert!(more.starts_with(&lines));
    let others = written(
        &installation,
        &["--machines", "40", "--seed", "2", "--write", "-"],
    );
    assert_ne!(lines, others);

    let imported = installation.run_with_input(["inventory", "import", "--json", "-"], &lines);
    assert_eq!(json(&imported)["new"], 40);
}

#[test]
fn a_name_in_gz_is_compressed() {
    let installation = Installation::new();
    let plain = installation.path().join("fleet.ndjson");
    let packed = installation.path().join("fleet.ndjson.gz");
    for file in [&plain, &packed] {
        written(
            &installation,
            &["--machines", "25", "--write", file.to_str().unwrap()],
        );
    }
    let mut unpacked = Vec::new();
    let packed = std::fs::read(packed).unwrap();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    let plain = std::fs::read(plain).unwrap();
    assert_eq!(unpacked, plain);
    assert!(
        packed.len() * 4 < plain.len(),
        "{} of {}",
        packed.len(),
        plain.len()
    );
}

#[test]
fn what_cannot_be_done_is_said() {
    let installation = Installation::new();
    for (args, said) in [
        (&["--machines", "0"][..], "0 is not in 1..="),
        (&["--seed", "7"], "--machines <N>"),
        (&["--write", "-"], "--machines <N>"),
        (
            &["--machines", "2", "--once", "--write", "-"],
            "cannot be used with",
        ),
        (
            &["--machines", "2", "--write", "/nowhere/fleet.ndjson"],
            "/nowhere/fleet.ndjson cannot be written",
        ),
    ] {
        let output = installation.run(["demo"].iter().chain(args).copied());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stderr(&output).contains(said),
            "{args:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_generated_fleet_is_counted() {
    let installation = Installation::new();
    // More than are imported at once.
    let args = [
        "demo",
        "--at",
        "127.0.0.1:0",
        "--once",
        "--machines",
        "1200",
    ];
    let answer = json(&installation.run(args));
    let spring = kbgap_synthetic::SyntheticFleet::new(kbgap_synthetic::Era::Spring2020, 0, 1);
    let today = spring.unwrap().today();
    let reports = kbgap_inventory::read(&written(
        &installation,
        &["--machines", "1200", "--write", "-"],
    ))
    .unwrap();
    // Machines of 1909 whose build shows that they lack March's update. Without a revision, the list tells.
    let behind = reports
        .iter()
        .map(|read| &read.as_ref().unwrap().report)
        // Those silent for longer count no more.
        .filter(|report| {
            let silent = today.duration_since(report.reported_at.unwrap());
            silent < jiff::SignedDuration::from_hours(30 * 24)
        })
        .filter(|report| {
            let build = report.os.version.unwrap();
            let lists = |kb: u32| {
                report
                    .updates
                    .iter()
                    .flatten()
                    .any(|update| update.kb.number() == kb)
            };
            build.build == 18363
                && report.os.architecture == Some(kbgap_catalog::Architecture::X64)
                && match build.ubr {
                    Some(revision) => revision < 719,
                    None => report.updates.is_some() && !lists(4_540_673) && !lists(4_551_762),
                }
        });
    let rows = answer["value"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == "4540673").unwrap();
    assert_eq!(row["machineMissedOn"], behind.count());
    assert_eq!(row["cveAddressed"], 14);
}

#[tokio::test]
async fn the_introduction_names_a_machine_that_lacks_an_update() {
    let installation = Installation::new();
    let mut child = installation
        .command(["demo", "--at", "127.0.0.1:0", "--machines", "50"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Held open: it says more than is read here, and ends where nobody hears it.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let asked: Vec<String> = lines
        .by_ref()
        .map_while(Result::ok)
        .filter(|line| line.contains("curl"))
        .take(2)
        .collect();
    // curl -s -H 'Authorization: Bearer …' 'http://…'
    let quoted: Vec<&str> = asked[1].split('\'').collect();
    let (_, token) = quoted[1].rsplit_once(' ').unwrap();
    let answer = reqwest::Client::new()
        .get(quoted[3])
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        quoted[3].ends_with(".corp.example/getmissingkbs"),
        "{asked:?}"
    );
    assert_eq!(answer["value"][0]["id"], "4540673", "{answer}");
}
