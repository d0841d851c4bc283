//! Devices that wait until a person lets them in (RFC 8628).

use jiff::{SignedDuration, Timestamp};

use super::{GrantColumns, HandleDigest, PersonGrant, scope};
use crate::backend::{reading, writing};
use crate::{Store, StoreError, time};

/// A device that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The tenant.
    pub tenant: String,
    /// The client id of the application on it.
    pub client: String,
    /// The scopes asked for.
    pub scope: String,
    /// How often it may ask.
    pub poll_every: SignedDuration,
    /// Until when it waits.
    pub expires_at: Timestamp,
}

/// What a device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll {
    /// The person let it in. It is told so once.
    Granted(PersonGrant),
    /// The person has not decided yet.
    Pending,
    /// The same, and it asks too often; it must wait five seconds longer from now on (RFC 8628, section 3.5).
    SlowDown,
    /// The person refused.
    Refused,
    /// It waited too long.
    Expired,
    /// There is no such code, or it was told already.
    Unknown,
}

const LET_IN: i64 = 1;
const REFUSED: i64 = 2;

/// What a device that is too fast must wait longer, in microseconds.
const SLOWER: i64 = 5_000_000;
/// How much earlier it may ask: requests take unequal times on their way.
const EARLY: i64 = 1_000_000;

const PUT: &str = "INSERT INTO device_codes
    (hash, user_code_hash, tenant, client, scope, poll_every, polled_at, expires_at, state)
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0)
    ON CONFLICT DO NOTHING";

const TAKE: &str = "DELETE FROM device_codes
    WHERE hash = $1 AND tenant = $2 AND client = $3 AND state = $4 AND expires_at > $5
    RETURNING tenant, client, user_id, scope, signed_in_at";

const IN_TIME: &str = "UPDATE device_codes SET polled_at = $4
    WHERE hash = $1 AND tenant = $2 AND client = $3 AND state = 0 AND expires_at > $4
        AND polled_at + poll_every - $5 <= $4";

const TOO_FAST: &str = "UPDATE device_codes SET polled_at = $4, poll_every = poll_every + $5
    WHERE hash = $1 AND tenant = $2 AND client = $3 AND state = 0 AND expires_at > $4";

const STATE: &str =
    "SELECT state FROM device_codes WHERE hash = $1 AND tenant = $2 AND client = $3";

const BY_USER_CODE: &str = "SELECT tenant, client, scope, poll_every, expires_at FROM device_codes
    WHERE user_code_hash = $1 AND state = 0 AND expires_at > $2";

const DECIDE: &str = "UPDATE device_codes SET state = $3, user_id = $4, signed_in_at = $5
    WHERE user_code_hash = $1 AND state = 0 AND expires_at > $2 AND tenant = $6";

impl Store {
    /// Keeps that a device waits; `false` where another one waits with such a code.
    pub async fn put_device_code(
        &self,
        hash: HandleDigest,
        user_code: HandleDigest,
        code: &DeviceCode,
    ) -> Result<bool, StoreError> {
        scope(&code.scope)?;
        writing!(self, |transaction| {
            let put = sqlx::query(PUT)
                .bind(&hash[..])
                .bind(&user_code[..])
                .bind(&code.tenant)
                .bind(&code.client)
                .bind(&code.scope)
                .bind(i64::try_from(code.poll_every.as_micros()).unwrap_or(i64::MAX))
                .bind(time::of(code.expires_at))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(put > 0)
        })
    }

    /// What a device of an application is told.
    pub async fn poll_device_code(
        &self,
        hash: HandleDigest,
        tenant: &str,
        client: &str,
        now: Timestamp,
    ) -> Result<Poll, StoreError> {
        let now = time::of(now);
        let granted: Option<GrantColumns> = writing!(self, |transaction| {
            let granted: Option<GrantColumns> = sqlx::query_as(TAKE)
                .bind(&hash[..])
                .bind(tenant)
                .bind(client)
                .bind(LET_IN)
                .bind(now)
                .fetch_optional(&mut *transaction)
                .await?;
            if granted.is_none() {
                for (statement, by, poll) in [
                    (IN_TIME, EARLY, Poll::Pending),
                    (TOO_FAST, SLOWER, Poll::SlowDown),
                ] {
                    let waits = sqlx::query(statement)
                        .bind(&hash[..])
                        .bind(tenant)
                        .bind(client)
                        .bind(now)
                        .bind(by)
                        .execute(&mut *transaction)
                        .await?
                        .rows_affected();
                    if waits > 0 {
                        transaction.commit().await?;
                        return Ok(poll);
                    }
                }
                let state: Option<i64> = sqlx::query_scalar(STATE)
                    .bind(&hash[..])
                    .bind(tenant)
                    .bind(client)
                    .fetch_optional(&mut *transaction)
                    .await?;
                return Ok(match state {
                    None => Poll::Unknown,
                    Some(REFUSED) => Poll::Refused,
                    Some(_) => Poll::Expired,
                });
            }
            transaction.commit().await?;
            granted
        });
        let granted = granted.map(PersonGrant::of_row).transpose()?;
        Ok(granted.map_or(Poll::Unknown, Poll::Granted))
    }

    /// The device that waits with a code a person typed, of whichever tenant.
    pub async fn waiting_device(
        &self,
        user_code: HandleDigest,
        now: Timestamp,
    ) -> Result<Option<DeviceCode>, StoreError> {
        let row: Option<(String, String, String, i64, i64)> =
            reading!(self, |pool| sqlx::query_as(BY_USER_CODE)
                .bind(&user_code[..])
                .bind(time::of(now))
                .fetch_optional(pool)
                .await?);
        row.map(|(tenant, client, scope, poll_every, expires_at)| {
            Ok(DeviceCode {
                tenant,
                client,
                scope,
                poll_every: SignedDuration::from_micros(poll_every),
                expires_at: time::to(expires_at)?,
            })
        })
        .transpose()
    }

    /// Lets a device in in the name of a person who signed in at a moment; whether it still waited.
    pub async fn let_device_in(
        &self,
        user_code: HandleDigest,
        tenant: &str,
        (user, signed_in_at): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by = (Some(user), Some(time::of(signed_in_at)));
        self.decide(user_code, tenant, LET_IN, by, now).await
    }

    /// Refuses a device; whether it still waited.
    pub async fn refuse_device(
        &self,
        user_code: HandleDigest,
        tenant: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by = (None, None);
        self.decide(user_code, tenant, REFUSED, by, now).await
    }

    async fn decide(
        &self,
        user_code: HandleDigest,
        tenant: &str,
        state: i64,
        (user, signed_in_at): (Option<&str>, Option<i64>),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let decided = sqlx::query(DECIDE)
                .bind(&user_code[..])
                .bind(time::of(now))
                .bind(state)
                .bind(user)
                .bind(signed_in_at)
                .bind(tenant)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(decided > 0)
        })
    }
}
