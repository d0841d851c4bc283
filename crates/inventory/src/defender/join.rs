//! Machines and their software, joined by the device's id.

use std::collections::btree_map::{BTreeMap, Entry};
use std::io::Read;

use kbgap_catalog::{WindowsBuild, WindowsFamily};
use rustc_hash::FxHashMap;

use super::export::{DefenderExport, DefenderMachine, Place, Problem};
use super::input::{self, Limits, Piece};
use super::machine;
use super::row::{Row, filled};
use crate::json::MAX_LIST;
use crate::report::InstalledSoftware;

/// How long a device's id may be.
const MAX_ID: usize = 128;
/// How long names and versions of software may be.
const MAX_TEXT: usize = 1_024;

/// Reads the files of an export, in any order.
#[derive(Debug, Default)]
pub struct DefenderReader {
    limits: Limits,
    machines: BTreeMap<Box<str>, DefenderMachine>,
    /// Machines named by records of software, before those of machines are all known.
    software: FxHashMap<Box<str>, Software>,
    export: DefenderExport,
}

/// What the records of software say of one machine.
#[derive(Debug)]
struct Software {
    /// The machine, as far as they name it.
    machine: DefenderMachine,
    entries: Vec<InstalledSoftware>,
    /// The builds of Windows among them.
    builds: Vec<WindowsBuild>,
    /// Whether entries were left out because there were too many.
    cut: bool,
}

/// A record of a file.
struct At<'a> {
    file: &'a str,
    place: Place,
}

impl DefenderReader {
    /// A reader with limits of its own.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Reads a file, named in problems as given. What cannot be read is noted, and the rest kept.
    pub fn read(&mut self, file: &str, input: impl Read) {
        self.export.counts.files += 1;
        input::read(input, self.limits, &mut |piece| match piece {
            Piece::Record(place, json) => self.record(&At { file, place }, json),
            Piece::Malformed(place, reason) => {
                self.export.counts.left_out += 1;
                self.note(file, Some(place), None, &reason);
            }
            Piece::Broken(place, reason) => {
                let reason = format!("the rest of the file cannot be read: {reason}");
                self.note(file, place, None, &reason);
            }
        });
    }

    /// The machines with their software.
    pub fn finish(mut self) -> DefenderExport {
        for (id, software) in std::mem::take(&mut self.software) {
            let known = match self.machines.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(vacant) => {
                    self.export.counts.by_software_alone += 1;
                    vacant.insert(software.machine)
                }
            };
            let mut entries = software.entries;
            let key = |entry: &InstalledSoftware| {
                (
                    entry.vendor.clone(),
                    entry.name.clone(),
                    entry.version.clone(),
                )
            };
            entries.sort_by_cached_key(key);
            entries.dedup();
            known.report.software = Some(entries);
            raise(known, &software.builds);
        }
        let mut export = self.export;
        export.machines = self.machines.into_values().collect();
        export.counts.machines = export.machines.len();
        let machines = export.machines.iter();
        let without = machines.filter(|machine| machine.report.software.is_none());
        export.counts.without_software = without.count();
        export
    }

    fn record(&mut self, at: &At<'_>, json: &str) {
        let row = match Row::parse(json) {
            Ok(row) => row,
            Err(malformed) => {
                return self.leave_out(at, malformed.field.as_deref(), &malformed.reason);
            }
        };
        if row.cve_id || row.configuration_id {
            let reason = "the record is of another export, not of machines or their software";
            self.leave_out(at, None, reason);
        } else if row.device_id.is_some() || row.software_name.is_some() {
            self.software(at, &row);
        } else {
            self.machine(at, &row);
        }
    }

    fn machine(&mut self, at: &At<'_>, row: &Row<'_>) {
        let Some(id) = self.id(at, "id", filled(row.id.as_ref())) else {
            return;
        };
        self.export.counts.machine_records += 1;
        if filled(row.merged_into_machine_id.as_ref()).is_some() {
            self.export.counts.merged += 1;
            return;
        }
        let (machine, wrong) = machine::machine(&id, row);
        for wrong in wrong {
            self.note(at.file, Some(at.place), Some(wrong.field), &wrong.reason);
        }
        match self.machines.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(machine);
            }
            Entry::Occupied(mut known) => {
                self.export.counts.duplicates += 1;
                if machine.last_seen >= known.get().last_seen {
                    known.insert(machine);
                }
            }
        }
    }

    fn software(&mut self, at: &At<'_>, row: &Row<'_>) {
        let Some(id) = self.id(at, "deviceId", filled(row.device_id.as_ref())) else {
            return;
        };
        let Some(name) = filled(row.software_name.as_ref()) else {
            return self.leave_out(at, Some("softwareName"), "the record names no software");
        };
        let vendor = filled(row.software_vendor.as_ref()).unwrap_or_default();
        let version = filled(row.software_version.as_ref()).unwrap_or_default();
        for (field, text) in [
            ("softwareVendor", vendor),
            ("softwareName", name),
            ("softwareVersion", version),
        ] {
            if text.len() > MAX_TEXT {
                let reason = format!("it is longer than {MAX_TEXT} bytes");
                return self.leave_out(at, Some(field), &reason);
            }
        }
        self.export.counts.software_records += 1;
        let software = self.software.entry(id).or_insert_with_key(|id| Software {
            machine: machine::of_software(id, row),
            entries: Vec::new(),
            builds: Vec::new(),
            cut: false,
        });
        if is_windows(vendor, name) {
            self.export.counts.windows_records += 1;
            software.builds.extend(version.parse::<WindowsBuild>());
            return;
        }
        if software.entries.len() < MAX_LIST {
            software.entries.push(InstalledSoftware {
                vendor: vendor.into(),
                name: name.into(),
                version: version.into(),
            });
            return;
        }
        let first = !std::mem::replace(&mut software.cut, true);
        self.export.counts.left_out += 1;
        if first {
            let reason =
                format!("the machine has more than {MAX_LIST} softwares; the others are left out");
            self.note(at.file, Some(at.place), Some("deviceId"), &reason);
        }
    }

    /// The id of a machine; noted where there is none.
    fn id(&mut self, at: &At<'_>, field: &str, id: Option<&str>) -> Option<Box<str>> {
        match id {
            Some(id) if id.chars().count() <= MAX_ID => Some(id.to_lowercase().into()),
            Some(_) => {
                let reason = format!("the id is longer than {MAX_ID} characters");
                self.leave_out(at, Some(field), &reason);
                None
            }
            None => {
                self.leave_out(at, Some(field), "the record names no machine");
                None
            }
        }
    }

    fn leave_out(&mut self, at: &At<'_>, field: Option<&str>, reason: &str) {
        self.export.counts.left_out += 1;
        self.note(at.file, Some(at.place), field, reason);
    }

    fn note(&mut self, file: &str, place: Option<Place>, field: Option<&str>, reason: &str) {
        self.export.note(Problem {
            file: file.into(),
            place,
            field: field.map(Box::from),
            reason: reason.into(),
        });
    }
}

/// Whether a software is Windows itself.
fn is_windows(vendor: &str, name: &str) -> bool {
    vendor == "microsoft"
        && name.starts_with("windows")
        && WindowsFamily::of_name(&name.replace('_', " ")).is_some()
}

/// Adds the revision that the inventory of software has of the machine's Windows.
fn raise(machine: &mut DefenderMachine, builds: &[WindowsBuild]) {
    let os = &mut machine.report.os;
    let of_machine = |build: &&WindowsBuild| match &os.version {
        Some(version) => version.same_line(build),
        None => true,
    };
    let highest = builds.iter().filter(of_machine).max().copied();
    if let Some(highest) = highest
        && os.version.is_none_or(|version| version.ubr < highest.ubr)
    {
        os.version = Some(highest);
    }
}
