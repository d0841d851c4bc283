//! Every vulnerability on every machine (API specification, section 1b: `machinesVulnerabilities`).

use std::cell::RefCell;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use kbgap_identity::Permission;

use super::ask::Ask;
use super::caller::Authenticated;
use super::model::{MachineVulnerability, Text};
use super::respond::{self, Named, PAGE, Rows};
use super::views::Views;
use super::vulnerabilities;
use crate::envelope::ApiError;
use crate::service::Service;

/// The rows machine by machine in order of id. How many each machine has is known, so those before a page are not made.
struct InOrder<'a> {
    views: &'a Views,
    /// By the place of a machine in the order, how many rows there are up to its last.
    ends: &'a [u64],
    /// The machine whose rows were made last.
    last: RefCell<Option<(usize, Vec<MachineVulnerability>)>>,
}

impl Rows for InOrder<'_> {
    type Row = MachineVulnerability;

    fn len(&self) -> usize {
        usize::try_from(self.ends.last().copied().unwrap_or_default()).unwrap_or(usize::MAX)
    }

    fn row(&self, at: usize) -> Option<MachineVulnerability> {
        let at = at as u64;
        let place = self.ends.partition_point(|end| *end <= at);
        let before = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        let within = usize::try_from(at - before).ok()?;
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_none_or(|(known, _)| *known != place) {
            let machine = self.views.machines.page(place, 1).next()?;
            *last = Some((place, of_machine(self.views, &machine.id.to_string())));
        }
        let (_, rows) = last.as_ref()?;
        rows.get(within).cloned()
    }
}

/// `GET /api/vulnerabilities/machinesVulnerabilities`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::VulnerabilityRead])?;
    respond::in_background(move || {
        let rows = InOrder {
            ends: views.open_ends(),
            views: &views,
            last: RefCell::new(None),
        };
        let model = &service.model;
        let entity = &model.machine_vulnerability;
        let named = Named::collection_of(entity);
        respond::rows(&ask, model, entity, &named, PAGE, &rows)
    })
    .await
}

fn of_machine(views: &Views, id: &str) -> Vec<MachineVulnerability> {
    let catalog = views.machines.assessor().catalog();
    let machine: Text = id.into();
    let on = views.machines.on_machine(id);
    let open = on.map(|on| on.vulnerabilities()).unwrap_or_default();
    let rows = open.iter().map(|open| {
        let found = catalog.vulnerability(open.vulnerability);
        let fix = open
            .fix
            .map(|fix| catalog.update(fix).kb.number().to_string());
        MachineVulnerability {
            cve: found.id.to_string().into(),
            machine: machine.clone(),
            fixing_kb: fix.map(Text::from),
            product_name: open.software.name().into(),
            product_vendor: open.software.vendor().into(),
            product_version: open.version.as_deref().map(Text::from),
            severity: Some(vulnerabilities::severity(found).into()),
        }
    });
    rows.collect()
}
