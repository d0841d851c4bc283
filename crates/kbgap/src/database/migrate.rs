//! The schema brought up to date, or what that would do.

use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_store::{PendingMigration, Store};
use serde::Serialize;

use crate::catalog::runtime;
use crate::cli::MigrateArgs;
use crate::data_dir::DataDir;
use crate::settings::Settings;

/// A step, as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    version: i64,
    description: &'a str,
    sql: &'a str,
}

pub(crate) fn run(args: &MigrateArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let steps = runtime()?.block_on(async {
        let steps = Store::pending_migrations(&settings.database).await?;
        if !args.dry_run {
            DataDir::of(settings).store().await?.close().await;
        }
        anyhow::Ok(steps)
    })?;
    let mut out = io::stdout().lock();
    if args.json {
        let steps: Vec<Step<'_>> = steps.iter().map(step).collect();
        serde_json::to_writer_pretty(&mut out, &steps)?;
        writeln!(out)?;
    } else if steps.is_empty() {
        writeln!(out, "the schema of {} is up to date", settings.database)?;
    } else {
        for step in &steps {
            let done = if args.dry_run { "would take" } else { "took" };
            writeln!(out, "-- {done} step {}: {}", step.version, step.description)?;
            if args.dry_run {
                writeln!(out, "{}", step.sql)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn step(pending: &PendingMigration) -> Step<'_> {
    Step {
        version: pending.version,
        description: &pending.description,
        sql: &pending.sql,
    }
}
