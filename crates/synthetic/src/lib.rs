//! Synthetic fleets of any size, for demonstrations and measurements.
//!
//! A fleet is a function of an [`Era`], a seed and a machine's number: any machine can be asked for in any order, on
//! any thread, and the same machine comes out. What Windows releases and updates there are is fact; how many machines
//! run which, and which software they carry, is made up after what fleets look like: a few dozen base images, extras
//! of the machine's own, most machines up to date, a long tail behind.
//!
//! ```
//! use kbgap_synthetic::{Era, SyntheticFleet};
//!
//! let fleet = SyntheticFleet::new(Era::Winter2026, 7, 1_000_000)?;
//! let report = fleet.report(123_456);
//! assert_eq!(report, SyntheticFleet::new(Era::Winter2026, 7, 1)?.report(123_456));
//! # Ok::<(), kbgap_synthetic::FactsError>(())
//! ```

mod choice;
mod facts;
mod fleet;
mod image;
mod machine;
mod products;
mod series;
mod windows;

pub use facts::FactsError;
pub use fleet::{Era, SyntheticFleet};
