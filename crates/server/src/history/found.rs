//! What the store has of states, and what was found for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use kbgap_assessment::ApplicationGroup;
use kbgap_catalog::Kb;
use kbgap_fleet::{FindingsBody, OutcomeKey, StateFindings};
use kbgap_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// What the key of an outcome's content begins with; states' keys are of another length.
const OUTCOME: &[u8] = b"outcome";

/// What of the updates a machine lists concerns applications, by their group.
pub(super) type Listed = Vec<(ApplicationGroup, Kb)>;

/// What was found for a state, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfState {
    pub(super) outcome: OutcomeKey,
    pub(super) listed: Listed,
    /// The build, of a state of Windows.
    pub(super) build: Option<String>,
}

/// What was found for a state since a moment.
#[derive(Debug, Clone)]
pub(super) struct Since {
    pub(super) since: Timestamp,
    pub(super) found: OfState,
}

/// What the store has of some states: each is read once, however many machines were in it.
pub(crate) struct Found {
    pub(super) store: Store,
    pub(super) tenant: Arc<str>,
    of_state: BTreeMap<Vec<u8>, Vec<Since>>,
    outcomes: BTreeMap<OutcomeKey, FindingsBody>,
}

impl OfState {
    pub(super) fn of(found: &StateFindings) -> Self {
        Self {
            outcome: found.outcome,
            listed: found.listed.clone(),
            build: found.build.clone(),
        }
    }
}

pub(super) fn outcome_key(key: OutcomeKey) -> Vec<u8> {
    [OUTCOME, key.as_bytes()].concat()
}

impl Found {
    /// Reads what a store has of the states of a tenant's machines.
    pub(crate) fn new(store: Store, tenant: Arc<str>) -> Self {
        Self {
            store,
            tenant,
            of_state: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// Reads what was found for states.
    pub(super) async fn read(&mut self, keys: BTreeSet<Vec<u8>>) -> Result<(), StoreError> {
        let keys = keys.into_iter();
        let unread: Vec<Vec<u8>> = keys
            .filter(|key| !self.of_state.contains_key(key))
            .collect();
        for found in self.store.findings_history(&unread).await? {
            if let Ok(body) = postcard::from_bytes(&found.body) {
                let of_state = self.of_state.entry(found.state).or_default();
                of_state.push(Since {
                    since: found.since,
                    found: body,
                });
            }
        }
        for key in unread {
            self.of_state.entry(key).or_default();
        }
        Ok(())
    }

    /// Reads the content of all outcomes of the states that were read.
    pub(super) async fn read_outcomes(&mut self) -> Result<(), StoreError> {
        let all = self.of_state.values().flatten();
        let keys = all.map(|since| since.found.outcome);
        let unread = keys.filter(|key| !self.outcomes.contains_key(key));
        let by_key: BTreeMap<Vec<u8>, OutcomeKey> =
            unread.map(|key| (outcome_key(key), key)).collect();
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

    /// All that was found for a state, in order of time.
    pub(super) fn of(&self, state: &[u8]) -> &[Since] {
        self.of_state.get(state).map_or(&[], Vec::as_slice)
    }

    /// What holds for a state at a moment: what was found last until then. A state is assessed a little after a machine
    /// enters it for the first time: what is found then holds from the beginning.
    pub(super) fn at(&self, state: &[u8], moment: Timestamp) -> Option<&OfState> {
        let found = self.of(state);
        let until = found.partition_point(|since| since.since <= moment);
        let holds = found.get(until.saturating_sub(1))?;
        Some(&holds.found)
    }

    /// What an outcome is.
    pub(super) fn outcome(&self, of: &OfState) -> Option<&FindingsBody> {
        self.outcomes.get(&of.outcome)
    }
}
