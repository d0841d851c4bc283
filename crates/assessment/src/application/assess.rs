//! Assesses the applications of one machine.

use kbgap_catalog::{Kb, Version, VulnerabilityIx};

use super::cumulative::{CumulativeLine, FixNo};
use super::findings::{
    ApplicationAbsence, ApplicationFindings, ApplicationFix, ApplicationInScope,
    ApplicationMissing, ApplicationUnknown, ApplicationVerdict, FixFinding, UnknownCause, Unplaced,
};
use super::index::{Applications, Fixes, Line, ListedAlike, Place};
use super::installed::{InstalledApplication, InstalledApplications, ListedUpdate, VersionKind};
use super::packages::{Lists, PackageLine, Reported};
use super::place;
use super::replacements::{Node, Stock};
use crate::state::InstalledUpdates;

/// An application of the machine on its line.
struct Placed<'a> {
    line: &'a Line,
    installed: &'a InstalledApplication,
    verdicts: Vec<ApplicationVerdict>,
    version: Option<Version>,
}

impl Applications {
    /// What the applications of a machine lack.
    ///
    /// `updates` is what the machine lists as installed beside its software.
    pub fn assess(
        &self,
        installed: &InstalledApplications,
        updates: Option<&InstalledUpdates>,
    ) -> ApplicationFindings {
        let mut findings = ApplicationFindings::default();
        let placed = self.place(installed, updates, &mut findings.unplaced);
        for one in &placed {
            findings.add(one, |stock| &self.stocks[stock].1);
        }
        self.name_newer(&placed, &mut findings.missing);
        findings
    }

    /// What is found of every fix of a machine's applications, each for itself, with evidence;
    /// the lines are those of [`ApplicationFindings::scope`].
    pub fn explain(
        &self,
        installed: &InstalledApplications,
        updates: Option<&InstalledUpdates>,
    ) -> Vec<FixFinding> {
        let placed = self.place(installed, updates, &mut Vec::new());
        let of_line = |(line, placed): (usize, &Placed<'_>)| {
            let fixes: Vec<ApplicationFix> = match &placed.line.fixes {
                Fixes::Cumulative(line) => line.fixes.iter().map(|fix| fix.fix).collect(),
                Fixes::Packages(line, _) => line.packages.iter().map(|fix| fix.fix).collect(),
            };
            let found = fixes.into_iter().zip(placed.verdicts.clone());
            found
                .map(|(fix, verdict)| FixFinding { line, fix, verdict })
                .collect::<Vec<_>>()
        };
        placed.iter().enumerate().flat_map(of_line).collect()
    }

    fn place<'a>(
        &'a self,
        installed: &'a InstalledApplications,
        updates: Option<&InstalledUpdates>,
        unplaced: &mut Vec<Unplaced>,
    ) -> Vec<Placed<'a>> {
        let listed = self.listed(installed, updates);
        let is_listed = |kb: Kb| {
            let named = &installed.updates;
            updates.is_some_and(|updates| updates.contains(kb))
                || named.binary_search_by_key(&kb, |update| update.kb).is_ok()
        };
        let mut lists: Vec<Option<Lists<'_>>> = self.stocks.iter().map(|_| None).collect();
        let mut placed = Vec::with_capacity(installed.applications.len());
        for application in &installed.applications {
            let at = place::line_of(application).and_then(|line| {
                self.find(&line, application.version.is_none())
                    .ok_or(UnknownCause::NotInCatalog)
            });
            let comparable = |at: u32| {
                let line = &self.lines[at as usize];
                let version = application.version;
                let on_line =
                    version.is_none_or(|version| place::is_on_line(&line.application, &version));
                if on_line || matches!(line.fixes, Fixes::Packages(..)) {
                    Ok(at)
                } else {
                    Err(UnknownCause::VersionNotComparable)
                }
            };
            let at = match at.and_then(comparable) {
                Ok(at) => at,
                Err(cause) => {
                    unplaced.push(Unplaced {
                        application: application.application.clone(),
                        version: application.version,
                        cause,
                    });
                    continue;
                }
            };
            let line = &self.lines[at as usize];
            let kind = application.version.map_or(VersionKind::Setup, |version| {
                place::kind(&line.application, &version, application.kind)
            });
            let (verdicts, version) = match &line.fixes {
                Fixes::Cumulative(fixes) => {
                    let own = listed.iter().filter_map(|place| match place {
                        Place::Line(of, fix) if *of == at => Some(*fix),
                        _ => None,
                    });
                    let standing = fixes.standing(application.version, kind, own);
                    let verdicts = fixes.verdicts(&line.application, &standing, is_listed);
                    (verdicts, standing.version)
                }
                Fixes::Packages(fixes, stock) => {
                    let lists =
                        lists[*stock].get_or_insert_with(|| self.lists(*stock, installed, &listed));
                    let running = application
                        .version
                        .filter(|_| kind == VersionKind::Running)
                        .filter(|version| place::is_on_line(&line.application, version));
                    let reported = Reported {
                        undescribed: self.undescribed(line, &installed.updates),
                        running,
                    };
                    (fixes.verdicts(lists, &reported), application.version)
                }
            };
            placed.push(Placed {
                line,
                installed: application,
                verdicts,
                version,
            });
        }
        placed
    }

    /// The fixes that the machine lists.
    fn listed(
        &self,
        installed: &InstalledApplications,
        updates: Option<&InstalledUpdates>,
    ) -> Vec<Place> {
        let named = installed.updates.iter().map(|update| update.kb);
        let all = updates.into_iter().flat_map(InstalledUpdates::kbs);
        let mut listed: Vec<Place> = all
            .copied()
            .chain(named)
            .filter_map(|kb| self.by_kb.get(&kb))
            .flatten()
            .copied()
            .collect();
        listed.sort_unstable();
        listed.dedup();
        listed
    }

    /// What the machine lists of a stock.
    fn lists(
        &self,
        stock: usize,
        installed: &InstalledApplications,
        listed: &[Place],
    ) -> Lists<'_> {
        let (kind, packages) = &self.stocks[stock];
        let own: Vec<Node> = listed
            .iter()
            .filter_map(|place| match place {
                Place::Stock(of, node) if *of == stock => Some(*node),
                _ => None,
            })
            .collect();
        let mut named = installed.updates.iter().filter_map(|update| update.of);
        let titled = named.any(|(family, release)| ListedAlike::of(family, release) == *kind);
        Lists::new(packages, own, titled)
    }

    /// An update that a missing one of another line brings is not named: that one is.
    fn name_newer(&self, placed: &[Placed<'_>], missing: &mut Vec<ApplicationMissing>) {
        let of_stock = |missing: &ApplicationMissing| {
            let Fixes::Packages(fixes, stock) = &placed[missing.line].line.fixes else {
                return None;
            };
            let package = fixes
                .packages
                .iter()
                .find(|package| package.fix == missing.fix)?;
            Some((*stock, package.node?))
        };
        let nodes: Vec<Option<(usize, Node)>> = missing.iter().map(of_stock).collect();
        let brings = |(of, newer): (usize, Node), (stock, node): (usize, Node)| {
            let packages: &Stock = &self.stocks[of].1;
            of == stock && newer != node && packages.may_bring(newer).contains(node)
        };
        let newer: Vec<Option<usize>> = nodes
            .iter()
            .map(|own| {
                let own = (*own)?;
                let top = |at: &usize| {
                    nodes[*at].is_some_and(|node| {
                        brings(node, own)
                            && !nodes.iter().flatten().any(|other| brings(*other, node))
                    })
                };
                (0..nodes.len()).find(top)
            })
            .collect();
        for (at, newer) in newer.into_iter().enumerate() {
            if let Some(newer) = newer {
                missing[at].fix = missing[newer].fix;
                missing[at].version = missing[newer].version;
                missing[at].absence = missing[newer].absence;
            }
        }
        let mut at = 0;
        while at < missing.len() {
            let (line, fix) = (missing[at].line, missing[at].fix);
            let first = missing.iter().position(|m| (m.line, m.fix) == (line, fix));
            if first == Some(at) {
                at += 1;
            } else if let Some(first) = first {
                let again = missing.remove(at);
                missing[first].closes.extend(again.closes);
                missing[first].closes.sort_unstable();
                missing[first].closes.dedup();
            }
        }
    }

    /// The newest listed update whose title names the application, but that no document describes.
    fn undescribed(&self, line: &Line, updates: &[ListedUpdate]) -> Option<Kb> {
        let own = (line.application.family, line.application.release);
        updates
            .iter()
            .filter(|update| update.of == Some(own) && !self.by_kb.contains_key(&update.kb))
            .map(|update| update.kb)
            .max()
    }
}

impl ApplicationFindings {
    fn add<'s>(&mut self, placed: &Placed<'_>, stock_of: impl Fn(usize) -> &'s Stock) {
        let line = self.scope.len();
        let mut open = Open::default();
        match &placed.line.fixes {
            Fixes::Cumulative(fixes) => {
                open.sort(&fixes.exposures, &placed.verdicts);
                self.cumulative(line, fixes, placed, &open);
            }
            Fixes::Packages(fixes, stock) => {
                open.sort(&fixes.exposures, &placed.verdicts);
                self.packages(line, fixes, stock_of(*stock), placed, &open);
            }
        }
        if let Some(ended) = &placed.line.ended {
            self.unknown.push(ApplicationUnknown {
                line,
                cause: UnknownCause::LineEnded(ended.last),
                vulnerabilities: ended.vulnerabilities.clone(),
                fix: None,
            });
        }
        self.scope.push(ApplicationInScope {
            application: placed.line.application.clone(),
            version: placed.version,
            products: placed
                .line
                .products(placed.installed.application.architecture),
            open: vulnerabilities(open.missing.iter().copied()),
            without_fix: vulnerabilities(open.without_fix.iter().copied()),
        });
    }

    fn cumulative(
        &mut self,
        line: usize,
        fixes: &CumulativeLine,
        placed: &Placed<'_>,
        open: &Open<'_>,
    ) {
        // The newest brings all: the highest that is missing of those that close something.
        let named = open
            .missing
            .iter()
            .flat_map(|exposure| exposure.fixes.iter().copied())
            .filter(|&at| fixes.fixes[at as usize].can_be_named())
            .filter_map(|at| Some((at, absence(placed.verdicts[at as usize])?)))
            .max_by_key(|(at, _)| *at);
        if let Some((at, absence)) = named {
            let fix = &fixes.fixes[at as usize];
            let brought = open
                .missing
                .iter()
                .filter(|exposure| exposure.fixes.iter().any(|older| *older <= at));
            self.missing.push(ApplicationMissing {
                line,
                fix: fix.fix,
                version: fix.version,
                closes: vulnerabilities(brought.copied()),
                absence,
            });
        }
        let brought = |at: FixNo| named.is_some_and(|(newest, _)| at <= newest);
        self.unknown(line, placed, open, brought, |of| {
            of.max().map(|at| fixes.fixes[at as usize].fix)
        });
    }

    fn packages(
        &mut self,
        line: usize,
        fixes: &PackageLine,
        stock: &Stock,
        placed: &Placed<'_>,
        open: &Open<'_>,
    ) {
        let mut wanted: Vec<FixNo> = open
            .missing
            .iter()
            .filter_map(|exposure| {
                let missing = |at: &FixNo| absence(placed.verdicts[*at as usize]).is_some();
                fixes.newest(exposure.fixes.iter().copied().filter(missing))
            })
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let package = |at: FixNo| &fixes.packages[at as usize];
        let may_bring =
            |newer: FixNo, older: FixNo| match (package(newer).node, package(older).node) {
                (Some(newer), Some(older)) => stock.may_bring(newer).contains(older),
                _ => newer == older,
            };
        let all = wanted.clone();
        wanted.retain(|&at| !all.iter().any(|&newer| newer != at && may_bring(newer, at)));
        for &at in &wanted {
            let Some(absence) = absence(placed.verdicts[at as usize]) else {
                continue;
            };
            let brought = open
                .missing
                .iter()
                .filter(|exposure| exposure.fixes.iter().any(|&older| may_bring(at, older)));
            self.missing.push(ApplicationMissing {
                line,
                fix: package(at).fix,
                version: package(at).version,
                closes: vulnerabilities(brought.copied()),
                absence,
            });
        }
        let brings = |newer: FixNo, older: FixNo| match (package(newer).node, package(older).node) {
            (Some(newer), Some(older)) => stock.brings(newer).contains(older),
            _ => false,
        };
        let brought = |older: FixNo| wanted.iter().any(|&newer| brings(newer, older));
        self.unknown(line, placed, open, brought, |of| {
            fixes.newest(of).map(|at| package(at).fix)
        });
    }

    /// What cannot be told, by its cause; what a named fix brings is of no interest.
    fn unknown(
        &mut self,
        line: usize,
        placed: &Placed<'_>,
        open: &Open<'_>,
        brought: impl Fn(FixNo) -> bool,
        newest: impl Fn(&mut dyn Iterator<Item = FixNo>) -> Option<ApplicationFix>,
    ) {
        let mut by_cause: Vec<(UnknownCause, Vec<&Exposure>)> = Vec::new();
        for &(cause, exposure) in &open.unknown {
            if exposure.fixes.iter().any(|&at| brought(at)) {
                continue;
            }
            match by_cause.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, exposures)) => exposures.push(exposure),
                None => by_cause.push((cause, vec![exposure])),
            }
        }
        by_cause.sort_unstable_by_key(|(cause, _)| *cause);
        for (cause, exposures) in by_cause {
            let mut fixes = exposures
                .iter()
                .flat_map(|exposure| exposure.fixes.iter().copied())
                .filter(|&at| {
                    let found = placed.verdicts[at as usize];
                    found == ApplicationVerdict::Unknown(cause)
                });
            let fix = newest(&mut fixes);
            self.unknown.push(ApplicationUnknown {
                line,
                cause,
                vulnerabilities: vulnerabilities(exposures.into_iter()),
                fix,
            });
        }
    }
}

type Exposure = super::cumulative::LineExposure;

/// The exposures of a line that no present fix closes.
#[derive(Default)]
struct Open<'a> {
    missing: Vec<&'a Exposure>,
    unknown: Vec<(UnknownCause, &'a Exposure)>,
    /// Those of which Microsoft names no fix.
    without_fix: Vec<&'a Exposure>,
}

impl<'a> Open<'a> {
    fn sort(&mut self, exposures: &'a [Exposure], verdicts: &[ApplicationVerdict]) {
        for exposure in exposures {
            let mut missing = false;
            let mut present = false;
            let mut unknown = None;
            for &at in &exposure.fixes {
                match verdicts[at as usize] {
                    ApplicationVerdict::Present(_) => {
                        present = true;
                        break;
                    }
                    ApplicationVerdict::Missing(_) => missing = true,
                    ApplicationVerdict::Unknown(cause) => unknown = Some(cause),
                }
            }
            match (present, unknown, missing) {
                (true, ..) => {}
                (false, Some(cause), _) => self.unknown.push((cause, exposure)),
                (false, None, true) => self.missing.push(exposure),
                (false, None, false) => self.without_fix.push(exposure),
            }
        }
    }
}

fn absence(verdict: ApplicationVerdict) -> Option<ApplicationAbsence> {
    match verdict {
        ApplicationVerdict::Missing(absence) => Some(absence),
        _ => None,
    }
}

fn vulnerabilities<'a>(exposures: impl Iterator<Item = &'a Exposure>) -> Vec<VulnerabilityIx> {
    let mut all: Vec<VulnerabilityIx> = exposures
        .flat_map(|exposure| exposure.vulnerabilities.iter().copied())
        .collect();
    all.sort_unstable();
    all
}
