//! What a machine lacks.
//!
//! `(Catalog, MachineState) -> Findings`, pure and deterministic: for every update of the
//! machine's products present, missing, pending or "cannot tell", each with the evidence that
//! led there. The rules are those of section 5 of the data specification.

mod application;
mod assess;
mod dot_net;
mod evidence;
mod findings;
mod from_report;
mod host;
mod line;
mod scope;
mod situation;
mod slip;
mod state;
mod tracks;
pub mod words;

pub use application::{
    ApplicationAbsence, ApplicationFindings, ApplicationFix, ApplicationGroup, ApplicationInScope,
    ApplicationMissing, ApplicationPresence, ApplicationUnknown, ApplicationVerdict, Applications,
    FixFinding, InstalledApplication, InstalledApplications, ListedUpdate, UnknownCause, Unplaced,
    VersionKind,
};
pub use assess::Assessor;
pub use evidence::{
    Absence, BuildFact, Explanation, FactSource, OrderedBy, Presence, Step, Verdict,
};
pub use findings::{
    ExposureRef, Findings, Missing, Pending, ProductFindings, Status, Unknown, UnknownReason,
};
pub use from_report::Bearing;
pub use line::Line;
pub use scope::{InScope, ScopeReason};
pub use slip::{Slip, SlipKind, Stated};
pub use state::{InstalledUpdates, MachineState, SoftwareVersion};
