//! What is heard of a machine at one time.

use jiff::Timestamp;

#[cfg(doc)]
use super::MachineRecord;
use super::{CLOCK_TOLERANCE, ListChanges};
use crate::report::{self, InstalledSoftware, InstalledUpdate, MachineReport};

/// What is heard of a machine at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// All that is to be known; what it leaves out is unknown from then on.
    Whole(MachineReport),
    /// Some parts; what it leaves out stays as it was.
    Part(MachineReport),
    /// Changes of lists.
    Changes(ReportChanges),
}

/// What changed in the lists of a machine since they were last looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportChanges {
    /// The machine's id; without one, it is derived from the name, as in a report.
    pub id: Option<Box<str>>,
    /// The machine's name.
    pub name: Option<Box<str>>,
    /// When the changes were seen.
    pub at: Option<Timestamp>,
    /// The updates installed and removed.
    pub updates: ListChanges<InstalledUpdate>,
    /// The software installed and removed; one that has another version is removed in the one and added in the other.
    pub software: ListChanges<InstalledSoftware>,
}

impl From<MachineReport> for Observation {
    /// Whole or in part, as the report says.
    fn from(report: MachineReport) -> Self {
        if report.partial {
            Self::Part(report)
        } else {
            Self::Whole(report)
        }
    }
}

impl Observation {
    /// The machine's id: the one reported, else one derived from the name; `None` without both.
    pub fn machine_id(&self) -> Option<Box<str>> {
        match self {
            Self::Whole(report) | Self::Part(report) => report.machine_id(),
            Self::Changes(changes) => {
                report::id_or_derived(changes.id.as_deref(), changes.name.as_deref())
            }
        }
    }

    /// The software it names, installed or removed.
    pub fn software(&self) -> impl Iterator<Item = &InstalledSoftware> {
        let (listed, changes) = match self {
            Self::Whole(report) | Self::Part(report) => (report.software.as_deref(), None),
            Self::Changes(changes) => (None, Some(&changes.software)),
        };
        let named = changes.into_iter();
        let named = named.flat_map(|changes| changes.added.iter().chain(&changes.removed));
        listed.into_iter().flatten().chain(named)
    }

    /// Of what time it counts as, where it was received at a moment: see [`MachineRecord::observe`].
    pub fn believed_at(&self, received_at: Timestamp) -> Timestamp {
        let limit = received_at
            .checked_add(CLOCK_TOLERANCE)
            .unwrap_or(received_at);
        self.at().filter(|at| *at <= limit).unwrap_or(received_at)
    }

    /// When the machine was looked at, by its own clock.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Whole(report) | Self::Part(report) => report.reported_at,
            Self::Changes(changes) => changes.at,
        }
    }
}
