//! The results log: snapshots, events and batches.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::form::{self, Cell, MAX_NAME, Row, Rows, parsed};
use super::host::name_of;
use super::query::Query;
use super::{AnswerError, OsqueryHost, OsqueryRead, table};
use crate::record::{ListChanges, Observation, ReportChanges};

/// An answer in the log. Its rows are read only where its query is one of kbgap's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Answer<'a> {
    #[serde(default)]
    name: Cell,
    #[serde(default)]
    host_identifier: Cell,
    #[serde(default)]
    unix_time: Cell,
    #[serde(default)]
    counter: Cell,
    #[serde(default)]
    action: Cell,
    #[serde(borrow, default)]
    columns: Option<&'a RawValue>,
    #[serde(borrow, default)]
    snapshot: Option<&'a RawValue>,
    #[serde(borrow, default)]
    diff_results: Option<&'a RawValue>,
    /// What the decorators add to each answer.
    #[serde(borrow, default)]
    decorations: Option<&'a RawValue>,
    /// The same, where the host puts it beside the answer (`--decorations_top_level`).
    #[serde(default)]
    hostname: Cell,
}

/// What an answer says.
enum Said {
    /// All rows.
    Whole(Vec<Row>),
    /// The rows that are not what they were.
    Changes(Difference),
    /// The same, of which there are more in the answers around it.
    Events(Difference),
}

#[derive(Deserialize, Default)]
#[serde(default, expecting = "an object")]
struct Difference {
    added: Rows,
    removed: Rows,
}

impl Difference {
    fn extend(&mut self, other: Self) {
        self.added.0.extend(other.added.0);
        self.removed.0.extend(other.removed.0);
    }
}

/// Which look at a host an answer is of.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    query: Query,
    at: Option<Timestamp>,
    name: Option<Box<str>>,
}

/// Reads the answers of a results log.
pub(crate) fn read(answers: &[&RawValue], host: &OsqueryHost) -> OsqueryRead {
    let mut reading = Reading {
        host,
        read: OsqueryRead::default(),
        events: None,
    };
    reading.read.tally.received = answers.len();
    for (index, answer) in answers.iter().enumerate() {
        let answer: Answer<'_> = match parsed("", answer) {
            Ok(answer) => answer,
            Err(reason) => {
                reading.read.reject(Some(index), None, reason);
                continue;
            }
        };
        let Some(query) = Query::of_name(answer.name.text()) else {
            reading.read.tally.other_queries += 1;
            continue;
        };
        if let Err(reason) = reading.take(query, &answer) {
            let name = answer.name.text();
            reading.read.reject(Some(index), Some(name), reason);
        }
    }
    reading.end_events();
    reading.read
}

struct Reading<'a> {
    host: &'a OsqueryHost,
    read: OsqueryRead,
    /// The events of a look at a list, one row each, until one of another look comes.
    events: Option<(Look, Difference)>,
}

impl Reading<'_> {
    fn take(&mut self, query: Query, answer: &Answer<'_>) -> Result<(), AnswerError> {
        let at = answer.at()?;
        self.check_host(answer, at)?;
        let name = answer.hostname()?;
        let look = Look { query, at, name };
        match (answer.said()?, query) {
            (Said::Whole(rows), _) => {
                self.end_events();
                self.whole(look, &rows)
            }
            // Of the operating system there is one row: the new one is all of it.
            (Said::Changes(difference) | Said::Events(difference), Query::Os) => {
                if let Some(row) = difference.added.0.last() {
                    self.whole(look, std::slice::from_ref(row))?;
                }
                Ok(())
            }
            (Said::Changes(difference), _) => {
                self.end_events();
                self.changes(look, &difference);
                Ok(())
            }
            (Said::Events(difference), _) => {
                match &mut self.events {
                    Some((of, events)) if *of == look => events.extend(difference),
                    _ => {
                        self.end_events();
                        self.events = Some((look, difference));
                    }
                }
                Ok(())
            }
        }
    }

    /// A host that was renamed names itself anew in its answers; those from before it enrolled may bear the old name.
    fn check_host(
        &mut self,
        answer: &Answer<'_>,
        at: Option<Timestamp>,
    ) -> Result<(), AnswerError> {
        let stated = answer.host_identifier.text();
        if stated.is_empty() || self.host.is(stated) {
            return Ok(());
        }
        self.read.renamed |= at.is_none_or(|at| at > self.host.enrolled_at);
        Err(AnswerError::OtherHost {
            stated: form::clipped(stated, MAX_NAME),
            enrolled: self.host.identifier.clone(),
        })
    }

    fn whole(&mut self, look: Look, rows: &[Row]) -> Result<(), AnswerError> {
        let mut report = self.host.part(look.name, look.at);
        table::take(look.query, rows, &mut report, &mut self.read.tally)?;
        if table::states_something(&report) {
            if look.query == Query::Os && report.name.is_none() {
                report.name.clone_from(&self.host.name);
            }
            self.read.observations.push(Observation::Part(report));
        }
        Ok(())
    }

    fn changes(&mut self, look: Look, difference: &Difference) {
        let tally = &mut self.read.tally;
        let mut changes = ReportChanges {
            id: Some(self.host.machine.clone()),
            name: look.name,
            at: look.at,
            ..ReportChanges::default()
        };
        let (added, removed) = (&difference.added.0, &difference.removed.0);
        match look.query {
            Query::Os => return,
            Query::Updates => {
                changes.updates = ListChanges {
                    added: table::updates(added, tally),
                    removed: table::updates(removed, tally),
                };
            }
            Query::Software => {
                changes.software = ListChanges {
                    added: table::software(added, tally),
                    removed: table::software(removed, tally),
                };
            }
        }
        if changes.updates.is_empty() && changes.software.is_empty() {
            tally.empty += 1;
        } else {
            self.read.observations.push(Observation::Changes(changes));
        }
    }

    fn end_events(&mut self) {
        if let Some((look, difference)) = self.events.take() {
            self.changes(look, &difference);
        }
    }
}

impl Answer<'_> {
    fn at(&self) -> Result<Option<Timestamp>, AnswerError> {
        let text = self.unix_time.text();
        if text.is_empty() {
            return Ok(None);
        }
        let seconds = text.parse().ok();
        let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        at.map(Some)
            .ok_or_else(|| AnswerError::Time(form::clipped(text, MAX_NAME)))
    }

    /// The host's name, where a decorator tells it.
    fn hostname(&self) -> Result<Option<Box<str>>, AnswerError> {
        let decorations: Row = match self.decorations {
            Some(decorations) => parsed("decorations", decorations)?,
            None => Row::default(),
        };
        let beside = self.hostname.text();
        Ok(name_of(&decorations)
            .or_else(|| (!beside.is_empty()).then(|| form::clipped(beside, MAX_NAME))))
    }

    fn said(&self) -> Result<Said, AnswerError> {
        if let Some(snapshot) = self.snapshot {
            let Rows(rows) = parsed("snapshot", snapshot)?;
            return Ok(Said::Whole(rows));
        }
        if let Some(results) = self.diff_results {
            let difference: Difference = parsed("diffResults", results)?;
            return Ok(match self.counter.text() {
                "0" => Said::Whole(difference.added.0),
                _ => Said::Changes(difference),
            });
        }
        let columns = self.columns.ok_or(AnswerError::NoRows)?;
        let row = Rows(vec![parsed("columns", columns)?]);
        match self.action.text() {
            "added" => Ok(Said::Events(Difference {
                added: row,
                removed: Rows::default(),
            })),
            "removed" => Ok(Said::Events(Difference {
                added: Rows::default(),
                removed: row,
            })),
            "snapshot" if Query::of_name(self.name.text()) == Some(Query::Os) => {
                Ok(Said::Whole(row.0))
            }
            "snapshot" => Err(AnswerError::SnapshotLines),
            _ => Err(AnswerError::NoRows),
        }
    }
}
