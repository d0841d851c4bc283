//! What is kept of an assessment for as long as machines are in its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use kbgap_assessment::{ApplicationFindings, ApplicationFix, Findings, UnknownReason};
use kbgap_catalog::{Catalog, ProductIx, UpdateIx, VulnerabilityIx};
use rustc_hash::FxHashSet;

/// What is missing and open, without its evidence: that is worked out anew when it is asked for.
///
/// Many states have the same outcome; it is kept once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outcome {
    /// The products in scope.
    pub(crate) products: Box<[ProductOutcome]>,
    /// The updates to install: each once, in order of KB.
    pub(crate) missing: Box<[UpdateIx]>,
    /// Whether the machine reports too little to tell of some update.
    pub(crate) unclear: bool,
}

/// What a product in scope lacks. Many outcomes have the same of a product; it is kept once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProductOutcome {
    pub(crate) product: ProductIx,
    /// In order of KB.
    pub(crate) missing: Box<[UpdateIx]>,
    /// In order, each once.
    pub(crate) open: Arc<[Open]>,
}

/// A vulnerability that is open on a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Open {
    pub(crate) vulnerability: VulnerabilityIx,
    /// The missing update that closes it.
    pub(crate) fix: Option<UpdateIx>,
}

/// What is open on products, each kept once.
#[derive(Default)]
pub(crate) struct KeptOpen(FxHashSet<Arc<[Open]>>);

impl KeptOpen {
    /// Forgets what nothing has any more.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Replaces what is known already by what is kept of it.
    pub(crate) fn share(&mut self, outcome: &mut Outcome) {
        for product in &mut outcome.products {
            if let Some(known) = self.0.get(&product.open) {
                product.open = known.clone();
            } else {
                self.0.insert(product.open.clone());
            }
        }
    }
}

impl Outcome {
    /// The outcome for Windows and its components.
    pub(crate) fn of_windows(catalog: &Catalog, findings: &Findings) -> Self {
        let open = findings.open_by_product(catalog);
        let products = findings.scope.iter().zip(&findings.products).zip(open);
        Self {
            products: products
                .map(|((in_scope, found), open)| ProductOutcome {
                    product: in_scope.product,
                    missing: found.missing.as_slice().into(),
                    open: opens(open),
                })
                .collect(),
            missing: findings.missing.iter().map(|found| found.update).collect(),
            unclear: findings.unknown.iter().any(|unknown| {
                use UnknownReason::{NoEvidence, NoUpdateList};
                matches!(unknown.reason, NoEvidence | NoUpdateList)
            }),
        }
    }

    /// The outcome for applications.
    pub(crate) fn of_applications(findings: &ApplicationFindings) -> Self {
        let mut products: Vec<(ProductIx, Vec<UpdateIx>)> = Vec::new();
        let mut open: BTreeMap<ProductIx, BTreeMap<VulnerabilityIx, Option<UpdateIx>>> =
            BTreeMap::new();
        for (at, line) in findings.scope.iter().enumerate() {
            let of_line = findings.missing.iter().filter(|missing| missing.line == at);
            // Without a KB there is nothing the API can name.
            let updates = of_line.filter_map(|missing| match missing.fix {
                ApplicationFix::Update(update) => Some((update, &missing.closes)),
                ApplicationFix::Version(_) | ApplicationFix::Release(_) => None,
            });
            let updates: Vec<(UpdateIx, &Vec<VulnerabilityIx>)> = updates.collect();
            let kbs = updates.iter().map(|(update, _)| *update);
            for &product in &line.products {
                match products.iter_mut().find(|(known, _)| *known == product) {
                    Some((_, known)) => known.extend(kbs.clone()),
                    None => products.push((product, kbs.clone().collect())),
                }
                let open = open.entry(product).or_default();
                for &vulnerability in &line.open {
                    let fix = updates
                        .iter()
                        .find(|(_, closes)| closes.binary_search(&vulnerability).is_ok());
                    let known = open.entry(vulnerability).or_default();
                    *known = known.or(fix.map(|(update, _)| *update));
                }
            }
        }
        let missing = products.iter().flat_map(|(_, updates)| updates).copied();
        Self {
            missing: in_order(missing),
            unclear: false,
            products: products
                .into_iter()
                .map(|(product, updates)| ProductOutcome {
                    product,
                    missing: in_order(updates),
                    open: opens(open.remove(&product).unwrap_or_default()),
                })
                .collect(),
        }
    }

    /// The updates that any of some products lacks, in order of KB.
    pub(crate) fn missing_of(&self, products: &[ProductIx]) -> Vec<UpdateIx> {
        let own = self.products.iter();
        let own = own.filter(|own| products.contains(&own.product));
        let updates = own.flat_map(|own| &own.missing).copied();
        in_order(updates).into_vec()
    }

    /// The vulnerabilities that are open: each once, in order.
    pub(crate) fn open(&self) -> Vec<VulnerabilityIx> {
        let open = self.products.iter().flat_map(|product| product.open.iter());
        in_order(open.map(|open| open.vulnerability)).into_vec()
    }

    /// Whether a vulnerability is open.
    pub(crate) fn is_open(&self, vulnerability: VulnerabilityIx) -> bool {
        let by = |open: &Open| open.vulnerability.cmp(&vulnerability);
        let mut products = self.products.iter();
        products.any(|product| product.open.binary_search_by(by).is_ok())
    }
}

fn opens(open: impl IntoIterator<Item = (VulnerabilityIx, Option<UpdateIx>)>) -> Arc<[Open]> {
    let open = open.into_iter();
    open.map(|(vulnerability, fix)| Open { vulnerability, fix })
        .collect()
}

fn in_order<T: Ord>(items: impl IntoIterator<Item = T>) -> Box<[T]> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items.dedup();
    items.into()
}
