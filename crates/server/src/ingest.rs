//! Taking in machine reports: stored first, then counted.

use jiff::Timestamp;
use kbgap_fleet::{Fleet, Known, Machine};
use kbgap_inventory::{MachineReport, ReadError, ReadReport};
use kbgap_store::{Put, ReportPut, Store, StoreError};
use serde::Serialize;

use crate::reports;

/// What became of the reports of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestSummary {
    /// How many reports came.
    pub received: usize,
    /// How many are of machines not known before.
    pub new: usize,
    /// How many change what was known.
    pub changed: usize,
    /// How many say what was known.
    pub unchanged: usize,
    /// How many are older than what is known, and so were left out.
    pub older: usize,
    /// The reports that were not taken, each with its reason.
    pub rejected: Vec<Rejected>,
    /// The reports that were taken but whose Windows cannot be told, each with its reason.
    pub unidentified: Vec<Rejected>,
    /// What was left out of reports that were taken.
    pub warnings: Vec<Rejected>,
}

/// A report of a batch, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// What is wrong.
    pub reason: String,
}

/// A report that comes in, or why it cannot be read.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The report.
    pub report: Result<MachineReport, String>,
    /// What was left out of it.
    pub warnings: Vec<String>,
}

impl From<Result<ReadReport, ReadError>> for Incoming {
    fn from(read: Result<ReadReport, ReadError>) -> Self {
        match read {
            Ok(read) => Self {
                report: Ok(read.report),
                warnings: read.warnings,
            },
            // Its place in the batch is stated beside the reason.
            Err(ReadError::Report { error, .. }) => Self::failed(&error),
            Err(error) => Self::failed(&error),
        }
    }
}

impl Incoming {
    fn failed(error: &impl ToString) -> Self {
        Self {
            report: Err(error.to_string()),
            warnings: Vec::new(),
        }
    }
}

/// How many examples of a kind a summary lists; the counts are always whole.
const WARNINGS: usize = 100;

impl IngestSummary {
    /// How many reports were taken.
    pub fn taken(&self) -> usize {
        self.new + self.changed + self.unchanged
    }
}

/// Stores the reports of a batch in one transaction, and then shows them to the fleet, where
/// there is one in this process.
pub async fn ingest(
    store: &Store,
    fleet: Option<&Fleet>,
    tenant: &str,
    batch: Vec<Incoming>,
) -> Result<IngestSummary, StoreError> {
    let now = Timestamp::now();
    let mut summary = IngestSummary {
        received: batch.len(),
        ..IngestSummary::default()
    };
    let mut machines = Vec::new();
    let mut rows = Vec::new();
    for (index, incoming) in batch.into_iter().enumerate() {
        let room = WARNINGS.saturating_sub(summary.warnings.len());
        let warnings = incoming.warnings.into_iter().take(room);
        summary
            .warnings
            .extend(warnings.map(|reason| Rejected { index, reason }));
        match incoming.report.and_then(|report| prepare(&report, now)) {
            Ok((machine, row)) => {
                machines.push((index, machine));
                rows.push(row);
            }
            Err(reason) => summary.rejected.push(Rejected { index, reason }),
        }
    }
    let puts = store.put_reports(tenant, &rows).await?;
    for ((index, machine), put) in machines.into_iter().zip(puts) {
        match put {
            ReportPut::Older => {
                summary.older += 1;
                continue;
            }
            ReportPut::Stored(Put::New) => summary.new += 1,
            ReportPut::Stored(Put::Changed) => summary.changed += 1,
            ReportPut::Stored(Put::Unchanged) => summary.unchanged += 1,
        }
        if let Known::Unidentified(reason) = &machine.known {
            summary.unidentified.push(Rejected {
                index,
                reason: reason.to_string(),
            });
        }
        if let Some(fleet) = fleet {
            fleet.put(machine);
        }
    }
    Ok(summary)
}

fn prepare(
    report: &MachineReport,
    now: Timestamp,
) -> Result<(Machine, kbgap_store::StoredReport), String> {
    let machine = reports::machine(report).map_err(|nameless| nameless.to_string())?;
    let row = reports::stored(&machine, report, now).map_err(|error| error.to_string())?;
    Ok((machine, row))
}
