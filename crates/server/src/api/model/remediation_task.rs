//! Remediation activities (API specification, section 2.8).

use jiff::Timestamp;
use kbgap_odata::edm::Entity;
use kbgap_odata::{Items, enumeration};

use super::shared::Text;

/// Whether an activity is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TaskState {
    #[default]
    Active,
    Completed,
}
enumeration!(TaskState, "TaskStateValueTypeDto", Int32, { Active = 0, Completed = 1 });

/// What an activity is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TaskCategory {
    #[default]
    Software,
    SecurityConfiguration,
}
enumeration!(TaskCategory, "TaskCategoryDto", Int32, { Software = 0, SecurityConfiguration = 1 });

/// Which devices an activity is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TaskImpact {
    #[default]
    AllExposedAssets,
    NonImpactedAssets,
}
enumeration!(TaskImpact, "TaskProductivityImpactTypeDto", Int32, {
    AllExposedAssets = 0, NonImpactedAssets = 1,
});

/// How urgent an activity is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TaskPriority {
    #[default]
    None,
    Low,
    Medium,
    High,
}
enumeration!(TaskPriority, "TaskPriorityDto", Int32, { None = 0, Low = 1, Medium = 2, High = 3 });

/// What ended an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskCompletion {
    Manual,
    Automatic,
}
enumeration!(TaskCompletion, "TaskCompletionMethod", Int32, { Manual = 0, Automatic = 1 });

/// What is to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum TaskType {
    #[default]
    Update,
    Uninstall,
    ConfigurationChange,
    AttentionRequired,
    Upgrade,
    FirmwareUpdate,
}
enumeration!(TaskType, "TaskTypeDto", Int32, {
    Update = 0, Uninstall = 1, ConfigurationChange = 2, AttentionRequired = 3, Upgrade = 4,
    FirmwareUpdate = 5,
});

/// Somebody who asked for an activity, or ended it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) id: Option<Text>,
    pub(crate) email: Option<Text>,
}

/// An activity.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemediationTask {
    /// A GUID.
    pub(crate) id: Text,
    pub(crate) title: Option<Text>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) requester: Person,
    pub(crate) status: TaskState,
    pub(crate) status_modified: Timestamp,
    pub(crate) description: Option<Text>,
    pub(crate) component: Option<Text>,
    pub(crate) target_devices: Option<i32>,
    pub(crate) groups: Vec<Text>,
    pub(crate) fixed_devices: Option<i32>,
    pub(crate) notes: Option<Text>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) category: TaskCategory,
    pub(crate) impact: Option<TaskImpact>,
    pub(crate) priority: TaskPriority,
    pub(crate) completion: Option<TaskCompletion>,
    pub(crate) completer: Person,
    pub(crate) of: TaskType,
    /// `{vendor}-_-{name}`.
    pub(crate) product: Option<Text>,
    pub(crate) vendor: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) recommended_version: Option<Text>,
    pub(crate) recommended_vendor: Option<Text>,
    pub(crate) recommended_program: Option<Text>,
    /// The id of the recommendation it follows.
    pub(crate) recommendation: Option<Text>,
}

/// `RemediationTask`; filters as section 1f lists them.
pub(crate) fn remediation_task() -> Entity<RemediationTask> {
    Entity::named("RemediationTask")
        .about("that somebody asked for a recommendation to be followed")
        .string("id", |t: &RemediationTask| &t.id)
        .key()
        .doc("a GUID")
        .string_or_null("title", |t| t.title.as_deref())
        .doc("the activity in a few words")
        .time_or_null("createdOn", |t| t.created)
        .filterable()
        .doc("when it was asked for")
        .string_or_null("requesterId", |t| t.requester.id.as_deref())
        .doc("who asked for it")
        .string_or_null("requesterEmail", |t| t.requester.email.as_deref())
        .doc("the address of who asked for it")
        .enumeration_or_null("status", |t| Some(t.status))
        .filterable()
        .doc("whether it is under way")
        .time("statusLastModifiedOn", |t| t.status_modified)
        .doc("when that last changed")
        .string_or_null("description", |t| t.description.as_deref())
        .doc("what is to be done")
        .string_or_null("relatedComponent", |t| t.component.as_deref())
        .doc("the software by the name that people know it by")
        .int32_or_null("targetDevices", |t| t.target_devices)
        .doc("how many devices were exposed when it was asked for")
        .strings("rbacGroupNames", |t| Items::of(&t.groups))
        .doc("the device groups it is for")
        .int32_or_null("fixedDevices", |t| t.fixed_devices)
        .doc("how many of the devices are no longer exposed")
        .string_or_null("requesterNotes", |t| t.notes.as_deref())
        .doc("what the requester wrote")
        .time_or_null("dueOn", |t| t.due)
        .doc("when it is to be done")
        .enumeration_or_null("category", |t| Some(t.category))
        .doc("whether it is about software or about settings")
        .enumeration_or_null("productivityImpactRemediationType", |t| t.impact)
        .doc("whether it is for all exposed devices")
        .enumeration_or_null("priority", |t| Some(t.priority))
        .doc("how urgent it is")
        .enumeration_or_null("completionMethod", |t| t.completion)
        .doc("whether somebody ended it, or nothing was left to do")
        .string_or_null("completerId", |t| t.completer.id.as_deref())
        .doc("who ended it")
        .string_or_null("completerEmail", |t| t.completer.email.as_deref())
        .doc("the address of who ended it")
        .string_or_null("scid", |_| None)
        .doc("always null: this service recommends no settings")
        .enumeration_or_null("type", |t| Some(t.of))
        .doc("what is to be done")
        .string_or_null("productId", |t| t.product.as_deref())
        .doc("the software, as in Software")
        .string_or_null("vendorId", |t| t.vendor.as_deref())
        .doc("the vendor of the software")
        .string_or_null("nameId", |t| t.name.as_deref())
        .doc("the name of the software")
        .string_or_null("recommendedVersion", |t| t.recommended_version.as_deref())
        .doc("the version to update to")
        .string_or_null("recommendedVendor", |t| t.recommended_vendor.as_deref())
        .doc("whose software to use instead")
        .string_or_null("recommendedProgram", |t| t.recommended_program.as_deref())
        .doc("what software to use instead")
        .string_or_null("recommendationReference", |t| t.recommendation.as_deref())
        .doc("the recommendation it follows")
        .build()
}
