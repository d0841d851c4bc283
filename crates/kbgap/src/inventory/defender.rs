//! `kbgap inventory import-defender`: exports of Microsoft Defender into the store.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use indicatif::ProgressBar;
use kbgap_inventory::{
    DefenderCounts, DefenderExport, DefenderMachine, DefenderReader, Observation, Problem,
};
use kbgap_server::audit::Act;
use kbgap_server::{Incoming, Intake, Rejected};
use kbgap_store::{Labels, Store, StoreError};
use serde::Serialize;

use crate::audit;
use crate::catalog::runtime;
use crate::cli::{FAILED, InventoryDefenderArgs};
use crate::data_dir::DataDir;
use crate::output;
use crate::settings::Settings;
use crate::setup;

/// How many machines are stored at once.
const CHUNK: usize = 2_000;

/// What became of an export.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// What was read.
    read: DefenderCounts,
    /// Machines not known before.
    new: usize,
    /// Machines of which something else was known.
    changed: usize,
    /// Machines of which the same was known.
    unchanged: usize,
    /// Machines of which something later is known.
    older: usize,
    /// Machines that were not taken.
    rejected: Vec<Refused>,
    /// Machines that were taken but whose Windows cannot be told: the first hundred.
    unidentified: Vec<Refused>,
    /// How many those are.
    unidentified_count: usize,
    /// What is wrong with the export: the first thousand problems.
    problems: Vec<Problem>,
}

/// A machine, and why.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    machine: Box<str>,
    reason: String,
}

/// How many machines that were not identified are listed.
const LISTED: usize = 100;

pub(super) fn run(args: &InventoryDefenderArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (export, failures) = read(args);
    let summary = store(export, settings)?;
    print(&summary, args.json)?;
    for failure in &failures {
        output::note(&format!("error: {failure}"));
    }
    let whole = failures.is_empty() && summary.read.problems == 0 && summary.rejected.is_empty();
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

/// Reads the files; which could not be opened.
fn read(args: &InventoryDefenderArgs) -> (DefenderExport, Vec<String>) {
    let mut reader = DefenderReader::default();
    let mut failures = Vec::new();
    let sizes = args.files.iter().map(|file| size(file));
    let bar = output::progress(sizes.sum(), "reading");
    for file in &args.files {
        if let Err(error) = read_file(&mut reader, file, &bar) {
            failures.push(format!("{error:#}"));
        }
    }
    bar.finish_and_clear();
    (reader.finish(), failures)
}

/// The size of a file, as far as it is known.
fn size(file: &Path) -> usize {
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    usize::try_from(size).unwrap_or(usize::MAX)
}

fn read_file(reader: &mut DefenderReader, file: &Path, bar: &ProgressBar) -> anyhow::Result<()> {
    if file.to_str() == Some("-") {
        reader.read("standard input", bar.wrap_read(io::stdin().lock()));
        return Ok(());
    }
    let name = file.display().to_string();
    let input = File::open(file).with_context(|| format!("cannot open {name}"))?;
    reader.read(&name, bar.wrap_read(input));
    Ok(())
}

/// Hands the machines to the store.
fn store(export: DefenderExport, settings: &Settings) -> anyhow::Result<Summary> {
    let mut summary = Summary {
        read: export.counts,
        problems: export.problems,
        ..Summary::default()
    };
    let bar = output::progress(export.machines.len(), "storing");
    runtime()?.block_on(async {
        let store = DataDir::of(settings).store().await?;
        let tenant = setup::tenant(&store, &settings.tenant).await?;
        let intake = Intake::without_fleet(store.clone(), &tenant.id);
        let mut machines = export.machines.into_iter().peekable();
        while machines.peek().is_some() {
            let chunk: Vec<_> = machines.by_ref().take(CHUNK).collect();
            let ids: Vec<Box<str>> = chunk.iter().map(id).collect();
            let labels = labels(&chunk);
            let reports = chunk.into_iter().map(|machine| machine.report);
            let batch = reports.map(|report| Incoming::from(Observation::from(report)));
            let taken = intake.take(batch.collect()).await?;
            label(&store, &tenant.id, labels).await?;
            summary.new += taken.new;
            summary.changed += taken.changed;
            summary.unchanged += taken.unchanged;
            summary.older += taken.older;
            let refused = |rejected: Rejected| Refused {
                machine: ids.get(rejected.index).cloned().unwrap_or_default(),
                reason: rejected.reason,
            };
            summary
                .rejected
                .extend(taken.rejected.into_iter().map(refused));
            summary.unidentified_count += taken.unidentified.len();
            let room = LISTED.saturating_sub(summary.unidentified.len());
            let unidentified = taken.unidentified.into_iter().take(room);
            summary.unidentified.extend(unidentified.map(refused));
            bar.inc(ids.len() as u64);
        }
        let taken = format!("{} machines taken from Defender's exports", bar.position());
        let act = Act::new(audit::user(), "report.import").in_tenant(&tenant.id);
        audit::record(&store, act.telling(taken)).await?;
        store.close().await;
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    Ok(summary)
}

fn id(machine: &DefenderMachine) -> Box<str> {
    machine.report.machine_id().unwrap_or_default()
}

/// Machines by the group and the tags that they have.
type Labeled = BTreeMap<(Option<Box<str>>, Vec<Box<str>>), Vec<Box<str>>>;

fn labels(machines: &[DefenderMachine]) -> Labeled {
    let mut labeled = Labeled::new();
    for machine in machines {
        if machine.group.is_some() || !machine.tags.is_empty() {
            let labels = (machine.group.clone(), machine.tags.clone());
            labeled.entry(labels).or_default().push(id(machine));
        }
    }
    labeled
}

/// Stores groups and tags; what machines have beside them stays.
async fn label(store: &Store, tenant: &str, labeled: Labeled) -> Result<(), StoreError> {
    for ((group, tags), machines) in labeled {
        let machines: Vec<&str> = machines.iter().map(|machine| &**machine).collect();
        let labels = Labels {
            group: group.map(|group| Some(group.into())),
            add_tags: tags.into_iter().map(String::from).collect(),
            ..Labels::default()
        };
        store.label_machines(tenant, &machines, labels).await?;
    }
    Ok(())
}

fn print(summary: &Summary, json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, summary)?;
        writeln!(out)?;
        return Ok(());
    }
    let read = &summary.read;
    writeln!(
        out,
        "{} files: {} records of machines, {} of software",
        read.files, read.machine_records, read.software_records
    )?;
    writeln!(
        out,
        "{} machines: {} new, {} changed, {} unchanged, {} older than what is known",
        read.machines, summary.new, summary.changed, summary.unchanged, summary.older
    )?;
    for (count, what) in [
        (read.without_software, "machines have no record of software"),
        (
            read.by_software_alone,
            "machines are known by their software alone",
        ),
        (
            read.duplicates,
            "machines came more than once; what was seen last counts",
        ),
        (read.merged, "machines were merged into others and left out"),
        (read.left_out, "records were left out"),
        (
            summary.unidentified_count,
            "machines run a Windows that cannot be told",
        ),
    ] {
        if count > 0 {
            writeln!(out, "{count} {what}")?;
        }
    }
    for refused in &summary.rejected {
        writeln!(out, "rejected: {}: {}", refused.machine, refused.reason)?;
    }
    for refused in &summary.unidentified {
        writeln!(
            out,
            "not identified: {}: {}",
            refused.machine, refused.reason
        )?;
    }
    for problem in &summary.problems {
        writeln!(out, "problem: {problem}")?;
    }
    let more = read.problems.saturating_sub(summary.problems.len());
    if more > 0 {
        writeln!(out, "and {more} more problems")?;
    }
    Ok(())
}
