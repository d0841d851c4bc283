//! Tokens: the requests of either version, and the grants.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kbgap_identity::{
    BasicCredentials, Client, EndpointVersion, Form, GrantRequest, IssuedToken, OAuthError,
    OAuthErrorKind, ProvedBy, TokenRequest,
};
use kbgap_store::{AuditOutcome, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refused, client, failed};
use crate::api::Root;
use crate::audit::{Act, Who};
use crate::peer::Peer;
use crate::service::Service;

/// A request as it came.
struct Asked {
    service: Arc<Service>,
    tenant: String,
    headers: HeaderMap,
    /// The URL under which the service was called.
    called: Root,
    body: Result<Bytes, BytesRejection>,
    version: EndpointVersion,
}

/// A token with what its answer states beside it.
struct Granted {
    token: IssuedToken,
    audience: String,
}

/// What of a request is known for the audit trail, as far as it got.
#[derive(Default)]
struct Seen {
    tenant: Option<String>,
    client: Option<String>,
    proved: Option<(String, ProvedBy)>,
    audience: Option<String>,
}

/// `POST /{tenant}/oauth2/v2.0/token`
pub(crate) async fn v2(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    called: Root,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let asked = Asked {
        service,
        tenant,
        headers,
        called,
        body,
        version: EndpointVersion::V2,
    };
    let Granted { token, .. } = asked.answer(peer).await?;
    Ok(answer(&json!({
        "token_type": "Bearer",
        "expires_in": token.expires_in,
        "ext_expires_in": token.expires_in,
        "access_token": token.access_token,
    })))
}

/// `POST /{tenant}/oauth2/token`, whose numbers are texts.
pub(crate) async fn v1(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    called: Root,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    let asked = Asked {
        service,
        tenant,
        headers,
        called,
        body,
        version: EndpointVersion::V1,
    };
    let Granted { token, audience } = asked.answer(peer).await?;
    Ok(answer(&json!({
        "token_type": "Bearer",
        "expires_in": token.expires_in.to_string(),
        "ext_expires_in": token.expires_in.to_string(),
        "expires_on": token.expires_on.to_string(),
        "not_before": token.not_before.to_string(),
        "resource": audience,
        "access_token": token.access_token,
    })))
}

/// Tokens are not for caches (RFC 6749, section 5.1).
fn answer(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

impl Asked {
    /// Grants, or refuses, and records which.
    async fn answer(self, peer: Peer) -> Result<Granted, OAuthError> {
        let mut seen = Seen::default();
        let granted = self.grant(&mut seen).await;
        let refusal = granted.as_ref().err().map(OAuthError::kind);
        self.service.audit.record(seen.act(peer, refusal));
        granted
    }

    async fn grant(&self, seen: &mut Seen) -> Result<Granted, OAuthError> {
        let service = &self.service;
        let tenant = super::tenant(service, &self.tenant).await?;
        seen.tenant = Some(tenant.id.clone());
        let form = self.form()?;
        seen.client = form.optional("client_id")?.map(str::to_owned);
        let request = TokenRequest::read(
            &form,
            self.basic()?,
            self.version,
            service.verifier.audiences(),
        )?;
        seen.client = Some(request.client.id.clone());
        match &request.grant {
            GrantRequest::ClientCredentials { audience } => {
                seen.audience = Some(audience.clone());
                self.for_itself(&tenant, &request, audience, seen).await
            }
        }
    }

    /// A token by which an application acts for itself.
    async fn for_itself(
        &self,
        tenant: &Tenant,
        request: &TokenRequest,
        audience: &str,
        seen: &mut Seen,
    ) -> Result<Granted, OAuthError> {
        let service = &self.service;
        let proven =
            client::authenticate(service, tenant, self.called.text(), &request.client).await?;
        let application = proven.application;
        let permissions = application.roles.iter();
        let permissions: Vec<_> = permissions.filter_map(|role| role.parse().ok()).collect();
        let client = Client {
            tenant: &tenant.id,
            id: &application.client,
            name: &application.name,
            permissions: &permissions,
            proved_by: proven.proved_by,
        };
        let token = service
            .issuer
            .issue(&client, audience, Timestamp::now())
            .map_err(|error| failed(&error))?;
        seen.proved = Some((application.client, proven.proved_by));
        Ok(Granted {
            token,
            audience: audience.to_owned(),
        })
    }

    fn form(&self) -> Result<Form, OAuthError> {
        let unreadable = |why: &str| OAuthError::new(OAuthErrorKind::InvalidRequest, why);
        let body = self
            .body
            .as_ref()
            .map_err(|_| unreadable("The request body is too large, or did not come whole."))?;
        let fields = serde_urlencoded::from_bytes(body).map_err(|_| {
            unreadable("The request body must be of type application/x-www-form-urlencoded.")
        })?;
        Ok(Form::new(fields))
    }

    fn basic(&self) -> Result<Option<BasicCredentials>, OAuthError> {
        let Some(header) = self.headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let header = header.to_str().unwrap_or_default();
        BasicCredentials::of_header(header)
    }
}

impl Seen {
    fn act(self, peer: Peer, refusal: Option<OAuthErrorKind>) -> Act {
        let (who, detail) = match self.proved {
            Some((client, ProvedBy::Secret)) => (Who::Application(client), "by a secret"),
            Some((client, ProvedBy::Certificate)) => (Who::Application(client), "by a certificate"),
            None => (Who::Unknown, ""),
        };
        let mut act = Act::new(who, "token.issue").from(peer.0);
        if let Some(tenant) = self.tenant {
            act = act.in_tenant(tenant);
        }
        if let Some(kind) = refusal {
            let outcome = match kind {
                OAuthErrorKind::Server => AuditOutcome::Failed,
                _ => AuditOutcome::Refused,
            };
            // A text that is no id may be anything, a secret in the wrong field too.
            if let Some(client) = self.client.filter(|id| Uuid::try_parse(id).is_ok()) {
                act = act.on(client);
            }
            return act.with(outcome).telling(format!("AADSTS{}", kind.code()));
        }
        if let Some(audience) = self.audience {
            act = act.on(audience);
        }
        act.telling(detail)
    }
}
