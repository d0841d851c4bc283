//! Which machine a host of osquery is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::form::{self, MAX_NAME, Row};
use crate::report::{MachineReport, machine_id};

/// A host as it enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OsqueryHost {
    /// What osqueryd calls it in its logs, by `--host_identifier`: its name, a UUID, or what an operator chose.
    pub identifier: Box<str>,
    /// The machine's id: the identifier, where that is a UUID; else derived from it as from a name, so that reports of
    /// other kinds under the same name are of the same machine.
    pub machine: Box<str>,
    /// The machine's DNS name, where the host told it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Box<str>>,
    /// Whether it runs Windows, or does not say.
    pub windows: bool,
    /// When it enrolled.
    pub enrolled_at: Timestamp,
}

/// Rows that a host sends of itself when it enrolls (`host_details`); all may be absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct HostDetails {
    system_info: Row,
    os_version: Row,
}

/// Why a host cannot be told from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No identifier.
    #[error("host_identifier is empty")]
    Empty,
    /// The identifier is longer than a name may be.
    #[error("host_identifier is longer than {MAX_NAME} characters")]
    TooLong,
    /// The UUID is one that makers left in many machines, and the host tells no name.
    #[error("host_identifier is '{0}', which many machines have; set --host_identifier=hostname")]
    NotUnique(Box<str>),
}

impl OsqueryHost {
    /// The host of an enrollment.
    ///
    /// # Errors
    /// Where the identifier does not tell one machine from others.
    pub fn enroll(
        identifier: &str,
        details: &HostDetails,
        enrolled_at: Timestamp,
    ) -> Result<Self, HostError> {
        let identifier = identifier.trim();
        if identifier.is_empty() {
            return Err(HostError::Empty);
        }
        if identifier.chars().count() > MAX_NAME {
            return Err(HostError::TooLong);
        }
        let told = name_of(&details.system_info);
        let (machine, name) = match Uuid::of(identifier) {
            Some(Uuid::Own) => (identifier.to_lowercase().into(), told),
            Some(Uuid::Shared) => match told {
                Some(name) => (machine_id(&name), Some(name)),
                None => return Err(HostError::NotUnique(identifier.into())),
            },
            None => (machine_id(identifier), told.or(Some(identifier.into()))),
        };
        let platform = details.os_version.text("platform");
        Ok(Self {
            identifier: identifier.into(),
            machine,
            name,
            windows: platform.is_empty() || platform == "windows",
            enrolled_at,
        })
    }

    /// A report of some parts of this machine, in which nothing is stated yet.
    pub(crate) fn part(&self, name: Option<Box<str>>, at: Option<Timestamp>) -> MachineReport {
        MachineReport {
            id: Some(self.machine.clone()),
            name,
            reported_at: at,
            partial: true,
            ..MachineReport::new()
        }
    }

    /// Whether an answer's host is this one.
    pub(crate) fn is(&self, identifier: &str) -> bool {
        identifier.to_lowercase() == self.identifier.to_lowercase()
    }
}

/// The name in a row that has columns of `system_info`, or decorations of those names: the DNS name first.
pub(crate) fn name_of(row: &Row) -> Option<Box<str>> {
    let name = row.filled(&["hostname", "computer_name"])?;
    (name.chars().count() <= MAX_NAME).then(|| form::clipped(name, MAX_NAME))
}

/// A UUID of firmware.
#[derive(Debug, PartialEq, Eq)]
enum Uuid {
    /// One machine's own.
    Own,
    /// One that makers of boards leave as it came.
    Shared,
}

impl Uuid {
    fn of(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths = groups.iter().map(|group| group.len());
        let hexadecimal = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
        if !lengths.eq([8, 4, 4, 4, 12]) || !groups.iter().all(hexadecimal) {
            return None;
        }
        let digits = groups.concat().to_lowercase();
        let first = &digits[..1];
        // One digit throughout, or the sample of the firmware's reference code.
        let shared = digits.matches(first).count() == digits.len()
            || digits == "03000200040005000006000700080009";
        Some(if shared { Self::Shared } else { Self::Own })
    }
}
