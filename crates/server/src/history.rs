//! When what was found on a machine was first found, and when it was gone.
//!
//! Nothing of this is kept for each machine and update: the store has the states a machine was in, and what was found
//! for each state with each catalogue. Both are put together when somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kbgap_assessment::{ApplicationGroup, Bearing};
use kbgap_catalog::{Kb, VulnerabilityId};
use kbgap_fleet::{ApplicationsKey, FindingsBody, Fleet, OutcomeKey, StateFindings, StateKey};
use kbgap_store::{Store, StoreError};
use rustc_hash::FxHashMap;
use serde::Serialize;

/// How many states are compared and written at once.
const PAGE: usize = 500;
/// What the key of an outcome's content begins with; states' keys are of another length.
const OUTCOME: &[u8] = b"outcome";

/// Something that was found on a machine, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    /// What.
    #[serde(flatten)]
    pub what: Detected,
    /// Since when: the machine reported so, or what is known of the state changed.
    pub detected: Timestamp,
    /// When it was gone; `None` while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Timestamp>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Detected {
    /// An update to be installed.
    #[serde(serialize_with = "number")]
    Kb(Kb),
    /// An open vulnerability.
    #[serde(serialize_with = "text")]
    Vulnerability(VulnerabilityId),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn number<S: serde::Serializer>(kb: &Kb, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&kb.number())
}

fn text<S: serde::Serializer>(id: &VulnerabilityId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Writes what is found for states into the store.
#[derive(Default)]
pub(crate) struct Recorder {
    /// What could not be written yet.
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    outcomes: Vec<(OutcomeKey, FindingsBody)>,
    states: Vec<(Timestamp, StateFindings)>,
}

impl Recorder {
    /// Writes what was found since it was last asked, where it is not what is known of the state.
    pub(crate) async fn record(&self, store: &Store, fleet: &Fleet) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let assessed = fleet.take_assessed();
        if !assessed.is_empty() {
            let found = tokio::task::spawn_blocking(move || assessed.findings());
            let (states, outcomes) = match found.await {
                Ok(found) => found,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            };
            let mut waiting = self.waiting();
            waiting.outcomes.extend(outcomes);
            let states = states.into_iter().map(|findings| (now, findings));
            waiting.states.extend(states);
        }
        let Waiting { outcomes, states } = std::mem::take(&mut *self.waiting());
        if let Err(error) = write(store, &outcomes, &states).await {
            // In front: what was found later comes after it.
            let mut waiting = self.waiting();
            waiting.outcomes.splice(..0, outcomes);
            waiting.states.splice(..0, states);
            return Err(error);
        }
        Ok(())
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(
    store: &Store,
    outcomes: &[(OutcomeKey, FindingsBody)],
    states: &[(Timestamp, StateFindings)],
) -> Result<(), StoreError> {
    for page in outcomes.chunks(PAGE) {
        let rows: Vec<kbgap_store::StateFindings> = page
            .iter()
            .map(|(key, body)| kbgap_store::StateFindings {
                state: outcome_key(*key),
                since: Timestamp::UNIX_EPOCH,
                body: packed(body),
            })
            .collect();
        store.put_findings(&rows).await?;
    }
    for page in states.chunks(PAGE) {
        let keys: Vec<Vec<u8>> = page.iter().map(|(_, found)| found.key.clone()).collect();
        let known = store.findings_history(&keys).await?;
        let mut last: FxHashMap<Vec<u8>, Vec<u8>> = FxHashMap::default();
        last.extend(known.into_iter().map(|known| (known.state, known.body)));
        let mut rows = Vec::new();
        for (since, found) in page {
            let body = packed(&(found.outcome, &found.listed));
            if last.get(&found.key) != Some(&body) {
                last.insert(found.key.clone(), body.clone());
                rows.push(kbgap_store::StateFindings {
                    state: found.key.clone(),
                    since: *since,
                    body,
                });
            }
        }
        store.put_findings(&rows).await?;
    }
    Ok(())
}

fn outcome_key(key: OutcomeKey) -> Vec<u8> {
    [OUTCOME, key.as_bytes()].concat()
}

fn packed(body: &impl Serialize) -> Vec<u8> {
    // Plain data in memory is always written.
    postcard::to_stdvec(body).unwrap_or_default()
}

/// What was found for a state since a moment.
type Since = (Timestamp, OutcomeKey, Listed);
/// What of the updates a machine lists concerns applications, by their group.
type Listed = Vec<(ApplicationGroup, Kb)>;

/// What was found on a machine since it is known, each for how long: in order of what, then of time.
///
/// Updates that its software list names count as the catalogue in use knows them.
pub(crate) async fn of_machine(
    store: &Store,
    tenant: &str,
    machine: &str,
    bearing: &impl Fn(u32) -> Bearing,
    groups: &impl Fn(Kb) -> Vec<ApplicationGroup>,
) -> Result<Vec<Detection>, StoreError> {
    let states = store.machine_history(tenant, machine).await?;
    let spans: Vec<(Timestamp, StateKey)> = states
        .iter()
        .filter_map(|state| Some((state.since, StateKey::of_bytes(&state.state)?)))
        .collect();
    let mut found = Findings::new(store);
    found
        .read(spans.iter().map(|(_, key)| key.windows.to_bytes()))
        .await?;
    let keys = Keys {
        tenant,
        bearing,
        groups,
    };
    let of_applications = spans.iter().flat_map(|(_, key)| {
        let windows = found.of(&key.windows.to_bytes()).iter();
        windows.flat_map(|(_, _, listed)| keys.of(&key.applications, listed))
    });
    let of_applications: BTreeSet<Vec<u8>> = of_applications.collect();
    found.read(of_applications.into_iter()).await?;
    found.read_outcomes().await?;
    Ok(intervals(&timeline(&spans, &found, &keys)))
}

/// The keys of the states of a machine's applications.
struct Keys<'a, B, G> {
    tenant: &'a str,
    bearing: &'a B,
    groups: &'a G,
}

impl<B: Fn(u32) -> Bearing, G: Fn(Kb) -> Vec<ApplicationGroup>> Keys<'_, B, G> {
    fn of(&self, software: &[u32], listed: &Listed) -> Vec<Vec<u8>> {
        let mut told: Vec<(ApplicationGroup, u32)> = Vec::new();
        let mut listed = listed.clone();
        for &number in software {
            let bearing = (self.bearing)(number);
            told.extend(bearing.applications.map(|group| (group, number)));
            if let Some(kb) = bearing.update {
                let groups = (self.groups)(kb).into_iter();
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
            let key = ApplicationsKey::new(self.tenant, group, &software, &own);
            Some(key.to_bytes())
        };
        groups.filter_map(key).collect()
    }
}

/// What the store has of some states.
struct Findings<'a> {
    store: &'a Store,
    of_state: BTreeMap<Vec<u8>, Vec<Since>>,
    outcomes: BTreeMap<OutcomeKey, FindingsBody>,
}

impl<'a> Findings<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            of_state: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    async fn read(&mut self, keys: impl Iterator<Item = Vec<u8>>) -> Result<(), StoreError> {
        let keys: Vec<Vec<u8>> = keys.collect();
        for found in self.store.findings_history(&keys).await? {
            if let Ok((outcome, listed)) = postcard::from_bytes(&found.body) {
                let of_state = self.of_state.entry(found.state).or_default();
                of_state.push((found.since, outcome, listed));
            }
        }
        Ok(())
    }

    async fn read_outcomes(&mut self) -> Result<(), StoreError> {
        let all = self.of_state.values().flatten();
        let keys: BTreeSet<OutcomeKey> = all.map(|(_, outcome, _)| *outcome).collect();
        let by_key: BTreeMap<Vec<u8>, OutcomeKey> =
            keys.iter().map(|key| (outcome_key(*key), *key)).collect();
        let rows: Vec<Vec<u8>> = by_key.keys().cloned().collect();
        for found in self.store.findings_history(&rows).await? {
            if let (Some(key), Ok(body)) =
                (by_key.get(&found.state), postcard::from_bytes(&found.body))
            {
                self.outcomes.insert(*key, body);
            }
        }
        Ok(())
    }

    fn of(&self, state: &[u8]) -> &[Since] {
        self.of_state.get(state).map_or(&[], Vec::as_slice)
    }

    /// What holds at a moment: what was found last until then.
    fn at(&self, state: &[u8], moment: Timestamp) -> Option<&Since> {
        let found = self.of(state).iter();
        found.take_while(|(since, ..)| *since <= moment).last()
    }

    fn add(&self, found: Option<&Since>, to: &mut BTreeSet<Detected>) {
        let body = found.and_then(|(_, outcome, _)| self.outcomes.get(outcome));
        if let Some(body) = body {
            to.extend(body.missing.iter().copied().map(Detected::Kb));
            to.extend(body.open.iter().cloned().map(Detected::Vulnerability));
        }
    }
}

/// What was there from each moment on at which something changed.
fn timeline<B: Fn(u32) -> Bearing, G: Fn(Kb) -> Vec<ApplicationGroup>>(
    spans: &[(Timestamp, StateKey)],
    found: &Findings<'_>,
    keys: &Keys<'_, B, G>,
) -> Vec<(Timestamp, BTreeSet<Detected>)> {
    let mut moments = Vec::new();
    for (at, (since, key)) in spans.iter().enumerate() {
        let until = spans.get(at + 1).map(|(next, _)| *next);
        let windows = key.windows.to_bytes();
        let of_windows = found.of(&windows).iter();
        let of_applications = found.of(&windows).iter().flat_map(|(_, _, listed)| {
            let keys = keys.of(&key.applications, listed);
            keys.into_iter().flat_map(|key| found.of(&key).iter())
        });
        let changes = of_windows.chain(of_applications).map(|(since, ..)| *since);
        let mut changes: Vec<Timestamp> = changes
            .filter(|change| change > since && until.is_none_or(|until| *change < until))
            .chain([*since])
            .collect();
        changes.sort_unstable();
        changes.dedup();
        for moment in changes {
            let mut there = BTreeSet::new();
            let of_windows = found.at(&windows, moment);
            found.add(of_windows, &mut there);
            if let Some((_, _, listed)) = of_windows {
                for applications in keys.of(&key.applications, listed) {
                    found.add(found.at(&applications, moment), &mut there);
                }
            }
            moments.push((moment, there));
        }
    }
    moments
}

fn intervals(moments: &[(Timestamp, BTreeSet<Detected>)]) -> Vec<Detection> {
    let mut open: BTreeMap<&Detected, Timestamp> = BTreeMap::new();
    let mut all = Vec::new();
    let detection = |what: &Detected, detected, fixed| Detection {
        what: what.clone(),
        detected,
        fixed,
    };
    for (moment, there) in moments {
        open.retain(|what, since| {
            let stays = there.contains(*what);
            if !stays {
                all.push(detection(what, *since, Some(*moment)));
            }
            stays
        });
        for what in there {
            open.entry(what).or_insert(*moment);
        }
    }
    let still = open.into_iter();
    all.extend(still.map(|(what, since)| detection(what, since, None)));
    all.sort_by(|one, other| (&one.what, one.detected).cmp(&(&other.what, other.detected)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_found_anew() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let kb = |number: u32| Detected::Kb(Kb::new(4_000_000 + number).unwrap());
        let moments = [
            (at(1), BTreeSet::from([kb(1), kb(2)])),
            (at(2), BTreeSet::from([kb(2)])),
            (at(3), BTreeSet::from([kb(1), kb(2)])),
        ];
        let found: Vec<_> = intervals(&moments)
            .into_iter()
            .map(|found| (found.what, found.detected, found.fixed))
            .collect();
        assert_eq!(
            found,
            [
                (kb(1), at(1), Some(at(2))),
                (kb(1), at(3), None),
                (kb(2), at(1), None)
            ]
        );
    }
}
