//! Installed software as reported, and what it is.

mod id_form;
mod microsoft;

pub use microsoft::{InstalledApplication, ListedUpdate, MicrosoftEntry, VersionKind, component};
