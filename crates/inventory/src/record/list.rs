//! Changes of a list.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kbgap_catalog::Kb;

use super::Steps;
use crate::merge;
use crate::report::{InstalledSoftware, InstalledUpdate};

/// What was added to a list, and what was removed from it. Removals come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChanges<T> {
    /// The entries added.
    pub added: Vec<T>,
    /// The entries removed.
    pub removed: Vec<T>,
}

impl<T> Default for ListChanges<T> {
    fn default() -> Self {
        Self {
            added: Vec::new(),
            removed: Vec::new(),
        }
    }
}

impl<T> ListChanges<T> {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// An entry of a list, and what makes it the same as another.
pub(super) trait Entry: Clone + PartialEq {
    /// What a list has once.
    type Key<'a>: Ord
    where
        Self: 'a;

    /// The entry's key.
    fn key(&self) -> Self::Key<'_>;

    /// Whether the removal of `self` is the removal of `known`, which has the same key.
    fn removes(&self, known: &Self) -> bool;

    /// The list sorted, each entry once.
    fn in_order(list: &[Self]) -> Vec<Self>;
}

impl Entry for InstalledUpdate {
    type Key<'a> = Kb;

    fn key(&self) -> Kb {
        self.kb
    }

    /// A known day tells an entry from the one that took its place; sources that give none mean the only one.
    fn removes(&self, known: &Self) -> bool {
        let (one, other) = (self.installed_on, known.installed_on);
        one == other || one.is_none() || other.is_none()
    }

    fn in_order(list: &[Self]) -> Vec<Self> {
        merge::updates(None, Some(list)).unwrap_or_default()
    }
}

impl Entry for InstalledSoftware {
    type Key<'a> = (&'a str, &'a str, &'a str);

    fn key(&self) -> Self::Key<'_> {
        (&self.vendor, &self.name, &self.version)
    }

    fn removes(&self, _known: &Self) -> bool {
        true
    }

    fn in_order(list: &[Self]) -> Vec<Self> {
        merge::software(None, Some(list)).unwrap_or_default()
    }
}

/// Applies changes to a known list; an unknown one stays unknown.
pub(super) fn apply<T: Entry>(
    changes: &ListChanges<T>,
    known: &mut Option<Vec<T>>,
    since: &mut Option<Timestamp>,
    at: Timestamp,
    steps: &mut Steps,
) {
    if changes.is_empty() {
        return;
    }
    let Some(list) = known else {
        steps.baseless = true;
        return;
    };
    if !steps.is_due(since, at) {
        return;
    }
    let next = next(list, changes);
    if *list != next {
        *list = next;
        steps.changed = true;
    }
}

fn next<T: Entry>(list: &[T], changes: &ListChanges<T>) -> Vec<T> {
    let mut removed: BTreeMap<T::Key<'_>, Vec<&T>> = BTreeMap::new();
    for entry in &changes.removed {
        removed.entry(entry.key()).or_default().push(entry);
    }
    let replaced: BTreeSet<T::Key<'_>> = changes.added.iter().map(T::key).collect();
    let mut next = changes.added.clone();
    for entry in list {
        let mut gone = removed.get(&entry.key()).into_iter().flatten();
        if !replaced.contains(&entry.key()) && !gone.any(|gone| gone.removes(entry)) {
            next.push(entry.clone());
        }
    }
    T::in_order(&next)
}
