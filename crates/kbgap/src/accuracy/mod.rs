//! `kbgap accuracy`: answers against what the Windows Update Agent itself offered.

mod compare;
mod figures;
mod numbers;
mod reason;
mod report;
mod result;
mod truth;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use kbgap_assessment::Assessor;

pub(crate) use figures::Percent;

use crate::catalog;
use crate::cli::{self, AccuracyArgs};
use crate::output;
use crate::settings::Settings;
use numbers::Described;
use result::Accuracy;

pub(crate) fn run(args: &AccuracyArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let corpus = truth::find(&args.folders)?;
    if corpus.machines.is_empty() {
        anyhow::bail!(
            "no machine has a truth: put what the Windows Update Agent offered it beside its report, as NAME_updates.txt"
        );
    }
    let assessor = Assessor::new(Arc::new(catalog::facts_in_force(
        args.catalog.as_deref(),
        settings,
    )?));
    let accuracy = measure(&assessor, &corpus);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &accuracy)?;
        writeln!(out)?;
    } else if args.markdown {
        report::write_markdown(&mut out, &accuracy)?;
    } else {
        report::write(&mut out, &accuracy)?;
    }
    for failure in &accuracy.failures {
        output::note(&format!("error: {failure}"));
    }
    Ok(exit_code(args, &accuracy))
}

fn measure(assessor: &Assessor, corpus: &truth::Corpus) -> Accuracy {
    let numbers = Described::of(assessor.catalog());
    let bar = output::progress(corpus.machines.len(), "assessing");
    let (mut machines, mut failures) = (Vec::new(), Vec::new());
    for files in &corpus.machines {
        bar.set_message(files.name.clone());
        match files.read() {
            Ok(machine) => {
                machines.push(compare::compare(assessor, &numbers, &files.name, &machine));
            }
            Err(reasons) => failures.extend(reasons),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Accuracy::of(machines, corpus.without_truth, failures)
}

fn exit_code(args: &AccuracyArgs, accuracy: &Accuracy) -> ExitCode {
    let updates = &accuracy.total.updates;
    // What is measured of nothing is below no threshold.
    let below = |share: Option<Percent>, least| share.is_some_and(|share| share < least);
    let bad = below(updates.precision(), args.fail_under_precision)
        || below(updates.recall(), args.fail_under_recall);
    ExitCode::from(if !accuracy.failures.is_empty() {
        cli::FAILED
    } else if bad {
        cli::MISSING
    } else {
        0
    })
}
