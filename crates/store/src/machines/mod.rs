//! What is known of each machine: one packed row, whose state and body are the caller's.

mod batch;
mod history;
mod label;
mod read;
mod value;
mod write;

use jiff::Timestamp;

use crate::backend::{CHUNK, Dialect, Listed, listed, reading, writing};
use crate::{Store, StoreError, changes, text, time};

pub(crate) use batch::{Batch, SoftwareRow};
pub use history::MachineState;
pub use label::Labels;
pub use read::MachineReader;
pub use value::{DeviceValue, ExclusionReason};
pub use write::{MachineWrite, Outcome, Written};

/// A digest by which change is told.
pub type Digest = [u8; 16];

/// A machine as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRow {
    /// The machine's id.
    pub machine: String,
    /// Its DNS name.
    pub name: Option<String>,
    /// When it was first looked at.
    pub first_seen: Timestamp,
    /// When it was last looked at.
    pub last_seen: Timestamp,
    /// When the last report came.
    pub received_at: Timestamp,
    /// The tenant's number when the row was last written: what a write expects.
    pub sequence: i64,
    /// The digest of the body.
    pub digest: Digest,
    /// The state that findings depend on, as the caller packed it.
    pub state: Vec<u8>,
    /// The rest, as the caller packed it.
    pub body: Vec<u8>,
    /// Its device group.
    pub group: Option<String>,
    /// Its tags, in the order in which they were added.
    pub tags: Vec<String>,
    /// What it is worth.
    pub value: DeviceValue,
    /// Why it is excluded, where it is.
    pub exclusion: Option<ExclusionReason>,
}

/// The columns of a machine, as they are read.
type Columns = (
    String,
    Option<String>,
    i64,
    i64,
    i64,
    i64,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    Option<String>,
    String,
    i64,
    Option<i64>,
);

/// Begins a statement that reads machines: the columns, in the order of [`Columns`].
macro_rules! select_machines {
    () => {
        "SELECT machine, name, first_seen, last_seen, received_at, sequence, digest, state, body, device_group, tags,
             device_value, exclusion
         FROM machines WHERE tenant = $1"
    };
}
pub(crate) use select_machines;

const BY_ID: Listed = Listed {
    sqlite: concat!(
        select_machines!(),
        " AND machine IN (SELECT value FROM json_each($2))"
    ),
    postgres: concat!(select_machines!(), " AND machine = ANY($2)"),
};

const BY_NAME: Listed = listed!(
    "SELECT lower(name), machine FROM machines WHERE tenant = $1 AND lower(name)" texts "$2" "ORDER BY machine"
);

const COUNT: &str = "SELECT count(*) FROM machines WHERE tenant = $1";

const REMOVE: Listed =
    listed!("DELETE FROM machines WHERE tenant = $1 AND machine" texts "$2" "RETURNING machine");

const REMOVE_STATES: Listed =
    listed!("DELETE FROM machine_states WHERE tenant = $1 AND machine" texts "$2" "");

impl Store {
    /// Machines by their ids, in order of the ids; none for one that is not known.
    pub async fn machines_by_id(
        &self,
        tenant: &str,
        machines: &[&str],
    ) -> Result<Vec<Option<MachineRow>>, StoreError> {
        let mut found = std::collections::HashMap::with_capacity(machines.len());
        for some in machines.chunks(CHUNK) {
            let rows: Vec<Columns> = reading!(self, |pool, dialect| {
                sqlx::query_as(dialect.sql(BY_ID))
                    .bind(tenant)
                    .bind(dialect.texts(some))
                    .fetch_all(pool)
                    .await?
            });
            for columns in rows {
                let row = row(columns)?;
                found.insert(row.machine.clone(), row);
            }
        }
        Ok(machines
            .iter()
            .map(|machine| found.get(*machine).cloned())
            .collect())
    }

    /// The ids of the machines of some names, whatever the case; each name with its machine, of several with one name all.
    pub async fn machines_by_name(
        &self,
        tenant: &str,
        names: &[&str],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for some in names.chunks(CHUNK) {
            let rows: Vec<(String, String)> = reading!(self, |pool, dialect| {
                sqlx::query_as(dialect.sql(BY_NAME))
                    .bind(tenant)
                    .bind(dialect.texts(some))
                    .fetch_all(pool)
                    .await?
            });
            found.extend(rows);
        }
        Ok(found)
    }

    /// How many machines of a tenant are known.
    pub async fn machine_count(&self, tenant: &str) -> Result<u64, StoreError> {
        let count: i64 = reading!(self, |pool| sqlx::query_scalar(COUNT)
            .bind(tenant)
            .fetch_one(pool)
            .await?);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Removes machines with their history; how many were known. All in one transaction, which raises the sequence where
    /// there was any.
    pub async fn remove_machines(
        &self,
        tenant: &str,
        machines: &[&str],
    ) -> Result<usize, StoreError> {
        text::key("the id of a tenant", tenant)?;
        writing!(self, |transaction, dialect| {
            let sequence: i64 = sqlx::query_scalar(changes::RAISE)
                .bind(tenant)
                .fetch_one(&mut *transaction)
                .await?;
            let mut removed: Vec<String> = Vec::new();
            for some in machines.chunks(CHUNK) {
                let gone: Vec<String> = sqlx::query_scalar(dialect.sql(REMOVE))
                    .bind(tenant)
                    .bind(dialect.texts(some))
                    .fetch_all(&mut *transaction)
                    .await?;
                sqlx::query(dialect.sql(REMOVE_STATES))
                    .bind(tenant)
                    .bind(dialect.texts(some))
                    .execute(&mut *transaction)
                    .await?;
                removed.extend(gone);
            }
            if removed.is_empty() {
                transaction.rollback().await?;
                return Ok(0);
            }
            sqlx::query(changes::LOG)
                .bind(tenant)
                .bind(sequence)
                .bind(time::of(Timestamp::now()))
                .bind(changes::pack(removed.iter().map(String::as_str)))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(removed.len())
        })
    }
}

fn row(columns: Columns) -> Result<MachineRow, StoreError> {
    let (
        machine,
        name,
        first_seen,
        last_seen,
        received_at,
        sequence,
        digest,
        state,
        body,
        group,
        tags,
        value,
        exclusion,
    ) = columns;
    Ok(MachineRow {
        machine,
        name,
        first_seen: time::to(first_seen)?,
        last_seen: time::to(last_seen)?,
        received_at: time::to(received_at)?,
        sequence,
        digest: Digest::try_from(digest)
            .map_err(|_| StoreError::Damaged("the digest of a machine has another length"))?,
        state,
        body,
        group,
        tags: label::unpack(&tags)?,
        value: DeviceValue::of_number(value)
            .ok_or(StoreError::Damaged("the value of a machine is none"))?,
        exclusion: match exclusion {
            None => None,
            Some(reason) => Some(
                ExclusionReason::of_number(reason)
                    .ok_or(StoreError::Damaged("the exclusion of a machine is none"))?,
            ),
        },
    })
}
