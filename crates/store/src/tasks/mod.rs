//! Remediation tasks: what was asked for, and whether it is done.

mod row;

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::numbered::numbered;
use crate::{Put, Store, StoreError, text, time};
use row::Row;

/// A task to remediate something (API specification, section 2.8).
///
/// Its machines are not kept: they are those of its groups that what it is about concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemediationTask {
    /// Its id: a GUID, in lower case.
    pub id: String,
    /// What is to be done, in a line.
    pub title: String,
    /// When it was created.
    pub created_on: Timestamp,
    /// Who asked for it.
    pub requester: Person,
    /// When its status last changed.
    pub status_last_modified_on: Timestamp,
    /// How it was completed; none as long as it is active.
    pub completion: Option<Completion>,
    /// What is to be done.
    pub description: Option<String>,
    /// What it is about, as shown: `Silverlight`.
    pub related_component: Option<String>,
    /// The device groups whose machines it is about, in order as given; none are all.
    pub groups: Vec<String>,
    /// What the requester says beside.
    pub requester_notes: Option<String>,
    /// Until when it should be done.
    pub due_on: Option<Timestamp>,
    /// What it changes.
    pub category: TaskCategory,
    /// Which machines it may disturb.
    pub productivity_impact: Option<ProductivityImpact>,
    /// How soon it should be done.
    pub priority: TaskPriority,
    /// The security configuration it is about: `scid-2030`.
    pub scid: Option<String>,
    /// What is to be done, of a kind.
    pub kind: TaskType,
    /// The software it is about: `microsoft-_-silverlight`.
    pub product_id: Option<String>,
    /// The version to go to.
    pub recommended_version: Option<String>,
    /// The vendor to go to.
    pub recommended_vendor: Option<String>,
    /// The program to go to.
    pub recommended_program: Option<String>,
    /// The recommendation it came from: `va-_-microsoft-_-silverlight`.
    pub recommendation_reference: Option<String>,
    /// The number of the update it is about: once no machine lacks it, the task is completed. An addition to Defender's.
    pub kb: Option<u32>,
    /// On how many machines it was to be done when it was created; none where that was not kept.
    pub target_devices: Option<u32>,
}

/// Who asked for a task or completed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The id of the user or application.
    pub id: Option<String>,
    /// The address of the user.
    pub email: Option<String>,
}

/// How a task was completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// By whom or by what.
    pub method: CompletionMethod,
    /// Who completed it; nobody where it completed by itself.
    pub completer: Person,
}

numbered! {
    /// Whether a task is done.
    pub enum TaskStatus {
        /// Not yet.
        Active = 0,
        /// It is.
        Completed = 1,
    }
}

numbered! {
    /// What a task changes.
    pub enum TaskCategory {
        /// Installed software.
        Software = 0,
        /// A setting.
        SecurityConfiguration = 1,
    }
}

numbered! {
    /// Which machines a task may disturb.
    pub enum ProductivityImpact {
        /// All that are exposed.
        AllExposedAssets = 0,
        /// Those only whose users are not disturbed by it.
        NonImpactedAssets = 1,
    }
}

numbered! {
    /// How soon a task should be done.
    #[derive(Default)]
    pub enum TaskPriority {
        /// That is not said.
        #[default]
        None = 0,
        /// Whenever there is time.
        Low = 1,
        /// Soon.
        Medium = 2,
        /// At once.
        High = 3,
    }
}

numbered! {
    /// How a task came to be completed.
    pub enum CompletionMethod {
        /// Somebody said so.
        Manual = 0,
        /// No machine was left.
        Automatic = 1,
    }
}

numbered! {
    /// What is to be done, of a kind.
    pub enum TaskType {
        /// Install an update.
        Update = 0,
        /// Remove software.
        Uninstall = 1,
        /// Change a setting.
        ConfigurationChange = 2,
        /// Look at it.
        AttentionRequired = 3,
        /// Go to a newer product.
        Upgrade = 4,
        /// Install an update of firmware.
        FirmwareUpdate = 5,
    }
}

/// What became of a change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusUpdate {
    /// It is on disk.
    Done,
    /// The task is not, or no longer, in the expected status: nothing was written.
    Otherwise(TaskStatus),
    /// There is no such task.
    Unknown,
}

const CREATE: &str = concat!(
    "INSERT INTO remediation_tasks (tenant, ",
    row::columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
        $23, $24, $25, $26, $27)
     ON CONFLICT DO NOTHING"
);

const BY_ID: &str = concat!(
    "SELECT ",
    row::columns!(),
    " FROM remediation_tasks WHERE tenant = $1 AND id = $2"
);

const OF_TENANT: &str = concat!(
    "SELECT ",
    row::columns!(),
    " FROM remediation_tasks WHERE tenant = $1 ORDER BY created_on, id"
);

/// A task is completed just where it has a method of completion.
const SET_STATUS: &str = "UPDATE remediation_tasks
    SET completion_method = $4, completer_id = $5, completer_email = $6, status_last_modified_on = $7
    WHERE tenant = $1 AND id = $2
        AND CASE WHEN completion_method IS NULL THEN 0 ELSE 1 END = $3";

const COMPLETION: &str =
    "SELECT completion_method FROM remediation_tasks WHERE tenant = $1 AND id = $2";

/// How many bytes a text of a line may have.
const LONGEST_LINE: usize = 1000;
/// How many bytes a text of several lines may have.
const LONGEST_TEXT: usize = 10_000;
/// How many device groups a task may name.
const MOST_GROUPS: usize = 1000;

impl RemediationTask {
    /// Whether it is done.
    pub fn status(&self) -> TaskStatus {
        match self.completion {
            None => TaskStatus::Active,
            Some(_) => TaskStatus::Completed,
        }
    }

    /// Whether both ask for the same, whenever that was and whatever became of it.
    fn asks_the_same(&self, other: &Self) -> bool {
        let asked = Self {
            created_on: self.created_on,
            status_last_modified_on: self.status_last_modified_on,
            completion: self.completion.clone(),
            ..other.clone()
        };
        asked == *self
    }

    /// Refuses what cannot be kept.
    fn check(&self) -> Result<(), StoreError> {
        guid(&self.id)?;
        if self.title.trim().is_empty() {
            return Err(StoreError::Unfit {
                what: "the title of a remediation task",
                why: "it is empty",
            });
        }
        line("the title of a remediation task", &self.title)?;
        person("the requester of a remediation task", &self.requester)?;
        if let Some(completion) = &self.completion {
            completion.check()?;
        }
        for (what, text) in [
            (
                "the related component of a remediation task",
                &self.related_component,
            ),
            ("the scid of a remediation task", &self.scid),
            ("the product id of a remediation task", &self.product_id),
            (
                "the recommended version of a remediation task",
                &self.recommended_version,
            ),
            (
                "the recommended vendor of a remediation task",
                &self.recommended_vendor,
            ),
            (
                "the recommended program of a remediation task",
                &self.recommended_program,
            ),
            (
                "the recommendation of a remediation task",
                &self.recommendation_reference,
            ),
        ] {
            if let Some(text) = text {
                line(what, text)?;
            }
        }
        for (what, text) in [
            ("the description of a remediation task", &self.description),
            ("the notes of a remediation task", &self.requester_notes),
        ] {
            if let Some(text) = text {
                let why = "it is longer than 10,000 bytes";
                text::bounded(what, text, LONGEST_TEXT, why)?;
            }
        }
        if self.groups.len() > MOST_GROUPS {
            return Err(StoreError::Unfit {
                what: "the list of device groups of a remediation task",
                why: "it names more than 1,000",
            });
        }
        for group in &self.groups {
            line("a device group of a remediation task", group)?;
        }
        Ok(())
    }
}

impl Completion {
    fn check(&self) -> Result<(), StoreError> {
        person("the completer of a remediation task", &self.completer)
    }
}

fn person(what: &'static str, person: &Person) -> Result<(), StoreError> {
    let mut texts = person.id.iter().chain(&person.email);
    texts.try_for_each(|text| line(what, text))
}

fn line(what: &'static str, text: &str) -> Result<(), StoreError> {
    text::bounded(what, text, LONGEST_LINE, "it is longer than 1,000 bytes")
}

/// Refuses an id in any other form than `8-4-4-4-12` in lower case, so that one task has one id.
fn guid(id: &str) -> Result<(), StoreError> {
    let lengths = [8, 4, 4, 4, 12];
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = id.split('-').map(str::len).eq(lengths)
        && id.bytes().all(|byte| byte == b'-' || digit(byte));
    if fits {
        return Ok(());
    }
    Err(StoreError::Unfit {
        what: "the id of a remediation task",
        why: "it is no GUID in lower case",
    })
}

impl Store {
    /// Creates a task of a tenant. One that is known just so, whatever became of it since, stays as it is: creating it
    /// once more does no harm.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where a task of this id asks for something else; [`StoreError::Unfit`] where a text is too
    /// long, or the id is no GUID.
    pub async fn create_remediation_task(
        &self,
        tenant: &str,
        task: &RemediationTask,
    ) -> Result<Put, StoreError> {
        text::key("the id of a tenant", tenant)?;
        task.check()?;
        let row = Row::of(task);
        // As it is read back: moments are kept to the microsecond.
        let kept = row.clone().task()?;
        writing!(self, |transaction| {
            let created = row
                .bind(sqlx::query(CREATE).bind(tenant))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if created > 0 {
                transaction.commit().await?;
                return Ok(Put::New);
            }
            let known: Option<Row> = sqlx::query_as(BY_ID)
                .bind(tenant)
                .bind(&task.id)
                .fetch_optional(&mut *transaction)
                .await?;
            transaction.rollback().await?;
            match known.map(Row::task).transpose()? {
                Some(known) if known.asks_the_same(&kept) => Ok(Put::Unchanged),
                _ => Err(StoreError::Exists("another remediation task of this id")),
            }
        })
    }

    /// The tasks of a tenant, the oldest first.
    pub async fn remediation_tasks(
        &self,
        tenant: &str,
    ) -> Result<Vec<RemediationTask>, StoreError> {
        let rows: Vec<Row> = reading!(self, |pool| sqlx::query_as(OF_TENANT)
            .bind(tenant)
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(Row::task).collect()
    }

    /// A task of a tenant by its id.
    pub async fn remediation_task(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<Option<RemediationTask>, StoreError> {
        let row: Option<Row> = reading!(self, |pool| sqlx::query_as(BY_ID)
            .bind(tenant)
            .bind(id)
            .fetch_optional(pool)
            .await?);
        row.map(Row::task).transpose()
    }

    /// Completes a task that is active, takes a completed one up again (without a completion), or completes it otherwise
    /// than before: only where it is in the status the caller knows it in.
    pub async fn set_remediation_task_status(
        &self,
        tenant: &str,
        id: &str,
        expected: TaskStatus,
        completion: Option<&Completion>,
        at: Timestamp,
    ) -> Result<StatusUpdate, StoreError> {
        if let Some(completion) = completion {
            completion.check()?;
        }
        let completer = completion.map(|completion| &completion.completer);
        writing!(self, |transaction| {
            let changed = sqlx::query(SET_STATUS)
                .bind(tenant)
                .bind(id)
                .bind(expected.number())
                .bind(completion.map(|completion| completion.method.number()))
                .bind(completer.and_then(|completer| completer.id.as_deref()))
                .bind(completer.and_then(|completer| completer.email.as_deref()))
                .bind(time::of(at))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if changed > 0 {
                transaction.commit().await?;
                return Ok(StatusUpdate::Done);
            }
            let known: Option<(Option<i64>,)> = sqlx::query_as(COMPLETION)
                .bind(tenant)
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await?;
            transaction.rollback().await?;
            Ok(match known {
                None => StatusUpdate::Unknown,
                Some((None,)) => StatusUpdate::Otherwise(TaskStatus::Active),
                Some((Some(_),)) => StatusUpdate::Otherwise(TaskStatus::Completed),
            })
        })
    }
}
