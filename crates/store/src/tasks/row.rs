//! The row of a task.

use sqlx::query::Query;
use sqlx::{Database, Encode, FromRow, Type};

use super::{
    Completion, CompletionMethod, Person, ProductivityImpact, RemediationTask, TaskCategory,
    TaskPriority, TaskType,
};
use crate::{StoreError, time};

/// The columns but the tenant, in the order in which [`Row::bind`] binds them.
macro_rules! columns {
    () => {
        "id, title, created_on, requester_id, requester_email, status_last_modified_on, description, related_component,
         device_groups, requester_notes, due_on, category, productivity_impact, priority, completion_method,
         completer_id, completer_email, scid, type, product_id, recommended_version, recommended_vendor,
         recommended_program, reference, kb, target_devices"
    };
}
pub(super) use columns;

/// A task, as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Row {
    id: String,
    title: String,
    created_on: i64,
    requester_id: Option<String>,
    requester_email: Option<String>,
    status_last_modified_on: i64,
    description: Option<String>,
    related_component: Option<String>,
    device_groups: String,
    requester_notes: Option<String>,
    due_on: Option<i64>,
    category: i64,
    productivity_impact: Option<i64>,
    priority: i64,
    completion_method: Option<i64>,
    completer_id: Option<String>,
    completer_email: Option<String>,
    scid: Option<String>,
    #[sqlx(rename = "type")]
    kind: i64,
    product_id: Option<String>,
    recommended_version: Option<String>,
    recommended_vendor: Option<String>,
    recommended_program: Option<String>,
    reference: Option<String>,
    kb: Option<i64>,
    target_devices: Option<i64>,
}

impl Row {
    pub(super) fn of(task: &RemediationTask) -> Self {
        let task = task.clone();
        let (method, completer) = match task.completion {
            Some(completion) => (Some(completion.method.number()), completion.completer),
            None => (None, Person::default()),
        };
        Self {
            id: task.id,
            title: task.title,
            created_on: time::of(task.created_on),
            requester_id: task.requester.id,
            requester_email: task.requester.email,
            status_last_modified_on: time::of(task.status_last_modified_on),
            description: task.description,
            related_component: task.related_component,
            device_groups: serde_json::Value::from(task.groups).to_string(),
            requester_notes: task.requester_notes,
            due_on: task.due_on.map(time::of),
            category: task.category.number(),
            productivity_impact: task.productivity_impact.map(ProductivityImpact::number),
            priority: task.priority.number(),
            completion_method: method,
            completer_id: completer.id,
            completer_email: completer.email,
            scid: task.scid,
            kind: task.kind.number(),
            product_id: task.product_id,
            recommended_version: task.recommended_version,
            recommended_vendor: task.recommended_vendor,
            recommended_program: task.recommended_program,
            reference: task.recommendation_reference,
            kb: task.kb.map(i64::from),
            target_devices: task.target_devices.map(i64::from),
        }
    }

    /// Binds the columns, in order.
    pub(super) fn bind<'q, DB: Database>(
        &'q self,
        query: Query<'q, DB, DB::Arguments>,
    ) -> Query<'q, DB, DB::Arguments>
    where
        &'q str: Encode<'q, DB> + Type<DB>,
        Option<&'q str>: Encode<'q, DB> + Type<DB>,
        i64: Encode<'q, DB> + Type<DB>,
        Option<i64>: Encode<'q, DB> + Type<DB>,
    {
        query
            .bind(self.id.as_str())
            .bind(self.title.as_str())
            .bind(self.created_on)
            .bind(self.requester_id.as_deref())
            .bind(self.requester_email.as_deref())
            .bind(self.status_last_modified_on)
            .bind(self.description.as_deref())
            .bind(self.related_component.as_deref())
            .bind(self.device_groups.as_str())
            .bind(self.requester_notes.as_deref())
            .bind(self.due_on)
            .bind(self.category)
            .bind(self.productivity_impact)
            .bind(self.priority)
            .bind(self.completion_method)
            .bind(self.completer_id.as_deref())
            .bind(self.completer_email.as_deref())
            .bind(self.scid.as_deref())
            .bind(self.kind)
            .bind(self.product_id.as_deref())
            .bind(self.recommended_version.as_deref())
            .bind(self.recommended_vendor.as_deref())
            .bind(self.recommended_program.as_deref())
            .bind(self.reference.as_deref())
            .bind(self.kb)
            .bind(self.target_devices)
    }

    pub(super) fn task(self) -> Result<RemediationTask, StoreError> {
        let completer = Person {
            id: self.completer_id,
            email: self.completer_email,
        };
        let completion = match self.completion_method {
            Some(method) => Some(Completion {
                method: read(CompletionMethod::of_number(method))?,
                completer,
            }),
            None => None,
        };
        let impact = self.productivity_impact;
        Ok(RemediationTask {
            id: self.id,
            title: self.title,
            created_on: time::to(self.created_on)?,
            requester: Person {
                id: self.requester_id,
                email: self.requester_email,
            },
            status_last_modified_on: time::to(self.status_last_modified_on)?,
            completion,
            description: self.description,
            related_component: self.related_component,
            groups: serde_json::from_str(&self.device_groups).map_err(|_| {
                StoreError::Damaged("the device groups of a remediation task are not as written")
            })?,
            requester_notes: self.requester_notes,
            due_on: self.due_on.map(time::to).transpose()?,
            category: read(TaskCategory::of_number(self.category))?,
            productivity_impact: impact
                .map(|impact| read(ProductivityImpact::of_number(impact)))
                .transpose()?,
            priority: read(TaskPriority::of_number(self.priority))?,
            scid: self.scid,
            kind: read(TaskType::of_number(self.kind))?,
            product_id: self.product_id,
            recommended_version: self.recommended_version,
            recommended_vendor: self.recommended_vendor,
            recommended_program: self.recommended_program,
            recommendation_reference: self.reference,
            kb: self
                .kb
                .map(u32::try_from)
                .transpose()
                .map_err(|_| StoreError::Damaged("the update of a remediation task is none"))?,
            target_devices: self
                .target_devices
                .map(u32::try_from)
                .transpose()
                .map_err(|_| {
                    StoreError::Damaged("the machines of a remediation task are no number of them")
                })?,
        })
    }
}

/// What a number stands for.
fn read<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or(StoreError::Damaged(
        "a remediation task has a number that stands for nothing",
    ))
}
