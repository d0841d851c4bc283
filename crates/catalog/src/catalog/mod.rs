//! The catalog: all documents as one set of facts, ready to be asked.

mod compile;
mod days;
mod numbers;
mod texts;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

pub use compile::Compiler;
pub use texts::{Texts, VulnerabilityText};

use crate::document::{ExploitStatus, FixedBuild, Restart, Severity, SubType};
use crate::{
    Day, HistoryEntry, HistoryLine, HistoryProduct, Kb, ProductIdentity, Series, SoftwareId,
    VulnerabilityId, WindowsProduct,
};

/// Defines the type of a position in one of the catalog's tables.
macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The position as an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The position at an index; tables are far below four thousand million rows.
            fn at(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }
        }
    };
}

position!(
    /// A product's position in its catalog.
    ProductIx
);
position!(
    /// An update's position in its catalog.
    UpdateIx
);
position!(
    /// A vulnerability's position in its catalog.
    VulnerabilityIx
);
position!(
    /// A document's position in its catalog.
    DocumentIx
);
position!(
    /// A fix's position in its catalog.
    FixIx
);
position!(
    /// A rating's position in its catalog.
    RatingIx
);

/// Everything Microsoft's documents say that an assessment needs.
///
/// Tables point into each other by position. Texts of vulnerabilities are kept apart
/// ([`Texts`]), so that an assessment never loads them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    documents: Vec<DocumentInfo>,
    products: Vec<Product>,
    updates: Vec<Update>,
    vulnerabilities: Vec<VulnerabilityInfo>,
    fixes: Vec<Fix>,
    ratings: Vec<Rating>,
    /// In order of package.
    packages: Vec<(Kb, UpdateIx)>,
    /// In order of product and series.
    history: Vec<HistoryLine>,
    #[serde(skip)]
    index: Index,
}

/// What is looked up by key; rebuilt when a catalog is made or loaded.
#[derive(Debug, Clone, Default, PartialEq)]
struct Index {
    windows: FxHashMap<WindowsProduct, Vec<ProductIx>>,
    components: FxHashMap<WindowsProduct, Vec<ProductIx>>,
}

/// A document, as a source of facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentInfo {
    /// Its id: `2020-Mar`.
    pub id: Box<str>,
    /// Its title, the name of its updates: `March 2020 Security Updates`.
    pub title: Box<str>,
    /// The day it was first published.
    pub released: Day,
    /// The day of the revision the facts are from.
    pub revised: Day,
    /// The number of that revision.
    pub revision: Box<str>,
}

/// A product of Microsoft's documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Microsoft's id: `11713`, `10486-11713`.
    pub id: Box<str>,
    /// Its name in the newest document that names it.
    pub name: Box<str>,
    /// What the name says.
    pub identity: ProductIdentity,
    /// The Defender software id it is listed under.
    pub software: SoftwareId,
    /// Its vulnerabilities, together where the same fixes close them.
    pub exposures: Vec<Exposure>,
}

/// Vulnerabilities of a product that the same fixes close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The fixes for this product, any of which closes them; empty where Microsoft names none.
    pub fixes: Vec<FixIx>,
    /// The vulnerabilities, with what is said of each on this product.
    pub vulnerabilities: Vec<(VulnerabilityIx, RatingIx)>,
}

/// An update: a KB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Its number.
    pub kb: Kb,
    /// The document in which it has most entries, which names it.
    pub home: DocumentIx,
    /// The day it was published: that of its earliest entry in its home document.
    pub released: Day,
}

/// A vulnerability or advisory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VulnerabilityInfo {
    /// The CVE or advisory id.
    pub id: VulnerabilityId,
    /// The document it is in; the newest, where several have it.
    pub document: DocumentIx,
    /// The day it was published.
    pub published: Day,
    /// The day its entry was last revised.
    pub updated: Day,
    /// The highest severity over all products.
    pub severity: Option<Severity>,
    /// The highest CVSS score over all products.
    pub cvss: Option<Score>,
    /// What is known of its exploitation.
    pub exploit: Option<ExploitStatus>,
}

/// A CVSS base score with its vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The base score times ten.
    pub base_tenths: u8,
    /// The vector, as published.
    pub vector: Box<str>,
}

impl Score {
    /// The base score, 0.0 to 10.0.
    pub fn base(&self) -> f64 {
        f64::from(self.base_tenths) / 10.0
    }
}

/// A fix as one document states it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fix {
    /// The update, or the words used instead of a KB.
    pub target: FixTarget,
    /// The number the update installs under on these products, where that is another than its own:
    /// a rollup of the .NET Framework brings a package for each version.
    pub package: Option<Kb>,
    /// The kind of update.
    pub sub_type: SubType,
    /// The build from which a product is fixed.
    pub fixed_build: Option<FixedBuild>,
    /// The KBs it says it replaces.
    pub supersedes: Vec<Kb>,
    /// Whether installing needs a restart.
    pub restart: Option<Restart>,
    /// Where it is to be had, if not under its KB in Microsoft's update catalog.
    pub url: Option<Box<str>>,
    /// The document that says so.
    pub document: DocumentIx,
}

/// What a fix is applied by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FixTarget {
    /// An update with a KB.
    Update(UpdateIx),
    /// A release named by words, matched by version: `Click to Run`, `Release Notes`.
    Named(Box<str>),
}

impl Fix {
    /// The update, where the fix has a KB.
    pub fn update(&self) -> Option<UpdateIx> {
        match self.target {
            FixTarget::Update(update) => Some(update),
            FixTarget::Named(_) => None,
        }
    }
}

/// What is said of a vulnerability on a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rating {
    /// Microsoft's severity.
    pub severity: Option<Severity>,
    /// The impact, as Microsoft words it.
    pub impact: Option<Box<str>>,
    /// The CVSS base score times ten.
    pub base_tenths: Option<u8>,
}

impl Catalog {
    /// The documents, oldest first.
    pub fn documents(&self) -> &[DocumentInfo] {
        &self.documents
    }

    /// The products, in order of Microsoft's id.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The updates, in order of KB.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// The vulnerabilities, in order of id.
    pub fn vulnerabilities(&self) -> &[VulnerabilityInfo] {
        &self.vulnerabilities
    }

    /// The fixes.
    pub fn fixes(&self) -> &[Fix] {
        &self.fixes
    }

    /// A document of this catalog.
    ///
    /// # Panics
    /// Like the other look-ups by position, where the position is another catalog's.
    pub fn document(&self, at: DocumentIx) -> &DocumentInfo {
        &self.documents[at.index()]
    }

    /// A product of this catalog.
    pub fn product(&self, at: ProductIx) -> &Product {
        &self.products[at.index()]
    }

    /// An update of this catalog.
    pub fn update(&self, at: UpdateIx) -> &Update {
        &self.updates[at.index()]
    }

    /// A vulnerability of this catalog.
    pub fn vulnerability(&self, at: VulnerabilityIx) -> &VulnerabilityInfo {
        &self.vulnerabilities[at.index()]
    }

    /// A fix of this catalog.
    pub fn fix(&self, at: FixIx) -> &Fix {
        &self.fixes[at.index()]
    }

    /// A rating of this catalog.
    pub fn rating(&self, at: RatingIx) -> &Rating {
        &self.ratings[at.index()]
    }

    /// The update of this KB, be it the number it is offered under or one it installs under.
    pub fn find_update(&self, kb: Kb) -> Option<UpdateIx> {
        let at = self.updates.binary_search_by_key(&kb, |update| update.kb);
        let own = at.ok().map(UpdateIx::at);
        own.or_else(|| {
            let at = self.packages.partition_point(|(package, _)| *package < kb);
            let (package, update) = self.packages.get(at)?;
            (*package == kb).then_some(*update)
        })
    }

    /// The packages that install under a number of their own, each with its update; in order.
    pub fn packages(&self) -> &[(Kb, UpdateIx)] {
        &self.packages
    }

    /// Whether two KBs are one update: equal, or numbers of the same, offered and installed.
    pub fn is_same_update(&self, one: Kb, other: Kb) -> bool {
        let numbers = |kb: Kb| {
            let own = self.updates.binary_search_by_key(&kb, |update| update.kb);
            let from = self.packages.partition_point(|(package, _)| *package < kb);
            let packages = self.packages[from..].iter();
            let of_package = packages.take_while(move |(package, _)| *package == kb);
            own.ok()
                .map(UpdateIx::at)
                .into_iter()
                .chain(of_package.map(|(_, update)| *update))
        };
        one == other || numbers(one).any(|at| numbers(other).any(|also| at == also))
    }

    /// The release history of a Windows on a series, earliest first; empty where none is known.
    pub fn history(&self, windows: &WindowsProduct, series: Series) -> &[HistoryEntry] {
        let product = HistoryProduct::of(windows);
        let at = self
            .history
            .binary_search_by(|line| (&line.windows, line.series).cmp(&(&product, series)));
        at.map_or(&[], |at| &self.history[at].entries)
    }

    /// Every line of the release history.
    pub fn history_lines(&self) -> &[HistoryLine] {
        &self.history
    }

    /// The vulnerability of this id.
    pub fn find_vulnerability(&self, id: &VulnerabilityId) -> Option<VulnerabilityIx> {
        let at = self.vulnerabilities.binary_search_by(|v| v.id.cmp(id));
        at.ok().map(VulnerabilityIx::at)
    }

    /// The products that are this Windows: one, unless Microsoft gave several ids to it.
    pub fn find_windows(&self, windows: &WindowsProduct) -> &[ProductIx] {
        self.index.windows.get(windows).map_or(&[], Vec::as_slice)
    }

    /// The products that are components on this Windows.
    pub fn find_components(&self, host: &WindowsProduct) -> &[ProductIx] {
        self.index.components.get(host).map_or(&[], Vec::as_slice)
    }

    /// Every product of a software id.
    pub fn find_software(&self, software: &SoftwareId) -> Vec<ProductIx> {
        self.all_products()
            .filter(|&at| self.product(at).software == *software)
            .collect()
    }

    /// Every product's position.
    pub fn all_products(&self) -> impl Iterator<Item = ProductIx> + use<> {
        (0..self.products.len()).map(ProductIx::at)
    }

    /// The positions of all vulnerabilities.
    pub fn all_vulnerabilities(&self) -> impl Iterator<Item = VulnerabilityIx> + use<> {
        (0..self.vulnerabilities.len()).map(VulnerabilityIx::at)
    }

    /// The name of an update: the title of its home document.
    pub fn update_name(&self, at: UpdateIx) -> &str {
        &self.document(self.update(at).home).title
    }

    /// The vulnerabilities an update is a vendor fix for on any of these products, over all
    /// documents, each once, in order; not through supersedence.
    pub fn fixed_by(
        &self,
        update: UpdateIx,
        products: impl IntoIterator<Item = ProductIx>,
    ) -> Vec<VulnerabilityIx> {
        let mut fixed = Vec::new();
        for product in products {
            for exposure in &self.product(product).exposures {
                let by_update = |fix: &FixIx| self.fix(*fix).update() == Some(update);
                if exposure.fixes.iter().any(by_update) {
                    fixed.extend(exposure.vulnerabilities.iter().map(|(v, _)| *v));
                }
            }
        }
        fixed.sort_unstable();
        fixed.dedup();
        fixed
    }

    /// Of [`Catalog::fixed_by`], how many are CVEs: what the API calls `cveAddressed`
    /// (data specification, section 3).
    pub fn cves_addressed(
        &self,
        update: UpdateIx,
        products: impl IntoIterator<Item = ProductIx>,
    ) -> usize {
        let fixed = self.fixed_by(update, products);
        let is_cve = |at: &&VulnerabilityIx| self.vulnerability(**at).id.is_cve();
        fixed.iter().filter(is_cve).count()
    }

    /// The catalog as it was at the end of a day: without the updates, vulnerabilities and
    /// documents published later. Positions stay valid.
    ///
    /// Facts that a later revision added to an older document cannot be told from that
    /// document's own where only the later revision is known; they stay.
    #[must_use]
    pub fn as_of(&self, day: Day) -> Self {
        let mut catalog = self.clone();
        for product in &mut catalog.products {
            let exposures = std::mem::take(&mut product.exposures);
            product.exposures = exposures
                .into_iter()
                .filter_map(|mut exposure| {
                    exposure
                        .vulnerabilities
                        .retain(|(v, _)| self.vulnerability(*v).published <= day);
                    exposure.fixes.retain(|&fix| self.published(fix) <= day);
                    (!exposure.vulnerabilities.is_empty()).then_some(exposure)
                })
                .collect();
        }
        catalog
    }

    /// The day a fix was published.
    pub fn published(&self, at: FixIx) -> Day {
        let fix = self.fix(at);
        match fix.target {
            FixTarget::Update(update) => self.update(update).released,
            FixTarget::Named(_) => self.document(fix.document).released,
        }
    }

    pub(crate) fn build_index(&mut self) {
        let mut index = Index::default();
        for (at, product) in self.products.iter().enumerate() {
            let at = ProductIx::at(at);
            match &product.identity {
                ProductIdentity::Windows(windows) => {
                    index.windows.entry(windows.clone()).or_default().push(at);
                }
                ProductIdentity::OnWindows { host, .. } => {
                    index.components.entry(host.clone()).or_default().push(at);
                }
                ProductIdentity::LinuxPackage
                | ProductIdentity::Application(_)
                | ProductIdentity::Other => {}
            }
        }
        self.index = index;
    }
}
