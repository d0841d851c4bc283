//! People who sign in with a password.

use jiff::Timestamp;
use kbgap_identity::{UserName, locked_for};

use crate::applications::exists;
use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// A person of a tenant. Its `Debug` does not print the hash of the password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The tenant.
    pub tenant: String,
    /// The person's id, a GUID.
    pub id: String,
    /// The name to sign in with.
    pub name: UserName,
    /// The name to call the person by.
    pub display_name: String,
    /// The hash of the password.
    pub password_hash: String,
    /// The password must be changed before it counts.
    pub must_change: bool,
    /// The person may not sign in.
    pub disabled: bool,
    /// When the person was created.
    pub created_at: Timestamp,
    /// When the person last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// Until when no password is tried, after too many wrong ones.
    pub locked_until: Option<Timestamp>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("tenant", &self.tenant)
            .field("id", &self.id)
            .field("name", &self.name)
            .field("display_name", &self.display_name)
            .field("must_change", &self.must_change)
            .field("disabled", &self.disabled)
            .field("created_at", &self.created_at)
            .field("last_sign_in", &self.last_sign_in)
            .field("locked_until", &self.locked_until)
            .finish_non_exhaustive()
    }
}

/// What is to be changed of a person; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The name to call the person by.
    pub display_name: Option<String>,
    /// Whether the person may not sign in. Who is disabled is signed out everywhere.
    pub disabled: Option<bool>,
}

type Columns = (
    String,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    Option<i64>,
    i64,
);

/// The columns that [`user`] reads.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, display_name, password_hash, must_change, disabled, created_at, last_sign_in, locked_until
            FROM users WHERE tenant = $1 ",
            $rest
        )
    };
}

const CREATE: &str = "INSERT INTO users (tenant, id, name, name_key, display_name, password_hash, must_change, disabled,
        created_at, failed, locked_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)";

const OF_TENANT: &str = select!("ORDER BY name_key");
const BY_ID: &str = select!("AND id = $2");
const BY_NAME: &str = select!("AND name_key = $2");

const CHANGE: &str = "UPDATE users
    SET display_name = COALESCE($3, display_name), disabled = COALESCE($4, disabled)
    WHERE tenant = $1 AND id = $2";

const SET_PASSWORD: &str = "UPDATE users
    SET password_hash = $3, must_change = $4, failed = 0, locked_until = 0 WHERE tenant = $1 AND id = $2";

const REMOVE: &str = "DELETE FROM users WHERE tenant = $1 AND id = $2";

/// Where a person is signed in, and what would sign the person in again.
const SIGN_OUT: [&str; 4] = [
    "DELETE FROM browser_sessions WHERE tenant = $1 AND user_id = $2",
    "DELETE FROM authorization_codes WHERE tenant = $1 AND user_id = $2",
    "DELETE FROM refresh_tokens WHERE tenant = $1 AND user_id = $2",
    "DELETE FROM device_codes WHERE tenant = $1 AND user_id = $2",
];

/// The wrong password is counted before it is looked at: many at once are not tried for one.
const BEGIN_SIGN_IN: &str = "UPDATE users SET failed = failed + 1
    WHERE tenant = $1 AND id = $2 AND locked_until <= $3 RETURNING failed";

const LOCK: &str = "UPDATE users SET locked_until = $3 WHERE tenant = $1 AND id = $2";

const SIGNED_IN: &str = "UPDATE users SET failed = 0, locked_until = 0, last_sign_in = $3
    WHERE tenant = $1 AND id = $2";

impl Store {
    /// Creates a person. Name and id are unique in the tenant, the name whatever its case.
    pub async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        text::key("the id of a user", &user.id)?;
        text::plain("the name of a user", &user.display_name)?;
        writing!(self, |transaction| {
            sqlx::query(CREATE)
                .bind(&user.tenant)
                .bind(&user.id)
                .bind(user.name.as_str())
                .bind(user.name.key())
                .bind(&user.display_name)
                .bind(&user.password_hash)
                .bind(i64::from(user.must_change))
                .bind(i64::from(user.disabled))
                .bind(time::of(user.created_at))
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "a user of this id or name"))?;
            Ok(transaction.commit().await?)
        })
    }

    /// The people of a tenant, in order of their names.
    pub async fn users(&self, tenant: &str) -> Result<Vec<User>, StoreError> {
        let rows: Vec<Columns> = reading!(self, |pool| sqlx::query_as(OF_TENANT)
            .bind(tenant)
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(|row| user(tenant, row)).collect()
    }

    /// A person by the id.
    pub async fn user(&self, tenant: &str, id: &str) -> Result<Option<User>, StoreError> {
        let row: Option<Columns> = reading!(self, |pool| sqlx::query_as(BY_ID)
            .bind(tenant)
            .bind(id)
            .fetch_optional(pool)
            .await?);
        row.map(|row| user(tenant, row)).transpose()
    }

    /// A person by the name to sign in with, whatever its case.
    pub async fn user_by_name(
        &self,
        tenant: &str,
        name: &UserName,
    ) -> Result<Option<User>, StoreError> {
        let row: Option<Columns> = reading!(self, |pool| sqlx::query_as(BY_NAME)
            .bind(tenant)
            .bind(name.key())
            .fetch_optional(pool)
            .await?);
        row.map(|row| user(tenant, row)).transpose()
    }

    /// A person by the id or by the name to sign in with.
    pub async fn find_user(
        &self,
        tenant: &str,
        id_or_name: &str,
    ) -> Result<Option<User>, StoreError> {
        if let Some(user) = self.user(tenant, id_or_name).await? {
            return Ok(Some(user));
        }
        match UserName::new(id_or_name) {
            Ok(name) => self.user_by_name(tenant, &name).await,
            Err(_) => Ok(None),
        }
    }

    /// Changes a person; whether there is one.
    pub async fn change_user(
        &self,
        tenant: &str,
        id: &str,
        change: &UserChange,
    ) -> Result<bool, StoreError> {
        if let Some(name) = &change.display_name {
            text::plain("the name of a user", name)?;
        }
        writing!(self, |transaction| {
            let changed = sqlx::query(CHANGE)
                .bind(tenant)
                .bind(id)
                .bind(change.display_name.as_deref())
                .bind(change.disabled.map(i64::from))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            if change.disabled == Some(true) {
                for statement in SIGN_OUT {
                    let statement = sqlx::query(statement).bind(tenant).bind(id);
                    statement.execute(&mut *transaction).await?;
                }
            }
            transaction.commit().await?;
            Ok(changed > 0)
        })
    }

    /// Gives a person another password, and signs the person out everywhere; whether there is one.
    pub async fn set_password(
        &self,
        tenant: &str,
        id: &str,
        hash: &str,
        must_change: bool,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let changed = sqlx::query(SET_PASSWORD)
                .bind(tenant)
                .bind(id)
                .bind(hash)
                .bind(i64::from(must_change))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            for statement in SIGN_OUT {
                let statement = sqlx::query(statement).bind(tenant).bind(id);
                statement.execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            Ok(changed > 0)
        })
    }

    /// Removes a person, with all that stands for the person; whether there was one.
    pub async fn remove_user(&self, tenant: &str, id: &str) -> Result<bool, StoreError> {
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

    /// Asks whether a password may be tried for a person, and counts it as wrong until [`Store::signed_in`] tells that
    /// it was right. After too many wrong ones none may be tried for a while, which grows.
    pub async fn begin_sign_in(
        &self,
        tenant: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let failed: Option<i64> = sqlx::query_scalar(BEGIN_SIGN_IN)
                .bind(tenant)
                .bind(id)
                .bind(time::of(now))
                .fetch_optional(&mut *transaction)
                .await?;
            let Some(failed) = failed else {
                return Ok(false);
            };
            let lock = locked_for(u32::try_from(failed).unwrap_or(u32::MAX));
            if lock.is_positive() {
                sqlx::query(LOCK)
                    .bind(tenant)
                    .bind(id)
                    .bind(time::of(now + lock))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(true)
        })
    }

    /// Keeps that a person signed in.
    pub async fn signed_in(
        &self,
        tenant: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, |transaction| {
            sqlx::query(SIGNED_IN)
                .bind(tenant)
                .bind(id)
                .bind(time::of(now))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }
}

fn user(tenant: &str, row: Columns) -> Result<User, StoreError> {
    let (id, name, display_name, password_hash, must_change, disabled, created, last, locked) = row;
    let name = UserName::new(&name);
    Ok(User {
        tenant: tenant.to_owned(),
        id,
        name: name.map_err(|_| StoreError::Damaged("the name of a user is none"))?,
        display_name,
        password_hash,
        must_change: must_change != 0,
        disabled: disabled != 0,
        created_at: time::to(created)?,
        last_sign_in: last.map(time::to).transpose()?,
        locked_until: Some(locked)
            .filter(|until| *until > 0)
            .map(time::to)
            .transpose()?,
    })
}
