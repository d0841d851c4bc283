//! Compiling the stored documents into the one file a scan needs.

use std::process::ExitCode;

use anyhow::Context;
use kbgap_catalog::document::Document;
use kbgap_catalog::{Catalog, Compiler, Day, ReleaseHistory, Texts};
use kbgap_store::Store;

use super::record::{DOCUMENTS, HISTORIES};
use super::runtime;
use crate::data_dir::DataDir;
use crate::output;

pub(crate) fn run(data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let (catalog, _) = compile(&store, data_dir).await?;
        output::note(&format!(
            "{} documents compiled into {}: {} updates, {} vulnerabilities, {} products",
            catalog.documents().len(),
            data_dir.catalog().display(),
            catalog.updates().len(),
            catalog.vulnerabilities().len(),
            catalog.products().len()
        ));
        Ok(ExitCode::SUCCESS)
    })
}

/// Compiles the newest revision of every stored document, and the newest release history.
pub(crate) async fn compile(store: &Store, data_dir: &DataDir) -> anyhow::Result<(Catalog, Texts)> {
    // Before: what changes while they are read makes for another compilation.
    let sequence = store.catalog_sequence().await?;
    let (catalog, texts) = compile_as_of(store, None).await?;
    data_dir.write_catalog(&catalog, &texts, sequence)?;
    Ok((catalog, texts))
}

/// Compiles what the store holds: with a day given, of each document the newest revision published by its
/// end. The release history is always the newest: a revision of a build, once out, stays true.
pub(crate) async fn compile_as_of(
    store: &Store,
    day: Option<Day>,
) -> anyhow::Result<(Catalog, Texts)> {
    let mut compiler = Compiler::new();
    let by = day.map(|day| day.tomorrow().midnight());
    for row in store.documents(DOCUMENTS, by).await? {
        let document = Document::unpack(&row.body).with_context(|| row.id.clone())?;
        compiler.add(document);
    }
    for row in store.documents(HISTORIES, None).await? {
        let history = ReleaseHistory::unpack(&row.body).with_context(|| row.id.clone())?;
        compiler.add_history(history);
    }
    let (catalog, texts) = compiler.finish();
    // Of a document that was first imported later, no older revision is known: then release days decide.
    let catalog = match day {
        Some(day) => catalog.as_of(day),
        None => catalog,
    };
    Ok((catalog, texts))
}
