//! Rows of missing updates, as the Defender API lists them.

use std::collections::{BTreeMap, BTreeSet};

use kbgap_assessment::{ApplicationFix, Findings, MachineState};
use kbgap_catalog::{Catalog, Kb, ProductIdentity, ProductIx, SoftwareId, UpdateIx};

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
    let rows = findings.missing.iter().map(|missing| {
        let mut products: Vec<Box<str>> = Vec::new();
        for &product in &missing.products {
            let name = catalog.product(product).software.name();
            if !products.iter().any(|known| **known == *name) {
                products.push(name.into());
            }
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
    for (update, products) in of_applications(findings) {
        let names = products
            .iter()
            .map(|&at| catalog.product(at).software.name());
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
        for name in names {
            if !rows[at].products.iter().any(|known| **known == *name) {
                rows[at].products.push(name.into());
            }
        }
    }
    rows.sort_by_key(|row| row.kb);
    rows
}

/// The updates that applications lack, each with the products it fixes: those of the line it is missing on.
fn of_applications(findings: &Findings) -> impl Iterator<Item = (UpdateIx, &[ProductIx])> {
    let applications = &findings.applications;
    applications.missing.iter().filter_map(|missing| {
        let line = applications.scope.get(missing.line)?;
        match missing.fix {
            ApplicationFix::Update(update) => Some((update, &*line.products)),
            // Without a KB there is nothing the API can name.
            ApplicationFix::Version(_) | ApplicationFix::Release(_) => None,
        }
    })
}

/// What is gathered of one update over the classes of machines.
#[derive(Default)]
struct Gathered {
    machines: u64,
    /// The largest build it serves.
    build: Option<u32>,
}

/// The rows of a software, in order of KB.
///
/// Classes hold different machines, so their counts add up.
pub(crate) fn of_software<'a>(
    catalog: &Catalog,
    software: &SoftwareId,
    products: &[ProductIx],
    classes: impl Iterator<Item = (&'a MachineState, &'a Findings, u64)>,
) -> Vec<MissingUpdate> {
    let mut gathered: BTreeMap<UpdateIx, Gathered> = BTreeMap::new();
    for (state, findings, machines) in classes {
        let of_software = findings
            .scope
            .iter()
            .zip(&findings.products)
            .filter(|(in_scope, _)| products.contains(&in_scope.product));
        let of_applications = of_applications(findings)
            .filter(|(_, fixed)| fixed.iter().any(|product| products.contains(product)))
            .map(|(update, _)| update);
        let updates: BTreeSet<UpdateIx> = of_software
            .flat_map(|(_, found)| found.missing.iter().copied())
            .chain(of_applications)
            .collect();
        for update in updates {
            let update = gathered.entry(update).or_default();
            update.machines += machines;
            update.build = update.build.max(state.build.map(|build| build.build));
        }
    }
    let is_windows = any_windows(catalog, products);
    let rows = gathered
        .into_iter()
        .map(|(update, gathered)| MissingUpdate {
            kb: catalog.update(update).kb,
            name: catalog.update_name(update).into(),
            os_build: gathered.build.filter(|_| is_windows),
            products: vec![software.name().into()],
            machines: gathered.machines,
            cves: catalog.cves_addressed(update, products.iter().copied()),
        });
    // Updates are in order of KB, so their positions are too.
    rows.collect()
}

fn any_windows(catalog: &Catalog, products: &[ProductIx]) -> bool {
    products.iter().any(|&product| {
        matches!(
            catalog.product(product).identity,
            ProductIdentity::Windows(_)
        )
    })
}
