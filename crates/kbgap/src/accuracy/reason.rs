//! Classes of reasons: why an answer is wrong or missed, and why an offered update does not count.

use std::fmt;

use kbgap_assessment::{Absence, Line, Presence, Verdict};
use kbgap_catalog::Kb;
use serde::Serialize;

/// Windows Defender's definitions, which the agent offers several times a day under one number.
const DEFINITIONS: u32 = 2_267_602;
/// The malicious software removal tool, offered every month under one number.
const REMOVAL_TOOL: u32 = 890_830;

/// Why an offered update is not part of the truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum UncountedReason {
    /// Definitions are never missing security updates.
    Definitions,
    /// Nor is the removal tool.
    RemovalTool,
    /// It has no KB: a driver.
    NoKb,
    /// Microsoft's documents do not describe it: not a security update, or optional.
    NotInCatalog,
}

impl UncountedReason {
    /// The KB of an offered update that counts, or why it does not.
    pub(super) fn unless_counted(kb: Option<Kb>, described: bool) -> Result<Kb, Self> {
        let kb = kb.ok_or(Self::NoKb)?;
        match kb.number() {
            DEFINITIONS => Err(Self::Definitions),
            REMOVAL_TOOL => Err(Self::RemovalTool),
            _ if described => Ok(kb),
            _ => Err(Self::NotInCatalog),
        }
    }
}

impl fmt::Display for UncountedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Definitions => "definitions, never a missing security update",
            Self::RemovalTool => "the removal tool, never a missing security update",
            Self::NoKb => "no KB",
            Self::NotInCatalog => "not in the catalogue",
        })
    }
}

/// Why an offered update was not named. In the order in which they tell most, where several packages are one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum MissedReason {
    /// The machine's Windows product could not be identified.
    ProductNotIdentified,
    /// The catalogue has nothing about the machine's product.
    NoData,
    /// It waits for a restart.
    WaitsForRestart,
    /// The machine's evidence does not tell.
    CannotTell,
    /// A newer update was named that brings it.
    ReplacedByNamed,
    /// Another update was named that closes the same vulnerabilities.
    AlternativeNamed,
    /// It is one the agent offers as optional.
    Optional,
    /// Nothing that it fixes is open.
    NoOpenVulnerability,
    /// The component it fixes is not known to be on the machine.
    NotInScope,
    /// A present update covers it.
    Covered,
    /// The build is not below the one from which it is fixed.
    InBuild,
    /// The machine reports it as installed.
    Installed,
    /// It fixes nothing on the machine's Windows.
    OtherProduct,
}

impl MissedReason {
    /// The class of a verdict that is not "missing" or not named; whether what it fixes is open tells whether an
    /// alternative was named.
    pub(super) fn of(verdict: &Verdict, line: Line, open: bool) -> Self {
        match verdict {
            Verdict::Present(Presence::Installed) => Self::Installed,
            Verdict::Present(Presence::Build(_)) => Self::InBuild,
            Verdict::Present(Presence::Covered { .. }) => Self::Covered,
            Verdict::Pending(_) => Self::WaitsForRestart,
            Verdict::Unknown(_) => Self::CannotTell,
            // What is missing is named, and then it is not missed.
            Verdict::Missing(_) | Verdict::Replaced { .. } => Self::ReplacedByNamed,
            Verdict::NotNeeded { .. } if is_optional(line) => Self::Optional,
            Verdict::NotNeeded { .. } if open => Self::AlternativeNamed,
            Verdict::NotNeeded { .. } => Self::NoOpenVulnerability,
        }
    }
}

fn is_optional(line: Line) -> bool {
    matches!(
        line,
        Line::Optional | Line::PreviewRollup | Line::SetupMedia
    )
}

impl fmt::Display for MissedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProductNotIdentified => "product not identified",
            Self::NoData => "product not in the catalogue",
            Self::WaitsForRestart => "waits for a restart",
            Self::CannotTell => "cannot tell",
            Self::ReplacedByNamed => "replaced by another named one",
            Self::AlternativeNamed => "an alternative is named",
            Self::Optional => "optional or preview",
            Self::NoOpenVulnerability => "no open vulnerability",
            Self::NotInScope => "component not known to be on the machine",
            Self::Covered => "covered by an installed update",
            Self::InBuild => "present by the build",
            Self::Installed => "reported as installed",
            Self::OtherProduct => "fixes nothing on this Windows",
        })
    }
}

/// Why an update was named that the agent did not offer: what tells the two apart, else the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum WrongReason {
    /// An offered update covers it: the agent names the newer.
    ReplacedByOffered,
    /// It covers an offered update: the agent names the older.
    BringsOffered,
    /// The agent never offers updates of its line.
    NeverOffered,
    /// It closes no CVE, only advisories.
    AdvisoriesOnly,
    /// The machine's list of updates is cut off: it may be installed.
    CutList,
    /// It fixes components only, which may not be on the machine after all.
    ComponentsOnly,
    /// The machine's build is below the one from which it is fixed.
    BuildBelow,
    /// The machine does not report it, nor one that covers it.
    NotListed,
}

impl WrongReason {
    /// The class that the evidence alone gives.
    pub(super) fn of_evidence(absence: &Absence) -> Self {
        match absence {
            Absence::BuildBelow(_) => Self::BuildBelow,
            Absence::NotListed { .. } => Self::NotListed,
        }
    }
}

/// Whether the agent never offers the updates of a line, because administrators deploy them.
pub(super) fn is_never_offered(line: Line) -> bool {
    matches!(line, Line::SecurityOnly | Line::DotNetSecurityOnly) || is_optional(line)
}

impl fmt::Display for WrongReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReplacedByOffered => "an offered update replaces it",
            Self::BringsOffered => "it replaces an offered update",
            Self::NeverOffered => "of a kind the agent never offers",
            Self::AdvisoriesOnly => "closes no CVE, only advisories",
            Self::CutList => "the list of updates is cut off",
            Self::ComponentsOnly => "fixes components only",
            Self::BuildBelow => "the build is below the fixed one",
            Self::NotListed => "not listed, nor covered",
        })
    }
}
