//! Machines in classes of equal state.
//!
//! The state of Windows and that of the applications are apart: each takes far fewer values than both together.

use std::sync::Arc;

use kbgap_assessment::{
    ApplicationGroup, Assessor, InstalledApplications, InstalledUpdates, MachineState,
};
use kbgap_catalog::Kb;
use kbgap_inventory::{InstalledSoftware, MachineReport, identify};
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::chunks::Chunks;
use crate::dictionary::{Dictionary, Weight};
use crate::outcome::{KeptOpen, Outcome};
use crate::packed::list::Numbers;
use crate::packed::{self, ApplicationsKey, Damaged, PackedMachine, WindowsKey};

/// A position among the classes of Windows.
pub(crate) type WindowsIx = u32;
/// A position among the classes of applications.
pub(crate) type ApplicationsIx = u32;

/// Machines whose Windows is in the same state.
#[derive(Debug, Clone)]
pub(crate) struct WindowsClass {
    /// The state, without applications; or why the Windows cannot be told.
    pub(crate) state: Result<Arc<MachineState>, Box<str>>,
    pub(crate) outcome: Arc<Outcome>,
    pub(crate) machines: RoaringBitmap,
    /// What of the listed updates concerns applications, by their group.
    pub(crate) listed: Arc<[(ApplicationGroup, Kb)]>,
}

/// Machines that have the same applications of one group, and list the same updates of these.
#[derive(Debug, Clone)]
pub(crate) struct ApplicationsClass {
    pub(crate) group: ApplicationGroup,
    pub(crate) applications: Arc<InstalledApplications>,
    pub(crate) updates: Arc<InstalledUpdates>,
    pub(crate) outcome: Arc<Outcome>,
    pub(crate) machines: RoaringBitmap,
}

/// The classes, as readers see them.
#[derive(Clone, Default)]
pub(crate) struct Classes {
    pub(crate) windows: Chunks<Arc<WindowsClass>>,
    pub(crate) applications: Chunks<Arc<ApplicationsClass>>,
}

/// How a machine's classes are found; only the writer needs it.
pub(crate) struct Classifier {
    tenant: Box<str>,
    inputs: FxHashMap<Arc<[u8]>, usize>,
    of_input: Vec<Input>,
    /// The classes of Windows, by what these reports say: many say the same.
    by_state: FxHashMap<Arc<MachineState>, WindowsIx>,
    /// The classes of applications, by group, software and listed updates, in one list of numbers.
    applications: FxHashMap<Box<[u32]>, Reported<ApplicationsKey>>,
    /// The classes of applications, by what those lists say: many say the same.
    by_content: FxHashMap<Content, ApplicationsIx>,
    groups: Groups,
    outcomes: FxHashSet<Arc<Outcome>>,
    open: KeptOpen,
    /// Room of classes that no machine is in any more.
    free_windows: Vec<WindowsIx>,
    free_applications: Vec<ApplicationsIx>,
    /// Classes that are not assessed yet.
    unassessed: Unassessed,
    /// What was assessed since it was last asked.
    assessed: AssessedClasses,
}

/// What a list of applications of one group says.
type Content = (
    ApplicationGroup,
    Arc<InstalledApplications>,
    Arc<InstalledUpdates>,
);

/// What machines report, to the letter.
#[derive(Debug, Clone, Copy)]
struct Reported<K> {
    /// What tells it from others in the history. What it says may change with the reading of names; it itself does not.
    key: K,
    class: u32,
}

/// What machines report of Windows, to the letter.
struct Input {
    key: Arc<[u8]>,
    /// What of their lists of updates concerns applications, by their group: in order.
    listed: Arc<[(ApplicationGroup, Kb)]>,
    /// The classes, by the software that shows components of Windows.
    classes: FxHashMap<Box<[u32]>, Reported<WindowsKey>>,
}

/// Groups of applications by number.
#[derive(Default)]
struct Groups(FxHashMap<ApplicationGroup, u32>);

impl Groups {
    fn number(&mut self, group: ApplicationGroup) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(group).or_insert(next)
    }
}

/// Some classes of each kind.
#[derive(Debug, Clone, Default)]
struct Unassessed {
    windows: Vec<WindowsIx>,
    applications: Vec<ApplicationsIx>,
}

/// Classes that were assessed, with each of the reports they stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssessedClasses {
    pub(crate) windows: Vec<(WindowsKey, WindowsIx)>,
    pub(crate) applications: Vec<(ApplicationsKey, ApplicationsIx)>,
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
            by_state: FxHashMap::default(),
            applications: FxHashMap::default(),
            by_content: FxHashMap::default(),
            groups: Groups::default(),
            outcomes: FxHashSet::default(),
            open: KeptOpen::default(),
            free_windows: Vec::new(),
            free_applications: Vec::new(),
            unassessed: Unassessed::default(),
            assessed: AssessedClasses::default(),
        }
    }

    /// The classes that were assessed since it was last asked.
    pub(crate) fn take_assessed(&mut self) -> AssessedClasses {
        std::mem::take(&mut self.assessed)
    }

    /// The class of a machine's Windows; a new one is to be assessed by [`Classifier::assess`].
    pub(crate) fn windows(
        &mut self,
        classes: &mut Classes,
        assessor: &Assessor,
        dictionary: &Dictionary,
        machine: PackedMachine<'_>,
    ) -> Result<WindowsIx, Damaged> {
        let mut software = Vec::new();
        for number in machine.software() {
            match dictionary.weight(number) {
                Weight::Absent => return Err(Damaged::Software(number)),
                Weight::Windows => software.push(number),
                Weight::Applications | Weight::None => {}
            }
        }
        let input = self.input(assessor, machine.windows_key())?;
        self.windows_class(classes, dictionary, input, &software)
    }

    /// The classes of a machine's applications, each of another group; new ones are to be assessed by
    /// [`Classifier::assess`].
    pub(crate) fn applications(
        &mut self,
        classes: &mut Classes,
        assessor: &Assessor,
        dictionary: &Dictionary,
        windows: WindowsIx,
        software: Numbers<'_>,
    ) -> Vec<ApplicationsIx> {
        let mut told: Vec<(ApplicationGroup, u32)> = Vec::new();
        let mut named: Vec<(ApplicationGroup, Kb)> = Vec::new();
        let weighty = |number: &u32| dictionary.weight(*number) >= Weight::Applications;
        for number in software.filter(weighty) {
            let bearing = dictionary.entry(number).map(|entry| entry.bearing);
            let bearing = bearing.unwrap_or_default();
            told.extend(bearing.applications.map(|group| (group, number)));
            if let Some(kb) = bearing.update {
                let groups = assessor.application_groups(kb).into_iter();
                named.extend(groups.map(|group| (group, kb)));
            }
        }
        told.sort_unstable();
        let listed = classes.windows(windows).map(|class| class.listed.clone());
        let listed = listed.unwrap_or_else(|| Arc::from([]));
        if !named.is_empty() {
            named.extend(listed.iter());
            named.sort_unstable();
            named.dedup();
        }
        let listed = if named.is_empty() { &*listed } else { &named };
        let groups = told.chunk_by(|(one, _), (other, _)| one == other);
        groups
            .map(|told| self.applications_class(classes, dictionary, told, listed))
            .collect()
    }

    fn input(&mut self, assessor: &Assessor, key: &[u8]) -> Result<usize, Damaged> {
        if let Some(known) = self.inputs.get(key) {
            return Ok(*known);
        }
        let key: Arc<[u8]> = key.into();
        self.of_input.push(Input {
            listed: listed(assessor, &packed::of_windows(&key)?),
            key: key.clone(),
            classes: FxHashMap::default(),
        });
        self.inputs.insert(key, self.of_input.len() - 1);
        Ok(self.of_input.len() - 1)
    }

    fn windows_class(
        &mut self,
        classes: &mut Classes,
        dictionary: &Dictionary,
        input: usize,
        software: &[u32],
    ) -> Result<WindowsIx, Damaged> {
        if let Some(known) = self.of_input[input].classes.get(software) {
            return Ok(known.class);
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
        let state = state.map_err(|reason| reason.to_string().into());
        let input = &mut self.of_input[input];
        let known = state.as_ref().ok();
        let known = known.and_then(|state| self.by_state.get(state));
        let class = if let Some(known) = known {
            *known
        } else {
            let class = Arc::new(WindowsClass {
                state: state.clone(),
                outcome: Arc::default(),
                machines: RoaringBitmap::new(),
                listed: input.listed.clone(),
            });
            let at = put(&mut classes.windows, &mut self.free_windows, class);
            self.unassessed.windows.push(at);
            if let Ok(state) = state {
                self.by_state.insert(state, at);
            }
            at
        };
        let key = WindowsKey::new(&self.tenant, &input.key, software);
        let reported = Reported { key, class };
        input.classes.insert(software.into(), reported);
        self.assessed.windows.push((key, class));
        Ok(class)
    }

    /// The class of some applications of one group.
    fn applications_class(
        &mut self,
        classes: &mut Classes,
        dictionary: &Dictionary,
        told: &[(ApplicationGroup, u32)],
        listed: &[(ApplicationGroup, Kb)],
    ) -> ApplicationsIx {
        let group = told
            .first()
            .map_or(ApplicationGroup::Untold, |(group, _)| *group);
        let own = listed
            .iter()
            .filter(|(of, _)| *of == group)
            .map(|(_, kb)| *kb);
        let software = told.iter().map(|(_, number)| *number);
        let head = [
            self.groups.number(group),
            u32::try_from(told.len()).unwrap_or(u32::MAX),
        ];
        let updates = own.clone().map(Kb::number);
        let place: Vec<u32> = head
            .into_iter()
            .chain(software.clone())
            .chain(updates)
            .collect();
        if let Some(known) = self.applications.get(&*place) {
            return known.class;
        }
        let software: Vec<u32> = software.collect();
        let updates: Vec<Kb> = own.collect();
        let key = ApplicationsKey::new(&self.tenant, group, &software, &updates);
        let applications = InstalledApplications::of_software(reported(dictionary, &software));
        let content: Content = (
            group,
            Arc::new(applications),
            Arc::new(InstalledUpdates::new(updates, false)),
        );
        let class = self.class_of(classes, content);
        self.applications
            .insert(place.into(), Reported { key, class });
        self.assessed.applications.push((key, class));
        class
    }

    fn class_of(&mut self, classes: &mut Classes, content: Content) -> ApplicationsIx {
        if let Some(known) = self.by_content.get(&content) {
            return *known;
        }
        let (group, applications, updates) = content.clone();
        let class = Arc::new(ApplicationsClass {
            group,
            applications,
            updates,
            outcome: Arc::default(),
            machines: RoaringBitmap::new(),
        });
        let free = &mut self.free_applications;
        let at = put(&mut classes.applications, free, class);
        self.by_content.insert(content, at);
        self.unassessed.applications.push(at);
        at
    }

    /// Assesses the classes that are new, on all cores where they are many.
    pub(crate) fn assess(&mut self, classes: &mut Classes, assessor: &Assessor) {
        let Unassessed {
            windows,
            applications,
        } = std::mem::take(&mut self.unassessed);
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

    /// The classes of Windows whose machines list other updates of applications, as another catalog knows them.
    pub(crate) fn relisted(&self, assessor: &Assessor) -> Result<FxHashSet<WindowsIx>, Damaged> {
        let mut changed = FxHashSet::default();
        for input in &self.of_input {
            if listed(assessor, &packed::of_windows(&input.key)?) != input.listed {
                changed.extend(input.classes.values().map(|reported| reported.class));
            }
        }
        Ok(changed)
    }

    /// Works out anew what of each list of updates concerns applications, by another catalog.
    pub(crate) fn list_anew(
        &mut self,
        classes: &mut Classes,
        assessor: &Assessor,
    ) -> Result<(), Damaged> {
        for input in &mut self.of_input {
            input.listed = listed(assessor, &packed::of_windows(&input.key)?);
            for reported in input.classes.values() {
                let class = classes.windows_mut(reported.class);
                if let Some(class) = class.filter(|c| c.listed != input.listed) {
                    class.listed = input.listed.clone();
                }
            }
        }
        Ok(())
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
        self.open.clear();
        self.assessed = AssessedClasses::default();
        for input in &mut self.of_input {
            give_up(&mut input.classes, windows, &mut self.assessed.windows);
        }
        self.by_state.retain(|_, at| windows.contains(at));
        self.free_windows = others(classes.windows.len(), windows);
        let assessed = &mut self.assessed.applications;
        give_up(&mut self.applications, applications, assessed);
        self.by_content.retain(|_, at| applications.contains(at));
        self.free_applications = others(classes.applications.len(), applications);
        self.unassessed = Unassessed {
            windows: windows.iter().copied().collect(),
            applications: applications.iter().copied().collect(),
        };
        self.assess(classes, assessor);
    }

    fn keep(&mut self, mut outcome: Outcome) -> Arc<Outcome> {
        if let Some(known) = self.outcomes.get(&outcome) {
            return known.clone();
        }
        self.open.share(&mut outcome);
        let outcome = Arc::new(outcome);
        self.outcomes.insert(outcome.clone());
        outcome
    }
}

/// Forgets what no machine reports any more; what is left is to be assessed.
fn give_up<K: Copy>(
    known: &mut FxHashMap<Box<[u32]>, Reported<K>>,
    used: &FxHashSet<u32>,
    assessed: &mut Vec<(K, u32)>,
) {
    known.retain(|_, reported| used.contains(&reported.class));
    let left = known.values();
    assessed.extend(left.map(|reported| (reported.key, reported.class)));
}

/// The classes that are not used.
fn others(classes: usize, used: &FxHashSet<u32>) -> Vec<u32> {
    let all = 0..u32::try_from(classes).unwrap_or(u32::MAX);
    all.filter(|at| !used.contains(at)).collect()
}

/// What of the updates a machine lists concerns applications, by their group: in order.
fn listed(assessor: &Assessor, report: &MachineReport) -> Arc<[(ApplicationGroup, Kb)]> {
    let updates = report.updates.iter().flatten();
    let installed = updates.filter(|update| !update.reboot_pending);
    let listed = installed.flat_map(|update| {
        let groups = assessor.application_groups(update.kb).into_iter();
        groups.map(|group| (group, update.kb))
    });
    let mut listed: Vec<(ApplicationGroup, Kb)> = listed.collect();
    listed.sort_unstable();
    listed.dedup();
    listed.into()
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
