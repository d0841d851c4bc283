//! `kbgap inventory`: machine reports into the store, and how their software is understood.

mod defender;
mod software;

use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_server::{Incoming, IngestSummary, ingest};

use crate::catalog::runtime;
use crate::cli::{FAILED, InventoryCommand, InventoryImportArgs};
use crate::data_dir::DataDir;
use crate::output;
use crate::scan::read_inputs;
use crate::settings::Settings;
use crate::setup;

pub(crate) fn run(command: InventoryCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    match command {
        InventoryCommand::Import(args) => import(&args, &DataDir::new(&settings.data_dir)),
        InventoryCommand::ImportDefender(args) => {
            defender::run(&args, &DataDir::new(&settings.data_dir))
        }
        InventoryCommand::Software(args) => software::run(&args),
        InventoryCommand::Schema => {
            let schema = kbgap_inventory::report_schema();
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &schema)?;
            writeln!(out)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn import(args: &InventoryImportArgs, data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    let inputs = read_inputs(&args.files);
    let batch = inputs.machines.into_iter().map(|machine| Incoming {
        report: Ok(machine.report),
        warnings: Vec::new(),
    });
    let summary = runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let tenant = setup::tenant(&store).await?;
        let summary = ingest(&store, None, &tenant.id, batch.collect()).await?;
        store.close().await;
        anyhow::Ok(summary)
    })?;
    print(&summary, args.json)?;
    for failure in &inputs.failures {
        output::note(&format!("error: {failure}"));
    }
    let whole = inputs.failures.is_empty() && summary.rejected.is_empty();
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
