//! Microsoft's security publications as one catalog.
//!
//! Documents of the Microsoft Security Response Center (MSRC) go in, as bytes; out comes one
//! [`Catalog`]: products, updates (KBs), what each fixes and replaces, and CVEs. The crate does no I/O
//! of its own.

mod catalog;
mod day;
pub mod document;
mod history;
mod kb;
mod product;
pub mod snapshot;
mod software;
mod version;
mod vulnerability_id;

pub use catalog::{
    Catalog, Compiler, DocumentInfo, DocumentIx, Exposure, Fix, FixIx, FixTarget, Product,
    ProductIx, Rating, RatingIx, Score, Texts, Update, UpdateIx, VulnerabilityInfo,
    VulnerabilityIx, VulnerabilityText,
};
pub use day::Day;
pub use history::{
    HistoryEntry, HistoryError, HistoryLine, HistoryProduct, ReleaseHistory, RowLeftOut, Series,
};
pub use kb::{Kb, NotAKb};
pub use product::{
    Application, ApplicationFamily, ApplicationRelease, Architecture, Branch, Component,
    DotNetVersions, Platform, ProductIdentity, Release, WindowsFamily, WindowsProduct,
    are_siblings, release_of_build,
};
pub use software::SoftwareId;
pub use version::{NotAVersion, Version, WindowsBuild};
pub use vulnerability_id::{NotAVulnerabilityId, VulnerabilityId};
