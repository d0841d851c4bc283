//! Writes of many machines in few statements, as each database takes them best.

use std::future::Future;

use sqlx::{PgConnection, SqliteConnection};

use crate::backend::CHUNK;

/// A row that is written whole, but for first seen and labels where it is known already.
pub(crate) struct WholeRow<'a> {
    pub(crate) machine: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) last_seen: i64,
    pub(crate) received_at: i64,
    pub(crate) digest: &'a [u8],
    pub(crate) state: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// A row of which only the times change.
pub(crate) struct SeenRow<'a> {
    pub(crate) machine: &'a str,
    pub(crate) last_seen: i64,
    pub(crate) received_at: i64,
}

/// A state that a machine entered.
pub(crate) struct StateRow<'a> {
    pub(crate) machine: &'a str,
    pub(crate) since: i64,
    pub(crate) received_at: i64,
    pub(crate) state: &'a [u8],
}

/// A row of which only the labels change.
pub(crate) struct LabelRow<'a> {
    pub(crate) machine: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) tags: String,
    pub(crate) value: i64,
    pub(crate) exclusion: Option<i64>,
}

/// A software that is new to the tenant.
pub(crate) struct SoftwareRow<'a> {
    pub(crate) id: i64,
    pub(crate) vendor: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
}

/// Where rows go: the tenant, and the number they are written under.
#[derive(Clone, Copy)]
pub(crate) struct Under<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) sequence: i64,
}

/// A connection that writes many rows in few statements.
pub(crate) trait Batch {
    fn put_whole(
        &mut self,
        under: Under<'_>,
        rows: &[WholeRow<'_>],
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    fn put_seen(
        &mut self,
        under: Under<'_>,
        rows: &[SeenRow<'_>],
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    fn put_states(
        &mut self,
        under: Under<'_>,
        rows: &[StateRow<'_>],
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    fn put_labels(
        &mut self,
        under: Under<'_>,
        rows: &[LabelRow<'_>],
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    fn put_software(
        &mut self,
        tenant: &str,
        rows: &[SoftwareRow<'_>],
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

macro_rules! insert_machines {
    () => {
        "INSERT INTO machines (tenant, machine, name, first_seen, last_seen, received_at, sequence,
            digest, state, body, device_group, tags) "
    };
}

macro_rules! replace_machines {
    () => {
        " ON CONFLICT (tenant, machine) DO UPDATE SET
            name = excluded.name, last_seen = excluded.last_seen, received_at = excluded.received_at,
            sequence = excluded.sequence, digest = excluded.digest, state = excluded.state, body = excluded.body"
    };
}

macro_rules! insert_software {
    () => {
        "INSERT INTO software (tenant, id, vendor, name, version) "
    };
}

macro_rules! insert_states {
    () => {
        "INSERT INTO machine_states (tenant, machine, received_at, since, state) "
    };
}

macro_rules! replace_states {
    () => {
        " ON CONFLICT (tenant, machine, received_at) DO UPDATE SET
            since = excluded.since, state = excluded.state"
    };
}

/// Whole rows go in one by one, by a prepared statement: many rows in one statement are not measurably faster, as writing
/// pages is what takes the time. Software, times and labels go in as JSON. The tenant is in every value of what is
/// updated: were it a parameter, SQLite would go through all machines of the tenant and look for each in the list,
/// where it should do it the other way round.
impl Batch for SqliteConnection {
    async fn put_whole(
        &mut self,
        under: Under<'_>,
        rows: &[WholeRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for row in rows {
            sqlx::query(concat!(
                insert_machines!(),
                "VALUES ($1, $3, $4, $5, $5, $6, $2, $7, $8, $9, NULL, '[]')",
                replace_machines!()
            ))
            .bind(under.tenant)
            .bind(under.sequence)
            .bind(row.machine)
            .bind(row.name)
            .bind(row.last_seen)
            .bind(row.received_at)
            .bind(row.digest)
            .bind(row.state)
            .bind(row.body)
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_seen(
        &mut self,
        under: Under<'_>,
        rows: &[SeenRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            let values = some.iter().map(|row| {
                serde_json::Value::from_iter([
                    serde_json::Value::from(row.machine),
                    row.last_seen.into(),
                    row.received_at.into(),
                    under.tenant.into(),
                ])
            });
            sqlx::query(
                "UPDATE machines SET last_seen = seen.value ->> 1, received_at = seen.value ->> 2, sequence = $1
                 FROM json_each($2) AS seen
                 WHERE tenant = seen.value ->> 3 AND machine = seen.value ->> 0",
            )
            .bind(under.sequence)
            .bind(values.collect::<serde_json::Value>().to_string())
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_states(
        &mut self,
        under: Under<'_>,
        rows: &[StateRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for row in rows {
            sqlx::query(concat!(
                insert_states!(),
                "VALUES ($1, $2, $3, $4, $5)",
                replace_states!()
            ))
            .bind(under.tenant)
            .bind(row.machine)
            .bind(row.received_at)
            .bind(row.since)
            .bind(row.state)
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_labels(
        &mut self,
        under: Under<'_>,
        rows: &[LabelRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            let values = some.iter().map(|row| {
                serde_json::Value::from_iter([
                    serde_json::Value::from(row.machine),
                    row.group.into(),
                    row.tags.as_str().into(),
                    under.tenant.into(),
                    row.value.into(),
                    row.exclusion.into(),
                ])
            });
            sqlx::query(
                "UPDATE machines SET device_group = label.value ->> 1, tags = label.value ->> 2,
                     device_value = label.value ->> 4, exclusion = label.value ->> 5, sequence = $1
                 FROM json_each($2) AS label
                 WHERE tenant = label.value ->> 3 AND machine = label.value ->> 0",
            )
            .bind(under.sequence)
            .bind(values.collect::<serde_json::Value>().to_string())
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_software(
        &mut self,
        tenant: &str,
        rows: &[SoftwareRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            let values = some.iter().map(|row| {
                serde_json::Value::from_iter([
                    serde_json::Value::from(row.id),
                    row.vendor.into(),
                    row.name.into(),
                    row.version.into(),
                ])
            });
            sqlx::query(concat!(
                insert_software!(),
                "SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($2)"
            ))
            .bind(tenant)
            .bind(values.collect::<serde_json::Value>().to_string())
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }
}

/// The values of one column, of all rows.
fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

impl Batch for PgConnection {
    async fn put_whole(
        &mut self,
        under: Under<'_>,
        rows: &[WholeRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            sqlx::query(concat!(
                insert_machines!(),
                "SELECT $1, machine, name, last_seen, last_seen, received_at, $2, digest, state, body, NULL, '[]'
                 FROM UNNEST($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[], $9::bytea[])
                     AS written (machine, name, last_seen, received_at, digest, state, body)",
                replace_machines!()
            ))
            .bind(under.tenant)
            .bind(under.sequence)
            .bind(column(some, |row| row.machine))
            .bind(column(some, |row| row.name))
            .bind(column(some, |row| row.last_seen))
            .bind(column(some, |row| row.received_at))
            .bind(column(some, |row| row.digest))
            .bind(column(some, |row| row.state))
            .bind(column(some, |row| row.body))
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_seen(
        &mut self,
        under: Under<'_>,
        rows: &[SeenRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            sqlx::query(
                "UPDATE machines SET last_seen = seen.last_seen, received_at = seen.received_at, sequence = $2
                 FROM UNNEST($3::text[], $4::bigint[], $5::bigint[]) AS seen (machine, last_seen, received_at)
                 WHERE machines.tenant = $1 AND machines.machine = seen.machine",
            )
            .bind(under.tenant)
            .bind(under.sequence)
            .bind(column(some, |row| row.machine))
            .bind(column(some, |row| row.last_seen))
            .bind(column(some, |row| row.received_at))
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_states(
        &mut self,
        under: Under<'_>,
        rows: &[StateRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            sqlx::query(concat!(
                insert_states!(),
                "SELECT $1, machine, received_at, since, state
                 FROM UNNEST($2::text[], $3::bigint[], $4::bigint[], $5::bytea[])
                     AS entered (machine, received_at, since, state)",
                replace_states!()
            ))
            .bind(under.tenant)
            .bind(column(some, |row| row.machine))
            .bind(column(some, |row| row.received_at))
            .bind(column(some, |row| row.since))
            .bind(column(some, |row| row.state))
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_labels(
        &mut self,
        under: Under<'_>,
        rows: &[LabelRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            sqlx::query(
                "UPDATE machines SET device_group = label.device_group, tags = label.tags,
                     device_value = label.device_value, exclusion = label.exclusion, sequence = $2
                 FROM UNNEST($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
                     AS label (machine, device_group, tags, device_value, exclusion)
                 WHERE machines.tenant = $1 AND machines.machine = label.machine",
            )
            .bind(under.tenant)
            .bind(under.sequence)
            .bind(column(some, |row| row.machine))
            .bind(column(some, |row| row.group))
            .bind(column(some, |row| row.tags.as_str()))
            .bind(column(some, |row| row.value))
            .bind(column(some, |row| row.exclusion))
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }

    async fn put_software(
        &mut self,
        tenant: &str,
        rows: &[SoftwareRow<'_>],
    ) -> Result<(), sqlx::Error> {
        for some in rows.chunks(CHUNK) {
            sqlx::query(concat!(
                insert_software!(),
                "SELECT $1, id, vendor, name, version
                 FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[])
                     AS added (id, vendor, name, version)"
            ))
            .bind(tenant)
            .bind(column(some, |row| row.id))
            .bind(column(some, |row| row.vendor))
            .bind(column(some, |row| row.name))
            .bind(column(some, |row| row.version))
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }
}
