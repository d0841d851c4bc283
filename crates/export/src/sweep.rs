//! What is too old is deleted, and what no manifest tells of.

use std::collections::{HashMap, HashSet};
use std::path::Path as FilePath;
use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use object_store::path::Path;
use uuid::Uuid;

use crate::exporter::Exporter;
use crate::manifest::{Name, folder};
use crate::path::ExportPath;
use crate::store::{ExportStore, StoreError};

/// How long exports are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How old an export becomes. At least as long as one counts as fresh, and a link to it after that.
    pub keep: SignedDuration,
    /// How long nothing is written to a run without a manifest until it counts as dead. Other processes may be writing
    /// one: much longer than a part takes.
    pub unfinished: SignedDuration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            keep: SignedDuration::from_hours(48),
            unfinished: SignedDuration::from_hours(6),
        }
    }
}

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Exports that were too old.
    pub exports: u64,
    /// Files of these, and of runs that came to no end.
    pub files: u64,
}

/// The parts of a run that has no manifest.
struct Unfinished {
    newest: Timestamp,
    parts: Vec<Path>,
}

impl Exporter {
    /// Deletes exports that are older than they are kept, and parts that no manifest tells of. Files of other names are
    /// left alone. What fails half-way is done by the next sweep.
    pub async fn sweep(&self, now: Timestamp, retention: Retention) -> Result<Swept, StoreError> {
        let store = self.store();
        let mut swept = Swept::default();
        // Manifests first: an export whose files are being deleted is no more found.
        let mut complete = HashSet::new();
        let mut expired = HashSet::new();
        for (location, name) in manifests(store).await? {
            if now.duration_since(name.generated) > retention.keep {
                delete(store, vec![location]).await?;
                expired.insert(name.run);
            } else {
                complete.insert(name.run);
            }
        }
        swept.exports = expired.len() as u64;
        let mut old = Vec::new();
        let mut unfinished: HashMap<Uuid, Unfinished> = HashMap::new();
        let mut listing = store.objects.list(None);
        while let Some(found) = listing.try_next().await? {
            let Ok(path) = found.location.as_ref().parse::<ExportPath>() else {
                continue;
            };
            let Some(run) = path.run().filter(|run| !complete.contains(run)) else {
                continue;
            };
            if expired.contains(&run) {
                old.push(found.location);
                continue;
            }
            let written = found.last_modified.timestamp();
            let written = Timestamp::from_second(written).unwrap_or(now);
            let run = unfinished.entry(run).or_insert_with(|| Unfinished {
                newest: written,
                parts: Vec::new(),
            });
            run.newest = run.newest.max(written);
            run.parts.push(found.location);
        }
        let writing = self.writing();
        unfinished.retain(|run, found| {
            !writing.contains(run) && now.duration_since(found.newest) > retention.unfinished
        });
        if !unfinished.is_empty() {
            // A run may have come to its end since the manifests were listed.
            for (_, name) in manifests(store).await? {
                unfinished.remove(&name.run);
            }
        }
        old.extend(unfinished.into_values().flat_map(|run| run.parts));
        swept.files = old.len() as u64;
        delete(store, old).await?;
        swept.files += sweep_uploads(store, now, retention.unfinished).await?;
        Ok(swept)
    }
}

async fn manifests(store: &ExportStore) -> Result<Vec<(Path, Name)>, StoreError> {
    let listing = store.objects.list(Some(&folder()));
    let named = listing.try_filter_map(|found| async move {
        Ok(Name::read(&found.location).map(|name| (found.location, name)))
    });
    Ok(named.try_collect().await?)
}

async fn delete(store: &ExportStore, paths: Vec<Path>) -> Result<(), StoreError> {
    let paths = stream::iter(paths.into_iter().map(Ok)).boxed();
    let mut deleting = store.objects.delete_stream(paths);
    while let Some(deleted) = deleting.next().await {
        match deleted {
            // Another process sweeps too.
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Deletes uploads into a folder that a killed process left: the library hides them from listings, and ends them only
/// when it lives.
async fn sweep_uploads(
    store: &ExportStore,
    now: Timestamp,
    age: SignedDuration,
) -> Result<u64, StoreError> {
    let Some(folder) = store.folder.clone() else {
        return Ok(0);
    };
    let Ok(before) = now.checked_sub(age).and_then(SystemTime::try_from) else {
        return Ok(0);
    };
    let walk = tokio::task::spawn_blocking(move || remove_uploads(&folder, before, 0));
    Ok(walk.await.map_err(std::io::Error::other)??)
}

/// The layout is six folders deep.
const DEEPEST: u32 = 6;

fn remove_uploads(folder: &FilePath, before: SystemTime, depth: u32) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        if kind.is_dir() {
            if depth < DEEPEST {
                // A folder that became empty may be gone by now.
                removed += remove_uploads(&entry.path(), before, depth + 1).unwrap_or_default();
            }
        } else if kind.is_file()
            && is_upload(&name.to_string_lossy())
            && entry.metadata()?.modified()? < before
        {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a name is one of the library's for an upload: that of a part or manifest, `#`, a number.
fn is_upload(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(file, number)| {
        let ours = [".json.gz", ".json"].iter().any(|end| file.ends_with(end));
        ours && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
