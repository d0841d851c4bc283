//! Assesses the applications of one machine.

use kbgap_catalog::{Kb, Version, VulnerabilityIx};

use super::cumulative::{CumulativeLine, FixNo};
use super::findings::{
    ApplicationAbsence, ApplicationFindings, ApplicationFix, ApplicationInScope,
    ApplicationMissing, ApplicationUnknown, ApplicationVerdict, FixFinding, UnknownCause, Unplaced,
};
use super::index::{Applications, Fixes, Line, LineIx, ListedAlike};
use super::installed::{InstalledApplication, InstalledApplications, ListedUpdate, VersionKind};
use super::packages::{Lists, PackageLine};
use super::place;
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
        for placed in self.place(installed, updates, &mut findings.unplaced) {
            findings.add(&placed);
        }
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
                Fixes::Packages(line) => line.packages.iter().map(|fix| fix.fix).collect(),
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
        let mut placed = Vec::with_capacity(installed.applications.len());
        for application in &installed.applications {
            let at = place::line_of(application).and_then(|line| {
                self.find(&line, application.version.is_none())
                    .ok_or(UnknownCause::NotInCatalog)
            });
            let at = match at {
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
            if let Some(version) = application.version
                && matches!(line.fixes, Fixes::Cumulative(_))
                && !place::is_on_line(&line.application, &version)
            {
                unplaced.push(Unplaced {
                    application: application.application.clone(),
                    version: application.version,
                    cause: UnknownCause::VersionNotComparable,
                });
                continue;
            }
            let own: Vec<FixNo> = listed
                .iter()
                .filter(|(of, _)| *of == at)
                .map(|(_, fix)| *fix)
                .collect();
            let kind = application.version.map_or(VersionKind::Setup, |version| {
                place::kind(&line.application, &version, application.kind)
            });
            let (verdicts, version) = match &line.fixes {
                Fixes::Cumulative(fixes) => {
                    let standing = fixes.standing(application.version, kind, own.into_iter());
                    let verdicts = fixes.verdicts(&line.application, &standing, is_listed);
                    (verdicts, standing.version)
                }
                Fixes::Packages(fixes) => {
                    let running = application
                        .version
                        .filter(|_| kind == VersionKind::Running)
                        .filter(|version| place::is_on_line(&line.application, version));
                    let lists = Lists {
                        listed: &own,
                        shown: self.shows(line, installed, &listed),
                        undescribed: self.undescribed(line, &installed.updates),
                        running,
                    };
                    (fixes.verdicts(&lists), application.version)
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

    /// The fixes that the machine lists, with their lines.
    fn listed(
        &self,
        installed: &InstalledApplications,
        updates: Option<&InstalledUpdates>,
    ) -> Vec<(LineIx, FixNo)> {
        let named = installed.updates.iter().map(|update| update.kb);
        let all = updates.into_iter().flat_map(InstalledUpdates::kbs);
        let mut listed: Vec<(LineIx, FixNo)> = all
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

    /// Whether the lists show updates of an application at all.
    fn shows(
        &self,
        line: &Line,
        installed: &InstalledApplications,
        listed: &[(LineIx, FixNo)],
    ) -> bool {
        let of = |family, release| ListedAlike::of(family, release);
        let own = of(line.application.family, line.application.release);
        let by_kb = listed.iter().any(|(at, _)| {
            let other = &self.lines[*at as usize].application;
            of(other.family, other.release) == own
        });
        let titles = installed.updates.iter().filter_map(|update| update.of);
        by_kb
            || titles
                .into_iter()
                .any(|(family, release)| of(family, release) == own)
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
    fn add(&mut self, placed: &Placed<'_>) {
        let line = self.scope.len();
        let mut open = Open::default();
        match &placed.line.fixes {
            Fixes::Cumulative(fixes) => {
                open.sort(&fixes.exposures, &placed.verdicts);
                self.cumulative(line, fixes, placed, &open);
            }
            Fixes::Packages(fixes) => {
                open.sort(&fixes.exposures, &placed.verdicts);
                self.packages(line, fixes, placed, &open);
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
        let mut all: Vec<VulnerabilityIx> = open.vulnerabilities().collect();
        all.sort_unstable();
        self.scope.push(ApplicationInScope {
            application: placed.line.application.clone(),
            version: placed.version,
            products: placed
                .line
                .products(placed.installed.application.architecture),
            open: all,
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

    fn packages(&mut self, line: usize, fixes: &PackageLine, placed: &Placed<'_>, open: &Open<'_>) {
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
        let all = wanted.clone();
        wanted.retain(|&at| {
            !all.iter()
                .any(|&newer| newer != at && package(newer).may_bring.contains(at as usize))
        });
        for &at in &wanted {
            let Some(absence) = absence(placed.verdicts[at as usize]) else {
                continue;
            };
            let brought = open.missing.iter().filter(|exposure| {
                let by = |older: &FixNo| package(at).may_bring.contains(*older as usize);
                exposure.fixes.iter().any(by)
            });
            self.missing.push(ApplicationMissing {
                line,
                fix: package(at).fix,
                version: package(at).version,
                closes: vulnerabilities(brought.copied()),
                absence,
            });
        }
        let brought = |older: FixNo| {
            wanted
                .iter()
                .any(|&newer| package(newer).brings.contains(older as usize))
        };
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

    fn vulnerabilities(&self) -> impl Iterator<Item = VulnerabilityIx> {
        let open = self.missing.iter().chain(&self.without_fix);
        open.flat_map(|exposure| exposure.vulnerabilities.iter().copied())
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
