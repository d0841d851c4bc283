//! Machines, and what is known of each (API specification, sections 1c and 1j).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use kbgap_fleet::{Activity, ExposureLevel, Snapshot};
use kbgap_identity::Permission;
use kbgap_odata::Content;

use super::ask::Ask;
use super::caller::Authenticated;
use super::expansions::Expansions;
use super::model::{self, DeviceValue, ExclusionReason, HealthStatus, Machine, Software};
use super::respond::{self, Named, PAGE, Rows};
use super::views::Views;
use super::{machine_references, vulnerabilities};
use crate::envelope::ApiError;
use crate::service::Service;

const MACHINE: &[Permission] = &[Permission::MachineRead, Permission::MachineReadWrite];

/// Machines in order of id, each made as it is asked for.
struct InOrder<'a> {
    views: &'a Views,
    now: Timestamp,
}

impl Rows for InOrder<'_> {
    type Row = Machine;

    fn len(&self) -> usize {
        usize::try_from(self.views.machines.machine_count()).unwrap_or(usize::MAX)
    }

    fn row(&self, at: usize) -> Option<Machine> {
        let machine = self.views.machines.page(at, 1).next()?;
        Some(row(self.views, &machine, self.now))
    }
}

/// `GET /api/machines`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, MACHINE)?;
    respond::in_background(move || {
        let now = Timestamp::now();
        let rows = InOrder { views: &views, now };
        answer(&ask, &service, &caller, &views, &rows)
    })
    .await
}

/// Answers machines, with what they lead to where that is asked for.
fn answer(
    ask: &Ask,
    service: &Service,
    caller: &Authenticated,
    views: &Views,
    rows: &(impl Rows<Row = Machine> + ?Sized),
) -> Result<Response, ApiError> {
    let model = &service.model;
    let leads = Expansions {
        caller,
        views,
        model,
    };
    let named = Named::set("Machines");
    respond::leading(ask, model, &model.machine, &named, PAGE, rows, &leads)
}

/// `GET /api/machines/$count`
pub(crate) async fn count(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, MACHINE)?;
    respond::in_background(move || {
        let now = Timestamp::now();
        let rows = InOrder { views: &views, now };
        respond::count(&ask, &service.model, &service.model.machine, &rows)
    })
    .await
}

/// `GET /api/machines/{id}`, by id or DNS name; and `GET /api/machines/findbyip(…)`, whose parameters stand in the path.
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, MACHINE)?;
    respond::in_background(move || {
        if let Some(parameters) = find_by_ip(&id) {
            return by_ip(&ask, &service, parameters);
        }
        let machine = views.machines.machine(&id);
        let machine = machine.ok_or_else(|| ApiError::not_found("Machine", &id))?;
        let row = row(&views, &machine, Timestamp::now());
        let model = &service.model;
        let leads = Expansions {
            caller: &caller,
            views: &views,
            model,
        };
        let content = Content::Entity("Machines");
        respond::one_leading(&ask, model, &model.machine, content, &row, &leads)
    })
    .await
}

/// What stands in the parentheses of `findbyip(…)`.
fn find_by_ip(segment: &str) -> Option<&str> {
    const NAME: &str = "findbyip(";
    let name = segment.get(..NAME.len())?;
    let parameters = name
        .eq_ignore_ascii_case(NAME)
        .then(|| &segment[NAME.len()..])?;
    parameters.strip_suffix(')')
}

/// The machines that had an address at a time. No report tells addresses, so there are none; what is asked is checked all
/// the same.
fn by_ip(ask: &Ask, service: &Service, parameters: &str) -> Result<Response, ApiError> {
    const WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);
    let value = |name: &str| {
        let mut pairs = parameters
            .split(',')
            .filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(known, _)| known.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim().trim_matches('\''))
    };
    let ip = value("ip").ok_or_else(|| ApiError::parameter_missing("ip"))?;
    if ip.parse::<std::net::IpAddr>().is_err() {
        return Err(ApiError::invalid("InvalidIpAddress", "ip", ip));
    }
    let time = value("timestamp").ok_or_else(|| ApiError::parameter_missing("timestamp"))?;
    let at: Timestamp = time
        .parse()
        .map_err(|_| ApiError::invalid("InvalidInput", "timestamp", time))?;
    let now = Timestamp::now();
    if now.duration_since(at) > WITHIN || at > now {
        return Err(ApiError::invalid("InvalidInput", "timestamp", time));
    }
    let none: &[Machine] = &[];
    let model = &service.model;
    respond::rows(
        ask,
        model,
        &model.machine,
        &Named::set("Machines"),
        PAGE,
        none,
    )
}

/// `GET /api/machines/findbytag?tag=…&useStartsWithFilter=…`
pub(crate) async fn by_tag(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, MACHINE)?;
    respond::in_background(move || {
        let model = &service.model;
        let query = ask.query(&model.schema, &model.machine, PAGE)?;
        let tag = query.custom("tag").map(str::to_owned);
        let tag = tag.ok_or_else(|| ApiError::parameter_missing("tag"))?;
        let starts = query.custom("useStartsWithFilter");
        let starts = starts.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let has = |own: &str| {
            if starts {
                own.starts_with(&*tag)
            } else {
                own == tag
            }
        };
        let now = Timestamp::now();
        let found = views.machines.machines_in_order();
        let found = found.filter(|machine| machine.tags.iter().any(|own| has(own)));
        let rows: Vec<Machine> = found.map(|machine| row(&views, &machine, now)).collect();
        answer(&ask, &service, &caller, &views, &*rows)
    })
    .await
}

/// `GET /api/machines/unTaggedMachines`
pub(crate) async fn untagged(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, MACHINE)?;
    respond::in_background(move || {
        let now = Timestamp::now();
        let found = views.machines.machines_in_order();
        let found = found.filter(|machine| machine.tags.is_empty());
        let rows: Vec<Machine> = found.map(|machine| row(&views, &machine, now)).collect();
        answer(&ask, &service, &caller, &views, &*rows)
    })
    .await
}

/// `GET /api/machines/{machineId}/software`
pub(crate) async fn software(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::SoftwareRead])?;
    respond::in_background(move || {
        let on = views.machines.on_machine(&id);
        let on = on.ok_or_else(|| ApiError::not_found("Machine", &id))?;
        let mut installed = on.installed();
        installed.dedup_by_key(|installed| installed.software);
        let rows = installed.iter();
        let rows = rows.filter_map(|installed| views.software_of(installed.software));
        let rows: Vec<Software> = rows.collect();
        let model = &service.model;
        let named = Named::set("Software").counted();
        respond::rows(&ask, model, &model.software, &named, PAGE, &*rows)
    })
    .await
}

/// `GET /api/machines/{machineId}/vulnerabilities`
pub(crate) async fn weaknesses(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::VulnerabilityRead])?;
    respond::in_background(move || {
        let on = views.machines.on_machine(&id);
        let on = on.ok_or_else(|| ApiError::not_found("Machine", &id))?;
        let open = on.vulnerabilities();
        let mut open: Vec<_> = open.iter().map(|open| open.vulnerability).collect();
        open.sort_unstable();
        open.dedup();
        vulnerabilities::answer_counted(&ask, &service.model, &views, &open)
    })
    .await
}

/// `GET /api/machines/{machineId}/recommendations`
pub(crate) async fn recommendations(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, &[Permission::SecurityRecommendationRead])?;
    respond::in_background(move || {
        let on = views.machines.on_machine(&id);
        let on = on.ok_or_else(|| ApiError::not_found("Machine", &id))?;
        let rows = super::recommendations::on_machine(&views, &on);
        let model = &service.model;
        let named = Named::set("Recommendations");
        respond::rows(&ask, model, &model.recommendation, &named, PAGE, &*rows)
    })
    .await
}

/// A machine in the API's terms.
pub(super) fn row(views: &Views, machine: &kbgap_fleet::Machine, now: Timestamp) -> Machine {
    let fleet: &Snapshot = &views.machines;
    let windows = machine.windows.as_ref();
    let health = match fleet.ages().activity(machine.last_seen, now) {
        Activity::Active => HealthStatus::Active,
        Activity::Inactive | Activity::Gone => HealthStatus::Inactive,
    };
    let group = machine_references::group(fleet, machine);
    Machine {
        id: machine.id.to_string().into(),
        name: machine.name.as_deref().map(Into::into),
        first_seen: Some(machine.first_seen),
        last_seen: Some(machine.last_seen),
        os_platform: windows.map(|windows| windows.os_platform().into()),
        os_processor: windows.map(|windows| windows.os_processor().into()),
        os_architecture: windows.map(|windows| windows.os_architecture().into()),
        version: windows.and_then(|windows| Some(windows.version()?.into())),
        os_build: windows.and_then(|windows| windows.os_build().map(i64::from)),
        health,
        value: value(machine.value),
        group: model::Group {
            name: machine.group.clone(),
            ..group
        },
        exposure: match fleet.score_of_machine(&machine.id).map(ExposureLevel::of) {
            None | Some(ExposureLevel::None) => model::ExposureLevel::None,
            Some(ExposureLevel::Low) => model::ExposureLevel::Low,
            Some(ExposureLevel::Medium) => model::ExposureLevel::Medium,
            Some(ExposureLevel::High) => model::ExposureLevel::High,
        },
        tags: machine.tags.clone(),
        excluded: machine.exclusion.map(exclusion),
        ..Machine::default()
    }
}

fn value(value: kbgap_fleet::DeviceValue) -> DeviceValue {
    match value {
        kbgap_fleet::DeviceValue::Normal => DeviceValue::Normal,
        kbgap_fleet::DeviceValue::Low => DeviceValue::Low,
        kbgap_fleet::DeviceValue::High => DeviceValue::High,
    }
}

fn exclusion(reason: kbgap_fleet::ExclusionReason) -> ExclusionReason {
    use kbgap_fleet::ExclusionReason as Reason;
    match reason {
        Reason::Other => ExclusionReason::Other,
        Reason::InactiveDevice => ExclusionReason::InactiveDevice,
        Reason::DuplicateDevice => ExclusionReason::DuplicateDevice,
        Reason::DeviceDoesNotExist => ExclusionReason::DeviceDoesNotExist,
        Reason::DeviceOutOfScope => ExclusionReason::DeviceOutOfScope,
    }
}
