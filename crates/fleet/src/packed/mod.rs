//! A machine as the store keeps it and the index reads it: one row, packed.
//!
//! A row has three parts, each with its length before it but the last: what Windows is assessed by, which machines
//! share and the index tells classes by without reading it; what is the machine's own; and its software, as numbers
//! of the tenant's dictionary.

mod key;
pub(crate) mod list;

use jiff::Timestamp;
use kbgap_assessment::Bearing;
use kbgap_catalog::{Architecture, Day, Kb, Release, WindowsBuild};
use kbgap_inventory::PartTimes;
use kbgap_inventory::{
    InstallationType, InstalledSoftware, InstalledUpdate, MachineReport, OsReport,
};
use serde::{Deserialize, Serialize};

pub(crate) use key::short;
pub use key::{ApplicationsKey, StateKey, WindowsKey};
pub use list::Numbers as SoftwareNumbers;

/// The first byte: the form of the row.
const FORM: u8 = 1;

/// A machine as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// What it last reported, without id, name and time: these are columns of the row.
    pub report: MachineReport,
    /// When each part was looked at; `None` where all were, when the machine was last seen.
    pub times: Option<PartTimes>,
}

/// Why a row cannot be read: it was altered, or written by a newer kbgap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// The form is not known here.
    #[error("form {0} of a machine's row is not known to this kbgap")]
    Form(u8),
    /// It ends too early.
    #[error("a machine's row is cut off")]
    CutOff,
    /// A part is not what it should be.
    #[error("a machine's row is damaged: {0}")]
    Part(#[from] postcard::Error),
    /// It names software the dictionary does not have.
    #[error("a machine's row names software {0}, which the dictionary does not have")]
    Software(u32),
}

/// What Windows is assessed by.
#[derive(Serialize, Deserialize)]
struct WindowsPart {
    name: Option<Box<str>>,
    version: Option<WindowsBuild>,
    display_version: Option<Release>,
    architecture: Option<Architecture>,
    installation_type: Option<InstallationType>,
    service_pack: Option<u8>,
    /// In order, each once.
    updates: Option<Vec<Kb>>,
    updates_complete: bool,
    pending: Vec<Kb>,
}

/// What is the machine's own.
#[derive(Serialize, Deserialize)]
struct OwnPart {
    installed_on: Vec<(Kb, Day)>,
    reboot_pending: Option<bool>,
    software_known: bool,
    times: Option<Times>,
}

/// Microseconds since 1970, in the order of [`PartTimes`].
type Times = [Option<i64>; 5];

/// Packs what a machine reports.
///
/// `software` are the numbers of its software in the dictionary, in order and each once; `times` are given where its
/// parts were looked at at different moments.
///
/// # Errors
/// None that occur: the parts are plain data in memory.
pub fn pack(
    report: &MachineReport,
    software: &[u32],
    times: Option<&PartTimes>,
) -> Result<Vec<u8>, Damaged> {
    let os = report.os.clone();
    let reported = report.updates_in_order().unwrap_or_default();
    let numbers = |pending: bool| {
        let wanted = reported.iter();
        let wanted = wanted.filter(|update| update.reboot_pending == pending);
        wanted.map(|update| update.kb).collect::<Vec<Kb>>()
    };
    let windows = WindowsPart {
        name: os.name,
        version: os.version,
        display_version: os.display_version,
        architecture: os.architecture,
        installation_type: os.installation_type,
        service_pack: os.service_pack,
        updates: report.updates.as_ref().map(|_| numbers(false)),
        updates_complete: report.updates_complete,
        pending: numbers(true),
    };
    let dated = |update: &InstalledUpdate| Some((update.kb, Day::of_date(update.installed_on?)));
    let installed_on: Vec<(Kb, Day)> = reported.iter().filter_map(dated).collect();
    let own = OwnPart {
        installed_on,
        reboot_pending: report.reboot_pending,
        software_known: report.software.is_some(),
        times: times.map(|times| {
            let PartTimes {
                name,
                os,
                updates,
                software,
                reboot_pending,
            } = *times;
            [name, os, updates, software, reboot_pending]
                .map(|at| at.map(Timestamp::as_microsecond))
        }),
    };
    let mut bytes = vec![FORM];
    for part in [postcard::to_stdvec(&windows)?, postcard::to_stdvec(&own)?] {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(part);
    }
    list::write(software, &mut bytes);
    Ok(bytes)
}

/// A row, taken apart but not read yet.
#[derive(Debug, Clone, Copy)]
pub struct PackedMachine<'a> {
    windows: &'a [u8],
    own: &'a [u8],
    software: &'a [u8],
}

impl<'a> PackedMachine<'a> {
    /// Takes a row apart.
    ///
    /// # Errors
    /// Where it is cut off, or of a form not known.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Damaged> {
        let (&form, rest) = bytes.split_first().ok_or(Damaged::CutOff)?;
        if form != FORM {
            return Err(Damaged::Form(form));
        }
        let (windows, rest) = part(rest)?;
        let (own, software) = part(rest)?;
        Ok(Self {
            windows,
            own,
            software,
        })
    }

    /// What Windows is assessed by, as bytes: machines with the same are alike.
    pub(crate) fn windows_key(self) -> &'a [u8] {
        self.windows
    }

    /// The software list, as bytes.
    pub(crate) fn software_bytes(self) -> &'a [u8] {
        self.software
    }

    /// The software, by its numbers in the dictionary: in order, each once.
    pub fn software(self) -> SoftwareNumbers<'a> {
        SoftwareNumbers::new(self.software)
    }

    /// Reads the row; `software` tells the entries of the dictionary.
    ///
    /// # Errors
    /// Where the row is damaged, or names software the dictionary does not have.
    pub fn unpack(
        self,
        software: impl Fn(u32) -> Option<InstalledSoftware>,
    ) -> Result<Unpacked, Damaged> {
        let own: OwnPart = postcard::from_bytes(self.own)?;
        let mut report = of_windows(self.windows)?;
        for update in report.updates.iter_mut().flatten() {
            let at = own
                .installed_on
                .binary_search_by_key(&update.kb, |(kb, _)| *kb);
            update.installed_on = at.ok().map(|at| own.installed_on[at].1.date());
        }
        report.reboot_pending = own.reboot_pending;
        if own.software_known {
            let entries = self.software();
            let entries = entries.map(|at| software(at).ok_or(Damaged::Software(at)));
            report.software = Some(entries.collect::<Result<_, _>>()?);
        }
        let time = |at: i64| Timestamp::from_microsecond(at).ok();
        let times = own.times.map(|times| {
            let times = times.map(|at| at.and_then(time));
            let [name, os, updates, software, reboot_pending] = times;
            PartTimes {
                name,
                os,
                updates,
                software,
                reboot_pending,
            }
        });
        Ok(Unpacked { report, times })
    }

    /// Whether the parts of the machine were looked at at different moments; `false` for what cannot be read.
    pub fn has_times(self) -> bool {
        postcard::from_bytes::<OwnPart>(self.own).is_ok_and(|own| own.times.is_some())
    }

    /// What tells the machine's state from others: history keeps it.
    ///
    /// `bearing` tells that of the tenant's software entries, by which states differ from tenant to tenant.
    pub fn state_key(self, tenant: &str, bearing: impl Fn(u32) -> Bearing) -> StateKey {
        let (mut windows, mut applications) = (Vec::new(), Vec::new());
        for number in self.software() {
            let bearing = bearing(number);
            if bearing.windows {
                windows.push(number);
            }
            if bearing.applications.is_some() {
                applications.push(number);
            }
        }
        StateKey {
            windows: WindowsKey::new(tenant, self.windows, &windows),
            applications,
        }
    }
}

fn part(bytes: &[u8]) -> Result<(&[u8], &[u8]), Damaged> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Damaged::CutOff)?;
    let length = u32::from_le_bytes(*length) as usize;
    rest.split_at_checked(length).ok_or(Damaged::CutOff)
}

/// What a machine reports of its Windows, without anything of its own.
pub(crate) fn of_windows(key: &[u8]) -> Result<MachineReport, Damaged> {
    let windows: WindowsPart = postcard::from_bytes(key)?;
    let update = |reboot_pending: bool| {
        move |kb: Kb| InstalledUpdate {
            kb,
            installed_on: None,
            reboot_pending,
        }
    };
    let pending = windows.pending;
    Ok(MachineReport {
        os: OsReport {
            name: windows.name,
            version: windows.version,
            display_version: windows.display_version,
            architecture: windows.architecture,
            installation_type: windows.installation_type,
            service_pack: windows.service_pack,
        },
        updates: windows.updates.map(|updates| {
            let updates = updates.into_iter().map(update(false));
            updates
                .chain(pending.into_iter().map(update(true)))
                .collect()
        }),
        updates_complete: windows.updates_complete,
        ..MachineReport::new()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(number: u32) -> InstalledSoftware {
        InstalledSoftware {
            vendor: "Example".into(),
            name: format!("Tool {number}").into(),
            version: "1.0".into(),
        }
    }

    #[test]
    fn a_report_is_read_back_with_every_part() {
        let kb = |number| Kb::new(number).unwrap();
        let report = MachineReport {
            os: OsReport {
                name: Some("Microsoft Windows 10 Pro".into()),
                version: Some(WindowsBuild::windows10(19045, Some(3803))),
                display_version: Some(Release::new("22H2")),
                architecture: Some(Architecture::X64),
                installation_type: Some(InstallationType::Client),
                service_pack: Some(0),
            },
            updates: Some(vec![
                InstalledUpdate {
                    kb: kb(5_011_048),
                    installed_on: Some(jiff::civil::date(2023, 12, 14)),
                    reboot_pending: false,
                },
                InstalledUpdate {
                    kb: kb(5_033_372),
                    installed_on: None,
                    reboot_pending: true,
                },
            ]),
            updates_complete: false,
            software: Some(vec![entry(2), entry(300)]),
            reboot_pending: Some(true),
            ..MachineReport::new()
        };
        let times = PartTimes {
            updates: Some("2023-12-14T10:00:00Z".parse().unwrap()),
            ..PartTimes::default()
        };
        let row = pack(&report, &[2, 300], Some(&times)).unwrap();
        let packed = PackedMachine::new(&row).unwrap();
        let read = packed.unpack(|at| Some(entry(at))).unwrap();
        assert_eq!(
            read,
            Unpacked {
                report,
                times: Some(times)
            }
        );
        assert_eq!(packed.unpack(|_| None), Err(Damaged::Software(2)));
        // Nothing reported is not an empty list.
        let nothing = pack(&MachineReport::new(), &[], None).unwrap();
        let nothing = PackedMachine::new(&nothing)
            .unwrap()
            .unpack(|_| None)
            .unwrap();
        assert_eq!(nothing.report, MachineReport::new());
    }

    proptest! {
        #[test]
        fn damage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), form in any::<bool>()) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut().filter(|_| form) {
                *first = FORM;
            }
            if let Ok(packed) = PackedMachine::new(&bytes) {
                let _ = packed.unpack(|at| Some(entry(at)));
            }
        }
    }
}
