//! The machine report: kbgap's own form of what a machine says of itself.

use jiff::Timestamp;
use jiff::civil::Date;
use kbgap_catalog::{Architecture, Kb, Release, WindowsBuild};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::form;

/// What a machine reports of itself.
///
/// Every part may be absent: what is not reported is unknown, not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MachineReport {
    /// The machine's id, up to 128 characters: Defender's are 40 hexadecimal digits. Without one, it is derived
    /// from the name.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "form::text"
    )]
    #[schemars(length(max = 128))]
    pub id: Option<Box<str>>,
    /// The computer's DNS name, up to 255 characters.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "form::text"
    )]
    #[schemars(length(max = 255))]
    pub name: Option<Box<str>>,
    /// When the machine was looked at; RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub reported_at: Option<Timestamp>,
    /// Whether the report is of some parts of the machine only: what is absent then is as it was known before. A
    /// whole report replaces all that was known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The operating system.
    pub os: OsReport,
    /// The installed updates; absent where the machine was not asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updates: Option<Vec<InstalledUpdate>>,
    /// Whether the list of updates is whole; some tools cut long lists off.
    #[serde(skip_serializing_if = "is_true", default = "yes")]
    pub updates_complete: bool,
    /// The installed software; absent where the machine was not asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<Vec<InstalledSoftware>>,
    /// Whether the machine waits for a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reboot_pending: Option<bool>,
}

/// What a machine reports of its operating system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OsReport {
    /// Its name: `Microsoft Windows 10 Enterprise`.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "form::text"
    )]
    pub name: Option<Box<str>>,
    /// Its version, best with the update build revision: `10.0.17763.316`.
    #[serde(skip_serializing_if = "Option::is_none", with = "form::build")]
    #[schemars(with = "Option<String>", extend("examples" = ["10.0.17763.316"]))]
    pub version: Option<WindowsBuild>,
    /// The release as Windows shows it: `22H2`, `1909`.
    #[serde(skip_serializing_if = "Option::is_none", with = "form::release")]
    #[schemars(with = "Option<String>")]
    pub display_version: Option<Release>,
    /// The architecture: `x64`, `x86`, `arm64`, `itanium`; `AMD64`, `64-bit` and `x64-based PC` are understood.
    #[serde(skip_serializing_if = "Option::is_none", with = "form::architecture")]
    #[schemars(with = "Option<String>")]
    pub architecture: Option<Architecture>,
    /// The installation type, as the registry has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installation_type: Option<InstallationType>,
    /// The number of the service pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_pack: Option<u8>,
}

/// `InstallationType` of the registry key `Windows NT\CurrentVersion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InstallationType {
    /// A client.
    Client,
    /// A server with a desktop.
    Server,
    /// A server without one.
    #[serde(rename = "Server Core")]
    ServerCore,
}

/// An installed update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstalledUpdate {
    /// Its number, as text with or without `KB`, or as a number.
    #[serde(with = "form::kb")]
    #[schemars(with = "form::KbSchema")]
    pub kb: Kb,
    /// The day it was installed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub installed_on: Option<Date>,
    /// Whether it takes effect only after a restart.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reboot_pending: bool,
}

/// An installed software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstalledSoftware {
    /// Who publishes it: `Microsoft Corporation`.
    #[serde(default)]
    pub vendor: Box<str>,
    /// Its name: `Microsoft Edge`.
    pub name: Box<str>,
    /// Its version: `133.0.3065.92`.
    #[serde(default)]
    pub version: Box<str>,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_true(value: &bool) -> bool {
    *value
}

impl MachineReport {
    /// A report in which nothing is stated yet; its list of updates, when one comes, is whole.
    pub fn new() -> Self {
        Self {
            updates_complete: true,
            ..Self::default()
        }
    }

    /// The id: the one reported, else one derived from the name; `None` without both.
    pub fn machine_id(&self) -> Option<Box<str>> {
        id_or_derived(self.id.as_deref(), self.name.as_deref())
    }
}

/// The id that a machine is known by: the one it reports in lower case, else one derived from its name.
pub(crate) fn id_or_derived(id: Option<&str>, name: Option<&str>) -> Option<Box<str>> {
    match (id, name) {
        (Some(id), _) => Some(id.to_lowercase().into()),
        (None, name) => name.map(machine_id),
    }
}

/// A machine's id where it reports only a name: 40 hexadecimal digits, the same for the same name in any case.
pub fn machine_id(name: &str) -> Box<str> {
    let hash = blake3::hash(name.trim().to_lowercase().as_bytes()).to_hex();
    hash[..40].into()
}
