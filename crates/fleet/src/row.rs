//! Rows of missing updates, as the Defender API lists them.

use std::collections::{BTreeMap, BTreeSet};

use kbgap_assessment::{Findings, MachineState};
use kbgap_catalog::{Catalog, Kb, ProductIdentity, ProductIx, SoftwareId, UpdateIx};

use crate::classes::Classes;
use crate::outcome::Outcome;
use crate::partition::Partition;

/// An update that is missing, in the scope of a machine or of a software.
///
/// The fields are those of `PublicProductFixDto` (API specification, section 2.3); what each counts
/// is settled in section 3 of the data specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingUpdate {
    /// The update.
    pub kb: Kb,
    /// The title of the document that brought it: `March 2020 Security Updates`.
    pub name: Box<str>,
    /// The Windows build the package is for, where the operating system is in scope.
    pub os_build: Option<u32>,
    /// The name parts of the software ids it fixes in scope, the operating system first.
    pub products: Vec<Box<str>>,
    /// How many machines in scope lack it.
    pub machines: u64,
    /// How many CVEs it addresses in scope.
    pub cves: usize,
}

/// The rows of one machine, in order of KB.
pub(crate) fn of_machine(
    catalog: &Catalog,
    state: &MachineState,
    findings: &Findings,
) -> Vec<MissingUpdate> {
    let name = |products: &mut Vec<Box<str>>, product: ProductIx| {
        let name = catalog.product(product).software.name();
        if !products.iter().any(|known| **known == *name) {
            products.push(name.into());
        }
    };
    let rows = findings.missing.iter().map(|missing| {
        let mut products: Vec<Box<str>> = Vec::new();
        for &product in &missing.products {
            name(&mut products, product);
        }
        let build = state.build.map(|build| build.build);
        MissingUpdate {
            kb: catalog.update(missing.update).kb,
            name: catalog.update_name(missing.update).into(),
            os_build: build.filter(|_| any_windows(catalog, &missing.products)),
            products,
            machines: 1,
            cves: catalog.cves_addressed(missing.update, findings.products_in_scope()),
        }
    });
    let mut rows: Vec<MissingUpdate> = rows.collect();
    let applications = Outcome::of_applications(&findings.applications);
    for product in &applications.products {
        for &update in &product.missing {
            let kb = catalog.update(update).kb;
            let at = rows.iter().position(|row| row.kb == kb);
            let at = at.unwrap_or_else(|| {
                rows.push(MissingUpdate {
                    kb,
                    name: catalog.update_name(update).into(),
                    os_build: None,
                    products: Vec::new(),
                    machines: 1,
                    cves: catalog.cves_addressed(update, findings.products_in_scope()),
                });
                rows.len() - 1
            });
            name(&mut rows[at].products, product.product);
        }
    }
    rows.sort_by_key(|row| row.kb);
    rows
}

/// The rows of a software, in order of KB.
pub(crate) fn of_software(
    catalog: &Catalog,
    software: &SoftwareId,
    products: &[ProductIx],
    classes: &Classes,
    partition: &Partition,
) -> Vec<MissingUpdate> {
    let lacking = partition.having(|outcome| outcome.missing_of(products));
    let is_windows = any_windows(catalog, products);
    let mut rows: Vec<MissingUpdate> = lacking
        .into_iter()
        .map(|(update, lacking)| MissingUpdate {
            kb: catalog.update(update).kb,
            name: catalog.update_name(update).into(),
            os_build: partition.build(&lacking, classes).filter(|_| is_windows),
            products: vec![software.name().into()],
            machines: partition.machines(&lacking, classes),
            cves: catalog.cves_addressed(update, products.iter().copied()),
        })
        .collect();
    rows.sort_unstable_by_key(|row| row.kb);
    rows
}

/// The rows of all machines, in order of KB.
pub(crate) fn of_fleet(
    catalog: &Catalog,
    classes: &Classes,
    partition: &Partition,
) -> Vec<MissingUpdate> {
    let lacking = partition.having(|outcome| outcome.missing.to_vec());
    // Which products an update fixes on some machine.
    let mut fixes: BTreeMap<UpdateIx, BTreeSet<ProductIx>> = BTreeMap::new();
    for (_, outcome) in partition.outcomes() {
        for product in &outcome.products {
            for update in &product.missing {
                fixes.entry(*update).or_default().insert(product.product);
            }
        }
    }
    let rows = lacking.into_iter().map(|(update, cells)| {
        let products = fixes.get(&update).into_iter().flatten().copied();
        let products: Vec<ProductIx> = products.collect();
        let names = products
            .iter()
            .map(|at| catalog.product(*at).software.name());
        let names: BTreeSet<&str> = names.collect();
        let build = partition.build(&cells, classes);
        MissingUpdate {
            kb: catalog.update(update).kb,
            name: catalog.update_name(update).into(),
            os_build: build.filter(|_| any_windows(catalog, &products)),
            products: names.into_iter().map(Into::into).collect(),
            machines: partition.machines(&cells, classes),
            cves: catalog.cves_addressed(update, products),
        }
    });
    let mut rows: Vec<MissingUpdate> = rows.collect();
    rows.sort_unstable_by_key(|row| row.kb);
    rows
}

fn any_windows(catalog: &Catalog, products: &[ProductIx]) -> bool {
    products.iter().any(|&product| {
        matches!(
            catalog.product(product).identity,
            ProductIdentity::Windows(_)
        )
    })
}
