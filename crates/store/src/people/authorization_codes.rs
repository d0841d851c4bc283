//! Codes that a browser brings to an application, which redeems them for tokens (RFC 6749, section 4.1).

use jiff::Timestamp;

use super::{HandleDigest, PersonGrant, scope};
use crate::backend::writing;
use crate::{Store, StoreError, text, time};

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// What was allowed to whom.
    pub grant: PersonGrant,
    /// Where the browser was sent with it.
    pub redirect_uri: String,
    /// The hash of the secret that must be shown with it.
    pub challenge: Option<String>,
    /// What the ID token must repeat.
    pub nonce: Option<String>,
    /// Until when it can be redeemed.
    pub expires_at: Timestamp,
}

/// What came of redeeming a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// It was redeemed; whether it is still valid, and whose, is to be looked at.
    Code(Box<AuthorizationCode>),
    /// It had been redeemed before: somebody else has it too. The refresh tokens it was redeemed for are revoked.
    Again,
    /// There is no such code.
    Unknown,
}

const PUT: &str = "INSERT INTO authorization_codes
    (hash, tenant, client, user_id, scope, signed_in_at, redirect_uri, challenge, nonce, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const REDEEM: &str = "UPDATE authorization_codes SET family = $2 WHERE hash = $1 AND family IS NULL
    RETURNING tenant, client, user_id, scope, signed_in_at, redirect_uri, challenge, nonce, expires_at";

const FAMILY: &str = "SELECT family FROM authorization_codes WHERE hash = $1";

/// Takes away what one sign-in led to.
pub(super) const REVOKE: &str = "DELETE FROM refresh_tokens WHERE family = $1";

type Columns = (
    String,
    String,
    String,
    String,
    i64,
    String,
    Option<String>,
    Option<String>,
    i64,
);

impl Store {
    /// Keeps a code.
    pub async fn put_authorization_code(
        &self,
        hash: HandleDigest,
        code: &AuthorizationCode,
    ) -> Result<(), StoreError> {
        scope(&code.grant.scope)?;
        if let Some(nonce) = &code.nonce {
            let why = "it is longer than 1,000 bytes";
            text::bounded("the nonce of a request", nonce, 1000, why)?;
        }
        writing!(self, |transaction| {
            sqlx::query(PUT)
                .bind(&hash[..])
                .bind(&code.grant.tenant)
                .bind(&code.grant.client)
                .bind(&code.grant.user)
                .bind(&code.grant.scope)
                .bind(time::of(code.grant.signed_in_at))
                .bind(&code.redirect_uri)
                .bind(code.challenge.as_deref())
                .bind(code.nonce.as_deref())
                .bind(time::of(code.expires_at))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Redeems a code, once, for refresh tokens of a family.
    pub async fn redeem_authorization_code(
        &self,
        hash: HandleDigest,
        family: &str,
    ) -> Result<Redeemed, StoreError> {
        text::key("the family of refresh tokens", family)?;
        let row: Option<Columns> = writing!(self, |transaction| {
            let row: Option<Columns> = sqlx::query_as(REDEEM)
                .bind(&hash[..])
                .bind(family)
                .fetch_optional(&mut *transaction)
                .await?;
            if row.is_none() {
                let family: Option<Option<String>> = sqlx::query_scalar(FAMILY)
                    .bind(&hash[..])
                    .fetch_optional(&mut *transaction)
                    .await?;
                let Some(family) = family.flatten() else {
                    return Ok(Redeemed::Unknown);
                };
                let revoke = sqlx::query(REVOKE).bind(family);
                revoke.execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            row
        });
        row.map_or(Ok(Redeemed::Again), |row| {
            let (tenant, client, user, scope, signed_in, redirect_uri, challenge, nonce, end) = row;
            Ok(Redeemed::Code(Box::new(AuthorizationCode {
                grant: PersonGrant::of_row((tenant, client, user, scope, signed_in))?,
                redirect_uri,
                challenge,
                nonce,
                expires_at: time::to(end)?,
            })))
        })
    }
}
