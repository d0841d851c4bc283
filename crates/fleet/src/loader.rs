//! Builds a fleet from all rows of the store.
//!
//! A million machines with 150 entries each are 150 million memberships. Inserted one by one they would touch memory
//! all over; so they are turned over a range of 65,536 machines at a time, beside the reading, and appended.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_inventory::InstalledSoftware;

use crate::Slot;
use crate::chunks::Chunks;
use crate::dictionary::{NO_SOFTWARE, SoftwareIx};
use crate::entry::Tail;
use crate::fleet::{Writer, hour};
use crate::labels::{Labels, TagSets};
use crate::lookup::Lookup;
use crate::machine::{Ages, MachineId, MachineRow};
use crate::names::SoftwareNames;
use crate::packed::Damaged;
use crate::set::MachineSet;
use crate::snapshot::Snapshot;

/// How many machines a range has: a container of the bitmaps.
const RANGE: usize = 1 << 16;

/// Builds a fleet from all rows of the store.
pub struct Loader {
    snapshot: Snapshot,
    writer: Writer,
    names: Arc<SoftwareNames>,
    now: Timestamp,
    /// Those of the range at hand that count, by their number in it.
    range: Vec<(u16, Tail)>,
    turning: Option<Turning>,
}

/// The thread that turns lists of software into sets of machines.
struct Turning {
    ranges: SyncSender<Range>,
    sets: JoinHandle<Turned>,
}

struct Range {
    number: u16,
    machines: Vec<(u16, Tail)>,
    /// The software that each entry is.
    of_entry: Arc<Vec<SoftwareIx>>,
}

/// Lists of software, turned.
#[derive(Default)]
struct Turned {
    /// The machines that have each entry, by its number.
    sets: Vec<MachineSet>,
    /// How many machines have each software.
    installed: Vec<u32>,
}

/// A fleet that was loaded.
pub struct Loaded {
    pub(crate) snapshot: Snapshot,
    pub(crate) writer: Writer,
    pub(crate) names: Arc<SoftwareNames>,
}

impl Loader {
    /// Begins a fleet; `now` tells which machines were not seen for too long to count.
    pub fn new(
        tenant: &str,
        assessor: Arc<Assessor>,
        names: Arc<SoftwareNames>,
        ages: Ages,
        now: Timestamp,
    ) -> Self {
        Self {
            snapshot: Snapshot {
                assessor,
                ages,
                machines: Chunks::default(),
                by_id: Lookup::default(),
                by_name: Lookup::default(),
                classes: crate::classes::Classes::default(),
                dictionary: crate::dictionary::Dictionary::default(),
                having: Chunks::default(),
                installed: Arc::default(),
                groups: Labels::default(),
                tags: Labels::default(),
                tag_sets: TagSets::default(),
                counted: 0,
                known: 0,
                generation: 0,
                order: Arc::default(),
                answers: Arc::default(),
            },
            writer: Writer::new(tenant),
            names,
            now,
            range: Vec::new(),
            turning: None,
        }
    }

    /// Learns entries of the dictionary; before the rows that name them.
    pub fn learn(&mut self, entries: impl IntoIterator<Item = (u32, Arc<InstalledSoftware>)>) {
        for (number, reported) in entries {
            self.snapshot.learn(number, reported, &self.names);
        }
    }

    /// Takes in a row, each machine once.
    ///
    /// # Errors
    /// Where the row cannot be read: it is left out.
    pub fn add(&mut self, row: &MachineRow<'_>) -> Result<(), Damaged> {
        let id = MachineId::new(row.id);
        let next = &mut self.snapshot;
        let entry = self.writer.entry(next, row, id, self.now)?;
        let slot = Slot::try_from(next.machines.len()).unwrap_or(Slot::MAX);
        next.by_id.insert(&entry.id.to_string(), slot);
        if let Some(name) = entry.name() {
            next.by_name.insert(&name.to_lowercase(), slot);
        }
        let seen = self
            .writer
            .by_hour
            .entry(hour(entry.last_seen))
            .or_default();
        seen.insert(slot);
        next.known += 1;
        if entry.counted {
            next.counted += 1;
            if let Some(class) = next.classes.windows_mut(entry.windows) {
                class.machines.insert(slot);
            }
            for at in self.writer.applications(next, &entry) {
                if let Some(class) = next.classes.applications_mut(at) {
                    class.machines.insert(slot);
                }
            }
            next.groups.insert(entry.group, slot);
            for tag in next.tag_sets.get(entry.tags) {
                next.tags.insert(*tag, slot);
            }
            let low = u16::try_from(slot % (1 << 16)).unwrap_or_default();
            self.range.push((low, entry.tail.clone()));
        }
        next.machines.push(Some(entry));
        if next.machines.len().is_multiple_of(RANGE) {
            self.turn();
        }
        Ok(())
    }

    /// Hands the range at hand over.
    fn turn(&mut self) {
        let machines = std::mem::take(&mut self.range);
        let last = self.snapshot.machines.len().saturating_sub(1);
        let number = u16::try_from(last / RANGE).unwrap_or(u16::MAX);
        let turning = self.turning.get_or_insert_with(|| {
            // One range waits while one is turned: more would only take memory.
            let (ranges, received) = sync_channel(1);
            Turning {
                ranges,
                sets: std::thread::spawn(move || turn_all(&received)),
            }
        });
        // It ends only when this end is dropped, or by a panic, which joining it will show.
        let _ = turning.ranges.send(Range {
            number,
            machines,
            of_entry: self.snapshot.dictionary.of_entry().clone(),
        });
    }

    /// The fleet of all that was added, assessed.
    pub fn finish(mut self) -> Loaded {
        if !self.range.is_empty() {
            self.turn();
        }
        let assessor = self.snapshot.assessor.clone();
        self.writer
            .classifier
            .assess(&mut self.snapshot.classes, &assessor);
        if let Some(turning) = self.turning {
            drop(turning.ranges);
            let Turned { sets, installed } = match turning.sets.join() {
                Ok(turned) => turned,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            self.snapshot.installed = Arc::new(installed);
            let entries = self.snapshot.having.len();
            self.snapshot.having = sets.into_iter().map(Arc::new).collect();
            while self.snapshot.having.len() < entries {
                self.snapshot.having.push(Arc::default());
            }
        }
        Loaded {
            snapshot: self.snapshot,
            writer: self.writer,
            names: self.names,
        }
    }
}

fn turn_all(ranges: &Receiver<Range>) -> Turned {
    let mut all_turned = Turned::default();
    // The machine that had each software last, so that one counts once.
    let mut counted: Vec<u32> = Vec::new();
    let mut ends: Vec<u32> = Vec::new();
    let mut turned: Vec<u16> = Vec::new();
    while let Ok(range) = ranges.recv() {
        // How often each number occurs, and so where its machines begin.
        ends.clear();
        let mut all = 0;
        let Turned { sets, installed } = &mut all_turned;
        for (low, tail) in &range.machines {
            let machine = (u32::from(range.number) << 16) | u32::from(*low);
            for number in tail.software() {
                let software = range.of_entry.get(number as usize);
                let number = number as usize;
                if ends.len() <= number {
                    ends.resize(number + 1, 0);
                }
                ends[number] += 1;
                all += 1;
                let Some(software) = software.filter(|at| **at != NO_SOFTWARE) else {
                    continue;
                };
                let software = *software as usize;
                if installed.len() <= software {
                    installed.resize(software + 1, 0);
                    counted.resize(software + 1, Slot::MAX);
                }
                if counted[software] != machine {
                    counted[software] = machine;
                    installed[software] += 1;
                }
            }
        }
        let mut begin = 0;
        for end in &mut ends {
            (begin, *end) = (begin + *end, begin);
        }
        turned.clear();
        turned.resize(all, 0);
        // Each number's place moves on, from its begin to its end.
        for (low, tail) in &range.machines {
            for number in tail.software() {
                let place = &mut ends[number as usize];
                turned[*place as usize] = *low;
                *place += 1;
            }
        }
        if sets.len() < ends.len() {
            sets.resize_with(ends.len(), MachineSet::default);
        }
        let mut begin = 0;
        for (set, end) in sets.iter_mut().zip(&ends) {
            let low = &turned[begin..*end as usize];
            begin = *end as usize;
            if !low.is_empty() {
                set.append(range.number, low);
            }
        }
    }
    all_turned
}
