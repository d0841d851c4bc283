//! The rules by which software is named in the inventory.

use std::sync::Arc;

use kbgap_catalog::SoftwareId;
use kbgap_fleet::{Named, SoftwareNames};

/// The rules in force.
pub(crate) fn software_names() -> Arc<SoftwareNames> {
    Arc::new(SoftwareNames::by(|reported| {
        Some(Named {
            software: SoftwareId::of(&reported.vendor, &reported.name),
            vendor: reported.vendor.clone(),
            name: reported.name.clone(),
            version: reported.version.clone(),
        })
    }))
}
