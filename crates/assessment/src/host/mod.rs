//! The updates of one Windows product and its components: their servicing lines, and which covers which.

mod links;
mod member;
mod revision;

use fixedbitset::FixedBitSet;
use kbgap_catalog::{
    Catalog, Kb, ProductIx, Version, VulnerabilityIx, WindowsBuild, WindowsProduct,
};
use rustc_hash::FxHashMap;

use crate::evidence::Step;
use crate::line::Line;
use crate::scope::Scope;
use crate::slip::Slip;
use links::{Edge, Linked, Links, closure};
use member::{Gathered, fixes};
pub(crate) use member::{Member, MemberIx};

/// Vulnerabilities of one product that any of the same members closes.
#[derive(Debug)]
pub(crate) struct HostExposure {
    /// Every member that closes them, in order of position.
    pub(crate) closed_by: Vec<MemberIx>,
    /// For each of these, which to ask for: the newest of its line that holds it and fixes this product.
    pub(crate) asked_for: Vec<MemberIx>,
    /// The exposure's place in its product.
    pub(crate) exposure: usize,
}

/// One Windows product with all that is serviced on it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) members: Vec<Member>,
    /// What each member covers: itself, what its line puts below it, what it supersedes, and so on.
    pub(crate) covers: Vec<FixedBitSet>,
    /// Which products can be on a machine of this Windows, and what shows them.
    pub(crate) scope: Scope,
    /// What contradicts itself in the sources.
    pub(crate) slips: Vec<Slip>,
    /// Each step from a member to one it covers directly.
    steps: Vec<Vec<(MemberIx, Step)>>,
    /// The members listed under each number, in order of number.
    by_number: Vec<(Kb, MemberIx)>,
    exposures: FxHashMap<ProductIx, Vec<HostExposure>>,
    /// The build of this Windows, without revision.
    build: Option<WindowsBuild>,
    /// The hotpatches' revisions, in order.
    hotpatch_revisions: Vec<(u32, MemberIx)>,
    /// The cumulative update that a machine must have to be offered the newest hotpatch.
    newest_baseline: Option<MemberIx>,
}

impl Host {
    pub(crate) fn new(catalog: &Catalog, windows: &WindowsProduct) -> Self {
        let products: Vec<ProductIx> = catalog
            .find_windows(windows)
            .iter()
            .chain(catalog.find_components(windows))
            .copied()
            .collect();
        let build = windows
            .build()
            .or_else(|| build_of_most(catalog, catalog.find_windows(windows)));
        let mut gathered = Gathered::new(catalog, &products, windows);
        let drafts = std::mem::take(&mut gathered.drafts);
        let by_number = numbers(catalog, drafts.iter().map(|draft| &draft.member));
        let edges = edges(catalog, &products, &gathered);
        let find = |kb| find(&by_number, kb).collect::<Vec<_>>();
        let pairs: Vec<(MemberIx, MemberIx)> = links::pairs(&edges, &find).collect();
        let cumulative = windows.family.is_cumulative();
        let (members, mut slips) = revision::settle(catalog, drafts, build, cumulative, &pairs);
        let Linked { steps, slips: more } =
            Links::new(catalog, &members).all(&edges, find, cumulative);
        slips.extend(more);
        slips.sort_unstable();
        slips.dedup();
        let covers = closure(&members, &steps);
        let exposures = products
            .iter()
            .map(|&product| {
                let newest = newest_of_line(&members, &covers, product);
                (
                    product,
                    exposures(catalog, product, &gathered, &members, &newest),
                )
            })
            .collect();
        let mut hotpatch_revisions: Vec<(u32, MemberIx)> = members
            .iter()
            .enumerate()
            .filter(|(_, member)| member.line == Line::Hotpatch)
            .filter_map(|(at, member)| Some((member.revision?.ubr, at)))
            .collect();
        hotpatch_revisions.sort_unstable();
        let newest = hotpatch_revisions.last();
        let newest_baseline = newest.and_then(|(_, at)| links::baseline(&members, *at));
        let scope = Scope::new(catalog, windows, &members);
        Self {
            members,
            covers,
            scope,
            slips,
            steps,
            by_number,
            exposures,
            build,
            hotpatch_revisions,
            newest_baseline,
        }
    }

    /// The members listed under a number: one, unless it is that of a .NET Framework rollup.
    pub(crate) fn find(&self, kb: Kb) -> impl Iterator<Item = MemberIx> + '_ {
        find(&self.by_number, kb)
    }

    pub(crate) fn exposures(&self, product: ProductIx) -> &[HostExposure] {
        self.exposures.get(&product).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_on_line(&self, build: &WindowsBuild) -> bool {
        self.build.is_some_and(|own| own.same_line(build))
    }

    /// A revision of this host's build.
    pub(crate) fn at_revision(&self, ubr: u32) -> Option<WindowsBuild> {
        self.build.map(|build| WindowsBuild {
            ubr: Some(ubr),
            ..build
        })
    }

    /// The hotpatch whose revision this is.
    pub(crate) fn hotpatch_of(&self, ubr: u32) -> Option<MemberIx> {
        let at = self
            .hotpatch_revisions
            .partition_point(|(known, _)| *known < ubr);
        let (known, member) = self.hotpatch_revisions.get(at)?;
        (*known == ubr).then_some(*member)
    }

    /// The cumulative update a hotpatch is applied to.
    pub(crate) fn baseline(&self, hotpatch: MemberIx) -> Option<MemberIx> {
        links::baseline(&self.members, hotpatch)
    }

    /// The cumulative update that a machine must have to be offered the newest hotpatch.
    pub(crate) fn newest_baseline(&self) -> Option<MemberIx> {
        self.newest_baseline
    }

    /// The shortest chain of steps from one member down to another.
    pub(crate) fn chain(&self, from: MemberIx, to: MemberIx) -> Vec<Step> {
        let mut came_from: FxHashMap<MemberIx, (MemberIx, &Step)> = FxHashMap::default();
        let mut queue = std::collections::VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            if at == to {
                break;
            }
            for (next, step) in &self.steps[at] {
                if *next != from && !came_from.contains_key(next) {
                    came_from.insert(*next, (at, step));
                    queue.push_back(*next);
                }
            }
        }
        let mut chain = Vec::new();
        let mut at = to;
        while let Some((before, step)) = came_from.get(&at) {
            chain.push((*step).clone());
            at = *before;
        }
        chain.reverse();
        chain
    }
}

fn find(by_number: &[(Kb, MemberIx)], kb: Kb) -> impl Iterator<Item = MemberIx> + '_ {
    let from = by_number.partition_point(|(known, _)| *known < kb);
    by_number[from..]
        .iter()
        .take_while(move |(known, _)| *known == kb)
        .map(|(_, at)| *at)
}

/// Every number with the members listed under it: a member's own, and that of the update it is a package of.
fn numbers<'a>(
    catalog: &Catalog,
    members: impl Iterator<Item = &'a Member>,
) -> Vec<(Kb, MemberIx)> {
    let mut numbers: Vec<(Kb, MemberIx)> = members
        .enumerate()
        .flat_map(|(at, member)| {
            let update = member.update.map(|update| catalog.update(update).kb);
            [Some(member.kb), update]
                .into_iter()
                .flatten()
                .map(move |kb| (kb, at))
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The first three parts of a host's builds, by majority: for a release that is newer than our table.
fn build_of_most(catalog: &Catalog, windows: &[ProductIx]) -> Option<WindowsBuild> {
    let mut votes: FxHashMap<WindowsBuild, usize> = FxHashMap::default();
    for fix in windows.iter().flat_map(|&product| fixes(catalog, product)) {
        let versions = fix.fixed_build.iter().flat_map(|build| &build.versions);
        for build in versions.filter_map(Version::windows_build) {
            let line = WindowsBuild { ubr: None, ..build };
            *votes.entry(line).or_default() += 1;
        }
    }
    votes
        .into_iter()
        .max_by_key(|(line, votes)| (*votes, *line))
        .map(|(line, _)| line)
}

/// What documents say replaces what, on these products.
fn edges(catalog: &Catalog, products: &[ProductIx], gathered: &Gathered) -> Vec<Edge> {
    let mut edges = Vec::new();
    for &product in products {
        for fix in fixes(catalog, product) {
            let key = gathered.key(catalog, product, fix);
            let Some(&newer) = key.and_then(|key| gathered.by_key.get(&key)) else {
                continue;
            };
            edges.extend(fix.supersedes.iter().map(|&older| Edge {
                newer,
                older,
                document: fix.document,
            }));
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// For each member that fixes a product, the newest of its line that holds it and fixes this product too: on
/// a line whose members hold the ones before, only the newest is offered.
fn newest_of_line(
    members: &[Member],
    covers: &[FixedBitSet],
    product: ProductIx,
) -> FxHashMap<MemberIx, MemberIx> {
    let mut fixing: Vec<MemberIx> = (0..members.len())
        .filter(|&at| members[at].products.contains(&product))
        .collect();
    fixing.sort_by_key(|&at| std::cmp::Reverse(members[at].order));
    let newest = |at: MemberIx| {
        let line = members[at].line;
        let holds = |newer: &&MemberIx| {
            let newer = **newer;
            members[newer].line == line
                && covers[newer].contains(at)
                && (newer == at || !members[newer].other_release)
        };
        let newest = fixing
            .iter()
            .find(holds)
            .filter(|_| line.is_offered_by_newest());
        (at, newest.copied().unwrap_or(at))
    };
    fixing.iter().map(|&at| newest(at)).collect()
}

fn exposures(
    catalog: &Catalog,
    product: ProductIx,
    gathered: &Gathered,
    members: &[Member],
    newest: &FxHashMap<MemberIx, MemberIx>,
) -> Vec<HostExposure> {
    let exposures = &catalog.product(product).exposures;
    exposures
        .iter()
        .enumerate()
        .map(|(exposure, stated)| {
            let keys = stated
                .fixes
                .iter()
                .filter_map(|&fix| gathered.key(catalog, product, catalog.fix(fix)));
            let mut closed_by: Vec<MemberIx> = keys
                .filter_map(|key| gathered.by_key.get(&key).copied())
                .collect();
            closed_by.sort_unstable();
            closed_by.dedup();
            let of_stack = |at: &MemberIx| members[*at].line == Line::ServicingStack;
            let is_advisory = |at: &VulnerabilityIx| !catalog.vulnerability(*at).id.is_cve();
            if closed_by.iter().all(of_stack)
                && stated.vulnerabilities.iter().all(|(at, _)| is_advisory(at))
            {
                // The advisory is that the servicing stack is not the latest: each document that has it
                // states the latest of its day, and only that one answers it.
                let latest = closed_by
                    .iter()
                    .copied()
                    .max_by_key(|&at| members[at].order);
                closed_by = latest.into_iter().collect();
            }
            let newest = |at: &MemberIx| newest.get(at).copied().unwrap_or(*at);
            HostExposure {
                asked_for: closed_by.iter().map(newest).collect(),
                closed_by,
                exposure,
            }
        })
        .collect()
}
