//! Exports of software by machine (API specification, sections 2.10 and 2.11).

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_odata::Items;
use kbgap_odata::edm::Entity;

use super::shared::{Device, EndOfSupport, NO_TEXTS, Text, assessment, moment_or_null};

/// A software on a machine; rows about its vulnerabilities share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Installed {
    pub(crate) vendor: Text,
    pub(crate) name: Text,
    pub(crate) version: Option<Text>,
    pub(crate) disk_paths: Vec<Text>,
    pub(crate) registry_paths: Vec<Text>,
    pub(crate) end_of_support: EndOfSupport,
}

/// A software on a machine that has a name of the dictionary.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetSoftware {
    pub(crate) device: Arc<Device>,
    pub(crate) software: Arc<Installed>,
    pub(crate) weaknesses: i32,
    pub(crate) first_seen: Option<Timestamp>,
    pub(crate) category: Option<Text>,
}

/// `AssetSoftware`.
pub(crate) fn asset_software() -> Entity<AssetSoftware> {
    assessment("AssetSoftware", |row: &AssetSoftware| &row.device)
        .about("a software on a device")
        .string_or_null("softwareVendor", |s| Some(&s.software.vendor))
        .doc("the vendor of the software")
        .string_or_null("softwareName", |s| Some(&s.software.name))
        .doc("the name of the software")
        .string_or_null("softwareVersion", |s| s.software.version.as_deref())
        .doc("the version that the device has")
        .int32("numberOfWeaknesses", |s| s.weaknesses)
        .doc("how many vulnerabilities the software has on the device")
        .strings("diskPaths", |s| Items::of(&s.software.disk_paths))
        .doc("the files that show it is there")
        .strings("registryPaths", |s| Items::of(&s.software.registry_paths))
        .doc("the keys of the registry that show it is there")
        .text_or_null("softwareFirstSeenTimestamp", |s| {
            moment_or_null(s.first_seen)
        })
        .doc("when it was first reported, in UTC without a zone")
        .string_or_null("endOfSupportStatus", |s| {
            Some(s.software.end_of_support.status())
        })
        .doc("whether its support has ended, or ends soon")
        .text_or_null("endOfSupportDate", |s| s.software.end_of_support.date())
        .doc("when its support ends or ended")
        .strings("softwareTags", |_| Items::of(&NO_TEXTS))
        .undeclared()
        .doc("always empty; part of Defender's metadata since August 2026 only")
        .string_or_null("productCategory", |s| s.category.as_deref())
        .undeclared()
        .doc("the kind of software; part of Defender's metadata since August 2026 only")
        .build()
}

/// A software on a machine by the name that the machine has for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetNonCpeSoftware {
    pub(crate) device: Arc<Device>,
    pub(crate) vendor: Option<Text>,
    pub(crate) name: Text,
    pub(crate) version: Option<Text>,
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) registry_path: Option<Text>,
}

/// `AssetNonCpeSoftware`.
pub(crate) fn asset_non_cpe_software() -> Entity<AssetNonCpeSoftware> {
    assessment("AssetNonCpeSoftware", |row: &AssetNonCpeSoftware| {
        &row.device
    })
    .about("a software on a device that vulnerabilities are not known by")
    .string_or_null("softwareVendor", |s| s.vendor.as_deref())
    .doc("the vendor, as the device tells it")
    .string_or_null("softwareName", |s| Some(&s.name))
    .doc("the name, as the device tells it")
    .string_or_null("softwareVersion", |s| s.version.as_deref())
    .doc("the version that the device has")
    .text_or_null("softwareLastSeenTimestamp", |s| moment_or_null(s.last_seen))
    .doc("when it was last reported, in UTC without a zone")
    .string_or_null("registryPath", |s| s.registry_path.as_deref())
    .doc("the key of the registry that shows it is there")
    .build()
}
