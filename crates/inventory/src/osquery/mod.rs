//! What `osqueryd` sends of a Windows machine, read into [`Observation`]s.
//!
//! Only answers to the queries of kbgap's own pack are read, told by their names (`pack_kbgap_os`); a host runs other
//! packs as well, and their answers are counted and passed over. What the answers look like is documented by osquery in
//! its guides to logging and to remote settings; the columns are those of its tables `os_version`, `system_info`,
//! `registry`, `patches` and `programs`.
//!
//! - A **snapshot** is the whole of a query's answer: the part of the machine as it is.
//! - **Differential** answers, as events or in batches, are changes of a list. The first batch of a query (`counter` 0)
//!   is its whole answer; the first events are not taken for that, since a list may go on in the next request.
//! - An **empty** answer is none: a Windows machine has software and an operating system, and osquery's table of
//!   updates is empty where WMI failed as well.

mod form;
mod host;
mod query;
mod results;
mod table;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::MAX_LIST;
use crate::record::Observation;
use form::{Cell, Rows, parsed};
use query::Query;

pub use host::{HostDetails, HostError, OsqueryHost};

/// What was read of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsqueryRead {
    /// What the host says of itself, in the order of the request.
    pub observations: Vec<Observation>,
    /// What was counted.
    pub tally: OsqueryTally,
    /// The first [`MAX_REJECTED`] of the answers that cannot be read.
    pub rejected: Vec<RejectedAnswer>,
    /// Whether the host calls itself by another identifier than the one it enrolled with: it was renamed, and is to
    /// enroll again.
    pub renamed: bool,
}

/// How much of a request was what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OsqueryTally {
    /// Answers to queries, and lines of the status log.
    pub received: usize,
    /// Lines of the status log, which say nothing of updates.
    pub status: usize,
    /// Answers to queries that are not kbgap's.
    pub other_queries: usize,
    /// Answers without a row.
    pub empty: usize,
    /// Rows of answers that were read which name no KB or software.
    pub rows_left_out: usize,
    /// Answers that cannot be read.
    pub rejected: usize,
}

/// An answer that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedAnswer {
    /// Its place in the request's log, from 0; `None` for an answer to a distributed query.
    pub index: Option<usize>,
    /// The query's name, where it has one.
    pub query: Option<Box<str>>,
    /// What is wrong.
    pub reason: AnswerError,
}

/// How many rejected answers are told one by one.
pub const MAX_REJECTED: usize = 20;

/// Why a request as a whole cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OsqueryError {
    /// It is not JSON, or a field has a wrong type.
    #[error("line {line}: {reason}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The log is of no known type.
    #[error("log_type is '{0}', neither 'result' nor 'status'")]
    LogType(Box<str>),
    /// It has more answers than the limit.
    #[error("the request has more than {MAX_LIST} answers")]
    TooMany,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// A field has a wrong type.
    #[error("field {path}: {reason}")]
    Field {
        /// The field's path within the answer.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// None of the forms of an answer.
    #[error(
        "it has neither 'snapshot', nor 'diffResults', nor 'columns' with the action 'added' or 'removed'"
    )]
    NoRows,
    /// A snapshot of a list, one row a line.
    #[error("a list as single lines cannot be told whole; set --logger_snapshot_event_type=false")]
    SnapshotLines,
    /// The time is no number of seconds.
    #[error("field unixTime: '{0}' is not a time in seconds since 1970")]
    Time(Box<str>),
    /// It is of another host.
    #[error("hostIdentifier is '{stated}', but the host enrolled as '{enrolled}'")]
    OtherHost {
        /// The host of the answer.
        stated: Box<str>,
        /// The host that sends it.
        enrolled: Box<str>,
    },
    /// It is of another operating system.
    #[error("field platform: '{0}' is not windows")]
    Platform(Box<str>),
    /// The version of the operating system is missing or none.
    #[error("field version: '{0}' is not the version of a Windows")]
    Version(Box<str>),
    /// The host could not run the query.
    #[error(
        "the host could not run the query: status {status}{}",
        in_words(message)
    )]
    Failed {
        /// SQLite's result code.
        status: Box<str>,
        /// What the host says of it, where it does.
        message: Box<str>,
    },
}

fn in_words(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(", {message}")
    }
}

impl OsqueryRead {
    fn reject(&mut self, index: Option<usize>, query: Option<&str>, reason: AnswerError) {
        self.tally.rejected += 1;
        if self.rejected.len() < MAX_REJECTED {
            self.rejected.push(RejectedAnswer {
                index,
                query: query.map(|query| form::clipped(query, form::MAX_NAME)),
                reason,
            });
        }
    }
}

#[derive(Deserialize)]
struct Log<'a> {
    #[serde(default)]
    log_type: Cell,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads a request to the logger's endpoint: `log_type` and `data`.
///
/// # Errors
/// Where the request as a whole cannot be read; an answer that cannot be read is told among the rejected.
pub fn read_log(body: &str, host: &OsqueryHost) -> Result<OsqueryRead, OsqueryError> {
    let log: Log<'_> = serde_json::from_str(body).map_err(|error| json_error(&error))?;
    let data = log.data.map_or("", RawValue::get);
    // Old versions write an empty list as an empty text.
    let answers: Vec<&RawValue> = match data {
        "" | "\"\"" | "null" => Vec::new(),
        data => serde_json::from_str(data).map_err(|error| json_error(&error))?,
    };
    if answers.len() > MAX_LIST {
        return Err(OsqueryError::TooMany);
    }
    match log.log_type.text() {
        "result" => Ok(results::read(&answers, host)),
        "status" => Ok(OsqueryRead {
            tally: OsqueryTally {
                received: answers.len(),
                status: answers.len(),
                ..OsqueryTally::default()
            },
            ..OsqueryRead::default()
        }),
        other => Err(OsqueryError::LogType(form::clipped(other, form::MAX_NAME))),
    }
}

#[derive(Deserialize)]
struct Distributed<'a> {
    #[serde(borrow, default)]
    queries: form::Fields<&'a RawValue>,
    #[serde(default)]
    statuses: form::Fields<Cell>,
    #[serde(default)]
    messages: form::Fields<Cell>,
}

/// Reads a request to the endpoint for answers to distributed queries: `queries`, `statuses` and `messages`.
///
/// The answers become one observation, which has no time of its own: they are of now.
///
/// # Errors
/// Where the request as a whole cannot be read; an answer that cannot be read is told among the rejected.
pub fn read_distributed(body: &str, host: &OsqueryHost) -> Result<OsqueryRead, OsqueryError> {
    let answers: Distributed<'_> =
        serde_json::from_str(body).map_err(|error| json_error(&error))?;
    let mut read = OsqueryRead::default();
    let mut report = host.part(None, None);
    read.tally.received = answers.queries.0.len();
    for (name, answer) in &answers.queries.0 {
        let Some(query) = Query::of_name(name) else {
            read.tally.other_queries += 1;
            continue;
        };
        let status = answers.statuses.0.get(name).map_or("0", Cell::text);
        if !matches!(status, "0" | "") {
            let message = answers.messages.0.get(name).map_or("", Cell::text);
            let reason = AnswerError::Failed {
                status: form::clipped(status, form::MAX_NAME),
                message: form::clipped(message, form::MAX_NAME),
            };
            read.reject(None, Some(name), reason);
            continue;
        }
        let taken = parsed("", answer)
            .and_then(|Rows(rows)| table::take(query, &rows, &mut report, &mut read.tally));
        if let Err(reason) = taken {
            read.reject(None, Some(name), reason);
        }
    }
    if table::states_something(&report) {
        if report.name.is_none() {
            report.name.clone_from(&host.name);
        }
        read.observations.push(Observation::Part(report));
    }
    Ok(read)
}

fn json_error(error: &serde_json::Error) -> OsqueryError {
    OsqueryError::Json {
        line: error.line(),
        reason: form::without_position(error),
    }
}
