//! From what a machine reports to what matters of it.

use kbgap_catalog::Kb;
use kbgap_inventory::{MachineReport, WindowsIdentity, component};

use crate::application::InstalledApplications;
use crate::state::{InstalledUpdates, MachineState, SoftwareVersion};

impl MachineState {
    /// The state of a machine whose Windows was identified.
    ///
    /// An update that waits for a restart counts as pending, not as installed.
    pub fn of_report(report: &MachineReport, identity: &WindowsIdentity) -> Self {
        let updates = report.updates.as_deref();
        let waiting = updates.unwrap_or_default().iter();
        let mut pending: Vec<Kb> = waiting
            .filter(|update| update.reboot_pending)
            .map(|update| update.kb)
            .collect();
        pending.sort_unstable();
        pending.dedup();
        let mut software: Vec<SoftwareVersion> = report
            .software
            .iter()
            .flatten()
            .filter_map(|entry| {
                let (software, version) = component(&entry.vendor, &entry.name, &entry.version)?;
                let version = version.into();
                Some(SoftwareVersion { software, version })
            })
            .collect();
        software.sort_unstable();
        software.dedup();
        Self {
            windows: identity.product.clone(),
            build: identity.build,
            installed: updates.map(|updates| {
                let present = updates.iter().map(|update| update.kb);
                InstalledUpdates::new(
                    present.filter(|kb| pending.binary_search(kb).is_err()),
                    !report.updates_complete,
                )
            }),
            pending,
            software,
            applications: InstalledApplications::of_software(report.software.iter().flatten()),
        }
    }
}
