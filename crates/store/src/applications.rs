//! Tenants, the applications that may ask, and the keys that sign their tokens.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

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

impl Tenant {
    /// Whether it is the one meant by an id or a name.
    pub fn is(&self, id_or_name: &str) -> bool {
        self.id.eq_ignore_ascii_case(id_or_name) || self.name.eq_ignore_ascii_case(id_or_name)
    }
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
    /// The application permissions granted to it, in order.
    pub roles: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is to change of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationChange {
    /// Its name.
    pub name: Option<String>,
    /// All its permissions, in the place of those it has.
    pub roles: Option<Vec<String>>,
    /// Permissions to be added.
    pub grant: Vec<String>,
    /// Permissions to be taken away.
    pub revoke: Vec<String>,
}

/// How many bytes the name of an application may have.
const LONGEST_NAME: usize = 1000;

fn name_fits(name: &str) -> Result<(), StoreError> {
    let why = "it is longer than 1,000 bytes";
    text::bounded("the name of an application", name, LONGEST_NAME, why)
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
    /// From when it signs.
    pub signs_from: Timestamp,
}

impl std::fmt::Debug for SigningKeyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKeyRow")
            .field("kid", &self.kid)
            .field("created_at", &self.created_at)
            .field("signs_from", &self.signs_from)
            .finish_non_exhaustive()
    }
}

const CREATE_TENANT: &str = "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)";

const TENANTS: &str = "SELECT id, name, created_at FROM tenants ORDER BY created_at, id";

const CREATE: &str = "INSERT INTO applications (tenant, client, name, created_at)
    VALUES ($1, $2, $3, $4)";

const GRANT: &str = "INSERT INTO application_roles (tenant, client, role) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING";

const REVOKE: &str =
    "DELETE FROM application_roles WHERE tenant = $1 AND client = $2 AND role = $3";

const REVOKE_ALL: &str = "DELETE FROM application_roles WHERE tenant = $1 AND client = $2";

/// In any case a write: the row is held, so that it is not removed meanwhile.
const RENAME: &str = "UPDATE applications SET name = coalesce(CAST($3 AS TEXT), name)
    WHERE tenant = $1 AND client = $2";

const REMOVE: &str = "DELETE FROM applications WHERE tenant = $1 AND client = $2";

const APPLICATION: &str = "SELECT name, created_at FROM applications
    WHERE tenant = $1 AND client = $2";

const OWN_ROLES: &str = "SELECT role FROM application_roles
    WHERE tenant = $1 AND client = $2 ORDER BY role";

const APPLICATIONS: &str = "SELECT client, name, created_at FROM applications
    WHERE tenant = $1 ORDER BY created_at, client";

const ROLES: &str =
    "SELECT client, role FROM application_roles WHERE tenant = $1 ORDER BY client, role";

const PUT_KEY: &str =
    "INSERT INTO signing_keys (kid, pkcs8, created_at, signs_from) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

const KEYS: &str = "SELECT kid, pkcs8, created_at, signs_from FROM signing_keys ORDER BY signs_from DESC, kid DESC";

const REMOVE_KEY: &str = "DELETE FROM signing_keys WHERE kid = $1";

impl Store {
    /// Creates a tenant.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        text::key("the id of a tenant", &tenant.id)?;
        text::key("the name of a tenant", &tenant.name)?;
        writing!(self, |transaction| {
            sqlx::query(CREATE_TENANT)
                .bind(&tenant.id)
                .bind(&tenant.name)
                .bind(time::of(tenant.created_at))
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "a tenant of this id or name"))?;
            Ok(transaction.commit().await?)
        })
    }

    /// The tenants, the oldest first.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows: Vec<(String, String, i64)> =
            reading!(self, |pool| sqlx::query_as(TENANTS).fetch_all(pool).await?);
        rows.into_iter()
            .map(|(id, name, created_at)| {
                Ok(Tenant {
                    id,
                    name,
                    created_at: time::to(created_at)?,
                })
            })
            .collect()
    }

    /// Creates an application with its permissions. What it proves itself by is added after.
    pub async fn create_application(&self, application: &Application) -> Result<(), StoreError> {
        text::key("the id of an application", &application.client)?;
        name_fits(&application.name)?;
        writing!(self, |transaction| {
            sqlx::query(CREATE)
                .bind(&application.tenant)
                .bind(&application.client)
                .bind(&application.name)
                .bind(time::of(application.created_at))
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "an application of this id"))?;
            for role in &application.roles {
                sqlx::query(GRANT)
                    .bind(&application.tenant)
                    .bind(&application.client)
                    .bind(role)
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    /// Changes an application: what is not stated stays. Whether there is one.
    pub async fn change_application(
        &self,
        tenant: &str,
        client: &str,
        change: &ApplicationChange,
    ) -> Result<bool, StoreError> {
        if let Some(name) = &change.name {
            name_fits(name)?;
        }
        writing!(self, |transaction| {
            let there = sqlx::query(RENAME)
                .bind(tenant)
                .bind(client)
                .bind(&change.name)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if there == 0 {
                return Ok(false);
            }
            if let Some(roles) = &change.roles {
                sqlx::query(REVOKE_ALL)
                    .bind(tenant)
                    .bind(client)
                    .execute(&mut *transaction)
                    .await?;
                for role in roles {
                    sqlx::query(GRANT)
                        .bind(tenant)
                        .bind(client)
                        .bind(role)
                        .execute(&mut *transaction)
                        .await?;
                }
            }
            for (sql, roles) in [(GRANT, &change.grant), (REVOKE, &change.revoke)] {
                for role in roles {
                    sqlx::query(sql)
                        .bind(tenant)
                        .bind(client)
                        .bind(role)
                        .execute(&mut *transaction)
                        .await?;
                }
            }
            transaction.commit().await?;
            Ok(true)
        })
    }

    /// Removes an application with all that it proves itself by; whether there was one.
    pub async fn remove_application(&self, tenant: &str, client: &str) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(REMOVE)
                .bind(tenant)
                .bind(client)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(removed > 0)
        })
    }

    /// An application of a tenant.
    pub async fn application(
        &self,
        tenant: &str,
        client: &str,
    ) -> Result<Option<Application>, StoreError> {
        let row: Option<(String, i64)> = reading!(self, |pool| sqlx::query_as(APPLICATION)
            .bind(tenant)
            .bind(client)
            .fetch_optional(pool)
            .await?);
        let Some((name, created_at)) = row else {
            return Ok(None);
        };
        let roles = reading!(self, |pool| sqlx::query_scalar(OWN_ROLES)
            .bind(tenant)
            .bind(client)
            .fetch_all(pool)
            .await?);
        Ok(Some(Application {
            tenant: tenant.to_owned(),
            client: client.to_owned(),
            name,
            roles,
            created_at: time::to(created_at)?,
        }))
    }

    /// The applications of a tenant, the oldest first.
    pub async fn applications(&self, tenant: &str) -> Result<Vec<Application>, StoreError> {
        let rows: Vec<(String, String, i64)> = reading!(self, |pool| sqlx::query_as(APPLICATIONS)
            .bind(tenant)
            .fetch_all(pool)
            .await?);
        let roles: Vec<(String, String)> = reading!(self, |pool| sqlx::query_as(ROLES)
            .bind(tenant)
            .fetch_all(pool)
            .await?);
        let mut by_client: HashMap<String, Vec<String>> = HashMap::new();
        for (client, role) in roles {
            by_client.entry(client).or_default().push(role);
        }
        rows.into_iter()
            .map(|(client, name, created_at)| {
                Ok(Application {
                    tenant: tenant.to_owned(),
                    name,
                    roles: by_client.remove(&client).unwrap_or_default(),
                    created_at: time::to(created_at)?,
                    client,
                })
            })
            .collect()
    }

    /// Keeps a signing key.
    pub async fn put_signing_key(&self, key: &SigningKeyRow) -> Result<(), StoreError> {
        text::key("the id of a signing key", &key.kid)?;
        writing!(self, |transaction| {
            sqlx::query(PUT_KEY)
                .bind(&key.kid)
                .bind(&key.pkcs8)
                .bind(time::of(key.created_at))
                .bind(time::of(key.signs_from))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Removes a signing key; `false` where there is none of this id.
    pub async fn remove_signing_key(&self, kid: &str) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(REMOVE_KEY)
                .bind(kid)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(removed.rows_affected() > 0)
        })
    }

    /// The signing keys, the one that begins to sign last first; of those that begin at once, the last by its id.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, StoreError> {
        let rows: Vec<(String, Vec<u8>, i64, i64)> =
            reading!(self, |pool| sqlx::query_as(KEYS).fetch_all(pool).await?);
        rows.into_iter()
            .map(|(kid, pkcs8, created_at, signs_from)| {
                Ok(SigningKeyRow {
                    kid,
                    pkcs8,
                    created_at: time::to(created_at)?,
                    signs_from: time::to(signs_from)?,
                })
            })
            .collect()
    }
}

/// What a refused insert means.
pub(crate) fn exists(error: sqlx::Error, what: &'static str) -> StoreError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            StoreError::Exists(what)
        }
        _ => StoreError::from(error),
    }
}
