//! The endpoints that are described.

use kbgap_identity::Permission;

/// What an endpoint answers.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// A list of a type, with the options of lists.
    List(&'static str),
    /// One of a type.
    One(&'static str),
}

/// An option in the query: its name, the type and form of its values, and what it means.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) of: &'static str,
    pub(super) format: Option<&'static str>,
    pub(super) about: &'static str,
}

/// An endpoint that is asked with GET.
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) answer: Answer,
    /// The permissions any of which an application needs.
    pub(super) any_of: &'static [Permission],
    /// What it answers, in words.
    pub(super) about: &'static str,
    /// Options of its own.
    pub(super) choices: &'static [Choice],
}

impl Choice {
    pub(super) const fn new(name: &'static str, of: &'static str, about: &'static str) -> Self {
        Self {
            name,
            of,
            format: None,
            about,
        }
    }

    const fn time(name: &'static str, about: &'static str) -> Self {
        Self {
            format: Some("date-time"),
            ..Self::new(name, "string", about)
        }
    }
}

/// A list, as the options of lists make it.
const fn list(
    path: &'static str,
    of: &'static str,
    any_of: &'static [Permission],
    about: &'static str,
) -> Endpoint {
    Endpoint {
        path,
        answer: Answer::List(of),
        any_of,
        about,
        choices: &[],
    }
}

/// One of a type.
const fn one(
    path: &'static str,
    of: &'static str,
    any_of: &'static [Permission],
    about: &'static str,
) -> Endpoint {
    Endpoint {
        answer: Answer::One(of),
        ..list(path, of, any_of, about)
    }
}

const SOFTWARE: &[Permission] = &[Permission::SoftwareRead];
const VULNERABILITY: &[Permission] = &[Permission::VulnerabilityRead];
const MACHINE: &[Permission] = &[Permission::MachineRead, Permission::MachineReadWrite];
const RECOMMENDATION: &[Permission] = &[Permission::SecurityRecommendationRead];
const SCORE: &[Permission] = &[Permission::ScoreRead];
const TASKS: &[Permission] = &[Permission::RemediationTasksRead];

/// What each answers, and for whom.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    list(
        "/api/Software",
        "Software",
        SOFTWARE,
        "The software on machines",
    ),
    one("/api/Software/{id}", "Software", SOFTWARE, "A software"),
    list(
        "/api/Software/{id}/distributions",
        "PublicDistributionDto",
        SOFTWARE,
        "Its versions",
    ),
    list(
        "/api/Software/{id}/machineReferences",
        "PublicAssetDto",
        SOFTWARE,
        "The machines that have it",
    ),
    list(
        "/api/Software/{id}/vulnerabilities",
        "PublicVulnerabilityDto",
        VULNERABILITY,
        "The vulnerabilities open in it",
    ),
    list(
        "/api/Software/{id}/getmissingkbs",
        "PublicProductFixDto",
        SOFTWARE,
        "The updates it lacks",
    ),
    list(
        "/api/vulnerabilities",
        "Vulnerability",
        VULNERABILITY,
        "The vulnerabilities",
    ),
    one(
        "/api/vulnerabilities/{id}",
        "Vulnerability",
        VULNERABILITY,
        "A vulnerability",
    ),
    list(
        "/api/vulnerabilities/{id}/machineReferences",
        "PublicAssetDto",
        VULNERABILITY,
        "The machines it is open on",
    ),
    list(
        "/api/vulnerabilities/machinesVulnerabilities",
        "PublicAssetVulnerabilityDto",
        VULNERABILITY,
        "Each vulnerability on each machine",
    ),
    list("/api/machines", "Machine", MACHINE, "The machines"),
    one(
        "/api/machines/{id}",
        "Machine",
        MACHINE,
        "A machine, by its id or DNS name",
    ),
    list(
        "/api/machines/{id}/software",
        "Software",
        SOFTWARE,
        "The software on it",
    ),
    list(
        "/api/machines/{id}/vulnerabilities",
        "PublicVulnerabilityDto",
        VULNERABILITY,
        "The vulnerabilities open on it",
    ),
    list(
        "/api/machines/{id}/recommendations",
        "Recommendation",
        RECOMMENDATION,
        "What to do about them",
    ),
    list(
        "/api/machines/{id}/getmissingkbs",
        "PublicProductFixDto",
        SOFTWARE,
        "The updates it lacks",
    ),
    list(
        "/api/machines/SoftwareInventoryByMachine",
        "AssetSoftware",
        SOFTWARE,
        "Each software on each machine",
    ),
    list(
        "/api/machines/SoftwareVulnerabilitiesByMachine",
        "AssetVulnerability",
        VULNERABILITY,
        "Each vulnerability on each machine, at length",
    ),
    list(
        "/api/recommendations",
        "Recommendation",
        RECOMMENDATION,
        "What to do about what is open",
    ),
    one(
        "/api/recommendations/{id}",
        "Recommendation",
        RECOMMENDATION,
        "A recommendation",
    ),
    one(
        "/api/recommendations/{id}/software",
        "PublicProductDto",
        SOFTWARE,
        "The software it is about",
    ),
    list(
        "/api/recommendations/{id}/machineReferences",
        "PublicAssetDto",
        RECOMMENDATION,
        "The machines it is for",
    ),
    list(
        "/api/recommendations/{id}/vulnerabilities",
        "PublicVulnerabilityDto",
        VULNERABILITY,
        "The vulnerabilities it closes",
    ),
    one(
        "/api/exposureScore",
        "ConfigurationScore",
        SCORE,
        "How exposed the organization is",
    ),
    list(
        "/api/exposureScore/ByMachineGroups",
        "ConfigurationScore",
        SCORE,
        "How exposed each device group is",
    ),
    one(
        "/api/configurationScore",
        "ConfigurationScore",
        SCORE,
        "How well machines are configured: always 0",
    ),
    list(
        "/api/remediationTasks",
        "RemediationTask",
        TASKS,
        "What was asked to be done",
    ),
    one(
        "/api/remediationTasks/{id}",
        "RemediationTask",
        TASKS,
        "A task",
    ),
    list(
        "/api/remediationTasks/{id}/machineReferences",
        "PublicAssetDto",
        TASKS,
        "The machines it is not done on yet",
    ),
    list(
        "/api/missingkbs",
        "PublicProductFixDto",
        SOFTWARE,
        "Every missing update",
    ),
    list(
        "/api/missingkbs/{id}/machineReferences",
        "PublicAssetDto",
        SOFTWARE,
        "The machines that lack it",
    ),
    Endpoint {
        choices: &[
            Choice::time(
                "since",
                "The first time told of; without it, the first kept",
            ),
            Choice::time("until", "The time before which it ends; without it, now"),
            Choice::new(
                "group",
                "string",
                "The device group; without it, all machines",
            ),
        ],
        ..list(
            "/kbgap/v1/exposureScore/history",
            "ConfigurationScore",
            SCORE,
            "How exposed the organization or a device group was",
        )
    },
];
