//! All machines of a tenant in memory, and what they lack together.
//!
//! A machine is its state: machines of equal state share one assessment, and a fleet-wide answer is a sum over
//! states, not over machines. Readers ask a [`Snapshot`], which never changes; changes make the next one, which
//! shares with it all that stayed, and put it in its place at once. So nobody waits.

mod assessed;
mod chunks;
mod classes;
mod closing;
mod dictionary;
mod distribution;
mod entry;
mod exposure;
mod facts;
mod fleet;
mod labels;
mod loader;
mod lookup;
mod machine;
mod names;
mod on_machine;
mod order;
mod outcome;
mod packed;
mod partition;
mod row;
mod score;
mod selection;
mod set;
mod snapshot;
mod standing;
mod value;
mod within;

pub use assessed::{Assessed, FindingsBody, FoundSoftware, OpenFinding, OutcomeKey, StateFindings};
pub use closing::{Closing, UpdateClosing};
pub use distribution::VersionCount;
pub use exposure::{Exposures, SoftwareExposure, VulnerabilityExposure};
pub use facts::WindowsFacts;
pub use fleet::{Change, Fleet};
pub use loader::{Loaded, Loader};
pub use machine::{Activity, Ages, Machine, MachineId, MachineRow};
pub use names::{Named, SoftwareNames};
pub use on_machine::{InstalledVersion, MachineVulnerability, OnMachine, Walk};
pub use packed::{
    ApplicationsKey, Damaged, PackedMachine, SoftwareNumbers, StateKey, Unpacked, WindowsKey, pack,
};
pub use row::MissingUpdate;
pub use score::{ExposureLevel, Scores};
pub use selection::{MachineOrder, MachinePage, Selection};
pub use snapshot::{Figures, Snapshot, SoftwareCount};
pub use standing::{Standing, Standings};
pub use value::{DeviceValue, ExclusionReason};

/// A number that stands for a machine in the sets.
type Slot = u32;
