//! A machine's record, and the row the store keeps of it.

use jiff::Timestamp;
use kbgap_fleet::{Damaged, DeviceValue, ExclusionReason, PackedMachine, pack};
use kbgap_inventory::MachineReport;
use kbgap_inventory::{MachineRecord, PartTimes};
use kbgap_store::{Digest, MachineRow};

use super::entries::KnownEntries;

/// A record, packed.
pub(super) struct Packed {
    pub(super) body: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) state: Vec<u8>,
}

/// Packs a report; `numbers` are those of its software.
pub(super) fn packed(
    tenant: &str,
    report: &MachineReport,
    numbers: &[u32],
    times: Option<&PartTimes>,
    entries: &KnownEntries<'_>,
) -> Result<Packed, Damaged> {
    let body = pack(report, numbers, times)?;
    let machine = PackedMachine::new(&body)?;
    let state = machine.state_key(tenant, |number| entries.bearing(number));
    Ok(Packed {
        digest: digest(&body),
        state: state.to_bytes(),
        body,
    })
}

fn digest(body: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(&blake3::hash(body).as_bytes()[..16]);
    digest
}

/// The times of a record's parts, where they are not all of the moment the machine was last seen.
pub(super) fn own_times(record: &MachineRecord) -> Option<&PartTimes> {
    let seen = record.report.reported_at;
    (record.times != PartTimes::all(seen)).then_some(&record.times)
}

/// The record of a row.
pub(crate) fn record(
    row: &MachineRow,
    entries: &KnownEntries<'_>,
) -> Result<MachineRecord, Damaged> {
    let entry = |number| entries.reported(number).cloned();
    let unpacked = PackedMachine::new(&row.body)?.unpack(entry)?;
    let seen: Option<Timestamp> = Some(row.last_seen);
    let report = MachineReport {
        id: Some(row.machine.as_str().into()),
        name: row.name.as_deref().map(Into::into),
        reported_at: seen,
        ..unpacked.report
    };
    let times = unpacked.times.unwrap_or_else(|| PartTimes::all(seen));
    Ok(MachineRecord::restored(report, times))
}

/// A row, as the fleet takes it.
pub(crate) fn of_fleet(row: &MachineRow) -> kbgap_fleet::MachineRow<'_> {
    kbgap_fleet::MachineRow {
        id: &row.machine,
        name: row.name.as_deref(),
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        sequence: row.sequence,
        body: &row.body,
        group: row.group.as_deref(),
        tags: &row.tags,
        value: value(row.value),
        exclusion: row.exclusion.map(exclusion),
    }
}

fn value(value: kbgap_store::DeviceValue) -> DeviceValue {
    match value {
        kbgap_store::DeviceValue::Normal => DeviceValue::Normal,
        kbgap_store::DeviceValue::Low => DeviceValue::Low,
        kbgap_store::DeviceValue::High => DeviceValue::High,
    }
}

fn exclusion(reason: kbgap_store::ExclusionReason) -> ExclusionReason {
    use kbgap_store::ExclusionReason as Stored;
    match reason {
        Stored::Other => ExclusionReason::Other,
        Stored::InactiveDevice => ExclusionReason::InactiveDevice,
        Stored::DuplicateDevice => ExclusionReason::DuplicateDevice,
        Stored::DeviceDoesNotExist => ExclusionReason::DeviceDoesNotExist,
        Stored::DeviceOutOfScope => ExclusionReason::DeviceOutOfScope,
    }
}
