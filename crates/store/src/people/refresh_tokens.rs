//! Refresh tokens: each is exchanged for the next one, once.

use jiff::Timestamp;

use super::authorization_codes::REVOKE;
use super::{HandleDigest, PersonGrant, scope};
use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// What a refresh token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// What was allowed to whom.
    pub grant: PersonGrant,
    /// All that came of one sign-in.
    pub family: String,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// Until when any of its family can be used.
    pub family_until: Timestamp,
}

/// One token to be exchanged for another.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// The one.
    pub old: HandleDigest,
    /// The other.
    pub new: HandleDigest,
    /// Until when the other can be used, where its family can be for as long.
    pub expires_at: Timestamp,
}

/// What came of exchanging a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The other one is kept.
    Done,
    /// It had been exchanged before: somebody else has it too. All of its family are revoked.
    Again,
    /// There is no such token.
    Unknown,
}

const PUT: &str = "INSERT INTO refresh_tokens
    (hash, tenant, client, user_id, scope, signed_in_at, family, expires_at, family_until, used)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)";

const BY_HASH: &str =
    "SELECT tenant, client, user_id, scope, signed_in_at, family, expires_at, family_until
    FROM refresh_tokens WHERE hash = $1 AND tenant = $2 AND client = $3";

const USE: &str = "UPDATE refresh_tokens SET used = 1 WHERE hash = $1 AND used = 0";

const NEXT: &str = "INSERT INTO refresh_tokens
    (hash, tenant, client, user_id, scope, signed_in_at, family, expires_at, family_until, used)
    SELECT $2, tenant, client, user_id, scope, signed_in_at, family,
        CASE WHEN family_until < $3 THEN family_until ELSE $3 END, family_until, 0
    FROM refresh_tokens WHERE hash = $1";

const FAMILY: &str = "SELECT family FROM refresh_tokens WHERE hash = $1";

type Columns = (String, String, String, String, i64, String, i64, i64);

impl Store {
    /// Keeps the first token of a family.
    pub async fn put_refresh_token(
        &self,
        hash: HandleDigest,
        token: &RefreshToken,
    ) -> Result<(), StoreError> {
        scope(&token.grant.scope)?;
        text::key("the family of refresh tokens", &token.family)?;
        writing!(self, |transaction| {
            sqlx::query(PUT)
                .bind(&hash[..])
                .bind(&token.grant.tenant)
                .bind(&token.grant.client)
                .bind(&token.grant.user)
                .bind(&token.grant.scope)
                .bind(time::of(token.grant.signed_in_at))
                .bind(&token.family)
                .bind(time::of(token.expires_at))
                .bind(time::of(token.family_until))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// A token of an application, be it used or not, expired or not.
    pub async fn refresh_token(
        &self,
        hash: HandleDigest,
        tenant: &str,
        client: &str,
    ) -> Result<Option<RefreshToken>, StoreError> {
        let row: Option<Columns> = reading!(self, |pool| sqlx::query_as(BY_HASH)
            .bind(&hash[..])
            .bind(tenant)
            .bind(client)
            .fetch_optional(pool)
            .await?);
        row.map(|row| {
            let (tenant, client, user, scope, signed_in_at, family, expires_at, family_until) = row;
            Ok(RefreshToken {
                grant: PersonGrant::of_row((tenant, client, user, scope, signed_in_at))?,
                family,
                expires_at: time::to(expires_at)?,
                family_until: time::to(family_until)?,
            })
        })
        .transpose()
    }

    /// Exchanges a token for the next one of its family.
    pub async fn rotate_refresh_token(&self, rotation: Rotation) -> Result<Rotated, StoreError> {
        writing!(self, |transaction| {
            let used = sqlx::query(USE).bind(&rotation.old[..]);
            let rotated = if used.execute(&mut *transaction).await?.rows_affected() > 0 {
                sqlx::query(NEXT)
                    .bind(&rotation.old[..])
                    .bind(&rotation.new[..])
                    .bind(time::of(rotation.expires_at))
                    .execute(&mut *transaction)
                    .await?;
                Rotated::Done
            } else {
                let family: Option<String> = sqlx::query_scalar(FAMILY)
                    .bind(&rotation.old[..])
                    .fetch_optional(&mut *transaction)
                    .await?;
                let Some(family) = family else {
                    return Ok(Rotated::Unknown);
                };
                let revoke = sqlx::query(REVOKE).bind(family);
                revoke.execute(&mut *transaction).await?;
                Rotated::Again
            };
            transaction.commit().await?;
            Ok(rotated)
        })
    }
}
