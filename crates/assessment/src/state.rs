//! What matters of a machine for its assessment.

use kbgap_catalog::{Kb, SoftwareId, WindowsBuild, WindowsProduct};

use crate::application::InstalledApplications;

/// A machine's state: all an assessment depends on, and nothing else.
///
/// Machines of equal state have equal findings, so each state is assessed once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MachineState {
    /// The Windows it runs.
    pub windows: WindowsProduct,
    /// Its build, with the update build revision where it is known.
    pub build: Option<WindowsBuild>,
    /// The updates it reports as installed; `None` where it reported no list at all.
    pub installed: Option<InstalledUpdates>,
    /// Updates that are installed but wait for a restart, in order.
    pub pending: Vec<Kb>,
    /// Installed software that components are told by, in order.
    pub software: Vec<SoftwareVersion>,
    /// The applications it has, with the updates its software list names.
    pub applications: InstalledApplications,
}

/// The updates a machine reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct InstalledUpdates {
    /// The KBs, in order, each once.
    kbs: Vec<Kb>,
    /// Whether the list is known to be cut off.
    pub cut: bool,
}

/// A software with the version found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SoftwareVersion {
    /// The software.
    pub software: SoftwareId,
    /// Its version, as reported.
    pub version: Box<str>,
}

impl InstalledUpdates {
    /// A list of KBs, in any order.
    pub fn new(kbs: impl IntoIterator<Item = Kb>, cut: bool) -> Self {
        let mut kbs: Vec<Kb> = kbs.into_iter().collect();
        kbs.sort_unstable();
        kbs.dedup();
        Self { kbs, cut }
    }

    /// The KBs, in order.
    pub fn kbs(&self) -> &[Kb] {
        &self.kbs
    }

    /// Whether a KB is among them.
    pub fn contains(&self, kb: Kb) -> bool {
        self.kbs.binary_search(&kb).is_ok()
    }
}

impl MachineState {
    /// A machine of which only the Windows product is known.
    pub fn new(windows: WindowsProduct) -> Self {
        Self {
            windows,
            build: None,
            installed: None,
            pending: Vec::new(),
            software: Vec::new(),
            applications: InstalledApplications::default(),
        }
    }
}
