//! Reports taken in.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::Digest;
use super::batch::{Batch, SeenRow, StateRow, Under, WholeRow};
use crate::backend::{CHUNK, Dialect, Listed, listed, writing};
use crate::{Store, StoreError, changes, text, time};

/// What is to be written of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineWrite {
    /// The machine's id.
    pub machine: String,
    /// The sequence of the row that was read before; none: the machine must not be known.
    pub expected: Option<i64>,
    /// What is written.
    pub what: Written,
}

/// What a report brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Something new: the row is written. The caller has merged what was known into it.
    Report {
        /// The DNS name.
        name: Option<String>,
        /// When the machine was looked at.
        last_seen: Timestamp,
        /// When the report came.
        received_at: Timestamp,
        /// The digest of the body.
        digest: Digest,
        /// The state that findings depend on.
        state: Vec<u8>,
        /// The rest.
        body: Vec<u8>,
    },
    /// Nothing but that the machine was seen again; of one that is not known it is a conflict.
    Seen {
        /// When the machine was looked at.
        last_seen: Timestamp,
        /// When the report came.
        received_at: Timestamp,
    },
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk.
    Stored {
        /// The number it was written under.
        sequence: i64,
    },
    /// The row is not, or no longer, at the expected number, and nothing was written of the machine: read it again,
    /// merge again, and write again. So is all but the first of several writes of one machine in a call.
    Conflict,
}

const KNOWN: Listed = listed!(
    "SELECT machine, sequence, state, last_seen, exclusion FROM machines WHERE tenant = $1 AND machine" texts "$2" ""
);

/// Id, sequence, state, last seen and exclusion of a machine.
type KnownColumns = (String, i64, Vec<u8>, i64, Option<i64>);

/// After how long a silence a machine's state is entered again though it is the same: it may have been taken out of what
/// is shown in between, which no server does sooner.
const SILENCE_MICROSECONDS: i64 = 7 * 24 * 3_600 * 1_000_000;

/// What is known of a machine before a write.
struct Known {
    sequence: i64,
    state: Vec<u8>,
    last_seen: i64,
    is_excluded: bool,
}

impl Store {
    /// Writes machines of a tenant, all in one transaction and under one new number of the tenant; what became of each,
    /// in their order. Where the state differs from the one before, or the machine was silent for long, the history gets an entry.
    pub async fn write_machines(
        &self,
        tenant: &str,
        writes: &[MachineWrite],
    ) -> Result<Vec<Outcome>, StoreError> {
        text::key("the id of a tenant", tenant)?;
        for write in writes {
            text::key("the id of a machine", &write.machine)?;
            if let Written::Report {
                name: Some(name), ..
            } = &write.what
            {
                text::plain("the name of a machine", name)?;
            }
        }
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = writes.iter().map(|write| write.machine.as_str()).collect();
        writing!(self, |transaction, dialect| {
            // First: other writers of the tenant wait here, so what is read below stays true until the end.
            let sequence: i64 = sqlx::query_scalar(changes::RAISE)
                .bind(tenant)
                .fetch_one(&mut *transaction)
                .await?;
            let mut known = HashMap::with_capacity(ids.len());
            for some in ids.chunks(CHUNK) {
                let rows: Vec<KnownColumns> = sqlx::query_as(dialect.sql(KNOWN))
                    .bind(tenant)
                    .bind(dialect.texts(some))
                    .fetch_all(&mut *transaction)
                    .await?;
                let rows = rows.into_iter();
                known.extend(
                    rows.map(|(machine, sequence, state, last_seen, exclusion)| {
                        let known = Known {
                            sequence,
                            state,
                            last_seen,
                            is_excluded: exclusion.is_some(),
                        };
                        (machine, known)
                    }),
                );
            }
            let plan = Plan::of(writes, &known, sequence);
            if plan.written.is_empty() {
                transaction.rollback().await?;
                return Ok(plan.outcomes);
            }
            let under = Under { tenant, sequence };
            transaction.put_whole(under, &plan.whole).await?;
            transaction.put_seen(under, &plan.seen).await?;
            transaction.put_states(under, &plan.states).await?;
            sqlx::query(changes::LOG)
                .bind(tenant)
                .bind(sequence)
                .bind(time::of(Timestamp::now()))
                .bind(changes::pack(plan.written.iter().copied()))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(plan.outcomes)
        })
    }
}

/// What a call writes, row by row.
struct Plan<'a> {
    outcomes: Vec<Outcome>,
    /// The machines written, in order of the call.
    written: Vec<&'a str>,
    whole: Vec<WholeRow<'a>>,
    seen: Vec<SeenRow<'a>>,
    states: Vec<StateRow<'a>>,
}

impl<'a> Plan<'a> {
    fn of(writes: &'a [MachineWrite], known: &'a HashMap<String, Known>, sequence: i64) -> Self {
        let mut plan = Self {
            outcomes: Vec::with_capacity(writes.len()),
            written: Vec::with_capacity(writes.len()),
            whole: Vec::new(),
            seen: Vec::new(),
            states: Vec::new(),
        };
        let mut once = HashSet::with_capacity(writes.len());
        for write in writes {
            let known = known.get(&write.machine);
            let fits = known.map(|known| known.sequence) == write.expected
                && !(known.is_none() && matches!(write.what, Written::Seen { .. }))
                && once.insert(write.machine.as_str());
            let outcome = if fits {
                plan.add(write, known);
                Outcome::Stored { sequence }
            } else {
                Outcome::Conflict
            };
            plan.outcomes.push(outcome);
        }
        plan
    }

    fn add(&mut self, write: &'a MachineWrite, before: Option<&'a Known>) {
        let machine = write.machine.as_str();
        self.written.push(machine);
        if let Some(state) = entered(before, &write.what) {
            let (last_seen, received_at) = write.what.times();
            self.states.push(StateRow {
                machine,
                since: time::of(last_seen),
                received_at: time::of(received_at),
                state,
            });
        }
        match &write.what {
            Written::Report {
                name,
                last_seen,
                received_at,
                digest,
                state,
                body,
            } => {
                self.whole.push(WholeRow {
                    machine,
                    name: name.as_deref(),
                    last_seen: time::of(*last_seen),
                    received_at: time::of(*received_at),
                    digest,
                    state,
                    body,
                });
            }
            Written::Seen {
                last_seen,
                received_at,
            } => self.seen.push(SeenRow {
                machine,
                last_seen: time::of(*last_seen),
                received_at: time::of(*received_at),
            }),
        }
    }
}

/// The state that a machine enters by a write: another than before, or the same after a long silence. One that is excluded
/// enters none until it is included.
fn entered<'a>(before: Option<&'a Known>, what: &'a Written) -> Option<&'a [u8]> {
    if before.is_some_and(|before| before.is_excluded) {
        return None;
    }
    let known = before.map(|before| before.state.as_slice());
    let state = match what {
        Written::Report { state, .. } => Some(state.as_slice()),
        Written::Seen { .. } => known,
    };
    let (last_seen, _) = what.times();
    let silent = before.is_some_and(|before| {
        time::of(last_seen).saturating_sub(before.last_seen) >= SILENCE_MICROSECONDS
    });
    state.filter(|state| silent || known != Some(*state))
}

impl Written {
    /// When the machine was looked at, and when the report came.
    fn times(&self) -> (Timestamp, Timestamp) {
        match self {
            Self::Report {
                last_seen,
                received_at,
                ..
            }
            | Self::Seen {
                last_seen,
                received_at,
            } => (*last_seen, *received_at),
        }
    }
}
