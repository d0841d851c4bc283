//! What a machine reports becomes a [`MachineReport`], whatever form it comes in; and which
//! Windows product that machine runs.
//!
//! The crate reads bytes it is given and does no I/O.

mod decode;
mod defender;
mod hotfix;
mod identify;
mod json;
mod merge;
mod offered;
pub mod osquery;
mod read;
mod record;
mod report;
mod software;
mod systeminfo;

pub use decode::{Decoded, decode};
pub use defender::{
    DefenderCounts, DefenderExport, DefenderMachine, DefenderReader, Limits as DefenderLimits,
    Place, Problem,
};
pub use identify::{Unidentified, WindowsIdentity, identify};
pub use json::{BatchItem, ReportError, parse_batch, report_schema};
pub use merge::{Conflict, group, merge, stem};
pub use offered::{Offered, OfferedError, OfferedUpdate, is_offered_list, read_offered};
pub use read::{Format, MAX_INPUT, ReadError, ReadReport, read};
pub use record::{
    CLOCK_TOLERANCE, ListChanges, MachineRecord, Observation, Observed, PartTimes, ReportChanges,
};
pub use report::{
    InstallationType, InstalledSoftware, InstalledUpdate, MachineReport, OsReport, machine_id,
};
pub use software::{
    Decision, EntryKind, InstalledApplication, ListedUpdate, MicrosoftEntry, Reported, RuleInfo,
    RuleRef, RulesError, SoftwareIdentity, SoftwareRules, VersionKind, component,
};
