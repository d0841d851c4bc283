//! The browser that asks: its cookie, and who is signed in in it.
//!
//! A browser has one random text in its cookie. Before anybody signs in it only ties forms to the browser; when somebody
//! does, the browser gets another one, whose hash is kept in the store with the person.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use kbgap_identity::Handle;
use kbgap_store::{BrowserSession, StoreError, User};

use super::page::PageError;
use crate::api::Root;
use crate::service::Service;

/// For how long somebody stays signed in: a day's work.
const SESSION: SignedDuration = SignedDuration::from_hours(12);
/// What forms are tied to the browser by.
const FORMS: &str = "kbgap 2026 forms of a browser";

/// The browser that asks.
pub(crate) struct Browser {
    /// None where the system has no random numbers.
    handle: Option<Handle>,
    /// The browser does not have it yet.
    new: bool,
    secure: bool,
}

/// Somebody is signed in.
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) user: User,
    /// Since when.
    pub(crate) at: Timestamp,
}

impl Browser {
    /// Who is signed in in a tenant, and may be.
    pub(crate) async fn signed_in(
        &self,
        service: &Service,
        tenant: &str,
    ) -> Result<Option<SignedIn>, StoreError> {
        let signed_in = self.signed_in_anywhere(service).await?;
        Ok(signed_in.filter(|signed_in| signed_in.user.tenant == tenant))
    }

    /// Who is signed in, in whichever tenant, and may be.
    pub(crate) async fn signed_in_anywhere(
        &self,
        service: &Service,
    ) -> Result<Option<SignedIn>, StoreError> {
        let Some(handle) = self.handle.as_ref().filter(|_| !self.new) else {
            return Ok(None);
        };
        let session = service.store.session(handle.digest(), Timestamp::now());
        let Some(session) = session.await? else {
            return Ok(None);
        };
        let user = service.store.user(&session.tenant, &session.user).await?;
        Ok(user
            .filter(|user| !user.disabled && !user.must_change)
            .map(|user| SignedIn {
                user,
                at: session.signed_in_at,
            }))
    }

    /// Signs a person in. The browser gets another text: one that others knew before stands for nobody.
    pub(crate) async fn sign_in(
        &mut self,
        service: &Service,
        user: &User,
    ) -> Result<(), PageError> {
        self.end(service).await?;
        let handle = Handle::generate().map_err(|error| PageError::internal(&error))?;
        let now = Timestamp::now();
        let session = BrowserSession {
            tenant: user.tenant.clone(),
            user: user.id.clone(),
            signed_in_at: now,
            expires_at: now + SESSION,
        };
        let begun = service.store.begin_session(handle.digest(), &session);
        begun.await?;
        self.handle = Some(handle);
        self.new = true;
        Ok(())
    }

    /// Signs out whoever is signed in.
    pub(crate) async fn sign_out(&mut self, service: &Service) -> Result<(), PageError> {
        self.end(service).await?;
        let handle = Handle::generate().map_err(|error| PageError::internal(&error))?;
        self.handle = Some(handle);
        self.new = true;
        Ok(())
    }

    async fn end(&self, service: &Service) -> Result<(), StoreError> {
        if let Some(handle) = self.handle.as_ref().filter(|_| !self.new) {
            service.store.end_session(handle.digest()).await?;
        }
        Ok(())
    }

    /// What a form of this browser carries.
    pub(crate) fn csrf(&self) -> String {
        let handle = self.handle.as_ref();
        handle.map_or_else(String::new, |handle| handle.derived(FORMS))
    }

    /// Refuses a form that is not of a page this browser was shown.
    pub(crate) fn check(&self, csrf: &str) -> Result<(), PageError> {
        let handle = self.handle.as_ref().filter(|_| !self.new);
        if handle.is_some_and(|handle| handle.has_derived(FORMS, csrf)) {
            Ok(())
        } else {
            Err(PageError::stale())
        }
    }

    /// The answer, with the cookie where the browser does not have it yet.
    pub(crate) fn answer(&self, mut response: Response) -> Response {
        if let Some(handle) = self.handle.as_ref().filter(|_| self.new) {
            let secure = if self.secure { "; Secure" } else { "" };
            let cookie = format!(
                "{}={}; Path=/; HttpOnly; SameSite=Lax{secure}",
                cookie_name(self.secure),
                handle.expose()
            );
            if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
                cookie.set_sensitive(true);
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

impl FromRequestParts<Arc<Service>> for Browser {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Infallible> {
        let called = Root::from_request_parts(parts, service).await?;
        let secure = called.text().starts_with("https://");
        let known = cookie(&parts.headers, cookie_name(secure));
        let new = known.is_none();
        Ok(Self {
            handle: known.or_else(|| Handle::generate().ok()),
            new,
            secure,
        })
    }
}

/// No other host can set a cookie of the first name (RFC 6265bis, section 4.1.3.2).
fn cookie_name(secure: bool) -> &'static str {
    if secure {
        "__Host-kbgap-session"
    } else {
        "kbgap-session"
    }
}

/// The text of a cookie; one that was not made here is none.
fn cookie(headers: &HeaderMap, name: &str) -> Option<Handle> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, text) = pairs.find(|(key, _)| *key == name)?;
    let own = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (text.len() == 43 && text.bytes().all(own)).then(|| Handle::from_client(text.to_owned()))
}
