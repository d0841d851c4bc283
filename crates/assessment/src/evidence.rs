//! Evidence: why an update is present or missing, step by step.

use kbgap_catalog::{DocumentIx, Kb, ProductIx, Version, WindowsBuild};

use crate::findings::UnknownReason;
use crate::line::Line;

/// Why an update counts as present, the strongest reason first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The machine reports it as installed.
    Installed,
    /// The machine's build is not below the build that fixes.
    Build {
        /// The machine's.
        machine: WindowsBuild,
        /// The one from which the product is fixed.
        fixed: Version,
        /// The document that states it.
        document: DocumentIx,
    },
    /// An update that is present covers it, in these steps from that update down.
    Covered {
        /// The update to start from.
        by: Kb,
        /// Whether the machine reports that update (else its build proves it).
        installed: bool,
        /// The steps.
        steps: Vec<Step>,
    },
}

/// One step of a chain: a newer update covers an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A document says that it is replaced.
    Supersedes {
        /// The older update.
        older: Kb,
        /// The document.
        document: DocumentIx,
    },
    /// It stands earlier on the same servicing line.
    EarlierOnLine {
        /// The older update.
        older: Kb,
        /// The line.
        line: Line,
    },
}

impl Step {
    /// The update the step leads to.
    pub fn older(&self) -> Kb {
        match self {
            Self::Supersedes { older, .. } | Self::EarlierOnLine { older, .. } => *older,
        }
    }
}

/// Why an update counts as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// The machine's build is below the one that fixes.
    BuildBelow {
        /// The machine's.
        machine: WindowsBuild,
        /// The one from which the product is fixed.
        fixed: Version,
        /// The document that states it.
        document: DocumentIx,
    },
    /// The machine's list of updates has neither it nor one that covers it.
    NotListed {
        /// How many updates the machine reports.
        listed: usize,
        /// The document that states the fix.
        document: DocumentIx,
    },
}

/// What is found of one update on one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is present.
    Present(Presence),
    /// It waits for a restart.
    Pending(Kb),
    /// It is missing.
    Missing(Absence),
    /// It is missing, but need not be installed: this newer one brings it.
    Replaced {
        /// The newer update.
        by: Kb,
        /// Why the update itself is missing.
        absence: Absence,
    },
    /// It is missing, but another update closes the same vulnerabilities.
    NotNeeded {
        /// The line it is on.
        line: Line,
    },
    /// It cannot be told.
    Unknown(UnknownReason),
}

/// What is found of one update on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The update.
    pub kb: Kb,
    /// The servicing line it is on for this machine's Windows.
    pub line: Line,
    /// The products in scope it fixes.
    pub products: Vec<ProductIx>,
    /// The documents that state it as a fix for them, in order.
    pub documents: Vec<DocumentIx>,
    /// What is found.
    pub verdict: Verdict,
}
