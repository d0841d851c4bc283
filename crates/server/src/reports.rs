//! Machine reports, between what is stored and what the fleet holds.

use jiff::Timestamp;
use kbgap_assessment::MachineState;
use kbgap_fleet::{Known, Machine, MachineId};
use kbgap_inventory::{MachineReport, identify};
use kbgap_store::StoredReport;

/// A report that names no machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report names no machine: it needs an id or a name")]
pub(crate) struct Nameless;

/// A machine of the fleet, as its report shows it.
pub(crate) fn machine(report: &MachineReport) -> Result<Machine, Nameless> {
    let id = report.machine_id().ok_or(Nameless)?;
    let known = match identify(report) {
        Ok(identity) => Known::State(Box::new(MachineState::of_report(report, &identity))),
        Err(reason) => Known::Unidentified(reason.to_string().into()),
    };
    Ok(Machine {
        id: MachineId::new(&id),
        name: report.name.clone(),
        known,
    })
}

/// A report as it is stored.
pub(crate) fn stored(
    machine: &Machine,
    report: &MachineReport,
    received_at: Timestamp,
) -> Result<StoredReport, serde_json::Error> {
    let body = serde_json::to_vec(report)?;
    Ok(StoredReport {
        machine: machine.id.as_str().to_owned(),
        name: report.name.as_deref().map(str::to_owned),
        reported_at: report.reported_at.unwrap_or(received_at),
        received_at,
        digest: blake3::hash(&body).to_hex().to_string(),
        body,
    })
}

/// A stored report, read again.
pub(crate) fn read(stored: &StoredReport) -> Result<MachineReport, serde_json::Error> {
    serde_json::from_slice(&stored.body)
}
