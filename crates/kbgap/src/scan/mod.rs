//! `kbgap scan`: from files to what is missing, with nothing but a compiled catalogue.

mod answer;
pub(crate) mod explain;
pub(crate) mod input;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use kbgap_assessment::Assessor;

use crate::catalog;
use crate::cli::{self, FailOn, ScanArgs};
use crate::output;
use crate::settings::Settings;
use answer::{Answer, MachineAnswer, MissingAnswer, OutdatedAnswer, Status};
pub(crate) use input::{Inputs, read as read_inputs};

pub(crate) fn run(args: &ScanArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let inputs = input::read(&args.files);
    let catalog = catalog::facts_in_force(args.catalog.as_deref(), settings)?;
    let assessor = Assessor::new(Arc::new(catalog));
    let answer = Answer {
        machines: inputs
            .machines
            .iter()
            .map(|machine| MachineAnswer::new(&assessor, machine, args.explain))
            .collect(),
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &answer)?;
        writeln!(out)?;
    } else if args.explain.is_none() {
        table::write(&mut out, &answer)?;
    }
    if let Some(kb) = args.explain.filter(|_| !args.json) {
        for machine in &inputs.machines {
            explain::write(&mut out, &assessor, machine, kb)?;
        }
    }
    for failure in &inputs.failures {
        output::note(&format!("error: {failure}"));
    }
    Ok(exit_code(
        args.fail_on,
        &answer,
        !inputs.failures.is_empty(),
    ))
}

fn exit_code(fail_on: FailOn, answer: &Answer, failed: bool) -> ExitCode {
    let mut missing = answer.machines.iter().flat_map(|machine| &machine.missing);
    let mut outdated = answer.machines.iter().flat_map(|machine| &machine.outdated);
    let found = match fail_on {
        FailOn::Missing => missing.next().is_some() || outdated.next().is_some(),
        FailOn::Critical => {
            missing.any(MissingAnswer::is_critical) || outdated.any(OutdatedAnswer::is_critical)
        }
        FailOn::Exploited => {
            missing.any(|update| update.exploited) || outdated.any(|outdated| outdated.exploited)
        }
        FailOn::Never => false,
    };
    let all_assessed = answer
        .machines
        .iter()
        .all(|machine| machine.status == Status::Assessed);
    ExitCode::from(if failed {
        cli::FAILED
    } else if found {
        cli::MISSING
    } else if all_assessed {
        0
    } else {
        cli::NOT_ASSESSED
    })
}
