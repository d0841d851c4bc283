//! Assesses the applications of one machine.

use kbgap_catalog::{Kb, Version};

use super::findings::{
    ApplicationFindings, ApplicationFix, ApplicationMissing, ApplicationVerdict, FixFinding,
    UnknownCause, Unplaced,
};
use super::index::{Applications, Fixes, Line, ListedAlike, Place};
use super::installed::{
    ApplicationGroup, InstalledApplication, InstalledApplications, ListedUpdate, VersionKind,
};
use super::packages::{Lists, Reported};
use super::place;
use super::replacements::{Node, Stock};
use crate::state::InstalledUpdates;

/// An application of the machine on its line.
pub(super) struct Placed<'a> {
    pub(super) line: &'a Line,
    pub(super) installed: &'a InstalledApplication,
    /// What is found of each fix, in the order of the line.
    pub(super) verdicts: Vec<ApplicationVerdict>,
    /// The version reported or proven.
    pub(super) version: Option<Version>,
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

    /// The groups of applications that an update is a fix of.
    pub(crate) fn groups(&self, kb: Kb) -> Vec<ApplicationGroup> {
        let places = self.by_kb.get(&kb).into_iter().flatten();
        let group = |place: &Place| match place {
            Place::Line(line, _) => {
                let line = &self.lines[*line as usize].application;
                ApplicationGroup::of(line.family, line.release)
            }
            Place::Stock(stock, _) => match self.stocks[*stock].0 {
                ListedAlike::Office(_) => ApplicationGroup::Office,
                ListedAlike::Alone(family, release) => ApplicationGroup::of(family, release),
            },
        };
        let mut groups: Vec<ApplicationGroup> = places.map(group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
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
