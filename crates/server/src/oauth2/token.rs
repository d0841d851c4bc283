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
    BasicCredentials, Client, EndpointVersion, GrantRequest, IssuedToken, OAuthError,
    OAuthErrorKind, ProvedBy, TokenRequest,
};
use kbgap_store::{AuditOutcome, Tenant};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::person_grants::{ForPerson, PersonGrants};
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
    /// What is stated where it is for a person.
    person: Option<ForPerson>,
}

/// What of a request is known for the audit trail, as far as it got.
#[derive(Default)]
struct Seen {
    tenant: Option<String>,
    client: Option<String>,
    proved: Option<(String, ProvedBy)>,
    person: Option<String>,
    audience: Option<String>,
    by: &'static str,
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
    asked.answer(peer).await
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
    asked.answer(peer).await
}

impl Asked {
    /// Grants, or refuses, and records which.
    async fn answer(self, peer: Peer) -> Result<Response, Refused> {
        let mut seen = Seen::default();
        let granted = self.grant(&mut seen).await;
        let refusal = granted.as_ref().err().map(OAuthError::kind);
        // A device asks every few seconds until a person has decided: that is recorded.
        let waits = [
            OAuthErrorKind::AuthorizationPending,
            OAuthErrorKind::SlowDown,
        ];
        if !refusal.is_some_and(|kind| waits.contains(&kind)) {
            self.service.audit.record(seen.act(peer, refusal));
        }
        // Tokens are not for caches (RFC 6749, section 5.1).
        let headers = [(header::CACHE_CONTROL, "no-store")];
        Ok((headers, Json(granted?.body(self.version))).into_response())
    }

    async fn grant(&self, seen: &mut Seen) -> Result<Granted, OAuthError> {
        let service = &self.service;
        let tenant = super::tenant(service, &self.tenant).await?;
        seen.tenant = Some(tenant.id.clone());
        let form = super::form(&self.body)?;
        seen.client = form.optional("client_id")?.map(str::to_owned);
        let request = TokenRequest::read(
            &form,
            self.basic()?,
            self.version,
            service.verifier.audiences(),
        )?;
        seen.client = Some(request.client.id.clone());
        let tenant = &tenant;
        let (people, allowed) = match &request.grant {
            GrantRequest::ClientCredentials { audience } => {
                seen.audience = Some(audience.clone());
                return self.for_itself(tenant, &request, audience, seen).await;
            }
            GrantRequest::AuthorizationCode {
                code,
                redirect_uri,
                verifier,
            } => {
                seen.by = "by a code";
                let people = self.people(tenant, &request, seen).await?;
                let allowed = people.by_code(code, redirect_uri, verifier.as_ref());
                let allowed = allowed.await?;
                (people, allowed)
            }
            GrantRequest::RefreshToken { token, scope } => {
                seen.by = "by a refresh token";
                let people = self.people(tenant, &request, seen).await?;
                let allowed = people.by_refresh_token(token, scope.as_ref(), &mut seen.person);
                let allowed = allowed.await?;
                (people, allowed)
            }
            GrantRequest::DeviceCode { code } => {
                seen.by = "by the code of a device";
                let people = self.people(tenant, &request, seen).await?;
                let allowed = people.by_device(code).await?;
                (people, allowed)
            }
        };
        seen.person = Some(allowed.grant.user.clone());
        seen.audience = Some(allowed.scope.audience.clone());
        let (token, person) = people.issue(&allowed, request.client_info).await?;
        Ok(Granted {
            token,
            audience: allowed.scope.audience,
            person: Some(person),
        })
    }

    /// The grants for people, for the application of a request.
    async fn people<'a>(
        &'a self,
        tenant: &'a Tenant,
        request: &TokenRequest,
        seen: &mut Seen,
    ) -> Result<PersonGrants<'a>, OAuthError> {
        let called = self.called.text();
        let client = client::for_person(&self.service, tenant, called, &request.client).await?;
        seen.proved = Some((client.application.client.clone(), client.proved_by));
        Ok(PersonGrants {
            service: &self.service,
            tenant,
            client,
        })
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
        let client = Client {
            tenant: &tenant.id,
            id: &application.client,
            name: &application.name,
            permissions: &super::permissions(&application),
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
            person: None,
        })
    }

    fn basic(&self) -> Result<Option<BasicCredentials>, OAuthError> {
        let Some(header) = self.headers.get(header::AUTHORIZATION) else {
            return Ok(None);
        };
        let header = header.to_str().unwrap_or_default();
        BasicCredentials::of_header(header)
    }
}

impl Granted {
    /// The body of the answer (API specification, section 3.2). The numbers of version 1 are texts.
    fn body(self, version: EndpointVersion) -> Map<String, Value> {
        let Self {
            token,
            audience,
            person,
        } = self;
        let number = |value: i64| match version {
            EndpointVersion::V1 => json!(value.to_string()),
            EndpointVersion::V2 => json!(value),
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("token_type", json!("Bearer"));
        put("expires_in", number(token.expires_in));
        put("ext_expires_in", number(token.expires_in));
        if version == EndpointVersion::V1 {
            put("expires_on", number(token.expires_on));
            put("not_before", number(token.not_before));
            put("resource", json!(audience));
        }
        put("access_token", json!(token.access_token));
        let Some(person) = person else {
            return body;
        };
        put("scope", json!(person.scope));
        if let Some(token) = person.refresh_token {
            put("refresh_token", json!(token.expose()));
        }
        if let Some(token) = person.id_token {
            put("id_token", json!(token));
        }
        if let Some(info) = person.client_info {
            put("client_info", json!(info));
        }
        body
    }
}

impl Seen {
    fn act(self, peer: Peer, refusal: Option<OAuthErrorKind>) -> Act {
        let (application, proof) = match self.proved {
            Some((client, ProvedBy::Secret)) => (Some(client), "by a secret"),
            Some((client, ProvedBy::Certificate)) => (Some(client), "by a certificate"),
            // It says which application it is, no more.
            Some((_, ProvedBy::Nothing)) | None => (None, ""),
        };
        // A text that is no id may be anything, a secret in the wrong field too.
        let named = self.client.filter(|id| Uuid::try_parse(id).is_ok());
        let who = match (self.person.clone(), refusal) {
            (Some(id), None) => Who::Person {
                id,
                through: application.or_else(|| named.clone()),
            },
            _ => application.map_or(Who::Unknown, Who::Application),
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
            if let Some(client) = named {
                act = act.on(client);
            }
            let mut told = format!("AADSTS{}", kind.code());
            if let Some(person) = self.person {
                told = format!("{told}, for the person {person} {}", self.by);
            }
            return act.with(outcome).telling(told);
        }
        if let Some(audience) = self.audience {
            act = act.on(audience);
        }
        act.telling(if self.person.is_some() {
            self.by
        } else {
            proof
        })
    }
}
