//! From what is found of each fix to what is missing and what cannot be told.

use kbgap_catalog::VulnerabilityIx;

use super::assess::Placed;
use super::cumulative::{CumulativeLine, FixNo, LineExposure};
use super::findings::{
    ApplicationAbsence, ApplicationFindings, ApplicationFix, ApplicationInScope,
    ApplicationMissing, ApplicationUnknown, ApplicationVerdict, UnknownCause,
};
use super::index::Fixes;
use super::packages::PackageLine;
use super::replacements::Stock;

impl ApplicationFindings {
    /// Adds what is found of one application.
    pub(super) fn add<'s>(&mut self, placed: &Placed<'_>, stock_of: impl Fn(usize) -> &'s Stock) {
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
        let is_missing = |at: FixNo| absence(placed.verdicts[at as usize]).is_some();
        let brings = |newer: FixNo, older: FixNo| match (
            fixes.packages[newer as usize].node,
            fixes.packages[older as usize].node,
        ) {
            (Some(newer), Some(older)) => stock.brings(newer).contains(older),
            _ => newer == older,
        };
        // Not the update of the vulnerability itself, but the newest of its package.
        let count = FixNo::try_from(fixes.packages.len()).unwrap_or(FixNo::MAX);
        let newest_of_package = |at: FixNo| {
            let newest_first = (at..count).rev();
            newest_first
                .filter(|&newer| is_missing(newer))
                .find(|&newer| brings(newer, at))
        };
        let mut of_vulnerabilities: Vec<FixNo> = open
            .missing
            .iter()
            .filter_map(|exposure| {
                let of = exposure.fixes.iter().copied();
                of.filter(|&at| is_missing(at)).max()
            })
            .collect();
        of_vulnerabilities.sort_unstable();
        of_vulnerabilities.dedup();
        let newest = of_vulnerabilities.into_iter().filter_map(newest_of_package);
        let mut wanted: Vec<FixNo> = newest.collect();
        wanted.sort_unstable_by_key(|&at| (fixes.packages[at as usize].kb, at));
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
        let brought = |older: FixNo| wanted.iter().any(|&newer| brings(newer, older));
        self.unknown(line, placed, open, brought, |of| {
            of.max().map(|at| package(at).fix)
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
        let mut by_cause: Vec<(UnknownCause, Vec<&LineExposure>)> = Vec::new();
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

/// The exposures of a line that no present fix closes.
#[derive(Default)]
struct Open<'a> {
    missing: Vec<&'a LineExposure>,
    unknown: Vec<(UnknownCause, &'a LineExposure)>,
    /// Those of which Microsoft names no fix.
    without_fix: Vec<&'a LineExposure>,
}

impl<'a> Open<'a> {
    fn sort(&mut self, exposures: &'a [LineExposure], verdicts: &[ApplicationVerdict]) {
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

fn vulnerabilities<'a>(exposures: impl Iterator<Item = &'a LineExposure>) -> Vec<VulnerabilityIx> {
    let mut all: Vec<VulnerabilityIx> = exposures
        .flat_map(|exposure| exposure.vulnerabilities.iter().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}
