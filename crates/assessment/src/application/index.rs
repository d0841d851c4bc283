//! The servicing lines of all applications of a catalog, made once.

use kbgap_catalog::{
    Application, ApplicationFamily, ApplicationRelease, Architecture, Catalog, Day, Kb, ProductIx,
    VulnerabilityIx,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cumulative::{CumulativeLine, FixNo};
use super::packages::{Package, PackageLine};
use super::place::{self, Servicing};
use super::replacements::{Node, Replacements, Stock};

/// After how many days without an update, while newer lines have some, a line counts as ended.
const ENDED_AFTER: i32 = 180;

/// All a catalog says of applications, ready for assessing machines.
///
/// Made once for a catalog; of a catalog as of a day ([`Catalog::as_of`]) the answers are those
/// of that day.
#[derive(Debug)]
pub struct Applications {
    pub(super) lines: Vec<Line>,
    positions: FxHashMap<Application, LineIx>,
    pub(super) stocks: Vec<(ListedAlike, Stock)>,
    /// Where a KB is a fix.
    pub(super) by_kb: FxHashMap<Kb, Vec<Place>>,
}

/// Where a KB is a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Of a line on which the version tells.
    Line(LineIx, FixNo),
    /// Of a stock of packages.
    Stock(usize, Node),
}

/// A line's position.
pub(super) type LineIx = u32;

/// One servicing line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) application: Application,
    products: Vec<(ProductIx, Option<Architecture>)>,
    pub(super) fixes: Fixes,
    /// What was said of newer lines after this one got its last update.
    pub(super) ended: Option<Ended>,
}

/// The fixes of a line, by how they are told to be present.
#[derive(Debug)]
pub(super) enum Fixes {
    /// By version.
    Cumulative(CumulativeLine),
    /// By KBs: the packages, and the position of their stock.
    Packages(PackageLine, usize),
}

/// A line that is probably out of support.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) last: Day,
    pub(super) vulnerabilities: Vec<VulnerabilityIx>,
}

/// Applications whose updates are listed in the same way: if one shows, so would the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ListedAlike {
    /// Office of one year.
    Office(Option<ApplicationRelease>),
    /// Another application.
    Alone(ApplicationFamily, Option<ApplicationRelease>),
}

impl ListedAlike {
    pub(super) fn of(family: ApplicationFamily, release: Option<ApplicationRelease>) -> Self {
        if place::is_office(family) {
            Self::Office(release)
        } else {
            Self::Alone(family, release)
        }
    }
}

impl Applications {
    /// The applications of a catalog.
    pub fn new(catalog: &Catalog) -> Self {
        let mut products = products_of_lines(catalog);
        spread_over_service_packs(&mut products);
        let mut lines: Vec<Line> = products
            .into_iter()
            .map(|(application, products)| Line::new(catalog, application, products))
            .collect();
        lines.sort_unstable_by(|a, b| a.application.cmp(&b.application));
        let stocks = stocks(catalog, &mut lines);
        for line in &mut lines {
            if let Fixes::Packages(fixes, stock) = &mut line.fixes {
                fixes.part(&line.application, &stocks[*stock].1);
            }
        }
        let ended: Vec<Option<Ended>> = lines
            .iter()
            .map(|line| ended(catalog, line, &lines))
            .collect();
        for (line, ended) in lines.iter_mut().zip(ended) {
            line.ended = ended;
        }
        let mut by_kb: FxHashMap<Kb, Vec<Place>> = FxHashMap::default();
        let mut positions = FxHashMap::default();
        for (at, line) in (0..).zip(&lines) {
            positions.insert(line.application.clone(), at);
            if let Fixes::Cumulative(fixes) = &line.fixes {
                for (kb, fix) in fixes.by_kb() {
                    by_kb.entry(kb).or_default().push(Place::Line(at, fix));
                }
            }
        }
        for (at, (_, stock)) in stocks.iter().enumerate() {
            for (kb, node) in stock.by_kb() {
                by_kb.entry(kb).or_default().push(Place::Stock(at, node));
            }
        }
        Self {
            lines,
            positions,
            stocks,
            by_kb,
        }
    }

    /// The line of this application. Where no version told the service pack, and there is but
    /// one, it is that.
    pub(super) fn find(&self, line: &Application, any_service_pack: bool) -> Option<LineIx> {
        let exact = self.positions.get(line).copied();
        if exact.is_some() || !any_service_pack {
            return exact;
        }
        let mut others = (0..).zip(&self.lines).filter(|(_, known)| {
            let bare = Application {
                service_pack: line.service_pack,
                ..known.application.clone()
            };
            bare == *line
        });
        let (found, _) = others.next()?;
        others.next().is_none().then_some(found)
    }
}

impl Line {
    fn new(catalog: &Catalog, application: Application, products: Vec<ProductIx>) -> Self {
        let fixes = match place::servicing(&application) {
            Servicing::Cumulative => {
                Fixes::Cumulative(CumulativeLine::new(catalog, &application, &products))
            }
            Servicing::Packages => {
                Fixes::Packages(PackageLine::new(catalog, &application, &products), 0)
            }
        };
        let with_architecture = |product: ProductIx| {
            let identity = &catalog.product(product).identity;
            let application = identity.application();
            (product, application.and_then(|read| read.architecture))
        };
        Self {
            application,
            products: products.into_iter().map(with_architecture).collect(),
            fixes,
            ended: None,
        }
    }

    /// The products of an installation of this architecture, or of any where it is not told.
    pub(super) fn products(&self, architecture: Option<Architecture>) -> Vec<ProductIx> {
        let fits = |of: &Option<Architecture>| match (of, architecture) {
            (Some(of), Some(own)) => *of == own,
            _ => true,
        };
        let fitting = self.products.iter().filter(|(_, of)| fits(of));
        fitting.map(|(product, _)| *product).collect()
    }
}

/// Puts the packages that are listed alike in one stock.
fn stocks(catalog: &Catalog, lines: &mut [Line]) -> Vec<(ListedAlike, Stock)> {
    let replacements = Replacements::new(catalog);
    let mut kinds: Vec<ListedAlike> = Vec::new();
    let mut packages: Vec<Vec<&mut [Package]>> = Vec::new();
    for line in lines {
        let kind = ListedAlike::of(line.application.family, line.application.release);
        let Fixes::Packages(fixes, stock) = &mut line.fixes else {
            continue;
        };
        *stock = kinds
            .iter()
            .position(|known| *known == kind)
            .unwrap_or(kinds.len());
        if *stock == kinds.len() {
            kinds.push(kind);
            packages.push(Vec::new());
        }
        packages[*stock].push(fixes.packages.as_mut_slice());
    }
    kinds
        .into_iter()
        .zip(packages)
        .map(|(kind, mut lines)| (kind, Stock::new(&replacements, &mut lines)))
        .collect()
}

fn products_of_lines(catalog: &Catalog) -> FxHashMap<Application, Vec<ProductIx>> {
    let mut lines: FxHashMap<Application, Vec<ProductIx>> = FxHashMap::default();
    for at in catalog.all_products() {
        let product = catalog.product(at);
        // Before its day a catalog says nothing of a product.
        if product.exposures.is_empty() {
            continue;
        }
        let application = product.identity.application();
        if let Some(line) = application.and_then(place::line_of_product) {
            lines.entry(line).or_default().push(at);
        }
    }
    lines
}

/// A package's name without service pack speaks of all of them, once there is one: late names
/// leave out what had become the only one supported.
fn spread_over_service_packs(lines: &mut FxHashMap<Application, Vec<ProductIx>>) {
    let bare: Vec<Application> = lines
        .keys()
        .filter(|line| line.service_pack == 0)
        .filter(|line| place::servicing(line) == Servicing::Packages)
        .cloned()
        .collect();
    for line in bare {
        let packs: Vec<Application> = lines
            .keys()
            .filter(|other| other.service_pack > 0)
            .filter(|other| {
                let without = Application {
                    service_pack: 0,
                    ..(*other).clone()
                };
                without == line
            })
            .cloned()
            .collect();
        if packs.is_empty() {
            continue;
        }
        let products = lines.remove(&line).unwrap_or_default();
        for pack in packs {
            lines.entry(pack).or_default().extend(&products);
        }
    }
    for products in lines.values_mut() {
        products.sort_unstable();
    }
}

fn ended(catalog: &Catalog, line: &Line, all: &[Line]) -> Option<Ended> {
    let Fixes::Cumulative(fixes) = &line.fixes else {
        return None;
    };
    let last = fixes.last_day()?;
    let own: FxHashSet<VulnerabilityIx> = vulnerabilities(fixes).collect();
    let mut later: Vec<VulnerabilityIx> = all
        .iter()
        .filter(|other| place::is_newer_line(&other.application, &line.application))
        .filter_map(|other| match &other.fixes {
            Fixes::Cumulative(fixes) => Some(vulnerabilities(fixes)),
            Fixes::Packages(..) => None,
        })
        .flatten()
        .filter(|at| catalog.vulnerability(*at).published > last.plus(ENDED_AFTER))
        .filter(|at| !own.contains(at))
        .collect();
    later.sort_unstable();
    later.dedup();
    (!later.is_empty()).then_some(Ended {
        last,
        vulnerabilities: later,
    })
}

fn vulnerabilities(fixes: &CumulativeLine) -> impl Iterator<Item = VulnerabilityIx> {
    let exposures = fixes.exposures.iter();
    exposures.flat_map(|exposure| exposure.vulnerabilities.iter().copied())
}

#[cfg(test)]
mod tests {
    use kbgap_catalog::{Compiler, document};

    use super::*;
    use crate::application::findings::ApplicationFix;

    /// How the fixes of all lines can be told: the figures of the documentation.
    #[test]
    fn most_fixes_can_be_told_by_version_or_kb() {
        let mut compiler = Compiler::new();
        for (_, bytes) in kbgap_corpus::documents(&kbgap_corpus::cvrf()) {
            compiler.add(document::read(&bytes).unwrap());
        }
        let applications = Applications::new(&compiler.finish().0);
        let (mut version, mut bounded, mut kb, mut nothing) = (0, 0, 0, 0);
        for line in &applications.lines {
            match &line.fixes {
                Fixes::Packages(fixes, _) => {
                    for package in &fixes.packages {
                        match package.fix {
                            ApplicationFix::Update(_) => kb += 1,
                            _ => nothing += 1,
                        }
                    }
                }
                Fixes::Cumulative(fixes) => {
                    for fix in &fixes.fixes {
                        if fix.version.is_some() {
                            version += 1;
                        } else if fix.is_bounded() {
                            bounded += 1;
                        } else if fix.kb.is_some() {
                            kb += 1;
                        } else {
                            nothing += 1;
                        }
                    }
                }
            }
        }
        let told = (applications.lines.len(), version, bounded, kb, nothing);
        // The last are Click-to-Run for the most part, of which the documents state a page, no build.
        assert_eq!(told, (263, 662, 241, 2_119, 366));
    }
}
