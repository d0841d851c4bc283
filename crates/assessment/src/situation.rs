//! One machine before one catalog: what is in scope, what is present, and what is to be asked for.

use fixedbitset::FixedBitSet;
use kbgap_catalog::{Catalog, Kb, ProductIx};

use crate::evidence::{Absence, BuildFact, FactSource, Presence};
use crate::findings::UnknownReason;
use crate::host::{Host, HostExposure, MemberIx};
use crate::line::Line;
use crate::scope::InScope;
use crate::state::{InstalledUpdates, MachineState};
use crate::tracks::Tracks;

/// How far a package's number is from its rollup's at most; most are within a few hundred.
const PACKAGE_DISTANCE: u32 = 8_000;

pub(crate) struct Situation<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) host: &'a Host,
    pub(crate) state: &'a MachineState,
    pub(crate) scope: Vec<InScope>,
    tracks: Tracks,
    /// The members that the machine's list or build shows by themselves.
    shown: Vec<MemberIx>,
    /// Every member that these cover.
    covered: FixedBitSet,
    /// Every member that the pending updates cover, and those do not.
    covered_after_restart: FixedBitSet,
    /// Whether the machine has what the newest hotpatch is applied to.
    baseline_present: bool,
}

impl<'a> Situation<'a> {
    pub(crate) fn new(catalog: &'a Catalog, host: &'a Host, state: &'a MachineState) -> Self {
        let mut shown: Vec<MemberIx> = state
            .installed
            .iter()
            .flat_map(InstalledUpdates::kbs)
            .filter(|kb| !state.pending.contains(kb))
            .flat_map(|kb| host.find(*kb))
            .collect();
        let tracks = Tracks::of(host, state, &shown);
        shown.extend(shown_by_build(host, state, tracks));
        shown.sort_unstable();
        shown.dedup();
        let covered = covered(host, shown.iter().copied());
        let pending = state.pending.iter().flat_map(|kb| host.find(*kb));
        let mut covered_after_restart = self::covered(host, pending);
        covered_after_restart.difference_with(&covered);
        let baseline = host.newest_baseline();
        Self {
            catalog,
            host,
            state,
            scope: host.scope.of_machine(state),
            tracks,
            baseline_present: baseline.is_none_or(|baseline| covered.contains(baseline)),
            shown,
            covered,
            covered_after_restart,
        }
    }

    /// Whether an update that closes this is present.
    pub(crate) fn is_closed(&self, exposure: &HostExposure) -> bool {
        exposure
            .closed_by
            .iter()
            .any(|&at| self.covered.contains(at))
    }

    pub(crate) fn is_present(&self, at: MemberIx) -> bool {
        self.covered.contains(at)
    }

    /// The update that closes this once the machine has restarted.
    pub(crate) fn closed_after_restart(&self, exposure: &HostExposure) -> Option<Kb> {
        let closing = |at: &&MemberIx| self.covered_after_restart.contains(**at);
        let at = exposure.closed_by.iter().find(closing)?;
        self.pending_that_covers(*at)
    }

    pub(crate) fn pending_that_covers(&self, at: MemberIx) -> Option<Kb> {
        if !self.covered_after_restart.contains(at) {
            return None;
        }
        let covers = |kb: &&Kb| {
            let mut pending = self.host.find(**kb);
            pending.any(|pending| self.host.covers[pending].contains(at))
        };
        self.state.pending.iter().find(covers).copied()
    }

    /// Of the updates that close an exposure, the one to ask for: by the machine's tracks, then the newest.
    /// `None` where there is none to be asked for.
    pub(crate) fn choose(&self, exposure: &HostExposure) -> Option<MemberIx> {
        exposure
            .asked_for
            .iter()
            .copied()
            .filter(|&at| {
                let line = self.host.members[at].line;
                line.is_demanded() && (!line.is_hotpatch() || self.tracks.hotpatch)
            })
            .max_by_key(|&at| {
                let member = &self.host.members[at];
                let preference = self.tracks.preference(member.line, self.baseline_present);
                (!member.other_release, preference, member.order)
            })
    }

    /// On a machine serviced by hotpatches or security only updates: the cumulative update or rollup that
    /// alone is stated to close an exposure, though the machine's own track had an update in its place.
    pub(crate) fn alternative_not_stated(&self, exposure: &HostExposure) -> Option<MemberIx> {
        let (whole, part) = if self.tracks.hotpatch && self.baseline_present {
            (Line::Cumulative, Line::Hotpatch)
        } else if self.tracks.security_only {
            (Line::MonthlyRollup, Line::SecurityOnly)
        } else {
            return None;
        };
        let members = &self.host.members;
        let demanded = || {
            let closers = exposure.closed_by.iter().copied();
            closers.filter(|&at| members[at].line.is_demanded())
        };
        // A hotpatch or security only update that closes it is stated then.
        if demanded().any(|at| members[at].line != whole) {
            return None;
        }
        let newest = demanded().max_by_key(|&at| members[at].order)?;
        let since_baseline = self.host.newest_baseline().is_none_or(|baseline| {
            part != Line::Hotpatch || members[newest].order > members[baseline].order
        });
        let replaced = since_baseline
            && members.iter().any(|other| {
                let as_late = other.released >= members[newest].released;
                other.line == part && as_late
            });
        replaced.then_some(newest)
    }

    /// Why a member that nothing covers is missing, or what is lacking to tell.
    pub(crate) fn absence(&self, at: MemberIx) -> Result<Absence, UnknownReason> {
        let member = &self.host.members[at];
        if member.other_image {
            return Err(UnknownReason::OtherImage);
        }
        if member.other_release {
            return Err(UnknownReason::OtherRelease);
        }
        if let Some(fact) = self.build_fact(at) {
            return Ok(Absence::BuildBelow(fact));
        }
        let by_list = |list: &InstalledUpdates| Absence::NotListed {
            listed: list.kbs().len(),
            source: self.stated_in(at),
        };
        let build = self.state.build.filter(|build| build.ubr.is_some());
        match &self.state.installed {
            Some(list) if member.numbers_unknown && self.may_list_a_package(list, member.kb) => {
                Err(UnknownReason::NumbersUnknown)
            }
            Some(list) => Ok(by_list(list)),
            None if build.is_some() => Err(UnknownReason::NoUpdateList),
            None => Err(UnknownReason::NoEvidence),
        }
    }

    /// Whether a list has a number, of no update known, that may be of a package of this one.
    fn may_list_a_package(&self, list: &InstalledUpdates, rollup: Kb) -> bool {
        list.kbs().iter().any(|kb| {
            kb.number().abs_diff(rollup.number()) <= PACKAGE_DISTANCE
                && self.catalog.find_update(*kb).is_none()
                && self.host.find(*kb).next().is_none()
        })
    }

    /// The machine's build beside the one a member brings, where both are known.
    fn build_fact(&self, at: MemberIx) -> Option<BuildFact> {
        let member = &self.host.members[at];
        let machine = self.state.build.filter(|build| {
            build.ubr.is_some() && self.host.is_on_line(build) && tells(member.line)
        })?;
        let revision = member.revision?;
        Some(BuildFact {
            machine,
            fixed: self.host.at_revision(revision.ubr)?,
            source: revision.source,
        })
    }

    /// Where a member is stated to be an update.
    fn stated_in(&self, at: MemberIx) -> FactSource {
        let update = self.host.members[at].update;
        update.map_or(FactSource::ReleaseHistory, |update| {
            FactSource::Document(self.catalog.update(update).home)
        })
    }

    /// Of these products, those in scope, in the order of the scope.
    pub(crate) fn in_scope(&self, products: &[ProductIx]) -> Vec<ProductIx> {
        self.scope
            .iter()
            .map(|in_scope| in_scope.product)
            .filter(|product| products.contains(product))
            .collect()
    }

    /// Why a member is present, the strongest reason first.
    pub(crate) fn presence(&self, at: MemberIx) -> Option<Presence> {
        if !self.covered.contains(at) {
            return None;
        }
        let listed = |at: MemberIx| {
            self.state
                .installed
                .as_ref()
                .is_some_and(|list| self.numbers(at).any(|kb| list.contains(kb)))
        };
        if listed(at) {
            return Some(Presence::Installed);
        }
        if self.shown.contains(&at)
            && let Some(fact) = self.build_fact(at)
        {
            return Some(Presence::Build(fact));
        }
        // The nearest of those that cover it makes the shortest story.
        let chains = self
            .shown
            .iter()
            .filter(|&&by| self.host.covers[by].contains(at));
        let (by, steps) = chains
            .map(|&by| (by, self.host.chain(by, at)))
            .min_by_key(|(by, steps)| (!listed(*by), steps.len()))?;
        Some(Presence::Covered {
            by: self.host.members[by].kb,
            by_build: if listed(by) {
                None
            } else {
                self.build_fact(by)
            },
            steps,
        })
    }

    /// The numbers a member is listed under: its own, and its rollup's.
    fn numbers(&self, at: MemberIx) -> impl Iterator<Item = Kb> {
        let member = &self.host.members[at];
        let update = member.update.map(|update| self.catalog.update(update).kb);
        std::iter::once(member.kb).chain(update)
    }
}

fn covered(host: &Host, shown: impl Iterator<Item = MemberIx>) -> FixedBitSet {
    let mut covered = FixedBitSet::with_capacity(host.members.len());
    for at in shown {
        covered.union_with(&host.covers[at]);
    }
    covered
}

/// Whether the build of Windows tells if an update of this line is present.
fn tells(line: Line) -> bool {
    line.is_in_build() || line == Line::MonthlyRollup
}

/// The members that the machine's build shows to be present.
fn shown_by_build<'a>(
    host: &'a Host,
    state: &MachineState,
    tracks: Tracks,
) -> impl Iterator<Item = MemberIx> + use<'a> {
    let build = state.build.filter(|build| host.is_on_line(build));
    let revision = build.and_then(|build| build.ubr);
    // A hotpatch raises the revision past cumulative updates that are not installed.
    let baseline = tracks
        .at_hotpatch
        .map(|hotpatch| host.baseline(hotpatch).map(|at| host.members[at].order));
    host.members
        .iter()
        .enumerate()
        .filter(move |(_, member)| {
            let reached = member
                .revision
                .zip(revision)
                .is_some_and(|(own, machine)| machine >= own.ubr);
            reached
                && match member.line {
                    // A revision between two hotpatches is a cumulative preview's.
                    line if line.is_hotpatch() => tracks.hotpatch,
                    line => {
                        tells(line)
                            && baseline.is_none_or(|baseline| Some(member.order) <= baseline)
                    }
                }
        })
        .map(|(at, _)| at)
}
