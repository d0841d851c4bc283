//! A tenant in this process: its fleet, kept level with the store.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_fleet::{Ages, Change, Fleet, Loaded, Loader, SoftwareNames};
use kbgap_store::{Changes, MachineReader, MachineRow, Store, StoreError};

use crate::intake::{Entries, Incoming, IngestSummary, Intake, of_fleet};

/// How many machines are read at once while following.
const PAGE: usize = 500;

/// A tenant, whose machines this process has in memory.
pub(crate) struct Tenant {
    id: Arc<str>,
    store: Store,
    fleet: Arc<Fleet>,
    entries: Arc<Entries>,
    intake: Intake,
    applied: Mutex<Applied>,
    /// One follows at a time.
    following: tokio::sync::Mutex<()>,
}

/// Which changes of the store the fleet shows.
#[derive(Debug, Default)]
struct Applied {
    /// All up to this number.
    upto: i64,
    /// And these, that this process wrote while others wrote what lies between.
    beyond: BTreeSet<i64>,
}

impl Applied {
    fn add(&mut self, sequence: i64) {
        self.beyond.insert(sequence);
        self.close();
    }

    fn all_upto(&mut self, sequence: i64) {
        self.upto = self.upto.max(sequence);
        self.beyond = self.beyond.split_off(&(self.upto + 1));
        self.close();
    }

    fn close(&mut self) {
        while self.beyond.remove(&(self.upto + 1)) {
            self.upto += 1;
        }
    }
}

impl Tenant {
    /// Reads a tenant from the store.
    pub(crate) async fn load(
        store: &Store,
        id: &str,
        assessor: Arc<Assessor>,
        names: Arc<SoftwareNames>,
        ages: Ages,
    ) -> Result<Arc<Self>, StoreError> {
        let id: Arc<str> = id.into();
        let entries = Arc::new(Entries::default());
        let loader = Loader::new(assessor, names, ages, Timestamp::now());
        let (loaded, sequence) = load(store, &id, &entries, loader).await?;
        let fleet = Arc::new(Fleet::of(loaded));
        let intake = Intake::new(store.clone(), id.clone(), entries.clone(), fleet.clone());
        Ok(Arc::new(Self {
            id,
            store: store.clone(),
            fleet,
            entries,
            intake,
            applied: Mutex::new(Applied {
                upto: sequence,
                beyond: BTreeSet::new(),
            }),
            following: tokio::sync::Mutex::default(),
        }))
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    /// Takes reports in; when this returns they are on disk, and every answer counts them.
    pub(crate) async fn take(&self, batch: Vec<Incoming>) -> Result<IngestSummary, StoreError> {
        let (summary, sequences) = self.intake.take_counted(batch).await?;
        let mut applied = self.applied();
        for sequence in sequences {
            applied.add(sequence);
        }
        Ok(summary)
    }

    /// Takes over what other processes wrote; `true` where there was something.
    pub(crate) async fn follow(&self) -> Result<bool, StoreError> {
        let _one = self.following.lock().await;
        let upto = self.applied().upto;
        let now = self.store.sequence(&self.id).await?;
        if now <= upto {
            return Ok(false);
        }
        match self.store.changes_after(&self.id, upto).await? {
            Changes::Machines { upto, machines } => {
                let show = |learned| self.fleet.learn(learned);
                self.entries.follow(&self.store, &self.id, show).await?;
                for page in machines.chunks(PAGE) {
                    self.follow_machines(page, upto).await?;
                }
                self.applied().all_upto(upto);
            }
            Changes::Trimmed => self.load_again().await?,
        }
        Ok(true)
    }

    async fn follow_machines(&self, machines: &[String], upto: i64) -> Result<(), StoreError> {
        let ids: Vec<&str> = machines.iter().map(String::as_str).collect();
        let rows = self.store.machines_by_id(&self.id, &ids).await?;
        let changes = ids.iter().zip(&rows).map(|(id, row)| match row {
            Some(row) => Change::Put(of_fleet(row)),
            None => Change::Removed { id, sequence: upto },
        });
        let changes: Vec<Change<'_>> = changes.collect();
        for (at, error) in self.fleet.apply(&changes, Timestamp::now()) {
            tracing::error!(machine = ids[at], %error, "a stored machine is damaged and left out");
        }
        Ok(())
    }

    /// Reads everything again: the store does not keep changes as old as what is known here.
    async fn load_again(&self) -> Result<(), StoreError> {
        tracing::info!(
            tenant = &*self.id,
            "the change log was trimmed: reading all machines again"
        );
        let current = self.fleet.snapshot();
        let assessor = current.assessor().clone();
        let names = self.fleet.names().clone();
        let mut loader = Loader::new(assessor, names, current.ages(), Timestamp::now());
        drop(current);
        loader.learn(self.entries.all());
        let (loaded, sequence) = load(&self.store, &self.id, &self.entries, loader).await?;
        self.fleet.take(loaded);
        // What was interned meanwhile.
        self.fleet.learn(self.entries.all());
        *self.applied() = Applied {
            upto: sequence,
            beyond: BTreeSet::new(),
        };
        Ok(())
    }

    fn applied(&self) -> std::sync::MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads all machines of a tenant: the database is read beside the work on what was read.
async fn load(
    store: &Store,
    tenant: &str,
    entries: &Entries,
    mut loader: Loader,
) -> Result<(Loaded, i64), StoreError> {
    let mut reader = store.read_machines(tenant).await?;
    let sequence = reader.sequence();
    // Rows name only software that was in the dictionary when they were written.
    let learn = |learned| loader.learn(learned);
    entries.follow(store, tenant, learn).await?;
    let (pages, received) = tokio::sync::mpsc::channel::<Vec<MachineRow>>(2);
    let loading = tokio::task::spawn_blocking(move || add_all(loader, received));
    let read = read_all(&mut reader, &pages).await;
    drop(pages);
    let loaded = match loading.await {
        Ok(loaded) => loaded,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    read?;
    Ok((loaded, sequence))
}

async fn read_all(
    reader: &mut MachineReader,
    pages: &tokio::sync::mpsc::Sender<Vec<MachineRow>>,
) -> Result<(), StoreError> {
    loop {
        let page = reader.next_page().await?;
        if page.is_empty() || pages.send(page).await.is_err() {
            return Ok(());
        }
    }
}

fn add_all(mut loader: Loader, mut pages: tokio::sync::mpsc::Receiver<Vec<MachineRow>>) -> Loaded {
    while let Some(page) = pages.blocking_recv() {
        for row in &page {
            if let Err(error) = loader.add(&of_fleet(row)) {
                tracing::error!(machine = %row.machine, %error, "a stored machine is damaged and left out");
            }
        }
    }
    loader.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_here_closes_up_when_what_lies_between_was_followed() {
        let mut applied = Applied::default();
        applied.add(1);
        applied.add(4);
        assert_eq!((applied.upto, applied.beyond.len()), (1, 1));
        applied.add(3);
        applied.add(2);
        assert_eq!((applied.upto, applied.beyond.len()), (4, 0));
        applied.add(7);
        applied.all_upto(6);
        assert_eq!((applied.upto, applied.beyond.len()), (7, 0));
        applied.all_upto(5);
        assert_eq!(applied.upto, 7);
    }
}
