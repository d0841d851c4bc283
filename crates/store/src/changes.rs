//! What changed of a tenant's machines, by which servers follow each other.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// The changes after a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These machines were written, labelled or removed.
    Machines {
        /// The number up to which they are told: ask on from here.
        upto: i64,
        /// Their ids in order, each once. A machine that is no longer known was removed.
        machines: Vec<String>,
    },
    /// What came after the number was trimmed, or the number is of another time of the database (a backup was
    /// restored): read everything again.
    Trimmed,
}

/// How many calls' changes are told at once.
const CALLS: i64 = 1000;

/// Raises the number of a tenant. Its row is held until the transaction ends, so that changes become visible in order.
pub(crate) const RAISE: &str =
    "INSERT INTO sequences (tenant, value, trimmed, software) VALUES ($1, 1, 0, 0)
    ON CONFLICT (tenant) DO UPDATE SET value = sequences.value + 1
    RETURNING value";

/// Says which machines a call changed.
pub(crate) const LOG: &str =
    "INSERT INTO changes (tenant, sequence, at, machines) VALUES ($1, $2, $3, $4)";

/// The number of a tenant.
pub(crate) const SEQUENCE: &str = "SELECT value FROM sequences WHERE tenant = $1";

const AFTER: &str = "SELECT sequence, machines FROM changes
    WHERE tenant = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";

const BOUNDS: &str = "SELECT value, trimmed FROM sequences WHERE tenant = $1";

/// Holds the tenant's row.
const HOLD: &str = "UPDATE sequences SET value = value WHERE tenant = $1 RETURNING value";

const OLDEST_KEPT: &str = "SELECT min(sequence) FROM changes WHERE tenant = $1 AND at >= $2";

const TRIM: &str = "DELETE FROM changes WHERE tenant = $1 AND sequence <= $2";

const TRIMMED: &str = "UPDATE sequences SET trimmed = $2 WHERE tenant = $1 AND trimmed < $2";

/// Between two ids: no id has a NUL in it.
const SEPARATOR: u8 = 0;

/// Packs ids for the log.
pub(crate) fn pack<'a>(machines: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (place, machine) in machines.enumerate() {
        if place > 0 {
            packed.push(SEPARATOR);
        }
        packed.extend_from_slice(machine.as_bytes());
    }
    packed
}

fn unpack(packed: &[u8]) -> Result<impl Iterator<Item = &str>, StoreError> {
    let text =
        std::str::from_utf8(packed).map_err(|_| StoreError::Damaged("the changes are no text"))?;
    Ok(text.split(char::from(SEPARATOR)))
}

impl Store {
    /// The number that every change to a tenant's machines raises. Numbers become visible in order.
    pub async fn sequence(&self, tenant: &str) -> Result<i64, StoreError> {
        let value: Option<i64> = reading!(self, |pool| sqlx::query_scalar(SEQUENCE)
            .bind(tenant)
            .fetch_optional(pool)
            .await?);
        Ok(value.unwrap_or(0))
    }

    /// The machines that changed after a number, of some calls at a time: ask again from `upto` until it stays.
    pub async fn changes_after(&self, tenant: &str, sequence: i64) -> Result<Changes, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = reading!(self, |pool| sqlx::query_as(AFTER)
            .bind(tenant)
            .bind(sequence)
            .bind(CALLS)
            .fetch_all(pool)
            .await?);
        // Looked at afterwards: what was trimmed meanwhile is told, never passed over.
        let bounds: Option<(i64, i64)> = reading!(self, |pool| sqlx::query_as(BOUNDS)
            .bind(tenant)
            .fetch_optional(pool)
            .await?);
        let (value, trimmed) = bounds.unwrap_or((0, 0));
        if sequence < trimmed || sequence > value {
            return Ok(Changes::Trimmed);
        }
        let mut machines = BTreeSet::new();
        for (_, packed) in &rows {
            machines.extend(unpack(packed)?);
        }
        Ok(Changes::Machines {
            upto: rows.last().map_or(sequence, |(last, _)| *last),
            machines: machines.into_iter().map(str::to_owned).collect(),
        })
    }

    /// Forgets the changes from before a moment; how many calls' changes that were. Who stood before them is told to
    /// read everything again.
    pub async fn trim_changes(&self, tenant: &str, before: Timestamp) -> Result<u64, StoreError> {
        text::key("the id of a tenant", tenant)?;
        writing!(self, |transaction| {
            let value: Option<i64> = sqlx::query_scalar(HOLD)
                .bind(tenant)
                .fetch_optional(&mut *transaction)
                .await?;
            let Some(value) = value else {
                transaction.rollback().await?;
                return Ok(0);
            };
            // Clocks of servers differ, numbers do not: what comes after a change that stays, stays.
            let kept: Option<i64> = sqlx::query_scalar(OLDEST_KEPT)
                .bind(tenant)
                .bind(time::of(before))
                .fetch_one(&mut *transaction)
                .await?;
            let upto = kept.map_or(value, |kept| kept - 1);
            let removed = sqlx::query(TRIM)
                .bind(tenant)
                .bind(upto)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            sqlx::query(TRIMMED)
                .bind(tenant)
                .bind(upto)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(removed)
        })
    }
}
