//! One machine: what it has, and what was found on it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kbgap_catalog::{Product, ProductIdentity, SoftwareId, UpdateIx, VulnerabilityIx};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Slot;
use crate::entry::Entry;
use crate::exposure::of_outcome;
use crate::machine::Machine;
use crate::outcome::{Open, Outcome};
use crate::snapshot::Snapshot;

/// A machine, with the outcomes of the classes it is in at hand.
pub struct OnMachine<'a> {
    fleet: &'a Snapshot,
    entry: &'a Entry,
    /// Of Windows, and of each group of its applications.
    outcomes: Vec<&'a Outcome>,
}

/// A software on a machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledVersion<'a> {
    /// The software.
    pub software: &'a SoftwareId,
    /// Its version; empty where it is not told.
    pub version: Cow<'a, str>,
}

/// A vulnerability that is open on one machine, in one software.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineVulnerability<'a> {
    /// The vulnerability.
    pub vulnerability: VulnerabilityIx,
    /// The software.
    pub software: &'a SoftwareId,
    /// The version that it is open in; none where that is not told.
    pub version: Option<Cow<'a, str>>,
    /// The missing update that closes it; none where Microsoft names none.
    pub fix: Option<UpdateIx>,
}

/// Goes through all machines. The classes are turned into lists of machines a range at a time, so that none is asked for
/// each machine.
#[derive(Debug, Default)]
pub struct Walk {
    next: Slot,
    turned: Option<Turned>,
}

/// The classes of applications that the machines of a range are in.
#[derive(Debug)]
struct Turned {
    range: Slot,
    /// Where each machine's classes begin in the list; one more than there are machines.
    begins: Vec<u32>,
    classes: Vec<u32>,
}

/// How many machines a range has: a container of the bitmaps.
const RANGE: Slot = 1 << 16;

impl Snapshot {
    /// A machine by its id or its DNS name, whatever the case; `None` where it is not known.
    pub fn on_machine(&self, id_or_name: &str) -> Option<OnMachine<'_>> {
        let slot = self.find_slot(id_or_name)?;
        let applications = self.classes.applications.iter();
        // A machine is in a dozen of some thousands: they are asked one by one, which only what is asked of one machine
        // can afford.
        let applications = applications.filter(|class| class.machines.contains(slot));
        self.on(slot, applications.map(|class| &*class.outcome))
    }

    fn on<'a>(
        &'a self,
        slot: Slot,
        applications: impl Iterator<Item = &'a Outcome>,
    ) -> Option<OnMachine<'a>> {
        let entry = self.entry(slot)?;
        let windows = self.classes.windows(entry.windows);
        let windows = windows.map(|class| &*class.outcome).into_iter();
        Some(OnMachine {
            fleet: self,
            entry,
            outcomes: windows.chain(applications).collect(),
        })
    }

    /// The versions that entries of the dictionary tell of the applications they are; of several of one the first.
    pub fn versions_told(
        &self,
        entries: impl IntoIterator<Item = u32>,
    ) -> BTreeMap<&SoftwareId, &str> {
        let mut versions: BTreeMap<&SoftwareId, &str> = BTreeMap::new();
        for number in entries {
            let Some(entry) = self.dictionary.entry(number) else {
                continue;
            };
            if entry.bearing.applications.is_none() {
                continue;
            }
            let version = entry.version.as_deref();
            if let (Some(software), Some(version)) = (self.dictionary.software_of(number), version)
            {
                let known = versions.entry(&software.id).or_insert(version);
                *known = (*known).min(version);
            }
        }
        versions
    }
}

impl Walk {
    /// The next machine, of the same fleet each time; in no order that means anything.
    pub fn next<'a>(&mut self, fleet: &'a Snapshot) -> Option<OnMachine<'a>> {
        loop {
            let slot = self.next;
            if slot as usize >= fleet.machines.len() {
                return None;
            }
            self.next += 1;
            let range = slot / RANGE;
            if self
                .turned
                .as_ref()
                .is_none_or(|turned| turned.range != range)
            {
                self.turned = Some(Turned::of(fleet, range));
            }
            let classes = self
                .turned
                .as_ref()
                .map_or(&[][..], |turned| turned.at(slot));
            let classes = classes.iter();
            let classes = classes.filter_map(|at| fleet.classes.applications(*at));
            if let Some(on) = fleet.on(slot, classes.map(|class| &*class.outcome)) {
                return Some(on);
            }
        }
    }
}

impl Turned {
    fn of(fleet: &Snapshot, range: Slot) -> Self {
        let (first, last) = (range * RANGE, range * RANGE + (RANGE - 1));
        let mut pairs: Vec<(Slot, u32)> = Vec::new();
        for (at, class) in (0..).zip(fleet.classes.applications.iter()) {
            let here = class.machines.range(first..=last);
            pairs.extend(here.map(|slot| (slot - first, at)));
        }
        // Stable, so a machine's classes stay in their order.
        pairs.sort_by_key(|(slot, _)| *slot);
        let mut begins = vec![0; RANGE as usize + 1];
        for (slot, _) in &pairs {
            begins[*slot as usize + 1] += 1;
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        Self {
            range,
            begins,
            classes: pairs.into_iter().map(|(_, at)| at).collect(),
        }
    }

    fn at(&self, slot: Slot) -> &[u32] {
        let at = (slot % RANGE) as usize;
        let place = |at: usize| self.begins.get(at).map_or(0, |begin| *begin as usize);
        self.classes
            .get(place(at)..place(at + 1))
            .unwrap_or_default()
    }
}

impl<'a> OnMachine<'a> {
    /// The machine.
    pub fn machine(&self) -> Machine {
        self.fleet.shown(self.entry)
    }

    /// What is open on it: of Windows, then of its applications, each in order of vulnerability, then of software.
    pub fn vulnerabilities(&self) -> Vec<MachineVulnerability<'a>> {
        let catalog = self.fleet.assessor.catalog();
        let told = self.fleet.versions_told(self.entry.software());
        let build = self.build();
        let mut windows: FxHashSet<&SoftwareId> = FxHashSet::default();
        for product in self.products() {
            if is_windows(product) {
                windows.insert(&product.software);
            }
        }
        let version = |software: &SoftwareId| match (&build, told.get(software)) {
            (Some(build), _) if windows.contains(software) => Some(Cow::Owned(build.clone())),
            (_, told) => told.map(|version| Cow::Borrowed(*version)),
        };
        let rows = self.outcomes.iter().flat_map(|outcome| {
            let rows = of_outcome(catalog, outcome).into_iter();
            rows.map(|((vulnerability, software), fix)| MachineVulnerability {
                vulnerability,
                software,
                version: version(software),
                fix,
            })
        });
        rows.collect()
    }

    /// The software on it, in order: what its inventory lists, and what of the catalog is in scope beyond that, of which
    /// Windows has its build as version and others have none.
    pub fn installed(&self) -> Vec<InstalledVersion<'a>> {
        let dictionary = &self.fleet.dictionary;
        let listed = self.entry.software().filter_map(|number| {
            let version = dictionary.entry(number)?.version.as_deref()?;
            let software = &dictionary.software_of(number)?.id;
            Some(InstalledVersion {
                software,
                version: Cow::Borrowed(version),
            })
        });
        let mut installed: Vec<InstalledVersion<'a>> = listed.collect();
        installed.sort_unstable();
        let build = self.build();
        let mut beyond: FxHashMap<&SoftwareId, Cow<'a, str>> = FxHashMap::default();
        for product in self.products() {
            let by_software = |known: &InstalledVersion<'_>| known.software.cmp(&product.software);
            if installed.binary_search_by(by_software).is_err() {
                let version = build.as_ref().filter(|_| is_windows(product));
                let known = beyond.entry(&product.software).or_default();
                if let Some(build) = version {
                    *known = Cow::Owned(build.clone());
                }
            }
        }
        let beyond = beyond.into_iter();
        installed.extend(beyond.map(|(software, version)| InstalledVersion { software, version }));
        // What was in order is a run that this sort only merges.
        installed.sort();
        installed.dedup();
        installed
    }

    /// How many vulnerabilities are open in each software on it.
    pub fn open_by_software(&self) -> FxHashMap<&'a SoftwareId, usize> {
        let catalog = self.fleet.assessor.catalog();
        let mut counts: FxHashMap<&SoftwareId, usize> = FxHashMap::default();
        for outcome in &self.outcomes {
            let mut own: FxHashMap<&SoftwareId, Vec<&[Open]>> = FxHashMap::default();
            for product in &outcome.products {
                let software = &catalog.product(product.product).software;
                own.entry(software).or_default().push(&product.open);
            }
            for (software, open) in own {
                *counts.entry(software).or_default() += match &*open {
                    // Each is there once.
                    [open] => open.len(),
                    several => {
                        let all = several.iter().copied().flatten();
                        let all = all.map(|open| open.vulnerability);
                        all.collect::<FxHashSet<_>>().len()
                    }
                };
            }
        }
        counts.retain(|_, open| *open > 0);
        counts
    }

    /// The softwares of the catalog that are in scope on it, each with whether something is open in it.
    pub fn assessed_software(&self) -> BTreeMap<&'a SoftwareId, bool> {
        let catalog = self.fleet.assessor.catalog();
        let mut found: BTreeMap<&SoftwareId, bool> = BTreeMap::new();
        for product in self.outcomes.iter().flat_map(|outcome| &outcome.products) {
            let software = &catalog.product(product.product).software;
            *found.entry(software).or_default() |= !product.open.is_empty();
        }
        found
    }

    fn products(&self) -> impl Iterator<Item = &'a Product> + use<'a, '_> {
        let catalog = self.fleet.assessor.catalog();
        let products = self.outcomes.iter().flat_map(|outcome| &outcome.products);
        products.map(|product| catalog.product(product.product))
    }

    /// The build of its Windows, where it is told.
    fn build(&self) -> Option<String> {
        let class = self.fleet.classes.windows(self.entry.windows)?;
        Some(class.state.as_ref().ok()?.build?.to_string())
    }
}

pub(crate) fn is_windows(product: &Product) -> bool {
    matches!(product.identity, ProductIdentity::Windows(_))
}
