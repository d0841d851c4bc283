//! Inputs: files and standard input, gathered by machine.

use std::io::Read;
use std::path::{Path, PathBuf};

use kbgap_inventory::{MAX_INPUT, MachineReport, group, merge};

use crate::output;

/// What was read.
#[derive(Default)]
pub(crate) struct Inputs {
    /// The machines, in order of the inputs.
    pub(crate) machines: Vec<MachineInput>,
    /// What could not be read, in words that name the input.
    pub(crate) failures: Vec<String>,
}

/// All that the inputs say of one machine.
pub(crate) struct MachineInput {
    /// The inputs.
    pub(crate) sources: Vec<String>,
    /// Their union.
    pub(crate) report: MachineReport,
}

pub(crate) fn read(files: &[PathBuf]) -> Inputs {
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() {
        &standard_input
    } else {
        files
    };
    let mut reports: Vec<(String, MachineReport)> = Vec::new();
    let mut failures = Vec::new();
    for file in files {
        let name = match file.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => file.display().to_string(),
        };
        let bytes = match bytes(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        match kbgap_inventory::read(&bytes) {
            Ok(items) => {
                for item in items {
                    match item {
                        Ok(read) => {
                            for warning in &read.warnings {
                                output::note(&format!("warning: {name}: {warning}"));
                            }
                            reports.push((name.clone(), read.report));
                        }
                        Err(error) => failures.push(format!("{name}: {error}")),
                    }
                }
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    let inputs: Vec<(&str, &MachineReport)> = reports
        .iter()
        .map(|(name, report)| (name.as_str(), report))
        .collect();
    let mut machines = Vec::new();
    for members in group(&inputs) {
        let sources: Vec<String> = members.iter().map(|&at| reports[at].0.clone()).collect();
        let parts: Vec<MachineReport> = members.iter().map(|&at| reports[at].1.clone()).collect();
        match merge(&parts) {
            Ok(report) => machines.push(MachineInput { sources, report }),
            Err(conflict) => failures.push(format!("{}: {conflict}", sources.join(", "))),
        }
    }
    Inputs { machines, failures }
}

/// The bytes of a file or of standard input, never much more than the limit.
pub(crate) fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_INPUT as u64 + 1;
    if file.to_str() == Some("-") {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?
            .take(limit)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
