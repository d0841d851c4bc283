//! Sets of machines.

use roaring::RoaringBitmap;

use crate::Slot;

/// Up to how many machines a set is a plain list of four bytes each: a bitmap takes two, and about fifty for each range
/// of 65,536 that it reaches into. A million machines have sixteen.
const FEW: usize = 400;

/// A set of machines: most software versions are on a handful, some on nearly all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MachineSet {
    /// In order, each once.
    Few(Box<[Slot]>),
    Many(RoaringBitmap),
}

impl Default for MachineSet {
    fn default() -> Self {
        Self::Few(Box::default())
    }
}

impl MachineSet {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Few(slots) => slots.len() as u64,
            Self::Many(bitmap) => bitmap.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(slots) => slots.is_empty(),
            Self::Many(bitmap) => bitmap.is_empty(),
        }
    }

    pub(crate) fn insert(&mut self, slot: Slot) {
        match self {
            Self::Few(slots) => {
                let Err(at) = slots.binary_search(&slot) else {
                    return;
                };
                if slots.len() < FEW {
                    let mut more = Vec::with_capacity(slots.len() + 1);
                    more.extend_from_slice(&slots[..at]);
                    more.push(slot);
                    more.extend_from_slice(&slots[at..]);
                    *slots = more.into();
                } else {
                    let mut bitmap: RoaringBitmap = slots.iter().copied().collect();
                    bitmap.insert(slot);
                    *self = Self::Many(bitmap);
                }
            }
            Self::Many(bitmap) => {
                bitmap.insert(slot);
            }
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) {
        match self {
            Self::Few(slots) => {
                if slots.binary_search(&slot).is_ok() {
                    *slots = slots.iter().copied().filter(|own| *own != slot).collect();
                }
            }
            Self::Many(bitmap) => {
                bitmap.remove(slot);
            }
        }
    }

    /// Adds machines of one range of 65,536, all behind those that are there: `low` are their numbers in it, in order.
    pub(crate) fn append(&mut self, range: u16, low: &[u16]) {
        let slot = |low: &u16| (u32::from(range) << 16) | u32::from(*low);
        match self {
            Self::Few(slots) if slots.len() + low.len() <= FEW => {
                let all = slots.iter().copied().chain(low.iter().map(slot));
                *slots = all.collect();
            }
            Self::Few(slots) => {
                let mut bitmap: RoaringBitmap = slots.iter().copied().collect();
                bitmap |= container(range, low);
                *self = Self::Many(bitmap);
            }
            Self::Many(bitmap) => *bitmap |= container(range, low),
        }
    }

    pub(crate) fn add_to(&self, all: &mut RoaringBitmap) {
        match self {
            Self::Few(slots) => all.extend(slots.iter().copied()),
            Self::Many(bitmap) => *all |= bitmap,
        }
    }
}

/// A bitmap of one range, in exactly the memory it needs: inserted one by one, its arrays would double as they grow.
fn container(range: u16, low: &[u16]) -> RoaringBitmap {
    // The format of files (https://github.com/RoaringBitmap/RoaringFormatSpec): a cookie, the number of containers,
    // of each its key and cardinality less one, its offset, its content; up to 4096 values are an array.
    const NO_RUNS: u32 = 12346;
    const ARRAY: usize = 4096;
    const HEADER: u32 = 16;
    let slot = |low: &u16| (u32::from(range) << 16) | u32::from(*low);
    if low.is_empty() || low.len() > ARRAY {
        return RoaringBitmap::from_sorted_iter(low.iter().map(slot)).unwrap_or_default();
    }
    let mut bytes = Vec::with_capacity(HEADER as usize + 2 * low.len());
    bytes.extend(NO_RUNS.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(range.to_le_bytes());
    bytes.extend(
        u16::try_from(low.len() - 1)
            .unwrap_or_default()
            .to_le_bytes(),
    );
    bytes.extend(HEADER.to_le_bytes());
    bytes.extend(low.iter().flat_map(|low| low.to_le_bytes()));
    // The reader checks order; what it refused would be built the long way.
    RoaringBitmap::deserialize_from(&*bytes).unwrap_or_else(|_| low.iter().map(slot).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn slots(set: &MachineSet) -> Vec<Slot> {
        let mut all = RoaringBitmap::new();
        set.add_to(&mut all);
        all.iter().collect()
    }

    proptest! {
        #[test]
        fn a_set_is_a_set(changes in prop::collection::vec((any::<bool>(), 0u32..200), 0..400)) {
            let (mut set, mut plain) = (MachineSet::default(), BTreeSet::new());
            for (insert, slot) in changes {
                if insert {
                    set.insert(slot);
                    plain.insert(slot);
                } else {
                    set.remove(slot);
                    plain.remove(&slot);
                }
                prop_assert_eq!(set.len(), plain.len() as u64);
                prop_assert_eq!(set.is_empty(), plain.is_empty());
            }
            prop_assert_eq!(slots(&set), plain.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn ranges_are_appended_whole(
            ranges in prop::collection::btree_map(
                0u16..20,
                prop::collection::btree_set(any::<u16>(), 0..90),
                0..6,
            ),
            dense in prop::option::of(4000u16..5000),
        ) {
            let mut set = MachineSet::default();
            let mut plain = Vec::new();
            let dense = dense.map(|many| (20u16, (0..many).map(|at| at * 3).collect()));
            for (range, low) in ranges.into_iter().chain(dense) {
                let low: Vec<u16> = low.into_iter().collect();
                set.append(range, &low);
                plain.extend(low.iter().map(|low| u32::from(range) << 16 | u32::from(*low)));
            }
            prop_assert_eq!(set.len(), plain.len() as u64);
            prop_assert_eq!(slots(&set), plain);
        }
    }
}
