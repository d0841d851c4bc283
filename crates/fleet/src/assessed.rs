//! What was found for states: what history keeps, as changes.
//!
//! A machine's history is the states it was in; a state's is what was found for it, with each catalog. Both change
//! seldom, and neither is a copy for each machine. What was found is kept once for all states that share it.

use std::sync::Arc;

use kbgap_assessment::ApplicationGroup;
use kbgap_catalog::{Catalog, Kb, VulnerabilityId};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::classes::AssessedClasses;
use crate::outcome::Outcome;
use crate::packed::short;
use crate::snapshot::Snapshot;

/// States that were assessed, with what was found.
pub struct Assessed {
    snapshot: Arc<Snapshot>,
    classes: AssessedClasses,
}

/// What was found for a state of Windows or of applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFindings {
    /// What tells the state from others: a [`crate::WindowsKey`] or a [`crate::ApplicationsKey`].
    pub key: Vec<u8>,
    /// What was found.
    pub outcome: OutcomeKey,
    /// Of a state of Windows: what of its listed updates concerns applications, by their group.
    pub listed: Vec<(ApplicationGroup, Kb)>,
}

/// What tells one outcome of assessments from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutcomeKey([u8; 16]);

/// What is missing and what is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingsBody {
    /// The updates to install, in order.
    pub missing: Vec<Kb>,
    /// The vulnerabilities that are open, in order of the catalog.
    pub open: Vec<VulnerabilityId>,
}

impl OutcomeKey {
    /// The key as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Assessed {
    pub(crate) fn new(snapshot: Arc<Snapshot>, classes: AssessedClasses) -> Self {
        Self { snapshot, classes }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.classes.windows.is_empty() && self.classes.applications.is_empty()
    }

    /// The states, each with what was found; and each outcome among them once, with its content.
    pub fn findings(&self) -> (Vec<StateFindings>, Vec<(OutcomeKey, FindingsBody)>) {
        let mut outcomes = Outcomes {
            catalog: self.snapshot.assessor.catalog(),
            by_place: FxHashMap::default(),
            bodies: Vec::new(),
        };
        let classes = &self.snapshot.classes;
        let mut states = Vec::new();
        for (key, at) in &self.classes.windows {
            if let Some(class) = classes.windows(*at) {
                states.push(StateFindings {
                    key: key.to_bytes(),
                    outcome: outcomes.key(&class.outcome),
                    listed: class.listed.to_vec(),
                });
            }
        }
        for (key, at) in &self.classes.applications {
            if let Some(class) = classes.applications(*at) {
                states.push(StateFindings {
                    key: key.to_bytes(),
                    outcome: outcomes.key(&class.outcome),
                    listed: Vec::new(),
                });
            }
        }
        (states, outcomes.bodies)
    }
}

struct Outcomes<'a> {
    catalog: &'a Catalog,
    /// Outcomes are kept once, so their place in memory tells them.
    by_place: FxHashMap<*const Outcome, OutcomeKey>,
    bodies: Vec<(OutcomeKey, FindingsBody)>,
}

impl Outcomes<'_> {
    fn key(&mut self, outcome: &Arc<Outcome>) -> OutcomeKey {
        let place = Arc::as_ptr(outcome);
        if let Some(known) = self.by_place.get(&place) {
            return *known;
        }
        let missing = outcome.missing.iter();
        let open = outcome.open();
        let open = open.iter();
        let body = FindingsBody {
            missing: missing.map(|at| self.catalog.update(*at).kb).collect(),
            open: open
                .map(|at| self.catalog.vulnerability(*at).id.clone())
                .collect(),
        };
        // Plain data in memory is always written.
        let bytes = postcard::to_stdvec(&body).unwrap_or_default();
        let key = OutcomeKey(short(&[&bytes]));
        self.by_place.insert(place, key);
        self.bodies.push((key, body));
        key
    }
}
