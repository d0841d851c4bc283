//! `kbgap inventory group`: which device group machines are in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use kbgap_server::audit::Act;
use kbgap_store::{Labels, Store};
use serde::Serialize;

use crate::audit;
use crate::catalog::runtime;
use crate::cli::{FAILED, InventoryGroupArgs};
use crate::data_dir::DataDir;
use crate::output;
use crate::settings::Settings;
use crate::setup;

/// What was done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    group: Option<String>,
    machines: usize,
    unknown: Vec<String>,
}

pub(super) fn run(args: InventoryGroupArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut machines = args.names;
    let group = (!args.none).then(|| machines.remove(0));
    if let Some(file) = &args.from {
        machines.extend(lines(file)?);
    }
    if machines.is_empty() {
        bail!("no machines are named: give ids or DNS names, or a file of them with --from");
    }
    let summary = runtime()?.block_on(async {
        let store = DataDir::of(settings).store().await?;
        let tenant = setup::tenant(&store, &settings.tenant).await?;
        let (ids, unknown) = find(&store, &tenant.id, machines).await?;
        let labels = Labels {
            group: Some(group.clone()),
            ..Labels::default()
        };
        let known: Vec<&str> = ids.iter().map(String::as_str).collect();
        let machines = store.label_machines(&tenant.id, &known, labels).await?;
        let act = Act::new(audit::user(), "machine.group")
            .in_tenant(tenant.id)
            .on(group.clone().unwrap_or_default())
            .telling(format!("{machines} machines"));
        audit::record(&store, act).await?;
        store.close().await;
        anyhow::Ok(Summary {
            group,
            machines,
            unknown,
        })
    })?;
    for name in &summary.unknown {
        output::note(&format!("no machine is known as {name}"));
    }
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &summary)?;
        writeln!(out)?;
    } else {
        let place = summary.group.as_deref().map_or_else(
            || "no device group".to_owned(),
            |name| format!("the device group {name}"),
        );
        writeln!(out, "{} machines are in {place}", summary.machines)?;
    }
    let failed = !summary.unknown.is_empty();
    Ok(ExitCode::from(if failed { FAILED } else { 0 }))
}

/// The ids of machines by their ids or names; and what no machine is known as.
async fn find(
    store: &Store,
    tenant: &str,
    asked: Vec<String>,
) -> anyhow::Result<(BTreeSet<String>, Vec<String>)> {
    let lower: Vec<String> = asked.iter().map(|name| name.to_lowercase()).collect();
    let texts: Vec<&str> = lower.iter().map(String::as_str).collect();
    let by_id = store.machines_by_id(tenant, &texts).await?;
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, machine) in store.machines_by_name(tenant, &texts).await? {
        by_name.entry(name).or_default().push(machine);
    }
    let (mut ids, mut unknown) = (BTreeSet::new(), Vec::new());
    for ((asked, lower), row) in asked.into_iter().zip(&lower).zip(by_id) {
        match (row, by_name.get(lower)) {
            (Some(row), _) => _ = ids.insert(row.machine),
            (None, Some(named)) => ids.extend(named.iter().cloned()),
            (None, None) => unknown.push(asked),
        }
    }
    Ok((ids, unknown))
}

/// The lines of a file that are not empty.
fn lines(file: &Path) -> anyhow::Result<Vec<String>> {
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}
