//! Evidence: why an update is present or missing, step by step.

use kbgap_catalog::{Day, DocumentIx, Kb, ProductIx, WindowsBuild};

use crate::findings::UnknownReason;
use crate::line::Line;

/// Where a fact is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactSource {
    /// A document, in the revision the catalog has.
    Document(DocumentIx),
    /// The release history of Windows.
    ReleaseHistory,
}

impl FactSource {
    /// The document, where it is one.
    pub fn document(self) -> Option<DocumentIx> {
        match self {
            Self::Document(document) => Some(document),
            Self::ReleaseHistory => None,
        }
    }
}

/// A machine's build beside the one an update brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildFact {
    /// The machine's.
    pub machine: WindowsBuild,
    /// The one from which the product is fixed.
    pub fixed: WindowsBuild,
    /// Where that is stated.
    pub source: FactSource,
}

/// Why an update counts as present, the strongest reason first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The machine reports it as installed.
    Installed,
    /// The machine's build is not below the build that fixes.
    Build(BuildFact),
    /// An update that is present covers it, in these steps from that update down.
    Covered {
        /// The update to start from.
        by: Kb,
        /// How that one is known to be present: the machine's build, or `None` where the machine
        /// reports it as installed.
        by_build: Option<BuildFact>,
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
        /// What tells the order.
        by: OrderedBy,
    },
    /// It is the cumulative update that a hotpatch is applied to.
    Baseline {
        /// The baseline.
        older: Kb,
    },
}

/// What tells the order of two updates on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderedBy {
    /// The revisions they raise the build to, each with where it is stated.
    Revisions {
        /// The newer update's.
        newer: (u32, FactSource),
        /// The older update's.
        older: (u32, FactSource),
    },
    /// The days they were published.
    Days {
        /// The newer update's.
        newer: Day,
        /// The older update's.
        older: Day,
    },
    /// Their places in the release history.
    ReleaseHistory,
}

impl Step {
    /// The update the step leads to.
    pub fn older(&self) -> Kb {
        match self {
            Self::Supersedes { older, .. }
            | Self::EarlierOnLine { older, .. }
            | Self::Baseline { older } => *older,
        }
    }
}

/// Why an update counts as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// The machine's build is below the one that fixes.
    BuildBelow(BuildFact),
    /// The machine's list of updates has neither it nor one that covers it.
    NotListed {
        /// How many updates the machine reports.
        listed: usize,
        /// Where it is stated.
        source: FactSource,
    },
}

/// What is found of one update on one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is present.
    Present(Presence),
    /// It waits for a restart, or one that covers it does.
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
    /// The update, as it is offered.
    pub kb: Kb,
    /// The number it is listed under once installed; another than its own where it is a package of a rollup.
    pub listed_as: Kb,
    /// The servicing line it is on for this machine's Windows.
    pub line: Line,
    /// The products in scope it fixes.
    pub products: Vec<ProductIx>,
    /// The documents that state it as a fix for them, in order.
    pub documents: Vec<DocumentIx>,
    /// What is found.
    pub verdict: Verdict,
}
