//! Which states machines were in, since when: changes, not copies.

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// A state that a machine entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// When it was first seen in it.
    pub since: Timestamp,
    /// When that became known here. States are in its order.
    pub received_at: Timestamp,
    /// The state, as it was written; empty where the machine was excluded then.
    ///
    /// The same as the one before where the machine was silent in between for so long that it may not have been shown
    /// any more.
    pub state: Vec<u8>,
}

const HISTORY: &str = "SELECT since, received_at, state FROM machine_states
    WHERE tenant = $1 AND machine = $2 ORDER BY received_at";

const CHANGED: &str = "SELECT DISTINCT machine FROM machine_states
    WHERE tenant = $1 AND received_at >= $2 ORDER BY machine";

/// How many entries a transaction looks at, so that others write in between.
const STRIDE: i64 = 20_000;

/// Where the next stride ends.
const STRIDE_END: &str = "SELECT machine FROM machine_states
    WHERE tenant = $1 AND machine > $2 ORDER BY machine LIMIT 1 OFFSET $3";

macro_rules! trim {
    ($upto:literal) => {
        concat!(
            "DELETE FROM machine_states WHERE tenant = $1 AND machine > $3 ",
            $upto,
            " AND received_at < (
                SELECT max(later.received_at) FROM machine_states AS later
                WHERE later.tenant = $1 AND later.machine = machine_states.machine AND later.received_at <= $2)"
        )
    };
}

const TRIM_STRIDE: &str = trim!("AND machine <= $4");
const TRIM_REST: &str = trim!("");

impl Store {
    /// The states that a machine was in, in the order in which they became known.
    pub async fn machine_history(
        &self,
        tenant: &str,
        machine: &str,
    ) -> Result<Vec<MachineState>, StoreError> {
        let rows: Vec<(i64, i64, Vec<u8>)> = reading!(self, |pool| sqlx::query_as(HISTORY)
            .bind(tenant)
            .bind(machine)
            .fetch_all(pool)
            .await?);
        rows.into_iter()
            .map(|(since, received_at, state)| {
                Ok(MachineState {
                    since: time::to(since)?,
                    received_at: time::to(received_at)?,
                    state,
                })
            })
            .collect()
    }

    /// The machines of which a state became known at a moment or later, in order of id.
    pub async fn machines_that_changed(
        &self,
        tenant: &str,
        since: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        Ok(reading!(self, |pool| sqlx::query_scalar(CHANGED)
            .bind(tenant)
            .bind(time::of(since))
            .fetch_all(pool)
            .await?))
    }

    /// Forgets states from before a moment, of each machine but the one it was in at that moment; how many were
    /// forgotten. In strides of some machines, each a transaction: others write in between.
    pub async fn trim_history(&self, tenant: &str, before: Timestamp) -> Result<u64, StoreError> {
        text::key("the id of a tenant", tenant)?;
        let mut removed = 0;
        let mut after = String::new();
        loop {
            let upto: Option<String> = reading!(self, |pool| sqlx::query_scalar(STRIDE_END)
                .bind(tenant)
                .bind(&after)
                .bind(STRIDE)
                .fetch_optional(pool)
                .await?);
            removed += writing!(self, |transaction| {
                let trim = match &upto {
                    Some(upto) => sqlx::query(TRIM_STRIDE)
                        .bind(tenant)
                        .bind(time::of(before))
                        .bind(&after)
                        .bind(upto),
                    None => sqlx::query(TRIM_REST)
                        .bind(tenant)
                        .bind(time::of(before))
                        .bind(&after),
                };
                let count = trim.execute(&mut *transaction).await?.rows_affected();
                transaction.commit().await?;
                count
            });
            match upto {
                Some(upto) => after = upto,
                None => return Ok(removed),
            }
        }
    }
}
