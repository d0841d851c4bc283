//! People: `kbgap user` and `kbgap group`.

mod group;
mod password;
mod user;

use std::io::{self, Write};

use anyhow::Context;
use kbgap_server::audit::Act;
use kbgap_store::{Group, Store, Tenant, User};
use serde::Serialize;

use crate::catalog::runtime;
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{audit, setup};

pub(crate) use group::GroupCommand;
pub(crate) use user::UserCommand;
pub(crate) use {group::run as run_group, user::run as run_user};

/// The tenant worked on, and the store.
struct Opened {
    store: Store,
    tenant: Tenant,
}

/// Does something with the store.
fn with_store<T>(
    settings: &Settings,
    work: impl AsyncFnOnce(&Opened) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    runtime()?.block_on(async {
        let store = DataDir::of(settings).store().await?;
        let tenant = setup::tenant(&store, &settings.tenant).await?;
        let opened = Opened { store, tenant };
        let done = work(&opened).await;
        opened.store.close().await;
        done
    })
}

impl Opened {
    async fn user(&self, id_or_name: &str) -> anyhow::Result<User> {
        let user = self.store.find_user(&self.tenant.id, id_or_name).await?;
        user.with_context(|| {
            format!("there is no user '{id_or_name}': 'kbgap user list' lists them")
        })
    }

    async fn group(&self, id_or_name: &str) -> anyhow::Result<Group> {
        let group = self.store.find_group(&self.tenant.id, id_or_name).await?;
        group.with_context(|| {
            format!("there is no group '{id_or_name}': 'kbgap group list' lists them")
        })
    }

    /// Records what was done to a user or a group.
    async fn record(
        &self,
        action: &'static str,
        target: &str,
        detail: impl Into<String>,
    ) -> anyhow::Result<()> {
        let act = Act::new(audit::user(), action).in_tenant(&self.tenant.id);
        let act = act.on(target).telling(detail);
        Ok(audit::record(&self.store, act).await?)
    }
}

/// Prints an answer as JSON.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Says what was done.
fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(())
}
