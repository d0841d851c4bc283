//! Permissions, as registered for the Defender API, and kbgap's own.

use std::fmt;
use std::str::FromStr;

/// A permission. Each has a name as an application's role and one as a person's scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read software, its distribution, and missing updates.
    SoftwareRead,
    /// Read vulnerabilities.
    VulnerabilityRead,
    /// Read security recommendations.
    SecurityRecommendationRead,
    /// Read scores.
    ScoreRead,
    /// Read remediation tasks.
    RemediationTasksRead,
    /// Read assessments of security baselines.
    SecurityBaselinesAssessmentRead,
    /// Read machines.
    MachineRead,
    /// Read and change machines.
    MachineReadWrite,
    /// Send machine reports: kbgap's own, Defender has none for it.
    InventoryWrite,
    /// Read and change who may ask: kbgap's own, in Defender it is done in portals.
    AdministrationReadWrite,
}

/// A name that is no permission's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a permission; there are {names}", names = Permission::ALL.map(Permission::role).join(", "))]
pub struct UnknownPermission(pub String);

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 10] = [
        Self::SoftwareRead,
        Self::VulnerabilityRead,
        Self::SecurityRecommendationRead,
        Self::ScoreRead,
        Self::RemediationTasksRead,
        Self::SecurityBaselinesAssessmentRead,
        Self::MachineRead,
        Self::MachineReadWrite,
        Self::InventoryWrite,
        Self::AdministrationReadWrite,
    ];

    /// Its name among an application's `roles` (API specification, section 3.1).
    pub const fn role(self) -> &'static str {
        match self {
            Self::SoftwareRead => "Software.Read.All",
            Self::VulnerabilityRead => "Vulnerability.Read.All",
            Self::SecurityRecommendationRead => "SecurityRecommendation.Read.All",
            Self::ScoreRead => "Score.Read.All",
            Self::RemediationTasksRead => "RemediationTasks.Read.All",
            Self::SecurityBaselinesAssessmentRead => "SecurityBaselinesAssessment.Read.All",
            Self::MachineRead => "Machine.Read.All",
            Self::MachineReadWrite => "Machine.ReadWrite.All",
            Self::InventoryWrite => "Inventory.Write.All",
            Self::AdministrationReadWrite => "Administration.ReadWrite.All",
        }
    }

    /// Its name in a person's `scp`.
    pub fn scope(self) -> &'static str {
        let role = self.role();
        role.strip_suffix(".All").unwrap_or(role)
    }

    /// The permission of a person's scope, whatever its case.
    pub fn of_scope(scope: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|permission| permission.scope().eq_ignore_ascii_case(scope))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.role().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| UnknownPermission(name.to_owned()))
    }
}
