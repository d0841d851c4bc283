//! What is kept of an assessment for as long as machines are in its state.

use kbgap_assessment::{ApplicationFindings, ApplicationFix, Findings};
use kbgap_catalog::{Catalog, ProductIx, UpdateIx, VulnerabilityIx};

/// What is missing and open, without its evidence: that is worked out anew when it is asked for.
///
/// Many states have the same outcome; it is kept once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outcome {
    /// The products in scope, each with the updates it lacks, in order of KB.
    pub(crate) products: Box<[(ProductIx, Box<[UpdateIx]>)]>,
    /// The updates to install: each once, in order of KB.
    pub(crate) missing: Box<[UpdateIx]>,
    /// The vulnerabilities that are open: each once, in order.
    pub(crate) open: Box<[VulnerabilityIx]>,
}

impl Outcome {
    /// The outcome for Windows and its components.
    pub(crate) fn of_windows(catalog: &Catalog, findings: &Findings) -> Self {
        let products = findings.scope.iter().zip(&findings.products);
        let open = findings.products.iter();
        let open = open.flat_map(|product| findings.vulnerabilities(catalog, &product.open));
        Self {
            products: products
                .map(|(in_scope, found)| (in_scope.product, found.missing.as_slice().into()))
                .collect(),
            missing: findings.missing.iter().map(|found| found.update).collect(),
            open: in_order(open),
        }
    }

    /// The outcome for applications.
    pub(crate) fn of_applications(findings: &ApplicationFindings) -> Self {
        let mut products: Vec<(ProductIx, Vec<UpdateIx>)> = Vec::new();
        for (at, line) in findings.scope.iter().enumerate() {
            let of_line = findings.missing.iter().filter(|missing| missing.line == at);
            // Without a KB there is nothing the API can name.
            let updates = of_line.filter_map(|missing| match missing.fix {
                ApplicationFix::Update(update) => Some(update),
                ApplicationFix::Version(_) | ApplicationFix::Release(_) => None,
            });
            let updates: Vec<UpdateIx> = updates.collect();
            for &product in &line.products {
                match products.iter_mut().find(|(known, _)| *known == product) {
                    Some((_, known)) => known.extend(&updates),
                    None => products.push((product, updates.clone())),
                }
            }
        }
        let missing = products.iter().flat_map(|(_, updates)| updates).copied();
        let open = findings.scope.iter().flat_map(|line| &line.open).copied();
        Self {
            missing: in_order(missing),
            open: in_order(open),
            products: products
                .into_iter()
                .map(|(product, updates)| (product, in_order(updates)))
                .collect(),
        }
    }

    /// The updates that any of some products lacks, in order of KB.
    pub(crate) fn missing_of(&self, products: &[ProductIx]) -> Vec<UpdateIx> {
        let own = self.products.iter();
        let own = own.filter(|(product, _)| products.contains(product));
        let mut updates: Vec<UpdateIx> = own.flat_map(|(_, updates)| updates).copied().collect();
        updates.sort_unstable();
        updates.dedup();
        updates
    }
}

fn in_order<T: Ord>(items: impl IntoIterator<Item = T>) -> Box<[T]> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items.dedup();
    items.into()
}
