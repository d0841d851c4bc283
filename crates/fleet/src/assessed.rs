//! What was found for states: what history keeps, as changes.
//!
//! A machine's history is the states it was in; a state's is what was found for it, with each catalog. Both change
//! seldom, and neither is a copy for each machine. What was found is kept once for all states that share it.

use std::collections::BTreeSet;
use std::sync::Arc;

use kbgap_assessment::ApplicationGroup;
use kbgap_catalog::{Catalog, Kb, SoftwareId, VulnerabilityId};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::classes::AssessedClasses;
use crate::exposure::of_outcome;
use crate::on_machine::is_windows;
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
    /// Of a state of Windows: its build, where it is told.
    pub build: Option<String>,
}

/// What tells one outcome of assessments from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutcomeKey([u8; 16]);

/// What is missing and what is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingsBody {
    /// The updates to install, in order.
    pub missing: Vec<Kb>,
    /// The softwares in which something is open.
    pub software: Vec<FoundSoftware>,
    /// What is open, in order of the catalog, then of software.
    pub open: Vec<OpenFinding>,
}

/// A software in which something is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundSoftware {
    /// The software.
    pub id: SoftwareId,
    /// Whether it is Windows itself, whose version is the build.
    pub is_windows: bool,
}

/// A vulnerability that is open in a software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenFinding {
    /// The vulnerability.
    pub vulnerability: VulnerabilityId,
    /// The software, by its place among those of the body.
    pub software: u32,
    /// The missing update that closes it; none where Microsoft names none.
    pub fix: Option<Kb>,
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
                let build = class.state.as_ref().ok().and_then(|state| state.build);
                states.push(StateFindings {
                    key: key.to_bytes(),
                    outcome: outcomes.key(&class.outcome),
                    listed: class.listed.to_vec(),
                    build: build.map(|build| build.to_string()),
                });
            }
        }
        for (key, at) in &self.classes.applications {
            if let Some(class) = classes.applications(*at) {
                states.push(StateFindings {
                    key: key.to_bytes(),
                    outcome: outcomes.key(&class.outcome),
                    listed: Vec::new(),
                    build: None,
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
        let body = body(self.catalog, outcome);
        // Plain data in memory is always written.
        let bytes = postcard::to_stdvec(&body).unwrap_or_default();
        let key = OutcomeKey(short(&[&bytes]));
        self.by_place.insert(place, key);
        self.bodies.push((key, body));
        key
    }
}

fn body(catalog: &Catalog, outcome: &Outcome) -> FindingsBody {
    let found = of_outcome(catalog, outcome);
    let windows = outcome.products.iter();
    let windows = windows.map(|product| catalog.product(product.product));
    let windows: FxHashSet<&SoftwareId> = windows
        .filter(|product| is_windows(product))
        .map(|product| &product.software)
        .collect();
    let software: BTreeSet<&SoftwareId> = found.keys().map(|(_, software)| *software).collect();
    let places: FxHashMap<&SoftwareId, u32> = software.iter().copied().zip(0..).collect();
    let open = found
        .iter()
        .map(|((vulnerability, software), fix)| OpenFinding {
            vulnerability: catalog.vulnerability(*vulnerability).id.clone(),
            software: places.get(software).copied().unwrap_or_default(),
            fix: fix.map(|fix| catalog.update(fix).kb),
        });
    let missing = outcome.missing.iter();
    FindingsBody {
        missing: missing.map(|at| catalog.update(*at).kb).collect(),
        open: open.collect(),
        software: software
            .into_iter()
            .map(|id| FoundSoftware {
                id: id.clone(),
                is_windows: windows.contains(id),
            })
            .collect(),
    }
}
