//! What earlier versions kept of machines on SQLite: each report as it came. It is taken over, and then gone.

use jiff::Timestamp;

use crate::backend::{Backend, Dialect, Listed, SqliteDialect, listed};
use crate::{Store, StoreError, time};

/// A report that an earlier version stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerReport {
    /// The machine's id.
    pub machine: String,
    /// When the machine was looked at.
    pub reported_at: Timestamp,
    /// The report, as JSON.
    pub body: Vec<u8>,
}

/// How many are held at once.
const PAGE: i64 = 500;

const AFTER: &str = "SELECT machine, reported_at, body FROM reports
    WHERE tenant = $1 AND machine > $2 ORDER BY machine LIMIT $3";

const REMOVE: Listed = listed!("DELETE FROM reports WHERE tenant = $1 AND machine" texts "$2" "");

impl Store {
    /// Some reports of earlier versions, in order of machine id, beginning after one; empty at the end. PostgreSQL never
    /// had any.
    pub async fn former_reports(
        &self,
        tenant: &str,
        after: &str,
    ) -> Result<Vec<FormerReport>, StoreError> {
        let Backend::Sqlite(own) = &self.backend else {
            return Ok(Vec::new());
        };
        let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(AFTER)
            .bind(tenant)
            .bind(after)
            .bind(PAGE)
            .fetch_all(own.readers())
            .await?;
        let reports = rows.into_iter().map(|(machine, reported_at, body)| {
            Ok(FormerReport {
                machine,
                reported_at: time::to(reported_at)?,
                body,
            })
        });
        reports.collect()
    }

    /// Removes reports of earlier versions, once they are taken over.
    pub async fn remove_former_reports(
        &self,
        tenant: &str,
        machines: &[&str],
    ) -> Result<(), StoreError> {
        let Backend::Sqlite(own) = &self.backend else {
            return Ok(());
        };
        let mut transaction = own.begin().await?;
        sqlx::query(SqliteDialect.sql(REMOVE))
            .bind(tenant)
            .bind(SqliteDialect.texts(machines))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}
