//! All machines of a tenant in memory, and what they lack together.
//!
//! A machine is its state: machines of equal state share one assessment, and a fleet-wide answer
//! is a sum over states, not over machines.

mod machine;
mod row;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kbgap_assessment::words::Evidence;
use kbgap_assessment::{Assessor, Findings, MachineState};
use kbgap_catalog::{Kb, SoftwareId};
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

pub use machine::{Known, Machine, MachineId};
pub use row::MissingUpdate;

/// The machines of one tenant.
///
/// Shared between threads: readers go on beside each other, a change waits for them briefly.
pub struct Fleet {
    index: RwLock<Index>,
}

/// A number that stands for a machine in the bitmaps.
type Slot = u32;
/// A position in [`Index::states`].
type StateIx = usize;

struct Index {
    assessor: Arc<Assessor>,
    machines: Vec<Option<Entry>>,
    free: Vec<Slot>,
    by_id: FxHashMap<MachineId, Slot>,
    by_name: FxHashMap<Box<str>, Slot>,
    states: Vec<Class>,
    by_state: FxHashMap<Arc<MachineState>, StateIx>,
}

struct Entry {
    machine: Machine,
    /// The class, for a machine whose product is known.
    class: Option<StateIx>,
}

/// Machines of equal state.
struct Class {
    state: Arc<MachineState>,
    findings: Arc<Findings>,
    machines: RoaringBitmap,
}

/// What is found on one machine.
#[derive(Debug, Clone)]
pub struct MachineFindings {
    /// The machine.
    pub machine: Machine,
    /// What it lacks; `None` where its product is not known.
    pub findings: Option<Arc<Findings>>,
}

impl Fleet {
    /// A fleet without machines.
    pub fn new(assessor: Arc<Assessor>) -> Self {
        Self {
            index: RwLock::new(Index {
                assessor,
                machines: Vec::new(),
                free: Vec::new(),
                by_id: FxHashMap::default(),
                by_name: FxHashMap::default(),
                states: Vec::new(),
                by_state: FxHashMap::default(),
            }),
        }
    }

    /// Takes in a machine, new or reporting again.
    pub fn put(&self, machine: Machine) {
        self.write().put(machine);
    }

    /// Forgets a machine; `false` where it is not known.
    pub fn remove(&self, id: &MachineId) -> bool {
        self.write().remove(id)
    }

    /// Assesses every state anew, against another catalog.
    pub fn use_catalog(&self, assessor: Arc<Assessor>) {
        let mut index = self.write();
        for class in &mut index.states {
            class.findings = Arc::new(assessor.assess(&class.state));
        }
        index.assessor = assessor;
    }

    /// How many machines there are.
    pub fn len(&self) -> usize {
        self.read().by_id.len()
    }

    /// Whether there is no machine.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many different states the machines are in.
    pub fn states(&self) -> usize {
        let index = self.read();
        index
            .states
            .iter()
            .filter(|class| !class.machines.is_empty())
            .count()
    }

    /// The assessor in use.
    pub fn assessor(&self) -> Arc<Assessor> {
        self.read().assessor.clone()
    }

    /// What is found on a machine, by its id or its DNS name, whatever the case.
    pub fn machine(&self, id_or_name: &str) -> Option<MachineFindings> {
        let index = self.read();
        let entry = index.find(id_or_name)?;
        Some(MachineFindings {
            machine: entry.machine.clone(),
            findings: entry
                .class
                .map(|class| index.states[class].findings.clone()),
        })
    }

    /// What a machine lacks and what is pending or cannot be told on it, each with its evidence, in order of KB.
    /// `None` where the machine is not known.
    pub fn evidence_on_machine(&self, id_or_name: &str) -> Option<Vec<Evidence>> {
        let (state, assessor) = self.state_of(id_or_name)?;
        let Some(state) = state else {
            return Some(Vec::new());
        };
        let catalog = assessor.catalog();
        let findings = assessor.assess(&state);
        let missing = findings.missing.iter().map(|missing| missing.update);
        let unknown = findings.unknown.iter().map(|unknown| unknown.update);
        let updates = missing.chain(unknown).map(|at| catalog.update(at).kb);
        let pending = findings.pending.iter().map(|pending| pending.kb);
        let kbs: BTreeSet<Kb> = updates.chain(pending).collect();
        let evidence = kbs.into_iter();
        Some(
            evidence
                .filter_map(|kb| assessor.evidence(&state, kb))
                .collect(),
        )
    }

    /// Why one update is present, missing or neither on a machine; the outer `None` where the machine is not
    /// known, the inner one where the update is of no concern there.
    pub fn evidence_of_update(&self, id_or_name: &str, kb: Kb) -> Option<Option<Evidence>> {
        let (state, assessor) = self.state_of(id_or_name)?;
        Some(state.and_then(|state| assessor.evidence(&state, kb)))
    }

    /// The state of a machine, where its product is known.
    fn state_of(&self, id_or_name: &str) -> Option<(Option<Arc<MachineState>>, Arc<Assessor>)> {
        let index = self.read();
        let entry = index.find(id_or_name)?;
        let state = entry.class.map(|class| index.states[class].state.clone());
        Some((state, index.assessor.clone()))
    }

    /// The updates a machine lacks, one row an update: the API's machine route.
    /// `None` where the machine is not known.
    pub fn missing_on_machine(&self, id_or_name: &str) -> Option<Vec<MissingUpdate>> {
        let index = self.read();
        let entry = index.find(id_or_name)?;
        let rows = entry.class.map(|class| {
            let class = &index.states[class];
            row::of_machine(index.assessor.catalog(), &class.state, &class.findings)
        });
        Some(rows.unwrap_or_default())
    }

    /// The updates missing for a software on at least one machine: the API's software route.
    /// `None` where neither the catalog nor any machine has the software.
    pub fn missing_for_software(&self, software: &SoftwareId) -> Option<Vec<MissingUpdate>> {
        let index = self.read();
        let catalog = index.assessor.catalog();
        let products = catalog.find_software(software);
        if products.is_empty() {
            return index.has_software(software).then(Vec::new);
        }
        let classes = index
            .states
            .iter()
            .filter(|class| !class.machines.is_empty());
        let classes = classes.map(|class| (&*class.state, &*class.findings, class.machines.len()));
        Some(row::of_software(catalog, software, &products, classes))
    }

    // A poisoned lock means that a thread panicked while it held it; the index is written
    // in steps that leave it whole, so it is taken on.
    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn find(&self, id_or_name: &str) -> Option<&Entry> {
        let slot = self
            .by_id
            .get(&MachineId::new(id_or_name))
            .or_else(|| self.by_name.get(id_or_name.to_lowercase().as_str()))?;
        self.machines.get(*slot as usize)?.as_ref()
    }

    fn put(&mut self, machine: Machine) {
        let class = match &machine.known {
            Known::State(state) => Some(self.class_of(state)),
            Known::Unidentified(_) => None,
        };
        let slot = self.slot_of(&machine.id);
        if let Some(Some(before)) = self.machines.get(slot as usize) {
            let (before_class, name) = (before.class, before.machine.name.clone());
            if let Some(before_class) = before_class.filter(|before| Some(*before) != class) {
                self.states[before_class].machines.remove(slot);
            }
            self.forget_name(name.as_deref(), slot);
        }
        if let Some(class) = class {
            self.states[class].machines.insert(slot);
        }
        if let Some(name) = &machine.name {
            self.by_name
                .insert(name.to_lowercase().into_boxed_str(), slot);
        }
        self.machines[slot as usize] = Some(Entry { machine, class });
    }

    fn remove(&mut self, id: &MachineId) -> bool {
        let Some(slot) = self.by_id.remove(id) else {
            return false;
        };
        if let Some(entry) = self.machines[slot as usize].take() {
            if let Some(class) = entry.class {
                self.states[class].machines.remove(slot);
            }
            self.forget_name(entry.machine.name.as_deref(), slot);
        }
        self.free.push(slot);
        true
    }

    fn forget_name(&mut self, name: Option<&str>, slot: Slot) {
        if let Some(name) = name.map(str::to_lowercase)
            && self.by_name.get(name.as_str()) == Some(&slot)
        {
            self.by_name.remove(name.as_str());
        }
    }

    fn slot_of(&mut self, id: &MachineId) -> Slot {
        if let Some(slot) = self.by_id.get(id) {
            return *slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.machines.push(None);
            Slot::try_from(self.machines.len() - 1).unwrap_or(Slot::MAX)
        });
        self.by_id.insert(id.clone(), slot);
        slot
    }

    fn class_of(&mut self, state: &MachineState) -> StateIx {
        if let Some(class) = self.by_state.get(state) {
            return *class;
        }
        let state = Arc::new(state.clone());
        let findings = Arc::new(self.assessor.assess(&state));
        self.states.push(Class {
            state: state.clone(),
            findings,
            machines: RoaringBitmap::new(),
        });
        self.by_state.insert(state, self.states.len() - 1);
        self.states.len() - 1
    }

    fn has_software(&self, software: &SoftwareId) -> bool {
        self.states.iter().any(|class| {
            !class.machines.is_empty()
                && class
                    .state
                    .software
                    .iter()
                    .any(|found| found.software == *software)
        })
    }
}
