//! People: who signs in here, what their groups let them do, and what stands for them while they are signed in.
//!
//! Of codes, refresh tokens and sessions only hashes are kept. All of it is here and not in a server's memory: any server
//! of a database takes up what another one began.

mod applications;
mod authorization_codes;
mod device_codes;
mod groups;
mod refresh_tokens;
mod sessions;
mod users;

use jiff::Timestamp;

use crate::backend::writing;
use crate::{Store, StoreError, text, time};

pub use authorization_codes::{AuthorizationCode, Redeemed};
pub use device_codes::{DeviceCode, Poll};
pub use groups::Group;
pub use refresh_tokens::{RefreshToken, Rotated, Rotation};
pub use sessions::BrowserSession;
pub use users::{User, UserChange};

/// The digest of what stands for something kept.
pub type HandleDigest = [u8; 32];

/// How many bytes the scopes of a request may have.
const LONGEST_SCOPE: usize = 4096;

/// What a person allowed an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonGrant {
    /// The tenant of both.
    pub tenant: String,
    /// The application's client id.
    pub client: String,
    /// The person's id.
    pub user: String,
    /// The scopes asked for, as they were written.
    pub scope: String,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
}

/// Tenant, client, person, scopes, and when the person signed in.
type GrantColumns = (String, String, String, String, i64);

impl PersonGrant {
    fn of_row(
        (tenant, client, user, scope, signed_in_at): GrantColumns,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tenant,
            client,
            user,
            scope,
            signed_in_at: time::to(signed_in_at)?,
        })
    }
}

fn scope(scope: &str) -> Result<(), StoreError> {
    let why = "they are longer than 4,096 bytes";
    text::bounded("the scopes of a request", scope, LONGEST_SCOPE, why)
}

/// What has come to its end. A refresh token that was used is kept until its own end: it tells that it is used again.
const EXPIRED: [&str; 4] = [
    "DELETE FROM browser_sessions WHERE expires_at <= $1",
    "DELETE FROM authorization_codes WHERE expires_at <= $1",
    "DELETE FROM refresh_tokens WHERE expires_at <= $1",
    "DELETE FROM device_codes WHERE expires_at <= $1",
];

impl Store {
    /// Forgets codes, tokens and sessions that ended before a moment, of all tenants; how many there were.
    pub async fn trim_sign_ins(&self, before: Timestamp) -> Result<u64, StoreError> {
        writing!(self, |transaction| {
            let mut removed = 0;
            for statement in EXPIRED {
                removed += sqlx::query(statement)
                    .bind(time::of(before))
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
            }
            transaction.commit().await?;
            Ok(removed)
        })
    }
}
