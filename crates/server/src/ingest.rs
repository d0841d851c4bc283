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

/// How many examples of a kind a summary lists; the counts are always whole.
const WARNINGS: usize = 100;

impl IngestSummary {
    /// How many reports were taken.
    pub fn taken(&self) -> usize {
        self.new + self.changed + self.unchanged
    }

    fn reject(&mut self, index: usize, reason: &impl ToString) {
        self.rejected.push(Rejected {
            index,
            reason: reason.to_string(),
        });
    }
}

/// Stores the reports of a batch in one transaction, and then shows them to the fleet, where
/// there is one in this process.
pub async fn ingest(
    store: &Store,
    fleet: Option<&Fleet>,
    tenant: &str,
    batch: Vec<Result<ReadReport, ReadError>>,
) -> Result<IngestSummary, StoreError> {
    let now = Timestamp::now();
    let mut summary = IngestSummary {
        received: batch.len(),
        ..IngestSummary::default()
    };
    let mut machines = Vec::new();
    let mut rows = Vec::new();
    for (index, item) in batch.into_iter().enumerate() {
        match item {
            Ok(read) => {
                for warning in read.warnings {
                    if summary.warnings.len() < WARNINGS {
                        summary.warnings.push(Rejected {
                            index,
                            reason: warning,
                        });
                    }
                }
                match prepare(&read.report, now) {
                    Ok((machine, row)) => {
                        machines.push((index, machine));
                        rows.push(row);
                    }
                    Err(reason) => summary.reject(index, &reason),
                }
            }
            // The index stands beside the reason already.
            Err(ReadError::Report { error, .. }) => summary.reject(index, &error),
            Err(error) => summary.reject(index, &error),
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
