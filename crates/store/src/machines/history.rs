//! Since when machines were in which state: changes, not copies.

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// A state that a machine entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// When it was first seen in it.
    pub since: Timestamp,
    /// The state, as it was written.
    pub state: Vec<u8>,
}

const HISTORY: &str = "SELECT since, state FROM machine_states
    WHERE tenant = $1 AND machine = $2 ORDER BY since";

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
            " AND since < (
                SELECT max(later.since) FROM machine_states AS later
                WHERE later.tenant = $1 AND later.machine = machine_states.machine AND later.since <= $2)"
        )
    };
}

const TRIM_STRIDE: &str = trim!("AND machine <= $4");
const TRIM_REST: &str = trim!("");

impl Store {
    /// The states that a machine was in, in order of time.
    pub async fn machine_history(
        &self,
        tenant: &str,
        machine: &str,
    ) -> Result<Vec<MachineState>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = reading!(self, |pool| sqlx::query_as(HISTORY)
            .bind(tenant)
            .bind(machine)
            .fetch_all(pool)
            .await?);
        rows.into_iter()
            .map(|(since, state)| {
                Ok(MachineState {
                    since: time::to(since)?,
                    state,
                })
            })
            .collect()
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
