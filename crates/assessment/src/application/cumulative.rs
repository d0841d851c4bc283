//! Lines on which each update brings all before it: the installed version tells what is present.

use std::cmp::Ordering;

use kbgap_catalog::{
    Application, Catalog, Day, DocumentIx, FixIx, FixTarget, Kb, ProductIx, Version,
    VulnerabilityIx,
};
use rustc_hash::FxHashMap;

use super::findings::{
    ApplicationAbsence, ApplicationFix, ApplicationPresence, ApplicationVerdict, UnknownCause,
};
use super::installed::VersionKind;
use super::place;

/// A fix's position in its line.
pub(super) type FixNo = u32;

/// The fixes of one line, oldest first.
#[derive(Debug)]
pub(super) struct CumulativeLine {
    /// In order of what they bring the application to.
    pub(super) fixes: Vec<LineFix>,
    /// What is open unless one of these fixes is present.
    pub(super) exposures: Vec<LineExposure>,
    /// The highest version a document states.
    newest: Option<Version>,
}

/// A fix of a line.
#[derive(Debug, Clone)]
pub(super) struct LineFix {
    pub(super) fix: ApplicationFix,
    pub(super) kb: Option<Kb>,
    /// The version from which it is present, where the documents state one of this line.
    pub(super) version: Option<Version>,
    /// The highest version of the fixes that came out before it: what is below lacks it too.
    after: Option<Version>,
    /// The lowest version of the fixes that came out after it: what is not below has it too.
    before: Option<Version>,
    pub(super) day: Day,
    document: DocumentIx,
    /// Where a document states it.
    stated: FixIx,
}

/// Vulnerabilities that the same fixes close.
#[derive(Debug)]
pub(super) struct LineExposure {
    pub(super) fixes: Box<[FixNo]>,
    pub(super) vulnerabilities: Box<[VulnerabilityIx]>,
}

/// An installation on a line, with what its listed updates prove.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) version: Option<Version>,
    kind: VersionKind,
    /// The newest listed update of the line.
    listed: Option<(Day, Kb)>,
}

impl LineFix {
    /// The order of what fixes bring: by version, else by the version that was there before.
    fn rank(&self, other: &Self) -> Ordering {
        let bound = |fix: &Self| fix.version.or(fix.after);
        let by_version = match (bound(self), bound(other)) {
            (Some(a), Some(b)) => place::order(&a, &b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        by_version
            .then(self.day.cmp(&other.day))
            .then(self.version.is_some().cmp(&other.version.is_some()))
            .then(self.fix.cmp(&other.fix))
    }

    /// Whether fixes before or after it tell something, where none is stated of it itself.
    #[cfg(test)]
    pub(super) fn is_bounded(&self) -> bool {
        self.after.is_some() || self.before.is_some()
    }

    /// Whether there is something to install by: a KB, or a version to reach.
    pub(super) fn can_be_named(&self) -> bool {
        !matches!(self.fix, ApplicationFix::Release(_))
    }
}

impl CumulativeLine {
    pub(super) fn new(catalog: &Catalog, line: &Application, products: &[ProductIx]) -> Self {
        let mut building = Building::default();
        for &product in products {
            for exposure in &catalog.product(product).exposures {
                let mut fixes: Vec<usize> = exposure
                    .fixes
                    .iter()
                    .map(|&fix| building.fix(catalog, line, fix))
                    .collect();
                fixes.sort_unstable();
                fixes.dedup();
                let vulnerabilities = exposure.vulnerabilities.iter().map(|(v, _)| *v);
                for vulnerability in vulnerabilities {
                    let all = building.closings.entry(vulnerability).or_default();
                    all.extend(&fixes);
                }
            }
        }
        building.finish()
    }

    /// Where an installation stands: its reported version, raised by what its listed updates prove.
    pub(super) fn standing(
        &self,
        version: Option<Version>,
        kind: VersionKind,
        listed: impl Iterator<Item = FixNo>,
    ) -> Standing {
        let mut standing = Standing {
            version,
            kind,
            listed: None,
        };
        for at in listed {
            let fix = &self.fixes[at as usize];
            if let Some(kb) = fix.kb {
                standing.listed = standing.listed.max(Some((fix.day, kb)));
            }
            standing.version = match (standing.version, fix.version) {
                (Some(own), Some(proven)) if place::order(&proven, &own).is_gt() => Some(proven),
                (own, proven) => own.or(proven),
            };
        }
        standing
    }

    /// What is found of each fix, in order.
    pub(super) fn verdicts(
        &self,
        line: &Application,
        standing: &Standing,
        is_listed: impl Fn(Kb) -> bool,
    ) -> Vec<ApplicationVerdict> {
        let of = |fix: &LineFix| self.verdict(line, standing, fix, &is_listed);
        self.fixes.iter().map(of).collect()
    }

    fn verdict(
        &self,
        line: &Application,
        standing: &Standing,
        fix: &LineFix,
        is_listed: &impl Fn(Kb) -> bool,
    ) -> ApplicationVerdict {
        use ApplicationVerdict::{Missing, Present, Unknown};
        if fix.kb.is_some_and(is_listed) {
            return Present(ApplicationPresence::Listed);
        }
        if let Some(installed) = standing.version {
            let reached = |version: &Version| place::order(&installed, version).is_ge();
            if let Some(fixed) = fix.version.filter(reached) {
                return Present(ApplicationPresence::Version {
                    installed,
                    fixed,
                    document: fix.document,
                });
            }
            if fix.version.is_none()
                && let Some(later) = fix.before.filter(reached)
            {
                return Present(ApplicationPresence::LaterReached { installed, later });
            }
        }
        if let Some((_, kb)) = standing.listed.filter(|(day, _)| fix.day < *day) {
            return Present(ApplicationPresence::BroughtBy(kb));
        }
        let Some(installed) = standing.version else {
            return Unknown(UnknownCause::NoVersion);
        };
        let absence = match (fix.version, fix.after) {
            (Some(fixed), _) => ApplicationAbsence::VersionBelow {
                installed,
                fixed,
                document: fix.document,
            },
            (None, Some(earlier)) if place::order(&installed, &earlier).is_lt() => {
                ApplicationAbsence::EarlierNotReached {
                    installed,
                    earlier,
                    document: fix.document,
                }
            }
            _ => return Unknown(UnknownCause::NoBuildStated),
        };
        match (standing.kind, standing.listed) {
            (VersionKind::Running, _) => {
                if self.may_be_on_other_channel(line, &installed, fix.version) {
                    Unknown(UnknownCause::ChannelNotTold)
                } else {
                    Missing(absence)
                }
            }
            (VersionKind::Setup, Some(_)) => Missing(ApplicationAbsence::NotListed {
                document: fix.document,
            }),
            (VersionKind::Setup, None) => Unknown(UnknownCause::VersionOfSetup),
        }
    }

    /// Extended Stable stays on even numbers of Edge for eight weeks, while Stable goes on to
    /// the next. The list names both alike.
    fn may_be_on_other_channel(
        &self,
        line: &Application,
        installed: &Version,
        fixed: Option<Version>,
    ) -> bool {
        if line.family != kbgap_catalog::ApplicationFamily::Edge {
            return false;
        }
        let first = |version: &Version| version.parts()[0];
        let own = first(installed);
        let newest = self.newest.as_ref().map_or(own, first);
        let next = fixed.as_ref().is_none_or(|fixed| first(fixed) > own);
        own.is_multiple_of(2) && next && newest <= own + 1
    }

    /// The day of the newest fix.
    pub(super) fn last_day(&self) -> Option<Day> {
        self.fixes.iter().map(|fix| fix.day).max()
    }

    /// The fixes with a KB.
    pub(super) fn by_kb(&self) -> impl Iterator<Item = (Kb, FixNo)> {
        let numbered = (0..).zip(&self.fixes);
        numbered.filter_map(|(at, fix)| Some((fix.kb?, at)))
    }
}

#[derive(Default)]
struct Building {
    fixes: Vec<LineFix>,
    positions: FxHashMap<FixKey, usize>,
    closings: std::collections::BTreeMap<VulnerabilityIx, Vec<usize>>,
}

/// What makes two statements one fix of a line.
#[derive(PartialEq, Eq, Hash)]
enum FixKey {
    Kb(Kb),
    /// Without a KB, the version and the document.
    Version(Version, DocumentIx),
    Release(FixIx),
}

impl Building {
    fn fix(&mut self, catalog: &Catalog, line: &Application, at: FixIx) -> usize {
        let stated = catalog.fix(at);
        let versions = stated.fixed_build.iter().flat_map(|build| &build.versions);
        let version = versions
            .filter(|version| place::is_on_line(line, version))
            .max_by(|a, b| place::order(a, b))
            .copied();
        let (fix, kb, key) = match (&stated.target, version) {
            (FixTarget::Update(update), _) => {
                let kb = catalog.update(*update).kb;
                (ApplicationFix::Update(*update), Some(kb), FixKey::Kb(kb))
            }
            (FixTarget::Named(_), Some(version)) => (
                ApplicationFix::Version(version),
                None,
                FixKey::Version(version, stated.document),
            ),
            (FixTarget::Named(_), None) => (ApplicationFix::Release(at), None, FixKey::Release(at)),
        };
        let position = *self.positions.entry(key).or_insert_with(|| {
            self.fixes.push(LineFix {
                fix,
                kb,
                version,
                after: None,
                before: None,
                day: catalog.published(at),
                document: stated.document,
                stated: at,
            });
            self.fixes.len() - 1
        });
        let known = &mut self.fixes[position];
        known.version = match (known.version, version) {
            (Some(a), Some(b)) if place::order(&b, &a).is_gt() => Some(b),
            (known, version) => known.or(version),
        };
        position
    }

    fn finish(mut self) -> CumulativeLine {
        self.distrust_slips();
        self.bound();
        let mut order: Vec<usize> = (0..self.fixes.len()).collect();
        order.sort_unstable_by(|&a, &b| self.fixes[a].rank(&self.fixes[b]));
        let mut new = vec![0; order.len()];
        for (position, &old) in (0..).zip(&order) {
            new[old] = position;
        }
        let mut by_fixes: std::collections::BTreeMap<Box<[FixNo]>, Vec<VulnerabilityIx>> =
            std::collections::BTreeMap::new();
        for (vulnerability, fixes) in self.closings {
            let mut fixes: Vec<FixNo> = fixes.into_iter().map(|old| new[old]).collect();
            fixes.sort_unstable();
            fixes.dedup();
            by_fixes
                .entry(fixes.into())
                .or_default()
                .push(vulnerability);
        }
        CumulativeLine {
            newest: self
                .fixes
                .iter()
                .filter_map(|fix| fix.version)
                .max_by(place::order),
            exposures: by_fixes
                .into_iter()
                .map(|(fixes, vulnerabilities)| LineExposure {
                    fixes,
                    vulnerabilities: vulnerabilities.into(),
                })
                .collect(),
            fixes: order
                .into_iter()
                .map(|old| self.fixes[old].clone())
                .collect(),
        }
    }

    /// A version above that of the newest fix of the line is of another product, or mistyped.
    fn distrust_slips(&mut self) {
        let newest = self
            .fixes
            .iter()
            .filter_map(|fix| Some((fix.day, fix.version?)))
            .max_by(|(a, x), (b, y)| a.cmp(b).then_with(|| place::order(x, y)));
        let Some((day, newest)) = newest else {
            return;
        };
        for fix in &mut self.fixes {
            let above = |version: &Version| place::order(version, &newest).is_gt();
            if fix.day < day && fix.version.as_ref().is_some_and(above) {
                fix.version = None;
                if fix.kb.is_none() {
                    fix.fix = ApplicationFix::Release(fix.stated);
                }
            }
        }
    }

    /// Where no version is stated, the fixes before and after still tell something.
    fn bound(&mut self) {
        let dated: Vec<(Day, Version)> = self
            .fixes
            .iter()
            .filter_map(|fix| Some((fix.day, fix.version?)))
            .collect();
        for fix in self.fixes.iter_mut().filter(|fix| fix.version.is_none()) {
            let versions = |side: Ordering| {
                let day = fix.day;
                dated
                    .iter()
                    .filter(move |(other, _)| other.cmp(&day) == side)
                    .map(|(_, version)| *version)
            };
            fix.after = versions(Ordering::Less).max_by(place::order);
            fix.before = versions(Ordering::Greater).min_by(place::order);
        }
    }
}
