//! The last report of each machine, and the number its changes raise: on SQLite alone, until machines take their place.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::backend::{Backend, SqliteBackend};
use crate::{Put, Store, StoreError, time};

/// A report as stored: its body is the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// The machine's id.
    pub machine: String,
    /// Its DNS name.
    pub name: Option<String>,
    /// When the machine was looked at.
    pub reported_at: Timestamp,
    /// When the report came.
    pub received_at: Timestamp,
    /// A digest of the body, by which change is told.
    pub digest: String,
    /// The report.
    pub body: Vec<u8>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportPut {
    /// It was stored.
    Stored(Put),
    /// A newer one of the machine is known, and stays.
    Older,
}

/// How many reports are held at once while all are read.
const PAGE: i64 = 500;

impl Store {
    /// Stores reports of a tenant, all in one transaction; what became of each, in their order.
    pub async fn put_reports(
        &self,
        tenant: &str,
        reports: &[StoredReport],
    ) -> Result<Vec<ReportPut>, StoreError> {
        let mut transaction = self.sqlite()?.begin().await?;
        let mut puts = Vec::with_capacity(reports.len());
        for report in reports {
            puts.push(put(&mut transaction, tenant, report).await?);
        }
        if puts.iter().any(|put| matches!(put, ReportPut::Stored(_))) {
            sqlx::query("UPDATE change_sequence SET value = value + 1")
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(puts)
    }

    /// The last report of a machine.
    pub async fn report(
        &self,
        tenant: &str,
        machine: &str,
    ) -> Result<Option<StoredReport>, StoreError> {
        let row = sqlx::query(
            "SELECT machine, name, reported_at, received_at, digest, body
             FROM reports WHERE tenant = $1 AND machine = $2",
        )
        .bind(tenant)
        .bind(machine)
        .fetch_optional(self.sqlite()?.readers())
        .await?;
        row.as_ref().map(report).transpose()
    }

    /// Some reports of a tenant in order of machine id, beginning after `after`; empty at the end.
    /// A page at a time, so that a large fleet is never in memory twice.
    pub async fn reports_after(
        &self,
        tenant: &str,
        after: Option<&str>,
    ) -> Result<Vec<StoredReport>, StoreError> {
        let rows = sqlx::query(
            "SELECT machine, name, reported_at, received_at, digest, body
             FROM reports WHERE tenant = $1 AND machine > $2 ORDER BY machine LIMIT $3",
        )
        .bind(tenant)
        .bind(after.unwrap_or_default())
        .bind(PAGE)
        .fetch_all(self.sqlite()?.readers())
        .await?;
        rows.iter().map(report).collect()
    }

    /// How many machines of a tenant have reported.
    pub async fn report_count(&self, tenant: &str) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM reports WHERE tenant = $1")
            .bind(tenant)
            .fetch_one(self.sqlite()?.readers())
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The number that every change to reports raises.
    pub async fn change_sequence(&self) -> Result<i64, StoreError> {
        let value = sqlx::query_scalar("SELECT value FROM change_sequence")
            .fetch_one(self.sqlite()?.readers())
            .await?;
        Ok(value)
    }

    /// A number that changes when another process writes to the file, and not when this one does.
    pub async fn outside_changes(&self) -> Result<i64, StoreError> {
        // SQLite counts for each connection what other connections commit; all writes of this
        // process go through this one.
        let version = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(self.sqlite()?.writer())
            .await?;
        Ok(version)
    }

    fn sqlite(&self) -> Result<&SqliteBackend, StoreError> {
        match &self.backend {
            Backend::Sqlite(own) => Ok(own),
            Backend::Postgres(_) => Err(StoreError::NotHere {
                what: "a report of its own row",
                engine: "PostgreSQL",
                instead: "write machines",
            }),
        }
    }
}

async fn put(
    transaction: &mut sqlx::SqliteConnection,
    tenant: &str,
    report: &StoredReport,
) -> Result<ReportPut, StoreError> {
    let known: Option<(i64, String)> = sqlx::query_as(
        "SELECT reported_at, digest FROM reports WHERE tenant = $1 AND machine = $2",
    )
    .bind(tenant)
    .bind(&report.machine)
    .fetch_optional(&mut *transaction)
    .await?;
    let put = match known {
        Some((reported_at, _)) if reported_at > time::of(report.reported_at) => {
            return Ok(ReportPut::Older);
        }
        Some((_, digest)) if digest == report.digest => Put::Unchanged,
        Some(_) => Put::Changed,
        None => Put::New,
    };
    sqlx::query(
        "INSERT INTO reports (tenant, machine, name, reported_at, received_at, digest, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant, machine) DO UPDATE SET
             name = excluded.name, reported_at = excluded.reported_at,
             received_at = excluded.received_at, digest = excluded.digest, body = excluded.body",
    )
    .bind(tenant)
    .bind(&report.machine)
    .bind(&report.name)
    .bind(time::of(report.reported_at))
    .bind(time::of(report.received_at))
    .bind(&report.digest)
    .bind(&report.body)
    .execute(transaction)
    .await?;
    Ok(ReportPut::Stored(put))
}

fn report(row: &SqliteRow) -> Result<StoredReport, StoreError> {
    Ok(StoredReport {
        machine: row.try_get("machine")?,
        name: row.try_get("name")?,
        reported_at: time::to(row.try_get("reported_at")?)?,
        received_at: time::to(row.try_get("received_at")?)?,
        digest: row.try_get("digest")?,
        body: row.try_get("body")?,
    })
}
