//! Reports of real machines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::Write as _;

use kbgap_inventory::{MachineReport, ReadReport, group, identify, merge, read};

fn files(part: &str) -> Vec<(String, ReadReport)> {
    let files = kbgap_corpus::files(&kbgap_corpus::machines()).into_iter();
    files
        .map(|path| (kbgap_corpus::name(&path), path))
        .filter(|(name, _)| name.contains(part))
        .map(|(name, path)| {
            let bytes = std::fs::read(path).unwrap();
            let mut read = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read.len(), 1, "{name}");
            let report = read
                .remove(0)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, report)
        })
        .collect()
}

fn describe(report: &MachineReport) -> String {
    let product = match identify(report) {
        Ok(identity) => format!("{}, build {}", identity.product, identity.build.unwrap()),
        Err(reason) => reason.to_string(),
    };
    let updates = match &report.updates {
        Some(updates) => format!("{} updates", updates.len()),
        None => "no list of updates".to_owned(),
    };
    format!("{product}; {updates}")
}

#[test]
fn every_systeminfo_is_read() {
    let mut table = String::new();
    for (name, read) in files("_systeminfo") {
        writeln!(
            table,
            "{name}: {}, {}",
            read.encoding,
            describe(&read.report)
        )
        .unwrap();
        for warning in &read.warnings {
            writeln!(table, "    {warning}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_list_of_updates_is_read() {
    let mut table = String::new();
    for (name, read) in files("_qfe") {
        let updates = read.report.updates.as_deref().unwrap();
        let dated = updates
            .iter()
            .filter(|update| update.installed_on.is_some())
            .count();
        writeln!(
            table,
            "{name}: {}, {} updates, {dated} with a date, computer {}",
            read.encoding,
            updates.len(),
            read.report.name.as_deref().unwrap_or("not named"),
        )
        .unwrap();
        for warning in &read.warnings {
            writeln!(table, "    {warning}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn files_of_one_machine_merge() {
    let mut files = files("_systeminfo");
    files.extend(self::files("_qfe"));
    let inputs: Vec<(&str, &MachineReport)> = files
        .iter()
        .map(|(name, read)| (name.as_str(), &read.report))
        .collect();
    let mut table = String::new();
    for machine in group(&inputs)
        .into_iter()
        .filter(|machine| machine.len() > 1)
    {
        let reports: Vec<MachineReport> = machine.iter().map(|&at| inputs[at].1.clone()).collect();
        let merged = merge(&reports).unwrap();
        let names: Vec<&str> = machine.iter().map(|&at| inputs[at].0).collect();
        let whole = if merged.updates_complete {
            "whole"
        } else {
            "cut"
        };
        writeln!(
            table,
            "{}: {} ({whole})",
            names.join(" + "),
            describe(&merged)
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}
