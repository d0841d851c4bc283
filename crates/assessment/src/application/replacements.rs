//! What the packages of Office and `SharePoint` replace.

use std::cmp::Reverse;

use fixedbitset::FixedBitSet;
use kbgap_catalog::{Catalog, FixIx, Kb, UpdateIx};
use rustc_hash::{FxHashMap, FxHashSet};

use super::packages::Package;

/// How far apart the numbers of two updates of one package may be to take them for neighbours
/// where several chains could be joined: what Microsoft gives out to Office in about two months.
const NEIGHBOURS: u32 = 60;

/// A package's position in its stock.
pub(super) type Node = usize;

/// All packages that machines list in the same way (those of Office of one year), and what each
/// brings of the others.
#[derive(Debug)]
pub(super) struct Stock {
    nodes: Vec<Kb>,
    brings: Vec<FixedBitSet>,
    may_bring: Vec<FixedBitSet>,
}

impl Stock {
    /// The stock of these lines; their packages get their place on it.
    pub(super) fn new(replacements: &Replacements, lines: &mut [&mut [Package]]) -> Self {
        let mut building = Building::default();
        for package in lines.iter_mut().flat_map(|line| line.iter_mut()) {
            if let (Some(update), Some(kb)) = (package.update(), package.kb) {
                let next = building.nodes.len();
                let node = *building.positions.entry(update).or_insert(next);
                if node == next {
                    building.nodes.push((update, kb));
                }
                package.node = Some(node);
            }
        }
        building.direct = vec![Vec::new(); building.nodes.len()];
        building.possible = vec![Vec::new(); building.nodes.len()];
        building.stated(replacements);
        for line in lines {
            building.join(replacements, line);
        }
        building.finish()
    }

    /// No package.
    pub(super) fn none(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.nodes.len())
    }

    /// A package's KB.
    pub(super) fn kb(&self, node: Node) -> Kb {
        self.nodes[node]
    }

    /// The packages with their KBs.
    pub(super) fn by_kb(&self) -> impl Iterator<Item = (Kb, Node)> {
        self.nodes.iter().enumerate().map(|(node, kb)| (*kb, node))
    }

    /// What a package replaces, itself included.
    pub(super) fn brings(&self, node: Node) -> &FixedBitSet {
        &self.brings[node]
    }

    /// What a package replaces or may replace.
    pub(super) fn may_bring(&self, node: Node) -> &FixedBitSet {
        &self.may_bring[node]
    }
}

/// Every statement that one update replaces another, over all documents.
pub(super) struct Replacements {
    /// Per update the numbers it says it replaces.
    stated: FxHashMap<UpdateIx, Vec<Kb>>,
    /// Per update what is known to be older of its package; not yet followed further.
    below: FxHashMap<UpdateIx, Vec<UpdateIx>>,
}

impl Replacements {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let mut stated: FxHashMap<UpdateIx, Vec<Kb>> = FxHashMap::default();
        let mut by: FxHashMap<Kb, Vec<UpdateIx>> = FxHashMap::default();
        // Only what fixes something: of a catalog as of a day, the rest is not published yet.
        let exposures = catalog
            .products()
            .iter()
            .flat_map(|product| &product.exposures);
        let fixes: FxHashSet<FixIx> = exposures.flat_map(|one| &one.fixes).copied().collect();
        for fix in fixes.into_iter().map(|fix| catalog.fix(fix)) {
            let Some(newer) = fix.update() else { continue };
            for &kb in &fix.supersedes {
                let of_newer = stated.entry(newer).or_default();
                // Now and then an update is said to replace itself.
                if catalog.update(newer).kb != kb && !of_newer.contains(&kb) {
                    of_newer.push(kb);
                    by.entry(kb).or_default().push(newer);
                }
            }
        }
        let mut below: FxHashMap<UpdateIx, Vec<UpdateIx>> = FxHashMap::default();
        for (&newer, kbs) in &stated {
            let day = catalog.update(newer).released;
            let older = kbs.iter().filter_map(|kb| catalog.find_update(*kb));
            // What replaces the same update is of the same package: the later brings the
            // earlier, and what that one was replaced by in between.
            let mut siblings: Vec<UpdateIx> = Vec::new();
            let mut open = kbs.clone();
            while let Some(kb) = open.pop() {
                for &sibling in by.get(&kb).into_iter().flatten() {
                    let update = catalog.update(sibling);
                    if update.released < day && !siblings.contains(&sibling) {
                        siblings.push(sibling);
                        open.push(update.kb);
                    }
                }
            }
            below.insert(newer, older.chain(siblings).collect());
        }
        Self { stated, below }
    }

    fn stated(&self, update: UpdateIx) -> &[Kb] {
        self.stated.get(&update).map_or(&[], Vec::as_slice)
    }

    fn below(&self, update: UpdateIx) -> &[UpdateIx] {
        self.below.get(&update).map_or(&[], Vec::as_slice)
    }
}

#[derive(Default)]
struct Building {
    nodes: Vec<(UpdateIx, Kb)>,
    positions: FxHashMap<UpdateIx, Node>,
    direct: Vec<Vec<Node>>,
    /// What may be replaced besides.
    possible: Vec<Vec<Node>>,
    /// What another package of this stock is stated to replace. That one of another product
    /// does is a slip: no machine has both.
    replaced: FxHashSet<Node>,
}

impl Building {
    /// Follows the documents' words, through updates of other stocks too.
    fn stated(&mut self, replacements: &Replacements) {
        for node in 0..self.nodes.len() {
            let mut seen = vec![self.nodes[node].0];
            let mut at = 0;
            while let Some(&update) = seen.get(at) {
                at += 1;
                for &older in replacements.below(update) {
                    if !seen.contains(&older) {
                        seen.push(older);
                    }
                }
            }
            let older = seen.iter().filter_map(|older| self.positions.get(older));
            self.direct[node] = older.copied().collect();
        }
        let numbered = self.direct.iter().enumerate();
        let older = numbered.flat_map(|(node, older)| older.iter().filter(move |at| **at != node));
        self.replaced = older.copied().collect();
    }

    /// Joins the chains of one line that are broken by a month whose document is not there.
    fn join(&mut self, replacements: &Replacements, line: &[Package]) {
        let mut order: Vec<(&Package, Node)> = line
            .iter()
            .filter_map(|package| Some((package, package.node?)))
            .collect();
        order.sort_unstable_by_key(|(package, _)| {
            let head = Head::of(package, replacements);
            (package.day, Reverse(head.map(|head| head.follows)))
        });
        // The ends of chains: updates that no other is known to replace.
        let mut ends: Vec<(Kb, Node)> = Vec::new();
        // Updates of one day are of different packages.
        for same_day in order.chunk_by(|(a, _), (b, _)| a.day == b.day) {
            for &(package, node) in same_day {
                let Some(head) = Head::of(package, replacements) else {
                    continue;
                };
                let fitting: Vec<(Kb, Node)> = ends
                    .iter()
                    .copied()
                    .filter(|(kb, _)| *kb < head.follows)
                    .collect();
                if let Some(end) = head.choose(&fitting) {
                    self.direct[node].push(end);
                    ends.retain(|(_, other)| *other != end);
                } else {
                    self.possible[node].extend(fitting.iter().map(|(_, end)| *end));
                }
            }
            let open = same_day
                .iter()
                .filter(|(_, node)| !self.replaced.contains(node));
            ends.extend(open.filter_map(|(package, node)| Some((package.kb?, *node))));
        }
    }

    fn finish(mut self) -> Stock {
        let brings = reach(&self.direct);
        for (possible, direct) in self.possible.iter_mut().zip(&self.direct) {
            possible.extend(direct);
        }
        Stock {
            nodes: self.nodes.iter().map(|(_, kb)| *kb).collect(),
            brings,
            may_bring: reach(&self.possible),
        }
    }
}

/// Everything that can be reached from each node, itself included.
fn reach(edges: &[Vec<Node>]) -> Vec<FixedBitSet> {
    let from = |start: Node| {
        let mut seen = FixedBitSet::with_capacity(edges.len());
        seen.insert(start);
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            for &next in &edges[node] {
                if !seen.put(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    (0..edges.len()).map(from).collect()
}

/// The first known update of a chain whose older ones are not known.
#[derive(Clone, Copy)]
struct Head {
    /// The number of what it replaces, or else its own: numbers of one package rise.
    follows: Kb,
    /// Whether it says what it replaces.
    says: bool,
}

impl Head {
    fn of(package: &Package, replacements: &Replacements) -> Option<Self> {
        let update = package.update()?;
        let stated = replacements.stated(update);
        if stated.is_empty() {
            return Some(Self {
                follows: package.kb?,
                says: false,
            });
        }
        if !replacements.below(update).is_empty() {
            return None;
        }
        let follows = stated.iter().copied().max()?;
        Some(Self {
            follows,
            says: true,
        })
    }

    /// The end of a chain that this one goes on from, where it can be told.
    fn choose(self, fitting: &[(Kb, Node)]) -> Option<Node> {
        if let [(_, only)] = fitting {
            return Some(*only);
        }
        let near = |(kb, _): &&(Kb, Node)| self.follows.number() - kb.number() <= NEIGHBOURS;
        let near: Vec<&(Kb, Node)> = fitting.iter().filter(near).collect();
        match near[..] {
            [(_, only)] => Some(*only),
            _ if self.says => near.into_iter().max().map(|(_, node)| *node),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_brought_is_followed_to_the_end() {
        let all = reach(&[vec![], vec![0], vec![1], vec![3]]);
        let of = |node: Node| all[node].ones().collect::<Vec<_>>();
        assert_eq!(of(2), [0, 1, 2]);
        assert_eq!(of(3), [3]);
    }

    #[test]
    fn a_chain_is_joined_where_there_is_one_way_only() {
        let kb = |number| Kb::new(number).unwrap();
        let head = |follows, says| Head {
            follows: kb(follows),
            says,
        };
        let two = [(kb(5_002_684), 0), (kb(5_002_687), 1)];
        assert_eq!(head(5_002_717, true).choose(&two), Some(1));
        assert_eq!(head(5_002_717, true).choose(&two[..1]), Some(0));
        assert_eq!(head(5_002_717, false).choose(&two), None);
        assert_eq!(head(5_002_800, true).choose(&two), None);
        assert_eq!(head(5_002_717, true).choose(&[]), None);
    }
}
