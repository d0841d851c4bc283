//! Remediation tasks: what somebody asked to be done, and how far it is (API specification, section 1f).
//!
//! Defender creates tasks in its portal only; here `POST /kbgap/v1/remediationTasks` does, and a `PATCH` closes one. One
//! that is done on every machine closes by itself.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use kbgap_catalog::{Kb, SoftwareId};
use kbgap_fleet::{Machine, Snapshot};
use kbgap_identity::Permission;
use kbgap_odata::Content;
use kbgap_store::{
    Completion, CompletionMethod, Person, StatusUpdate, Store, StoreError, TaskCategory,
    TaskPriority, TaskStatus, TaskType,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::ask::Ask;
use super::caller::Authenticated;
use super::machine_references;
use super::model::{
    self, RemediationTask, TaskCompletion, TaskImpact, TaskState, Text, update_recommendation,
};
use super::respond::{self, Named, PAGE};
use super::views::Views;
use crate::envelope::ApiError;
use crate::service::Service;

const READ: &[Permission] = &[Permission::RemediationTasksRead];
const WRITE: &[Permission] = &[Permission::MachineReadWrite];

/// What is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    /// The software to update; without an update, all that is open in it.
    product_id: String,
    /// One update.
    #[serde(default, deserialize_with = "update")]
    kb: Option<Kb>,
    title: Option<String>,
    description: Option<String>,
    /// Only machines of these device groups; all without any.
    #[serde(default)]
    rbac_group_names: Vec<String>,
    requester_notes: Option<String>,
    due_on: Option<Timestamp>,
    priority: Option<String>,
}

/// An update as people write it, `KB5034122`, or as its number.
fn update<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Kb>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "an update is a text, KB5034122, or a number")]
    enum Written {
        Number(u32),
        Text(String),
    }
    let kb = match Option::<Written>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Written::Number(number)) => {
            Kb::new(number).ok_or_else(|| D::Error::custom(format!("{number} is no update")))?
        }
        Some(Written::Text(text)) => text.parse().map_err(D::Error::custom)?,
    };
    Ok(Some(kb))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    status: String,
}

/// `GET /api/remediationTasks`
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, READ)?;
    let tenant = caller.tenant(&service, READ)?;
    let tasks = service.store.remediation_tasks(tenant.id()).await?;
    respond::in_background(move || {
        let seen = tasks.iter().filter(|task| is_seen(&caller, task));
        let rows: Vec<RemediationTask> = seen.map(|task| row(&views, task)).collect();
        let model = &service.model;
        let named = Named::set("RemediationTasks");
        respond::rows(&ask, model, &model.remediation_task, &named, PAGE, &*rows)
    })
    .await
}

/// `GET /api/remediationTasks/{id}`
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, READ)?;
    let task = find(&service, &caller, &id).await?;
    answer(&service, &ask, &views, &task)
}

/// `GET /api/remediationTasks/{id}/machineReferences`: the machines on which it is not done yet.
pub(crate) async fn machines(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let views = caller.views(&service, READ)?;
    let task = find(&service, &caller, &id).await?;
    let left = left(&views.machines, &task).unwrap_or_default();
    machine_references::answer(&ask, &service.model, &views.machines, left)
}

/// `POST /kbgap/v1/remediationTasks`
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    body: Bytes,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant(&service, WRITE)?;
    let views = caller.views(&service, WRITE)?;
    let wanted: Wanted = serde_json::from_slice(&body).map_err(ApiError::body)?;
    let priority = wanted.priority.as_deref().unwrap_or("None");
    let priority = TaskPriority::of_name(priority)
        .ok_or_else(|| ApiError::invalid("InvalidInput", "priority", priority))?;
    let software = SoftwareId::from_client(&wanted.product_id);
    if !views.exposures().software().contains_key(&software) {
        return Err(ApiError::not_found("Software", &wanted.product_id));
    }
    // Who sees some device groups only asks for these only.
    if let Some(seen) = caller.groups_seen() {
        let named = wanted.rbac_group_names.iter();
        let unseen = named.clone().find(|name| !seen.contains(name.as_str()));
        if let Some(name) = unseen {
            return Err(ApiError::invalid("InvalidInput", "rbacGroupNames", name));
        }
        if named.len() == 0 {
            return Err(ApiError::parameter_missing("rbacGroupNames"));
        }
    }
    let now = Timestamp::now();
    let subject = wanted
        .kb
        .map_or_else(|| software.name().replace('_', " "), |kb| kb.to_string());
    let task = kbgap_store::RemediationTask {
        id: Uuid::new_v4().to_string(),
        title: wanted.title.unwrap_or_else(|| format!("Install {subject}")),
        created_on: now,
        requester: Person {
            id: Some(caller.sender().to_owned()),
            email: None,
        },
        status_last_modified_on: now,
        completion: None,
        description: wanted.description,
        related_component: Some(software.name().replace('_', " ")),
        groups: wanted.rbac_group_names,
        requester_notes: wanted.requester_notes,
        due_on: wanted.due_on,
        category: TaskCategory::Software,
        productivity_impact: None,
        priority,
        scid: None,
        kind: TaskType::Update,
        product_id: Some(software.as_str().to_owned()),
        recommended_version: None,
        recommended_vendor: None,
        recommended_program: None,
        recommendation_reference: Some(update_recommendation(software.vendor(), software.name())),
        kb: wanted.kb.map(Kb::number),
        target_devices: None,
    };
    let target = left(&views.machines, &task).map(|machines| machines.len());
    let task = kbgap_store::RemediationTask {
        target_devices: target.and_then(|target| u32::try_from(target).ok()),
        ..task
    };
    let created = service
        .store
        .create_remediation_task(tenant.id(), &task)
        .await;
    match created {
        Ok(_) => answer(&service, &ask, &views, &task),
        Err(StoreError::Unfit { what, why }) => Err(ApiError::body(format!("{what}: {why}"))),
        Err(error) => Err(error.into()),
    }
}

/// `PATCH /kbgap/v1/remediationTasks/{id}`: `Completed`, or `Active` again.
pub(crate) async fn set_status(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    ask: Ask,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant(&service, WRITE)?;
    let views = caller.views(&service, WRITE)?;
    let Status { status } = serde_json::from_slice(&body).map_err(ApiError::body)?;
    let status = TaskStatus::of_name(&status)
        .ok_or_else(|| ApiError::invalid("InvalidInput", "status", &status))?;
    let known = find(&service, &caller, &id).await?;
    let completion = (status == TaskStatus::Completed).then(|| Completion {
        method: CompletionMethod::Manual,
        completer: Person {
            id: Some(caller.sender().to_owned()),
            email: None,
        },
    });
    if known.status() != status {
        let changed = service.store.set_remediation_task_status(
            tenant.id(),
            &known.id,
            known.status(),
            completion.as_ref(),
            Timestamp::now(),
        );
        if changed.await? == StatusUpdate::Unknown {
            return Err(ApiError::not_found("RemediationTask", &id));
        }
    }
    let task = find(&service, &caller, &id).await?;
    answer(&service, &ask, &views, &task)
}

async fn find(
    service: &Service,
    caller: &Authenticated,
    id: &str,
) -> Result<kbgap_store::RemediationTask, ApiError> {
    let tenant = caller.tenant(service, &[READ, WRITE].concat())?;
    let known = service
        .store
        .remediation_task(tenant.id(), &id.to_lowercase())
        .await?;
    known
        .filter(|task| is_seen(caller, task))
        .ok_or_else(|| ApiError::not_found("RemediationTask", id))
}

/// Whether a task is for who asks: for all machines, or for a device group that is seen.
fn is_seen(caller: &Authenticated, task: &kbgap_store::RemediationTask) -> bool {
    caller.groups_seen().is_none_or(|seen| {
        let mut groups = task.groups.iter();
        task.groups.is_empty() || groups.any(|group| seen.contains(group.as_str()))
    })
}

fn answer(
    service: &Service,
    ask: &Ask,
    views: &Views,
    task: &kbgap_store::RemediationTask,
) -> Result<Response, ApiError> {
    let model = &service.model;
    let content = Content::Entity("RemediationTasks");
    respond::one(
        ask,
        model,
        &model.remediation_task,
        content,
        &row(views, task),
    )
}

fn software(task: &kbgap_store::RemediationTask) -> Option<SoftwareId> {
    task.product_id.as_deref().map(SoftwareId::from_client)
}

fn in_groups(task: &kbgap_store::RemediationTask, machine: &Machine) -> bool {
    let group = machine.group.as_deref().unwrap_or_default();
    task.groups.is_empty() || task.groups.iter().any(|own| own == group)
}

/// The machines on which it is not done yet; `None` where the catalogue does not know what it is about, so that nothing
/// can be told of it.
fn left(fleet: &Snapshot, task: &kbgap_store::RemediationTask) -> Option<Vec<Machine>> {
    let mut machines = match (task.kb.and_then(Kb::new), software(task)) {
        (Some(kb), _) => fleet.machines_in_need_of(kb)?,
        (None, Some(software)) => {
            let products = fleet.assessor().catalog().find_software(&software);
            if products.is_empty() {
                return None;
            }
            fleet.machines_exposed_by(&software)
        }
        (None, None) => return None,
    };
    machines.retain(|machine| in_groups(task, machine));
    Some(machines)
}

/// Completes the active tasks that are done on every machine. A task that cannot be told of stays as it is.
pub(crate) async fn complete_done(
    store: &Store,
    tenant: &str,
    fleet: Arc<Snapshot>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tasks = store.remediation_tasks(tenant).await?;
    tasks.retain(|task| task.status() == TaskStatus::Active);
    if tasks.is_empty() {
        return Ok(());
    }
    let looked = tokio::task::spawn_blocking(move || {
        tasks.retain(|task| left(&fleet, task).is_some_and(|left| left.is_empty()));
        tasks
    });
    let done = match looked.await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    let completion = Completion {
        method: CompletionMethod::Automatic,
        completer: Person::default(),
    };
    for task in done {
        let active = TaskStatus::Active;
        let completed =
            store.set_remediation_task_status(tenant, &task.id, active, Some(&completion), now);
        if completed.await? == StatusUpdate::Done {
            tracing::info!(
                task = task.id,
                "a remediation task is completed: the fleet says so"
            );
        }
    }
    Ok(())
}

/// On how many machines its software is.
fn of_software(fleet: &Snapshot, task: &kbgap_store::RemediationTask) -> usize {
    let machines = software(task).map(|id| fleet.machines_having(&id));
    let machines = machines.unwrap_or_default().into_iter();
    machines.filter(|machine| in_groups(task, machine)).count()
}

fn row(views: &Views, task: &kbgap_store::RemediationTask) -> RemediationTask {
    let text = |text: &Option<String>| text.as_deref().map(Text::from);
    let person = |person: &Person| model::Person {
        id: text(&person.id),
        email: text(&person.email),
    };
    let software = software(task);
    let target = task.target_devices.map_or_else(
        || of_software(&views.machines, task),
        |target| usize::try_from(target).unwrap_or(usize::MAX),
    );
    let left = left(&views.machines, task).unwrap_or_default();
    let fixed = target.saturating_sub(left.len());
    let count = |count: usize| Some(i32::try_from(count).unwrap_or(i32::MAX));
    let completion = task.completion.as_ref();
    RemediationTask {
        id: task.id.as_str().into(),
        title: Some(task.title.as_str().into()),
        created: Some(task.created_on),
        requester: person(&task.requester),
        status: match task.status() {
            TaskStatus::Active => TaskState::Active,
            TaskStatus::Completed => TaskState::Completed,
        },
        status_modified: task.status_last_modified_on,
        description: text(&task.description),
        component: text(&task.related_component),
        target_devices: count(target),
        groups: task
            .groups
            .iter()
            .map(|group| group.as_str().into())
            .collect(),
        fixed_devices: count(fixed),
        notes: text(&task.requester_notes),
        due: task.due_on,
        category: model::TaskCategory::Software,
        impact: Some(TaskImpact::AllExposedAssets),
        priority: match task.priority {
            TaskPriority::None => model::TaskPriority::None,
            TaskPriority::Low => model::TaskPriority::Low,
            TaskPriority::Medium => model::TaskPriority::Medium,
            TaskPriority::High => model::TaskPriority::High,
        },
        completion: completion.map(|completion| match completion.method {
            CompletionMethod::Manual => TaskCompletion::Manual,
            CompletionMethod::Automatic => TaskCompletion::Automatic,
        }),
        completer: completion
            .map(|done| person(&done.completer))
            .unwrap_or_default(),
        of: model::TaskType::Update,
        product: text(&task.product_id),
        vendor: software.as_ref().map(|id| id.vendor().into()),
        name: software.as_ref().map(|id| id.name().into()),
        recommended_version: text(&task.recommended_version),
        recommended_vendor: text(&task.recommended_vendor),
        recommended_program: text(&task.recommended_program),
        recommendation: text(&task.recommendation_reference),
    }
}
