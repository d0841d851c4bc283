//! Which KBs are numbers of one update.
//!
//! The agent offers the .NET Framework's updates under one number for all versions, where the documents may state a
//! package a version, each under its own: the address of such a fix then names the common number.

use std::collections::{BTreeMap, BTreeSet};

use kbgap_catalog::{Catalog, Component, Fix, Kb, ProductIdentity};

/// The numbers a catalog knows updates by.
pub(super) struct Numbers {
    /// The updates the catalog describes, by the number it states them under.
    described: BTreeSet<Kb>,
    /// For another number, the updates that have it.
    others: BTreeMap<Kb, BTreeSet<Kb>>,
}

impl Numbers {
    /// The numbers of the updates that fix anything in a catalog.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut numbers = Self {
            described: BTreeSet::new(),
            others: BTreeMap::new(),
        };
        for product in catalog.products() {
            let dot_net = matches!(
                product.identity,
                ProductIdentity::OnWindows {
                    component: Component::DotNetFramework(_),
                    ..
                }
            );
            for &at in product
                .exposures
                .iter()
                .flat_map(|exposure| &exposure.fixes)
            {
                let fix = catalog.fix(at);
                let Some(update) = fix.update() else { continue };
                let kb = catalog.update(update).kb;
                numbers.described.insert(kb);
                if let Some(other) = number_in_address(fix).filter(|other| dot_net && *other != kb)
                {
                    numbers.others.entry(other).or_default().insert(kb);
                }
            }
        }
        numbers
    }

    /// Whether two KBs are numbers of one update. Two packages of one common number are not: each is an update.
    pub(super) fn same_update(&self, one: Kb, other: Kb) -> bool {
        let common = |common: Kb, kb: Kb| {
            self.others
                .get(&common)
                .is_some_and(|kbs| kbs.contains(&kb))
        };
        one == other || common(one, other) || common(other, one)
    }

    /// The numbers under which the catalog describes the update of this number, in order; none where it does not.
    pub(super) fn in_catalog(&self, kb: Kb) -> Vec<Kb> {
        let own = self.described.get(&kb).into_iter();
        let mut kbs: Vec<Kb> = own
            .chain(self.others.get(&kb).into_iter().flatten())
            .copied()
            .collect();
        kbs.sort_unstable();
        kbs.dedup();
        kbs
    }
}

/// The KB that a fix's address searches for.
fn number_in_address(fix: &Fix) -> Option<Kb> {
    let (_, number) = fix.url.as_deref()?.rsplit_once("q=KB")?;
    number.parse().ok()
}
