//! Installed software as reported, and what it is.

mod file;
mod id_form;
mod identity;
mod microsoft;
mod pattern;
mod rules;
mod template;
mod vendor;
mod words;

pub use file::RulesError;
pub use identity::{Decision, EntryKind, Reported, RuleInfo, RuleRef, SoftwareIdentity};
pub use microsoft::{InstalledApplication, ListedUpdate, MicrosoftEntry, VersionKind, component};
pub use rules::SoftwareRules;
