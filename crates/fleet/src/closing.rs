//! What installing each missing update would close, in the whole fleet.

use kbgap_catalog::document::Severity;
use kbgap_catalog::{UpdateIx, VulnerabilityIx};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::outcome::Open;
use crate::snapshot::Snapshot;

/// What installing each missing update would close.
///
/// What is counted is what is open: a vulnerability, in a product, on a machine. Each is closed by one missing update
/// at most, so what several updates close together is the sum of what each does, and the fewest updates that close most
/// are simply the first ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closing {
    /// The missing updates; those that close most come first.
    pub updates: Vec<UpdateClosing>,
    /// How much is open.
    pub open: u64,
    /// How much of it no missing update closes.
    pub without_fix: u64,
}

/// What installing an update wherever it is missing would close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateClosing {
    /// The update.
    pub update: UpdateIx,
    /// How many machines lack it.
    pub machines: u64,
    /// How much of what is open it closes.
    pub closes: u64,
    /// How many vulnerabilities that is.
    pub vulnerabilities: usize,
    /// How many of them are exploited.
    pub exploited: usize,
    /// The highest severity of them.
    pub severity: Option<Severity>,
}

#[derive(Default)]
struct Found {
    closes: u64,
    vulnerabilities: FxHashSet<VulnerabilityIx>,
}

impl Closing {
    pub(crate) fn of(fleet: &Snapshot) -> Self {
        let catalog = fleet.assessor.catalog();
        let (partition, classes) = (fleet.partition(), &fleet.classes);
        // Many outcomes share what is open on a product: each list is looked at once.
        let mut lists: FxHashMap<*const Open, (&[Open], u64)> = FxHashMap::default();
        for (cell, outcome) in partition.outcomes() {
            let machines = partition.machines(&[cell], classes);
            for product in &outcome.products {
                if !product.open.is_empty() {
                    let list = lists.entry(product.open.as_ptr());
                    list.or_insert((&product.open, 0)).1 += machines;
                }
            }
        }
        let mut all = Self::default();
        let mut found: FxHashMap<UpdateIx, Found> = FxHashMap::default();
        for (open, machines) in lists.into_values() {
            for one in open {
                all.open += machines;
                let Some(fix) = one.fix else {
                    all.without_fix += machines;
                    continue;
                };
                let found = found.entry(fix).or_default();
                found.closes += machines;
                found.vulnerabilities.insert(one.vulnerability);
            }
        }
        let lacking = partition.having(|outcome| outcome.missing.to_vec());
        let updates = lacking.into_iter().map(|(update, cells)| {
            let found = found.remove(&update).unwrap_or_default();
            let vulnerabilities = found.vulnerabilities.iter();
            let infos = vulnerabilities.map(|at| catalog.vulnerability(*at));
            let exploited = infos.clone().filter(|info| {
                let exploit = info.exploit.as_ref();
                exploit.is_some_and(|exploit| exploit.exploited)
            });
            UpdateClosing {
                update,
                machines: partition.machines(&cells, classes),
                closes: found.closes,
                vulnerabilities: found.vulnerabilities.len(),
                exploited: exploited.count(),
                severity: infos.filter_map(|info| info.severity).max(),
            }
        });
        all.updates = updates.collect();
        let kb = |closing: &UpdateClosing| catalog.update(closing.update).kb;
        all.updates
            .sort_unstable_by(|one, other| (other.closes, kb(one)).cmp(&(one.closes, kb(other))));
        all
    }

    /// The first updates that together close a share of what is open, in percent, or all that close anything; at most
    /// so many.
    pub fn first(&self, percent: u64, most: usize) -> &[UpdateClosing] {
        let wanted = self.open.saturating_mul(percent);
        let (mut closed, mut count) = (0u64, 0);
        for update in &self.updates {
            if count == most || update.closes == 0 || closed.saturating_mul(100) >= wanted {
                break;
            }
            closed += update.closes;
            count += 1;
        }
        &self.updates[..count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_that_close_enough_are_the_first() {
        let at = postcard::from_bytes::<UpdateIx>(&[0]).unwrap();
        let update = |closes| UpdateClosing {
            update: at,
            machines: 1,
            closes,
            vulnerabilities: 1,
            exploited: 0,
            severity: None,
        };
        let closing = Closing {
            updates: [60, 25, 10, 0].map(update).into(),
            open: 100,
            without_fix: 5,
        };
        let first = |percent, most| closing.first(percent, most).len();
        assert_eq!(
            [first(60, 9), first(80, 9), first(95, 9), first(100, 9)],
            [1, 2, 3, 3]
        );
        assert_eq!([first(80, 1), first(0, 9)], [1, 0]);
        assert!(Closing::default().first(80, 9).is_empty());
    }
}
