//! A fleet at a moment: what readers ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use jiff::Timestamp;
use kbgap_assessment::words::Evidence;
use kbgap_assessment::{Assessor, Findings, InstalledApplications, MachineState};
use kbgap_catalog::{Kb, ProductIx, SoftwareId, VulnerabilityId, VulnerabilityIx};
use kbgap_inventory::InstalledSoftware;
use rustc_hash::FxHashMap;

use crate::Slot;
use crate::chunks::Chunks;
use crate::classes::Classes;
use crate::closing::Closing;
use crate::dictionary::{Dictionary, Software, SoftwareIx};
use crate::entry::Entry;
use crate::exposure::Exposures;
use crate::facts::WindowsFacts;
use crate::labels::{Labels, TagSets};
use crate::lookup::Lookup;
use crate::machine::{Activity, Ages, Machine, MachineId};
use crate::order::Order;
use crate::outcome::{Outcome, ProductOutcome};
use crate::partition::Partition;
use crate::row::{self, MissingUpdate};
use crate::score::Scores;
use crate::selection::Selection;
use crate::set::MachineSet;
use crate::standing::Standings;

/// All machines of a tenant at a moment. It never changes: whoever has it asks it as long as it likes, while
/// changes make the next one.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) assessor: Arc<Assessor>,
    pub(crate) ages: Ages,
    pub(crate) machines: Chunks<Option<Entry>>,
    pub(crate) by_id: Lookup,
    pub(crate) by_name: Lookup,
    pub(crate) classes: Classes,
    pub(crate) dictionary: Dictionary,
    /// The machines that have an entry of the dictionary, by its number.
    pub(crate) having: Chunks<Arc<MachineSet>>,
    /// How many machines have each software of the dictionary, in any version.
    pub(crate) installed: Arc<Vec<u32>>,
    pub(crate) groups: Labels,
    pub(crate) tags: Labels,
    pub(crate) tag_sets: TagSets,
    /// Those in the sets.
    pub(crate) counted: u64,
    /// All that are known.
    pub(crate) known: u64,
    /// How many snapshots came before it.
    pub(crate) generation: u64,
    /// Shared with the snapshots before and after it that have the same machines.
    pub(crate) order: Arc<Order>,
    pub(crate) answers: Arc<Answers>,
}

/// Answers that were asked for, kept as long as the snapshot is the current one.
#[derive(Default)]
pub(crate) struct Answers {
    of_software: RwLock<FxHashMap<SoftwareId, Arc<[MissingUpdate]>>>,
    partition: OnceLock<Partition>,
    exposures: OnceLock<Arc<Exposures>>,
    scores: OnceLock<Arc<Scores>>,
    closing: OnceLock<Arc<Closing>>,
    standings: OnceLock<Arc<Standings>>,
    pub(crate) by_last_seen: OnceLock<Box<[Slot]>>,
    pub(crate) by_exposure: OnceLock<Box<[Slot]>>,
    pub(crate) open_counts: OnceLock<Box<[u32]>>,
    group_numbers: OnceLock<FxHashMap<Arc<str>, i32>>,
}

impl Answers {
    /// None yet; device groups have these numbers.
    pub(crate) fn numbering(groups: FxHashMap<Arc<str>, i32>) -> Self {
        Self {
            group_numbers: OnceLock::from(groups),
            ..Self::default()
        }
    }
}

/// A software of the inventory, with the machines that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftwareCount {
    /// Its id.
    pub id: SoftwareId,
    /// The vendor, as shown.
    pub vendor: Box<str>,
    /// The name, as shown.
    pub name: Box<str>,
    /// The machines that have it, in any version.
    pub machines: u64,
}

/// How many of what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// The machines known.
    pub machines: u64,
    /// Those that count: the others are excluded, or were not seen for too long.
    pub counted: u64,
    /// The states of Windows that machines are in.
    pub windows_states: usize,
    /// The states that applications of one group are in on machines.
    pub application_states: usize,
    /// The entries of the dictionary: software by vendor, name and version as reported.
    pub software_entries: u32,
}

impl Snapshot {
    /// The assessor in use.
    pub fn assessor(&self) -> &Arc<Assessor> {
        &self.assessor
    }

    /// After what time without a report machines are inactive, and count no more.
    pub fn ages(&self) -> Ages {
        self.ages
    }

    /// A number that is another for every snapshot of a fleet.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many of what there is.
    pub fn figures(&self) -> Figures {
        let windows = self.classes.windows.iter();
        let applications = self.classes.applications.iter();
        Figures {
            machines: self.known,
            counted: self.counted,
            windows_states: windows.filter(|class| !class.machines.is_empty()).count(),
            application_states: applications
                .filter(|class| !class.machines.is_empty())
                .count(),
            software_entries: self.dictionary.last(),
        }
    }

    /// A machine, by its id or its DNS name, whatever the case. Of several with one name the one seen last.
    pub fn machine(&self, id_or_name: &str) -> Option<Machine> {
        Some(self.shown(self.find(id_or_name)?))
    }

    /// Whether a machine still reports; `None` where it is not known.
    pub fn activity(&self, id_or_name: &str, now: Timestamp) -> Option<Activity> {
        let entry = self.find(id_or_name)?;
        Some(self.ages.activity(time(entry.last_seen), now))
    }

    /// The software of a machine as it reported it; `None` where the machine is not known.
    pub fn software_on_machine(&self, id_or_name: &str) -> Option<Vec<InstalledSoftware>> {
        let entry = self.find(id_or_name)?;
        let software = entry.software();
        let entries = software.filter_map(|number| self.dictionary.entry(number));
        Some(entries.map(|entry| (*entry.reported).clone()).collect())
    }

    /// The whole state of a machine; `None` where the machine is not known, `Some(None)` where its Windows is not.
    pub fn state(&self, id_or_name: &str) -> Option<Option<MachineState>> {
        Some(self.state_of(self.find(id_or_name)?))
    }

    /// All that is found on a machine; `Some(None)` where its Windows is not known.
    pub fn findings(&self, id_or_name: &str) -> Option<Option<Findings>> {
        let state = self.state(id_or_name)?;
        Some(state.map(|state| self.assessor.assess(&state)))
    }

    /// What a machine lacks and what is pending or cannot be told on it, each with its evidence, in order of KB.
    /// `None` where the machine is not known.
    pub fn evidence_on_machine(&self, id_or_name: &str) -> Option<Vec<Evidence>> {
        let Some(state) = self.state(id_or_name)? else {
            return Some(Vec::new());
        };
        let catalog = self.assessor.catalog();
        let findings = self.assessor.assess(&state);
        let missing = findings.missing.iter().map(|missing| missing.update);
        let unknown = findings.unknown.iter().map(|unknown| unknown.update);
        let updates = missing.chain(unknown).map(|at| catalog.update(at).kb);
        let pending = findings.pending.iter().map(|pending| pending.kb);
        let kbs: BTreeSet<Kb> = updates.chain(pending).collect();
        let evidence = kbs.into_iter();
        let evidence = evidence.filter_map(|kb| self.assessor.evidence(&state, kb));
        Some(evidence.collect())
    }

    /// Why one update is present, missing or neither on a machine; the outer `None` where the machine is not
    /// known, the inner one where the update is of no concern there.
    pub fn evidence_of_update(&self, id_or_name: &str, kb: Kb) -> Option<Option<Evidence>> {
        let state = self.state(id_or_name)?;
        Some(state.and_then(|state| self.assessor.evidence(&state, kb)))
    }

    /// The updates a machine lacks, one row an update: the API's machine route.
    /// `None` where the machine is not known.
    pub fn missing_on_machine(&self, id_or_name: &str) -> Option<Vec<MissingUpdate>> {
        let Some(state) = self.state(id_or_name)? else {
            return Some(Vec::new());
        };
        let findings = self.assessor.assess(&state);
        Some(row::of_machine(self.assessor.catalog(), &state, &findings))
    }

    /// The updates missing for a software on at least one machine: the API's software route.
    /// `None` where neither the catalog nor any machine has the software.
    pub fn missing_for_software(&self, software: &SoftwareId) -> Option<Arc<[MissingUpdate]>> {
        let known = self.answers.of_software.read();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = known.get(software) {
            return Some(rows.clone());
        }
        drop(known);
        let catalog = self.assessor.catalog();
        let products = catalog.find_software(software);
        let rows: Arc<[MissingUpdate]> = if products.is_empty() {
            self.software_count(software)?;
            Arc::from([])
        } else {
            row::of_software(
                catalog,
                software,
                &products,
                &self.classes,
                self.partition(),
            )
            .into()
        };
        let mut known = self
            .answers
            .of_software
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert(software.clone(), rows.clone());
        Some(rows)
    }

    /// The updates missing on any machine, in order of KB.
    pub fn missing(&self) -> Vec<MissingUpdate> {
        row::of_fleet(self.assessor.catalog(), &self.classes, self.partition())
    }

    /// By KB, how many machines lack an update.
    pub fn machines_by_missing_kb(&self) -> BTreeMap<Kb, u64> {
        let catalog = self.assessor.catalog();
        let partition = self.partition();
        let lacking = partition.having(|outcome| outcome.missing.to_vec());
        lacking
            .into_iter()
            .map(|(at, cells)| {
                let machines = partition.machines(&cells, &self.classes);
                (catalog.update(at).kb, machines)
            })
            .collect()
    }

    /// The machines that lack an update, in order of id.
    pub fn machines_lacking(&self, kb: Kb) -> Vec<Machine> {
        self.machines_at(&self.lacking(kb))
    }

    /// The machines that still need an update, in order of id: they lack it, or something that it closes is still open
    /// where it closes that. Once a newer update replaces one, no machine lacks the older any more, but those that have
    /// neither need it still. `None` where the catalogue does not know the update.
    pub fn machines_in_need_of(&self, kb: Kb) -> Option<Vec<Machine>> {
        let catalog = self.assessor.catalog();
        let update = catalog.find_update(kb)?;
        let closed: FxHashMap<ProductIx, Vec<VulnerabilityIx>> = catalog
            .all_products()
            .map(|product| (product, catalog.fixed_by(update, [product])))
            .filter(|(_, closed)| !closed.is_empty())
            .collect();
        let needs = |own: &ProductOutcome| {
            closed.get(&own.product).is_some_and(|closed| {
                let mut open = own.open.iter();
                open.any(|open| closed.binary_search(&open.vulnerability).is_ok())
            })
        };
        Some(self.machines_where(|outcome| {
            outcome.missing.contains(&update) || outcome.products.iter().any(needs)
        }))
    }

    /// By vulnerability, how many machines it is open on.
    pub fn machines_by_open_vulnerability(&self) -> BTreeMap<VulnerabilityId, u64> {
        let catalog = self.assessor.catalog();
        let partition = self.partition();
        let open = partition.having(Outcome::open).into_iter();
        open.map(|(at, cells)| {
            let id = catalog.vulnerability(at).id.clone();
            (id, partition.machines(&cells, &self.classes))
        })
        .collect()
    }

    /// The machines a vulnerability is open on, in order of id.
    pub fn machines_exposed(&self, vulnerability: VulnerabilityIx) -> Vec<Machine> {
        self.machines_at(&self.exposed_to(vulnerability))
    }

    /// What is open in the whole fleet: worked out once for a snapshot.
    pub fn exposures(&self) -> Arc<Exposures> {
        let made = || Arc::new(Exposures::of(self));
        self.answers.exposures.get_or_init(made).clone()
    }

    /// How exposed the fleet is: worked out once for a snapshot.
    pub fn scores(&self) -> Arc<Scores> {
        let made = || Arc::new(Scores::of(self));
        self.answers.scores.get_or_init(made).clone()
    }

    /// What installing each missing update would close: worked out once for a snapshot.
    pub fn closing(&self) -> Arc<Closing> {
        let made = || Arc::new(Closing::of(self));
        self.answers.closing.get_or_init(made).clone()
    }

    /// How the machines stand: worked out once for a snapshot, as of when that was asked first.
    pub fn standings(&self, now: Timestamp) -> Arc<Standings> {
        let made = || Arc::new(Standings::of(self, now));
        self.answers.standings.get_or_init(made).clone()
    }

    /// [`Snapshot::score_of`], of a machine by its id alone.
    pub fn score_of_machine(&self, id: &MachineId) -> Option<f64> {
        Some(self.scores().of_slot(self.slot(id)?))
    }

    /// How many vulnerabilities are open on each machine, each counted in each software: in order of the machines' ids.
    pub fn open_in_order(&self) -> impl Iterator<Item = u32> {
        let counts = self.open_counts();
        let order = self.order().iter();
        order.map(|slot| counts.get(*slot as usize).copied().unwrap_or_default())
    }

    /// How exposed a machine is, 0 to 100; `None` where it is not known.
    pub fn score_of(&self, id_or_name: &str) -> Option<f64> {
        Some(self.scores().of_slot(self.find_slot(id_or_name)?))
    }

    /// The machines on which a software has an open vulnerability, in order of id.
    pub fn machines_exposed_by(&self, software: &SoftwareId) -> Vec<Machine> {
        let products = self.assessor.catalog().find_software(software);
        self.machines_where(|outcome| {
            let mut own = outcome.products.iter();
            own.any(|own| !own.open.is_empty() && products.contains(&own.product))
        })
    }

    /// The software of the inventory that machines have, in order of id.
    pub fn software(&self) -> Vec<SoftwareCount> {
        let all = self.dictionary.software();
        let counted = all.filter_map(|(at, software)| self.count(at, software));
        let mut counted: Vec<SoftwareCount> = counted.collect();
        counted.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        counted
    }

    /// A software of the inventory; `None` where no machine has it.
    pub fn software_count(&self, software: &SoftwareId) -> Option<SoftwareCount> {
        let (at, software) = self.dictionary.find(software)?;
        self.count(at, software)
    }

    /// The machines that have a software, by their inventory or by what is in scope on them; in order of id.
    pub fn machines_having(&self, software: &SoftwareId) -> Vec<Machine> {
        self.machines_at(&self.having_software(software))
    }

    /// The device groups, each with how many machines count in it, in order of name.
    pub fn groups(&self) -> BTreeMap<Arc<str>, u64> {
        counts(&self.groups)
    }

    /// The number of a device group, from 1 in the order of their names; `None` where no machine that counts is in it.
    pub fn group_number(&self, name: &str) -> Option<i32> {
        self.group_numbers().get(name).copied()
    }

    pub(crate) fn group_numbers(&self) -> &FxHashMap<Arc<str>, i32> {
        self.answers.group_numbers.get_or_init(|| {
            let names = (1..).zip(self.groups().into_keys());
            names.map(|(number, name)| (name, number)).collect()
        })
    }

    /// The tags, each with how many machines that count have it, in order.
    pub fn tags(&self) -> BTreeMap<Arc<str>, u64> {
        counts(&self.tags)
    }

    /// All machines, in no order.
    pub fn machines(&self) -> impl Iterator<Item = Machine> {
        self.machines
            .iter()
            .flatten()
            .map(|entry| self.shown(entry))
    }

    /// An entry of the tenant's dictionary of software.
    pub fn dictionary_entry(&self, number: u32) -> Option<&Arc<InstalledSoftware>> {
        Some(&self.dictionary.entry(number)?.reported)
    }

    /// The highest number there is an entry of the dictionary for.
    pub fn dictionary_last(&self) -> u32 {
        self.dictionary.last()
    }

    /// The number of the change that wrote a machine's row, as far as it is in the index.
    pub fn sequence(&self, id: &MachineId) -> Option<i64> {
        Some(self.entry(self.slot(id)?)?.sequence)
    }

    pub(crate) fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.machines.get(slot as usize)?.as_ref()
    }

    pub(crate) fn slot(&self, id: &MachineId) -> Option<Slot> {
        self.slot_of(id, &id.to_string())
    }

    /// [`Snapshot::slot`], for an id whose text is at hand.
    pub(crate) fn slot_of(&self, id: &MachineId, text: &str) -> Option<Slot> {
        let mut found = self.by_id.candidates(text);
        found.find(|slot| self.entry(*slot).is_some_and(|entry| entry.id == *id))
    }

    fn find(&self, id_or_name: &str) -> Option<&Entry> {
        self.entry(self.find_slot(id_or_name)?)
    }

    pub(crate) fn find_slot(&self, id_or_name: &str) -> Option<Slot> {
        if let Some(slot) = self.slot(&MachineId::new(id_or_name)) {
            return Some(slot);
        }
        let name = id_or_name.to_lowercase();
        let found = self.by_name.candidates(&name);
        let found = found.filter_map(|slot| Some((slot, self.entry(slot)?)));
        let (slot, _) = found
            .filter(|(_, entry)| entry.name().is_some_and(|own| own.to_lowercase() == name))
            .max_by(|(_, one), (_, other)| {
                (one.last_seen, &one.id).cmp(&(other.last_seen, &other.id))
            })?;
        Some(slot)
    }

    fn state_of(&self, entry: &Entry) -> Option<MachineState> {
        let windows = self.classes.windows(entry.windows)?.state.as_ref().ok()?;
        let mut state = MachineState::clone(windows);
        let entries = entry.software().filter_map(|at| self.dictionary.entry(at));
        let applications = entries.filter(|entry| entry.bearing.applications.is_some());
        let applications = applications.map(|entry| &*entry.reported);
        state.applications = InstalledApplications::of_software(applications);
        Some(state)
    }

    pub(crate) fn shown(&self, entry: &Entry) -> Machine {
        let state = self.classes.windows(entry.windows);
        let state = state.map(|class| class.state.as_ref());
        let tags = self.tag_sets.get(entry.tags).iter();
        let mut tags: Vec<Arc<str>> = tags
            .filter_map(|tag| self.tags.name(*tag).cloned())
            .collect();
        tags.sort_unstable();
        Machine {
            id: entry.id.clone(),
            name: entry.name().map(Into::into),
            first_seen: time(entry.first_seen),
            last_seen: time(entry.last_seen),
            group: self.groups.name(entry.group).cloned(),
            tags,
            value: entry.value,
            exclusion: entry.exclusion,
            windows: state.and_then(|state| state.ok().cloned().map(WindowsFacts::new)),
            unidentified: state.and_then(|state| state.err().cloned()),
        }
    }

    pub(crate) fn partition(&self) -> &Partition {
        let made = || Partition::of(&self.classes);
        self.answers.partition.get_or_init(made)
    }

    /// The machines whose outcome is wanted, in order of id.
    fn machines_where(&self, wanted: impl Fn(&Outcome) -> bool) -> Vec<Machine> {
        self.machines_at(&self.selected(wanted))
    }

    fn machines_at(&self, Selection(slots): &Selection) -> Vec<Machine> {
        let entries = slots.iter().filter_map(|slot| self.entry(slot));
        let mut machines: Vec<Machine> = entries.map(|entry| self.shown(entry)).collect();
        machines.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        machines
    }

    pub(crate) fn machines_of<'a>(
        &'a self,
        software: &'a Software,
    ) -> impl Iterator<Item = &'a MachineSet> {
        let sets = software.entries.iter();
        let sets = sets.filter_map(|number| self.having.get(*number as usize));
        sets.map(|set| &**set).filter(|set| !set.is_empty())
    }

    fn count(&self, at: SoftwareIx, software: &Software) -> Option<SoftwareCount> {
        let machines = u64::from(self.installed.get(at as usize).copied()?);
        (machines > 0).then(|| SoftwareCount {
            id: software.id.clone(),
            vendor: software.vendor.clone(),
            name: software.name.clone(),
            machines,
        })
    }
}

fn counts(labels: &Labels) -> BTreeMap<Arc<str>, u64> {
    let labels = labels.in_use();
    labels
        .map(|(name, machines)| (name.clone(), machines.len()))
        .collect()
}

pub(crate) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}
