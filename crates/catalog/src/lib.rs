//! Microsoft's security publications as one catalog.
//!
//! Documents of the Microsoft Security Response Center (MSRC) go in, as bytes; out comes one
//! [`Catalog`]: products, updates (KBs), what each fixes and replaces, and CVEs. The crate does no I/O
//! of its own.

mod kb;
mod product;
mod software;
mod version;

pub use kb::{Kb, NotAKb};
pub use product::{
    Architecture, Component, DotNetVersions, ProductIdentity, Release, WindowsFamily,
    WindowsProduct, release_of_build,
};
pub use software::SoftwareId;
pub use version::{NotAVersion, Version, WindowsBuild};
