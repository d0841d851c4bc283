//! `kbgap inventory`: machine reports into the store, and how their software is understood.

mod defender;
mod group;
mod lines;
mod software;

use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_inventory::Observation;
use kbgap_server::audit::Act;
use kbgap_server::{Incoming, IngestSummary, Intake};

use crate::audit;
use crate::catalog::runtime;
use crate::cli::{FAILED, InventoryCommand, InventoryImportArgs};
use crate::data_dir::DataDir;
use crate::names;
use crate::output;
use crate::scan::{Inputs, read_inputs};
use crate::settings::Settings;
use crate::setup;

pub(crate) fn run(command: InventoryCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    match command {
        InventoryCommand::Import(args) => import(&args, settings),
        InventoryCommand::ImportDefender(args) => defender::run(&args, settings),
        InventoryCommand::Group(args) => group::run(args, settings),
        InventoryCommand::Software(args) => {
            software::run(&args, &names::rules(settings.software_rules.as_deref())?)
        }
        InventoryCommand::Schema => {
            let schema = kbgap_inventory::report_schema();
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &schema)?;
            writeln!(out)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn import(args: &InventoryImportArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (streams, others): (Vec<_>, Vec<_>) = args
        .files
        .iter()
        .cloned()
        .partition(|file| lines::is_lines(file));
    let inputs = if others.is_empty() {
        Inputs::default()
    } else {
        read_inputs(&others)
    };
    let mut failures = inputs.failures;
    let batch = inputs.machines.into_iter();
    let batch: Vec<Incoming> = batch
        .map(|machine| Observation::from(machine.report).into())
        .collect();
    let summary = runtime()?.block_on(async {
        let store = DataDir::of(settings).store().await?;
        let tenant = setup::tenant(&store, &settings.tenant).await?;
        let intake = Intake::without_fleet(store.clone(), &tenant.id);
        let mut summary = intake.take(batch).await?;
        for file in &streams {
            match lines::take(&intake, file).await {
                Ok(taken) => summary.add(taken),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        let taken = format!(
            "{} of {} machines taken",
            summary.received - summary.rejected.len(),
            summary.received
        );
        let act = Act::new(audit::user(), "report.import").in_tenant(&tenant.id);
        audit::record(&store, act.telling(taken)).await?;
        store.close().await;
        anyhow::Ok(summary)
    })?;
    print(&summary, args.json)?;
    for failure in &failures {
        output::note(&format!("error: {failure}"));
    }
    let whole = failures.is_empty() && summary.rejected.is_empty();
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn print(summary: &IngestSummary, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, summary)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(
        out,
        "{} machines: {} new, {} changed, {} unchanged, {} older than what is known",
        summary.received, summary.new, summary.changed, summary.unchanged, summary.older
    )?;
    for rejected in &summary.rejected {
        writeln!(
            out,
            "rejected: machine {}: {}",
            rejected.index, rejected.reason
        )?;
    }
    for unidentified in &summary.unidentified {
        let (index, reason) = (unidentified.index, &unidentified.reason);
        writeln!(out, "not identified: machine {index}: {reason}")?;
    }
    Ok(())
}
