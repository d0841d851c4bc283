//! What an assessment finds.

use kbgap_catalog::{Catalog, Kb, ProductIx, UpdateIx, VulnerabilityIx};

use crate::application::ApplicationFindings;
use crate::evidence::Absence;
use crate::scope::InScope;

/// The outcome for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// Whether the catalog knows the machine's product.
    pub status: Status,
    /// The products looked at, and why each is on the machine.
    pub scope: Vec<InScope>,
    /// The updates the machine lacks, in order of KB; one row each, whatever number of products it fixes.
    pub missing: Vec<Missing>,
    /// The updates that only wait for a restart, in order of KB.
    pub pending: Vec<Pending>,
    /// The updates that cannot be told to be present or missing, in order of KB.
    pub unknown: Vec<Unknown>,
    /// Product by product, what it lacks: in the order of the scope.
    pub products: Vec<ProductFindings>,
    /// What the applications lack.
    pub applications: ApplicationFindings,
    /// What made the answer less sure than it could be.
    pub cut_list: bool,
}

/// Vulnerabilities of one product in scope that the same fixes close: an [`kbgap_catalog::Exposure`] of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExposureRef {
    /// The product's place in the scope.
    product: u16,
    /// The exposure's place in the product.
    exposure: u16,
}

impl ExposureRef {
    /// Products in scope are a few dozen, exposures of one a few thousand.
    pub(crate) fn new(product: usize, exposure: usize) -> Self {
        Self {
            product: u16::try_from(product).unwrap_or(u16::MAX),
            exposure: u16::try_from(exposure).unwrap_or(u16::MAX),
        }
    }
}

/// Whether an assessment was possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The product is in the catalog.
    Assessed,
    /// The catalog says nothing of this product: it is too old, too new, or not covered.
    NoData,
}

/// An update a machine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The update.
    pub update: UpdateIx,
    /// The products in scope it fixes, in the order of the scope.
    pub products: Vec<ProductIx>,
    /// The numbers its missing packages install under, where those are others than its own.
    pub packages: Vec<Kb>,
    /// What is open on the machine that it closes, itself or by what it replaces:
    /// [`Findings::vulnerabilities`] tells the vulnerabilities.
    pub closes: Vec<ExposureRef>,
    /// Why it is known to be missing.
    pub absence: Absence,
    /// Older updates that are missing too, and come with it; in order of KB.
    pub replaces: Vec<UpdateIx>,
}

/// An update that waits for a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its KB.
    pub kb: Kb,
    /// The update, where the catalog knows it.
    pub update: Option<UpdateIx>,
    /// What the restart will close.
    pub closes: Vec<ExposureRef>,
}

/// An update of which the machine's evidence says neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The update.
    pub update: UpdateIx,
    /// What is lacking to tell.
    pub reason: UnknownReason,
}

/// What is lacking to tell whether an update is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownReason {
    /// The machine reported no list of updates, and the build does not tell.
    NoUpdateList,
    /// The machine reported neither the list of updates nor the revision of its build.
    NoEvidence,
    /// The update is for another image than the running Windows (the recovery image, say), of which
    /// neither build nor list tells.
    OtherImage,
    /// The update is stated as a cumulative one of this Windows, but states no build of it, and its release
    /// history does not have it.
    OtherRelease,
    /// The update installs under other numbers, which no document states, and the machine lists a
    /// number that may be one of them.
    NumbersUnknown,
    /// The machine is serviced by hotpatches or by security only updates, and no document says whether
    /// that month's fixes what this cumulative update or rollup does.
    AlternativeNotStated,
}

/// What one product of a machine lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFindings {
    /// The updates that fix an open vulnerability of this product and are not replaced by
    /// another such update for it; in order.
    pub missing: Vec<UpdateIx>,
    /// What is open on it, that without a fix included.
    pub open: Vec<ExposureRef>,
}

impl Findings {
    /// The findings for a product the catalog does not have.
    pub(crate) fn no_data() -> Self {
        Self {
            status: Status::NoData,
            scope: Vec::new(),
            missing: Vec::new(),
            pending: Vec::new(),
            unknown: Vec::new(),
            products: Vec::new(),
            applications: ApplicationFindings::default(),
            cut_list: false,
        }
    }

    /// The vulnerabilities of some exposures, each once, in order.
    pub fn vulnerabilities(
        &self,
        catalog: &Catalog,
        exposures: &[ExposureRef],
    ) -> Vec<VulnerabilityIx> {
        let stated = exposures.iter().filter_map(|at| {
            let product = self.scope.get(usize::from(at.product))?.product;
            catalog
                .product(product)
                .exposures
                .get(usize::from(at.exposure))
        });
        let mut vulnerabilities: Vec<VulnerabilityIx> = stated
            .flat_map(|exposure| exposure.vulnerabilities.iter().map(|(at, _)| *at))
            .collect();
        vulnerabilities.sort_unstable();
        vulnerabilities.dedup();
        vulnerabilities
    }

    /// What is open, product by product in the order of the scope, each with the missing update that closes it: none where
    /// Microsoft names no fix, or where it only waits for a restart. In order, each once a product.
    pub fn open_by_product(
        &self,
        catalog: &Catalog,
    ) -> Vec<Vec<(VulnerabilityIx, Option<UpdateIx>)>> {
        let mut closed: Vec<(ExposureRef, UpdateIx)> = Vec::new();
        for missing in &self.missing {
            closed.extend(missing.closes.iter().map(|at| (*at, missing.update)));
        }
        closed.sort_unstable();
        let fix = |exposure: &ExposureRef| {
            let at = closed.partition_point(|(closed, _)| closed < exposure);
            let found = closed.get(at).filter(|(closed, _)| closed == exposure);
            found.map(|(_, update)| *update)
        };
        let products = self.scope.iter().zip(&self.products);
        let open = products.map(|(in_scope, found)| {
            let exposures = &catalog.product(in_scope.product).exposures;
            let mut open: Vec<(VulnerabilityIx, Option<UpdateIx>)> = Vec::new();
            for at in &found.open {
                let fix = fix(at);
                let stated = exposures.get(usize::from(at.exposure)).into_iter();
                let stated = stated.flat_map(|exposure| &exposure.vulnerabilities);
                open.extend(stated.map(|(vulnerability, _)| (*vulnerability, fix)));
            }
            // Of one vulnerability, what has a fix comes first and stays.
            open.sort_unstable_by_key(|(vulnerability, fix)| (*vulnerability, fix.is_none(), *fix));
            open.dedup_by_key(|(vulnerability, _)| *vulnerability);
            open
        });
        open.collect()
    }

    /// The products in scope: Windows, its components, and the applications.
    pub fn products_in_scope(&self) -> impl Iterator<Item = ProductIx> + '_ {
        let applications = self.applications.scope.iter();
        self.scope
            .iter()
            .map(|in_scope| in_scope.product)
            .chain(applications.flat_map(|line| line.products.iter().copied()))
    }
}
