//! Tokens for people: by the code that a browser brought, by a refresh token, or by a device's code.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use kbgap_identity::{
    ClientSecret, EndpointVersion, Handle, IdToken, OAuthError, OAuthErrorKind, PersonToken,
    PkceChallenge, ScopeRequest, TokenRequest, field, required,
};
use kbgap_store::{
    Application, AuthorizationCode, PersonGrant, Poll, Redeemed, RefreshToken, Rotated, Rotation,
    Tenant,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::authorize::client_info;
use super::token::failed;
use crate::service::Service;

/// For how long a refresh token can be used.
const REFRESH: SignedDuration = SignedDuration::from_hours(14 * 24);
/// For how long the tokens of one sign-in can be refreshed, as Entra ID has it.
const FAMILY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How a token for a person is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PersonGrantType {
    Code,
    Refresh,
    Device,
}

/// A request for a token for a person.
pub(super) struct PersonRequest<'a> {
    pub(super) service: &'a Service,
    pub(super) tenant: &'a Tenant,
    pub(super) headers: &'a HeaderMap,
    pub(super) fields: &'a [(String, String)],
    pub(super) version: EndpointVersion,
}

/// What a person allowed, with what the answer needs beside.
struct Allowed {
    grant: PersonGrant,
    /// What is asked for now.
    scope: ScopeRequest,
    nonce: Option<String>,
    refresh_token: Option<Handle>,
}

impl PersonGrantType {
    /// The kind of a `grant_type`; `None` where it is not one for people.
    pub(super) fn of(grant_type: &str) -> Option<Self> {
        match grant_type {
            "authorization_code" => Some(Self::Code),
            "refresh_token" => Some(Self::Refresh),
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => Some(Self::Device),
            _ => None,
        }
    }
}

impl PersonRequest<'_> {
    /// Answers with tokens.
    pub(super) async fn answer(&self, grant_type: PersonGrantType) -> Result<Response, OAuthError> {
        let client = self.client().await?;
        let allowed = match grant_type {
            PersonGrantType::Code => self.by_code(&client.application).await?,
            PersonGrantType::Refresh => self.by_refresh_token(&client.application).await?,
            PersonGrantType::Device => self.by_device(&client.application).await?,
        };
        self.issue(&client, allowed).await
    }

    /// The application that asks: one that can keep a secret shows it.
    async fn client(&self) -> Result<PersonClient, OAuthError> {
        let (basic_client, basic_secret) = super::token::basic(self.headers).unzip();
        let id = match basic_client {
            Some(id) if field(self.fields, "client_id")?.is_none() => id,
            _ => required(self.fields, "client_id")?.to_owned(),
        };
        let id = id.to_ascii_lowercase();
        let store = &self.service.store;
        let is_public = store.is_public(&self.tenant.id, &id).await;
        if is_public.map_err(|error| failed(&error))? {
            let application = store.application(&self.tenant.id, &id).await;
            let application = application.map_err(|error| failed(&error))?;
            return Ok(PersonClient {
                application: application
                    .ok_or_else(|| super::token::unknown_client(&id, self.tenant))?,
                confidential: false,
            });
        }
        let secret = match basic_secret {
            Some(secret) if field(self.fields, "client_secret")?.is_none() => secret,
            _ => required(self.fields, "client_secret")?.to_owned(),
        };
        let shown = TokenRequest {
            client: id,
            secret: ClientSecret::from_client(secret),
            audience: String::new(),
        };
        Ok(PersonClient {
            application: super::token::application(self.service, self.tenant, &shown).await?,
            confidential: true,
        })
    }

    async fn by_code(&self, application: &Application) -> Result<Allowed, OAuthError> {
        let handle = Handle::from_client(required(self.fields, "code")?.to_owned());
        let redirect_uri = required(self.fields, "redirect_uri")?;
        let verifier = field(self.fields, "code_verifier")?;
        let family = Uuid::new_v4().to_string();
        let store = &self.service.store;
        // Whoever shows it, it is used up by that: nobody tries verifiers on it.
        let redeemed = store.redeem_authorization_code(handle.digest(), &family);
        let code = match redeemed.await.map_err(|error| failed(&error))? {
            Redeemed::Code(code) => *code,
            Redeemed::Again => {
                tracing::warn!(tenant = %self.tenant.id, application = %application.client,
                    "a code was redeemed again: the refresh tokens it was redeemed for are revoked");
                return Err(OAuthError::new(
                    OAuthErrorKind::CodeRedeemed,
                    "The code was already redeemed; sign in again for a new one.",
                ));
            }
            Redeemed::Unknown => return Err(invalid_grant("The code is not known.")),
        };
        self.fits(&code, application, redirect_uri, verifier)?;
        let scope = self.scope(&code.grant.scope)?;
        self.usable(&code.grant).await?;
        let refresh_token = if scope.offline_access {
            Some(self.begin_family(&code.grant, family).await?)
        } else {
            None
        };
        Ok(Allowed {
            grant: code.grant,
            scope,
            nonce: code.nonce,
            refresh_token,
        })
    }

    /// Whether a code is this client's to redeem (RFC 6749, section 4.1.3; RFC 7636, section 4.6).
    fn fits(
        &self,
        code: &AuthorizationCode,
        application: &Application,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<(), OAuthError> {
        if code.grant.tenant != self.tenant.id || code.grant.client != application.client {
            return Err(invalid_grant("The code is another application's."));
        }
        if code.expires_at <= Timestamp::now() {
            return Err(OAuthError::new(
                OAuthErrorKind::GrantExpired,
                "The code has expired; sign in again for a new one.",
            ));
        }
        if code.redirect_uri != redirect_uri {
            return Err(invalid_grant(
                "The redirect_uri is not the one the code was asked for with.",
            ));
        }
        let challenge = code.challenge.as_deref();
        let met = match (challenge.and_then(PkceChallenge::stored), verifier) {
            (Some(challenge), Some(verifier)) => challenge.is_met_by(verifier),
            (None, None) => code.challenge.is_none(),
            _ => false,
        };
        if met {
            return Ok(());
        }
        Err(OAuthError::new(
            OAuthErrorKind::PkceMismatch,
            "The code_verifier does not match the code_challenge of the request for the code.",
        ))
    }

    async fn by_refresh_token(&self, application: &Application) -> Result<Allowed, OAuthError> {
        let old = Handle::from_client(required(self.fields, "refresh_token")?.to_owned());
        let store = &self.service.store;
        let (tenant, client) = (&self.tenant.id, &application.client);
        let known = store.refresh_token(old.digest(), tenant, client).await;
        let known = known
            .map_err(|error| failed(&error))?
            .ok_or_else(|| invalid_grant("The refresh token is not known; sign in again."))?;
        let now = Timestamp::now();
        if known.family_until <= now {
            return Err(OAuthError::new(
                OAuthErrorKind::GrantExpired,
                "The refresh token has expired since the person signed in too long ago; sign in again.",
            ));
        }
        if known.expires_at <= now {
            return Err(revoked(
                "The refresh token has expired due to inactivity; sign in again.",
            ));
        }
        let first = self.scope(&known.grant.scope)?;
        let scope = match field(self.fields, "scope")? {
            Some(scope) => self.scope(scope)?,
            None => first.clone(),
        };
        if !scope.is_within(&first) {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidScope,
                "The scopes go beyond those the person was asked for; ask the person for them.",
            ));
        }
        self.usable(&known.grant).await?;
        let new = Handle::generate().map_err(|error| failed(&error))?;
        let rotation = Rotation {
            old: old.digest(),
            new: new.digest(),
            expires_at: now + REFRESH,
        };
        let rotated = store.rotate_refresh_token(rotation).await;
        match rotated.map_err(|error| failed(&error))? {
            Rotated::Done => {}
            Rotated::Again => {
                tracing::warn!(tenant = %tenant, application = %client, user = %known.grant.user,
                    "a refresh token was used again: all of its sign-in are revoked");
                return Err(revoked(
                    "The refresh token was used before, so that all of its sign-in were revoked; sign in again.",
                ));
            }
            Rotated::Unknown => return Err(revoked("The refresh token was revoked.")),
        }
        Ok(Allowed {
            grant: known.grant,
            scope,
            nonce: None,
            refresh_token: Some(new),
        })
    }

    async fn by_device(&self, application: &Application) -> Result<Allowed, OAuthError> {
        let code = match field(self.fields, "device_code")? {
            Some(code) => code,
            // As version 1 calls it.
            None => required(self.fields, "code")?,
        };
        let handle = Handle::from_client(code.to_owned());
        let polled = self.service.store.poll_device_code(
            handle.digest(),
            &self.tenant.id,
            &application.client,
            Timestamp::now(),
        );
        let (kind, words) = match polled.await.map_err(|error| failed(&error))? {
            Poll::Granted(grant) => {
                let scope = self.scope(&grant.scope)?;
                self.usable(&grant).await?;
                let refresh_token = if scope.offline_access {
                    let family = Uuid::new_v4().to_string();
                    Some(self.begin_family(&grant, family).await?)
                } else {
                    None
                };
                return Ok(Allowed {
                    grant,
                    scope,
                    nonce: None,
                    refresh_token,
                });
            }
            Poll::Pending => (
                OAuthErrorKind::AuthorizationPending,
                "The person has not decided yet; ask again after the interval.",
            ),
            Poll::SlowDown => (
                OAuthErrorKind::SlowDown,
                "Too many requests; wait five seconds longer between them from now on.",
            ),
            Poll::Refused => (
                OAuthErrorKind::AuthorizationDeclined,
                "The person refused the device.",
            ),
            Poll::Expired => (
                OAuthErrorKind::DeviceCodeExpired,
                "The device code has expired; begin again.",
            ),
            Poll::Unknown => (
                OAuthErrorKind::BadVerificationCode,
                "The device code is not known, or was redeemed.",
            ),
        };
        Err(OAuthError::new(kind, words))
    }

    /// Scopes that were read before.
    fn scope(&self, text: &str) -> Result<ScopeRequest, OAuthError> {
        ScopeRequest::parse(text, self.service.verifier.audiences())
            .map_err(|error| OAuthError::new(OAuthErrorKind::InvalidScope, error))
    }

    /// Refuses where the person may not sign in any more.
    async fn usable(&self, grant: &PersonGrant) -> Result<(), OAuthError> {
        self.user(grant).await.map(drop)
    }

    async fn user(&self, grant: &PersonGrant) -> Result<kbgap_store::User, OAuthError> {
        let user = self.service.store.user(&grant.tenant, &grant.user).await;
        let user = user.map_err(|error| failed(&error))?;
        user.filter(|user| !user.disabled).ok_or_else(|| {
            OAuthError::new(
                OAuthErrorKind::UserDisabled,
                "The user account is disabled or was removed.",
            )
        })
    }

    async fn begin_family(
        &self,
        grant: &PersonGrant,
        family: String,
    ) -> Result<Handle, OAuthError> {
        let handle = Handle::generate().map_err(|error| failed(&error))?;
        let now = Timestamp::now();
        let token = RefreshToken {
            grant: grant.clone(),
            family,
            expires_at: now + REFRESH,
            family_until: now + FAMILY,
        };
        let put = self
            .service
            .store
            .put_refresh_token(handle.digest(), &token);
        put.await.map_err(|error| failed(&error))?;
        Ok(handle)
    }

    async fn issue(&self, client: &PersonClient, allowed: Allowed) -> Result<Response, OAuthError> {
        let Allowed { grant, scope, .. } = &allowed;
        let user = self.user(grant).await?;
        let store = &self.service.store;
        let rights = store.rights_of(&grant.tenant, &grant.user).await;
        let unassigned = |words: &str| OAuthError::new(OAuthErrorKind::UserNotAssigned, words);
        let rights = rights
            .map_err(|error| failed(&error))?
            .ok_or_else(|| unassigned("The person belongs to no group here."))?;
        let granted = scope.granted(&super::permissions(&client.application), &rights);
        if granted.is_empty() && scope.wants_api() {
            return Err(unassigned(
                "Application and person together have none of the scopes asked for.",
            ));
        }
        let names: Vec<&str> = granted
            .iter()
            .map(|permission| permission.scope())
            .collect();
        let person = PersonToken {
            tenant: &self.tenant.id,
            client: &client.application.client,
            application: &client.application.name,
            confidential: client.confidential,
            person: &user.id,
            user_name: user.name.as_str(),
            name: &user.display_name,
            scopes: &names,
            signed_in_at: grant.signed_in_at,
        };
        let (issuer, now) = (&self.service.issuer, Timestamp::now());
        let access = issuer
            .issue_to_person(&person, &scope.audience, now)
            .map_err(|error| failed(&error))?;
        let number = |value: i64| match self.version {
            EndpointVersion::V1 => json!(value.to_string()),
            EndpointVersion::V2 => json!(value),
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("token_type", json!("Bearer"));
        put("scope", json!(scope.answer(&granted)));
        put("expires_in", number(access.expires_in));
        put("ext_expires_in", number(access.expires_in));
        if self.version == EndpointVersion::V1 {
            put("expires_on", number(access.expires_on));
            put("not_before", number(access.not_before));
            put("resource", json!(scope.audience));
        }
        put("access_token", json!(access.access_token));
        if let Some(token) = &allowed.refresh_token {
            put("refresh_token", json!(token.expose()));
        }
        if scope.openid {
            let about = IdToken {
                nonce: allowed.nonce.as_deref(),
                profile: scope.profile,
            };
            let token = issuer.issue_id_token(&person, &about, now);
            put("id_token", json!(token.map_err(|error| failed(&error))?));
        }
        if field(self.fields, "client_info")? == Some("1") {
            put("client_info", json!(client_info(&self.tenant.id, &user.id)));
        }
        tracing::info!(tenant = %self.tenant.id, application = %client.application.client, user = %user.id,
            "token issued to a person");
        Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
    }
}

/// An application that asks for a token for a person.
pub(super) struct PersonClient {
    pub(super) application: Application,
    /// It showed its secret.
    pub(super) confidential: bool,
}

fn invalid_grant(words: &str) -> OAuthError {
    OAuthError::new(OAuthErrorKind::InvalidGrant, words)
}

fn revoked(words: &str) -> OAuthError {
    OAuthError::new(OAuthErrorKind::RefreshTokenRevoked, words)
}
