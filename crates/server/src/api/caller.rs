//! Who asks.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{header, request::Parts};
use jiff::Timestamp;
use kbgap_fleet::Fleet;
use kbgap_identity::{Caller, Permission, Unauthorized};

use crate::envelope::ApiError;
use crate::service::Service;

/// A caller whose token was verified.
pub(crate) struct Authenticated(Caller);

impl Authenticated {
    /// The fleet of the caller's tenant, where the caller has one of these permissions.
    pub(crate) fn fleet(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Fleet>, ApiError> {
        if !self.0.may(any_of) {
            return Err(ApiError::forbidden(&self.0, any_of));
        }
        service
            .fleet(&self.0.tenant)
            .ok_or_else(|| ApiError::unauthorized(&Unauthorized::Issuer))
    }

    /// The caller's tenant.
    pub(crate) fn tenant(&self) -> &str {
        &self.0.tenant
    }
}

impl FromRequestParts<Arc<Service>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, ApiError> {
        let header = parts.headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        service
            .verifier
            .verify_header(header, Timestamp::now())
            .map(Self)
            .map_err(|reason| ApiError::unauthorized(&reason))
    }
}
