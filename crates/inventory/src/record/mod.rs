//! The latest that is known of each part of a machine, whatever its observations bring and in whatever order.
//!
//! A machine is heard of in whole reports, in parts of one, and in changes of a list. Each part of the record keeps the
//! time it was stated; an observation replaces a part only where it is not older. So the same observations give the
//! same record in any order, and one that comes twice changes nothing.

mod list;
mod observation;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::merge;
use crate::report::{MachineReport, OsReport};

pub use list::ListChanges;
pub use observation::{Observation, ReportChanges};

/// How far a machine's clock may be ahead of ours before its word on the time no longer counts.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineRecord {
    /// The latest of every part, as one whole report: its `reported_at` is when the machine was last seen, its `id`
    /// the machine's in lower case. Lists are sorted and without repetitions.
    pub report: MachineReport,
    /// Since when each part is known.
    pub times: PartTimes,
}

/// When each part of a machine was last stated; `None` where it never was.
///
/// A part that a whole report leaves out is unknown since that report: its time is set, its content is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PartTimes {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Timestamp>,
    /// The operating system, as one: a release and a revision of different times would make a build that never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<Timestamp>,
    /// The installed updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<Timestamp>,
    /// The installed software.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<Timestamp>,
    /// Whether the machine waits for a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reboot_pending: Option<Timestamp>,
}

impl PartTimes {
    /// All parts of one moment, as after a whole report.
    pub fn all(at: Option<Timestamp>) -> Self {
        Self {
            name: at,
            os: at,
            updates: at,
            software: at,
            reboot_pending: at,
        }
    }
}

/// What an observation was to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Observed {
    /// It changes what is known.
    Changed,
    /// It says what is known, at a later time.
    Seen,
    /// It says what is known, of the same time: it came before.
    Repeated,
    /// What it says is known of a later time already; nothing of it was taken.
    Older,
    /// It is of changes to a list that is not known, which stays so: what is not reported is unknown, not empty.
    /// The machine counts as seen.
    Baseless,
}

/// What the parts of one observation did.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the parts of one observation may do all of these"
)]
struct Steps {
    changed: bool,
    later: bool,
    older: bool,
    baseless: bool,
}

impl Steps {
    fn observed(&self) -> Observed {
        match self {
            Self { changed: true, .. } => Observed::Changed,
            Self { baseless: true, .. } => Observed::Baseless,
            Self { later: true, .. } => Observed::Seen,
            Self { older: true, .. } => Observed::Older,
            Self { .. } => Observed::Repeated,
        }
    }

    /// Takes the content of a part, unless a later one is known.
    fn part<T: PartialEq>(
        &mut self,
        known: &mut T,
        since: &mut Option<Timestamp>,
        content: T,
        at: Timestamp,
    ) {
        if self.is_due(since, at) && *known != content {
            *known = content;
            self.changed = true;
        }
    }

    /// Whether a part of this time is to be taken; then its time is that of the part.
    fn is_due(&mut self, since: &mut Option<Timestamp>, at: Timestamp) -> bool {
        if since.is_some_and(|since| since > at) {
            self.older = true;
            return false;
        }
        self.later |= *since != Some(at);
        *since = Some(at);
        true
    }
}

impl MachineRecord {
    /// A record that was kept, read back: its lists in any order.
    pub fn restored(report: MachineReport, times: PartTimes) -> Self {
        Self {
            report: MachineReport {
                updates: report.updates_in_order(),
                software: merge::software(None, report.software.as_deref()),
                ..report
            },
            times,
        }
    }

    /// The record of a machine that is heard of for the first time.
    pub fn of(first: &Observation, received_at: Timestamp) -> Self {
        let mut record = Self {
            report: MachineReport {
                id: first.machine_id(),
                ..MachineReport::new()
            },
            times: PartTimes::default(),
        };
        record.observe(first, received_at);
        record
    }

    /// Takes an observation of this machine in; that it is of this machine is the caller's to know.
    ///
    /// An observation without a time of its own is of the time it was received. So is one whose time is more than
    /// [`CLOCK_TOLERANCE`] later than that: a machine whose clock was ahead once would else be deaf until that day.
    pub fn observe(&mut self, next: &Observation, received_at: Timestamp) -> Observed {
        let at = next.believed_at(received_at);
        let mut steps = Steps::default();
        match next {
            Observation::Whole(report) => self.take(report, true, at, &mut steps),
            Observation::Part(report) => self.take(report, false, at, &mut steps),
            Observation::Changes(changes) => self.apply(changes, at, &mut steps),
        }
        if self.report.reported_at.is_none_or(|seen| seen < at) {
            self.report.reported_at = Some(at);
            steps.later = true;
        }
        steps.observed()
    }

    /// Takes the parts of a report: all of a whole one, else those it states.
    fn take(&mut self, report: &MachineReport, whole: bool, at: Timestamp, steps: &mut Steps) {
        let (known, since) = (&mut self.report, &mut self.times);
        if whole || report.name.is_some() {
            steps.part(&mut known.name, &mut since.name, report.name.clone(), at);
        }
        if whole || report.os != OsReport::default() {
            steps.part(&mut known.os, &mut since.os, report.os.clone(), at);
        }
        if whole || report.updates.is_some() {
            let list = report.updates_in_order();
            let mut latest = (known.updates.take(), known.updates_complete);
            let stated = (list, report.updates_complete);
            steps.part(&mut latest, &mut since.updates, stated, at);
            (known.updates, known.updates_complete) = latest;
        }
        if whole || report.software.is_some() {
            let list = merge::software(None, report.software.as_deref());
            steps.part(&mut known.software, &mut since.software, list, at);
        }
        if whole || report.reboot_pending.is_some() {
            let pending = report.reboot_pending;
            let since = &mut since.reboot_pending;
            steps.part(&mut known.reboot_pending, since, pending, at);
        }
    }

    fn apply(&mut self, changes: &ReportChanges, at: Timestamp, steps: &mut Steps) {
        let (known, since) = (&mut self.report, &mut self.times);
        if changes.name.is_some() {
            steps.part(&mut known.name, &mut since.name, changes.name.clone(), at);
        }
        list::apply(
            &changes.updates,
            &mut known.updates,
            &mut since.updates,
            at,
            steps,
        );
        list::apply(
            &changes.software,
            &mut known.software,
            &mut since.software,
            at,
            steps,
        );
    }
}
