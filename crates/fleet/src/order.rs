//! Machines in order, a page at a time.

use std::sync::OnceLock;

use jiff::Timestamp;

use crate::Slot;
use crate::machine::{Machine, MachineId};
use crate::snapshot::Snapshot;

/// The machines in order of id and of name, each once somebody asked for it.
#[derive(Default)]
pub(crate) struct Order {
    by_id: OnceLock<Box<[Slot]>>,
    by_name: OnceLock<Box<[Slot]>>,
}

impl Order {
    /// The order of names, found by this where it is not yet.
    pub(crate) fn by_name(&self, found: impl FnOnce() -> Box<[Slot]>) -> &[Slot] {
        self.by_name.get_or_init(found)
    }
}

impl Snapshot {
    /// How many machines are known, whether they count or not.
    pub fn machine_count(&self) -> u64 {
        self.known
    }

    /// All machines in order of id; each is put together only as it is taken.
    ///
    /// The order is found once, and again only after a machine was added or removed.
    pub fn machines_in_order(&self) -> impl DoubleEndedIterator<Item = Machine> {
        self.built(self.order())
    }

    /// A page of the machines in order of id: what is skipped costs nothing.
    pub fn page(&self, skip: usize, count: usize) -> impl DoubleEndedIterator<Item = Machine> {
        let rest = self.order().get(skip..).unwrap_or_default();
        self.built(&rest[..count.min(rest.len())])
    }

    /// The machines whose id comes after one, in order of id. That one need not be known, or not any more.
    pub fn machines_after<'a>(
        &'a self,
        id: &MachineId,
    ) -> impl DoubleEndedIterator<Item = Machine> + use<'a> {
        let order = self.order();
        let upto = |slot: &Slot| self.entry(*slot).is_none_or(|entry| entry.id <= *id);
        self.built(&order[order.partition_point(upto)..])
    }

    /// The machines that were last seen from one moment on until before another, in no order.
    pub fn last_seen_between(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = MachineId> {
        let moments = from.as_microsecond()..until.as_microsecond();
        let entries = self.machines.iter().flatten();
        let silent = entries.filter(move |entry| moments.contains(&entry.last_seen));
        silent.map(|entry| entry.id.clone())
    }

    fn built<'a>(
        &'a self,
        slots: &'a [Slot],
    ) -> impl DoubleEndedIterator<Item = Machine> + use<'a> {
        let entries = slots.iter().filter_map(move |slot| self.entry(*slot));
        entries.map(move |entry| self.shown(entry))
    }

    pub(crate) fn order(&self) -> &[Slot] {
        self.order.by_id.get_or_init(|| {
            let slots = (0..).zip(self.machines.iter());
            let known = slots.filter_map(|(slot, entry)| Some((slot, &entry.as_ref()?.id)));
            let mut known: Vec<(Slot, &MachineId)> = known.collect();
            // Machines read from the store are nearly in order, of which a stable sort makes use.
            known.sort_by_key(|(_, id)| *id);
            known.into_iter().map(|(slot, _)| slot).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use kbgap_assessment::Assessor;
    use kbgap_catalog::Compiler;
    use kbgap_inventory::MachineReport;

    use super::*;
    use crate::{Ages, Change, DeviceValue, Fleet, MachineRow, SoftwareNames, pack};

    const LONG: &str = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07";

    fn fleet() -> Fleet {
        let catalog = Arc::new(Compiler::new().finish().0);
        let names = Arc::new(SoftwareNames::by(|_| None));
        Fleet::new(
            "t",
            Arc::new(Assessor::new(catalog)),
            names,
            Ages::default(),
        )
    }

    fn put(fleet: &Fleet, id: &str, sequence: i64, value: DeviceValue) {
        let body = pack(&MachineReport::new(), &[], None).unwrap();
        let row = MachineRow {
            id,
            name: None,
            first_seen: Timestamp::UNIX_EPOCH,
            last_seen: Timestamp::UNIX_EPOCH,
            sequence,
            body: &body,
            group: None,
            tags: &[],
            value,
            exclusion: None,
        };
        let damaged = fleet.apply(&[Change::Put(row)], Timestamp::UNIX_EPOCH);
        assert!(damaged.is_empty(), "{damaged:?}");
    }

    fn remove(fleet: &Fleet, id: &str, sequence: i64) {
        let removed = Change::Removed { id, sequence };
        fleet.apply(&[removed], Timestamp::UNIX_EPOCH);
    }

    fn ids(machines: impl Iterator<Item = Machine>) -> Vec<String> {
        machines.map(|machine| machine.id.to_string()).collect()
    }

    #[test]
    fn machines_come_in_order_of_id() {
        let fleet = fleet();
        for (sequence, id) in (1..).zip(["pc-3", "pc-1", LONG, "pc-5"]) {
            put(&fleet, id, sequence, DeviceValue::Normal);
        }
        let one = fleet.snapshot();
        assert_eq!(ids(one.machines_in_order()), [LONG, "pc-1", "pc-3", "pc-5"]);
        // The room of a removed machine is another's then.
        remove(&fleet, "pc-1", 5);
        put(&fleet, "pc-4", 6, DeviceValue::Normal);
        let two = fleet.snapshot();
        assert_eq!(ids(two.machines_in_order()), [LONG, "pc-3", "pc-4", "pc-5"]);
        assert_eq!(two.machine_count(), 4);
        assert_eq!(ids(one.machines_in_order()), [LONG, "pc-1", "pc-3", "pc-5"]);
    }

    #[test]
    fn pages_are_cut_and_gone_on_with() {
        let fleet = fleet();
        for (sequence, id) in (1..).zip(["pc-3", "pc-1", "pc-2"]) {
            put(&fleet, id, sequence, DeviceValue::Normal);
        }
        let machines = fleet.snapshot();
        assert_eq!(ids(machines.page(0, 2)), ["pc-1", "pc-2"]);
        assert_eq!(ids(machines.page(2, 2)), ["pc-3"]);
        assert_eq!(ids(machines.page(1, usize::MAX)), ["pc-2", "pc-3"]);
        assert_eq!(machines.page(3, 2).count(), 0);
        assert_eq!(machines.page(usize::MAX, usize::MAX).count(), 0);
        let after = |id: &str| ids(machines.machines_after(&MachineId::new(id)));
        assert_eq!(after("PC-1"), ["pc-2", "pc-3"]);
        assert_eq!(after("pc-11"), ["pc-2", "pc-3"], "it is not known");
        assert_eq!(after(LONG), ["pc-1", "pc-2", "pc-3"]);
        assert!(after("pc-3").is_empty());
    }

    #[test]
    fn the_order_is_shared_until_a_machine_comes_or_goes() {
        let fleet = fleet();
        put(&fleet, "pc-2", 1, DeviceValue::Normal);
        put(&fleet, "pc-1", 2, DeviceValue::Normal);
        let one = fleet.snapshot();
        put(&fleet, "pc-2", 3, DeviceValue::High);
        fleet.tick(Timestamp::MAX);
        let two = fleet.snapshot();
        assert_eq!(ids(two.machines_in_order()), ["pc-1", "pc-2"]);
        assert!(
            std::ptr::eq(one.order(), two.order()),
            "found once for both"
        );
        let values = |of: &Snapshot| {
            of.machines_in_order()
                .map(|machine| machine.value)
                .next_back()
        };
        let told = (values(&one), values(&two));
        assert_eq!(told, (Some(DeviceValue::Normal), Some(DeviceValue::High)));
        put(&fleet, "pc-0", 4, DeviceValue::Normal);
        let three = fleet.snapshot();
        assert!(!Arc::ptr_eq(&two.order, &three.order));
        remove(&fleet, "pc-0", 5);
        let four = fleet.snapshot();
        assert!(!Arc::ptr_eq(&three.order, &four.order));
        assert_eq!(ids(four.machines_in_order()), ["pc-1", "pc-2"]);
    }
}
