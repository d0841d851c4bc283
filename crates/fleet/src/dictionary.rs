//! The tenant's dictionary of software: every entry of any machine's list, once.

use std::sync::Arc;

use kbgap_assessment::Bearing;
use kbgap_catalog::{Kb, SoftwareId};
use kbgap_inventory::InstalledSoftware;

use crate::chunks::Chunks;
use crate::lookup::Lookup;
use crate::names::{Named, SoftwareNames};

/// Entries by their number, which the store gave them.
#[derive(Clone, Default)]
pub(crate) struct Dictionary {
    /// At 0 there is none.
    entries: Chunks<Option<Arc<Entry>>>,
    /// What each entry is of consequence for, by its number: most are for nothing, and this is near where the entries
    /// themselves are all over the memory.
    weights: Arc<Vec<Weight>>,
    /// The software that each entry is, by its number.
    of_entry: Arc<Vec<SoftwareIx>>,
    software: Chunks<Arc<Software>>,
    by_id: Lookup,
}

/// A position among the softwares of a dictionary.
pub(crate) type SoftwareIx = u32;
/// The software of what is none, as an update in a list.
pub(crate) const NO_SOFTWARE: SoftwareIx = SoftwareIx::MAX;

/// What an entry is of consequence for, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// There is no such entry.
    Absent,
    /// For nothing that is assessed.
    None,
    /// For applications only.
    Applications,
    /// For Windows, and perhaps for applications.
    Windows,
}

/// One entry of software lists.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) reported: Arc<InstalledSoftware>,
    pub(crate) bearing: Bearing,
    /// Its version in the inventory; `None` for what is no software, as an update in the list.
    pub(crate) version: Option<Box<str>>,
}

/// A software of any vendor.
#[derive(Debug, Clone)]
pub(crate) struct Software {
    pub(crate) id: SoftwareId,
    pub(crate) vendor: Box<str>,
    pub(crate) name: Box<str>,
    /// The entries that are it, in all versions.
    pub(crate) entries: Vec<u32>,
}

impl Weight {
    fn of(bearing: Bearing) -> Self {
        if bearing.windows {
            Self::Windows
        } else if bearing.applications.is_some() || bearing.update.is_some() {
            Self::Applications
        } else {
            Self::None
        }
    }
}

impl Dictionary {
    pub(crate) fn entry(&self, number: u32) -> Option<&Arc<Entry>> {
        self.entries.get(number as usize)?.as_ref()
    }

    /// What the entry of a number is of consequence for.
    pub(crate) fn weight(&self, number: u32) -> Weight {
        let weight = self.weights.get(number as usize);
        weight.copied().unwrap_or(Weight::Absent)
    }

    /// The highest number there is an entry of.
    pub(crate) fn last(&self) -> u32 {
        u32::try_from(self.entries.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    pub(crate) fn find(&self, id: &SoftwareId) -> Option<(SoftwareIx, &Software)> {
        let mut found = self.by_id.candidates(id.as_str());
        found.find_map(|at| {
            let software = self.software.get(at as usize)?;
            (software.id == *id).then_some((at, &**software))
        })
    }

    pub(crate) fn software(&self) -> impl Iterator<Item = (SoftwareIx, &Software)> {
        (0..).zip(self.software.iter().map(|software| &**software))
    }

    /// The software that an entry is.
    pub(crate) fn software_of(&self, number: u32) -> Option<&Software> {
        let at = *self.of_entry.get(number as usize)?;
        self.software.get(at as usize).map(|software| &**software)
    }

    /// The software that each entry is, by its number; [`NO_SOFTWARE`] where it is none.
    pub(crate) fn of_entry(&self) -> &Arc<Vec<SoftwareIx>> {
        &self.of_entry
    }

    /// The entries that are updates, by their number.
    pub(crate) fn updates(&self) -> impl Iterator<Item = (u32, Kb)> {
        let entries = (0u32..).zip(self.entries.iter());
        entries.filter_map(|(at, entry)| Some((at, entry.as_ref()?.bearing.update?)))
    }

    /// Learns an entry; `false` where it was known.
    pub(crate) fn learn(
        &mut self,
        number: u32,
        reported: Arc<InstalledSoftware>,
        names: &SoftwareNames,
    ) -> bool {
        if self.entry(number).is_some() {
            return false;
        }
        let mut software = NO_SOFTWARE;
        let version = names.identify(&reported).map(|named| {
            let version = named.version.clone();
            software = self.enter(named, number);
            version
        });
        let entry = Entry {
            bearing: Bearing::of(&reported),
            version,
            reported,
        };
        while self.entries.len() <= number as usize {
            self.entries.push(None);
        }
        let weights = Arc::make_mut(&mut self.weights);
        if weights.len() < self.entries.len() {
            weights.resize(self.entries.len(), Weight::Absent);
        }
        weights[number as usize] = Weight::of(entry.bearing);
        let of_entry = Arc::make_mut(&mut self.of_entry);
        if of_entry.len() < self.entries.len() {
            of_entry.resize(self.entries.len(), NO_SOFTWARE);
        }
        of_entry[number as usize] = software;
        if let Some(place) = self.entries.get_mut(number as usize) {
            *place = Some(Arc::new(entry));
        }
        true
    }

    /// Enters an entry under its software.
    fn enter(&mut self, named: Named, entry: u32) -> SoftwareIx {
        let known = self.by_id.candidates(named.software.as_str()).find(|at| {
            let software = self.software.get(*at as usize);
            software.is_some_and(|software| software.id == named.software)
        });
        let at = known.unwrap_or_else(|| {
            let at = u32::try_from(self.software.len()).unwrap_or(u32::MAX);
            self.by_id.insert(named.software.as_str(), at);
            self.software.push(Arc::new(Software {
                id: named.software,
                vendor: named.vendor,
                name: named.name,
                entries: Vec::new(),
            }));
            at
        });
        if let Some(software) = self.software.get_mut(at as usize) {
            Arc::make_mut(software).entries.push(entry);
        }
        at
    }
}
