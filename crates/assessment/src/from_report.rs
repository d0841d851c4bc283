//! From what a machine reports to what matters of it.

use kbgap_catalog::{Kb, SoftwareId};
use kbgap_inventory::{InstalledSoftware, MachineReport, WindowsIdentity};

use crate::application::{ApplicationGroup, InstalledApplications};
use crate::state::{InstalledUpdates, MachineState, SoftwareVersion};

/// How the registry and osquery name the publisher.
const MICROSOFT: &str = "microsoft";

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
            .filter_map(of_microsoft)
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
            windows: of_microsoft(installed).is_some(),
            applications,
            update: update.flatten(),
        }
    }
}

/// The Microsoft software that components of Windows are told by; other software is of no
/// consequence for them.
fn of_microsoft(installed: &InstalledSoftware) -> Option<SoftwareVersion> {
    let vendor = installed.vendor.to_lowercase();
    let name = installed.name.to_lowercase();
    let name = name.strip_prefix("microsoft ").unwrap_or(&name).trim();
    if !vendor.is_empty() && !vendor.starts_with(MICROSOFT) {
        return None;
    }
    let with = |id: &str, version: &str| {
        Some(SoftwareVersion {
            software: SoftwareId::of(MICROSOFT, id),
            version: version.into(),
        })
    };
    if let Some(rest) = name.strip_prefix(".net framework ") {
        // `.NET Framework 4.8 SDK` and targeting packs are not the framework.
        let version = rest.split_whitespace().next().unwrap_or_default();
        let alone = rest.split_whitespace().nth(1).is_none();
        return with(".NET Framework", version).filter(|_| alone && !version.is_empty());
    }
    match name {
        ".net framework" => with(".NET Framework", &installed.version),
        "internet explorer" => with("Internet Explorer", &installed.version),
        // Its components are there with any version; without it, machines that differ in nothing else are alike.
        "edge" => with("Edge Chromium-based", ""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(vendor: &str, name: &str, version: &str) -> Option<String> {
        let installed = InstalledSoftware {
            vendor: vendor.into(),
            name: name.into(),
            version: version.into(),
        };
        of_microsoft(&installed)
            .map(|found| format!("{} {}", found.software.as_str(), found.version))
    }

    #[test]
    fn the_framework_is_told_from_its_tools() {
        let corporation = "Microsoft Corporation";
        assert_eq!(
            told(corporation, "Microsoft .NET Framework 4.8", "4.8.03761").as_deref(),
            Some("microsoft-_-.net_framework 4.8")
        );
        assert_eq!(
            told(corporation, "Microsoft .NET Framework 4.8 SDK", "4.8.03928"),
            None
        );
        assert_eq!(
            told("", "Internet Explorer", "11.0.9600").as_deref(),
            Some("microsoft-_-internet_explorer 11.0.9600")
        );
        assert_eq!(told("Somebody Else", "Internet Explorer", "11"), None);
    }
}
