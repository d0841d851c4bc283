//! From a key to the machines that have it, without keeping the keys a second time.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::Slot;

/// How many parts the table has; a copy copies only the parts that change.
const PARTS: usize = 1024;

/// A hash table of slots in parts that copies share.
#[derive(Debug, Clone)]
pub(crate) struct Lookup {
    parts: Vec<Arc<HashTable<Entry>>>,
}

/// A slot, with enough of its key's hash to grow without the key.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    slot: Slot,
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Arc::default()).collect(),
        }
    }
}

/// The part of a hash, and what is compared within the part.
#[expect(
    clippy::cast_possible_truncation,
    reason = "parts of the hash are wanted"
)]
fn place(key: &str) -> (usize, u32) {
    let hash = FxBuildHasher.hash_one(key);
    (hash as usize % PARTS, (hash >> 32) as u32)
}

/// Spreads a part of a hash over the whole width, as the table wants it.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Lookup {
    /// The slots that may have a key: the caller compares.
    pub(crate) fn candidates(&self, key: &str) -> impl Iterator<Item = Slot> {
        let (part, hash) = place(key);
        let found = self.parts[part].iter_hash(spread(hash));
        found
            .filter(move |entry| entry.hash == hash)
            .map(|entry| entry.slot)
    }

    pub(crate) fn insert(&mut self, key: &str, slot: Slot) {
        let (part, hash) = place(key);
        Arc::make_mut(&mut self.parts[part]).insert_unique(
            spread(hash),
            Entry { hash, slot },
            |entry| spread(entry.hash),
        );
    }

    pub(crate) fn remove(&mut self, key: &str, slot: Slot) {
        let (part, hash) = place(key);
        let table = Arc::make_mut(&mut self.parts[part]);
        if let Ok(found) = table.find_entry(spread(hash), |entry| entry.slot == slot) {
            found.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_be_shared_and_copies_are_apart() {
        let mut lookup = Lookup::default();
        for slot in 0..5000 {
            lookup.insert(&format!("pc-{}", slot / 2), slot);
        }
        let before = lookup.clone();
        lookup.remove("pc-7", 14);
        let slots = |lookup: &Lookup| {
            let mut slots: Vec<Slot> = lookup.candidates("pc-7").collect();
            slots.sort_unstable();
            slots
        };
        assert_eq!(slots(&before), [14, 15]);
        assert_eq!(slots(&lookup), [15]);
        assert_eq!(lookup.candidates("pc-9999").count(), 0);
    }
}
