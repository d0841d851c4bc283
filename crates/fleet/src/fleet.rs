//! The fleet: the current snapshot, and the one writer that makes the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_catalog::Kb;
use kbgap_inventory::InstalledSoftware;
use roaring::RoaringBitmap;
use rustc_hash::FxHashSet;

use crate::Slot;
use crate::assessed::Assessed;
use crate::classes::{ApplicationsIx, Classifier};
use crate::dictionary::{NO_SOFTWARE, SoftwareIx};
use crate::entry::{Entry, Tail};
use crate::labels::{LabelNames, TagSetNames};
use crate::loader::{Loaded, Loader};
use crate::machine::{Activity, Ages, MachineId, MachineRow};
use crate::names::SoftwareNames;
use crate::packed::{Damaged, PackedMachine};
use crate::snapshot::{Snapshot, time};
use crate::value::ExclusionReason;

/// The machines of one tenant.
///
/// Shared between threads: readers take the current [`Snapshot`] without waiting; changes wait for each other.
pub struct Fleet {
    current: ArcSwap<Snapshot>,
    writer: Mutex<Writer>,
    names: Arc<SoftwareNames>,
}

/// What the writer needs beside the snapshot.
pub(crate) struct Writer {
    pub(crate) classifier: Classifier,
    pub(crate) group_names: LabelNames,
    pub(crate) tag_names: LabelNames,
    pub(crate) tag_set_names: TagSetNames,
    /// Slots of machines that were removed.
    free: Vec<Slot>,
    /// The machines by the hour they were last seen in, since 1970.
    pub(crate) by_hour: BTreeMap<i64, RoaringBitmap>,
}

/// A change to the machines of a tenant.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// A machine's row is new, or another than before.
    Put(MachineRow<'a>),
    /// A machine was seen again, and nothing changed but that.
    Seen {
        /// Its id.
        id: &'a str,
        /// When.
        last_seen: Timestamp,
        /// The number of the change.
        sequence: i64,
    },
    /// A machine is not there any more.
    Removed {
        /// Its id.
        id: &'a str,
        /// The number of the last change that was known when its absence was seen: a row written later stays.
        sequence: i64,
    },
}

impl Fleet {
    /// A fleet without machines.
    pub fn new(
        tenant: &str,
        assessor: Arc<Assessor>,
        names: Arc<SoftwareNames>,
        ages: Ages,
    ) -> Self {
        Self::of(Loader::new(tenant, assessor, names, ages, Timestamp::UNIX_EPOCH).finish())
    }

    /// A fleet of what was loaded.
    pub fn of(loaded: Loaded) -> Self {
        Self {
            current: ArcSwap::from_pointee(loaded.snapshot),
            writer: Mutex::new(loaded.writer),
            names: loaded.names,
        }
    }

    /// Takes what was loaded in place of all that was known.
    pub fn take(&self, loaded: Loaded) {
        let mut writer = self.writer();
        let generation = self.current.load().generation + 1;
        *writer = loaded.writer;
        self.current.store(Arc::new(Snapshot {
            generation,
            ..loaded.snapshot
        }));
    }

    /// The machines as they are now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The rules software is named by.
    pub fn names(&self) -> &Arc<SoftwareNames> {
        &self.names
    }

    /// Learns entries of the tenant's dictionary of software, by their numbers. Rows may name them from then on.
    pub fn learn(&self, entries: impl IntoIterator<Item = (u32, Arc<InstalledSoftware>)>) {
        let _writer = self.writer();
        let mut next = self.next();
        let mut changed = false;
        for (number, reported) in entries {
            changed |= next.learn(number, reported, &self.names);
        }
        if changed {
            self.current.store(Arc::new(next));
        }
    }

    /// Takes in changes, all at once. A row older than what is known of a machine is passed over.
    ///
    /// Returns the rows that could not be read, by their place; all others are taken.
    pub fn apply(&self, changes: &[Change<'_>], now: Timestamp) -> Vec<(usize, Damaged)> {
        let mut writer = self.writer();
        let mut next = self.next();
        let mut damaged = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            if let Err(error) = writer.apply(&mut next, change, now) {
                damaged.push((at, error));
            }
        }
        let assessor = next.assessor.clone();
        writer.classifier.assess(&mut next.classes, &assessor);
        self.current.store(Arc::new(next));
        damaged
    }

    /// Lets machines leave the counts that were not seen for too long.
    pub fn tick(&self, now: Timestamp) {
        let mut writer = self.writer();
        let current = self.current.load_full();
        let gone = writer.gone(&current, now);
        if gone.is_empty() {
            return;
        }
        let mut next = self.next();
        for slot in gone {
            writer.leave(&mut next, slot);
        }
        self.current.store(Arc::new(next));
    }

    /// Assesses every state anew, against another catalog.
    ///
    /// # Errors
    /// Where what is kept in memory is damaged: the catalog before stays in use.
    pub fn use_catalog(&self, assessor: &Arc<Assessor>) -> Result<(), Damaged> {
        let mut writer = self.writer();
        let mut next = self.next();
        writer.list_anew(&mut next, assessor.clone())?;
        let entries = next.machines.iter().flatten();
        let windows = entries.map(|entry| entry.windows).collect();
        let in_use = (0u32..).zip(next.classes.applications.iter());
        let in_use = in_use.filter(|(_, class)| !class.machines.is_empty());
        let applications = in_use.map(|(at, _)| at).collect();
        writer
            .classifier
            .assess_anew(&mut next.classes, assessor, &windows, &applications);
        self.current.store(Arc::new(next));
        Ok(())
    }

    /// The states that were assessed since it was last asked, with what was found: what history keeps.
    pub fn take_assessed(&self) -> Assessed {
        let mut writer = self.writer();
        let classes = writer.classifier.take_assessed();
        Assessed::new(self.current.load_full(), classes)
    }

    /// The snapshot that comes next, as yet like the current one.
    fn next(&self) -> Snapshot {
        let current = self.current.load();
        Snapshot {
            generation: current.generation + 1,
            answers: Arc::default(),
            ..Snapshot::clone(&current)
        }
    }

    // A poisoned lock means that a thread panicked while it made a snapshot; that one was never shown.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    pub(crate) fn learn(
        &mut self,
        number: u32,
        reported: Arc<InstalledSoftware>,
        names: &SoftwareNames,
    ) -> bool {
        let learned = self.dictionary.learn(number, reported, names);
        while self.having.len() <= number as usize {
            self.having.push(Arc::default());
        }
        learned
    }
}

/// The hour of a moment in microseconds since 1970.
pub(crate) fn hour(microseconds: i64) -> i64 {
    microseconds.div_euclid(3_600_000_000)
}

/// Whether a machine is in the counts: one that is excluded, or not seen for too long, is not.
fn counts(
    ages: Ages,
    last_seen: Timestamp,
    exclusion: Option<ExclusionReason>,
    now: Timestamp,
) -> bool {
    exclusion.is_none() && ages.activity(last_seen, now) != Activity::Gone
}

impl Writer {
    pub(crate) fn new(tenant: &str) -> Self {
        Self {
            classifier: Classifier::new(tenant),
            group_names: LabelNames::default(),
            tag_names: LabelNames::default(),
            tag_set_names: TagSetNames::default(),
            free: Vec::new(),
            by_hour: BTreeMap::new(),
        }
    }

    fn apply(
        &mut self,
        next: &mut Snapshot,
        change: &Change<'_>,
        now: Timestamp,
    ) -> Result<(), Damaged> {
        match change {
            Change::Put(row) => {
                let id = MachineId::new(row.id);
                let slot = next.slot(&id);
                let known = slot.and_then(|slot| next.entry(slot));
                if known.is_some_and(|known| known.sequence > row.sequence) {
                    return Ok(());
                }
                let entry = self.entry(next, row, id, now)?;
                let slot = slot.unwrap_or_else(|| self.room(next));
                self.replace(next, slot, Some(entry));
            }
            Change::Seen {
                id,
                last_seen,
                sequence,
            } => {
                let slot = next.slot(&MachineId::new(id));
                let known = slot.and_then(|slot| Some((slot, next.entry(slot)?.clone())));
                if let Some((slot, mut entry)) = known
                    && entry.sequence <= *sequence
                {
                    entry.sequence = *sequence;
                    entry.last_seen = last_seen.as_microsecond();
                    entry.counted = counts(next.ages, *last_seen, entry.exclusion, now);
                    self.replace(next, slot, Some(entry));
                }
            }
            Change::Removed { id, sequence } => {
                let slot = next.slot(&MachineId::new(id));
                if let Some(slot) = slot
                    && next
                        .entry(slot)
                        .is_some_and(|known| known.sequence <= *sequence)
                {
                    self.replace(next, slot, None);
                    self.free.push(slot);
                }
            }
        }
        Ok(())
    }

    /// A machine's entry, with its classes; it is in no set yet.
    pub(crate) fn entry(
        &mut self,
        next: &mut Snapshot,
        row: &MachineRow<'_>,
        id: MachineId,
        now: Timestamp,
    ) -> Result<Entry, Damaged> {
        let packed = PackedMachine::new(row.body)?;
        let windows =
            self.classifier
                .windows(&mut next.classes, &next.assessor, &next.dictionary, packed)?;
        let tags = row.tags.iter();
        let tags = tags.map(|tag| self.tag_names.label(&mut next.tags, tag));
        let tags = tags.collect();
        Ok(Entry {
            id,
            tail: Tail::new(row.name, packed.software_bytes()),
            windows,
            first_seen: row.first_seen.as_microsecond(),
            last_seen: row.last_seen.as_microsecond(),
            sequence: row.sequence,
            group: row.group.map_or(crate::labels::NONE, |group| {
                self.group_names.label(&mut next.groups, group)
            }),
            tags: self.tag_set_names.set(&mut next.tag_sets, tags),
            value: row.value,
            exclusion: row.exclusion,
            counted: counts(next.ages, row.last_seen, row.exclusion, now),
        })
    }

    /// Takes another catalog into use, which may know other updates as applications' than the one before: machines
    /// that list such move to other classes.
    fn list_anew(&mut self, next: &mut Snapshot, assessor: Arc<Assessor>) -> Result<(), Damaged> {
        let relisted = self.classifier.relisted(&assessor)?;
        let groups = |kb: Kb| {
            let before = next.assessor.application_groups(kb);
            (before, assessor.application_groups(kb))
        };
        let named = next.dictionary.updates();
        let renamed: FxHashSet<u32> = named
            .filter(|(_, kb)| matches!(groups(*kb), (before, now) if before != now))
            .map(|(number, _)| number)
            .collect();
        let slots = 0..Slot::try_from(next.machines.len()).unwrap_or(Slot::MAX);
        let mut moving: Vec<(Slot, Entry, Vec<ApplicationsIx>)> = Vec::new();
        for slot in slots {
            let Some(entry) = next.entry(slot).filter(|entry| entry.counted) else {
                continue;
            };
            let lists = || entry.software().any(|number| renamed.contains(&number));
            if relisted.contains(&entry.windows) || (!renamed.is_empty() && lists()) {
                let entry = entry.clone();
                let before = self.applications(next, &entry);
                moving.push((slot, entry, before));
            }
        }
        self.classifier.list_anew(&mut next.classes, &assessor)?;
        next.assessor = assessor;
        for (slot, entry, before) in moving {
            let after = self.applications(next, &entry);
            move_applications(next, slot, &before, &after);
        }
        Ok(())
    }

    /// The classes of a machine's applications.
    pub(crate) fn applications(
        &mut self,
        next: &mut Snapshot,
        entry: &Entry,
    ) -> Vec<ApplicationsIx> {
        self.classifier.applications(
            &mut next.classes,
            &next.assessor,
            &next.dictionary,
            entry.windows,
            entry.software(),
        )
    }

    fn room(&mut self, next: &mut Snapshot) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            next.machines.push(None);
            Slot::try_from(next.machines.len() - 1).unwrap_or(Slot::MAX)
        })
    }

    /// Puts an entry in the place of what was there, in all sets.
    fn replace(&mut self, next: &mut Snapshot, slot: Slot, after: Option<Entry>) {
        let before = next.entry(slot).cloned();
        names(next, slot, before.as_ref(), after.as_ref());
        if let Some(before) = &before
            && let Some(seen) = self.by_hour.get_mut(&hour(before.last_seen))
        {
            seen.remove(slot);
        }
        if let Some(after) = &after {
            let seen = self.by_hour.entry(hour(after.last_seen)).or_default();
            seen.insert(slot);
        }
        next.known += u64::from(after.is_some());
        next.known -= u64::from(before.is_some());
        let name =
            |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.name().map(str::to_owned));
        if name(&before) != name(&after) {
            next.order = Arc::default();
        }
        let counted = |entry: &&Entry| entry.counted;
        let (old, new) = (
            before.as_ref().filter(counted),
            after.as_ref().filter(counted),
        );
        let alike = old.zip(new).is_some_and(|(old, new)| {
            old.windows == new.windows && old.tail.has_software_of(&new.tail)
        });
        if !alike {
            let old = old.map(|entry| self.applications(next, entry));
            let new = new.map(|entry| self.applications(next, entry));
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            move_applications(next, slot, &old, &new);
            software(
                next,
                slot,
                before.as_ref().filter(counted),
                after.as_ref().filter(counted),
            );
        }
        sets(
            next,
            slot,
            before.as_ref().filter(counted),
            after.as_ref().filter(counted),
        );
        if let Some(place) = next.machines.get_mut(slot as usize) {
            *place = after;
        }
    }

    /// The machines in the counts that were not seen for too long.
    fn gone(&mut self, current: &Snapshot, now: Timestamp) -> Vec<Slot> {
        self.by_hour.retain(|_, seen| !seen.is_empty());
        let last = hour((now - current.ages.gone).as_microsecond());
        let hours = self.by_hour.range(..=last);
        let slots = hours.flat_map(|(_, seen)| seen.iter());
        slots
            .filter(|slot| {
                current.entry(*slot).is_some_and(|entry| {
                    let activity = current.ages.activity(time(entry.last_seen), now);
                    entry.counted && activity == Activity::Gone
                })
            })
            .collect()
    }

    fn leave(&mut self, next: &mut Snapshot, slot: Slot) {
        if let Some(entry) = next.entry(slot).cloned() {
            let after = Entry {
                counted: false,
                ..entry
            };
            self.replace(next, slot, Some(after));
        }
    }
}

/// Keeps the ways to find a machine.
fn names(next: &mut Snapshot, slot: Slot, before: Option<&Entry>, after: Option<&Entry>) {
    let id = |entry: Option<&Entry>| entry.map(|entry| entry.id.to_string());
    let (old, new) = (id(before), id(after));
    if old != new {
        old.inspect(|id| next.by_id.remove(id, slot));
        new.inspect(|id| next.by_id.insert(id, slot));
    }
    let name = |entry: Option<&Entry>| Some(entry?.name()?.to_lowercase());
    let (old, new) = (name(before), name(after));
    if old != new {
        old.inspect(|name| next.by_name.remove(name, slot));
        new.inspect(|name| next.by_name.insert(name, slot));
    }
}

/// Takes a machine out of the sets it is in no more, and into those it is in now.
fn sets(next: &mut Snapshot, slot: Slot, before: Option<&Entry>, after: Option<&Entry>) {
    next.counted += u64::from(after.is_some());
    next.counted -= u64::from(before.is_some());
    let change = |of: fn(&Entry) -> u32| (before.map(of), after.map(of));
    if let (old, new) = change(|entry| entry.windows)
        && old != new
    {
        let class = old.and_then(|at| next.classes.windows_mut(at));
        class.map(|class| class.machines.remove(slot));
        let class = new.and_then(|at| next.classes.windows_mut(at));
        class.map(|class| class.machines.insert(slot));
    }
    if let (old, new) = change(|entry| entry.group)
        && old != new
    {
        old.inspect(|at| next.groups.remove(*at, slot));
        new.inspect(|at| next.groups.insert(*at, slot));
    }
    if let (old, new) = change(|entry| entry.tags)
        && old != new
    {
        for tag in old.map_or_else(Vec::new, |at| next.tag_sets.get(at).to_vec()) {
            next.tags.remove(tag, slot);
        }
        for tag in new.map_or_else(Vec::new, |at| next.tag_sets.get(at).to_vec()) {
            next.tags.insert(tag, slot);
        }
    }
}

/// Takes a machine out of the classes of applications it is in no more, and into those it is in now.
fn move_applications(
    next: &mut Snapshot,
    slot: Slot,
    before: &[ApplicationsIx],
    after: &[ApplicationsIx],
) {
    for at in before.iter().filter(|at| !after.contains(at)) {
        if let Some(class) = next.classes.applications_mut(*at) {
            class.machines.remove(slot);
        }
    }
    for at in after.iter().filter(|at| !before.contains(at)) {
        if let Some(class) = next.classes.applications_mut(*at) {
            class.machines.insert(slot);
        }
    }
}

fn software(next: &mut Snapshot, slot: Slot, before: Option<&Entry>, after: Option<&Entry>) {
    let mut moved: Vec<SoftwareIx> = Vec::new();
    let of_entry = next.dictionary.of_entry().clone();
    let of = |number: u32| of_entry.get(number as usize).copied();
    let mut old = before.into_iter().flat_map(Entry::software).peekable();
    let mut new = after.into_iter().flat_map(Entry::software).peekable();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        let (number, insert) = match order {
            std::cmp::Ordering::Equal => {
                old.next();
                new.next();
                continue;
            }
            std::cmp::Ordering::Less => (old.next(), false),
            std::cmp::Ordering::Greater => (new.next(), true),
        };
        moved.extend(number.and_then(of).filter(|at| *at != NO_SOFTWARE));
        let set = number.and_then(|number| next.having.get_mut(number as usize));
        if let Some(set) = set {
            let set = Arc::make_mut(set);
            if insert {
                set.insert(slot);
            } else {
                set.remove(slot);
            }
        }
    }
    moved.sort_unstable();
    moved.dedup();
    let has = |entry: Option<&Entry>, software| {
        let mut numbers = entry.into_iter().flat_map(Entry::software);
        numbers.any(|number| of(number) == Some(software))
    };
    for software in moved {
        let (had, has) = (has(before, software), has(after, software));
        if had == has {
            continue;
        }
        let installed = Arc::make_mut(&mut next.installed);
        let at = software as usize;
        if installed.len() <= at {
            installed.resize(at + 1, 0);
        }
        if has {
            installed[at] += 1;
        } else {
            installed[at] -= 1;
        }
    }
}
