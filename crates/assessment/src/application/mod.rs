//! What applications lack.
//!
//! `(Catalog, installed applications, installed updates) -> ApplicationFindings`, as for Windows pure
//! and deterministic. An application is placed on a servicing line by what the machine reports
//! of it; only within that line are versions compared. What cannot be placed, and what no
//! document gives a KB or build for, is unknown, never missing.

mod assess;
mod cumulative;
mod findings;
mod index;
mod installed;
mod outcome;
mod packages;
mod place;
mod replacements;

pub use findings::{
    ApplicationAbsence, ApplicationFindings, ApplicationFix, ApplicationInScope,
    ApplicationMissing, ApplicationPresence, ApplicationUnknown, ApplicationVerdict, FixFinding,
    UnknownCause, Unplaced,
};
pub use index::Applications;
pub use installed::{
    ApplicationGroup, InstalledApplication, InstalledApplications, ListedUpdate, VersionKind,
};
