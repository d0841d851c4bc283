//! The absolute URL of the API's root, as `@odata.context` states it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::front::CalledRoot;
use crate::service::Service;

/// The root of the API, by the name that the client called (API specification, sections 0 and 7).
pub(crate) struct Root(Arc<str>);

impl Root {
    /// The URL, without a slash at its end.
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
        let called = parts.extensions.get::<CalledRoot>();
        Ok(Self(match called {
            Some(CalledRoot(root)) => root.clone(),
            None => service.settings.issuer_url().into(),
        }))
    }
}
