//! Writes what is found for states into the store.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use kbgap_fleet::{FindingsBody, Fleet, OutcomeKey, StateFindings};
use kbgap_store::{Store, StoreError};
use rustc_hash::FxHashMap;

use super::found::{OfState, outcome_key};

/// How many states are compared and written at once.
const PAGE: usize = 500;

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
            let body = packed(&OfState::of(found));
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

fn packed(body: &impl serde::Serialize) -> Vec<u8> {
    // Plain data in memory is always written.
    postcard::to_stdvec(body).unwrap_or_default()
}
