//! What an export holds.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::report::MachineReport;

/// How many problems are kept; all are counted.
const MAX_PROBLEMS: usize = 1_000;

/// A machine as Defender knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefenderMachine {
    /// Its report. The id is Defender's. Installed updates are never among what an export tells, so they are
    /// unknown; so is the software where no row of the export is the machine's.
    pub report: MachineReport,
    /// The device group it is in; `None` where it is in none.
    pub group: Option<Box<str>>,
    /// Its tags, in order, each once.
    pub tags: Vec<Box<str>>,
    /// When Defender saw it first.
    pub first_seen: Option<Timestamp>,
    /// When Defender saw it last; the report is of that time.
    pub last_seen: Option<Timestamp>,
}

/// What was read of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefenderExport {
    /// The machines, in order of their ids.
    pub machines: Vec<DefenderMachine>,
    /// What is wrong with it: the first thousand problems.
    pub problems: Vec<Problem>,
    /// How much was read.
    pub counts: DefenderCounts,
}

/// How much of an export was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DefenderCounts {
    /// Files.
    pub files: usize,
    /// Records of machines.
    pub machine_records: usize,
    /// Records of software.
    pub software_records: usize,
    /// Records of software that say which Windows a machine runs, and which build of it.
    pub windows_records: usize,
    /// Machines, each once.
    pub machines: usize,
    /// Machines that came more than once; what was seen last counts.
    pub duplicates: usize,
    /// Machines that Defender merged into others; they are left out.
    pub merged: usize,
    /// Machines without any record of software: their software is unknown.
    pub without_software: usize,
    /// Machines known by records of software alone.
    pub by_software_alone: usize,
    /// Records that were left out.
    pub left_out: usize,
    /// Problems, those of records that were left out and others.
    pub problems: usize,
}

/// Something wrong with an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The file.
    pub file: Box<str>,
    /// Where in it; `None` for the file as a whole.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The field, where one is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
    /// What is wrong.
    pub reason: Box<str>,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// A line, from 1.
    Line(u64),
    /// A record of the pages, from 0.
    Record(u64),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.place {
            Some(Place::Line(line)) => write!(f, ", line {line}")?,
            Some(Place::Record(record)) => write!(f, ", record {record}")?,
            None => {}
        }
        if let Some(field) = &self.field {
            write!(f, ", field {field}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl DefenderExport {
    pub(super) fn note(&mut self, problem: Problem) {
        self.counts.problems += 1;
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}
