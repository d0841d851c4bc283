//! The numbers of software entries in a tenant's dictionary.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use kbgap_assessment::Bearing;
use kbgap_inventory::{InstalledSoftware, Observation};
use kbgap_store::{SoftwareEntry, Store, StoreError};
use rustc_hash::FxHashMap;
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
    /// At 0 there is none.
    entries: Vec<Option<Entry>>,
    /// Up to which number all are known. Beyond it are those this process gave, between which others gave theirs.
    complete: u32,
}

#[derive(Clone)]
struct Entry {
    reported: Arc<InstalledSoftware>,
    bearing: Bearing,
}

/// Entries that have no number known here.
#[derive(Default)]
struct Unknown {
    /// Each once.
    entries: Vec<InstalledSoftware>,
    /// Where they stand in `entries`, by their hash.
    by_hash: FxHashMap<u128, usize>,
    /// The lists that have them: list and entry.
    places: Vec<(usize, usize)>,
}

impl Unknown {
    fn add(&mut self, hash: u128, entry: &InstalledSoftware, list: usize) {
        let at = *self.by_hash.entry(hash).or_insert_with(|| {
            self.entries.push(entry.clone());
            self.entries.len() - 1
        });
        self.places.push((list, at));
    }
}

/// Entries new to this process, by number.
pub(crate) type Learned = Vec<(u32, Arc<InstalledSoftware>)>;

impl Entries {
    /// Up to which number all entries are known.
    pub(crate) fn complete(&self) -> u32 {
        self.read().complete
    }

    /// The dictionary as it is now, to look many entries up: while it is held, nothing is learned.
    pub(crate) fn known(&self) -> KnownEntries<'_> {
        KnownEntries(self.read())
    }

    /// All entries known.
    pub(crate) fn all(&self) -> Learned {
        let known = self.read();
        let entries = (0u32..).zip(&known.entries);
        let entries =
            entries.filter_map(|(at, entry)| Some((at, entry.as_ref()?.reported.clone())));
        entries.collect()
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
        let (mut lists, unknown) = self.look_up(observations);
        let numbers = self.number(store, tenant, unknown.entries, show).await?;
        for (list, entry) in unknown.places {
            lists[list].extend(numbers.get(entry));
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
        for (list, observation) in observations.iter().enumerate() {
            let mut numbers = Vec::new();
            for entry in observation.software() {
                let hash = hash(entry, &mut room);
                match known.numbers.get(&hash) {
                    Some(number) => numbers.push(*number),
                    None => unknown.add(hash, entry, list),
                }
            }
            lists.push(numbers);
        }
        (lists, unknown)
    }

    /// Gives numbers to entries, and shows them; in their order.
    async fn number(
        &self,
        store: &Store,
        tenant: &str,
        unknown: Vec<InstalledSoftware>,
        show: impl Fn(Learned),
    ) -> Result<Vec<u32>, StoreError> {
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<SoftwareEntry> = unknown
            .iter()
            .map(|entry| SoftwareEntry {
                vendor: entry.vendor.to_string(),
                name: entry.name.to_string(),
                version: entry.version.to_string(),
            })
            .collect();
        let numbers = store.software_ids(tenant, &wanted).await?;
        self.learn(numbers.iter().copied().zip(unknown), show);
        Ok(numbers)
    }

    /// Learns what other processes added to the dictionary, and shows it.
    pub(crate) async fn follow(
        &self,
        store: &Store,
        tenant: &str,
        mut show: impl FnMut(Learned),
    ) -> Result<(), StoreError> {
        let mut after = self.complete();
        loop {
            let page = store.software_after(tenant, after).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            let entries = page.into_iter().map(|(number, entry)| {
                let reported = InstalledSoftware {
                    vendor: entry.vendor.into(),
                    name: entry.name.into(),
                    version: entry.version.into(),
                };
                (number, reported)
            });
            self.learn(entries, &mut show);
        }
    }

    fn learn(
        &self,
        entries: impl Iterator<Item = (u32, InstalledSoftware)>,
        show: impl FnOnce(Learned),
    ) {
        let entries = entries.map(|(number, reported)| (number, Arc::new(reported)));
        let learned: Learned = entries.collect();
        show(learned.clone());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut room = Vec::new();
        for (number, reported) in learned {
            let at = number as usize;
            if known.entries.len() <= at {
                known.entries.resize(at + 1, None);
            }
            known.numbers.insert(hash(&reported, &mut room), number);
            known.entries[at] = Some(Entry {
                bearing: Bearing::of(&reported),
                reported,
            });
        }
        // What this process gave closes up with what others gave before.
        let behind = known.complete as usize + 1;
        let entries = known.entries.iter().skip(behind);
        let closed = entries.take_while(|entry| entry.is_some()).count();
        known.complete += u32::try_from(closed).unwrap_or_default();
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
        self.0.entries.get(number as usize)?.as_ref()
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
