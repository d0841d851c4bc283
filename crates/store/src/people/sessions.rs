//! Browsers in which somebody is signed in.

use jiff::Timestamp;

use super::HandleDigest;
use crate::backend::{reading, writing};
use crate::{Store, StoreError, time};

/// Somebody is signed in in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    /// The tenant.
    pub tenant: String,
    /// The person's id.
    pub user: String,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When the person must sign in again.
    pub expires_at: Timestamp,
}

const BEGIN: &str = "INSERT INTO browser_sessions (hash, tenant, user_id, signed_in_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)";

const BY_HASH: &str = "SELECT tenant, user_id, signed_in_at, expires_at FROM browser_sessions
    WHERE hash = $1 AND expires_at > $2";

const END: &str = "DELETE FROM browser_sessions WHERE hash = $1";

impl Store {
    /// Keeps that somebody is signed in.
    pub async fn begin_session(
        &self,
        hash: HandleDigest,
        session: &BrowserSession,
    ) -> Result<(), StoreError> {
        writing!(self, |transaction| {
            sqlx::query(BEGIN)
                .bind(&hash[..])
                .bind(&session.tenant)
                .bind(&session.user)
                .bind(time::of(session.signed_in_at))
                .bind(time::of(session.expires_at))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Who is signed in, where that has not ended.
    pub async fn session(
        &self,
        hash: HandleDigest,
        now: Timestamp,
    ) -> Result<Option<BrowserSession>, StoreError> {
        let row: Option<(String, String, i64, i64)> =
            reading!(self, |pool| sqlx::query_as(BY_HASH)
                .bind(&hash[..])
                .bind(time::of(now))
                .fetch_optional(pool)
                .await?);
        row.map(|(tenant, user, signed_in_at, expires_at)| {
            Ok(BrowserSession {
                tenant,
                user,
                signed_in_at: time::to(signed_in_at)?,
                expires_at: time::to(expires_at)?,
            })
        })
        .transpose()
    }

    /// Signs somebody out; whether the person was signed in.
    pub async fn end_session(&self, hash: HandleDigest) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let ended = sqlx::query(END)
                .bind(&hash[..])
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(ended > 0)
        })
    }
}
