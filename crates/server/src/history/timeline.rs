//! What was there on a machine, from each moment on at which something changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kbgap_assessment::{ApplicationGroup, Bearing};
use kbgap_catalog::{Kb, SoftwareId, VulnerabilityId};
use kbgap_fleet::{ApplicationsKey, Snapshot, StateKey};
use kbgap_store::{MachineState, StoreError};

use super::Detected;
use super::found::{Found, Listed, OfState};

/// What a machine's states are read with: the dictionary of software, and the catalogue in use.
pub(crate) struct Knowledge<'a> {
    /// What an entry of the dictionary is of consequence for.
    pub(crate) bearing: &'a (dyn Fn(u32) -> Bearing + Sync),
    /// The machines as they are now.
    pub(crate) machines: &'a Snapshot,
}

/// What was there on a machine over time.
pub(crate) struct Timeline(Vec<Moment>);

/// What was there from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) there: There,
    /// Whether the machine was silent before, for so long that it may have been taken out of what is shown.
    pub(super) again: bool,
}

/// What is there on a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct There {
    pub(super) missing: BTreeSet<Kb>,
    /// What is open, with the missing update that closes it.
    pub(super) open: BTreeMap<OpenIn, Option<Kb>>,
}

/// A vulnerability that is open in a version of a software.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OpenIn {
    pub(crate) vulnerability: VulnerabilityId,
    pub(crate) software: SoftwareId,
    pub(crate) version: Option<Box<str>>,
}

/// What became of a vulnerability on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// It is there no more.
    Fixed,
    /// It is there.
    New,
    /// Another update closes it.
    Updated,
}

/// A change on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeOnMachine {
    pub(crate) at: Timestamp,
    pub(crate) status: Status,
    pub(crate) what: OpenIn,
    /// The missing update that closes it, or did.
    pub(crate) fix: Option<Kb>,
}

/// A state that a machine was in, from a moment on until the next.
struct Span {
    at: Timestamp,
    /// None while it was not shown.
    state: Option<StateKey>,
    again: bool,
}

impl There {
    pub(super) fn detected(&self) -> BTreeSet<Detected> {
        let open = self.open.keys().map(|open| open.vulnerability.clone());
        let missing = self.missing.iter().copied().map(Detected::Kb);
        missing.chain(open.map(Detected::Vulnerability)).collect()
    }

    fn add(&mut self, found: &Found, of: Option<&OfState>, version: &Versions<'_>) {
        let Some(body) = of.and_then(|of| found.outcome(of)) else {
            return;
        };
        self.missing.extend(&body.missing);
        for open in &body.open {
            let software = usize::try_from(open.software);
            let Some(software) = software.ok().and_then(|at| body.software.get(at)) else {
                continue;
            };
            let what = OpenIn {
                vulnerability: open.vulnerability.clone(),
                version: version.of(&software.id, software.is_windows),
                software: software.id.clone(),
            };
            let known = self.open.entry(what).or_default();
            *known = known.or(open.fix);
        }
    }
}

/// The versions of the software of a machine.
struct Versions<'a> {
    build: Option<&'a str>,
    told: BTreeMap<&'a SoftwareId, &'a str>,
}

impl Versions<'_> {
    fn of(&self, software: &SoftwareId, is_windows: bool) -> Option<Box<str>> {
        let build = self.build.filter(|_| is_windows);
        build
            .or_else(|| self.told.get(software).copied())
            .map(Into::into)
    }
}

impl Knowledge<'_> {
    /// The keys of the states of a machine's applications.
    fn applications(&self, tenant: &str, software: &[u32], listed: &Listed) -> Vec<Vec<u8>> {
        let mut told: Vec<(ApplicationGroup, u32)> = Vec::new();
        let mut listed = listed.clone();
        for &number in software {
            let bearing = (self.bearing)(number);
            told.extend(bearing.applications.map(|group| (group, number)));
            if let Some(kb) = bearing.update {
                let groups = self.machines.assessor().application_groups(kb).into_iter();
                listed.extend(groups.map(|group| (group, kb)));
            }
        }
        told.sort_unstable();
        listed.sort_unstable();
        listed.dedup();
        let groups = told.chunk_by(|(one, _), (other, _)| one == other);
        let key = |told: &[(ApplicationGroup, u32)]| {
            let group = told.first()?.0;
            let software: Vec<u32> = told.iter().map(|(_, number)| *number).collect();
            let own = listed.iter().filter(|(of, _)| *of == group);
            let own: Vec<Kb> = own.map(|(_, kb)| *kb).collect();
            let key = ApplicationsKey::new(tenant, group, &software, &own);
            Some(key.to_bytes())
        };
        groups.filter_map(key).collect()
    }
}

impl Timeline {
    /// Reads what was there on a machine since it is known.
    pub(crate) async fn read(
        found: &mut Found,
        machine: &str,
        knowledge: &Knowledge<'_>,
    ) -> Result<Self, StoreError> {
        let states = found.store.machine_history(&found.tenant, machine).await?;
        let spans = spans(&states);
        let windows = spans.iter().filter_map(|span| span.state.as_ref());
        let windows = windows.map(|state| state.windows.to_bytes());
        found.read(windows.collect()).await?;
        let tenant = found.tenant.clone();
        let mut keys = BTreeSet::new();
        for state in spans.iter().filter_map(|span| span.state.as_ref()) {
            for since in found.of(&state.windows.to_bytes()) {
                let listed = &since.found.listed;
                keys.extend(knowledge.applications(&tenant, &state.applications, listed));
            }
        }
        found.read(keys).await?;
        found.read_outcomes().await?;
        Ok(Self(moments(&spans, found, knowledge)))
    }

    pub(super) fn moments(&self) -> &[Moment] {
        &self.0
    }

    /// The changes since a moment, in order of time; what was fixed before what is new. `left` is when the machine was
    /// taken out of what is shown, where it was silent for too long.
    pub(crate) fn changes(
        &self,
        since: Timestamp,
        left: Option<Timestamp>,
    ) -> Vec<ChangeOnMachine> {
        let nothing = There::default();
        let mut before = &nothing;
        let mut changes = Vec::new();
        for moment in &self.0 {
            if moment.at >= since {
                change(before, &moment.there, moment.at, moment.again, &mut changes);
            }
            before = &moment.there;
        }
        // A report that is old when it comes brings a machine that is not shown at all.
        let last = self.0.last().map(|moment| moment.at);
        let left = left.map(|left| last.map_or(left, |last| left.max(last)));
        if let Some(left) = left.filter(|left| *left >= since) {
            change(before, &nothing, left, false, &mut changes);
        }
        changes
    }
}

fn change(
    before: &There,
    after: &There,
    at: Timestamp,
    again: bool,
    changes: &mut Vec<ChangeOnMachine>,
) {
    let mut add = |status, what: &OpenIn, fix: Option<Kb>| {
        changes.push(ChangeOnMachine {
            at,
            status,
            what: what.clone(),
            fix,
        });
    };
    for (what, fix) in &before.open {
        if !after.open.contains_key(what) {
            add(Status::Fixed, what, *fix);
        }
    }
    for (what, fix) in &after.open {
        match before.open.get(what) {
            Some(_) if again => add(Status::New, what, *fix),
            None => add(Status::New, what, *fix),
            Some(known) if known != fix => add(Status::Updated, what, *fix),
            Some(_) => {}
        }
    }
}

fn spans(states: &[MachineState]) -> Vec<Span> {
    let mut before: Option<&[u8]> = None;
    let spans = states.iter().map(|state| Span {
        at: state.received_at,
        state: StateKey::of_bytes(&state.state),
        again: before.replace(&state.state) == Some(&state.state),
    });
    spans.collect()
}

fn moments(spans: &[Span], found: &Found, knowledge: &Knowledge<'_>) -> Vec<Moment> {
    let mut moments = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let until = spans.get(at + 1).map(|next| next.at);
        let Some(state) = &span.state else {
            moments.push(Moment {
                at: span.at,
                there: There::default(),
                again: false,
            });
            continue;
        };
        let windows = state.windows.to_bytes();
        let keys_of =
            |of: &OfState| knowledge.applications(&found.tenant, &state.applications, &of.listed);
        let of_windows = found.of(&windows).iter();
        let keys = of_windows.clone().flat_map(|since| keys_of(&since.found));
        let keys: BTreeSet<Vec<u8>> = keys.collect();
        let of_applications = keys.iter().flat_map(|key| found.of(key).iter());
        let changes = of_windows.chain(of_applications).map(|since| since.since);
        let changes = changes.filter(|at| *at > span.at && until.is_none_or(|until| *at < until));
        let changes: BTreeSet<Timestamp> = changes.chain([span.at]).collect();
        for moment in changes {
            let of_windows = found.at(&windows, moment);
            let versions = Versions {
                build: of_windows.and_then(|of| of.build.as_deref()),
                told: knowledge
                    .machines
                    .versions_told(state.applications.iter().copied()),
            };
            let mut there = There::default();
            there.add(found, of_windows, &versions);
            for key in of_windows.map(keys_of).unwrap_or_default() {
                there.add(found, found.at(&key, moment), &versions);
            }
            moments.push(Moment {
                at: moment,
                there,
                again: span.again && moment == span.at,
            });
        }
    }
    moments
}
