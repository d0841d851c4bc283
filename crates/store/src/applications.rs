//! Tenants, the applications that may ask, and the keys that sign their tokens.

use jiff::Timestamp;
use sqlx::Row;

use crate::{Store, StoreError, time};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id, a GUID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An application of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The tenant.
    pub tenant: String,
    /// Its client id, a GUID.
    pub client: String,
    /// Its name.
    pub name: String,
    /// The hash of its secret.
    pub secret_hash: String,
    /// The application permissions granted to it, in order.
    pub roles: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A key that signs tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// Its id.
    pub kid: String,
    /// The private key as PKCS#8.
    pub pkcs8: Vec<u8>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for SigningKeyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeyRow")
            .field("kid", &self.kid)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Creates a tenant.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)")
            .bind(&tenant.id)
            .bind(&tenant.name)
            .bind(time::of(tenant.created_at))
            .execute(&self.writer)
            .await
            .map_err(|error| exists(error, "a tenant of this id or name"))?;
        Ok(())
    }

    /// The tenants, the oldest first.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows = sqlx::query("SELECT id, name, created_at FROM tenants ORDER BY created_at, id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Tenant {
                    id: row.try_get("id")?,
                    name: row.try_get("name")?,
                    created_at: time::to(row.try_get("created_at")?)?,
                })
            })
            .collect()
    }

    /// Creates an application with its permissions.
    pub async fn create_application(&self, application: &Application) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query(
            "INSERT INTO applications (tenant, client, name, secret_hash, created_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&application.tenant)
        .bind(&application.client)
        .bind(&application.name)
        .bind(&application.secret_hash)
        .bind(time::of(application.created_at))
        .execute(&mut *transaction)
        .await
        .map_err(|error| exists(error, "an application of this id"))?;
        for role in &application.roles {
            sqlx::query(
                "INSERT INTO application_roles (tenant, client, role) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(&application.tenant)
            .bind(&application.client)
            .bind(role)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// An application of a tenant.
    pub async fn application(
        &self,
        tenant: &str,
        client: &str,
    ) -> Result<Option<Application>, StoreError> {
        let applications = self.applications(tenant).await?;
        Ok(applications
            .into_iter()
            .find(|application| application.client == client))
    }

    /// The applications of a tenant, the oldest first.
    pub async fn applications(&self, tenant: &str) -> Result<Vec<Application>, StoreError> {
        let rows = sqlx::query(
            "SELECT client, name, secret_hash, created_at FROM applications
             WHERE tenant = $1 ORDER BY created_at, client",
        )
        .bind(tenant)
        .fetch_all(&self.readers)
        .await?;
        let roles: Vec<(String, String)> = sqlx::query_as(
            "SELECT client, role FROM application_roles WHERE tenant = $1 ORDER BY client, role",
        )
        .bind(tenant)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let client: String = row.try_get("client")?;
                let own = roles.iter().filter(|(of, _)| *of == client);
                Ok(Application {
                    tenant: tenant.to_owned(),
                    name: row.try_get("name")?,
                    secret_hash: row.try_get("secret_hash")?,
                    roles: own.map(|(_, role)| role.clone()).collect(),
                    created_at: time::to(row.try_get("created_at")?)?,
                    client,
                })
            })
            .collect()
    }

    /// Keeps a signing key.
    pub async fn put_signing_key(&self, key: &SigningKeyRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO signing_keys (kid, pkcs8, created_at) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(&key.kid)
        .bind(&key.pkcs8)
        .bind(time::of(key.created_at))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// The signing keys, the newest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, StoreError> {
        let rows =
            sqlx::query("SELECT kid, pkcs8, created_at FROM signing_keys ORDER BY created_at DESC")
                .fetch_all(&self.readers)
                .await?;
        rows.iter()
            .map(|row| {
                Ok(SigningKeyRow {
                    kid: row.try_get("kid")?,
                    pkcs8: row.try_get("pkcs8")?,
                    created_at: time::to(row.try_get("created_at")?)?,
                })
            })
            .collect()
    }
}

fn exists(error: sqlx::Error, what: &'static str) -> StoreError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            StoreError::Exists(what)
        }
        _ => StoreError::Database(error),
    }
}
