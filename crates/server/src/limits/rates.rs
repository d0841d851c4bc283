//! How many requests there may be of each family of routes (API specification, section 6).

use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// So many in a time; any number where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// In a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute: Option<NonZeroU32>,
    /// In an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<NonZeroU32>,
}

/// How many requests an application of a tenant may make, by family of routes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct RateLimits {
    /// Machines: lists, one, tags, values.
    pub machines: Rate,
    /// The vulnerabilities of a machine.
    pub machine_vulnerabilities: Rate,
    /// Assessments by machine as JSON, and their changes.
    pub by_machine: Rate,
    /// Assessments as files.
    pub exports: Rate,
    /// All else that is read, and remediation tasks.
    pub reads: Rate,
    /// Reports, each time any number.
    pub reports: Rate,
    /// What comes without a token that counts, and whoever asks for tokens: by address.
    pub unauthenticated: Rate,
}

/// A family of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Machines,
    MachineVulnerabilities,
    ByMachine,
    Exports,
    Reads,
    Reports,
}

/// A text that names no limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no limits: write \"none\" or \"defender\", or a table in the configuration file"
)]
pub struct NotAProfile(String);

impl Family {
    pub(super) const ALL: [Self; 6] = [
        Self::Machines,
        Self::MachineVulnerabilities,
        Self::ByMachine,
        Self::Exports,
        Self::Reads,
        Self::Reports,
    ];

    /// The family of a route, as the routes are stated.
    pub(super) fn of(route: &str) -> Self {
        match route {
            "/api/machines/{id}/vulnerabilities" => Self::MachineVulnerabilities,
            "/api/machines"
            | "/api/machines/$count"
            | "/api/machines/findbytag"
            | "/api/machines/untaggedmachines"
            | "/api/machines/addorremovetagformultiplemachines"
            | "/api/machines/{id}"
            | "/api/machines/{id}/tags"
            | "/api/machines/{id}/setdevicevalue"
            | "/api/machines/{id}/setexclusion" => Self::Machines,
            "/kbgap/v1/reports" => Self::Reports,
            route => match route.strip_prefix("/api/machines/") {
                Some(name) if name.ends_with("bymachine") => Self::ByMachine,
                Some(name) if name.ends_with("export") => Self::Exports,
                _ => Self::Reads,
            },
        }
    }
}

impl Rate {
    const fn of(minute: u32, hour: u32) -> Self {
        Self {
            minute: NonZeroU32::new(minute),
            hour: NonZeroU32::new(hour),
        }
    }
}

impl RateLimits {
    /// Any number of requests with a token. Reports and what comes without a token have limits that are out of the way of
    /// whoever means well.
    pub const NONE: Self = Self {
        machines: Rate::of(0, 0),
        machine_vulnerabilities: Rate::of(0, 0),
        by_machine: Rate::of(0, 0),
        exports: Rate::of(0, 0),
        reads: Rate::of(0, 0),
        reports: Rate::of(6_000, 0),
        unauthenticated: Rate::of(600, 0),
    };

    /// Defender's figures (API specification, section 6).
    pub const DEFENDER: Self = Self {
        machines: Rate::of(100, 1_500),
        machine_vulnerabilities: Rate::of(50, 1_500),
        by_machine: Rate::of(30, 1_000),
        exports: Rate::of(5, 20),
        reads: Rate::of(100, 1_500),
        ..Self::NONE
    };

    pub(super) fn of(&self, family: Family) -> Rate {
        match family {
            Family::Machines => self.machines,
            Family::MachineVulnerabilities => self.machine_vulnerabilities,
            Family::ByMachine => self.by_machine,
            Family::Exports => self.exports,
            Family::Reads => self.reads,
            Family::Reports => self.reports,
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::NONE
    }
}

impl FromStr for RateLimits {
    type Err = NotAProfile;

    fn from_str(name: &str) -> Result<Self, NotAProfile> {
        match name {
            "none" => Ok(Self::NONE),
            "defender" => Ok(Self::DEFENDER),
            name => Err(NotAProfile(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_those_of_defender() {
        for (route, family) in [
            ("/api/machines", Family::Machines),
            ("/api/machines/{id}", Family::Machines),
            (
                "/api/machines/{id}/vulnerabilities",
                Family::MachineVulnerabilities,
            ),
            (
                "/api/machines/softwareinventorybymachine",
                Family::ByMachine,
            ),
            (
                "/api/machines/softwarevulnerabilitychangesbymachine",
                Family::ByMachine,
            ),
            (
                "/api/machines/softwareinventorynoncpeexport",
                Family::Exports,
            ),
            ("/api/machines/infogatheringexport", Family::Exports),
            ("/api/machines/{id}/software", Family::Reads),
            ("/api/machines/{id}/getmissingkbs", Family::Reads),
            (
                "/api/vulnerabilities/machinesvulnerabilities",
                Family::Reads,
            ),
            ("/api/software/{id}/getmissingkbs", Family::Reads),
            ("/kbgap/v1/machines/{id}/evidence", Family::Reads),
            ("/kbgap/v1/reports", Family::Reports),
            ("", Family::Reads),
        ] {
            assert_eq!(Family::of(route), family, "{route}");
        }
        for (at, family) in Family::ALL.into_iter().enumerate() {
            assert_eq!(family as usize, at);
        }
    }

    #[test]
    fn profiles_have_names() {
        assert_eq!("none".parse(), Ok(RateLimits::default()));
        assert_eq!("defender".parse(), Ok(RateLimits::DEFENDER));
        assert!("Azure".parse::<RateLimits>().is_err());
        assert_eq!(RateLimits::NONE.reads, Rate::default());
    }
}
