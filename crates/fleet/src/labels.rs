//! Device groups and tags.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::Slot;
use crate::chunks::Chunks;
use crate::set::MachineSet;

/// A position among labels, or among sets of tags.
pub(crate) type LabelIx = u32;
/// No label, or the empty set of tags.
pub(crate) const NONE: LabelIx = 0;

/// Labels of one kind, each with the machines that have it.
#[derive(Clone)]
pub(crate) struct Labels {
    labels: Chunks<Arc<Label>>,
}

#[derive(Debug, Clone, Default)]
struct Label {
    name: Arc<str>,
    machines: MachineSet,
}

impl Default for Labels {
    /// Without labels but the one that stands for none.
    fn default() -> Self {
        Self {
            labels: std::iter::once(Arc::default()).collect(),
        }
    }
}

impl Labels {
    pub(crate) fn name(&self, at: LabelIx) -> Option<&Arc<str>> {
        let label = self.labels.get(at as usize).filter(|_| at != NONE)?;
        Some(&label.name)
    }

    /// The labels that machines have, each with these.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = (&Arc<str>, &MachineSet)> {
        let labels = self.labels.iter().skip(1);
        labels
            .filter(|label| !label.machines.is_empty())
            .map(|label| (&label.name, &label.machines))
    }

    /// The same labels with other machines.
    pub(crate) fn map(&self, machines: impl Fn(&MachineSet) -> MachineSet) -> Self {
        let labels = self.labels.iter().map(|label| {
            Arc::new(Label {
                name: label.name.clone(),
                machines: machines(&label.machines),
            })
        });
        Self {
            labels: labels.collect(),
        }
    }

    pub(crate) fn insert(&mut self, at: LabelIx, slot: Slot) {
        if let Some(label) = self.labels.get_mut(at as usize).filter(|_| at != NONE) {
            Arc::make_mut(label).machines.insert(slot);
        }
    }

    pub(crate) fn remove(&mut self, at: LabelIx, slot: Slot) {
        if let Some(label) = self.labels.get_mut(at as usize).filter(|_| at != NONE) {
            Arc::make_mut(label).machines.remove(slot);
        }
    }
}

/// How labels are found by name; only the writer needs it.
#[derive(Default)]
pub(crate) struct LabelNames {
    by_name: FxHashMap<Arc<str>, LabelIx>,
}

impl LabelNames {
    pub(crate) fn label(&mut self, labels: &mut Labels, name: &str) -> LabelIx {
        if let Some(known) = self.by_name.get(name) {
            return *known;
        }
        let name: Arc<str> = name.into();
        let at = LabelIx::try_from(labels.labels.len()).unwrap_or(LabelIx::MAX);
        labels.labels.push(Arc::new(Label {
            name: name.clone(),
            machines: MachineSet::default(),
        }));
        self.by_name.insert(name, at);
        at
    }
}

/// The sets of tags that machines have: few, whatever the number of machines.
#[derive(Clone)]
pub(crate) struct TagSets {
    sets: Chunks<Arc<[LabelIx]>>,
}

impl Default for TagSets {
    fn default() -> Self {
        Self {
            sets: std::iter::once(Arc::from([])).collect(),
        }
    }
}

impl TagSets {
    pub(crate) fn get(&self, at: LabelIx) -> &[LabelIx] {
        self.sets.get(at as usize).map_or(&[], |set| set)
    }
}

/// How sets of tags are found; only the writer needs it.
#[derive(Default)]
pub(crate) struct TagSetNames {
    by_tags: FxHashMap<Arc<[LabelIx]>, LabelIx>,
}

impl TagSetNames {
    pub(crate) fn set(&mut self, sets: &mut TagSets, mut tags: Vec<LabelIx>) -> LabelIx {
        tags.sort_unstable();
        tags.dedup();
        if tags.is_empty() {
            return NONE;
        }
        if let Some(known) = self.by_tags.get(&*tags) {
            return *known;
        }
        let tags: Arc<[LabelIx]> = tags.into();
        let at = LabelIx::try_from(sets.sets.len()).unwrap_or(LabelIx::MAX);
        sets.sets.push(tags.clone());
        self.by_tags.insert(tags, at);
        at
    }
}
