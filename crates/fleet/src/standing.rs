//! How machines stand: each in one state.

use jiff::Timestamp;
use roaring::RoaringBitmap;

use crate::machine::{Activity, MachineId};
use crate::selection::Selection;
use crate::snapshot::{Snapshot, time};

/// How a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing is missing, as far as can be told.
    UpToDate,
    /// Some update is missing.
    Missing,
    /// Whether anything is missing cannot be told: its Windows is not known, or neither its updates nor the revision of
    /// its build.
    CannotTell,
    /// It has not reported for some days.
    Inactive,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::UpToDate,
        Self::Missing,
        Self::CannotTell,
        Self::Inactive,
    ];
}

/// How all machines stand that are not excluded.
#[derive(Debug, Default)]
pub struct Standings {
    sets: [RoaringBitmap; 4],
    /// When the last report came.
    pub newest_report: Option<Timestamp>,
    /// How many machines reported within a day of when this was worked out.
    pub within_a_day: u64,
}

impl Standings {
    /// How many machines stand so.
    pub fn count(&self, standing: Standing) -> u64 {
        self.sets[standing as usize].len()
    }

    pub(crate) fn of(fleet: &Snapshot, now: Timestamp) -> Self {
        let lacking = fleet.selected(|outcome| !outcome.missing.is_empty()).0;
        let mut unclear = fleet.selected(|outcome| outcome.unclear).0;
        for class in fleet.classes.windows.iter() {
            if class.state.is_err() {
                unclear |= &class.machines;
            }
        }
        let (mut active, mut inactive) = (RoaringBitmap::new(), RoaringBitmap::new());
        let mut newest = None;
        let mut within_a_day = 0;
        for (slot, entry) in (0u32..).zip(fleet.machines.iter()) {
            let Some(entry) = entry.as_ref().filter(|entry| entry.exclusion.is_none()) else {
                continue;
            };
            let seen = time(entry.last_seen);
            newest = newest.max(Some(seen));
            within_a_day += u64::from(now.duration_since(seen).as_hours() < 24);
            let set = match fleet.ages.activity(seen, now) {
                Activity::Active if entry.counted => &mut active,
                Activity::Active | Activity::Inactive | Activity::Gone => &mut inactive,
            };
            // In order, so at the end.
            set.insert(slot);
        }
        let missing = &active & &lacking;
        let rest = &active - &missing;
        let cannot_tell = &rest & &unclear;
        let up_to_date = rest - &cannot_tell;
        Self {
            sets: [up_to_date, missing, cannot_tell, inactive],
            newest_report: newest,
            within_a_day,
        }
    }
}

impl Snapshot {
    /// The machines that stand so.
    pub fn standing_so(&self, standing: Standing, now: Timestamp) -> Selection {
        Selection(self.standings(now).sets[standing as usize].clone())
    }

    /// How a machine stands; `None` where it is not known, or excluded.
    pub fn standing(&self, id: &MachineId, now: Timestamp) -> Option<Standing> {
        let slot = self.slot(id)?;
        let standings = self.standings(now);
        let mut all = Standing::ALL.into_iter();
        all.find(|standing| standings.sets[*standing as usize].contains(slot))
    }
}
