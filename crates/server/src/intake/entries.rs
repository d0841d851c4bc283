//! The numbers of software entries in a tenant's dictionary.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use kbgap_assessment::Bearing;
use kbgap_inventory::{InstalledSoftware, Observation};
use kbgap_store::{SoftwareEntry, Store, StoreError};
use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::xxh3_128;

/// A tenant's dictionary, as far as this process knows it: the store has it whole.
#[derive(Default)]
pub(crate) struct Entries {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// By a hash of 128 bits: the entries themselves are kept once, by number.
    numbers: FxHashMap<u128, u32>,
    /// In order of their numbers, which begin at 1.
    entries: Vec<Entry>,
}

struct Entry {
    reported: Arc<InstalledSoftware>,
    bearing: Bearing,
}

/// Entries that have no number known here, each once.
#[derive(Default)]
struct Unknown {
    entries: Vec<SoftwareEntry>,
    seen: FxHashSet<u128>,
}

impl Unknown {
    fn add(&mut self, hash: u128, entry: &InstalledSoftware) {
        if self.seen.insert(hash) {
            self.entries.push(SoftwareEntry {
                vendor: entry.vendor.to_string(),
                name: entry.name.to_string(),
                version: entry.version.to_string(),
            });
        }
    }
}

impl Known {
    fn last(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }
}

/// Entries new to this process, by number.
pub(crate) type Learned = Vec<(u32, Arc<InstalledSoftware>)>;

impl Entries {
    /// The highest number known.
    pub(crate) fn last(&self) -> u32 {
        self.read().last()
    }

    /// The dictionary as it is now, to look many entries up: while it is held, nothing is learned.
    pub(crate) fn known(&self) -> KnownEntries<'_> {
        KnownEntries(self.read())
    }

    /// All entries known.
    pub(crate) fn all(&self) -> Learned {
        let known = self.read();
        let entries = (1u32..).zip(&known.entries);
        entries
            .map(|(at, entry)| (at, entry.reported.clone()))
            .collect()
    }

    /// The numbers of the software of each observation, in order and each once. Entries that have none yet are given
    /// theirs, and shown: before any row can name them.
    pub(crate) async fn intern(
        &self,
        store: &Store,
        tenant: &str,
        observations: &[&Observation],
        show: impl Fn(Learned),
    ) -> Result<Vec<Vec<u32>>, StoreError> {
        let (mut lists, mut unknown) = self.look_up(observations);
        if !unknown.entries.is_empty() {
            // What others gave meanwhile is read before, so that the dictionary is not held for it.
            self.follow(store, tenant, &show).await?;
            (lists, unknown) = self.look_up(observations);
        }
        if !unknown.entries.is_empty() {
            let added = store
                .add_software(tenant, self.last(), &unknown.entries)
                .await?;
            self.learn(added, &show);
            (lists, _) = self.look_up(observations);
        }
        for list in &mut lists {
            list.sort_unstable();
            list.dedup();
        }
        Ok(lists)
    }

    /// The numbers of each observation's software, as far as they are known, and what is not.
    fn look_up(&self, observations: &[&Observation]) -> (Vec<Vec<u32>>, Unknown) {
        let mut unknown = Unknown::default();
        let mut room = Vec::new();
        let known = self.read();
        let mut lists = Vec::with_capacity(observations.len());
        for observation in observations {
            let mut numbers = Vec::new();
            for entry in observation.software() {
                let hash = hash(entry, &mut room);
                match known.numbers.get(&hash) {
                    Some(number) => numbers.push(*number),
                    None => unknown.add(hash, entry),
                }
            }
            lists.push(numbers);
        }
        (lists, unknown)
    }

    /// Learns what other processes added to the dictionary, and shows it.
    pub(crate) async fn follow(
        &self,
        store: &Store,
        tenant: &str,
        mut show: impl FnMut(Learned),
    ) -> Result<(), StoreError> {
        loop {
            let page = store.software_after(tenant, self.last()).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.learn(page, &mut show);
        }
    }

    /// Learns entries that follow each other, and shows them; what is known already is passed over.
    fn learn(&self, entries: Vec<(u32, SoftwareEntry)>, show: impl FnOnce(Learned)) {
        let learned: Learned = entries
            .into_iter()
            .map(|(number, entry)| {
                let reported = InstalledSoftware {
                    vendor: entry.vendor.into(),
                    name: entry.name.into(),
                    version: entry.version.into(),
                };
                (number, Arc::new(reported))
            })
            .collect();
        show(learned.clone());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut room = Vec::new();
        for (number, reported) in learned {
            if number == known.last() + 1 {
                known.numbers.insert(hash(&reported, &mut room), number);
                known.entries.push(Entry {
                    bearing: Bearing::of(&reported),
                    reported,
                });
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The dictionary, held to be read.
pub(crate) struct KnownEntries<'a>(RwLockReadGuard<'a, Known>);

impl KnownEntries<'_> {
    /// The entry of a number.
    pub(crate) fn reported(&self, number: u32) -> Option<&InstalledSoftware> {
        Some(&self.entry(number)?.reported)
    }

    /// The bearing of the entry of a number.
    pub(crate) fn bearing(&self, number: u32) -> Bearing {
        let entry = self.entry(number);
        entry.map(|entry| entry.bearing).unwrap_or_default()
    }

    /// The numbers of a list, in order and each once; `None` where one is not known.
    pub(crate) fn numbers(&self, list: &[InstalledSoftware]) -> Option<Vec<u32>> {
        let mut room = Vec::new();
        let numbers = list.iter().map(|entry| {
            let hash = hash(entry, &mut room);
            self.0.numbers.get(&hash).copied()
        });
        let mut numbers: Vec<u32> = numbers.collect::<Option<_>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    fn entry(&self, number: u32) -> Option<&Entry> {
        self.0.entries.get(number.checked_sub(1)? as usize)
    }
}

/// The hash of an entry; `room` is for the bytes that are hashed.
fn hash(entry: &InstalledSoftware, room: &mut Vec<u8>) -> u128 {
    room.clear();
    for part in [&entry.vendor, &entry.name, &entry.version] {
        room.extend((part.len() as u64).to_le_bytes());
        room.extend(part.as_bytes());
    }
    xxh3_128(room)
}
