//! What machines of a state were missing, since when.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::backend::{CHUNK, Dialect, Listed, listed, reading, writing};
use crate::{Store, StoreError, time};

/// The findings of a state from a moment on. States are shared by all tenants, and so are these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFindings {
    /// The state.
    pub state: Vec<u8>,
    /// Since when they hold.
    pub since: Timestamp,
    /// The findings, packed by the caller.
    pub body: Vec<u8>,
}

const PUT: &str =
    "INSERT INTO findings (state, since, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const HISTORY: Listed = listed!(
    "SELECT state, since, body FROM findings WHERE state" bytes "$1" "ORDER BY since, state"
);

const RENEWED: &str = "SELECT EXISTS (
    SELECT 1 FROM findings AS renewed WHERE renewed.since >= $1 AND EXISTS (
        SELECT 1 FROM findings AS before WHERE before.state = renewed.state AND before.since < renewed.since))";

impl Store {
    /// Keeps findings, all in one transaction. What is known of a state since the same moment stays.
    pub async fn put_findings(&self, findings: &[StateFindings]) -> Result<(), StoreError> {
        if findings.is_empty() {
            return Ok(());
        }
        // In order of the key: two servers that put the same findings never wait for each other in a circle.
        let mut ordered: Vec<&StateFindings> = findings.iter().collect();
        ordered.sort_by(|a, b| (&a.state, a.since).cmp(&(&b.state, b.since)));
        writing!(self, |transaction| {
            for entry in ordered {
                sqlx::query(PUT)
                    .bind(&entry.state)
                    .bind(time::of(entry.since))
                    .bind(&entry.body)
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    /// Whether other findings than before hold for any state since a moment or later.
    pub async fn findings_were_renewed(&self, since: Timestamp) -> Result<bool, StoreError> {
        Ok(reading!(self, |pool| sqlx::query_scalar(RENEWED)
            .bind(time::of(since))
            .fetch_one(pool)
            .await?))
    }

    /// All findings known of some states, in order of since when.
    pub async fn findings_history(
        &self,
        states: &[Vec<u8>],
    ) -> Result<Vec<StateFindings>, StoreError> {
        let states: BTreeSet<&[u8]> = states.iter().map(Vec::as_slice).collect();
        let states: Vec<&[u8]> = states.into_iter().collect();
        let mut found = Vec::new();
        for some in states.chunks(CHUNK) {
            let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = reading!(self, |pool, dialect| {
                sqlx::query_as(dialect.sql(HISTORY))
                    .bind(dialect.bytes(some))
                    .fetch_all(pool)
                    .await?
            });
            for (state, since, body) in rows {
                let since = time::to(since)?;
                found.push(StateFindings { state, since, body });
            }
        }
        found.sort_by(|a, b| (a.since, &a.state).cmp(&(b.since, &b.state)));
        Ok(found)
    }
}
