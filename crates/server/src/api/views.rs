//! The fleet in the API's own rows, made once for a snapshot.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kbgap_catalog::{SoftwareId, Texts, VulnerabilityIx};
use kbgap_fleet::{Exposures, MissingUpdate, Scores, Snapshot};

use super::model::{Recommendation, Software, Vulnerability};
use super::{recommendations, software, vulnerabilities};
use crate::service::Service;
use crate::tenant::Tenant;

/// The fleet of a tenant at a moment, with the rows that lists of it are made of.
pub(crate) struct Views {
    pub(crate) machines: Arc<Snapshot>,
    texts: Option<Arc<Texts>>,
    software: OnceLock<Arc<[Software]>>,
    vulnerabilities: OnceLock<Arc<[Vulnerability]>>,
    recommendations: OnceLock<Arc<[Recommendation]>>,
    open_ends: OnceLock<Box<[u64]>>,
    missing: OnceLock<Vec<MissingUpdate>>,
}

/// The views of a tenant's current machines, the newest kept.
#[derive(Default)]
pub(crate) struct CurrentViews(Mutex<Option<Arc<Views>>>);

impl CurrentViews {
    /// The views of the machines as they are now.
    pub(crate) fn of(&self, service: &Service, tenant: &Tenant) -> Arc<Views> {
        let machines = tenant.fleet().snapshot();
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(views) = &*current
            && views.machines.generation() == machines.generation()
        {
            return views.clone();
        }
        let views = Arc::new(Views::new(service, machines));
        *current = Some(views.clone());
        views
    }
}

/// The views of who sees some device groups only, those last asked for kept.
#[derive(Default)]
pub(crate) struct NarrowViews(tokio::sync::Mutex<VecDeque<Narrow>>);

struct Narrow {
    groups: BTreeSet<Box<str>>,
    made: Instant,
    took: Duration,
    views: Arc<Views>,
}

/// How many sets of device groups are kept.
const NARROW: usize = 16;
/// For how many times as long as they took to make views are shown though machines changed: so machines that change all the
/// time take a part of a core.
const SHOWN: u32 = 10;

impl NarrowViews {
    /// The views of the machines of some device groups. They are made by one at a time, beside the threads that answer
    /// others.
    pub(crate) async fn of(
        &self,
        service: &Service,
        tenant: &Tenant,
        groups: &BTreeSet<Box<str>>,
    ) -> Arc<Views> {
        let mut kept = self.0.lock().await;
        let whole = tenant.fleet().snapshot();
        let place = kept.iter().position(|narrow| narrow.groups == *groups);
        if let Some(known) = place.and_then(|place| kept.remove(place)) {
            let is_current = known.views.machines.generation() == whole.generation()
                || known.made.elapsed() < known.took * SHOWN;
            if is_current {
                let views = known.views.clone();
                kept.push_front(known);
                return views;
            }
        }
        let (own, begun) = (groups.clone(), Instant::now());
        let narrow = tokio::task::spawn_blocking(move || Arc::new(whole.within(&own))).await;
        let machines = match narrow {
            Ok(machines) => machines,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let views = Arc::new(Views::new(service, machines));
        kept.truncate(NARROW - 1);
        kept.push_front(Narrow {
            groups: groups.clone(),
            made: Instant::now(),
            took: begun.elapsed(),
            views: views.clone(),
        });
        views
    }
}

impl Views {
    fn new(service: &Service, machines: Arc<Snapshot>) -> Self {
        Self {
            texts: service.texts_of(machines.assessor()),
            machines,
            software: OnceLock::new(),
            vulnerabilities: OnceLock::new(),
            recommendations: OnceLock::new(),
            open_ends: OnceLock::new(),
            missing: OnceLock::new(),
        }
    }

    pub(crate) fn exposures(&self) -> Arc<Exposures> {
        self.machines.exposures()
    }

    pub(crate) fn scores(&self) -> Arc<Scores> {
        self.machines.scores()
    }

    /// The title Microsoft gave a vulnerability.
    pub(crate) fn title(&self, at: VulnerabilityIx) -> Option<&str> {
        Some(&self.texts.as_ref()?.of(at)?.title)
    }

    /// Every software that is on machines, in order of id.
    pub(crate) fn software(&self) -> &Arc<[Software]> {
        self.software.get_or_init(|| software::all(self).into())
    }

    /// One of them.
    pub(crate) fn software_of(&self, id: &SoftwareId) -> Option<Software> {
        let all = self.software();
        let at = all
            .binary_search_by(|row| (*row.product.id).cmp(id.as_str()))
            .ok()?;
        all.get(at).cloned()
    }

    /// Every vulnerability of the catalogue, in order of id.
    pub(crate) fn vulnerabilities(&self) -> &Arc<[Vulnerability]> {
        let made = || vulnerabilities::all(self).into();
        self.vulnerabilities.get_or_init(made)
    }

    /// How many vulnerabilities are open on the machines up to each, in order of id.
    pub(crate) fn open_ends(&self) -> &[u64] {
        self.open_ends.get_or_init(|| {
            let counts = self.machines.open_in_order();
            let ends = counts.scan(0, |end, count| {
                *end += u64::from(count);
                Some(*end)
            });
            ends.collect()
        })
    }

    /// The updates missing on any machine, in order of KB.
    pub(crate) fn missing(&self) -> &[MissingUpdate] {
        self.missing.get_or_init(|| self.machines.missing())
    }

    /// What to do about what is open, in order of id.
    pub(crate) fn recommendations(&self) -> &Arc<[Recommendation]> {
        let made = || recommendations::all(self).into();
        self.recommendations.get_or_init(made)
    }
}
