//! Taking in what machines report: stored first, then shown to the fleet.

mod applied;
mod entries;
mod lines;
pub(crate) mod rows;
mod summary;

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_fleet::{Change, Fleet};
use kbgap_inventory::{MachineRecord, MachineReport, Observation, Observed};
use kbgap_inventory::{ReadError, ReadReport, identify};
use kbgap_store::{MachineRow, MachineWrite, Outcome, Store, StoreError, Written};
use rustc_hash::FxHashMap;

pub(crate) use applied::Applied;
pub(crate) use entries::{Entries, KnownEntries};
pub use lines::StreamError;
pub(crate) use rows::of_fleet;
pub use summary::{IngestSummary, Rejected};

use rows::Packed;

/// How often a machine's row is read again, when others write it meanwhile.
const ATTEMPTS: usize = 16;

/// Takes in the reports of a tenant's machines.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    tenant: Arc<str>,
    entries: Arc<Entries>,
    shown: Option<Shown>,
}

/// Where what was stored is shown.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) applied: Arc<Applied>,
}

/// A report that comes in, or why it cannot be read.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// What was seen of a machine.
    pub observation: Result<Observation, String>,
    /// What was left out of it.
    pub warnings: Vec<String>,
}

impl From<Result<ReadReport, ReadError>> for Incoming {
    fn from(read: Result<ReadReport, ReadError>) -> Self {
        match read {
            Ok(read) => Self {
                observation: Ok(read.report.into()),
                warnings: read.warnings,
            },
            // Its place in the batch is stated beside the reason.
            Err(ReadError::Report { error, .. }) => Self::failed(&error),
            Err(error) => Self::failed(&error),
        }
    }
}

impl From<Observation> for Incoming {
    fn from(observation: Observation) -> Self {
        Self {
            observation: Ok(observation),
            warnings: Vec::new(),
        }
    }
}

impl Incoming {
    pub(crate) fn failed(error: &impl ToString) -> Self {
        Self {
            observation: Err(error.to_string()),
            warnings: Vec::new(),
        }
    }
}

/// What was written of a batch.
struct Stored {
    rows: Vec<MachineRow>,
    sequence: i64,
}

/// What came of one machine, in the order it came.
struct Task {
    machine: String,
    observations: Vec<Told>,
}

/// An observation.
struct Told {
    /// Its place in the batch.
    index: usize,
    observation: Observation,
    /// The software it names, by its numbers in the dictionary: in order, each once.
    software: Vec<u32>,
}

/// What is to be written of a machine.
enum Due {
    Nothing,
    /// Only that it was seen.
    Seen,
    Row(Packed),
}

/// What is to be done about a machine.
struct Prepared {
    /// What each observation was, by its place in the batch.
    observed: Vec<(usize, Observed)>,
    known: Option<MachineRow>,
    last_seen: Timestamp,
    name: Option<Box<str>>,
    due: Due,
    unidentified: Option<String>,
}

impl Intake {
    /// Takes reports in for a process that holds no fleet.
    pub fn without_fleet(store: Store, tenant: &str) -> Self {
        Self {
            store,
            tenant: tenant.into(),
            entries: Arc::default(),
            shown: None,
        }
    }

    /// Takes reports in and shows them to a fleet.
    pub(crate) fn new(store: Store, tenant: Arc<str>, entries: Arc<Entries>, shown: Shown) -> Self {
        Self {
            store,
            tenant,
            entries,
            shown: Some(shown),
        }
    }

    /// Stores the reports of a batch, and then shows them to the fleet, where there is one in this process. When this
    /// returns, what was taken is on disk, and every answer counts it.
    ///
    /// # Errors
    /// Where the store fails: then some of the batch may be stored. Sent again, what was stored changes nothing.
    pub async fn take(&self, batch: Vec<Incoming>) -> Result<IngestSummary, StoreError> {
        let now = Timestamp::now();
        let mut summary = IngestSummary {
            received: batch.len(),
            ..IngestSummary::default()
        };
        let mut tasks = tasks(batch, &mut summary);
        self.intern(&mut tasks).await?;
        for _ in 0..ATTEMPTS {
            if tasks.is_empty() {
                return Ok(summary);
            }
            let (stored, again) = self.attempt(tasks, now, &mut summary).await?;
            tasks = again;
            if let Some(stored) = stored {
                self.show(&stored, now);
            }
        }
        for task in tasks {
            let reason = "others write this machine all the time: send it again";
            let rejected = task.observations.into_iter().map(|told| Rejected {
                index: told.index,
                reason: reason.to_owned(),
            });
            summary.rejected.extend(rejected);
        }
        Ok(summary)
    }

    /// Finds the numbers of what software is named.
    async fn intern(&self, tasks: &mut [Task]) -> Result<(), StoreError> {
        let told = tasks.iter().flat_map(|task| &task.observations);
        let observations: Vec<&Observation> = told.map(|told| &told.observation).collect();
        let show = |learned| self.learn(learned);
        let lists = self
            .entries
            .intern(&self.store, &self.tenant, &observations, show)
            .await?;
        let told = tasks.iter_mut().flat_map(|task| &mut task.observations);
        for (told, list) in told.zip(lists) {
            told.software = list;
        }
        Ok(())
    }

    /// Reads what is known, merges, and writes; the tasks whose rows others wrote meanwhile come back.
    async fn attempt(
        &self,
        tasks: Vec<Task>,
        now: Timestamp,
        summary: &mut IngestSummary,
    ) -> Result<(Option<Stored>, Vec<Task>), StoreError> {
        let ids: Vec<&str> = tasks.iter().map(|task| task.machine.as_str()).collect();
        let known = self.store.machines_by_id(&self.tenant, &ids).await?;
        let newest = known.iter().flatten().filter_map(highest_number).max();
        if newest > Some(self.entries.last()) {
            let show = |learned| self.learn(learned);
            self.entries.follow(&self.store, &self.tenant, show).await?;
        }
        let (tenant, entries) = (self.tenant.clone(), self.entries.clone());
        let prepared = tokio::task::spawn_blocking(move || {
            let tasks = tasks.into_iter().zip(known);
            let prepared = tasks.map(|(task, known)| {
                let prepared = prepare(&tenant, &entries.known(), &task, known, now);
                (task, prepared)
            });
            prepared.collect::<Vec<_>>()
        });
        let prepared = match prepared.await {
            Ok(prepared) => prepared,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let mut writes = Vec::new();
        let mut writing = Vec::new();
        for (task, prepared) in prepared {
            match prepared {
                Ok(prepared) => match write(&task, &prepared, now) {
                    Some(write) => {
                        writes.push(write);
                        writing.push((task, prepared));
                    }
                    None => count(summary, prepared),
                },
                Err(reason) => {
                    let rejected = task.observations.iter().map(|told| Rejected {
                        index: told.index,
                        reason: reason.clone(),
                    });
                    summary.rejected.extend(rejected);
                }
            }
        }
        if writes.is_empty() {
            return Ok((None, Vec::new()));
        }
        let outcomes = self.store.write_machines(&self.tenant, &writes).await?;
        let mut stored: Option<Stored> = None;
        let mut again = Vec::new();
        for (((task, prepared), write), outcome) in writing.into_iter().zip(writes).zip(outcomes) {
            match outcome {
                Outcome::Conflict => again.push(task),
                Outcome::Stored { sequence } => {
                    let row = row(write, &prepared, sequence);
                    let stored = stored.get_or_insert_with(|| Stored {
                        rows: Vec::new(),
                        sequence,
                    });
                    stored.rows.push(row);
                    count(summary, prepared);
                }
            }
        }
        Ok((stored, again))
    }

    fn learn(&self, learned: entries::Learned) {
        if let Some(shown) = &self.shown {
            shown.fleet.learn(learned);
        }
    }

    fn show(&self, stored: &Stored, now: Timestamp) {
        let Some(shown) = &self.shown else {
            return;
        };
        let changes = stored.rows.iter().map(|row| Change::Put(of_fleet(row)));
        let changes: Vec<Change<'_>> = changes.collect();
        for (at, error) in shown.fleet.apply(&changes, now) {
            tracing::error!(machine = %stored.rows[at].machine, %error, "a row cannot be shown");
        }
        shown.applied.add(stored.sequence);
    }
}

/// The batch by machine; what cannot be read or names no machine is rejected.
fn tasks(batch: Vec<Incoming>, summary: &mut IngestSummary) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::with_capacity(batch.len());
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    for (index, incoming) in batch.into_iter().enumerate() {
        summary.warn(index, incoming.warnings);
        let named = incoming.observation.and_then(|observation| {
            let machine = observation.machine_id();
            let machine = machine.ok_or("the report names no machine: it needs an id or a name")?;
            Ok((String::from(machine), observation))
        });
        match named {
            Ok((machine, observation)) => {
                let place = *places.entry(machine.clone()).or_insert_with(|| {
                    tasks.push(Task {
                        machine,
                        observations: Vec::new(),
                    });
                    tasks.len() - 1
                });
                tasks[place].observations.push(Told {
                    index,
                    observation,
                    software: Vec::new(),
                });
            }
            Err(reason) => summary.rejected.push(Rejected { index, reason }),
        }
    }
    tasks
}

fn highest_number(row: &MachineRow) -> Option<u32> {
    let machine = kbgap_fleet::PackedMachine::new(&row.body).ok()?;
    machine.software().last()
}

fn prepare(
    tenant: &str,
    entries: &KnownEntries<'_>,
    task: &Task,
    known: Option<MachineRow>,
    now: Timestamp,
) -> Result<Prepared, String> {
    if let [told] = &*task.observations
        && let Observation::Whole(report) = &told.observation
        && let at = told.observation.believed_at(now)
        && known
            .as_ref()
            .is_none_or(|row| row.last_seen <= at && has_no_times(row))
    {
        return whole(tenant, entries, told, report, known, at);
    }
    let mut observed = Vec::new();
    let mut record = match &known {
        Some(row) => Some(rows::record(row, entries).map_err(|error| error.to_string())?),
        None => None,
    };
    let mut changed = known.is_none();
    let mut seen = false;
    for Told {
        index, observation, ..
    } in &task.observations
    {
        let found = if let Some(record) = &mut record {
            record.observe(observation, now)
        } else {
            record = Some(MachineRecord::of(observation, now));
            Observed::Changed
        };
        changed |= found == Observed::Changed;
        seen |= matches!(found, Observed::Seen | Observed::Baseless);
        observed.push((*index, found));
    }
    let record = record.ok_or_else(|| "nothing was reported".to_owned())?;
    let last_seen = record.report.reported_at.unwrap_or(now);
    let uniform = known.as_ref().is_some_and(has_no_times) && rows::own_times(&record).is_none();
    let due = if changed || (seen && !uniform) {
        let list = record.report.software.as_deref().unwrap_or_default();
        let numbers = entries.numbers(list);
        let numbers = numbers.ok_or_else(|| "its software is in no dictionary".to_owned())?;
        let times = rows::own_times(&record);
        let packed = rows::packed(tenant, &record.report, &numbers, times, entries);
        Due::Row(packed.map_err(|error| error.to_string())?)
    } else if seen {
        Due::Seen
    } else {
        Due::Nothing
    };
    let unidentified = identify(&record.report).err();
    Ok(Prepared {
        observed,
        last_seen,
        unidentified: unidentified.map(|reason| reason.to_string()),
        name: record.report.name,
        due,
        known,
    })
}

/// A whole report that is not older than anything that is known of its machine: it is the record, so what is known
/// need not be read.
fn whole(
    tenant: &str,
    entries: &KnownEntries<'_>,
    told: &Told,
    report: &MachineReport,
    known: Option<MachineRow>,
    at: Timestamp,
) -> Result<Prepared, String> {
    let packed = rows::packed(tenant, report, &told.software, None, entries);
    let packed = packed.map_err(|error| error.to_string())?;
    let same = known.as_ref().is_some_and(|row| {
        row.digest == packed.digest && row.name.as_deref() == report.name.as_deref()
    });
    let (found, due) = if !same {
        (Observed::Changed, Due::Row(packed))
    } else if known.as_ref().is_some_and(|row| row.last_seen == at) {
        (Observed::Repeated, Due::Nothing)
    } else {
        (Observed::Seen, Due::Seen)
    };
    let unidentified = identify(report).err();
    Ok(Prepared {
        observed: vec![(told.index, found)],
        known,
        last_seen: at,
        name: report.name.clone(),
        due,
        unidentified: unidentified.map(|reason| reason.to_string()),
    })
}

/// Whether all parts of a row are of the moment the machine was last seen.
fn has_no_times(row: &MachineRow) -> bool {
    kbgap_fleet::PackedMachine::new(&row.body).is_ok_and(|machine| !machine.has_times())
}

fn write(task: &Task, prepared: &Prepared, now: Timestamp) -> Option<MachineWrite> {
    let what = match &prepared.due {
        Due::Nothing => return None,
        Due::Row(packed) => Written::Report {
            name: prepared.name.as_deref().map(str::to_owned),
            last_seen: prepared.last_seen,
            received_at: now,
            digest: packed.digest,
            state: packed.state.clone(),
            body: packed.body.clone(),
        },
        Due::Seen => Written::Seen {
            last_seen: prepared.last_seen,
            received_at: now,
        },
    };
    Some(MachineWrite {
        machine: task.machine.clone(),
        expected: prepared.known.as_ref().map(|row| row.sequence),
        what,
    })
}

/// The row as it was written.
fn row(write: MachineWrite, prepared: &Prepared, sequence: i64) -> MachineRow {
    let known = prepared.known.as_ref();
    let first_seen = known.map_or(prepared.last_seen, |row| row.first_seen);
    let base = MachineRow {
        machine: write.machine,
        name: known.and_then(|row| row.name.clone()),
        first_seen,
        last_seen: prepared.last_seen,
        received_at: prepared.last_seen,
        sequence,
        digest: known.map(|row| row.digest).unwrap_or_default(),
        state: known.map(|row| row.state.clone()).unwrap_or_default(),
        body: known.map(|row| row.body.clone()).unwrap_or_default(),
        group: known.and_then(|row| row.group.clone()),
        tags: known.map(|row| row.tags.clone()).unwrap_or_default(),
        value: known.map(|row| row.value).unwrap_or_default(),
        exclusion: known.and_then(|row| row.exclusion),
    };
    match write.what {
        Written::Report {
            name,
            received_at,
            digest,
            state,
            body,
            ..
        } => MachineRow {
            name,
            received_at,
            digest,
            state,
            body,
            ..base
        },
        Written::Seen { received_at, .. } => MachineRow {
            received_at,
            ..base
        },
    }
}

/// Counts what the observations of a machine were.
fn count(summary: &mut IngestSummary, prepared: Prepared) {
    let mut new = prepared.known.is_none();
    let index = prepared.observed.first().map_or(0, |(index, _)| *index);
    for (index, observed) in prepared.observed {
        match observed {
            _ if std::mem::take(&mut new) => summary.new += 1,
            Observed::Changed => summary.changed += 1,
            Observed::Seen | Observed::Repeated => summary.unchanged += 1,
            Observed::Older => summary.older += 1,
            Observed::Baseless => {
                summary.unchanged += 1;
                summary.baseless += 1;
                let reason = "changes to a list that is not known are left out: a whole list is needed first";
                summary.warn(index, vec![reason.to_owned()]);
            }
        }
    }
    if let Some(reason) = prepared.unidentified {
        summary.unidentified.push(Rejected { index, reason });
    }
}
