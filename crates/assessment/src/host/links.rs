//! Which update covers which: the steps between members, from documents and from order on lines.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;
use kbgap_catalog::{Catalog, Component, Day, DocumentIx, Kb, ProductIdentity, ProductIx};

use super::member::{Member, MemberIx};
use crate::evidence::{OrderedBy, Step};
use crate::line::Line;
use crate::slip::{Slip, SlipKind, Stated};

/// From this day on the servicing stack comes with the cumulative update of every supported release, or
/// is what that update requires.
const STACK_INCLUDED_FROM: &str = "2021-09-01";

/// The months whose cumulative update is the baseline of the hotpatches after it: Microsoft's hotpatch
/// calendar.
const BASELINE_MONTHS: [i8; 4] = [1, 4, 7, 10];

/// Something a document says replaces something, on the products of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) newer: MemberIx,
    pub(super) older: Kb,
    pub(super) document: DocumentIx,
}

/// The members that edges join, the newer first.
pub(super) fn pairs(
    edges: &[Edge],
    find: &impl Fn(Kb) -> Vec<MemberIx>,
) -> impl Iterator<Item = (MemberIx, MemberIx)> {
    edges.iter().flat_map(move |edge| {
        let older = find(edge.older).into_iter();
        older.map(|older| (edge.newer, older))
    })
}

/// Finds the steps from newer members to the older ones they cover.
pub(super) struct Links<'a> {
    catalog: &'a Catalog,
    members: &'a [Member],
    steps: Vec<Vec<(MemberIx, Step)>>,
    slips: Vec<Slip>,
}

/// What links make of members.
pub(super) struct Linked {
    pub(super) steps: Vec<Vec<(MemberIx, Step)>>,
    pub(super) slips: Vec<Slip>,
}

impl<'a> Links<'a> {
    pub(super) fn new(catalog: &'a Catalog, members: &'a [Member]) -> Self {
        Self {
            catalog,
            members,
            steps: vec![Vec::new(); members.len()],
            slips: Vec::new(),
        }
    }

    pub(super) fn all(
        mut self,
        edges: &[Edge],
        find: impl Fn(Kb) -> Vec<MemberIx>,
        cumulative: bool,
    ) -> Linked {
        self.stated(edges, &find);
        if cumulative {
            self.chain(&[Line::Cumulative, Line::Optional]);
            self.hotpatches();
            self.stack_included();
        } else {
            self.chain(&[Line::MonthlyRollup, Line::PreviewRollup]);
            self.rollup_contents();
        }
        self.chain(&[Line::IeCumulative]);
        self.chain(&[Line::Flash]);
        self.chain(&[Line::ServicingStack]);
        self.dot_net();
        self.forks(edges, &find);
        Linked {
            steps: self.steps,
            slips: self.slips,
        }
    }

    /// Adds what documents state, unless the order of things denies it: an update does not
    /// replace itself or a later one, and a security only update holds no rollup.
    fn stated(&mut self, edges: &[Edge], find: &impl Fn(Kb) -> Vec<MemberIx>) {
        for edge in edges {
            let newer = &self.members[edge.newer];
            let slip = |kind| Slip {
                kind,
                kb: newer.kb,
                stated: Stated::Update(edge.older),
                document: Some(edge.document),
            };
            let targets = find(edge.older);
            if edge.older == newer.kb {
                self.slips.push(slip(SlipKind::ReplacesItself));
                continue;
            }
            if targets.is_empty() {
                let kind = match self.catalog.find_update(edge.older) {
                    Some(_) => SlipKind::ReplacesOtherProducts,
                    None => SlipKind::ReplacesUnknown,
                };
                self.slips.push(slip(kind));
                continue;
            }
            for older_at in targets {
                let older = &self.members[older_at];
                if older_at == edge.newer || !self.may_hold(newer, older) {
                    continue;
                }
                if is_backwards(newer, older) {
                    self.slips.push(slip(SlipKind::ReplacesLater));
                    continue;
                }
                let step = Step::Supersedes {
                    older: older.kb,
                    document: edge.document,
                };
                self.add(edge.newer, older_at, step);
            }
        }
        for (at, member) in self.members.iter().enumerate() {
            let is_first = member.line == Line::Cumulative
                && !self.members.iter().any(|other| {
                    other.line == Line::Cumulative
                        && other.update.is_some()
                        && other.order < member.order
                });
            let silent = member.update.is_some()
                && matches!(member.line, Line::Cumulative | Line::MonthlyRollup)
                && !is_first
                && !edges.iter().any(|edge| edge.newer == at);
            if silent {
                self.slips.push(Slip {
                    kind: SlipKind::ReplacesNothing,
                    kb: member.kb,
                    stated: Stated::Nothing,
                    document: member.documents.first().copied(),
                });
            }
        }
    }

    /// Whether one update can hold another at all, whatever is stated.
    fn may_hold(&self, newer: &Member, older: &Member) -> bool {
        let partial = matches!(
            newer.line,
            Line::SecurityOnly | Line::IeCumulative | Line::DotNetSecurityOnly
        );
        let whole = matches!(
            older.line,
            Line::MonthlyRollup | Line::PreviewRollup | Line::SecurityOnly | Line::DotNet
        );
        // A hotpatch changes what runs, not what is installed: it holds no cumulative update.
        let hotpatch = newer.line.is_hotpatch() && !older.line.is_hotpatch();
        !(hotpatch || (partial && whole)) && self.serves_the_same(newer, older)
    }

    /// Packages of the .NET Framework hold packages for the versions they serve themselves.
    fn serves_the_same(&self, newer: &Member, older: &Member) -> bool {
        let (newer, older) = (self.dot_net_versions(newer), self.dot_net_versions(older));
        older.is_empty() || newer.is_empty() || newer.serves(&older)
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

    /// Each hotpatch covers the one before it and the baseline it is applied to; each cumulative update
    /// covers the hotpatches below its revision.
    fn hotpatches(&mut self) {
        self.chain(&[Line::Hotpatch]);
        let hotpatches = self.on_lines(&[Line::Hotpatch]);
        for part in self.on_lines(&[Line::HotpatchPart]) {
            // The build a part states is that of the hotpatch, which it comes with.
            let ubr = self.members[part].revision.map(|revision| revision.ubr);
            let whole = hotpatches.iter().find(|&&hotpatch| {
                let own = self.members[hotpatch].revision;
                ubr.is_some() && own.map(|revision| revision.ubr) >= ubr
            });
            if let Some(&whole) = whole {
                self.add_earlier(whole, part);
            }
        }
        for &hotpatch in &hotpatches {
            if let Some(baseline) = baseline(self.members, hotpatch) {
                let step = Step::Baseline {
                    older: self.members[baseline].kb,
                };
                self.add(hotpatch, baseline, step);
            }
        }
        for at in self.on_lines(&[Line::Cumulative, Line::Optional]) {
            let order = self.members[at].order;
            let held = hotpatches
                .iter()
                .rev()
                .find(|&&hotpatch| self.members[hotpatch].order < order);
            if let Some(&held) = held.filter(|_| self.members[at].revision.is_some()) {
                self.add_earlier(at, held);
            }
        }
    }

    /// A rollup holds the security only and Internet Explorer updates up to its day, and the
    /// single updates from before there were rollups.
    fn rollup_contents(&mut self) {
        let rollups = self.on_lines(&[Line::MonthlyRollup, Line::PreviewRollup]);
        let described = rollups
            .iter()
            .find(|&&at| self.members[at].line == Line::MonthlyRollup);
        let Some(first) = described.map(|&at| self.members[at].released) else {
            return;
        };
        for at in self.on_lines(&[Line::SecurityOnly, Line::IeCumulative, Line::Single]) {
            let held = &self.members[at];
            if held.line == Line::Single && held.released >= first {
                continue;
            }
            let holder = rollups.iter().find(|&&rollup| {
                self.members[rollup].released >= held.released
                    && (held.line != Line::Single || self.members[rollup].released >= first)
            });
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
            let Some(day) = self.members[at].released.filter(|day| *day >= from) else {
                continue;
            };
            let before = |stack: &&MemberIx| self.members[**stack].released <= Some(day);
            if let Some(&stack) = stacks.iter().rev().find(before) {
                self.add_earlier(at, stack);
            }
        }
    }

    /// An update of the .NET Framework covers an earlier one that serves the same version:
    /// `3.5 AND 4.8` serves `4.8`, though the feed has them as two products.
    fn dot_net(&mut self) {
        let updates = self.on_lines(&[Line::DotNet, Line::DotNetSecurityOnly]);
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
                let serves = self.serves_the_same(&self.members[newer], &self.members[older]);
                if before && serves {
                    self.add_earlier(newer, older);
                }
            }
        }
    }

    /// Reports updates of one line that both are said to replace a third, while neither is said to replace
    /// the other.
    fn forks(&mut self, edges: &[Edge], find: &impl Fn(Kb) -> Vec<MemberIx>) {
        let direct: BTreeSet<(MemberIx, MemberIx)> = pairs(edges, find).collect();
        let mut by_older: Vec<(MemberIx, MemberIx)> = direct
            .iter()
            .map(|&(newer, older)| (older, newer))
            .collect();
        by_older.sort_unstable();
        for group in by_older.chunk_by(|one, other| one.0 == other.0) {
            let mut newer: Vec<MemberIx> = group.iter().map(|(_, newer)| *newer).collect();
            newer.sort_by_key(|&at| self.members[at].order);
            for pair in newer.windows(2) {
                let (one, other) = (pair[0], pair[1]);
                let alike = self.members[one].line == self.members[other].line
                    && self.serves_the_same(&self.members[other], &self.members[one]);
                let linked = direct.contains(&(other, one)) || direct.contains(&(one, other));
                if alike && !linked {
                    self.slips.push(Slip {
                        kind: SlipKind::Fork,
                        kb: self.members[one].kb,
                        stated: Stated::Fork {
                            other: self.members[other].kb,
                            replaced: self.members[group[0].0].kb,
                        },
                        document: self.members[other].documents.first().copied(),
                    });
                }
            }
        }
    }

    fn dot_net_versions(&self, member: &Member) -> DotNet<'a> {
        DotNet::of(self.catalog, &member.products)
    }

    fn add_earlier(&mut self, newer: MemberIx, older: MemberIx) {
        let (after, before) = (&self.members[newer], &self.members[older]);
        let by = match (
            after.revision,
            before.revision,
            after.released,
            before.released,
        ) {
            (Some(after), Some(before), ..) => OrderedBy::Revisions {
                newer: (after.ubr, after.source),
                older: (before.ubr, before.source),
            },
            (_, _, Some(after), Some(before)) => OrderedBy::Days {
                newer: after,
                older: before,
            },
            _ => OrderedBy::ReleaseHistory,
        };
        let step = Step::EarlierOnLine {
            older: before.kb,
            line: after.line,
            by,
        };
        self.add(newer, older, step);
    }

    fn add(&mut self, newer: MemberIx, older: MemberIx, step: Step) {
        if !self.steps[newer].iter().any(|(known, _)| *known == older) {
            self.steps[newer].push((older, step));
        }
    }
}

fn is_backwards(newer: &Member, older: &Member) -> bool {
    let by_day = match (newer.released, older.released) {
        (Some(newer), Some(older)) => newer < older,
        _ => false,
    };
    by_day || (newer.line.is_in_build() && older.line.is_in_build() && newer.order < older.order)
}

/// The cumulative update a hotpatch is applied to: the last before it of a baseline month.
pub(super) fn baseline(members: &[Member], hotpatch: MemberIx) -> Option<MemberIx> {
    let hotpatch = &members[hotpatch];
    let before = || {
        members.iter().enumerate().filter(|(_, member)| {
            member.line == Line::Cumulative
                && member.revision.is_some()
                && member.order < hotpatch.order
        })
    };
    let latest = |(_, member): &(MemberIx, &Member)| member.order;
    let in_baseline_month = |(_, member): &(MemberIx, &Member)| {
        member
            .released
            .is_some_and(|day| BASELINE_MONTHS.contains(&day.month()))
    };
    before()
        .filter(in_baseline_month)
        .max_by_key(latest)
        .or_else(|| before().max_by_key(latest))
        .map(|(at, _)| at)
}

/// The .NET Framework versions that some products stand for: 4.x, of which a machine has one, and those
/// before it, which stand beside it.
struct DotNet<'c> {
    four: BTreeSet<&'c str>,
    before_four: BTreeSet<&'c str>,
}

impl<'c> DotNet<'c> {
    fn of(catalog: &'c Catalog, products: &[ProductIx]) -> Self {
        let identities = products
            .iter()
            .map(|&product| &catalog.product(product).identity);
        let versions = identities
            .filter_map(|identity| match identity {
                ProductIdentity::OnWindows {
                    component: Component::DotNetFramework(versions),
                    ..
                } => Some(versions.each()),
                _ => None,
            })
            .flatten();
        let (four, before_four) = versions.partition(|version| version.starts_with('4'));
        Self { four, before_four }
    }

    fn is_empty(&self) -> bool {
        self.four.is_empty() && self.before_four.is_empty()
    }

    /// Whether an update for these versions serves a machine that an update for `older` served. Names of
    /// products grow and shrink with the versions in support, so one version in common is enough.
    fn serves(&self, older: &Self) -> bool {
        let common = |one: &BTreeSet<_>, other: &BTreeSet<_>| !one.is_disjoint(other);
        let four = older.four.is_empty() || common(&self.four, &older.four);
        let before = older.before_four.is_empty() || common(&self.before_four, &older.before_four);
        four && before
    }
}

/// What each member covers, over any number of steps.
pub(super) fn closure(members: &[Member], steps: &[Vec<(MemberIx, Step)>]) -> Vec<FixedBitSet> {
    let mut covers: Vec<FixedBitSet> = (0..members.len())
        .map(|at| {
            let mut own = FixedBitSet::with_capacity(members.len());
            own.insert(at);
            own
        })
        .collect();
    let mut in_order: Vec<MemberIx> = (0..members.len()).collect();
    in_order.sort_by_key(|&at| members[at].order);
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
