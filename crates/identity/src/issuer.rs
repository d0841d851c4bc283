//! Issuing tokens to applications.

use jiff::Timestamp;
use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::permission::Permission;
use crate::signing_key::{ALGORITHM, SigningKey};

/// How long a token lasts, in seconds: what Entra ID states in its answers.
pub(crate) const LIFETIME: i64 = 3599;

/// Issues tokens in the name of one base URL, each tenant being an issuer of its own below it.
#[derive(Debug, Clone)]
pub struct TokenIssuer {
    base: Box<str>,
    key: SigningKey,
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
}

/// A token with what its answer states beside it.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// The signed token.
    pub access_token: String,
    /// How long it lasts, in seconds.
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
    pub(crate) app_displayname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
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
            key,
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
        self.sign(&Claims {
            aud: audience.to_owned(),
            iss: self.name(client.tenant),
            iat: now,
            nbf: now,
            exp: now + LIFETIME,
            appid: Some(client.id.to_owned()),
            appidacr: Some("1".to_owned()),
            app_displayname: Some(client.name.to_owned()),
            oid: Some(client.id.to_owned()),
            sub: Some(client.id.to_owned()),
            roles: Some(roles.map(|role| role.role().to_owned()).collect()),
            scp: None,
            tid: client.tenant.to_owned(),
            uti: Some(Uuid::new_v4().simple().to_string()),
            ver: Some("1.0".to_owned()),
        })
    }

    /// A signed token with these claims.
    pub(crate) fn encode(&self, claims: &impl Serialize) -> Result<String, IssueError> {
        let mut header = Header::new(ALGORITHM);
        header.kid = Some(self.key.kid().to_owned());
        Ok(jsonwebtoken::encode(&header, claims, &self.key.encoding)?)
    }

    fn sign(&self, claims: &Claims) -> Result<IssuedToken, IssueError> {
        Ok(IssuedToken {
            access_token: self.encode(claims)?,
            expires_in: claims.exp - claims.iat,
            not_before: claims.nbf,
            expires_on: claims.exp,
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
            appid: None,
            appidacr: None,
            app_displayname: None,
            oid: None,
            sub: None,
            roles: None,
            scp: None,
            tid: tenant.to_owned(),
            uti: None,
            ver: None,
        };
        change(&mut claims);
        self.sign(&claims).unwrap().access_token
    }
}

pub(crate) fn issuer_of(base: &str, tenant: &str) -> String {
    format!("{base}/{tenant}/v2.0")
}
