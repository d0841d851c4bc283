//! Compiling the stored documents into the one file a scan needs.

use std::process::ExitCode;

use anyhow::Context;
use kbgap_catalog::document::Document;
use kbgap_catalog::{Catalog, Compiler, Texts};
use kbgap_store::Store;

use super::record::SOURCE;
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

/// Compiles the newest revision of every stored document.
pub(crate) async fn compile(store: &Store, data_dir: &DataDir) -> anyhow::Result<(Catalog, Texts)> {
    let mut compiler = Compiler::new();
    for row in store.documents(SOURCE, None).await? {
        let document = Document::unpack(&row.body).with_context(|| row.id.clone())?;
        compiler.add(document);
    }
    let (catalog, texts) = compiler.finish();
    data_dir.write_catalog(&catalog, &texts)?;
    Ok((catalog, texts))
}
