//! What is open in the whole fleet, by software and by vulnerability.

use std::collections::BTreeMap;

use kbgap_catalog::{Catalog, SoftwareId, UpdateIx, VulnerabilityIx};
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::outcome::{Open, Outcome};
use crate::partition::Cells;
use crate::snapshot::Snapshot;

/// What is open in a fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exposures {
    software: BTreeMap<SoftwareId, SoftwareExposure>,
    vulnerabilities: BTreeMap<VulnerabilityIx, VulnerabilityExposure>,
    machines: u64,
}

/// A software of the catalog that is on machines, and what it lacks there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftwareExposure {
    /// How many machines have it: those whose inventory lists it, and those whose state shows it.
    pub installed: u64,
    /// How many machines have an open vulnerability of it.
    pub exposed: u64,
    /// The vulnerabilities open on any machine, in order.
    pub open: Vec<VulnerabilityIx>,
    /// The updates missing on any machine, in order of KB.
    pub missing: Vec<UpdateIx>,
    /// Of these vulnerabilities, those no missing update closes, on some machine.
    pub without_fix: Vec<VulnerabilityIx>,
}

/// A vulnerability that is open on machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VulnerabilityExposure {
    /// How many machines it is open on.
    pub exposed: u64,
    /// The softwares it is open in.
    pub software: Vec<SoftwareId>,
}

impl Exposures {
    /// The softwares of the catalog that are on machines.
    pub fn software(&self) -> &BTreeMap<SoftwareId, SoftwareExposure> {
        &self.software
    }

    /// The vulnerabilities that are open.
    pub fn vulnerabilities(&self) -> &BTreeMap<VulnerabilityIx, VulnerabilityExposure> {
        &self.vulnerabilities
    }

    /// How many machines have an open vulnerability.
    pub fn machines(&self) -> u64 {
        self.machines
    }

    pub(crate) fn of(fleet: &Snapshot) -> Self {
        let catalog = fleet.assessor.catalog();
        let (partition, classes) = (fleet.partition(), &fleet.classes);
        let mut found: BTreeMap<&SoftwareId, Found> = BTreeMap::new();
        let mut exposed: Cells = Vec::new();
        for (cell, outcome) in partition.outcomes() {
            if outcome
                .products
                .iter()
                .any(|product| !product.open.is_empty())
            {
                exposed.push(cell);
            }
            for (software, products) in by_software(catalog, outcome) {
                let found = found.entry(software).or_default();
                found.add(cell, outcome, &products);
            }
        }
        let by_vulnerability = partition.having(Outcome::open);
        let mut vulnerabilities: BTreeMap<VulnerabilityIx, VulnerabilityExposure> =
            by_vulnerability
                .into_iter()
                .map(|(vulnerability, cells)| {
                    let exposed = partition.machines(&cells, classes);
                    let software = Vec::new();
                    (vulnerability, VulnerabilityExposure { exposed, software })
                })
                .collect();
        let mut software = BTreeMap::new();
        for (id, found) in found {
            let mut installed = partition.set(&found.cells, classes);
            fleet.add_installed(id, &mut installed);
            let open: Vec<VulnerabilityIx> = in_order(found.open);
            for at in &open {
                if let Some(exposure) = vulnerabilities.get_mut(at) {
                    exposure.software.push(id.clone());
                }
            }
            let exposure = SoftwareExposure {
                installed: installed.len(),
                exposed: partition.machines(&found.exposed, classes),
                open,
                missing: in_order(found.missing),
                without_fix: in_order(found.without_fix),
            };
            software.insert(id.clone(), exposure);
        }
        Self {
            software,
            vulnerabilities,
            machines: partition.machines(&exposed, classes),
        }
    }
}

/// What was found of a software so far.
#[derive(Default)]
struct Found {
    /// Where it is in scope.
    cells: Cells,
    /// Where it has something open.
    exposed: Cells,
    open: FxHashSet<VulnerabilityIx>,
    without_fix: FxHashSet<VulnerabilityIx>,
    missing: FxHashSet<UpdateIx>,
    /// What was added already, by where it lies: many outcomes share it.
    seen: FxHashSet<*const Open>,
}

impl Found {
    fn add(&mut self, cell: u32, outcome: &Outcome, products: &[usize]) {
        let products = products.iter().filter_map(|at| outcome.products.get(*at));
        self.cells.push(cell);
        let mut exposed = false;
        for product in products {
            exposed |= !product.open.is_empty();
            self.missing.extend(&product.missing);
            if self.seen.insert(product.open.as_ptr()) {
                let open = product.open.iter();
                self.open
                    .extend(open.clone().map(|open| open.vulnerability));
                let without = open.filter(|open| open.fix.is_none());
                self.without_fix
                    .extend(without.map(|open| open.vulnerability));
            }
        }
        if exposed {
            self.exposed.push(cell);
        }
    }
}

/// The products of an outcome by the software they are listed under, as places in it.
fn by_software<'a>(
    catalog: &'a Catalog,
    outcome: &Outcome,
) -> FxHashMap<&'a SoftwareId, Vec<usize>> {
    let mut found: FxHashMap<&SoftwareId, Vec<usize>> = FxHashMap::default();
    for (at, product) in outcome.products.iter().enumerate() {
        let software = &catalog.product(product.product).software;
        found.entry(software).or_default().push(at);
    }
    found
}

/// What is open in an outcome, by vulnerability and software, with the update that closes it.
pub(crate) fn of_outcome<'a>(
    catalog: &'a Catalog,
    outcome: &Outcome,
) -> BTreeMap<(VulnerabilityIx, &'a SoftwareId), Option<UpdateIx>> {
    let mut found: BTreeMap<(VulnerabilityIx, &SoftwareId), Option<UpdateIx>> = BTreeMap::new();
    for product in &outcome.products {
        let software = &catalog.product(product.product).software;
        for open in product.open.iter() {
            let known = found.entry((open.vulnerability, software)).or_default();
            *known = known.or(open.fix);
        }
    }
    found
}

fn in_order<T: Ord>(items: FxHashSet<T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items
}

impl Snapshot {
    /// How many vulnerabilities are open on each machine, each counted in each software: by slot. Worked out once for a
    /// snapshot.
    pub(crate) fn open_counts(&self) -> &[u32] {
        self.answers.open_counts.get_or_init(|| {
            let catalog = self.assessor.catalog();
            let mut counts = vec![0u32; self.machines.len()];
            for (cell, outcome) in self.partition().outcomes() {
                let open = of_outcome(catalog, outcome).len();
                let open = u32::try_from(open).unwrap_or(u32::MAX);
                if open > 0 {
                    self.partition().each(cell, &self.classes, |slot| {
                        if let Some(count) = counts.get_mut(slot as usize) {
                            *count += open;
                        }
                    });
                }
            }
            counts.into()
        })
    }

    /// Adds the machines whose inventory lists a software.
    pub(crate) fn add_installed(&self, software: &SoftwareId, machines: &mut RoaringBitmap) {
        if let Some((_, software)) = self.dictionary.find(software) {
            for set in self.machines_of(software) {
                set.add_to(machines);
            }
        }
    }
}
