//! References to machines (API specification, section 2.6).

use kbgap_odata::Items;
use kbgap_odata::edm::Entity;

use super::shared::{Group, Text};

/// A machine that something else is about.
#[derive(Debug, Clone, Default)]
pub(crate) struct MachineReference {
    pub(crate) id: Text,
    pub(crate) name: Option<Text>,
    pub(crate) os_platform: Option<Text>,
    pub(crate) tags: Vec<Text>,
    pub(crate) group: Group,
}

/// `PublicAssetDto`; no filter is known for it.
pub(crate) fn machine_reference() -> Entity<MachineReference> {
    Entity::complex("PublicAssetDto")
        .about("a device, in short")
        .string_or_null("id", |m: &MachineReference| Some(&m.id))
        .doc("the device, as in Machine")
        .string_or_null("computerDnsName", |m| m.name.as_deref())
        .doc("the full DNS name")
        .string_or_null("osPlatform", |m| m.os_platform.as_deref())
        .doc("the platform of the operating system, as Windows10 or WindowsServer2019")
        .string_or_null("assetCriticalityLevel", |_| None)
        .doc("always null: this service knows no levels of criticality")
        .strings("tags", |m| Items::of(&m.tags))
        .doc("the tags of the device")
        .string_or_null("rbacGroupName", |m| m.group.name.as_deref())
        .doc("the name of the device group")
        .int64_or_null("rbacGroupId", |m| Some(i64::from(m.group.id)))
        .doc("the number of the device group; 0 for a device in none")
        .build()
}
