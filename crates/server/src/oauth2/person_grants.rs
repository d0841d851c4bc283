//! Tokens for people: by the code that a browser brought, by a refresh token, or by a device's code.

use jiff::{SignedDuration, Timestamp};
use kbgap_identity::{
    ClientSecret, Handle, IdToken, IssuedToken, OAuthError, OAuthErrorKind, PersonToken,
    PkceChallenge, ProvedBy, ScopeRequest,
};
use kbgap_store::{
    AuthorizationCode, PersonGrant, Poll, Redeemed, RefreshToken, Rotated, Rotation, Tenant, User,
};
use uuid::Uuid;

use super::authorize::client_info;
use super::client::ProvenClient;
use super::failed;
use crate::service::Service;

/// For how long a refresh token can be used.
const REFRESH: SignedDuration = SignedDuration::from_hours(14 * 24);
/// For how long the tokens of one sign-in can be refreshed, as Entra ID has it.
const FAMILY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The grants for people, for one application.
pub(super) struct PersonGrants<'a> {
    pub(super) service: &'a Service,
    pub(super) tenant: &'a Tenant,
    /// Who asks.
    pub(super) client: ProvenClient,
}

/// What a person allowed, with what the answer needs beside.
pub(super) struct Allowed {
    pub(super) grant: PersonGrant,
    /// What is asked for now.
    pub(super) scope: ScopeRequest,
    nonce: Option<String>,
    refresh_token: Option<Handle>,
}

/// What an answer states beside an access token for a person.
pub(super) struct ForPerson {
    /// The scopes granted.
    pub(super) scope: String,
    pub(super) refresh_token: Option<Handle>,
    pub(super) id_token: Option<String>,
    /// Who signed in, as the Microsoft Authentication Library wants it told.
    pub(super) client_info: Option<String>,
}

impl PersonGrants<'_> {
    /// By the code that a browser brought.
    pub(super) async fn by_code(
        &self,
        handle: &Handle,
        redirect_uri: &str,
        verifier: Option<&ClientSecret>,
    ) -> Result<Allowed, OAuthError> {
        let family = Uuid::new_v4().to_string();
        let store = &self.service.store;
        // Whoever shows it, it is used up by that: nobody tries verifiers on it.
        let redeemed = store.redeem_authorization_code(handle.digest(), &family);
        let code = match redeemed.await.map_err(|error| failed(&error))? {
            Redeemed::Code(code) => *code,
            Redeemed::Again => {
                tracing::warn!(tenant = %self.tenant.id, application = %self.client.application.client,
                    "a code was redeemed again: the refresh tokens it was redeemed for are revoked");
                return Err(OAuthError::new(
                    OAuthErrorKind::CodeRedeemed,
                    "The code was already redeemed; sign in again for a new one.",
                ));
            }
            Redeemed::Unknown => return Err(invalid_grant("The code is not known.")),
        };
        self.fits(&code, redirect_uri, verifier)?;
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
        redirect_uri: &str,
        verifier: Option<&ClientSecret>,
    ) -> Result<(), OAuthError> {
        let (tenant, client) = (&self.tenant.id, &self.client.application.client);
        if code.grant.tenant != *tenant || code.grant.client != *client {
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
            (Some(challenge), Some(verifier)) => challenge.is_met_by(verifier.expose()),
            // Who proves nothing by anything else proves it by the verifier.
            (None, None) => code.challenge.is_none() && self.client.proved_by != ProvedBy::Nothing,
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

    /// By a refresh token. `person` becomes whose it is, where it is known.
    pub(super) async fn by_refresh_token(
        &self,
        old: &Handle,
        scope: Option<&ScopeRequest>,
        person: &mut Option<String>,
    ) -> Result<Allowed, OAuthError> {
        let store = &self.service.store;
        let (tenant, client) = (&self.tenant.id, &self.client.application.client);
        let known = store.refresh_token(old.digest(), tenant, client).await;
        let known = known
            .map_err(|error| failed(&error))?
            .ok_or_else(|| invalid_grant("The refresh token is not known; sign in again."))?;
        *person = Some(known.grant.user.clone());
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
        let scope = scope.unwrap_or(&first).clone();
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

    /// By the code of a device.
    pub(super) async fn by_device(&self, handle: &Handle) -> Result<Allowed, OAuthError> {
        let polled = self.service.store.poll_device_code(
            handle.digest(),
            &self.tenant.id,
            &self.client.application.client,
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
        Ok(ScopeRequest::parse(
            text,
            self.service.verifier.audiences(),
        )?)
    }

    /// Refuses where the person may not sign in any more.
    async fn usable(&self, grant: &PersonGrant) -> Result<(), OAuthError> {
        self.user(grant).await.map(drop)
    }

    async fn user(&self, grant: &PersonGrant) -> Result<User, OAuthError> {
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

    /// Issues what was allowed, as far as application and person may now.
    pub(super) async fn issue(
        &self,
        allowed: &Allowed,
        tell_client: bool,
    ) -> Result<(IssuedToken, ForPerson), OAuthError> {
        let Allowed { grant, scope, .. } = allowed;
        let user = self.user(grant).await?;
        let store = &self.service.store;
        let rights = store.rights_of(&grant.tenant, &grant.user).await;
        let unassigned = |words: &str| OAuthError::new(OAuthErrorKind::UserNotAssigned, words);
        let rights = rights
            .map_err(|error| failed(&error))?
            .ok_or_else(|| unassigned("The person belongs to no group here."))?;
        let application = &self.client.application;
        let granted = scope.granted(&super::permissions(application), &rights);
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
            client: &application.client,
            application: &application.name,
            proved_by: self.client.proved_by,
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
        let about = IdToken {
            nonce: allowed.nonce.as_deref(),
            profile: scope.profile,
        };
        let id_token = scope
            .openid
            .then(|| issuer.issue_id_token(&person, &about, now));
        let beside = ForPerson {
            scope: scope.answer(&granted),
            refresh_token: allowed.refresh_token.clone(),
            id_token: id_token.transpose().map_err(|error| failed(&error))?,
            client_info: tell_client.then(|| client_info(&self.tenant.id, &user.id)),
        };
        Ok((access, beside))
    }
}

fn invalid_grant(words: &str) -> OAuthError {
    OAuthError::new(OAuthErrorKind::InvalidGrant, words)
}

fn revoked(words: &str) -> OAuthError {
    OAuthError::new(OAuthErrorKind::RefreshTokenRevoked, words)
}
