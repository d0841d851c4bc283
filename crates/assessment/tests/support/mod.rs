//! What the tests share: catalogs of the real documents, machines, and answers as numbers.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use kbgap_assessment::{Assessor, Findings, MachineState};
use kbgap_catalog::{Catalog, Compiler, Day, Kb, ReleaseHistory, document};
use kbgap_inventory::{MachineReport, identify};
use serde_json::json;

/// The documents of a folder, with the release history, not yet compiled.
pub(crate) fn compiler(folder: &Path) -> Compiler {
    let mut compiler = Compiler::new();
    for (name, bytes) in kbgap_corpus::documents(folder) {
        let document = document::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        compiler.add(document);
    }
    compiler.add_history(ReleaseHistory::read(&kbgap_corpus::release_history()).unwrap());
    compiler
}

/// Today's documents.
pub(crate) static TODAY: LazyLock<Arc<Catalog>> =
    LazyLock::new(|| Arc::new(compiler(&kbgap_corpus::cvrf()).finish().0));

/// Machines before today's documents.
pub(crate) static ALL: LazyLock<Assessor> = LazyLock::new(|| Assessor::new(TODAY.clone()));

/// The documents as they were on 2019-03-05, the day of the machines with a known truth.
pub(crate) static MARCH_2019: LazyLock<Assessor> = LazyLock::new(|| {
    let compiler = compiler(&kbgap_corpus::cvrf_of_march_2019());
    Assessor::new(Arc::new(compiler.finish().0))
});

/// Machines before the documents of a day.
pub(crate) fn as_of(day: &str) -> Assessor {
    let day: Day = day.parse().unwrap();
    Assessor::new(Arc::new(TODAY.as_of(day)))
}

pub(crate) fn kb(number: u32) -> Kb {
    Kb::new(number).unwrap()
}

/// A machine with these updates installed.
pub(crate) fn machine(
    os: &str,
    version: &str,
    architecture: &str,
    installed: &[u32],
) -> MachineReport {
    serde_json::from_value(json!({
        "name": "m",
        "os": { "name": os, "version": version, "architecture": architecture },
        "updates": installed.iter().map(|kb| json!({ "kb": kb })).collect::<Vec<_>>(),
    }))
    .unwrap()
}

/// A machine that reports its build and nothing else.
pub(crate) fn build(os: &str, version: &str) -> MachineReport {
    MachineReport {
        updates: None,
        ..machine(os, version, "x64", &[])
    }
}

pub(crate) fn state(report: &MachineReport) -> MachineState {
    let identity = identify(report).unwrap();
    MachineState::of_report(report, &identity)
}

/// The missing updates, by number.
pub(crate) fn missing(assessor: &Assessor, findings: &Findings) -> Vec<u32> {
    let updates = findings.missing.iter();
    updates
        .map(|missing| assessor.catalog().update(missing.update).kb.number())
        .collect()
}

/// The updates a machine lacks, by number.
pub(crate) fn lacks(assessor: &Assessor, report: &MachineReport) -> Vec<u32> {
    missing(assessor, &assessor.assess(&state(report)))
}
