//! From software as reported to software ids.

use kbgap_catalog::SoftwareId;
use kbgap_inventory::{EntryKind, InstalledSoftware, Reported, SoftwareRules};

/// What an entry of a software list is called in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its id, the same for all versions.
    pub software: SoftwareId,
    /// The vendor, as shown.
    pub vendor: Box<str>,
    /// The name, as shown.
    pub name: Box<str>,
    /// The version, as shown.
    pub version: Box<str>,
}

/// The rules by which entries are named.
pub struct SoftwareNames(Box<Name>);

type Name = dyn Fn(&InstalledSoftware) -> Option<Named> + Send + Sync;

impl SoftwareNames {
    /// Names by a function; it answers `None` for what is no software, as an update in the list.
    pub fn by(name: impl Fn(&InstalledSoftware) -> Option<Named> + Send + Sync + 'static) -> Self {
        Self(Box::new(name))
    }

    /// Names by rules. Updates and parts in a software list are no software.
    pub fn by_rules(rules: SoftwareRules) -> Self {
        Self::by(move |entry| {
            let identity = rules.identify(Reported {
                vendor: &entry.vendor,
                name: &entry.name,
                version: &entry.version,
            });
            (identity.kind == EntryKind::Software).then_some(Named {
                software: identity.software,
                vendor: identity.vendor,
                name: identity.name,
                version: identity.version,
            })
        })
    }

    pub(crate) fn identify(&self, reported: &InstalledSoftware) -> Option<Named> {
        (self.0)(reported)
    }
}
