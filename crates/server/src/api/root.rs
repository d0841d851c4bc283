//! The absolute URL of the API's root, as `@odata.context` states it.

use axum::extract::FromRequestParts;
use axum::http::uri::Authority;
use axum::http::{header, request::Parts};
use kbgap_edge::Scheme;
use std::convert::Infallible;
use std::sync::Arc;

use crate::service::Service;

/// The root of the API: the public URL, else the host the client called (API specification, section 0).
pub(crate) struct Root(String);

impl Root {
    /// The URL.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl FromRequestParts<Arc<Service>> for Root {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Infallible> {
        let settings = &service.settings;
        if let Some(url) = &settings.public_url {
            return Ok(Self(url.trim_end_matches('/').to_owned()));
        }
        // HTTP/2 states the host in the URL.
        let host = parts.headers.get(header::HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let host = host.or(parts.uri.authority().map(Authority::as_str));
        let scheme = parts.extensions.get::<Scheme>();
        let scheme = scheme.copied().unwrap_or(Scheme::Http).name();
        Ok(Self(match host.filter(|host| is_host(host)) {
            Some(host) => format!("{scheme}://{host}"),
            None => settings.local_url.clone(),
        }))
    }
}

/// Whether a text can stand as a host in a URL: what a client sends comes back to it.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}
