//! Writes of many machines in few statements, as each database takes them best.

use std::future::Future;

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

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
    pub(crate) state: &'a [u8],
}

/// A row of which only the labels change.
pub(crate) struct LabelRow<'a> {
    pub(crate) machine: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) tags: String,
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

macro_rules! insert_states {
    () => {
        "INSERT INTO machine_states (tenant, machine, since, state) "
    };
}

macro_rules! replace_states {
    () => {
        " ON CONFLICT (tenant, machine, since) DO UPDATE SET state = excluded.state"
    };
}

/// How many rows a statement of SQLite has. Few sizes, so that every statement stays prepared.
const SIZES: [usize; 3] = [64, 8, 1];

/// Cuts rows into pieces of [`SIZES`].
fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// A statement with many rows of values. In a row's pattern `#0`, `#1`, … are its own parameters, `width` of them, which
/// come after the first `shared` ones.
fn many_rows(
    head: &str,
    (pattern, width): (&str, usize),
    shared: usize,
    rows: usize,
    tail: &str,
) -> String {
    let mut sql =
        String::with_capacity(head.len() + tail.len() + rows * (pattern.len() + 2 * width + 2));
    sql.push_str(head);
    for row in 0..rows {
        sql.push_str(if row == 0 { "VALUES " } else { ", " });
        let mut parts = pattern.split('#');
        sql.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            let (place, rest) = part.split_at(digits);
            let place = place.parse::<usize>().unwrap_or_default();
            sql.push('?');
            sql.push_str(&(shared + row * width + place + 1).to_string());
            sql.push_str(rest);
        }
    }
    sql.push_str(tail);
    sql
}

/// Times and labels go in as JSON. The tenant is in every value: were it a parameter, SQLite would go through all machines
/// of the tenant and look for each in the list, where it should do it the other way round.
impl Batch for SqliteConnection {
    async fn put_whole(
        &mut self,
        under: Under<'_>,
        rows: &[WholeRow<'_>],
    ) -> Result<(), sqlx::Error> {
        let pattern = ("(?1, #0, #1, #2, #2, #3, ?2, #4, #5, #6, NULL, '[]')", 7);
        for piece in pieces(rows) {
            let sql = many_rows(
                insert_machines!(),
                pattern,
                2,
                piece.len(),
                replace_machines!(),
            );
            let mut query = sqlx::query(AssertSqlSafe(sql))
                .bind(under.tenant)
                .bind(under.sequence);
            for row in piece {
                query = query
                    .bind(row.machine)
                    .bind(row.name)
                    .bind(row.last_seen)
                    .bind(row.received_at)
                    .bind(row.digest)
                    .bind(row.state)
                    .bind(row.body);
            }
            query.execute(&mut *self).await?;
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
        for piece in pieces(rows) {
            let sql = many_rows(
                insert_states!(),
                ("(?1, #0, #1, #2)", 3),
                1,
                piece.len(),
                replace_states!(),
            );
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(under.tenant);
            for row in piece {
                query = query.bind(row.machine).bind(row.since).bind(row.state);
            }
            query.execute(&mut *self).await?;
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
                ])
            });
            sqlx::query(
                "UPDATE machines SET device_group = label.value ->> 1, tags = label.value ->> 2, sequence = $1
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
                "SELECT $1, machine, since, state
                 FROM UNNEST($2::text[], $3::bigint[], $4::bytea[]) AS entered (machine, since, state)",
                replace_states!()
            ))
            .bind(under.tenant)
            .bind(column(some, |row| row.machine))
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
                "UPDATE machines SET device_group = label.device_group, tags = label.tags, sequence = $2
                 FROM UNNEST($3::text[], $4::text[], $5::text[]) AS label (machine, device_group, tags)
                 WHERE machines.tenant = $1 AND machines.machine = label.machine",
            )
            .bind(under.tenant)
            .bind(under.sequence)
            .bind(column(some, |row| row.machine))
            .bind(column(some, |row| row.group))
            .bind(column(some, |row| row.tags.as_str()))
            .execute(&mut *self)
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_few_sizes() {
        let rows: Vec<usize> = (0..150).collect();
        let sizes: Vec<usize> = pieces(&rows).map(<[usize]>::len).collect();
        assert_eq!(sizes, [64, 64, 8, 8, 1, 1, 1, 1, 1, 1]);
        assert!(
            pieces(&rows).flatten().eq(&rows),
            "none is lost, and the order stays"
        );
        assert_eq!(pieces::<usize>(&[]).count(), 0);
    }

    #[test]
    fn each_row_has_parameters_of_its_own() {
        let sql = many_rows("INSERT ", ("(?1, #0, #1, #1)", 2), 1, 2, " END");
        assert_eq!(sql, "INSERT VALUES (?1, ?2, ?3, ?3), (?1, ?4, ?5, ?5) END");
    }
}
