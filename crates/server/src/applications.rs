//! Administration of applications: what the command line and the API do alike.

use jiff::Timestamp;
use kbgap_identity::{CertificateError, ClientCertificate, ClientSecret, SecretError};
use kbgap_store::{ApplicationCertificate, ApplicationSecret, Store, StoreError};
use uuid::Uuid;

/// How many secrets, and how many certificates, an application has at most.
pub const MAX_CREDENTIALS: usize = 20;

/// A secret just made, to be shown once.
#[derive(Debug)]
pub struct NewSecret {
    /// What is kept of it.
    pub kept: ApplicationSecret,
    /// The secret itself.
    pub value: ClientSecret,
}

/// Why an application cannot be given what it is to prove itself by.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The store fails, or has it already.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret cannot be made.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The work was not finished.
    #[error("the secret was not hashed")]
    Hashing(#[from] tokio::task::JoinError),
    /// A certificate does not count.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// It would never count.
    #[error("it would have expired already, at {0}")]
    Past(Timestamp),
    /// There are enough.
    #[error("the application has {MAX_CREDENTIALS} of them already: remove one first")]
    TooMany,
    /// There is no such application.
    #[error("there is no application {0}")]
    Unknown(String),
}

/// Makes a secret for an application.
///
/// # Errors
/// Where there is no such application, it has too many, or the secret would never count.
pub async fn add_secret(
    store: &Store,
    tenant: &str,
    client: &str,
    expires_at: Option<Timestamp>,
) -> Result<NewSecret, ApplicationError> {
    let now = Timestamp::now();
    if let Some(past) = expires_at.filter(|expires| *expires <= now) {
        return Err(ApplicationError::Past(past));
    }
    known(store, tenant, client).await?;
    if store.credentials(tenant, client).await?.secrets.len() >= MAX_CREDENTIALS {
        return Err(ApplicationError::TooMany);
    }
    let made = tokio::task::spawn_blocking(|| {
        let value = ClientSecret::generate()?;
        let hash = value.hash()?;
        Ok::<_, SecretError>((value, hash))
    });
    let (value, hash) = made.await??;
    let kept = ApplicationSecret {
        id: Uuid::new_v4().to_string(),
        hint: value.hint().to_owned(),
        secret_hash: hash.as_str().to_owned(),
        created_at: now,
        expires_at,
    };
    store.add_application_secret(tenant, client, &kept).await?;
    Ok(NewSecret { kept, value })
}

/// Adds a certificate, PEM or DER, to an application.
///
/// # Errors
/// Where there is no such application, it has too many, or the certificate does not count.
pub async fn add_certificate(
    store: &Store,
    tenant: &str,
    client: &str,
    certificate: &[u8],
) -> Result<ApplicationCertificate, ApplicationError> {
    let now = Timestamp::now();
    let read = ClientCertificate::read(certificate)?;
    if read.not_after() <= now {
        return Err(ApplicationError::Past(read.not_after()));
    }
    known(store, tenant, client).await?;
    if store.credentials(tenant, client).await?.certificates.len() >= MAX_CREDENTIALS {
        return Err(ApplicationError::TooMany);
    }
    let kept = ApplicationCertificate {
        sha256: hex(read.sha256()),
        sha1: hex(read.sha1()),
        subject: read.subject().to_owned(),
        not_before: read.not_before(),
        not_after: read.not_after(),
        created_at: now,
        der: read.der().to_vec(),
    };
    store
        .add_application_certificate(tenant, client, &kept)
        .await?;
    Ok(kept)
}

async fn known(store: &Store, tenant: &str, client: &str) -> Result<(), ApplicationError> {
    let application = store.application(tenant, client).await?;
    application
        .map(drop)
        .ok_or_else(|| ApplicationError::Unknown(client.to_owned()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
