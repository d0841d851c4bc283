//! Compiles documents into a catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::days::{self, Dated};
use super::numbers::NumberBook;
use super::texts::{Texts, VulnerabilityText};
use super::{
    Catalog, DocumentInfo, DocumentIx, Exposure, Fix, FixIx, FixTarget, Index, Product, ProductIx,
    Rating, RatingIx, Score, Update, UpdateIx, VulnerabilityInfo, VulnerabilityIx,
};
use crate::document::{self, Document, FixId, Vulnerability};
use crate::{Day, Kb, ProductIdentity, ReleaseHistory, VulnerabilityId, WindowsProduct};

/// Takes documents and release histories in, in any order, and gives a catalog.
#[derive(Default)]
pub struct Compiler {
    documents: Vec<Document>,
    history: ReleaseHistory,
}

impl Compiler {
    /// A compiler without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document. Of two with one id, the one revised later counts.
    pub fn add(&mut self, document: Document) {
        match self
            .documents
            .iter_mut()
            .find(|known| known.id == document.id)
        {
            Some(known) if known.current_release > document.current_release => {}
            Some(known) => *known = document,
            None => self.documents.push(document),
        }
    }

    /// Adds a release history. Where two have a line in common, the one with more entries counts.
    pub fn add_history(&mut self, history: ReleaseHistory) {
        for line in history.lines {
            let known = self
                .history
                .lines
                .iter_mut()
                .find(|known| known.windows == line.windows && known.series == line.series);
            match known {
                Some(known) if known.entries.len() >= line.entries.len() => {}
                Some(known) => *known = line,
                None => self.history.lines.push(line),
            }
        }
    }

    /// Compiles what was added. The result does not depend on the order of adding.
    pub fn finish(mut self) -> (Catalog, Texts) {
        self.documents
            .sort_by(|a, b| (a.initial_release, &a.id).cmp(&(b.initial_release, &b.id)));
        self.history
            .lines
            .sort_by(|a, b| (&a.windows, a.series).cmp(&(&b.windows, b.series)));
        let vulnerability_ids = sorted(
            self.documents
                .iter()
                .flat_map(|document| &document.vulnerabilities)
                .map(|vulnerability| &vulnerability.id),
        );
        let product_ids = sorted(
            self.documents
                .iter()
                .flat_map(|document| &document.products)
                .map(|product| &*product.id),
        );
        let product_positions = positions(&product_ids, ProductIx::at);
        let mut products = names(&self.documents, &product_ids, &product_positions);
        let book = NumberBook::of(&self.documents);
        let dated = updates(&self.documents, &book, &products, &product_positions);
        let updates = days::correct(dated, &self.documents, &self.history);
        let mut tables = Tables {
            updates: updates
                .iter()
                .enumerate()
                .map(|(at, u)| (u.kb, UpdateIx::at(at)))
                .collect(),
            vulnerabilities: positions(&vulnerability_ids, VulnerabilityIx::at),
            also: also_fixed(&products),
            identities: products.iter().map(|p| p.identity.clone()).collect(),
            products: product_positions,
            book,
            packages: BTreeSet::new(),
            fixes: Interner::default(),
            ratings: Interner::default(),
            closings: vec![BTreeMap::new(); product_ids.len()],
        };
        let (vulnerabilities, texts) = vulnerabilities(&self.documents, &tables);
        for (at, document) in self.documents.iter().enumerate() {
            tables.add(document, DocumentIx::at(at));
        }
        for (product, closings) in products
            .iter_mut()
            .zip(std::mem::take(&mut tables.closings))
        {
            product.exposures = exposures(closings);
        }
        let mut catalog = Catalog {
            documents: self.documents.iter().map(info).collect(),
            products,
            updates,
            vulnerabilities,
            fixes: tables.fixes.items,
            ratings: tables.ratings.items,
            packages: tables.packages.into_iter().collect(),
            history: self.history.lines,
            index: Index::default(),
        };
        catalog.build_index();
        (catalog, texts)
    }
}

fn info(document: &Document) -> DocumentInfo {
    DocumentInfo {
        id: document.id.clone(),
        title: document.title.clone(),
        released: document.released(),
        revised: Day::of_timestamp(document.current_release),
        revision: document.revision.clone(),
    }
}

/// Every KB that fixes something, with the document that names it.
fn updates(
    documents: &[Document],
    book: &NumberBook,
    products: &[Product],
    positions: &FxHashMap<&str, ProductIx>,
) -> Vec<Dated> {
    // Per KB and document: how many entries, and the earliest day of one.
    let mut seen: BTreeMap<Kb, Vec<(DocumentIx, u32, Day)>> = BTreeMap::new();
    for (at, document) in documents.iter().enumerate() {
        let at = DocumentIx::at(at);
        for vulnerability in &document.vulnerabilities {
            // Entries carried over from an older document keep their old dates; what is new
            // in this one is not older than it.
            let published = vulnerability.published.unwrap_or(document.released());
            let published = published.max(document.released());
            let mut kbs: Vec<Kb> = Vec::new();
            for fix in &vulnerability.fixes {
                if !book.concerns(fix) {
                    kbs.extend(fix.id.kb());
                    continue;
                }
                let fixed = fix.products.iter().filter_map(|&product| {
                    let id = &document.products.get(product as usize)?.id;
                    products.get(positions.get(&**id)?.index())
                });
                let numbers = fixed.filter_map(|product| book.of_fix(fix, &product.identity));
                kbs.extend(numbers.map(|numbers| numbers.update));
            }
            kbs.sort_unstable();
            kbs.dedup();
            for kb in kbs {
                let per_document = seen.entry(kb).or_default();
                match per_document.last_mut() {
                    Some((document, entries, day)) if *document == at => {
                        *entries += 1;
                        *day = (*day).min(published);
                    }
                    _ => per_document.push((at, 1, published)),
                }
            }
        }
    }
    seen.into_iter()
        .filter_map(|(kb, per_document)| {
            // Of documents with equally many, the newest: an update reaches older documents by
            // their revisions, never newer ones.
            let (home, entries, released) = per_document
                .into_iter()
                .max_by_key(|&(document, entries, _)| (entries, document))?;
            Some(Dated {
                update: Update { kb, home, released },
                entries,
            })
        })
        .collect()
}

/// The products with the newest name of each, not yet their exposures.
fn names(
    documents: &[Document],
    ids: &[&str],
    positions: &FxHashMap<&str, ProductIx>,
) -> Vec<Product> {
    let mut newest: Vec<&str> = vec![""; ids.len()];
    for product in documents.iter().flat_map(|document| &document.products) {
        if let Some(at) = positions.get(&*product.id) {
            newest[at.index()] = &product.name;
        }
    }
    ids.iter()
        .zip(newest)
        .map(|(id, name)| {
            let identity = ProductIdentity::of_name(name);
            Product {
                id: (*id).into(),
                name: name.into(),
                software: identity.software_id(name),
                identity,
                exposures: Vec::new(),
            }
        })
        .collect()
}

fn vulnerabilities(documents: &[Document], tables: &Tables<'_>) -> (Vec<VulnerabilityInfo>, Texts) {
    let mut infos: Vec<Option<VulnerabilityInfo>> = vec![None; tables.vulnerabilities.len()];
    let mut texts = vec![VulnerabilityText::default(); infos.len()];
    for (at, document) in documents.iter().enumerate() {
        for entry in &document.vulnerabilities {
            let Some(position) = tables.vulnerabilities.get(&entry.id) else {
                continue;
            };
            let mut info = of_entry(entry, document, DocumentIx::at(at));
            if let Some(older) = infos[position.index()].take() {
                info.published = info.published.min(older.published);
                info.updated = info.updated.max(older.updated);
                info.severity = info.severity.max(older.severity);
                info.exploit = info.exploit.or(older.exploit);
                info.cvss = higher(info.cvss, older.cvss);
            }
            infos[position.index()] = Some(info);
            texts[position.index()] = VulnerabilityText {
                title: entry.title.clone(),
                description: entry.description.clone(),
                component: entry.component.clone(),
            };
        }
    }
    let texts = Texts {
        vulnerabilities: texts,
    };
    (infos.into_iter().flatten().collect(), texts)
}

fn of_entry(entry: &Vulnerability, document: &Document, at: DocumentIx) -> VulnerabilityInfo {
    let published = entry.published.unwrap_or(document.released());
    let cvss = entry
        .ratings
        .iter()
        .filter_map(|rating| rating.cvss.as_ref());
    VulnerabilityInfo {
        id: entry.id.clone(),
        document: at,
        published,
        updated: entry.updated.unwrap_or(published),
        severity: entry
            .ratings
            .iter()
            .filter_map(|rating| rating.severity)
            .max(),
        cvss: cvss.max_by_key(|cvss| cvss.base_tenths).map(|cvss| Score {
            base_tenths: cvss.base_tenths,
            vector: cvss.vector.clone(),
        }),
        exploit: entry.exploit,
    }
}

fn higher(one: Option<Score>, other: Option<Score>) -> Option<Score> {
    match (one, other) {
        (Some(one), Some(other)) if other.base_tenths > one.base_tenths => Some(other),
        (one, other) => one.or(other),
    }
}

/// Of one product: what closes each vulnerability, and its rating.
type Closings = BTreeMap<VulnerabilityIx, (RatingIx, Vec<FixIx>)>;

/// Puts vulnerabilities together where the same fixes close them.
fn exposures(closings: Closings) -> Vec<Exposure> {
    let mut by_fixes: BTreeMap<Vec<FixIx>, Vec<(VulnerabilityIx, RatingIx)>> = BTreeMap::new();
    for (vulnerability, (rating, mut fixes)) in closings {
        fixes.sort_unstable();
        fixes.dedup();
        by_fixes
            .entry(fixes)
            .or_default()
            .push((vulnerability, rating));
    }
    by_fixes
        .into_iter()
        .map(|(fixes, vulnerabilities)| Exposure {
            fixes,
            vulnerabilities,
        })
        .collect()
}

/// The tables being filled.
struct Tables<'d> {
    updates: FxHashMap<Kb, UpdateIx>,
    vulnerabilities: FxHashMap<&'d VulnerabilityId, VulnerabilityIx>,
    products: FxHashMap<&'d str, ProductIx>,
    identities: Vec<ProductIdentity>,
    /// For a product that is another under a second id, that other.
    also: FxHashMap<ProductIx, Vec<ProductIx>>,
    book: NumberBook,
    /// Packages that install under a number of their own, with their update.
    packages: BTreeSet<(Kb, UpdateIx)>,
    fixes: Interner<Fix>,
    ratings: Interner<Rating>,
    closings: Vec<Closings>,
}

impl Tables<'_> {
    fn add(&mut self, document: &Document, at: DocumentIx) {
        let positions: Vec<Option<ProductIx>> = document
            .products
            .iter()
            .map(|product| self.products.get(&*product.id).copied())
            .collect();
        let position = |product: &u32| positions.get(*product as usize).copied().flatten();
        for vulnerability in &document.vulnerabilities {
            let Some(&id) = self.vulnerabilities.get(&vulnerability.id) else {
                continue;
            };
            for rating in &vulnerability.ratings {
                let rating_at = RatingIx::at(self.ratings.intern(Rating {
                    severity: rating.severity,
                    impact: rating.impact.clone(),
                    base_tenths: rating.cvss.as_ref().map(|cvss| cvss.base_tenths),
                }));
                for product in rating.products.iter().filter_map(position) {
                    // The newest document's rating counts.
                    self.closings[product.index()]
                        .entry(id)
                        .or_insert((rating_at, Vec::new()))
                        .0 = rating_at;
                }
            }
            for fix in &vulnerability.fixes {
                for product in fix.products.iter().filter_map(position) {
                    let Some(fix) = self.fix(fix, product, at) else {
                        continue;
                    };
                    let also = self.also.get(&product).map_or(&[][..], Vec::as_slice);
                    for product in std::iter::once(&product).chain(also) {
                        // A fix for a product that is not stated as affected closes nothing there.
                        if let Some((_, fixes)) = self.closings[product.index()].get_mut(&id) {
                            fixes.push(fix);
                        }
                    }
                }
            }
        }
    }

    /// A document's fix as a catalog's, on one product.
    fn fix(
        &mut self,
        fix: &document::Fix,
        product: ProductIx,
        document: DocumentIx,
    ) -> Option<FixIx> {
        let identity = &self.identities[product.index()];
        let (target, package) = match (&fix.id, self.book.of_fix(fix, identity)) {
            (FixId::Named(words), _) => (FixTarget::Named(words.clone()), None),
            (FixId::Kb(_), numbers) => {
                let numbers = numbers?;
                let update = *self.updates.get(&numbers.update)?;
                let package = numbers.package;
                self.packages
                    .extend(package.map(|package| (package, update)));
                (FixTarget::Update(update), package)
            }
        };
        Some(FixIx::at(self.fixes.intern(Fix {
            target,
            package,
            sub_type: fix.sub_type.clone(),
            fixed_build: fix.fixed_build.clone(),
            supersedes: fix.supersedes.kbs.clone(),
            restart: fix.restart,
            url: fix.url.clone(),
            document,
        })))
    }
}

/// `Azure Edition Core Hotpatch` is Windows Server 2022 serviced by hotpatches: for some months the feed
/// listed its hotpatches under a product of its own. What it says there is said of Server 2022.
fn also_fixed(products: &[Product]) -> FxHashMap<ProductIx, Vec<ProductIx>> {
    let mut also: FxHashMap<ProductIx, Vec<ProductIx>> = FxHashMap::default();
    for (at, product) in products.iter().enumerate() {
        let ProductIdentity::Windows(azure) = &product.identity else {
            continue;
        };
        if !azure.azure_hotpatch {
            continue;
        }
        let plain = |core| WindowsProduct {
            azure_hotpatch: false,
            core,
            ..azure.clone()
        };
        let (desktop, core) = (plain(false), plain(true));
        let others = products.iter().enumerate().filter(|(_, other)| {
            matches!(&other.identity, ProductIdentity::Windows(windows) if *windows == desktop || *windows == core)
        });
        also.insert(
            ProductIx::at(at),
            others.map(|(at, _)| ProductIx::at(at)).collect(),
        );
    }
    also
}

/// Keeps each value once and gives its position.
struct Interner<T> {
    items: Vec<T>,
    positions: FxHashMap<T, usize>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            positions: FxHashMap::default(),
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn intern(&mut self, item: T) -> usize {
        if let Some(position) = self.positions.get(&item) {
            return *position;
        }
        let position = self.items.len();
        self.items.push(item.clone());
        self.positions.insert(item, position);
        position
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.dedup();
    items
}

fn positions<T: Copy + Eq + Hash, P>(items: &[T], at: impl Fn(usize) -> P) -> FxHashMap<T, P> {
    items
        .iter()
        .enumerate()
        .map(|(i, item)| (*item, at(i)))
        .collect()
}
