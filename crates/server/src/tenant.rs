//! A tenant in this process: its fleet, kept level with the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_fleet::{Ages, Change, Damaged, Fleet, Loaded, Loader, Snapshot, SoftwareNames};
use kbgap_inventory::MachineReport;
use kbgap_store::{Changes, MachineReader, MachineRow, Score, ScoreKind, Store, StoreError};

use crate::api::{CurrentViews, NarrowViews, Views};
use crate::former;
use crate::history::{self, Detection, Found, Knowledge, Recorder, Timeline};
use crate::intake::{Applied, Entries, Intake, Shown, of_fleet, rows};
use crate::service::Service;

/// How many machines are read at once while following.
const PAGE: usize = 500;

/// A tenant, whose machines this process has in memory.
pub(crate) struct Tenant {
    id: Arc<str>,
    store: Store,
    fleet: Arc<Fleet>,
    entries: Arc<Entries>,
    intake: Intake,
    applied: Arc<Applied>,
    recorder: Recorder,
    views: CurrentViews,
    narrow: NarrowViews,
    /// One follows at a time.
    following: tokio::sync::Mutex<()>,
}

/// Why a machine's report cannot be read back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Damaged(#[from] Damaged),
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
        former::take_over(store, id).await?;
        let id: Arc<str> = id.into();
        let entries = Arc::new(Entries::default());
        let loader = Loader::new(&id, assessor, names, ages, Timestamp::now());
        let (all, sequence) = load(store, &id, &entries, loader).await?;
        let fleet = Arc::new(Fleet::of(all));
        let applied = Arc::new(Applied::default());
        applied.begin(sequence);
        let shown = Shown {
            fleet: fleet.clone(),
            applied: applied.clone(),
        };
        let intake = Intake::new(store.clone(), id.clone(), entries.clone(), shown);
        Ok(Arc::new(Self {
            id,
            store: store.clone(),
            fleet,
            entries,
            intake,
            applied,
            recorder: Recorder::default(),
            views: CurrentViews::default(),
            narrow: NarrowViews::default(),
            following: tokio::sync::Mutex::default(),
        }))
    }

    /// The machines as they are now, with the rows that lists of them are made of.
    pub(crate) fn views(&self, service: &Service) -> Arc<Views> {
        self.views.of(service, self)
    }

    /// The same of the machines of some device groups only.
    pub(crate) async fn narrow_views(
        &self,
        service: &Service,
        groups: &BTreeSet<Box<str>>,
    ) -> Arc<Views> {
        self.narrow.of(service, self, groups).await
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    pub(crate) fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    /// Takes reports in.
    pub(crate) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Writes what was found for states that are new, or are assessed anew, into the history.
    pub(crate) async fn record(&self) -> Result<(), StoreError> {
        self.recorder.record(&self.store, &self.fleet).await
    }

    /// Keeps the exposure scores of all machines and of each device group, where they changed.
    pub(crate) async fn keep_scores(&self, now: Timestamp) -> Result<(), StoreError> {
        let machines = self.fleet.snapshot();
        // Of a large fleet that takes a while.
        let scores = tokio::task::spawn_blocking(move || machines.scores()).await;
        let scores = match scores {
            Ok(scores) => scores,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let score = |group: Option<&Arc<str>>, score: f64| Score {
            kind: ScoreKind::Exposure,
            at: now,
            group: group.map(|name| (**name).to_owned()),
            score,
        };
        // Machines in no group are no group: their score would stand for all machines.
        let groups = scores.groups.iter();
        let groups = groups.filter_map(|(name, points)| Some(score(Some(name.as_ref()?), *points)));
        let all = std::iter::once(score(None, scores.all));
        let rows: Vec<Score> = all.chain(groups).collect();
        self.store.put_scores(&self.id, &rows).await?;
        Ok(())
    }

    /// All that is known of a machine, from the store: the latest of every part. `None` where it is not known.
    pub(crate) async fn report(&self, machine: &str) -> Result<Option<MachineReport>, ReportError> {
        let mut rows = self.store.machines_by_id(&self.id, &[machine]).await?;
        let Some(row) = rows.pop().flatten() else {
            return Ok(None);
        };
        let show = |learned| self.fleet.learn(learned);
        self.entries.follow(&self.store, &self.id, show).await?;
        Ok(Some(rows::record(&row, &self.entries.known())?.report))
    }

    /// What was found on a machine since it is known, each for how long.
    pub(crate) async fn history(&self, machine: &str) -> Result<Vec<Detection>, StoreError> {
        let machines = self.fleet.snapshot();
        let bearing = |number| self.entries.known().bearing(number);
        let knowledge = Knowledge {
            bearing: &bearing,
            machines: &machines,
        };
        history::of_machine(&mut self.found(), machine, &knowledge).await
    }

    /// How exposed all machines were since a moment, earliest first.
    pub(crate) async fn exposure_scores(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, f64)>, StoreError> {
        let when = since..Timestamp::MAX;
        let kind = ScoreKind::Exposure;
        let scores = self.store.scores(&self.id, kind, None, when).await?;
        let scores = scores.into_iter();
        Ok(scores.map(|score| (score.at, score.score)).collect())
    }

    /// What was there on a machine over time, against the machines as they are in some snapshot.
    pub(crate) async fn timeline(
        &self,
        found: &mut Found,
        machine: &str,
        machines: &Snapshot,
    ) -> Result<Timeline, StoreError> {
        let bearing = |number| self.entries.known().bearing(number);
        let knowledge = Knowledge {
            bearing: &bearing,
            machines,
        };
        Timeline::read(found, machine, &knowledge).await
    }

    /// The machines of which a state became known since a moment; `None` where other things are known of old states since
    /// then, which may concern any machine.
    pub(crate) async fn changed_since(
        &self,
        since: Timestamp,
    ) -> Result<Option<BTreeSet<String>>, StoreError> {
        if self.store.findings_were_renewed(since).await? {
            return Ok(None);
        }
        let machines = self.store.machines_that_changed(&self.id, since).await?;
        Ok(Some(machines.into_iter().collect()))
    }

    /// Reads what was found for the states of this tenant's machines.
    pub(crate) fn found(&self) -> Found {
        Found::new(self.store.clone(), self.id.clone())
    }

    /// Takes over what other processes wrote; `true` where there was something.
    pub(crate) async fn follow(&self) -> Result<bool, StoreError> {
        let _one = self.following.lock().await;
        let upto = self.applied.upto();
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
                self.applied.all_upto(upto);
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
        let mut loader = Loader::new(&self.id, assessor, names, current.ages(), Timestamp::now());
        drop(current);
        loader.learn(self.entries.all());
        let (all, sequence) = load(&self.store, &self.id, &self.entries, loader).await?;
        self.fleet.take(all);
        // What was interned meanwhile.
        self.fleet.learn(self.entries.all());
        self.applied.begin(sequence);
        Ok(())
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
    let all = match loading.await {
        Ok(all) => all,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    read?;
    Ok((all, sequence))
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
