//! From what a machine reports to what matters of it.

use kbgap_catalog::Kb;
use kbgap_inventory::{InstalledSoftware, MachineReport, WindowsIdentity, component};

use crate::application::{ApplicationGroup, InstalledApplications};
use crate::state::{InstalledUpdates, MachineState, SoftwareVersion};

/// Edge as it comes from the uninstall list.
const EDGE: &str = "microsoft-_-edge_chromium-based";

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
            .filter_map(component_of)
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
/// What an entry of a software list is of consequence for. Most are for nothing here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bearing {
    /// For the scope of Windows: it shows a component.
    pub windows: bool,
    /// For the applications of a group: it is one, or one of their updates.
    pub applications: Option<ApplicationGroup>,
    /// The update it is.
    pub update: Option<Kb>,
}

impl Bearing {
    /// The bearing of an entry. A state made of the entries that have one is the state of the whole list.
    pub fn of(installed: &InstalledSoftware) -> Self {
        let (applications, update) = InstalledApplications::recognized(installed).unzip();
        Self {
            windows: component_of(installed).is_some(),
            applications,
            update: update.flatten(),
        }
    }
}

/// The component of Windows that an entry is.
fn component_of(installed: &InstalledSoftware) -> Option<SoftwareVersion> {
    let (software, version) = component(&installed.vendor, &installed.name, &installed.version)?;
    // Components of Edge are there with any version; without it, machines that differ in nothing else are alike.
    let version = if software.as_str() == EDGE {
        ""
    } else {
        version
    };
    let version = version.into();
    Some(SoftwareVersion { software, version })
}
