//! What the database is.

use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_store::{Status, Store};
use serde_json::json;

use crate::catalog::runtime;
use crate::cli::StatusArgs;
use crate::settings::Settings;

pub(crate) fn run(args: &StatusArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let status = runtime()?.block_on(Store::status(&settings.database))?;
    let location = settings.database.to_string();
    let mut out = io::stdout().lock();
    if args.json {
        let answer = json!({
            "location": location,
            "engine": status.engine,
            "schemaVersion": status.schema,
            "knownSchemaVersion": status.known_schema,
            "sizeInBytes": status.bytes,
            "tenants": status.tenants,
            "machines": status.machines,
        });
        serde_json::to_writer_pretty(&mut out, &answer)?;
        writeln!(out)?;
    } else {
        writeln!(out, "location  {location}")?;
        writeln!(out, "engine    {}", status.engine)?;
        writeln!(out, "schema    {}", schema(&status))?;
        writeln!(out, "size      {} bytes", status.bytes)?;
        writeln!(out, "tenants   {}", status.tenants)?;
        writeln!(out, "machines  {}", status.machines)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn schema(status: &Status) -> String {
    let known = status.known_schema;
    match status.schema {
        None => "none yet: any command that opens the database creates it".to_owned(),
        Some(version) if version == known => version.to_string(),
        Some(version) if version > known => {
            format!("{version}, of a newer kbgap: this one knows {known}")
        }
        Some(version) => {
            format!("{version}, to become {known}: see 'kbgap database migrate --dry-run'")
        }
    }
}
