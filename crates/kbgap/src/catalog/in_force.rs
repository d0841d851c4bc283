//! The catalogue that commands go by: the compiled one, or what was known on a day.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use kbgap_catalog::{Catalog, Day, Texts};
use kbgap_store::Store;

use super::compile::compile_as_of;
use super::record::DOCUMENTS;
use super::runtime;
use crate::data_dir::{self, DataDir};
use crate::settings::Settings;

/// The facts to assess by: of the catalogue given, or the data directory's, as of the day that the settings state.
pub(crate) fn facts_in_force(given: Option<&Path>, settings: &Settings) -> anyhow::Result<Catalog> {
    if let Some((catalog, _)) = of_revisions(given, settings)? {
        return Ok(catalog);
    }
    let own = DataDir::of(settings).catalog();
    let catalog = data_dir::read_facts(given.unwrap_or(&own))?;
    Ok(at(catalog, settings.as_of))
}

/// The same, with the texts.
pub(crate) fn whole_in_force(
    given: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<(Catalog, Texts)> {
    if let Some(whole) = of_revisions(given, settings)? {
        return Ok(whole);
    }
    let own = DataDir::of(settings).catalog();
    let (catalog, texts) = data_dir::read_whole(given.unwrap_or(&own))?;
    Ok((at(catalog, settings.as_of), texts))
}

/// A catalogue cut to a day by the release days of its updates and vulnerabilities.
pub(crate) fn at(catalog: Catalog, day: Option<Day>) -> Catalog {
    match day {
        Some(day) => catalog.as_of(day),
        None => catalog,
    }
}

/// What the store's own revisions of documents say of a day; `None` where they add nothing to the compiled
/// catalogue: no revision older than the newest is known that was in force then.
pub(crate) async fn of_revisions_at(
    store: &Store,
    day: Day,
) -> anyhow::Result<Option<(Catalog, Texts)>> {
    let mut revisions: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for revision in store.document_revisions(DOCUMENTS).await? {
        let of_document = revisions.entry(revision.id).or_default();
        of_document.push(revision.current_release);
    }
    let end = day.tomorrow().midnight();
    let differs = revisions.values().any(|revisions| {
        revisions.iter().any(|at| *at < end) && revisions.iter().any(|at| *at >= end)
    });
    if !differs {
        return Ok(None);
    }
    compile_as_of(store, Some(day)).await.map(Some)
}

fn of_revisions(
    given: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<Option<(Catalog, Texts)>> {
    let data_dir = DataDir::of(settings);
    let Some(day) = settings.as_of.filter(|_| given.is_none()) else {
        return Ok(None);
    };
    if !data_dir.has_store() {
        return Ok(None);
    }
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let found = of_revisions_at(&store, day).await;
        store.close().await;
        found
    })
}
