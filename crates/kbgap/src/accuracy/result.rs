//! A measurement, as its JSON states it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::Figures;
use super::reason::{MissedReason, UncountedReason, WrongReason};

/// The measurement of a truth corpus.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accuracy {
    /// The machines, in order of folder and name.
    pub(super) machines: Vec<MachineAccuracy>,
    /// All of them together.
    pub(super) total: Figures,
    /// How many rows of all machines each class of reasons has.
    pub(super) reasons: Reasons,
    /// How many machines of the folders have no truth, and were left out.
    pub(super) without_truth: usize,
    /// What could not be read, in words that name the file; these machines are in no figure.
    pub(super) failures: Vec<String>,
}

/// The measurement of one machine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MachineAccuracy {
    /// The part of its files' names that they share.
    pub(super) machine: String,
    /// The Windows product it was taken for; null where that could not be told.
    pub(super) product: Option<String>,
    /// The build it reports.
    pub(super) build: Option<String>,
    /// Why it was not assessed; left out where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_assessed: Option<String>,
    /// The figures.
    pub(super) figures: Figures,
    /// The described offered updates that were named.
    pub(super) right: Vec<RightRow>,
    /// The named updates that were not offered.
    pub(super) wrong: Vec<WrongRow>,
    /// The described offered updates that were not named.
    pub(super) missed: Vec<MissedRow>,
    /// The offered updates that do not count.
    pub(super) not_described: Vec<UncountedRow>,
    /// How many lines of the truth are no row.
    pub(super) skipped_lines: usize,
}

/// An offered update that was named.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RightRow {
    /// The number it was offered under, without the letters.
    pub(super) kb: String,
    /// The agent's title of it.
    pub(super) title: String,
    /// The numbers it was named under.
    pub(super) named: Vec<String>,
}

/// A named update that was not offered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WrongRow {
    /// Its number.
    pub(super) kb: String,
    /// Its name: the title of its document.
    pub(super) title: String,
    /// The class of the reason.
    pub(super) reason: WrongReason,
    /// The evidence that it was named for.
    pub(super) why: String,
}

/// An offered update that was not named.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MissedRow {
    /// The number it was offered under.
    pub(super) kb: String,
    /// The agent's title of it.
    pub(super) title: String,
    /// The class of the reason.
    pub(super) reason: MissedReason,
    /// The evidence that it was not named for.
    pub(super) why: String,
}

/// An offered update that does not count.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UncountedRow {
    /// The number it was offered under; null where it has none.
    pub(super) kb: Option<String>,
    /// The agent's title of it.
    pub(super) title: String,
    /// The class of the reason.
    pub(super) reason: UncountedReason,
}

/// How many rows each class of reasons has; classes without a row are left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reasons {
    /// Of wrong rows.
    pub(super) wrong: BTreeMap<WrongReason, u32>,
    /// Of missed rows.
    pub(super) missed: BTreeMap<MissedReason, u32>,
    /// Of offered updates that do not count.
    pub(super) not_described: BTreeMap<UncountedReason, u32>,
}

impl Accuracy {
    /// Adds machines up.
    pub(super) fn of(
        machines: Vec<MachineAccuracy>,
        without_truth: usize,
        failures: Vec<String>,
    ) -> Self {
        let mut total = Figures::default();
        let mut reasons = Reasons::default();
        for machine in &machines {
            total += machine.figures;
            for row in &machine.wrong {
                *reasons.wrong.entry(row.reason).or_default() += 1;
            }
            for row in &machine.missed {
                *reasons.missed.entry(row.reason).or_default() += 1;
            }
            for row in &machine.not_described {
                *reasons.not_described.entry(row.reason).or_default() += 1;
            }
        }
        Self {
            machines,
            total,
            reasons,
            without_truth,
            failures,
        }
    }
}
