//! What became of reports.

use serde::Serialize;

/// What became of the reports of a batch, or of a whole stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestSummary {
    /// How many reports came.
    pub received: usize,
    /// How many are of machines not known before.
    pub new: usize,
    /// How many change what was known.
    pub changed: usize,
    /// How many say what was known.
    pub unchanged: usize,
    /// How many of these are changes to a list that is not known, which were left out.
    #[serde(skip)]
    pub(crate) baseless: usize,
    /// How many are older than what is known, and so were left out.
    pub older: usize,
    /// The reports that were not taken, each with its reason.
    pub rejected: Vec<Rejected>,
    /// The reports that were taken but whose Windows cannot be told, each with its reason.
    pub unidentified: Vec<Rejected>,
    /// What was left out of reports that were taken.
    pub warnings: Vec<Rejected>,
}

/// A report of a batch, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// What is wrong.
    pub reason: String,
}

/// How many examples of warnings a summary lists, and how many of reports that cannot be told.
const EXAMPLES: usize = 100;

impl IngestSummary {
    /// How many reports were taken.
    pub fn taken(&self) -> usize {
        self.new + self.changed + self.unchanged
    }

    /// Adds what became of the reports that came next.
    pub fn add(&mut self, next: Self) {
        let behind = |mut rejected: Rejected| {
            rejected.index += self.received;
            rejected
        };
        self.rejected.extend(next.rejected.into_iter().map(behind));
        let room = EXAMPLES.saturating_sub(self.unidentified.len());
        let unidentified = next.unidentified.into_iter().take(room);
        self.unidentified.extend(unidentified.map(behind));
        let room = EXAMPLES.saturating_sub(self.warnings.len());
        let warnings = next.warnings.into_iter().take(room);
        self.warnings.extend(warnings.map(behind));
        self.received += next.received;
        self.new += next.new;
        self.changed += next.changed;
        self.unchanged += next.unchanged;
        self.baseless += next.baseless;
        self.older += next.older;
    }

    pub(super) fn warn(&mut self, index: usize, warnings: Vec<String>) {
        let room = EXAMPLES.saturating_sub(self.warnings.len());
        let warnings = warnings.into_iter().take(room);
        self.warnings
            .extend(warnings.map(|reason| Rejected { index, reason }));
    }
}
