//! Records of an export, as written.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, IgnoredAny};

/// A record: a machine, or a software of one.
///
/// Only what is used is read; everything may be missing or null.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "a record")]
pub(super) struct Row<'a> {
    #[serde(borrow, alias = "Id")]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "ComputerDnsName")]
    pub(super) computer_dns_name: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "MergedIntoMachineId")]
    pub(super) merged_into_machine_id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "FirstSeen")]
    pub(super) first_seen: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "LastSeen")]
    pub(super) last_seen: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "OsPlatform", alias = "OSPlatform")]
    pub(super) os_platform: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "OsVersion", alias = "OSVersion")]
    pub(super) os_version: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "OsProcessor", alias = "OSProcessor")]
    pub(super) os_processor: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "OsArchitecture", alias = "OSArchitecture")]
    pub(super) os_architecture: Option<Cow<'a, str>>,
    #[serde(alias = "OsBuild", alias = "OSBuild")]
    pub(super) os_build: Option<i64>,
    #[serde(borrow, alias = "Version")]
    pub(super) version: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "RbacGroupName")]
    pub(super) rbac_group_name: Option<Cow<'a, str>>,
    #[serde(alias = "MachineTags")]
    pub(super) machine_tags: Option<Vec<Box<str>>>,
    #[serde(borrow, alias = "DeviceId")]
    pub(super) device_id: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "DeviceName")]
    pub(super) device_name: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "SoftwareVendor")]
    pub(super) software_vendor: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "SoftwareName")]
    pub(super) software_name: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "SoftwareVersion")]
    pub(super) software_version: Option<Cow<'a, str>>,
    /// Whether the record is of an export of vulnerabilities.
    #[serde(alias = "CveId", deserialize_with = "stated")]
    pub(super) cve_id: bool,
    /// Whether the record is of an export of secure configurations.
    #[serde(alias = "ConfigurationId", deserialize_with = "stated")]
    pub(super) configuration_id: bool,
}

/// Whether a field is there, whatever it holds.
fn stated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A record that cannot be read: its field, and what is wrong.
pub(super) struct Malformed {
    pub(super) field: Option<Box<str>>,
    pub(super) reason: Box<str>,
}

impl<'a> Row<'a> {
    pub(super) fn parse(json: &'a str) -> Result<Self, Malformed> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let row = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            Malformed {
                field: (path != ".").then(|| path.into()),
                reason: plain(error.inner()),
            }
        })?;
        deserializer.end().map_err(|error| Malformed {
            field: None,
            reason: plain(&error),
        })?;
        Ok(row)
    }
}

/// What is wrong, without the place: it is told apart.
pub(super) fn plain(error: &serde_json::Error) -> Box<str> {
    let reason = error.to_string();
    reason.split(" at line ").next().unwrap_or(&reason).into()
}

/// A text that says something.
pub(super) fn filled<'t>(text: Option<&'t Cow<'_, str>>) -> Option<&'t str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}
