//! How exposed machines are, as one number each and one for all.
//!
//! Every vulnerability that is open in a product of a machine adds a weight by its severity and by whether it is
//! exploited. A machine whose weights add up to `w` has the score `100 · (1 - e^-w)`: nothing open is 0, and each
//! further vulnerability takes a share of what is left to 100. The score of a fleet, or of a device group, is the mean
//! over its machines. So it only falls where something is fixed, whatever else is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use kbgap_catalog::document::Severity;
use kbgap_catalog::{Catalog, SoftwareId, VulnerabilityIx};
use rustc_hash::FxHashMap;

use crate::Slot;
use crate::outcome::{Open, Outcome};
use crate::snapshot::Snapshot;

/// Weights are whole numbers of this, so that they add up to the same in any order.
const UNIT: f64 = 0.0005;

/// The scores of a fleet, 0 to 100 each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Of all machines that count.
    pub all: f64,
    /// Of each device group; those in none are under `None`.
    pub groups: BTreeMap<Option<Arc<str>>, f64>,
    /// By how much the score of all would fall, were nothing open in a software any more.
    pub software: BTreeMap<SoftwareId, f64>,
    /// The weights of each machine, added up, by slot.
    weights: Vec<u32>,
}

/// How exposed a machine is (API specification, section 2.17: `exposureLevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExposureLevel {
    /// Nothing is open.
    None,
    /// A score below 30.
    Low,
    /// A score below 70.
    Medium,
    /// A score from 70.
    High,
}

impl ExposureLevel {
    /// The level of a machine's score.
    pub fn of(score: f64) -> Self {
        if score <= 0.0 {
            Self::None
        } else if score < 30.0 {
            Self::Low
        } else if score < 70.0 {
            Self::Medium
        } else {
            Self::High
        }
    }
}

/// What a vulnerability weighs, in units.
fn weight(catalog: &Catalog, at: VulnerabilityIx) -> u32 {
    let vulnerability = catalog.vulnerability(at);
    let exploit = vulnerability.exploit.as_ref();
    if exploit.is_some_and(|exploit| exploit.exploited) {
        return 100;
    }
    match vulnerability.severity {
        Some(Severity::Critical) => 20,
        Some(Severity::Important) => 8,
        Some(Severity::Moderate) | None => 2,
        Some(Severity::Low) => 1,
    }
}

/// What is left of 1 after weights in units.
fn left(units: u32) -> f64 {
    (-f64::from(units) * UNIT).exp()
}

/// The score of added up weights, in units.
fn score(units: u32) -> f64 {
    100.0 * (1.0 - left(units))
}

impl Scores {
    /// The score of a machine, by its slot.
    pub(crate) fn of_slot(&self, slot: Slot) -> f64 {
        let weights = self.weights.get(slot as usize).copied();
        score(weights.unwrap_or_default())
    }

    pub(crate) fn of(fleet: &Snapshot) -> Self {
        let catalog = fleet.assessor.catalog();
        let partition = fleet.partition();
        let mut open_weights = OpenWeights::new(catalog);
        let mut weights = vec![0u32; fleet.machines.len()];
        for (cell, outcome) in partition.outcomes() {
            let own = open_weights.of_outcome(outcome);
            if own > 0 {
                partition.each(cell, &fleet.classes, |slot| {
                    if let Some(weight) = weights.get_mut(slot as usize) {
                        *weight += own;
                    }
                });
            }
        }
        let left = |slot: Slot| {
            let weights = weights.get(slot as usize).copied();
            left(weights.unwrap_or_default())
        };
        // Were the weights of a software not there, what is left of a machine would be larger by this factor.
        let mut software: BTreeMap<&SoftwareId, f64> = BTreeMap::new();
        for (cell, outcome) in partition.outcomes() {
            let of_software = open_weights.by_software(catalog, outcome);
            if of_software.is_empty() {
                continue;
            }
            let mut all_left = 0.0;
            partition.each(cell, &fleet.classes, |slot| all_left += left(slot));
            for (id, weight) in of_software {
                *software.entry(id).or_default() += all_left * (f64::from(weight) * UNIT).exp_m1();
            }
        }
        let mut groups: FxHashMap<u32, (f64, u64)> = FxHashMap::default();
        let (mut sum, mut count) = (0.0, 0u64);
        for (slot, entry) in (0u32..).zip(fleet.machines.iter()) {
            let Some(entry) = entry.as_ref().filter(|entry| entry.counted) else {
                continue;
            };
            let own = 1.0 - left(slot);
            let group = groups.entry(entry.group).or_default();
            (group.0, group.1) = (group.0 + own, group.1 + 1);
            (sum, count) = (sum + own, count + 1);
        }
        #[expect(clippy::cast_precision_loss, reason = "machines are far below 2^52")]
        let mean = |sum: f64, count: u64| 100.0 * sum / (count.max(1) as f64);
        Self {
            all: mean(sum, count),
            groups: groups
                .into_iter()
                .map(|(group, (sum, count))| (fleet.groups.name(group).cloned(), mean(sum, count)))
                .collect(),
            software: software
                .into_iter()
                .map(|(id, sum)| (id.clone(), mean(sum, count)))
                .collect(),
            weights,
        }
    }
}

/// The weights of what is open, each list added up once: many outcomes share one.
struct OpenWeights<'a> {
    catalog: &'a Catalog,
    known: FxHashMap<*const Open, u32>,
}

impl<'a> OpenWeights<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            known: FxHashMap::default(),
        }
    }

    fn of(&mut self, open: &[Open]) -> u32 {
        if open.is_empty() {
            return 0;
        }
        let catalog = self.catalog;
        let add = || {
            let open = open.iter();
            open.map(|open| weight(catalog, open.vulnerability)).sum()
        };
        *self.known.entry(open.as_ptr()).or_insert_with(add)
    }

    fn of_outcome(&mut self, outcome: &Outcome) -> u32 {
        let products = outcome.products.iter();
        products.map(|product| self.of(&product.open)).sum()
    }

    fn by_software(
        &mut self,
        catalog: &'a Catalog,
        outcome: &Outcome,
    ) -> BTreeMap<&'a SoftwareId, u32> {
        let mut found: BTreeMap<&SoftwareId, u32> = BTreeMap::new();
        for product in &outcome.products {
            let weight = self.of(&product.open);
            if weight > 0 {
                let software = &catalog.product(product.product).software;
                *found.entry(software).or_default() += weight;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_weight_takes_a_share_of_what_is_left() {
        assert!(score(0).abs() < f64::EPSILON);
        let steps: Vec<f64> = (0..200).map(|n| score(n * 200)).collect();
        assert!(steps.is_sorted());
        assert!(steps.iter().all(|score| (0.0..100.0).contains(score)));
        assert_eq!(ExposureLevel::of(0.0), ExposureLevel::None);
        assert_eq!(ExposureLevel::of(score(8)), ExposureLevel::Low);
        assert_eq!(ExposureLevel::of(69.9), ExposureLevel::Medium);
        assert_eq!(ExposureLevel::of(70.0), ExposureLevel::High);
    }
}
