//! What an import did.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_catalog::document::Oddities;
use kbgap_store::Put;
use serde::Serialize;

use super::record::{Facts, Record};
use crate::cli::FAILED;

/// How many rows left out of a release history are listed; '--json' lists all.
const ROWS_SHOWN: usize = 5;

/// The outcome of an import, counted.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Documents and release histories read.
    pub(crate) read: usize,
    pub(crate) new: usize,
    pub(crate) changed: usize,
    pub(crate) unchanged: usize,
    /// Vulnerability entries in the documents read.
    pub(crate) entries: usize,
    /// Vendor fixes in them.
    pub(crate) fixes: usize,
    /// Updates in the release histories read.
    pub(crate) history_updates: usize,
    /// Rows of release histories that were left out, each with its reason.
    pub(crate) history_left_out: Vec<String>,
    /// Files left out, by reason.
    pub(crate) skipped: BTreeMap<&'static str, usize>,
    /// Files that could not be read.
    pub(crate) failed: Vec<Failure>,
    /// What in the documents was kept as text only, or left out, by kind.
    pub(crate) oddities: Oddities,
}

#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) file: String,
    pub(crate) reason: String,
}

impl Summary {
    pub(crate) fn stored(&mut self, record: &Record, put: Put) {
        self.read += 1;
        match &record.facts {
            Facts::Document {
                entries,
                fixes,
                oddities,
            } => {
                self.entries += entries;
                self.fixes += fixes;
                self.oddities.add(oddities);
            }
            Facts::History { updates, left_out } => {
                self.history_updates += updates;
                self.history_left_out.extend(left_out.iter().cloned());
            }
        }
        match put {
            Put::New => self.new += 1,
            Put::Changed => self.changed += 1,
            Put::Unchanged => self.unchanged += 1,
        }
    }

    pub(crate) fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(crate) fn fail(&mut self, file: String, reason: String) {
        self.failed.push(Failure { file, reason });
    }

    /// Whether the store holds something it did not hold before.
    pub(crate) fn has_changed(&self) -> bool {
        self.new + self.changed > 0
    }

    /// Prints it, and tells the exit code: whether every file was read.
    pub(crate) fn finish(&self, json: bool) -> anyhow::Result<ExitCode> {
        self.print(json)?;
        Ok(if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FAILED)
        })
    }

    fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return writeln!(out);
        }
        writeln!(
            out,
            "{} sources read: {} new, {} changed, {} unchanged; {} vulnerabilities with {} fixes",
            self.read, self.new, self.changed, self.unchanged, self.entries, self.fixes
        )?;
        if self.history_updates > 0 {
            writeln!(
                out,
                "release history: {} updates, {} rows left out",
                self.history_updates,
                self.history_left_out.len()
            )?;
            for row in self.history_left_out.iter().take(ROWS_SHOWN) {
                writeln!(out, "  {row}")?;
            }
        }
        for (reason, count) in &self.skipped {
            writeln!(out, "{count} skipped: {reason}")?;
        }
        for failure in &self.failed {
            writeln!(out, "failed: {}: {}", failure.file, failure.reason)?;
        }
        if self.oddities.iter().next().is_some() {
            writeln!(out, "in the documents:")?;
            write!(out, "{}", self.oddities)?;
        }
        Ok(())
    }
}
