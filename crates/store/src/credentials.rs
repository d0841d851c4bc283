//! What applications prove themselves by: secrets, as hashes, and certificates; and which assertions were used.

use jiff::Timestamp;

use crate::applications::exists;
use crate::backend::{reading, writing};
use crate::{Store, StoreError, text, time};

/// A secret of an application.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplicationSecret {
    /// Its id, a GUID.
    pub id: String,
    /// How it begins; empty where that is not known.
    pub hint: String,
    /// Its hash.
    pub secret_hash: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when it does not count any more.
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for ApplicationSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApplicationSecret")
            .field("id", &self.id)
            .field("hint", &self.hint)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A certificate of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationCertificate {
    /// Its SHA-256 thumbprint in hexadecimal digits, by which it is known.
    pub sha256: String,
    /// Its SHA-1 thumbprint in hexadecimal digits.
    pub sha1: String,
    /// Whom it names.
    pub subject: String,
    /// From when it counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_after: Timestamp,
    /// When it was added.
    pub created_at: Timestamp,
    /// The certificate itself, as DER.
    pub der: Vec<u8>,
}

/// All that an application proves itself by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Its secrets, the oldest first.
    pub secrets: Vec<ApplicationSecret>,
    /// Its certificates, the oldest first.
    pub certificates: Vec<ApplicationCertificate>,
}

type SecretColumns = (String, String, String, i64, Option<i64>);
type CertificateColumns = (String, String, String, i64, i64, i64, Vec<u8>);

const ADD_SECRET: &str = "INSERT INTO application_secrets
    (tenant, client, id, hint, secret_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";

const SECRETS: &str = "SELECT id, hint, secret_hash, created_at, expires_at
    FROM application_secrets WHERE tenant = $1 AND client = $2 ORDER BY created_at, id";

const REMOVE_SECRET: &str =
    "DELETE FROM application_secrets WHERE tenant = $1 AND client = $2 AND id = $3";

const ADD_CERTIFICATE: &str = "INSERT INTO application_certificates
    (tenant, client, sha256, sha1, subject, not_before, not_after, created_at, der)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const CERTIFICATES: &str = "SELECT sha256, sha1, subject, not_before, not_after, created_at, der
    FROM application_certificates WHERE tenant = $1 AND client = $2 ORDER BY created_at, sha256";

const REMOVE_CERTIFICATE: &str =
    "DELETE FROM application_certificates WHERE tenant = $1 AND client = $2 AND sha256 = $3";

const USE_ASSERTION: &str = "INSERT INTO used_assertions (digest, expires_at) VALUES ($1, $2)
    ON CONFLICT DO NOTHING";

const TRIM_ASSERTIONS: &str = "DELETE FROM used_assertions WHERE expires_at < $1";

impl Store {
    /// Adds a secret to an application, which must exist.
    pub async fn add_application_secret(
        &self,
        tenant: &str,
        client: &str,
        secret: &ApplicationSecret,
    ) -> Result<(), StoreError> {
        text::key("the id of a secret", &secret.id)?;
        text::plain("the hint of a secret", &secret.hint)?;
        writing!(self, |transaction| {
            sqlx::query(ADD_SECRET)
                .bind(tenant)
                .bind(client)
                .bind(&secret.id)
                .bind(&secret.hint)
                .bind(&secret.secret_hash)
                .bind(time::of(secret.created_at))
                .bind(secret.expires_at.map(time::of))
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "a secret of this id"))?;
            Ok(transaction.commit().await?)
        })
    }

    /// Removes a secret of an application; whether there was one.
    pub async fn remove_application_secret(
        &self,
        tenant: &str,
        client: &str,
        id: &str,
    ) -> Result<bool, StoreError> {
        self.remove_credential(REMOVE_SECRET, [tenant, client, id])
            .await
    }

    /// Adds a certificate to an application, which must exist.
    pub async fn add_application_certificate(
        &self,
        tenant: &str,
        client: &str,
        certificate: &ApplicationCertificate,
    ) -> Result<(), StoreError> {
        text::key("the thumbprint of a certificate", &certificate.sha256)?;
        text::plain("the subject of a certificate", &certificate.subject)?;
        writing!(self, |transaction| {
            sqlx::query(ADD_CERTIFICATE)
                .bind(tenant)
                .bind(client)
                .bind(&certificate.sha256)
                .bind(&certificate.sha1)
                .bind(&certificate.subject)
                .bind(time::of(certificate.not_before))
                .bind(time::of(certificate.not_after))
                .bind(time::of(certificate.created_at))
                .bind(&certificate.der)
                .execute(&mut *transaction)
                .await
                .map_err(|error| exists(error, "this certificate"))?;
            Ok(transaction.commit().await?)
        })
    }

    /// Removes a certificate of an application by its SHA-256 thumbprint; whether there was one.
    pub async fn remove_application_certificate(
        &self,
        tenant: &str,
        client: &str,
        sha256: &str,
    ) -> Result<bool, StoreError> {
        self.remove_credential(REMOVE_CERTIFICATE, [tenant, client, sha256])
            .await
    }

    async fn remove_credential(
        &self,
        sql: &'static str,
        key: [&str; 3],
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let removed = sqlx::query(sql)
                .bind(key[0])
                .bind(key[1])
                .bind(key[2])
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(removed > 0)
        })
    }

    /// What an application proves itself by.
    pub async fn credentials(&self, tenant: &str, client: &str) -> Result<Credentials, StoreError> {
        let secrets: Vec<SecretColumns> = reading!(self, |pool| sqlx::query_as(SECRETS)
            .bind(tenant)
            .bind(client)
            .fetch_all(pool)
            .await?);
        let certificates: Vec<CertificateColumns> =
            reading!(self, |pool| sqlx::query_as(CERTIFICATES)
                .bind(tenant)
                .bind(client)
                .fetch_all(pool)
                .await?);
        Ok(Credentials {
            secrets: secrets.into_iter().map(secret).collect::<Result<_, _>>()?,
            certificates: certificates
                .into_iter()
                .map(certificate)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Notes that an assertion was used; `false` where it was before. Its digest must tell client and tenant too.
    pub async fn use_assertion(
        &self,
        digest: [u8; 32],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, |transaction| {
            let added = sqlx::query(USE_ASSERTION)
                .bind(&digest[..])
                .bind(time::of(expires_at))
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(added > 0)
        })
    }

    /// Forgets the assertions that were out of date at a moment: they are refused for their time.
    pub async fn trim_assertions(&self, before: Timestamp) -> Result<(), StoreError> {
        writing!(self, |transaction| {
            sqlx::query(TRIM_ASSERTIONS)
                .bind(time::of(before))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }
}

fn secret(
    (id, hint, secret_hash, created_at, expires_at): SecretColumns,
) -> Result<ApplicationSecret, StoreError> {
    Ok(ApplicationSecret {
        id,
        hint,
        secret_hash,
        created_at: time::to(created_at)?,
        expires_at: expires_at.map(time::to).transpose()?,
    })
}

fn certificate(
    (sha256, sha1, subject, not_before, not_after, created_at, der): CertificateColumns,
) -> Result<ApplicationCertificate, StoreError> {
    Ok(ApplicationCertificate {
        sha256,
        sha1,
        subject,
        not_before: time::to(not_before)?,
        not_after: time::to(not_after)?,
        created_at: time::to(created_at)?,
        der,
    })
}
