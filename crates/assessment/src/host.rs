//! The updates of one Windows product and its components: their servicing lines, and which covers which.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use kbgap_catalog::{
    Catalog, Component, Day, DocumentIx, Fix, Kb, ProductIdentity, ProductIx, UpdateIx, Version,
    WindowsBuild, WindowsProduct,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::evidence::Step;
use crate::line::Line;

/// An update fixing this many vulnerabilities of a Windows 10 or later at once is its
/// cumulative update; those that stand alone fix one or two.
const CUMULATIVE_FIXES: usize = 3;

/// From this day on the servicing stack comes with the cumulative update on every supported release.
const STACK_INCLUDED_FROM: &str = "2021-09-01";

/// A position in [`Host::members`].
pub(crate) type MemberIx = usize;

/// An update of this host.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) update: UpdateIx,
    pub(crate) kb: Kb,
    pub(crate) line: Line,
    pub(crate) released: Day,
    /// The revision it raises the host's build to, and where that is stated.
    pub(crate) build: Option<(Version, DocumentIx)>,
    /// The products of this host it fixes, in order.
    pub(crate) products: Vec<ProductIx>,
    /// The documents that state it as a fix here, in order.
    pub(crate) documents: Vec<DocumentIx>,
    /// Its place among the members whose order the build tells; later is higher.
    pub(crate) order: usize,
}

/// Vulnerabilities of one product that any of the same members closes.
#[derive(Debug)]
pub(crate) struct HostExposure {
    /// Every member that closes them, in order of position.
    pub(crate) closed_by: Vec<MemberIx>,
    /// The exposure's place in its product.
    pub(crate) exposure: usize,
}

/// One Windows product with all that is serviced on it.
#[derive(Debug)]
pub(crate) struct Host {
    /// In order of KB.
    pub(crate) members: Vec<Member>,
    /// What each member covers: itself, what its line puts below it, what it supersedes, and so on.
    pub(crate) covers: Vec<FixedBitSet>,
    /// Each step from a member to one it covers directly.
    steps: Vec<Vec<(MemberIx, Step)>>,
    exposures: FxHashMap<ProductIx, Vec<HostExposure>>,
    /// The build line of the operating system, by most of its fixed builds.
    line: Option<[u32; 3]>,
}

impl Host {
    pub(crate) fn new(catalog: &Catalog, windows: &WindowsProduct) -> Self {
        let products: Vec<ProductIx> = catalog
            .find_windows(windows)
            .iter()
            .chain(catalog.find_components(windows))
            .copied()
            .collect();
        let line = build_line(catalog, catalog.find_windows(windows));
        let mut members = members(catalog, &products, windows, line);
        let cumulative = windows.family.is_cumulative();
        if cumulative {
            single_out_standalone(catalog, &mut members, &products);
        }
        order(&mut members);
        let steps = Links::new(catalog, &members).all(&products, cumulative);
        let covers = closure(&members, &steps);
        let by_update: FxHashMap<UpdateIx, MemberIx> = members
            .iter()
            .enumerate()
            .map(|(at, m)| (m.update, at))
            .collect();
        let exposures = products
            .iter()
            .map(|&product| (product, exposures(catalog, product, &by_update)))
            .collect();
        Self {
            members,
            covers,
            steps,
            exposures,
            line,
        }
    }

    pub(crate) fn find(&self, kb: Kb) -> Option<MemberIx> {
        self.members
            .binary_search_by_key(&kb, |member| member.kb)
            .ok()
    }

    pub(crate) fn exposures(&self, product: ProductIx) -> &[HostExposure] {
        self.exposures.get(&product).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_on_line(&self, build: &WindowsBuild) -> bool {
        self.line == Some([build.major, build.minor, build.build])
    }

    /// The KBs that fix this product and no other of the host.
    pub(crate) fn only_for(&self, product: ProductIx) -> impl Iterator<Item = Kb> + '_ {
        self.members
            .iter()
            .filter(move |member| member.products == [product])
            .map(|member| member.kb)
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

/// The first three parts of a host's builds, by majority: single slips of the feed do not count.
fn build_line(catalog: &Catalog, windows: &[ProductIx]) -> Option<[u32; 3]> {
    let mut votes: BTreeMap<[u32; 3], usize> = BTreeMap::new();
    for &product in windows {
        for exposure in &catalog.product(product).exposures {
            for &fix in &exposure.fixes {
                for build in builds(catalog.fix(fix)) {
                    *votes
                        .entry([build.major, build.minor, build.build])
                        .or_default() += 1;
                }
            }
        }
    }
    votes
        .into_iter()
        .max_by_key(|(_, votes)| *votes)
        .map(|(line, _)| line)
}

fn builds(fix: &Fix) -> impl Iterator<Item = WindowsBuild> + '_ {
    let versions = fix.fixed_build.iter().flat_map(|build| &build.versions);
    versions.filter_map(Version::windows_build)
}

fn members(
    catalog: &Catalog,
    products: &[ProductIx],
    windows: &WindowsProduct,
    line: Option<[u32; 3]>,
) -> Vec<Member> {
    let cumulative = windows.family.is_cumulative();
    let mut members: BTreeMap<Kb, Member> = BTreeMap::new();
    // Whether a member's line comes from the operating system's own row.
    let mut settled: FxHashSet<Kb> = FxHashSet::default();
    for &product in products {
        let identity = &catalog.product(product).identity;
        let is_windows = matches!(identity, ProductIdentity::Windows(_));
        for exposure in &catalog.product(product).exposures {
            for &fix in &exposure.fixes {
                let fix = catalog.fix(fix);
                let Some(update) = fix.update() else { continue };
                let info = catalog.update(update);
                let fix_line = Line::of(identity, &fix.sub_type, cumulative);
                let member = members.entry(info.kb).or_insert_with(|| Member {
                    update,
                    kb: info.kb,
                    line: fix_line,
                    released: info.released,
                    build: None,
                    products: Vec::new(),
                    documents: Vec::new(),
                    order: 0,
                });
                let first_of_windows = is_windows && settled.insert(info.kb);
                if first_of_windows
                    || (is_windows == settled.contains(&info.kb) && fix_line < member.line)
                {
                    member.line = fix_line;
                }
                member.products.push(product);
                member.documents.push(fix.document);
                for version in fix.fixed_build.iter().flat_map(|build| &build.versions) {
                    let on_line = version
                        .windows_build()
                        .is_some_and(|build| line == Some([build.major, build.minor, build.build]));
                    if on_line && member.build.is_none_or(|(known, _)| known < *version) {
                        member.build = Some((*version, fix.document));
                    }
                }
            }
        }
    }
    let mut members: Vec<Member> = members.into_values().collect();
    for member in &mut members {
        member.products.sort_unstable();
        member.products.dedup();
        member.documents.sort_unstable();
        member.documents.dedup();
    }
    members
}

/// Moves what is called a security update but is no cumulative one to its own line.
fn single_out_standalone(catalog: &Catalog, members: &mut [Member], products: &[ProductIx]) {
    let mut proven: FxHashSet<Kb> = members
        .iter()
        .filter(|member| member.line == Line::Cumulative)
        .filter(|member| {
            member.build.is_some()
                || catalog
                    .fixed_by(member.update, products.iter().copied())
                    .len()
                    >= CUMULATIVE_FIXES
        })
        .map(|member| member.kb)
        .collect();
    // An out-of-band update may fix one vulnerability only; it replaces the cumulative update
    // before it, or is replaced by the one after.
    let stated = stated_edges(catalog, products);
    loop {
        let before = proven.len();
        for (newer, older, _) in &stated {
            if proven.contains(newer) || proven.contains(older) {
                let both = [*newer, *older];
                proven.extend(both.into_iter().filter(|kb| {
                    let at = members.binary_search_by_key(kb, |member| member.kb);
                    at.is_ok_and(|at| members[at].line == Line::Cumulative)
                }));
            }
        }
        if proven.len() == before {
            break;
        }
    }
    for member in members {
        if member.line == Line::Cumulative && !proven.contains(&member.kb) {
            member.line = Line::Standalone;
        }
    }
}

/// Puts the members whose order the build tells in that order.
///
/// By revision where it is known; one without takes its place by date, after the highest
/// revision published before it.
fn order(members: &mut [Member]) {
    let mut by_date: Vec<MemberIx> = (0..members.len()).collect();
    by_date.sort_by_key(|&at| (members[at].released, members[at].kb));
    let mut highest = None;
    let mut keyed = Vec::with_capacity(by_date.len());
    for at in by_date {
        let member = &members[at];
        let revision = member.build.map(|(version, _)| version);
        if member.line.is_in_build() {
            highest = highest.max(revision);
        }
        keyed.push((revision.or(highest), member.released, member.kb, at));
    }
    keyed.sort_unstable();
    for (order, (_, _, _, at)) in keyed.into_iter().enumerate() {
        members[at].order = order;
    }
}

/// What documents say replaces what, on these products.
fn stated_edges(catalog: &Catalog, products: &[ProductIx]) -> Vec<(Kb, Kb, DocumentIx)> {
    let mut edges = Vec::new();
    for &product in products {
        for exposure in &catalog.product(product).exposures {
            for &fix in &exposure.fixes {
                let fix = catalog.fix(fix);
                let Some(update) = fix.update() else { continue };
                let newer = catalog.update(update).kb;
                edges.extend(
                    fix.supersedes
                        .iter()
                        .map(|older| (newer, *older, fix.document)),
                );
            }
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Finds the steps from newer members to the older ones they cover.
struct Links<'a> {
    catalog: &'a Catalog,
    members: &'a [Member],
    steps: Vec<Vec<(MemberIx, Step)>>,
}

impl<'a> Links<'a> {
    fn new(catalog: &'a Catalog, members: &'a [Member]) -> Self {
        Self {
            catalog,
            members,
            steps: vec![Vec::new(); members.len()],
        }
    }

    fn all(mut self, products: &[ProductIx], cumulative: bool) -> Vec<Vec<(MemberIx, Step)>> {
        self.stated(products);
        if cumulative {
            self.chain(&[Line::Cumulative, Line::Hotpatch, Line::Optional]);
            self.stack_included();
        } else {
            self.chain(&[Line::MonthlyRollup, Line::PreviewRollup]);
            self.rollup_contents();
        }
        self.chain(&[Line::IeCumulative]);
        self.chain(&[Line::Flash]);
        self.chain(&[Line::ServicingStack]);
        self.dot_net();
        self.steps
    }

    /// Adds what documents state, unless the order of things denies it: an update does not
    /// replace itself or a later one, and a security only update holds no rollup.
    fn stated(&mut self, products: &[ProductIx]) {
        for (newer, older, document) in stated_edges(self.catalog, products) {
            let at = |kb: Kb| self.members.binary_search_by_key(&kb, |member| member.kb);
            let (Ok(newer_at), Ok(older_at)) = (at(newer), at(older)) else {
                continue;
            };
            let (newer, older) = (&self.members[newer_at], &self.members[older_at]);
            let backwards = newer.released < older.released
                || (newer.line.is_in_build()
                    && older.line.is_in_build()
                    && newer.order < older.order);
            let partial = matches!(
                newer.line,
                Line::SecurityOnly | Line::IeCumulative | Line::DotNetSecurityOnly
            );
            let whole = matches!(
                older.line,
                Line::MonthlyRollup | Line::PreviewRollup | Line::SecurityOnly | Line::DotNet
            );
            if newer_at != older_at && !backwards && !(partial && whole) {
                let older = older.kb;
                self.add(newer_at, older_at, Step::Supersedes { older, document });
            }
        }
    }

    /// Each member of these lines covers the one before it.
    fn chain(&mut self, lines: &[Line]) {
        let on_line = self.on_lines(lines);
        for pair in on_line.windows(2) {
            self.add_earlier(pair[1], pair[0]);
        }
    }

    /// Members of these lines, earliest first.
    fn on_lines(&self, lines: &[Line]) -> Vec<MemberIx> {
        let mut found: Vec<MemberIx> = (0..self.members.len())
            .filter(|&at| lines.contains(&self.members[at].line))
            .collect();
        found.sort_by_key(|&at| self.members[at].order);
        found
    }

    /// A rollup holds the security only and Internet Explorer updates up to its day, and the
    /// single updates from before there were rollups.
    fn rollup_contents(&mut self) {
        let rollups = self.on_lines(&[Line::MonthlyRollup, Line::PreviewRollup]);
        let Some(first) = rollups.first().map(|&at| self.members[at].released) else {
            return;
        };
        for at in self.on_lines(&[Line::SecurityOnly, Line::IeCumulative, Line::Single]) {
            let held = &self.members[at];
            if held.line == Line::Single && held.released >= first {
                continue;
            }
            let holder = rollups
                .iter()
                .find(|&&rollup| self.members[rollup].released >= held.released);
            if let Some(&holder) = holder {
                self.add_earlier(holder, at);
            }
        }
    }

    fn stack_included(&mut self) {
        let Ok(from) = STACK_INCLUDED_FROM.parse::<Day>() else {
            return;
        };
        let stacks = self.on_lines(&[Line::ServicingStack]);
        for at in self.on_lines(&[Line::Cumulative]) {
            if self.members[at].released >= from {
                for &stack in &stacks {
                    if self.members[stack].released <= self.members[at].released {
                        self.add_earlier(at, stack);
                    }
                }
            }
        }
    }

    /// A .NET Framework update covers an earlier one where it serves all that one's versions:
    /// `3.5 AND 4.8` serves `4.8`, though the feed has them as two products.
    fn dot_net(&mut self) {
        let updates = self.on_lines(&[Line::DotNet, Line::DotNetSecurityOnly]);
        let versions: Vec<BTreeSet<&str>> = updates
            .iter()
            .map(|&at| dot_net_versions(self.catalog, &self.members[at].products))
            .collect();
        for (position, &newer) in updates.iter().enumerate() {
            if self.members[newer].line != Line::DotNet {
                continue;
            }
            let day = self.members[newer].released;
            for (other, &older) in updates.iter().enumerate() {
                let before = match self.members[older].line {
                    Line::DotNet => other < position,
                    _ => self.members[older].released <= day,
                };
                if before && versions[other].is_subset(&versions[position]) {
                    self.add_earlier(newer, older);
                }
            }
        }
    }

    fn add_earlier(&mut self, newer: MemberIx, older: MemberIx) {
        let step = Step::EarlierOnLine {
            older: self.members[older].kb,
            line: self.members[newer].line,
        };
        self.add(newer, older, step);
    }

    fn add(&mut self, newer: MemberIx, older: MemberIx, step: Step) {
        if !self.steps[newer].iter().any(|(known, _)| *known == older) {
            self.steps[newer].push((older, step));
        }
    }
}

/// The .NET Framework versions that some products stand for.
fn dot_net_versions<'c>(catalog: &'c Catalog, products: &[ProductIx]) -> BTreeSet<&'c str> {
    let identities = products
        .iter()
        .map(|&product| &catalog.product(product).identity);
    identities
        .filter_map(|identity| match identity {
            ProductIdentity::OnWindows {
                component: Component::DotNetFramework(versions),
                ..
            } => Some(versions.each()),
            _ => None,
        })
        .flatten()
        .collect()
}

/// What each member covers, over any number of steps.
fn closure(members: &[Member], steps: &[Vec<(MemberIx, Step)>]) -> Vec<FixedBitSet> {
    let mut covers: Vec<FixedBitSet> = (0..members.len())
        .map(|at| {
            let mut own = FixedBitSet::with_capacity(members.len());
            own.insert(at);
            own
        })
        .collect();
    let mut in_order: Vec<MemberIx> = (0..members.len()).collect();
    in_order.sort_by_key(|&at| (members[at].released, members[at].order));
    // In this order nearly every step leads to a finished set; the rest settle in another pass.
    loop {
        let mut changed = false;
        for &at in &in_order {
            for (older, _) in &steps[at] {
                if !covers[*older].is_subset(&covers[at]) {
                    let held = covers[*older].clone();
                    covers[at].union_with(&held);
                    changed = true;
                }
            }
        }
        if !changed {
            return covers;
        }
    }
}

fn exposures(
    catalog: &Catalog,
    product: ProductIx,
    by_update: &FxHashMap<UpdateIx, MemberIx>,
) -> Vec<HostExposure> {
    let exposures = &catalog.product(product).exposures;
    exposures
        .iter()
        .enumerate()
        .map(|(exposure, stated)| {
            let updates = stated
                .fixes
                .iter()
                .filter_map(|&fix| catalog.fix(fix).update());
            let mut closed_by: Vec<MemberIx> = updates
                .filter_map(|update| by_update.get(&update).copied())
                .collect();
            closed_by.sort_unstable();
            closed_by.dedup();
            HostExposure {
                closed_by,
                exposure,
            }
        })
        .collect()
}
