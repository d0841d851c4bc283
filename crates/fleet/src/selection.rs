//! Machines that have something in common, a page at a time: what a page costs does not depend on how many there are.

use kbgap_catalog::{Kb, SoftwareId, VulnerabilityIx};
use roaring::RoaringBitmap;

use crate::Slot;
use crate::machine::{Machine, MachineId};
use crate::outcome::Outcome;
use crate::partition::Cells;
use crate::set::MachineSet;
use crate::snapshot::Snapshot;

/// Machines of a snapshot. It means nothing to another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection(pub(crate) RoaringBitmap);

impl Selection {
    /// How many they are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are among others too.
    #[must_use]
    pub fn among(self, others: &Self) -> Self {
        Self(self.0 & &others.0)
    }
}

/// An order of machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineOrder {
    /// By name, whatever its case; those without one first.
    Name,
    /// By when they were last seen.
    LastSeen,
    /// By how exposed they are.
    Exposure,
}

/// A page of machines.
#[derive(Debug, Clone, Default)]
pub struct MachinePage {
    /// The machines.
    pub machines: Vec<Machine>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Where one in so many machines is selected or less, they are put in order by themselves; else all in order are gone
/// through.
const RARE: u64 = 64;

impl Snapshot {
    /// The machines that lack an update.
    pub fn lacking(&self, kb: Kb) -> Selection {
        let Some(update) = self.assessor.catalog().find_update(kb) else {
            return Selection(RoaringBitmap::new());
        };
        self.selected(|outcome| outcome.missing.contains(&update))
    }

    /// The machines a vulnerability is open on.
    pub fn exposed_to(&self, vulnerability: VulnerabilityIx) -> Selection {
        self.selected(|outcome| outcome.is_open(vulnerability))
    }

    /// The machines that have a software, by their inventory or by what is in scope on them.
    pub fn having_software(&self, software: &SoftwareId) -> Selection {
        let products = self.assessor.catalog().find_software(software);
        let mut selection = self.selected(|outcome| {
            let mut own = outcome.products.iter();
            own.any(|own| products.contains(&own.product))
        });
        self.add_installed(software, &mut selection.0);
        selection
    }

    /// One machine, by its id; none where it is not known.
    pub fn selection_of(&self, id: &MachineId) -> Selection {
        Selection(self.slot(id).into_iter().collect())
    }

    /// The machines of a device group that count.
    pub fn in_group(&self, name: &str) -> Selection {
        labelled(self.groups.in_use(), name)
    }

    /// The machines with a tag that count.
    pub fn tagged(&self, name: &str) -> Selection {
        labelled(self.tags.in_use(), name)
    }

    /// The machines on a platform that count, by Defender's `osPlatform`.
    pub fn on_platform(&self, platform: &str) -> Selection {
        let mut machines = RoaringBitmap::new();
        for class in self.classes.windows.iter() {
            let state = class.state.as_ref().ok();
            let own = state.map(|state| crate::WindowsFacts::new(state.clone()));
            if own.is_some_and(|own| own.os_platform() == platform) {
                machines |= &class.machines;
            }
        }
        Selection(machines)
    }

    /// The platforms that machines are on, in order.
    pub fn platforms(&self) -> std::collections::BTreeSet<&'static str> {
        let classes = self.classes.windows.iter();
        let classes = classes.filter(|class| !class.machines.is_empty());
        let states = classes.filter_map(|class| class.state.as_ref().ok());
        states
            .map(|state| crate::WindowsFacts::new(state.clone()).os_platform())
            .collect()
    }

    /// A page of machines in an order: of a selection, or of all that are known.
    pub fn machines_of_page(
        &self,
        selection: Option<&Selection>,
        order: MachineOrder,
        descending: bool,
        skip: usize,
        count: usize,
    ) -> MachinePage {
        let all = self.in_order(order);
        let Some(Selection(set)) = selection else {
            return MachinePage {
                machines: self.page_of(all.iter().copied(), descending, skip, count),
                total: all.len() as u64,
            };
        };
        let total = set.len();
        let machines = if total * RARE < all.len() as u64 {
            let mut slots: Vec<Slot> = set.iter().collect();
            self.sort(&mut slots, order);
            self.page_of(slots.into_iter(), descending, skip, count)
        } else {
            let own = all.iter().copied().filter(|slot| set.contains(*slot));
            self.page_of(own, descending, skip, count)
        };
        MachinePage { machines, total }
    }

    /// A page of the machines whose names begin with some letters, whatever their case; in order of name.
    pub fn machines_named(
        &self,
        begin: &str,
        selection: Option<&Selection>,
        descending: bool,
        skip: usize,
        count: usize,
    ) -> MachinePage {
        let begin = begin.to_lowercase();
        let all = self.in_order(MachineOrder::Name);
        let name = |slot: &Slot| {
            let name = self.entry(*slot).and_then(|entry| entry.name());
            name.unwrap_or_default().to_lowercase()
        };
        let from = all.partition_point(|slot| name(slot) < begin);
        let rest = &all[from..];
        let until = rest.partition_point(|slot| name(slot).starts_with(&begin));
        let own = rest[..until].iter().copied();
        let own = own.filter(|slot| selection.is_none_or(|Selection(set)| set.contains(*slot)));
        let total = match selection {
            None => until as u64,
            Some(_) => own.clone().count() as u64,
        };
        MachinePage {
            machines: self.page_of(own, descending, skip, count),
            total,
        }
    }

    fn page_of(
        &self,
        slots: impl DoubleEndedIterator<Item = Slot>,
        descending: bool,
        skip: usize,
        count: usize,
    ) -> Vec<Machine> {
        let shown = |slot: Slot| self.entry(slot).map(|entry| self.shown(entry));
        if descending {
            let page = slots.rev().skip(skip).take(count);
            page.filter_map(shown).collect()
        } else {
            let page = slots.skip(skip).take(count);
            page.filter_map(shown).collect()
        }
    }

    /// The machines whose outcome is wanted.
    pub(crate) fn selected(&self, wanted: impl Fn(&Outcome) -> bool) -> Selection {
        let cells = self.partition().outcomes();
        let cells: Cells = cells
            .filter(|(_, outcome)| wanted(outcome))
            .map(|(at, _)| at)
            .collect();
        Selection(self.partition().set(&cells, &self.classes))
    }

    /// All known machines in an order. That of names is found again only after a machine came, went or changed its name;
    /// the others once a snapshot.
    fn in_order(&self, order: MachineOrder) -> &[Slot] {
        let sorted = || {
            let mut slots = self.order().to_vec();
            self.sort(&mut slots, order);
            slots.into_boxed_slice()
        };
        match order {
            MachineOrder::Name => self.order.by_name(sorted),
            MachineOrder::LastSeen => self.answers.by_last_seen.get_or_init(sorted),
            MachineOrder::Exposure => self.answers.by_exposure.get_or_init(sorted),
        }
    }

    /// Puts machines in an order; those that are equal in it come in order of their ids.
    fn sort(&self, slots: &mut [Slot], order: MachineOrder) {
        let id = |slot: Slot| self.entry(slot).map(|entry| &entry.id);
        match order {
            MachineOrder::Name => slots.sort_by_cached_key(|slot| {
                let entry = self.entry(*slot);
                let name = entry.and_then(|entry| entry.name()).unwrap_or_default();
                (name.to_lowercase(), entry.map(|entry| entry.id.clone()))
            }),
            MachineOrder::LastSeen => slots.sort_by(|one, other| {
                let seen = |slot: Slot| self.entry(slot).map(|entry| entry.last_seen);
                let by_seen = seen(*one).cmp(&seen(*other));
                by_seen.then_with(|| id(*one).cmp(&id(*other)))
            }),
            MachineOrder::Exposure => {
                let scores = self.scores();
                let weight = |slot: Slot| scores.of_slot(slot);
                slots.sort_by(|one, other| {
                    let by_weight = weight(*one).total_cmp(&weight(*other));
                    by_weight.then_with(|| id(*one).cmp(&id(*other)))
                });
            }
        }
    }
}

fn labelled<'a>(
    mut labels: impl Iterator<Item = (&'a std::sync::Arc<str>, &'a MachineSet)>,
    name: &str,
) -> Selection {
    let mut machines = RoaringBitmap::new();
    if let Some((_, set)) = labels.find(|(own, _)| ***own == *name) {
        set.add_to(&mut machines);
    }
    Selection(machines)
}
