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
    Application, Catalog, Day, DocumentIx, FixIx, Kb, ProductIx, UpdateIx, Version, VulnerabilityIx,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cumulative::{FixNo, LineExposure};
use super::findings::{
    ApplicationAbsence, ApplicationFix, ApplicationPresence, ApplicationVerdict, UnknownCause,
};
use super::place;

/// How far apart the numbers of two updates of one package may be to take them for neighbours
/// where several chains could be joined: what Microsoft gives out to Office in about two months.
const NEIGHBOURS: u32 = 60;

/// The updates of one line and what each replaces.
#[derive(Debug)]
pub(super) struct PackageLine {
    pub(super) packages: Vec<Package>,
    pub(super) exposures: Vec<LineExposure>,
}

/// An update of a line.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) fix: ApplicationFix,
    pub(super) kb: Option<Kb>,
    pub(super) version: Option<Version>,
    day: Day,
    document: DocumentIx,
    /// The updates of the line that it replaces, itself included.
    pub(super) brings: FixedBitSet,
    /// Those, and those it may replace.
    pub(super) may_bring: FixedBitSet,
}

/// What the lists of a machine say of a line.
pub(super) struct Lists<'a> {
    /// The listed updates of the line.
    pub(super) listed: &'a [FixNo],
    /// Whether they show updates of this kind at all.
    pub(super) shown: bool,
    /// A listed update of the same application that no document describes.
    pub(super) undescribed: Option<Kb>,
    /// The version that runs, where it is known.
    pub(super) running: Option<Version>,
}

/// Every statement that one update replaces another, over all documents.
pub(super) struct Replacements {
    /// Per update the described ones it replaces.
    described: FxHashMap<UpdateIx, Vec<UpdateIx>>,
    /// Per update the numbers it says it replaces that no document describes.
    undescribed: FxHashMap<UpdateIx, Vec<Kb>>,
    /// The updates that another replaces.
    replaced: FxHashSet<UpdateIx>,
}

impl Replacements {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let mut all = Self {
            described: FxHashMap::default(),
            undescribed: FxHashMap::default(),
            replaced: FxHashSet::default(),
        };
        for fix in catalog.fixes() {
            let Some(newer) = fix.update() else { continue };
            for &kb in &fix.supersedes {
                match catalog.find_update(kb) {
                    // Now and then an update is said to replace itself.
                    Some(older) if older != newer => {
                        all.described.entry(newer).or_default().push(older);
                        all.replaced.insert(older);
                    }
                    Some(_) => {}
                    None => all.undescribed.entry(newer).or_default().push(kb),
                }
            }
        }
        all
    }

    /// Everything an update replaces, directly or through others.
    fn below(&self, update: UpdateIx) -> FxHashSet<UpdateIx> {
        let mut seen = FxHashSet::default();
        let mut open = vec![update];
        while let Some(next) = open.pop() {
            for &older in self.described.get(&next).into_iter().flatten() {
                if seen.insert(older) {
                    open.push(older);
                }
            }
        }
        seen
    }
}

impl PackageLine {
    pub(super) fn new(
        catalog: &Catalog,
        line: &Application,
        products: &[ProductIx],
        replacements: &Replacements,
    ) -> Self {
        let mut packages: Vec<Package> = Vec::new();
        let mut positions: FxHashMap<Result<UpdateIx, FixIx>, FixNo> = FxHashMap::default();
        let mut closings: BTreeMap<VulnerabilityIx, Vec<FixNo>> = BTreeMap::new();
        for &product in products {
            for exposure in &catalog.product(product).exposures {
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
                for (vulnerability, _) in &exposure.vulnerabilities {
                    closings.entry(*vulnerability).or_default();
                }
            }
        }
        join(catalog, &mut packages, replacements);
        let mut by_fixes: BTreeMap<Vec<FixNo>, Vec<VulnerabilityIx>> = BTreeMap::new();
        for (vulnerability, mut fixes) in closings {
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

    /// What is found of each update, in the order of the line.
    pub(super) fn verdicts(&self, lists: &Lists<'_>) -> Vec<ApplicationVerdict> {
        let mut present = FixedBitSet::with_capacity(self.packages.len());
        let mut maybe = FixedBitSet::with_capacity(self.packages.len());
        for &at in lists.listed {
            present.union_with(&self.packages[at as usize].brings);
            maybe.union_with(&self.packages[at as usize].may_bring);
        }
        let numbered = self.packages.iter().enumerate();
        numbered
            .map(|(at, package)| self.verdict(at, package, lists, &present, &maybe))
            .collect()
    }

    fn verdict(
        &self,
        at: usize,
        package: &Package,
        lists: &Lists<'_>,
        present: &FixedBitSet,
        maybe: &FixedBitSet,
    ) -> ApplicationVerdict {
        use ApplicationVerdict::{Missing, Present, Unknown};
        let listed = || {
            lists
                .listed
                .iter()
                .map(|&newer| &self.packages[newer as usize])
        };
        if present.contains(at) {
            if lists.listed.iter().any(|&own| own as usize == at) {
                return Present(ApplicationPresence::Listed);
            }
            let by = listed().find(|newer| newer.brings.contains(at));
            if let Some(kb) = by.and_then(|newer| newer.kb) {
                return Present(ApplicationPresence::BroughtBy(kb));
            }
        }
        if let (Some(installed), Some(fixed)) = (lists.running, package.version) {
            return if place::order(&installed, &fixed).is_ge() {
                Present(ApplicationPresence::Version {
                    installed,
                    fixed,
                    document: package.document,
                })
            } else {
                Missing(ApplicationAbsence::VersionBelow {
                    installed,
                    fixed,
                    document: package.document,
                })
            };
        }
        if maybe.contains(at) {
            let by = listed().find(|newer| newer.may_bring.contains(at));
            if let Some(kb) = by.and_then(|newer| newer.kb) {
                return Unknown(UnknownCause::MayBeBroughtBy(kb));
            }
        }
        let Some(kb) = package.kb else {
            return Unknown(UnknownCause::NoBuildStated);
        };
        if let Some(newer) = lists.undescribed.filter(|newer| *newer > kb) {
            return Unknown(UnknownCause::MayBeBroughtBy(newer));
        }
        if lists.shown {
            Missing(ApplicationAbsence::NotListed {
                document: package.document,
            })
        } else {
            Unknown(UnknownCause::UpdatesNotShown)
        }
    }

    /// Of the updates that close a vulnerability, the one to ask for.
    pub(super) fn newest(&self, of: impl Iterator<Item = FixNo>) -> Option<FixNo> {
        of.max_by_key(|&at| {
            let package = &self.packages[at as usize];
            (package.kb.is_some(), package.day, package.kb)
        })
    }

    /// The updates with a KB.
    pub(super) fn by_kb(&self) -> impl Iterator<Item = (Kb, FixNo)> {
        let numbered = (0..).zip(&self.packages);
        numbered.filter_map(|(at, package)| Some((package.kb?, at)))
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
            document: stated.document,
            brings: FixedBitSet::new(),
            may_bring: FixedBitSet::new(),
        }
    }

    fn update(&self) -> Option<UpdateIx> {
        match self.fix {
            ApplicationFix::Update(update) => Some(update),
            _ => None,
        }
    }
}

/// Works out what each update brings: by the documents' words, and where a chain is broken by
/// a month whose document is not there, by joining its ends.
fn join(catalog: &Catalog, packages: &mut [Package], replacements: &Replacements) {
    let count = packages.len();
    let positions: FxHashMap<UpdateIx, usize> = packages
        .iter()
        .enumerate()
        .filter_map(|(at, package)| Some((package.update()?, at)))
        .collect();
    let mut direct = vec![FixedBitSet::with_capacity(count); count];
    for (at, package) in packages.iter().enumerate() {
        direct[at].insert(at);
        if let Some(update) = package.update() {
            let below = replacements.below(update);
            direct[at].extend(
                below
                    .iter()
                    .filter_map(|older| positions.get(older).copied()),
            );
        }
    }
    let mut possible = direct.clone();
    // The ends of chains: updates that no other is known to replace.
    let mut ends: Vec<usize> = Vec::new();
    let mut order: Vec<usize> = positions.values().copied().collect();
    order.sort_unstable_by_key(|&at| {
        let head = Head::of(&packages[at], replacements);
        (
            packages[at].day,
            std::cmp::Reverse(head.map(|head| head.follows)),
        )
    });
    let mut index = 0;
    while index < order.len() {
        // Updates of one day are of different packages.
        let day = packages[order[index]].day;
        let same_day: Vec<usize> = order[index..]
            .iter()
            .copied()
            .take_while(|&at| packages[at].day == day)
            .collect();
        index += same_day.len();
        for &at in &same_day {
            let Some(head) = Head::of(&packages[at], replacements) else {
                continue;
            };
            let fitting: Vec<usize> = ends
                .iter()
                .copied()
                .filter(|&end| packages[end].kb.is_some_and(|kb| kb < head.follows))
                .collect();
            match head.choose(packages, &fitting) {
                Some(end) => {
                    direct[at].insert(end);
                    ends.retain(|&other| other != end);
                }
                None => possible[at].extend(fitting),
            }
        }
        let is_end = |at: &&usize| {
            let update = packages[**at].update();
            update.is_some_and(|update| !replacements.replaced.contains(&update))
        };
        ends.extend(same_day.iter().filter(is_end));
    }
    for (all, one) in possible.iter_mut().zip(&direct) {
        all.union_with(one);
    }
    let _ = catalog;
    close(&order, &mut direct);
    close(&order, &mut possible);
    for ((package, brings), may_bring) in packages.iter_mut().zip(direct).zip(possible) {
        package.brings = brings;
        package.may_bring = may_bring;
    }
}

/// The first known update of a chain whose older ones are not known.
#[derive(Clone, Copy)]
struct Head {
    /// The number of what it replaces, or else its own: numbers of one package rise.
    follows: Kb,
    /// Whether it says what it replaces.
    says: bool,
}

impl Head {
    fn of(package: &Package, replacements: &Replacements) -> Option<Self> {
        let update = package.update()?;
        if replacements.described.contains_key(&update) {
            return None;
        }
        let said = replacements.undescribed.get(&update);
        match said.and_then(|kbs| kbs.iter().max()) {
            Some(&follows) => Some(Self {
                follows,
                says: true,
            }),
            None => Some(Self {
                follows: package.kb?,
                says: false,
            }),
        }
    }

    /// The end of a chain that this one goes on from, where it can be told.
    fn choose(self, packages: &[Package], fitting: &[usize]) -> Option<usize> {
        if let [only] = fitting {
            return Some(*only);
        }
        let nearest = fitting
            .iter()
            .copied()
            .max_by_key(|&end| packages[end].kb)?;
        let distance = self.follows.number() - packages[nearest].kb?.number();
        (self.says && distance <= NEIGHBOURS).then_some(nearest)
    }
}

/// Adds what the brought ones bring; older ones stand earlier in the order.
fn close(order: &[usize], brings: &mut [FixedBitSet]) {
    for &at in order {
        let mut all = brings[at].clone();
        for below in brings[at].ones().filter(|&below| below != at) {
            all.union_with(&brings[below]);
        }
        brings[at] = all;
    }
}
