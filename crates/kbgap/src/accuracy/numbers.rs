//! Which KBs are numbers of one update.
//!
//! The agent offers an update of the .NET Framework under one number, which brings packages under others; the catalog
//! joins them.

use std::collections::BTreeSet;

use kbgap_catalog::{Catalog, Kb, UpdateIx};

/// The updates that a catalog describes: those that fix something on its day.
pub(super) struct Described<'c> {
    catalog: &'c Catalog,
    updates: BTreeSet<UpdateIx>,
}

impl<'c> Described<'c> {
    /// The updates that fix anything in a catalog.
    pub(super) fn of(catalog: &'c Catalog) -> Self {
        let exposures = catalog.products().iter().flat_map(|p| &p.exposures);
        let fixes = exposures.flat_map(|exposure| &exposure.fixes);
        Self {
            catalog,
            updates: fixes.filter_map(|&fix| catalog.fix(fix).update()).collect(),
        }
    }

    /// Whether two KBs are numbers of one update.
    pub(super) fn same_update(&self, one: Kb, other: Kb) -> bool {
        self.catalog.is_same_update(one, other)
    }

    /// The numbers under which the catalog describes the update of this number; none where it does not.
    pub(super) fn in_catalog(&self, kb: Kb) -> Vec<Kb> {
        let update = self.catalog.find_update(kb);
        let described = update.filter(|update| self.updates.contains(update));
        let own = described.map(|update| self.catalog.update(update).kb);
        own.into_iter().collect()
    }
}
