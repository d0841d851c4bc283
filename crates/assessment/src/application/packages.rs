//! Lines of packages beside each other: Office as single packages (MSI), `SharePoint`.
//!
//! One month's updates of such an application are several packages, all of one build number, so
//! only the KBs tell which package an update is of: it replaces the older update of its own
//! package, and the documents say which. Where the document of a month in between is not there, the chain
//! is joined again if it can only be joined in one way; where it can be in several, an older update
//! may be brought by a newer one, which is neither present nor missing.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use kbgap_catalog::{
    Application, ApplicationFamily, Catalog, Day, DocumentIx, FixIx, Kb, ProductIx, UpdateIx,
    Version, VulnerabilityIx,
};
use rustc_hash::FxHashMap;

use super::cumulative::{FixNo, LineExposure};
use super::findings::{
    ApplicationAbsence, ApplicationFix, ApplicationPresence, ApplicationVerdict, UnknownCause,
};
use super::place;
use super::replacements::{Node, Stock};

/// How many days after its last update a package still counts as serviced.
const SERVICED_FOR: i32 = 400;

/// The updates of one line.
#[derive(Debug)]
pub(super) struct PackageLine {
    /// The newest last; those without a KB first.
    pub(super) packages: Vec<Package>,
    pub(super) exposures: Vec<LineExposure>,
}

/// An update of a line.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) fix: ApplicationFix,
    pub(super) kb: Option<Kb>,
    pub(super) version: Option<Version>,
    pub(super) day: Day,
    /// The lowest version of the line's later updates, where none is stated of it itself.
    before: Option<Version>,
    /// Its place among all packages that are listed with it.
    pub(super) node: Option<Node>,
    document: DocumentIx,
}

/// What the lists of a machine say of the packages in one stock.
pub(super) struct Lists<'a> {
    stock: &'a Stock,
    listed: Vec<Node>,
    present: FixedBitSet,
    maybe: FixedBitSet,
    /// Whether they show updates of this kind at all.
    shown: bool,
}

/// What a machine reports of one line besides.
pub(super) struct Reported {
    /// A listed update of the same application that no document describes.
    pub(super) undescribed: Option<Kb>,
    /// The version that runs, where it is known.
    pub(super) running: Option<Version>,
}

impl<'a> Lists<'a> {
    /// What these listed packages bring. `titled` tells that the title of a listed update names
    /// an application of the stock.
    pub(super) fn new(stock: &'a Stock, listed: Vec<Node>, titled: bool) -> Self {
        let mut lists = Self {
            stock,
            present: stock.none(),
            maybe: stock.none(),
            shown: titled || !listed.is_empty(),
            listed,
        };
        for &node in &lists.listed {
            lists.present.union_with(stock.brings(node));
            lists.maybe.union_with(stock.may_bring(node));
        }
        lists
    }

    fn presence(&self, node: Node) -> Option<ApplicationPresence> {
        if !self.present.contains(node) {
            return None;
        }
        if self.listed.contains(&node) {
            return Some(ApplicationPresence::Listed);
        }
        let by = self
            .listed
            .iter()
            .find(|&&newer| self.stock.brings(newer).contains(node))?;
        Some(ApplicationPresence::BroughtBy(self.stock.kb(*by)))
    }

    fn possible(&self, node: Node) -> Option<Kb> {
        if !self.maybe.contains(node) {
            return None;
        }
        let may = |newer: &&Node| self.stock.may_bring(**newer).contains(node);
        Some(self.stock.kb(*self.listed.iter().find(may)?))
    }
}

impl PackageLine {
    pub(super) fn new(catalog: &Catalog, line: &Application, products: &[ProductIx]) -> Self {
        let mut packages: Vec<Package> = Vec::new();
        let mut positions: FxHashMap<Result<UpdateIx, FixIx>, FixNo> = FxHashMap::default();
        let mut closings: BTreeMap<VulnerabilityIx, Vec<FixNo>> = BTreeMap::new();
        for &product in products {
            for exposure in &catalog.product(product).exposures {
                for (vulnerability, _) in &exposure.vulnerabilities {
                    closings.entry(*vulnerability).or_default();
                }
                for &at in &exposure.fixes {
                    let key = catalog.fix(at).update().ok_or(at);
                    let next = FixNo::try_from(packages.len()).unwrap_or(FixNo::MAX);
                    let position = *positions.entry(key).or_insert(next);
                    if position == next {
                        packages.push(Package::new(catalog, line, at));
                    }
                    for (vulnerability, _) in &exposure.vulnerabilities {
                        closings.entry(*vulnerability).or_default().push(position);
                    }
                }
            }
        }
        bound(&mut packages);
        let mut by_fixes: BTreeMap<Vec<FixNo>, Vec<VulnerabilityIx>> = BTreeMap::new();
        let new = sort(&mut packages);
        for (vulnerability, fixes) in closings {
            let mut fixes: Vec<FixNo> = fixes.into_iter().map(|old| new[old as usize]).collect();
            fixes.sort_unstable();
            fixes.dedup();
            by_fixes.entry(fixes).or_default().push(vulnerability);
        }
        Self {
            packages,
            exposures: by_fixes
                .into_iter()
                .map(|(fixes, vulnerabilities)| LineExposure {
                    fixes: fixes.into(),
                    vulnerabilities: vulnerabilities.into(),
                })
                .collect(),
        }
    }

    /// Parts vulnerabilities that need several packages into one exposure for each.
    ///
    /// Servers carry both the packages of a month, the one of the program and the one of its
    /// languages, so that both are needed; but only of packages that still get updates, as now and
    /// then a document names one of another product. Of Office any package counts: which of
    /// the shared ones an installation carries cannot be told.
    pub(super) fn part(&mut self, line: &Application, stock: &Stock) {
        use ApplicationFamily as F;
        let both_needed = matches!(
            line.family,
            F::SharePointServer | F::SharePointFoundation | F::ProjectServer
        );
        let Some(last) = self.packages.iter().map(|package| package.day).max() else {
            return;
        };
        if !both_needed {
            return;
        }
        let mut serviced = stock.none();
        for package in &self.packages {
            if let Some(node) = package
                .node
                .filter(|_| package.day.plus(SERVICED_FOR) >= last)
            {
                serviced.union_with(stock.brings(node));
            }
        }
        let is_serviced = |at: &FixNo| {
            let node = self.packages[*at as usize].node;
            node.is_some_and(|node| serviced.contains(node))
        };
        let day = |at: &FixNo| self.packages[*at as usize].day;
        let mut parted = Vec::with_capacity(self.exposures.len());
        for exposure in self.exposures.drain(..) {
            let first = exposure.fixes.iter().map(day).min();
            let (needed, later): (Vec<FixNo>, Vec<FixNo>) = exposure
                .fixes
                .iter()
                .partition(|at| Some(day(at)) == first && is_serviced(at));
            if needed.len() < 2 {
                parted.push(exposure);
                continue;
            }
            let later = later.into_iter().filter(|at| Some(day(at)) != first);
            let later: Vec<FixNo> = later.collect();
            parted.extend(needed.into_iter().map(|one| LineExposure {
                fixes: std::iter::once(one).chain(later.iter().copied()).collect(),
                vulnerabilities: exposure.vulnerabilities.clone(),
            }));
        }
        self.exposures = parted;
    }

    /// What is found of each update, in the order of the line.
    pub(super) fn verdicts(
        &self,
        lists: &Lists<'_>,
        reported: &Reported,
    ) -> Vec<ApplicationVerdict> {
        let all = self.packages.iter();
        all.map(|package| package.verdict(lists, reported))
            .collect()
    }
}

/// Puts packages in order, the one to ask for of several last, and gives the new position of each.
fn sort(packages: &mut Vec<Package>) -> Vec<FixNo> {
    let mut order: Vec<(usize, Package)> = packages.drain(..).enumerate().collect();
    order.sort_by_key(|(_, package)| (package.kb.is_some(), package.day, package.kb));
    let mut new = vec![0; order.len()];
    for (position, (old, package)) in (0..).zip(order) {
        new[old] = position;
        packages.push(package);
    }
    new
}

/// A version that runs contains what came out before it, whatever package that was.
fn bound(packages: &mut [Package]) {
    let dated: Vec<(Day, Version)> = packages
        .iter()
        .filter_map(|package| Some((package.day, package.version?)))
        .collect();
    for package in packages
        .iter_mut()
        .filter(|package| package.version.is_none())
    {
        let later = dated.iter().filter(|(day, _)| *day > package.day);
        package.before = later.map(|(_, version)| *version).min_by(place::order);
    }
}

impl Package {
    fn new(catalog: &Catalog, line: &Application, at: FixIx) -> Self {
        let stated = catalog.fix(at);
        let versions = stated.fixed_build.iter().flat_map(|build| &build.versions);
        Self {
            fix: stated
                .update()
                .map_or(ApplicationFix::Release(at), ApplicationFix::Update),
            kb: stated.update().map(|update| catalog.update(update).kb),
            version: versions
                .filter(|version| place::is_on_line(line, version))
                .max_by(|a, b| place::order(a, b))
                .copied(),
            day: catalog.published(at),
            before: None,
            document: stated.document,
            node: None,
        }
    }

    pub(super) fn update(&self) -> Option<UpdateIx> {
        match self.fix {
            ApplicationFix::Update(update) => Some(update),
            _ => None,
        }
    }

    fn verdict(&self, lists: &Lists<'_>, reported: &Reported) -> ApplicationVerdict {
        use ApplicationVerdict::{Missing, Present, Unknown};
        if let Some(presence) = self.node.and_then(|node| lists.presence(node)) {
            return Present(presence);
        }
        if let (Some(installed), Some(fixed)) = (reported.running, self.version) {
            let document = self.document;
            return if place::order(&installed, &fixed).is_ge() {
                Present(ApplicationPresence::Version {
                    installed,
                    fixed,
                    document,
                })
            } else {
                Missing(ApplicationAbsence::VersionBelow {
                    installed,
                    fixed,
                    document,
                })
            };
        }
        if let (Some(installed), Some(later)) = (reported.running, self.before)
            && place::order(&installed, &later).is_ge()
        {
            return Present(ApplicationPresence::LaterReached { installed, later });
        }
        if let Some(kb) = self.node.and_then(|node| lists.possible(node)) {
            return Unknown(UnknownCause::MayBeBroughtBy(kb));
        }
        let Some(kb) = self.kb else {
            return Unknown(UnknownCause::NoBuildStated);
        };
        if let Some(newer) = reported.undescribed.filter(|newer| *newer > kb) {
            return Unknown(UnknownCause::MayBeBroughtBy(newer));
        }
        if lists.shown {
            Missing(ApplicationAbsence::NotListed {
                document: self.document,
            })
        } else {
            Unknown(UnknownCause::UpdatesNotShown)
        }
    }
}
