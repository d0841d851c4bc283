//! Security baselines (API specification, sections 2.15 and 2.16). This service assesses none: there are rows of it
//! nowhere yet.

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_odata::edm::{Entity, Primitive};
use kbgap_odata::{Items, described};

use super::shared::{Device, Text};

/// A profile: what of a benchmark is held against which machines.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaselineProfile {
    pub(crate) id: Text,
    pub(crate) name: Option<Text>,
    pub(crate) description: Option<Text>,
    pub(crate) benchmark: Option<Text>,
    pub(crate) version: Option<Text>,
    pub(crate) operating_system: Option<Text>,
    pub(crate) operating_system_version: Option<Text>,
    pub(crate) active: bool,
    pub(crate) compliance_level: Option<Text>,
    pub(crate) settings: i32,
    pub(crate) created_by: Option<Text>,
    pub(crate) updated_by: Option<Text>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) passed_devices: i32,
    pub(crate) devices: i32,
    pub(crate) group_ids: Vec<i32>,
    pub(crate) group_names: Vec<Text>,
    pub(crate) device_tags: Vec<Text>,
}

/// `BaselineProfile`; filters as section 1i lists them.
pub(crate) fn baseline_profile() -> Entity<BaselineProfile> {
    Entity::named("BaselineProfile")
        .about("what of a benchmark is held against which devices; this service has none")
        .string("id", |p: &BaselineProfile| &p.id)
        .key()
        .filterable()
        .doc("the id of the profile")
        .string_or_null("name", |p| p.name.as_deref())
        .filterable()
        .doc("its name")
        .string_or_null("description", |p| p.description.as_deref())
        .doc("what it is for")
        .string_or_null("benchmark", |p| p.benchmark.as_deref())
        .doc("the benchmark")
        .string_or_null("version", |p| p.version.as_deref())
        .doc("the version of the benchmark")
        .string_or_null("operatingSystem", |p| p.operating_system.as_deref())
        .filterable()
        .doc("the operating system it is for")
        .string_or_null("operatingSystemVersion", |p| {
            p.operating_system_version.as_deref()
        })
        .filterable()
        .doc("the version of the operating system it is for")
        .boolean("status", |p| p.active)
        .filterable()
        .doc("whether it is in use")
        .string_or_null("complianceLevel", |p| p.compliance_level.as_deref())
        .doc("how strict it is")
        .int32("settingsNumber", |p| p.settings)
        .filterable()
        .doc("how many settings it has")
        .string_or_null("createdBy", |p| p.created_by.as_deref())
        .doc("who made it")
        .string_or_null("lastUpdatedBy", |p| p.updated_by.as_deref())
        .doc("who last changed it")
        .time("createdOnTimeOffset", |p| p.created)
        .doc("when it was made")
        .time("lastUpdateTimeOffset", |p| p.updated)
        .doc("when it was last changed")
        .int32("passedDevices", |p| p.passed_devices)
        .filterable()
        .doc("how many devices have all settings as it wants them")
        .int32("totalDevices", |p| p.devices)
        .filterable()
        .doc("how many devices it is for")
        .list("rbacGroupIdsProfileScope", Primitive::Int32.into(), |p| {
            Items::of(&p.group_ids)
        })
        .nullable(false)
        .doc("the numbers of the device groups it is for")
        .strings("rbacGroupNamesProfileScope", |p| Items::of(&p.group_names))
        .doc("the names of the device groups it is for")
        .strings("deviceTagsProfileScope", |p| Items::of(&p.device_tags))
        .doc("the tags of the devices it is for")
        .build()
}

/// A setting of a benchmark.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaselineConfiguration {
    pub(crate) id: Text,
    pub(crate) unique_id: Option<Text>,
    pub(crate) benchmark: Option<Text>,
    pub(crate) benchmark_version: Option<Text>,
    pub(crate) name: Option<Text>,
    /// HTML.
    pub(crate) description: Option<Text>,
    pub(crate) category: Option<Text>,
    pub(crate) compliance_levels: Vec<Text>,
    pub(crate) cce: Option<Text>,
    pub(crate) rationale: Option<Text>,
    pub(crate) remediation: Option<Text>,
    pub(crate) recommended: Vec<Text>,
    pub(crate) source: Vec<Text>,
    pub(crate) custom: Option<bool>,
    pub(crate) assessment_method: Option<Text>,
}

/// `BaselineConfiguration`; filters as section 1i lists them.
pub(crate) fn baseline_configuration() -> Entity<BaselineConfiguration> {
    Entity::named("BaselineConfiguration")
        .about("a setting of a benchmark; this service has none")
        .string("id", |c: &BaselineConfiguration| &c.id)
        .key()
        .filterable()
        .doc("the id of the setting")
        .string_or_null("uniqueId", |c| c.unique_id.as_deref())
        .doc("the id among all versions of the benchmark")
        .string_or_null("benchmarkName", |c| c.benchmark.as_deref())
        .doc("the benchmark")
        .string_or_null("benchmarkVersion", |c| c.benchmark_version.as_deref())
        .doc("the version of the benchmark")
        .string_or_null("name", |c| c.name.as_deref())
        .filterable()
        .doc("what is to be set")
        .string_or_null("description", |c| c.description.as_deref())
        .doc("what the setting does, as HTML")
        .string_or_null("category", |c| c.category.as_deref())
        .filterable()
        .doc("what it is about")
        .strings("complianceLevels", |c| Items::of(&c.compliance_levels))
        .doc("the levels of strictness that ask for it")
        .string_or_null("cce", |c| c.cce.as_deref())
        .filterable()
        .doc("its number in the Common Configuration Enumeration")
        .string_or_null("rationale", |c| c.rationale.as_deref())
        .doc("why it is to be set")
        .string_or_null("remediation", |c| c.remediation.as_deref())
        .doc("how it is set")
        .strings("recommendedValue", |c| Items::of(&c.recommended))
        .doc("what it is to be")
        .strings("source", |c| Items::of(&c.source))
        .doc("where the value is read")
        .boolean_or_null("isCustom", |c| c.custom)
        .doc("whether the organization changed it")
        .string_or_null("assessmentMethod", |c| c.assessment_method.as_deref())
        .doc("how it is looked at")
        .build()
}

/// A setting that an exception is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExceptedConfiguration {
    pub(crate) id: Option<Text>,
    pub(crate) title: Option<Text>,
}
described!(
    ExceptedConfiguration,
    Entity::complex("BaselineConfigurationDto")
        .about("a setting that an exception is about")
        .string_or_null("id", |c: &ExceptedConfiguration| c.id.as_deref())
        .max_length(50)
        .doc("the id of the setting")
        .string_or_null("title", |c| c.title.as_deref())
        .max_length(300)
        .doc("its name")
        .build()
);

/// A machine that an exception is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExceptedDevice {
    pub(crate) id: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) group: i32,
}
described!(
    ExceptedDevice,
    Entity::complex("BaselineExceptionDeviceDto")
        .about("a device that an exception is about")
        .string_or_null("id", |d: &ExceptedDevice| d.id.as_deref())
        .max_length(50)
        .doc("the device, as in Machine")
        .string_or_null("name", |d| d.name.as_deref())
        .max_length(200)
        .doc("the full DNS name of the device")
        .int32("rbacGroupId", |d| d.group)
        .doc("the number of the device group; 0 for a device in none")
        .build()
);

/// Somebody who has to do with an exception.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requester {
    pub(crate) id: Option<Text>,
    pub(crate) email: Option<Text>,
}
described!(
    Requester,
    Entity::complex("UserDto")
        .about("somebody who has to do with an exception")
        .string_or_null("id", |r: &Requester| r.id.as_deref())
        .doc("the id of the user")
        .string_or_null("email", |r| r.email.as_deref())
        .doc("the address of the user")
        .build()
);

/// That settings are not held against machines for a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaselineException {
    pub(crate) id: Text,
    pub(crate) approved_by: Option<Text>,
    pub(crate) justification: Option<Text>,
    pub(crate) due: Timestamp,
    pub(crate) description: Option<Text>,
    pub(crate) status: Option<Text>,
    pub(crate) active: bool,
    pub(crate) software: Option<Text>,
    pub(crate) software_version: Option<Text>,
    pub(crate) benchmark: Option<Text>,
    pub(crate) benchmark_version: Option<Text>,
    pub(crate) compliance_level: Option<Text>,
    pub(crate) configurations: Vec<ExceptedConfiguration>,
    pub(crate) devices: Vec<ExceptedDevice>,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) modified_by: Option<Requester>,
    pub(crate) title: Option<Text>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) requester: Option<Requester>,
}

/// `BaselineException`; not documented.
pub(crate) fn baseline_exception() -> Entity<BaselineException> {
    Entity::named("BaselineException")
        .about("that settings are not held against devices for a time; this service has none")
        .string("id", |e: &BaselineException| &e.id)
        .key()
        .doc("the id of the exception")
        .string_or_null("approvedBy", |e| e.approved_by.as_deref())
        .doc("who approved it")
        .string_or_null("justification", |e| e.justification.as_deref())
        .doc("the kind of reason")
        .time("dueDate", |e| e.due)
        .doc("when it ends")
        .string_or_null("description", |e| e.description.as_deref())
        .doc("the reason")
        .string_or_null("status", |e| e.status.as_deref())
        .doc("how far it has come")
        .boolean("isActive", |e| e.active)
        .doc("whether it is in force")
        .string_or_null("softwareName", |e| e.software.as_deref())
        .doc("the software it is about")
        .string_or_null("softwareVersion", |e| e.software_version.as_deref())
        .doc("the version it is about")
        .string_or_null("benchmarkName", |e| e.benchmark.as_deref())
        .doc("the benchmark")
        .string_or_null("benchmarkVersion", |e| e.benchmark_version.as_deref())
        .doc("the version of the benchmark")
        .string_or_null("complianceLevel", |e| e.compliance_level.as_deref())
        .doc("the level of strictness")
        .nested_list::<ExceptedConfiguration>("configurations", |e| Items::of(&e.configurations))
        .doc("the settings it is about")
        .nested_list::<ExceptedDevice>("devices", |e| Items::of(&e.devices))
        .doc("the devices it is about")
        .time_or_null("lastModifiedOn", |e| e.modified)
        .doc("when it was last changed")
        .nested("lastModifiedBy", |e| e.modified_by.as_ref())
        .doc("who last changed it")
        .string_or_null("title", |e| e.title.as_deref())
        .doc("its name")
        .time_or_null("createdOn", |e| e.created)
        .doc("when it was asked for")
        .nested("requester", |e| e.requester.as_ref())
        .doc("who asked for it")
        .build()
}

/// A setting of a machine held against a profile.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetBaseline {
    pub(crate) device: Arc<Device>,
    pub(crate) configuration: Text,
    pub(crate) profile: Text,
    pub(crate) applicable: bool,
    pub(crate) compliant: Option<bool>,
    pub(crate) collected: Option<Text>,
    pub(crate) calculated: Option<Text>,
    pub(crate) recommended: Vec<Text>,
    pub(crate) current: Vec<Text>,
    pub(crate) raw: Vec<Text>,
    pub(crate) source: Vec<Text>,
    pub(crate) exempt: bool,
    pub(crate) details: Option<Text>,
}

/// `AssetBaselineAssessment`.
pub(crate) fn asset_baseline() -> Entity<AssetBaseline> {
    Entity::complex("AssetBaselineAssessment")
        .about("a setting of a device held against a profile; this service has none")
        .text_or_null("id", |b: &AssetBaseline| {
            Some(format!("{}_{}_{}", b.device.id, b.profile, b.configuration).into())
        })
        .doc("device, profile and setting with _ between them")
        .string_or_null("configurationId", |b| Some(&b.configuration))
        .doc("the setting, as in BaselineConfiguration")
        .string_or_null("deviceId", |b| Some(&b.device.id))
        .doc("the device, as in Machine")
        .string_or_null("deviceName", |b| b.device.name.as_deref())
        .doc("the full DNS name of the device")
        .string_or_null("profileId", |b| Some(&b.profile))
        .doc("the profile, as in BaselineProfile")
        .string_or_null("osPlatform", |b| b.device.os_platform.as_deref())
        .doc("the platform of the operating system, as Windows10 or WindowsServer2019")
        .string_or_null("osVersion", |b| b.device.os_version.as_deref())
        .doc("the full version of the operating system")
        .int64("rbacGroupId", |b| i64::from(b.device.group.id))
        .doc("the number of the device group; 0 for a device in none")
        .string_or_null("rbacGroupName", |b| b.device.group.name.as_deref())
        .doc("the name of the device group")
        .boolean("isApplicable", |b| b.applicable)
        .doc("whether the setting means anything on the device")
        .boolean_or_null("isCompliant", |b| b.compliant)
        .doc("whether the setting is as the profile wants it")
        .string_or_null("dataCollectionTimeOffset", |b| b.collected.as_deref())
        .doc("when the setting was read")
        .string_or_null("complianceCalculationTimeOffset", |b| {
            b.calculated.as_deref()
        })
        .doc("when it was held against the profile")
        .strings("recommendedValue", |b| Items::of(&b.recommended))
        .doc("what it is to be")
        .strings("currentValue", |b| Items::of(&b.current))
        .doc("what it is")
        .strings("rawValue", |b| Items::of(&b.raw))
        .doc("what it is, as the device has it")
        .strings("source", |b| Items::of(&b.source))
        .doc("where the value was read")
        .boolean("isExempt", |b| b.exempt)
        .doc("whether there is an exception for it")
        .string_or_null("complianceEvaluationDetails", |b| b.details.as_deref())
        .doc("why it is taken to be as wanted, or not")
        .build()
}
