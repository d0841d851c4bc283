//! Assesses machine states against a catalog.

use std::sync::{Arc, OnceLock};

use fixedbitset::FixedBitSet;
use kbgap_catalog::{Catalog, Kb, ProductIx, UpdateIx, VulnerabilityIx, WindowsProduct};
use rustc_hash::FxHashMap;

use crate::evidence::{Absence, Explanation, Presence, Verdict};
use crate::findings::{
    Findings, Missing, Pending, ProductFindings, Status, Unknown, UnknownReason,
};
use crate::host::{Host, HostExposure, MemberIx};
use crate::line::Line;
use crate::scope::{self, InScope};
use crate::state::{InstalledUpdates, MachineState};

/// Assesses machines against one catalog.
///
/// The servicing lines of a Windows product are worked out when a machine first needs them, and kept.
pub struct Assessor {
    catalog: Arc<Catalog>,
    hosts: FxHashMap<WindowsProduct, OnceLock<Host>>,
}

impl Assessor {
    /// An assessor for a catalog.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let windows = catalog
            .products()
            .iter()
            .filter_map(|product| product.identity.windows());
        let hosts = windows
            .map(|windows| (windows.clone(), OnceLock::new()))
            .collect();
        Self { catalog, hosts }
    }

    /// The catalog assessed against.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What a machine in this state lacks.
    pub fn assess(&self, state: &MachineState) -> Findings {
        self.situation(state)
            .map_or_else(Findings::no_data, |situation| situation.findings())
    }

    /// Why an update is present or missing on a machine in this state; `None` where the update
    /// fixes no product in scope there.
    pub fn explain(&self, state: &MachineState, kb: Kb) -> Option<Explanation> {
        self.situation(state)?.explain(kb)
    }

    fn situation<'a>(&'a self, state: &'a MachineState) -> Option<Situation<'a>> {
        if self.catalog.find_windows(&state.windows).is_empty() {
            return None;
        }
        let host = self
            .hosts
            .get(&state.windows)?
            .get_or_init(|| Host::new(&self.catalog, &state.windows));
        Some(Situation::new(&self.catalog, host, state))
    }
}

/// The track a machine is serviced on, where there are alternatives.
#[derive(Clone, Copy)]
struct Tracks {
    /// By hotpatches between baselines, not by cumulative updates.
    hotpatch: bool,
    /// By security only updates, not by rollups.
    security_only: bool,
}

/// One machine before one catalog: what is in scope and what is covered.
struct Situation<'a> {
    catalog: &'a Catalog,
    host: &'a Host,
    state: &'a MachineState,
    scope: Vec<InScope>,
    tracks: Tracks,
    /// The members that the machine's list or build shows by themselves.
    shown: Vec<MemberIx>,
    /// Every member that these cover.
    covered: FixedBitSet,
    /// Every member that the pending updates cover.
    covered_after_restart: FixedBitSet,
}

/// An exposure that no present update closes.
struct Open<'a> {
    product: usize,
    exposure: &'a HostExposure,
    /// Which update to ask for; `None` where there is none to be asked for.
    wanted: Option<MemberIx>,
}

impl<'a> Situation<'a> {
    fn new(catalog: &'a Catalog, host: &'a Host, state: &'a MachineState) -> Self {
        let installed: Vec<MemberIx> = state
            .installed
            .iter()
            .flat_map(InstalledUpdates::kbs)
            .filter(|kb| !state.pending.contains(kb))
            .filter_map(|kb| host.find(*kb))
            .collect();
        let tracks = tracks(host, state, &installed);
        let mut shown = installed;
        shown.extend(shown_by_build(host, state, tracks));
        shown.sort_unstable();
        shown.dedup();
        let pending = state.pending.iter().filter_map(|kb| host.find(*kb));
        let mut situation = Self {
            catalog,
            host,
            state,
            scope: scope::of_machine(catalog, host, state),
            tracks,
            covered: covered(host, shown.iter().copied()),
            covered_after_restart: covered(host, pending),
            shown,
        };
        situation
            .covered_after_restart
            .difference_with(&situation.covered);
        situation
    }

    fn findings(&self) -> Findings {
        let open = self.open();
        let mut pending: FxHashMap<Kb, Vec<VulnerabilityIx>> = FxHashMap::default();
        let mut unknown: Vec<(MemberIx, UnknownReason)> = Vec::new();
        let mut products = vec![ProductFindings::default(); self.scope.len()];
        let mut wanted: Vec<Vec<MemberIx>> = vec![Vec::new(); self.scope.len()];
        let mut still_open = Vec::new();
        for open in open {
            let closing = |at: &&MemberIx| self.covered_after_restart.contains(**at);
            if let Some(&closing) = open.exposure.closed_by.iter().find(closing) {
                let kb = self.pending_that_covers(closing);
                pending
                    .entry(kb)
                    .or_default()
                    .extend(self.vulnerabilities(&open));
                continue;
            }
            products[open.product]
                .open
                .extend(self.vulnerabilities(&open));
            if let Some(at) = open.wanted {
                match self.absence(at) {
                    Ok(_) => wanted[open.product].push(at),
                    Err(reason) => unknown.push((at, reason)),
                }
                still_open.push(open);
            }
        }
        let mut all: Vec<MemberIx> = Vec::new();
        for (product, wanted) in products.iter_mut().zip(&mut wanted) {
            self.drop_replaced(wanted);
            product.missing = wanted
                .iter()
                .map(|&at| self.host.members[at].update)
                .collect();
            product.open.sort_unstable();
            product.open.dedup();
            all.extend(wanted.iter());
        }
        let asked_for = all.clone();
        self.drop_replaced(&mut all);
        unknown.retain(|(at, _)| {
            !all.iter()
                .any(|&newer| self.host.covers[newer].contains(*at))
        });
        Findings {
            status: Status::Assessed,
            missing: self.missing(&all, &asked_for, &still_open),
            pending: self.pending(&pending),
            unknown: self.unknown(&unknown),
            products,
            scope: self.scope.clone(),
            cut_list: self.state.installed.as_ref().is_some_and(|list| list.cut),
        }
    }

    /// The exposures of products in scope that nothing present closes.
    fn open(&self) -> Vec<Open<'a>> {
        let mut open = Vec::new();
        for (product, in_scope) in self.scope.iter().enumerate() {
            for exposure in self.host.exposures(in_scope.product) {
                if exposure
                    .closed_by
                    .iter()
                    .any(|&at| self.covered.contains(at))
                {
                    continue;
                }
                open.push(Open {
                    product,
                    exposure,
                    wanted: self.choose(&exposure.closed_by),
                });
            }
        }
        open
    }

    /// Of the updates that close an exposure, the one to ask for: by the machine's tracks, then the newest.
    fn choose(&self, closed_by: &[MemberIx]) -> Option<MemberIx> {
        closed_by
            .iter()
            .copied()
            .filter(|&at| self.host.members[at].line.is_demanded())
            .max_by_key(|&at| {
                let member = &self.host.members[at];
                (self.preference(member.line), member.order)
            })
    }

    /// How much an update of a line is preferred over alternatives of others; higher is better.
    fn preference(&self, line: Line) -> u8 {
        match line {
            Line::Hotpatch => {
                if self.tracks.hotpatch {
                    5
                } else {
                    1
                }
            }
            Line::Cumulative => 4,
            Line::MonthlyRollup => {
                if self.tracks.security_only {
                    1
                } else {
                    4
                }
            }
            Line::SecurityOnly | Line::IeCumulative => 2,
            Line::DotNetSecurityOnly => {
                if self.tracks.security_only {
                    4
                } else {
                    2
                }
            }
            _ => 3,
        }
    }

    /// Leaves only those that no other of them covers, in order.
    fn drop_replaced(&self, wanted: &mut Vec<MemberIx>) {
        wanted.sort_unstable();
        wanted.dedup();
        let all = wanted.clone();
        let replaced = |at: MemberIx| {
            all.iter().any(|&newer| {
                let back = self.host.covers[at].contains(newer);
                newer != at && self.host.covers[newer].contains(at) && !(back && newer > at)
            })
        };
        wanted.retain(|&at| !replaced(at));
    }

    fn missing(
        &self,
        named: &[MemberIx],
        asked_for: &[MemberIx],
        open: &[Open<'_>],
    ) -> Vec<Missing> {
        named
            .iter()
            .filter_map(|&at| {
                let member = &self.host.members[at];
                let covers = &self.host.covers[at];
                let mut closes: Vec<VulnerabilityIx> = open
                    .iter()
                    .filter(|open| {
                        open.exposure
                            .closed_by
                            .iter()
                            .any(|&by| covers.contains(by))
                    })
                    .flat_map(|open| self.vulnerabilities(open))
                    .collect();
                closes.sort_unstable();
                closes.dedup();
                let mut replaces: Vec<UpdateIx> = asked_for
                    .iter()
                    .filter(|&&older| older != at && covers.contains(older))
                    .map(|&older| self.host.members[older].update)
                    .collect();
                replaces.sort_unstable();
                replaces.dedup();
                Some(Missing {
                    update: member.update,
                    products: self.in_scope(&member.products),
                    closes,
                    absence: self.absence(at).ok()?,
                    replaces,
                })
            })
            .collect()
    }

    fn pending(&self, found: &FxHashMap<Kb, Vec<VulnerabilityIx>>) -> Vec<Pending> {
        let mut pending: Vec<Pending> = self
            .state
            .pending
            .iter()
            .map(|&kb| {
                let mut closes = found.get(&kb).cloned().unwrap_or_default();
                closes.sort_unstable();
                closes.dedup();
                Pending {
                    kb,
                    update: self.catalog.find_update(kb),
                    closes,
                }
            })
            .collect();
        pending.sort_by_key(|pending| pending.kb);
        pending
    }

    fn unknown(&self, found: &[(MemberIx, UnknownReason)]) -> Vec<Unknown> {
        let mut newest: Vec<MemberIx> = found.iter().map(|(at, _)| *at).collect();
        self.drop_replaced(&mut newest);
        newest
            .into_iter()
            .filter_map(|at| {
                let (_, reason) = found.iter().find(|(known, _)| *known == at)?;
                Some(Unknown {
                    update: self.host.members[at].update,
                    reason: *reason,
                })
            })
            .collect()
    }

    /// Why a member that nothing covers is missing, or what is lacking to tell.
    fn absence(&self, at: MemberIx) -> Result<Absence, UnknownReason> {
        let member = &self.host.members[at];
        let build = self
            .state
            .build
            .filter(|build| build.ubr.is_some() && self.host.is_on_line(build));
        if let (Some(machine), Some((fixed, document)), true) =
            (build, member.build, member.line.is_in_build())
        {
            return Ok(Absence::BuildBelow {
                machine,
                fixed,
                document,
            });
        }
        match (&self.state.installed, build) {
            (Some(list), _) => Ok(Absence::NotListed {
                listed: list.kbs().len(),
                document: self.catalog.update(member.update).home,
            }),
            (None, Some(_)) => Err(UnknownReason::NoUpdateList),
            (None, None) => Err(UnknownReason::NoEvidence),
        }
    }

    fn pending_that_covers(&self, at: MemberIx) -> Kb {
        let covering = self.state.pending.iter().find(|kb| {
            self.host
                .find(**kb)
                .is_some_and(|pending| self.host.covers[pending].contains(at))
        });
        covering.copied().unwrap_or(self.host.members[at].kb)
    }

    fn vulnerabilities(&self, open: &Open<'_>) -> impl Iterator<Item = VulnerabilityIx> + use<'a> {
        let product = self.catalog.product(self.scope[open.product].product);
        product.exposures[open.exposure.exposure]
            .vulnerabilities
            .iter()
            .map(|(at, _)| *at)
    }

    /// Of these products, those in scope, in the order of the scope.
    fn in_scope(&self, products: &[ProductIx]) -> Vec<ProductIx> {
        self.scope
            .iter()
            .map(|in_scope| in_scope.product)
            .filter(|product| products.contains(product))
            .collect()
    }

    fn explain(&self, kb: Kb) -> Option<Explanation> {
        let at = self.host.find(kb)?;
        let member = &self.host.members[at];
        let products = self.in_scope(&member.products);
        if products.is_empty() {
            return None;
        }
        Some(Explanation {
            kb,
            line: member.line,
            products,
            documents: member.documents.clone(),
            verdict: self.verdict(at),
        })
    }

    fn verdict(&self, at: MemberIx) -> Verdict {
        if let Some(presence) = self.presence(at) {
            return Verdict::Present(presence);
        }
        if self.covered_after_restart.contains(at) {
            return Verdict::Pending(self.pending_that_covers(at));
        }
        let absence = match self.absence(at) {
            Ok(absence) => absence,
            Err(reason) => return Verdict::Unknown(reason),
        };
        let findings = self.findings();
        let update = self.host.members[at].update;
        if findings
            .missing
            .iter()
            .any(|missing| missing.update == update)
        {
            return Verdict::Missing(absence);
        }
        let by = findings.missing.iter().find_map(|missing| {
            let kb = self.catalog.update(missing.update).kb;
            let newer = self.host.find(kb)?;
            self.host.covers[newer].contains(at).then_some(kb)
        });
        match by {
            Some(by) => Verdict::Replaced { by, absence },
            None => Verdict::NotNeeded {
                line: self.host.members[at].line,
            },
        }
    }

    /// Why a member is present, the strongest reason first.
    fn presence(&self, at: MemberIx) -> Option<Presence> {
        if !self.covered.contains(at) {
            return None;
        }
        let member = &self.host.members[at];
        let listed = |kb: Kb| {
            self.state
                .installed
                .as_ref()
                .is_some_and(|list| list.contains(kb))
        };
        if listed(member.kb) {
            return Some(Presence::Installed);
        }
        if let (true, Some((fixed, document)), Some(machine)) =
            (self.shown.contains(&at), member.build, self.state.build)
        {
            return Some(Presence::Build {
                machine,
                fixed,
                document,
            });
        }
        // The nearest of those that cover it makes the shortest story.
        let chains = self
            .shown
            .iter()
            .filter(|&&by| self.host.covers[by].contains(at));
        let (by, steps) = chains
            .map(|&by| (by, self.host.chain(by, at)))
            .min_by_key(|(by, steps)| (!listed(self.host.members[*by].kb), steps.len()))?;
        let by = self.host.members[by].kb;
        Some(Presence::Covered {
            by,
            installed: listed(by),
            steps,
        })
    }
}

fn covered(host: &Host, shown: impl Iterator<Item = MemberIx>) -> FixedBitSet {
    let mut covered = FixedBitSet::with_capacity(host.members.len());
    for at in shown {
        covered.union_with(&host.covers[at]);
    }
    covered
}

/// The members that the machine's build shows to be present.
fn shown_by_build<'a>(
    host: &'a Host,
    state: &MachineState,
    tracks: Tracks,
) -> impl Iterator<Item = MemberIx> + use<'a> {
    let build = state.build.filter(|build| host.is_on_line(build));
    let revision = build.and_then(|build| build.ubr);
    host.members
        .iter()
        .enumerate()
        .filter_map(move |(at, member)| {
            let in_build = match member.line {
                // A build between two hotpatches may be a cumulative preview's.
                Line::Hotpatch => tracks.hotpatch,
                line => line.is_in_build() || line == Line::MonthlyRollup,
            };
            let fixed = member
                .build
                .and_then(|(version, _)| version.windows_build())?
                .ubr?;
            (in_build && revision? >= fixed).then_some(at)
        })
}

fn tracks(host: &Host, state: &MachineState, installed: &[MemberIx]) -> Tracks {
    let build = state.build.filter(|build| host.is_on_line(build));
    let on_hotpatch = |at: MemberIx| host.members[at].line == Line::Hotpatch;
    let build_is_hotpatch = || {
        host.members.iter().any(|member| {
            member.line == Line::Hotpatch
                && member
                    .build
                    .and_then(|(version, _)| version.windows_build())
                    == build
                && build.is_some()
        })
    };
    let newest = installed
        .iter()
        .map(|&at| &host.members[at])
        .filter(|member| {
            matches!(
                member.line,
                Line::MonthlyRollup | Line::PreviewRollup | Line::SecurityOnly
            )
        })
        // Of one day the rollup counts: it holds the other.
        .max_by_key(|member| (member.released, member.line != Line::SecurityOnly));
    Tracks {
        hotpatch: installed.iter().any(|&at| on_hotpatch(at)) || build_is_hotpatch(),
        security_only: newest.is_some_and(|member| member.line == Line::SecurityOnly),
    }
}
