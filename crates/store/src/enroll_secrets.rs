//! The secrets by which osquery's agents enroll.

use jiff::Timestamp;

use crate::applications::exists;
use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// A secret by which agents of a tenant enroll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollSecret {
    /// The tenant.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The hash of the secret.
    pub secret_hash: String,
    /// When it was created.
    pub created_at: Timestamp,
}

type Columns = (String, String, String, String, i64);

const CREATE: &str = "INSERT INTO enroll_secrets (tenant, id, name, secret_hash, created_at)
    VALUES ($1, $2, $3, $4, $5)";

const OF_TENANT: &str = "SELECT tenant, id, name, secret_hash, created_at FROM enroll_secrets
    WHERE tenant = $1 ORDER BY created_at, id";

const BY_ID: &str =
    "SELECT tenant, id, name, secret_hash, created_at FROM enroll_secrets WHERE id = $1";

const REMOVE: &str = "DELETE FROM enroll_secrets WHERE tenant = $1 AND id = $2";

impl Store {
    /// Keeps a secret of a tenant.
    pub async fn create_enroll_secret(&self, secret: &EnrollSecret) -> Result<(), StoreError> {
        text::key("the id of an enrollment secret", &secret.id)?;
        text::plain("the name of an enrollment secret", &secret.name)?;
        writing!(self, |transaction| {
            sqlx::query(CREATE)
                .bind(&secret.tenant)
                .bind(&secret.id)
                .bind(&secret.name)
                .bind(&secret.secret_hash)
                .bind(time::of(secret.created_at))
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "an enrollment secret of this id"))?;
            Ok(transaction.commit().await?)
        })
    }

    /// The secrets of a tenant, the oldest first.
    pub async fn enroll_secrets(&self, tenant: &str) -> Result<Vec<EnrollSecret>, StoreError> {
        let rows: Vec<Columns> = reading!(self, |pool| sqlx::query_as(OF_TENANT)
            .bind(tenant)
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(secret).collect()
    }

    /// A secret by its id, of whichever tenant: an agent says a secret, and not whose it is.
    pub async fn enroll_secret(&self, id: &str) -> Result<Option<EnrollSecret>, StoreError> {
        let row: Option<Columns> = reading!(self, |pool| sqlx::query_as(BY_ID)
            .bind(id)
            .fetch_optional(pool)
            .await?);
        row.map(secret).transpose()
    }

    /// Removes a secret; whether there was one.
    pub async fn remove_enroll_secret(&self, tenant: &str, id: &str) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(REMOVE)
                .bind(tenant)
                .bind(id)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(removed > 0)
        })
    }
}

fn secret(
    (tenant, id, name, secret_hash, created_at): Columns,
) -> Result<EnrollSecret, StoreError> {
    Ok(EnrollSecret {
        tenant,
        id,
        name,
        secret_hash,
        created_at: time::to(created_at)?,
    })
}
