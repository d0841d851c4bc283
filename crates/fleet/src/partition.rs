//! All machines that count, parted by what was found: what is asked of the whole fleet looks at each outcome once.

use std::sync::Arc;

use kbgap_assessment::ApplicationGroup;
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::Slot;
use crate::classes::Classes;
use crate::outcome::Outcome;

/// The classes that have machines, by part and outcome.
#[derive(Default)]
pub(crate) struct Partition {
    cells: Vec<Cell>,
}

/// Classes of one part that have the same outcome. They hold different machines.
struct Cell {
    part: Part,
    outcome: Arc<Outcome>,
    /// Positions among the classes of Windows or of applications, as the part says.
    classes: Vec<u32>,
    machines: u64,
}

/// What of a machine is classed: the classes of one part hold different machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Windows,
    Applications(ApplicationGroup),
}

/// Some cells of a partition, by position: those that have something in common.
pub(crate) type Cells = Vec<u32>;

impl Partition {
    pub(crate) fn of(classes: &Classes) -> Self {
        let mut all = Self::default();
        let mut known: FxHashMap<(Part, *const Outcome), usize> = FxHashMap::default();
        let windows = (0u32..).zip(classes.windows.iter());
        for (at, class) in windows {
            let (part, machines) = (Part::Windows, class.machines.len());
            all.add(&mut known, part, &class.outcome, at, machines);
        }
        let applications = (0u32..).zip(classes.applications.iter());
        for (at, class) in applications {
            let (part, machines) = (Part::Applications(class.group), class.machines.len());
            all.add(&mut known, part, &class.outcome, at, machines);
        }
        all
    }

    fn add(
        &mut self,
        known: &mut FxHashMap<(Part, *const Outcome), usize>,
        part: Part,
        outcome: &Arc<Outcome>,
        class: u32,
        machines: u64,
    ) {
        if machines == 0 {
            return;
        }
        let at = *known
            .entry((part, Arc::as_ptr(outcome)))
            .or_insert_with(|| {
                self.cells.push(Cell {
                    part,
                    outcome: outcome.clone(),
                    classes: Vec::new(),
                    machines: 0,
                });
                self.cells.len() - 1
            });
        self.cells[at].classes.push(class);
        self.cells[at].machines += machines;
    }

    /// The outcomes, each with the position of its cell.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (u32, &Arc<Outcome>)> {
        (0u32..).zip(self.cells.iter().map(|cell| &cell.outcome))
    }

    /// By what it is, the cells whose outcome has it.
    pub(crate) fn having<K: Eq + std::hash::Hash>(
        &self,
        wanted: impl Fn(&Outcome) -> Vec<K>,
    ) -> FxHashMap<K, Cells> {
        let mut found: FxHashMap<K, Cells> = FxHashMap::default();
        for (at, outcome) in self.outcomes() {
            for key in wanted(outcome) {
                found.entry(key).or_default().push(at);
            }
        }
        found
    }

    /// How many machines are in some cells. A machine that is in several, by Windows and by applications, counts once.
    pub(crate) fn machines(&self, cells: &[u32], classes: &Classes) -> u64 {
        let cells: Vec<&Cell> = self.cells(cells).collect();
        let first = cells.first().map(|cell| cell.part);
        if cells.iter().all(|cell| Some(cell.part) == first) {
            cells.iter().map(|cell| cell.machines).sum()
        } else {
            union(cells.into_iter(), classes).len()
        }
    }

    /// The machines in some cells.
    pub(crate) fn set(&self, cells: &[u32], classes: &Classes) -> RoaringBitmap {
        union(self.cells(cells), classes)
    }

    /// Tells each machine of a cell.
    pub(crate) fn each(&self, cell: u32, classes: &Classes, mut tell: impl FnMut(Slot)) {
        for cell in self.cells(&[cell]) {
            for machines in cell.sets(classes) {
                machines.iter().for_each(&mut tell);
            }
        }
    }

    /// The largest Windows build in some cells.
    pub(crate) fn build(&self, cells: &[u32], classes: &Classes) -> Option<u32> {
        let windows = self.cells(cells).filter(|cell| cell.part == Part::Windows);
        let windows = windows.flat_map(|cell| &cell.classes);
        let states = windows.filter_map(|at| classes.windows(*at)?.state.as_ref().ok());
        states.filter_map(|state| Some(state.build?.build)).max()
    }

    fn cells(&self, cells: &[u32]) -> impl Iterator<Item = &Cell> {
        cells.iter().filter_map(|at| self.cells.get(*at as usize))
    }
}

impl Cell {
    /// The machines of each class.
    fn sets<'a>(&'a self, classes: &'a Classes) -> impl Iterator<Item = &'a RoaringBitmap> {
        self.classes.iter().filter_map(|&at| match self.part {
            Part::Windows => classes.windows(at).map(|class| &class.machines),
            Part::Applications(_) => classes.applications(at).map(|class| &class.machines),
        })
    }
}

fn union<'a>(cells: impl Iterator<Item = &'a Cell>, classes: &Classes) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    for cell in cells {
        for machines in cell.sets(classes) {
            set |= machines;
        }
    }
    set
}
