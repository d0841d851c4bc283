//! `kbgap key`: the keys that sign tokens.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use kbgap_identity::KeyState;
use kbgap_server::KeyOfStore;
use kbgap_store::Store;
use serde_json::json;

use crate::catalog::runtime;
use crate::cli::KeyCommand;
use crate::data_dir::DataDir;
use crate::settings::Settings;

pub(crate) fn run(command: &KeyCommand, settings: &Settings) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let store = DataDir::of(settings).store().await?;
        match command {
            KeyCommand::List { json } => list(&store, *json).await?,
            KeyCommand::Rotate { now } => rotate(&store, settings, *now).await?,
            KeyCommand::Remove { id } => remove(&store, id).await?,
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    })
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let keys = kbgap_server::keys_of(store, Timestamp::now()).await?;
    let mut out = io::stdout().lock();
    if json {
        let rows: Vec<_> = keys.iter().map(row).collect();
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)?;
    } else {
        for key in &keys {
            let (kid, state, from) = (&key.kid, key.state.name(), key.signs_from);
            writeln!(out, "{kid}  {state:<7}  signs from {from:.0}")?;
        }
    }
    Ok(())
}

fn row(key: &KeyOfStore) -> serde_json::Value {
    json!({
        "kid": key.kid,
        "state": key.state.name(),
        "createdAt": key.created_at,
        "signsFrom": key.signs_from,
    })
}

async fn rotate(store: &Store, settings: &Settings, at_once: bool) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let kid = kbgap_server::create_key(store, &settings.tokens.key_rotation, at_once, now).await?;
    let keys = kbgap_server::keys_of(store, now).await?;
    if let Some(key) = keys.iter().find(|key| key.kid == kid) {
        writeln!(
            io::stdout().lock(),
            "{kid} is published, and signs from {:.0}",
            key.signs_from
        )?;
    }
    Ok(())
}

async fn remove(store: &Store, id: &str) -> anyhow::Result<()> {
    let keys = kbgap_server::keys_of(store, Timestamp::now()).await?;
    let Some(key) = keys.iter().find(|key| key.kid == id) else {
        bail!("there is no key {id}: 'kbgap key list' lists them");
    };
    if key.state == KeyState::Active {
        bail!("{id} signs: let another key do so first, by 'kbgap key rotate --now'");
    }
    store.remove_signing_key(id).await?;
    writeln!(
        io::stdout().lock(),
        "{id} was removed: what it signed is refused"
    )?;
    Ok(())
}
