//! `kbgap audit`: who did what; and what this command line itself did.

use std::collections::HashSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kbgap_server::audit::{Act, Who};
use kbgap_store::{AuditQuery, AuditRecord, Store, StoreError};
use serde_json::json;

use crate::catalog::runtime;
use crate::cli::AuditArgs;
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::setup;

/// How often it is looked for records that come.
const LOOK: Duration = Duration::from_secs(1);
/// How far back it is looked for records that another server wrote late.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// The user of the operating system who runs this command.
pub(crate) fn user() -> Who {
    let name = whoami::username();
    Who::CommandLine(name.unwrap_or_else(|_| "unknown".to_owned()))
}

/// Records what this command did.
pub(crate) async fn record(store: &Store, act: Act) -> Result<(), StoreError> {
    store.append_audit(&[act.record()]).await
}

pub(crate) fn run(args: &AuditArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let tenant = if args.all_tenants {
            None
        } else {
            Some(setup::tenant(&store, &settings.tenant).await?.id)
        };
        let query = AuditQuery {
            since: args.since.map(|moment| moment.0),
            until: args.until.map(|moment| moment.0),
            tenant,
            actor: args.who.clone(),
            action: args.what.clone(),
            outcome: args.outcome,
            limit: args.limit,
        };
        let records = store.audit(&query).await?;
        print(&records, args.json)?;
        if args.follow {
            follow(&store, query, records, args.json).await?;
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Prints records as they come, until the process is stopped.
async fn follow(
    store: &Store,
    mut query: AuditQuery,
    records: Vec<AuditRecord>,
    json: bool,
) -> anyhow::Result<()> {
    let mut seen: HashSet<String> = records.into_iter().map(|record| record.id).collect();
    let began = Timestamp::now() - LATE;
    query.limit = u32::MAX;
    loop {
        tokio::time::sleep(LOOK).await;
        let since = (Timestamp::now() - LATE).max(began);
        query.since = Some(query.since.map_or(since, |asked| asked.max(since)));
        let records = store.audit(&query).await?;
        // What is looked at no more need not be remembered.
        let still: HashSet<String> = records.iter().map(|record| record.id.clone()).collect();
        let new = records
            .into_iter()
            .filter(|record| !seen.contains(&record.id));
        print(&new.collect::<Vec<_>>(), json)?;
        seen = still;
    }
}

fn print(records: &[AuditRecord], json: bool) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for record in records {
        if json {
            serde_json::to_writer(&mut out, &row(record))?;
            writeln!(out)?;
            continue;
        }
        let (at, outcome, action) = (record.at, record.outcome.name(), &record.action);
        let (kind, actor) = (record.actor_kind.name(), &record.actor);
        write!(out, "{at:.3}  {outcome:<7}  {action}  by {kind}")?;
        if !actor.is_empty() {
            write!(out, " {actor}")?;
        }
        let parts = [
            ("on", &record.target),
            ("from", &record.peer),
            ("-", &record.detail),
        ];
        for (word, part) in parts {
            if let Some(part) = part.as_deref().filter(|part| !part.is_empty()) {
                write!(out, " {word} {part}")?;
            }
        }
        if record.times > 1 {
            write!(out, " ({} times)", record.times)?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

fn row(record: &AuditRecord) -> serde_json::Value {
    json!({
        "id": record.id,
        "at": record.at,
        "tenant": record.tenant,
        "who": { "kind": record.actor_kind.name(), "id": record.actor },
        "what": record.action,
        "target": record.target,
        "from": record.peer,
        "outcome": record.outcome.name(),
        "detail": record.detail,
        "times": record.times,
    })
}
