//! Who asks for a token: applications prove it by a secret or by an assertion. For every grant alike.

use jiff::Timestamp;
use kbgap_identity::{
    AssertionError, ClientAssertion, ClientAuthentication, ClientCertificate, ClientProof,
    ClientSecret, OAuthError, OAuthErrorKind, ProvedBy, SecretHash,
};
use kbgap_store::{Application, ApplicationCertificate, ApplicationSecret, Tenant};

use super::failed;
use crate::service::Service;

/// An application that proved who it is.
pub(crate) struct ProvenClient {
    pub(crate) application: Application,
    pub(crate) proved_by: ProvedBy,
}

/// The application that a request names, without any proof.
pub(crate) async fn named(
    service: &Service,
    tenant: &Tenant,
    id: &str,
) -> Result<Application, OAuthError> {
    // Ids are GUIDs, kept in lower case.
    let known = service
        .store
        .application(&tenant.id, &id.to_ascii_lowercase())
        .await
        .map_err(|error| failed(&error))?;
    known.ok_or_else(|| {
        let words = format!(
            "Application with identifier '{id}' was not found in the directory '{}'.",
            tenant.name
        );
        OAuthError::new(OAuthErrorKind::UnknownClient, words)
    })
}

/// The application of a request that proves who it is. `called` is the URL under which the service was called.
///
/// An assertion counts once: this is to be asked when all else of the request was found to be right.
pub(crate) async fn authenticate(
    service: &Service,
    tenant: &Tenant,
    called: &str,
    client: &ClientAuthentication,
) -> Result<ProvenClient, OAuthError> {
    let application = named(service, tenant, &client.id).await?;
    let credentials = service
        .store
        .credentials(&tenant.id, &application.client)
        .await
        .map_err(|error| failed(&error))?;
    let proved_by = match &client.proof {
        ClientProof::Secret(secret) => {
            by_secret(service, &application, &credentials.secrets, secret).await?;
            ProvedBy::Secret
        }
        ClientProof::Assertion(assertion) => {
            let certificates = certificates(credentials.certificates);
            let asked = Asked {
                service,
                tenant,
                called,
                application: &application,
            };
            asked.by_assertion(&certificates, assertion).await?;
            ProvedBy::Certificate
        }
        ClientProof::None => {
            return Err(OAuthError::new(
                OAuthErrorKind::NoCredential,
                "'client_assertion' or 'client_secret' is required for this application and grant.",
            ));
        }
    };
    Ok(ProvenClient {
        application,
        proved_by,
    })
}

/// The application of a request for a token for a person. A public one has nothing to prove itself by.
pub(crate) async fn for_person(
    service: &Service,
    tenant: &Tenant,
    called: &str,
    client: &ClientAuthentication,
) -> Result<ProvenClient, OAuthError> {
    if matches!(client.proof, ClientProof::None) {
        let application = named(service, tenant, &client.id).await?;
        let is_public = service
            .store
            .is_public(&tenant.id, &application.client)
            .await;
        if is_public.map_err(|error| failed(&error))? {
            return Ok(ProvenClient {
                application,
                proved_by: ProvedBy::Nothing,
            });
        }
    }
    authenticate(service, tenant, called, client).await
}

/// Looks whether a secret is one of an application's. Only those that begin as it does are hashed.
async fn by_secret(
    service: &Service,
    application: &Application,
    known: &[ApplicationSecret],
    secret: &ClientSecret,
) -> Result<(), OAuthError> {
    let now = Timestamp::now();
    let begins = |own: &&ApplicationSecret| own.hint.is_empty() || own.hint == secret.hint();
    for own in known.iter().filter(begins) {
        let permit = service.secret_checks.acquire().await;
        let hash = SecretHash::stored(&own.secret_hash);
        let secret = secret.clone();
        let right = tokio::task::spawn_blocking(move || hash.matches(&secret)).await;
        drop(permit);
        if !right.map_err(|error| failed(&error))? {
            continue;
        }
        if own.expires_at.is_some_and(|expires| expires <= now) {
            return Err(OAuthError::new(
                OAuthErrorKind::ExpiredSecret,
                format!(
                    "The provided client secret keys for app '{}' are expired. Add a new one ('kbgap app rotate {0}').",
                    application.client
                ),
            ));
        }
        return Ok(());
    }
    Err(OAuthError::new(
        OAuthErrorKind::WrongSecret,
        format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
            application.client
        ),
    ))
}

fn certificates(rows: Vec<ApplicationCertificate>) -> Vec<ClientCertificate> {
    let read = rows.into_iter().filter_map(|row| {
        ClientCertificate::from_der(&row.der)
            .inspect_err(|error| {
                tracing::error!(%error, thumbprint = row.sha256, "a stored certificate is damaged and left out");
            })
            .ok()
    });
    read.collect()
}

struct Asked<'a> {
    service: &'a Service,
    tenant: &'a Tenant,
    called: &'a str,
    application: &'a Application,
}

impl Asked<'_> {
    async fn by_assertion(
        &self,
        certificates: &[ClientCertificate],
        assertion: &ClientAssertion,
    ) -> Result<(), OAuthError> {
        let verified = assertion
            .verify(
                (&self.tenant.id, &self.application.client),
                certificates,
                |audience| self.is_audience(audience),
                Timestamp::now(),
            )
            .map_err(|error| refused(&error))?;
        let first = self
            .service
            .store
            .use_assertion(verified.digest, verified.expires)
            .await
            .map_err(|error| failed(&error))?;
        if first {
            return Ok(());
        }
        Err(OAuthError::new(
            OAuthErrorKind::AssertionUsed,
            "The client assertion was used before: sign a new one, with another 'jti', for each request.",
        ))
    }

    /// Whether a text names this service as an audience of assertions: a token endpoint or the issuer of the tenant, under
    /// a name that the service goes by (RFC 7523, section 3).
    fn is_audience(&self, text: &str) -> bool {
        let settings = &self.service.settings;
        let roots = [
            self.called,
            settings.issuer_url(),
            settings.local_url.as_str(),
        ];
        let text = text.trim_end_matches('/');
        roots.iter().any(|root| {
            let root = root.trim_end_matches('/');
            let Some((own, path)) = text.split_at_checked(root.len()) else {
                return false;
            };
            let path = path
                .strip_prefix('/')
                .and_then(|path| path.split_once('/'))
                .filter(|_| own.eq_ignore_ascii_case(root));
            path.is_some_and(|(tenant, endpoint)| {
                let named = [&self.tenant.id, &self.tenant.name];
                named.iter().any(|name| name.eq_ignore_ascii_case(tenant))
                    && ["oauth2/v2.0/token", "oauth2/token", "v2.0"].contains(&endpoint)
            })
        })
    }
}

fn refused(error: &AssertionError) -> OAuthError {
    let kind = match error {
        AssertionError::Client => OAuthErrorKind::AssertionClient,
        AssertionError::Audience => OAuthErrorKind::AssertionAudience,
        AssertionError::Time => OAuthErrorKind::AssertionTime,
        AssertionError::Malformed
        | AssertionError::Algorithm
        | AssertionError::NoThumbprint
        | AssertionError::UnknownCertificate
        | AssertionError::CertificateTime(..)
        | AssertionError::Signature => OAuthErrorKind::WrongAssertion,
    };
    OAuthError::new(kind, format!("The client assertion is not valid: {error}."))
}
