//! Exports of Microsoft Defender: the machines of `GET /api/machines`, and the software of
//! `SoftwareInventoryByMachine`, joined to machine reports.
//!
//! What is read: pages as the API answers them (`{"value": […]}`), one or several in a file, arrays,
//! and the lines of the files that the export by files gives; each also packed by gzip. Names of
//! fields are taken in the spelling of the API (`deviceId`) and of the files (`DeviceId`).

mod export;
mod input;
mod join;
mod machine;
mod row;

pub use export::{DefenderCounts, DefenderExport, DefenderMachine, Place, Problem};
pub use input::Limits;
pub use join::DefenderReader;
