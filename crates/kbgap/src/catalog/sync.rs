//! `kbgap catalog sync`: documents from the MSRC API, only those that are new or changed.
//!
//! Each document is stored when it arrives, so a sync that was cut off goes on where it ended.

use std::collections::HashMap;
use std::process::ExitCode;

use jiff::Timestamp;
use kbgap_feed::msrc::{Listed, Msrc, Retries};
use kbgap_server::audit::Act;
use kbgap_store::Store;

use super::record::{DOCUMENTS, Record};
use super::summary::Summary;
use super::{compile, runtime};
use crate::audit;
use crate::cli::SyncArgs;
use crate::data_dir::DataDir;
use crate::output;

pub(crate) fn run(args: &SyncArgs, data_dir: &DataDir, base: &str) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let client = Msrc::new(base, Retries::default())?;
        let listed = client.list().await?;
        let store = data_dir.store().await?;
        let summary = sync(&client, &store, &listed).await?;
        // A sync before this one may have stored documents and been cut off before compiling.
        if summary.has_changed() || !data_dir.has_catalog() {
            compile(&store, data_dir).await?;
        }
        audit::record(&store, Act::new(audit::user(), "catalog.sync")).await?;
        store.close().await;
        summary.finish(args.json)
    })
}

async fn sync(client: &Msrc, store: &Store, listed: &[Listed]) -> anyhow::Result<Summary> {
    let mut known: HashMap<String, Timestamp> = HashMap::new();
    for revision in store.document_revisions(DOCUMENTS).await? {
        let newest = known.entry(revision.id).or_insert(revision.current_release);
        *newest = revision.current_release.max(*newest);
    }
    let is_known = |listed: &&Listed| {
        known
            .get(&listed.id)
            .is_some_and(|newest| *newest >= listed.current_release)
    };
    let (unchanged, wanted): (Vec<_>, Vec<_>) = listed.iter().partition(is_known);
    let mut summary = Summary::default();
    for _ in unchanged {
        summary.skip("not changed since the last sync");
    }
    let bar = output::progress(wanted.len(), "fetching");
    for listed in wanted {
        bar.set_message(listed.id.clone());
        match client.document(&listed.id).await {
            Ok(bytes) => match Record::read(&listed.id, &bytes) {
                Ok(record) => {
                    let put = record.put(store).await?;
                    summary.stored(&record, put);
                }
                Err(error) => summary.fail(listed.id.clone(), error.to_string()),
            },
            Err(error) => summary.fail(
                listed.id.clone(),
                format!("{:#}", anyhow::Error::from(error)),
            ),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(summary)
}
