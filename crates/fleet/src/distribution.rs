//! In which versions a software is on machines.

use std::collections::{BTreeMap, BTreeSet};

use kbgap_catalog::{ProductIdentity, ProductIx, SoftwareId, VulnerabilityIx};
use roaring::RoaringBitmap;

use crate::outcome::Outcome;
use crate::snapshot::Snapshot;

/// A version of a software (API specification, section 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionCount {
    /// The version; empty where machines do not tell.
    pub version: Box<str>,
    /// How many machines have it.
    pub machines: u64,
    /// How many vulnerabilities are open on any of them, in this software.
    pub vulnerabilities: usize,
}

impl Snapshot {
    /// The versions of a software on machines, in order of the versions' text: for Windows itself its builds, for others
    /// what the inventory lists. `None` where neither the catalog nor any machine has the software.
    pub fn distribution(&self, software: &SoftwareId) -> Option<Vec<VersionCount>> {
        let catalog = self.assessor.catalog();
        let products = catalog.find_software(software);
        let is_windows = products.iter().any(|product| {
            matches!(
                catalog.product(*product).identity,
                ProductIdentity::Windows(_)
            )
        });
        let versions = if is_windows {
            self.builds(&products)
        } else {
            self.listed(software)
        };
        if versions.is_empty() && products.is_empty() {
            return None;
        }
        let exposed = self.exposed_cells(&products);
        let versions = versions.into_iter();
        let counted = versions.map(|(version, machines)| {
            let here = exposed
                .iter()
                .filter(|(set, _)| !set.is_disjoint(&machines));
            let open: BTreeSet<VulnerabilityIx> =
                here.flat_map(|(_, open)| open).copied().collect();
            VersionCount {
                version,
                machines: machines.len(),
                vulnerabilities: open.len(),
            }
        });
        Some(counted.filter(|version| version.machines > 0).collect())
    }

    /// The machines of some Windows products, by build.
    fn builds(&self, products: &[ProductIx]) -> BTreeMap<Box<str>, RoaringBitmap> {
        let mut builds: BTreeMap<Box<str>, RoaringBitmap> = BTreeMap::new();
        for class in self.classes.windows.iter() {
            if !class.machines.is_empty() && is_in_scope(&class.outcome, products) {
                let state = class.state.as_ref().ok();
                let build = state.and_then(|state| state.build);
                let build = build.map_or_else(Box::default, |build| build.to_string().into());
                *builds.entry(build).or_default() |= &class.machines;
            }
        }
        builds
    }

    /// The machines whose inventory lists a software, by version.
    fn listed(&self, software: &SoftwareId) -> BTreeMap<Box<str>, RoaringBitmap> {
        let mut versions: BTreeMap<Box<str>, RoaringBitmap> = BTreeMap::new();
        let Some((_, software)) = self.dictionary.find(software) else {
            return versions;
        };
        for &number in &software.entries {
            let version = self.dictionary.entry(number);
            let version = version.and_then(|entry| entry.version.clone());
            if let (Some(version), Some(set)) = (version, self.having.get(number as usize)) {
                set.add_to(versions.entry(version).or_default());
            }
        }
        versions
    }

    /// Where some products have something open, and what.
    fn exposed_cells(
        &self,
        products: &[ProductIx],
    ) -> Vec<(RoaringBitmap, BTreeSet<VulnerabilityIx>)> {
        let partition = self.partition();
        let cells = partition.outcomes().filter_map(|(cell, outcome)| {
            let own = outcome.products.iter();
            let own = own.filter(|own| products.contains(&own.product));
            let open = own.flat_map(|own| own.open.iter());
            let open: BTreeSet<VulnerabilityIx> = open.map(|open| open.vulnerability).collect();
            (!open.is_empty()).then(|| (partition.set(&[cell], &self.classes), open))
        });
        cells.collect()
    }
}

fn is_in_scope(outcome: &Outcome, products: &[ProductIx]) -> bool {
    let mut own = outcome.products.iter();
    own.any(|own| products.contains(&own.product))
}
