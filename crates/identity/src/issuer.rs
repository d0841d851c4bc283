//! Issuing tokens to applications.

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::permission::Permission;
use crate::signing_key::{ALGORITHM, SigningKey};

/// How long a token lasts, in seconds, and how long before it was issued it begins: 65 minutes in all, as Entra ID's
/// (API specification, section 3.3).
pub(crate) const LIFETIME: i64 = 3600;
pub(crate) const BEFORE: i64 = 300;

/// Issues tokens in the name of one base URL, each tenant being an issuer of its own below it.
///
/// The key may be exchanged while it is used.
#[derive(Debug)]
pub struct TokenIssuer {
    base: Box<str>,
    key: ArcSwap<SigningKey>,
}

/// An application that has shown who it is.
#[derive(Debug, Clone)]
pub struct Client<'a> {
    /// Its tenant's id.
    pub tenant: &'a str,
    /// Its client id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub permissions: &'a [Permission],
    /// By what it showed who it is.
    pub proved_by: ProvedBy,
}

/// By what an application shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvedBy {
    /// A secret.
    Secret,
    /// The key of a certificate.
    Certificate,
    /// Nothing: a public client cannot keep a secret (RFC 6749, section 2.1).
    Nothing,
}

impl ProvedBy {
    /// The value of `appidacr` (API specification, section 3.3).
    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::Nothing => "0",
            Self::Secret => "1",
            Self::Certificate => "2",
        }
    }
}

/// A token with what its answer states beside it.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The signed token.
    pub access_token: String,
    /// How long it lasts from now on, in seconds.
    pub expires_in: i64,
    /// When it begins to count, in seconds since 1970.
    pub not_before: i64,
    /// When it ends, in seconds since 1970.
    pub expires_on: i64,
}

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the token cannot be signed")]
pub struct IssueError(#[from] jsonwebtoken::errors::Error);

/// The claims of a token (API specification, section 3.3).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) appid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    appidacr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_displayname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) oid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scp: Option<String>,
    pub(crate) tid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ver: Option<String>,
}

impl TokenIssuer {
    /// An issuer at a base URL (`https://kbgap.example:8443`) that signs with a key.
    pub fn new(base: &str, key: SigningKey) -> Self {
        Self {
            base: base.trim_end_matches('/').into(),
            key: ArcSwap::from_pointee(key),
        }
    }

    /// Signs with this key from now on.
    pub fn use_key(&self, key: SigningKey) {
        if self.key.load().kid() != key.kid() {
            self.key.store(Arc::new(key));
        }
    }

    /// The issuer's name for a tenant.
    pub fn name(&self, tenant: &str) -> String {
        issuer_of(&self.base, tenant)
    }

    /// Issues a token for an audience.
    pub fn issue(
        &self,
        client: &Client<'_>,
        audience: &str,
        now: Timestamp,
    ) -> Result<IssuedToken, IssueError> {
        let now = now.as_second();
        let roles = client.permissions.iter();
        let claims = Claims {
            aud: audience.to_owned(),
            iss: self.name(client.tenant),
            iat: now - BEFORE,
            nbf: now - BEFORE,
            exp: now + LIFETIME,
            appid: Some(client.id.to_owned()),
            appidacr: Some(client.proved_by.claim().to_owned()),
            app_displayname: Some(client.name.to_owned()),
            oid: Some(client.id.to_owned()),
            sub: Some(client.id.to_owned()),
            roles: Some(roles.map(|role| role.role().to_owned()).collect()),
            scp: None,
            tid: client.tenant.to_owned(),
            uti: Some(Uuid::new_v4().simple().to_string()),
            ver: Some("1.0".to_owned()),
        };
        self.issued(&claims, now)
    }

    /// A signed token with these claims.
    pub(crate) fn encode(&self, claims: &impl Serialize) -> Result<String, IssueError> {
        let key = self.key.load();
        let mut header = Header::new(ALGORITHM);
        header.kid = Some(key.kid().to_owned());
        Ok(jsonwebtoken::encode(&header, claims, &key.encoding)?)
    }

    /// A token with these claims, issued at this second, and what its answer states beside it.
    pub(crate) fn issued(
        &self,
        claims: &impl Serialize,
        now: i64,
    ) -> Result<IssuedToken, IssueError> {
        Ok(IssuedToken {
            access_token: self.encode(claims)?,
            // One second went by, Entra ID says.
            expires_in: LIFETIME - 1,
            not_before: now - BEFORE,
            expires_on: now + LIFETIME,
        })
    }

    #[cfg(test)]
    pub(crate) fn sign_claims(&self, change: impl FnOnce(&mut Claims)) -> String {
        let now = Timestamp::now().as_second();
        let tenant = "11111111-2222-4333-8444-555555555555";
        let mut claims = Claims {
            aud: "https://api.securitycenter.microsoft.com".to_owned(),
            iss: self.name(tenant),
            iat: now,
            nbf: now,
            exp: now + LIFETIME,
            appid: Some("c".to_owned()),
            appidacr: None,
            app_displayname: None,
            oid: Some("c".to_owned()),
            sub: Some("c".to_owned()),
            roles: None,
            scp: None,
            tid: tenant.to_owned(),
            uti: None,
            ver: None,
        };
        change(&mut claims);
        self.encode(&claims).unwrap()
    }
}

pub(crate) fn issuer_of(base: &str, tenant: &str) -> String {
    format!("{base}/{tenant}/v2.0")
}
