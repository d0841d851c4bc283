//! Exports: found while fresh, else written; once for all who ask at a time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::TryStreamExt;
use futures_util::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::key::ExportKey;
use crate::manifest::{Manifest, Name, folder_of};
use crate::path::ExportPath;
use crate::run::{Producer, ProducerError, Run};
use crate::store::{ExportStore, StoreError};

/// How exports are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// About how many bytes of lines are in a part.
    pub part: u64,
    /// About how many bytes of lines are compressed at a time.
    pub chunk: usize,
    /// The level of gzip, 0 to 9. Measured on vulnerabilities (bench `export`), 3 is twice as fast as 6 and a fifth larger.
    pub level: u32,
    /// How many chunks of a run are compressed at a time.
    pub compressors: usize,
    /// How many bytes are uploaded at a time; buckets want at least 5 MiB.
    pub upload: usize,
    /// How many runs are written at a time.
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            part: 128 << 20,
            chunk: 1 << 20,
            level: 3,
            compressors: std::thread::available_parallelism().map_or(1, |n| n.get().min(8)),
            upload: 5 << 20,
            runs: 2,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which export.
    pub key: ExportKey,
    /// Now: the time in the paths of a new export.
    pub now: Timestamp,
    /// How old an export of the same key may be to be given again.
    pub fresh: SignedDuration,
}

/// An export that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The run that wrote it.
    pub run: Uuid,
    /// When it was begun: the `generatedTime` of the answer (API specification, section 2.18).
    pub generated: Timestamp,
    /// How many lines it has.
    pub lines: u64,
    /// Its files, in order. An export without lines has none.
    pub files: Vec<ExportFile>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportFile {
    /// Where.
    pub path: ExportPath,
    /// How large, in bytes.
    pub size: u64,
    /// How large when unpacked.
    pub uncompressed: u64,
    /// How many lines it has.
    pub lines: u64,
}

/// Why an export was not written. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The lines could not be produced.
    #[error("the lines of the export cannot be produced: {0}")]
    Producer(ProducerError),
    /// A thread of the run panicked.
    #[error("the export panicked: {0}")]
    Panicked(String),
    /// The producer left a line without its end.
    #[error("the producer left a line unfinished")]
    UnfinishedLine,
    /// The lines cannot be compressed.
    #[error("the lines cannot be compressed: {0}")]
    Compress(#[from] flate2::CompressError),
    /// The manifest cannot be written as JSON.
    #[error("the manifest cannot be written: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is being stopped.
    #[error("the export was stopped")]
    Stopped,
}

/// The outcome of a run, for all who wait for it.
type Outcome = Result<Arc<Export>, Arc<ExportError>>;

/// Writes exports. Clones share their runs.
#[derive(Debug, Clone)]
pub struct Exporter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: ExportStore,
    settings: Settings,
    /// What is being looked for or written.
    running: Mutex<HashMap<ExportKey, Shared<BoxFuture<'static, Outcome>>>>,
    /// The runs that are being written: not to be swept.
    writing: Mutex<HashSet<Uuid>>,
    places: Semaphore,
}

impl Exporter {
    /// An exporter into a store.
    pub fn new(store: ExportStore, settings: Settings) -> Self {
        let places = Semaphore::new(settings.runs.max(1));
        Self {
            inner: Arc::new(Inner {
                store,
                settings,
                running: Mutex::default(),
                writing: Mutex::default(),
                places,
            }),
        }
    }

    /// The store.
    pub fn store(&self) -> &ExportStore {
        &self.inner.store
    }

    /// The runs that are being written.
    pub(crate) fn writing(&self) -> HashSet<Uuid> {
        lock(&self.inner.writing).clone()
    }

    /// The export of a key: one that is fresh, else what the producer gives, written as files.
    ///
    /// Those who ask while it is looked for or written wait for the same, and their producers are dropped unused. It
    /// is written to its end also if all of them stop waiting. Processes that share a store do not wait for each other.
    pub async fn export(
        &self,
        request: Request,
        producer: impl Producer,
    ) -> Result<Arc<Export>, Arc<ExportError>> {
        let shared = {
            let mut running = lock(&self.inner.running);
            if let Some(run) = running.get(&request.key) {
                run.clone()
            } else {
                let key = request.key.clone();
                let inner = Arc::clone(&self.inner);
                // A task of its own: it outlives who asked first.
                let task = tokio::spawn(async move {
                    let _entry = Entry(&inner, request.key.clone());
                    inner.find_or_write(&request, producer).await
                });
                let shared = task
                    .map(|done| match done {
                        Ok(outcome) => outcome.map(Arc::new).map_err(Arc::new),
                        Err(_) => Err(Arc::new(ExportError::Stopped)),
                    })
                    .boxed()
                    .shared();
                running.insert(key, shared.clone());
                shared
            }
        };
        shared.await
    }

    /// The newest export of a key, if it is fresh.
    pub async fn find(&self, request: &Request) -> Result<Option<Export>, StoreError> {
        self.inner.find(request).await
    }
}

impl Inner {
    async fn find_or_write(
        &self,
        request: &Request,
        producer: impl Producer,
    ) -> Result<Export, ExportError> {
        if let Some(export) = self.find(request).await? {
            return Ok(export);
        }
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| ExportError::Stopped)?;
        let writing = Writing::begin(&self.writing);
        let objects = &self.store.objects;
        let run = Run::new(
            objects,
            &self.settings,
            &request.key,
            request.now,
            writing.run,
        );
        let export = run.write(producer).await?;
        let manifest = serde_json::to_vec(&Manifest::new(&request.key, &export))?;
        let location = Name::of(&export).location(&request.key);
        if let Err(error) = objects.put(&location, manifest.into()).await {
            // It may be there all the same: then its parts have to be, and are swept with it.
            tracing::warn!(%error, %location, "the manifest of an export cannot be written");
            return Err(StoreError::from(error).into());
        }
        Ok(export)
    }

    async fn find(&self, request: &Request) -> Result<Option<Export>, StoreError> {
        let objects = &self.store.objects;
        let folder = folder_of(&request.key);
        let mut listing = objects.list(Some(&folder));
        let mut newest = None;
        while let Some(found) = listing.try_next().await? {
            newest = newest.max(Name::read(&found.location));
        }
        let Some(name) = newest else {
            return Ok(None);
        };
        if request.now.duration_since(name.generated) >= request.fresh {
            return Ok(None);
        }
        let location = name.location(&request.key);
        let bytes = match objects.get(&location).await {
            Ok(found) => found.bytes().await?,
            // Swept meanwhile.
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(manifest) => Ok(manifest.export(&request.key)),
            Err(error) => {
                tracing::warn!(%error, %location, "a manifest cannot be read; the export is written again");
                Ok(None)
            }
        }
    }
}

/// The entry of what is running; gone when it ends, however it does.
struct Entry<'a>(&'a Inner, ExportKey);

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        lock(&self.0.running).remove(&self.1);
    }
}

/// A run that is being written; no more when it ends, however it does.
struct Writing<'a> {
    all: &'a Mutex<HashSet<Uuid>>,
    run: Uuid,
}

impl<'a> Writing<'a> {
    fn begin(all: &'a Mutex<HashSet<Uuid>>) -> Self {
        let run = Uuid::new_v4();
        lock(all).insert(run);
        Self { all, run }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        lock(self.all).remove(&self.run);
    }
}

/// What is under the locks is whole at any time, also where a thread panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
