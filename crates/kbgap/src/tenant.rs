//! `kbgap tenant`: the tenants.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use kbgap_server::audit::Act;
use kbgap_store::{Store, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit;
use crate::catalog::runtime;
use crate::cli::TenantCommand;
use crate::data_dir::DataDir;
use crate::settings::Settings;

/// Names that stand for something else where a tenant's name does, in paths.
const TAKEN: [&str; 9] = [
    "api",
    "common",
    "consumers",
    "devicelogin",
    "exports",
    "healthz",
    "kbgap",
    "openapi.json",
    "organizations",
];

pub(crate) fn run(command: TenantCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    let data_dir = DataDir::of(settings);
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        match command {
            TenantCommand::Create { name, id, json } => create(&store, &name, id, json).await?,
            TenantCommand::List { json } => list(&store, json).await?,
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

async fn create(store: &Store, name: &str, id: Option<Uuid>, json: bool) -> anyhow::Result<()> {
    let fits = !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !fits {
        bail!(
            "the name of a tenant stands in URLs: letters, digits, '-', '_' and '.', up to 100 of them"
        );
    }
    let taken = TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    if taken || Uuid::try_parse(name).is_ok() {
        bail!("'{name}' stands for something else in URLs: choose another name");
    }
    let known = store.tenants().await?;
    if known
        .iter()
        .any(|known| known.name.eq_ignore_ascii_case(name))
    {
        bail!("there is a tenant '{name}' already");
    }
    let tenant = Tenant {
        id: id.unwrap_or_else(Uuid::new_v4).to_string(),
        name: name.to_owned(),
        created_at: Timestamp::now(),
    };
    store.create_tenant(&tenant).await?;
    let act = Act::new(audit::user(), "tenant.create").in_tenant(&tenant.id);
    audit::record(store, act.on(&tenant.id).telling(name)).await?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &row(&tenant))?;
        writeln!(out)?;
    } else {
        writeln!(out, "{name} was created:\n  tenant  {}", tenant.id)?;
    }
    Ok(())
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let tenants = store.tenants().await?;
    let mut out = io::stdout().lock();
    if json {
        let rows: Vec<Value> = tenants.iter().map(row).collect();
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
        return Ok(());
    }
    for tenant in &tenants {
        let (id, name, created) = (&tenant.id, &tenant.name, tenant.created_at);
        writeln!(out, "{id}  {name}  {created}")?;
    }
    Ok(())
}

fn row(tenant: &Tenant) -> Value {
    json!({ "id": tenant.id, "name": tenant.name, "createdOn": tenant.created_at })
}
