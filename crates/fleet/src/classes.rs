//! Machines in classes of equal state.
//!
//! The state of Windows and that of the applications are apart: each takes far fewer values than both together.

use std::sync::Arc;

use kbgap_assessment::{Assessor, InstalledApplications, InstalledUpdates, MachineState};
use kbgap_inventory::{InstalledSoftware, MachineReport, identify};
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::chunks::Chunks;
use crate::dictionary::Dictionary;
use crate::outcome::Outcome;
use crate::packed::{self, Damaged, PackedMachine, SoftwareKey, WindowsKey};

/// A position among the classes of Windows.
pub(crate) type WindowsIx = u32;
/// A position among the classes of applications.
pub(crate) type ApplicationsIx = u32;
/// A position among the lists of updates of applications.
pub(crate) type ListedIx = usize;

/// Machines whose Windows is in the same state.
#[derive(Debug, Clone)]
pub(crate) struct WindowsClass {
    /// The state, without applications; or why the Windows cannot be told.
    pub(crate) state: Result<Arc<MachineState>, Box<str>>,
    pub(crate) outcome: Arc<Outcome>,
    pub(crate) machines: RoaringBitmap,
    pub(crate) key: WindowsKey,
    /// What of the listed updates concerns applications.
    pub(crate) listed: Arc<InstalledUpdates>,
}

/// Machines that have the same applications, and list the same updates of them.
#[derive(Debug, Clone)]
pub(crate) struct ApplicationsClass {
    pub(crate) applications: Arc<InstalledApplications>,
    pub(crate) updates: Arc<InstalledUpdates>,
    pub(crate) outcome: Arc<Outcome>,
    pub(crate) machines: RoaringBitmap,
    pub(crate) key: SoftwareKey,
    /// The entries of the dictionary that tell the applications.
    told_by: Box<[u32]>,
}

/// The classes, as readers see them.
#[derive(Clone, Default)]
pub(crate) struct Classes {
    pub(crate) windows: Chunks<Arc<WindowsClass>>,
    pub(crate) applications: Chunks<Arc<ApplicationsClass>>,
}

/// How a machine's class is found; only the writer needs it.
pub(crate) struct Classifier {
    tenant: Box<str>,
    inputs: FxHashMap<Arc<[u8]>, usize>,
    of_input: Vec<Input>,
    listed: FxHashMap<Arc<InstalledUpdates>, ListedIx>,
    of_listed: Vec<Listed>,
    outcomes: FxHashSet<Arc<Outcome>>,
    /// Room of classes that no machine is in any more.
    free_windows: Vec<WindowsIx>,
    free_applications: Vec<ApplicationsIx>,
    /// Classes that are not assessed yet.
    unassessed: ClassList,
    /// Classes that were assessed since it was last asked.
    assessed: ClassList,
}

/// Some classes of each kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassList {
    pub(crate) windows: Vec<WindowsIx>,
    pub(crate) applications: Vec<ApplicationsIx>,
}

/// What machines report of Windows, to the letter.
struct Input {
    key: Arc<[u8]>,
    /// What of their lists of updates concerns applications: a position in [`Classifier::of_listed`].
    listed: ListedIx,
    /// The classes, by the software that shows components of Windows.
    classes: FxHashMap<Box<[u32]>, WindowsIx>,
}

/// Listed updates of applications.
struct Listed {
    updates: Arc<InstalledUpdates>,
    /// The classes, by the software that tells applications.
    classes: FxHashMap<Box<[u32]>, ApplicationsIx>,
}

impl Classes {
    pub(crate) fn windows(&self, at: WindowsIx) -> Option<&WindowsClass> {
        self.windows.get(at as usize).map(|class| &**class)
    }

    pub(crate) fn applications(&self, at: ApplicationsIx) -> Option<&ApplicationsClass> {
        self.applications.get(at as usize).map(|class| &**class)
    }

    pub(crate) fn windows_mut(&mut self, at: WindowsIx) -> Option<&mut WindowsClass> {
        self.windows.get_mut(at as usize).map(Arc::make_mut)
    }

    pub(crate) fn applications_mut(
        &mut self,
        at: ApplicationsIx,
    ) -> Option<&mut ApplicationsClass> {
        self.applications.get_mut(at as usize).map(Arc::make_mut)
    }
}

impl Classifier {
    /// A classifier of a tenant's machines.
    pub(crate) fn new(tenant: &str) -> Self {
        Self {
            tenant: tenant.into(),
            inputs: FxHashMap::default(),
            of_input: Vec::new(),
            listed: FxHashMap::default(),
            of_listed: Vec::new(),
            outcomes: FxHashSet::default(),
            free_windows: Vec::new(),
            free_applications: Vec::new(),
            unassessed: ClassList::default(),
            assessed: ClassList::default(),
        }
    }

    /// The classes that were assessed since it was last asked.
    pub(crate) fn take_assessed(&mut self) -> ClassList {
        std::mem::take(&mut self.assessed)
    }

    /// The classes of a machine; new ones are to be assessed by [`Classifier::assess`].
    pub(crate) fn classify(
        &mut self,
        classes: &mut Classes,
        assessor: &Assessor,
        dictionary: &Dictionary,
        machine: PackedMachine<'_>,
    ) -> Result<(WindowsIx, ApplicationsIx), Damaged> {
        let (mut for_windows, mut for_applications) = (Vec::new(), Vec::new());
        for number in machine.software() {
            let entry = dictionary.entry(number).ok_or(Damaged::Software(number))?;
            if entry.bearing.windows {
                for_windows.push(number);
            }
            if entry.bearing.applications {
                for_applications.push(number);
            }
        }
        let input = self.input(assessor, machine.windows_key())?;
        let windows = self.windows_class(classes, dictionary, input, &for_windows)?;
        let listed = self.of_input[input].listed;
        let applications = self.applications_class(classes, dictionary, listed, &for_applications);
        Ok((windows, applications))
    }

    fn input(&mut self, assessor: &Assessor, key: &[u8]) -> Result<usize, Damaged> {
        if let Some(known) = self.inputs.get(key) {
            return Ok(*known);
        }
        let listed = self.listed_of(assessor, &packed::of_windows(key)?);
        let key: Arc<[u8]> = key.into();
        self.of_input.push(Input {
            key: key.clone(),
            listed,
            classes: FxHashMap::default(),
        });
        self.inputs.insert(key, self.of_input.len() - 1);
        Ok(self.of_input.len() - 1)
    }

    fn listed_of(&mut self, assessor: &Assessor, report: &MachineReport) -> ListedIx {
        let updates = report.updates.iter().flatten();
        let installed = updates.filter(|update| !update.reboot_pending);
        let all = InstalledUpdates::new(installed.map(|update| update.kb), false);
        let updates = Arc::new(assessor.updates_of_applications(&all));
        if let Some(known) = self.listed.get(&updates) {
            return *known;
        }
        self.of_listed.push(Listed {
            updates: updates.clone(),
            classes: FxHashMap::default(),
        });
        self.listed.insert(updates, self.of_listed.len() - 1);
        self.of_listed.len() - 1
    }

    fn windows_class(
        &mut self,
        classes: &mut Classes,
        dictionary: &Dictionary,
        input: usize,
        software: &[u32],
    ) -> Result<WindowsIx, Damaged> {
        if let Some(known) = self.of_input[input].classes.get(software) {
            return Ok(*known);
        }
        let mut report = packed::of_windows(&self.of_input[input].key)?;
        report.software = Some(reported(dictionary, software).cloned().collect());
        let state = identify(&report).map(|identity| {
            let state = MachineState::of_report(&report, &identity);
            Arc::new(MachineState {
                applications: InstalledApplications::default(),
                ..state
            })
        });
        let class = Arc::new(WindowsClass {
            state: state.map_err(|reason| reason.to_string().into()),
            outcome: Arc::default(),
            machines: RoaringBitmap::new(),
            key: WindowsKey::new(&self.tenant, &self.of_input[input].key, software),
            listed: self.of_listed[self.of_input[input].listed].updates.clone(),
        });
        let at = put(&mut classes.windows, &mut self.free_windows, class);
        self.unassessed.windows.push(at);
        let known = &mut self.of_input[input].classes;
        known.insert(software.into(), at);
        Ok(at)
    }

    fn applications_class(
        &mut self,
        classes: &mut Classes,
        dictionary: &Dictionary,
        listed: ListedIx,
        software: &[u32],
    ) -> ApplicationsIx {
        let listed = &mut self.of_listed[listed];
        if let Some(known) = listed.classes.get(software) {
            return *known;
        }
        let applications = InstalledApplications::of_software(reported(dictionary, software));
        let class = Arc::new(ApplicationsClass {
            applications: Arc::new(applications),
            updates: listed.updates.clone(),
            outcome: Arc::default(),
            machines: RoaringBitmap::new(),
            key: SoftwareKey::new(&self.tenant, software),
            told_by: software.into(),
        });
        let at = put(
            &mut classes.applications,
            &mut self.free_applications,
            class,
        );
        listed.classes.insert(software.into(), at);
        self.unassessed.applications.push(at);
        at
    }

    /// Assesses the classes that are new, on all cores where they are many.
    pub(crate) fn assess(&mut self, classes: &mut Classes, assessor: &Assessor) {
        let ClassList {
            windows,
            applications,
        } = std::mem::take(&mut self.unassessed);
        self.assessed.windows.extend(&windows);
        self.assessed.applications.extend(&applications);
        let of_windows = |at: &WindowsIx| {
            let state = classes.windows(*at)?.state.as_ref().ok()?;
            let findings = assessor.assess_windows(state);
            Some(Outcome::of_windows(assessor.catalog(), &findings))
        };
        let found = on_all_cores(&windows, of_windows);
        for (at, outcome) in windows.into_iter().zip(found) {
            let outcome = self.keep(outcome.unwrap_or_default());
            if let Some(class) = classes.windows_mut(at) {
                class.outcome = outcome;
            }
        }
        let of_applications = |at: &ApplicationsIx| {
            let class = classes.applications(*at)?;
            let findings = assessor.assess_applications(&class.applications, Some(&class.updates));
            Some(Outcome::of_applications(&findings))
        };
        let found = on_all_cores(&applications, of_applications);
        for (at, outcome) in applications.into_iter().zip(found) {
            let outcome = self.keep(outcome.unwrap_or_default());
            if let Some(class) = classes.applications_mut(at) {
                class.outcome = outcome;
            }
        }
    }

    /// Works out anew what of each list of updates concerns applications: another catalog may know others as theirs.
    /// The classes of Windows whose machines have now other updates listed, each with these.
    pub(crate) fn list_anew(
        &mut self,
        classes: &mut Classes,
        assessor: &Assessor,
    ) -> Result<FxHashMap<WindowsIx, ListedIx>, Damaged> {
        let mut changed = FxHashMap::default();
        for input in 0..self.of_input.len() {
            let report = packed::of_windows(&self.of_input[input].key)?;
            let listed = self.listed_of(assessor, &report);
            let input = &mut self.of_input[input];
            if std::mem::replace(&mut input.listed, listed) != listed {
                let updates = &self.of_listed[listed].updates;
                for &at in input.classes.values() {
                    if let Some(class) = classes.windows_mut(at) {
                        class.listed = updates.clone();
                    }
                    changed.insert(at, listed);
                }
            }
        }
        Ok(changed)
    }

    /// The class of the same applications, with other listed updates.
    pub(crate) fn with_listed(
        &mut self,
        classes: &mut Classes,
        applications: ApplicationsIx,
        listed: ListedIx,
    ) -> ApplicationsIx {
        let Some(class) = classes.applications(applications) else {
            return applications;
        };
        let listed = &mut self.of_listed[listed];
        if let Some(known) = listed.classes.get(&class.told_by) {
            return *known;
        }
        let told_by = class.told_by.clone();
        let class = Arc::new(ApplicationsClass {
            applications: class.applications.clone(),
            updates: listed.updates.clone(),
            outcome: Arc::default(),
            machines: RoaringBitmap::new(),
            key: class.key,
            told_by: told_by.clone(),
        });
        let free = &mut self.free_applications;
        let at = put(&mut classes.applications, free, class);
        listed.classes.insert(told_by, at);
        at
    }

    /// Assesses every class anew, but for those no machine points to: these are given up, and their room is used
    /// again.
    pub(crate) fn assess_anew(
        &mut self,
        classes: &mut Classes,
        assessor: &Assessor,
        windows: &FxHashSet<WindowsIx>,
        applications: &FxHashSet<ApplicationsIx>,
    ) {
        self.outcomes.clear();
        let inputs = self.of_input.iter_mut().map(|input| &mut input.classes);
        give_up(inputs, windows, &mut self.free_windows);
        let listed = self.of_listed.iter_mut().map(|listed| &mut listed.classes);
        give_up(listed, applications, &mut self.free_applications);
        self.unassessed = ClassList {
            windows: windows.iter().copied().collect(),
            applications: applications.iter().copied().collect(),
        };
        self.assess(classes, assessor);
    }

    fn keep(&mut self, outcome: Outcome) -> Arc<Outcome> {
        if let Some(known) = self.outcomes.get(&outcome) {
            return known.clone();
        }
        let outcome = Arc::new(outcome);
        self.outcomes.insert(outcome.clone());
        outcome
    }
}

fn give_up<'a>(
    known: impl Iterator<Item = &'a mut FxHashMap<Box<[u32]>, u32>>,
    used: &FxHashSet<u32>,
    free: &mut Vec<u32>,
) {
    for classes in known {
        classes.retain(|_, at| {
            let used = used.contains(at);
            if !used {
                free.push(*at);
            }
            used
        });
    }
}

fn reported<'a>(
    dictionary: &'a Dictionary,
    numbers: &'a [u32],
) -> impl Iterator<Item = &'a InstalledSoftware> {
    let entries = numbers.iter();
    entries.filter_map(|number| Some(&*dictionary.entry(*number)?.reported))
}

fn put<T>(classes: &mut Chunks<Arc<T>>, free: &mut Vec<u32>, class: Arc<T>) -> u32 {
    if let Some(at) = free.pop()
        && let Some(room) = classes.get_mut(at as usize)
    {
        *room = class;
        return at;
    }
    let at = u32::try_from(classes.len()).unwrap_or(u32::MAX);
    classes.push(class);
    at
}

/// Below so many, starting threads costs more than it saves.
const WORTH_THREADS: usize = 64;

fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores == 1 || items.len() < WORTH_THREADS {
        return items.iter().map(work).collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let share = WORTH_THREADS / 4;
    let mut parts: Vec<(usize, Vec<R>)> = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let from = next.fetch_add(share, std::sync::atomic::Ordering::Relaxed);
                let Some(part) = items.get(from..) else {
                    return done;
                };
                if part.is_empty() {
                    return done;
                }
                let part = &part[..share.min(part.len())];
                done.push((from, part.iter().map(&work).collect()));
            }
        };
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(worker)).collect();
        let mut parts = worker();
        for other in others {
            match other.join() {
                Ok(done) => parts.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        parts
    });
    parts.sort_unstable_by_key(|(from, _)| *from);
    parts.into_iter().flat_map(|(_, done)| done).collect()
}
