//! Who asks.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use jiff::Timestamp;
use kbgap_fleet::Snapshot;
use kbgap_identity::{Caller, Grant, Permission, Unauthorized};

use super::views::Views;
use crate::envelope::ApiError;
use crate::service::Service;
use crate::tenant::Tenant;

/// A caller whose token was verified.
pub(crate) struct Authenticated(Arc<Caller>);

impl Authenticated {
    /// The caller's tenant, where the caller has one of these permissions.
    pub(crate) fn tenant(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Tenant>, ApiError> {
        self.permit(any_of)?;
        service
            .served(&self.0.tenant)
            .ok_or_else(|| ApiError::unauthorized(&Unauthorized::Issuer))
    }

    /// Whether the caller has one of these permissions.
    pub(crate) fn permit(&self, any_of: &[Permission]) -> Result<(), ApiError> {
        if self.0.may(any_of) {
            Ok(())
        } else {
            Err(ApiError::forbidden(&self.0, any_of))
        }
    }

    /// The caller's tenant, whatever of the API the caller may use.
    pub(crate) fn any(&self, service: &Service) -> Result<Arc<Tenant>, ApiError> {
        self.tenant(service, &Permission::ALL)
    }

    /// The machines of the caller's tenant as they are now, where the caller has one of these permissions.
    pub(crate) fn machines(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Snapshot>, ApiError> {
        Ok(self.tenant(service, any_of)?.fleet().snapshot())
    }

    /// The same with the rows that lists are made of.
    pub(crate) fn views(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Views>, ApiError> {
        let tenant = self.tenant(service, any_of)?;
        Ok(tenant.views(service))
    }

    /// Which of two sets of permissions counts: that of applications, or that of people.
    pub(crate) fn either<'a>(
        &self,
        application: &'a [Permission],
        person: &'a [Permission],
    ) -> &'a [Permission] {
        match self.0.grant {
            Grant::Application(_) => application,
            Grant::Delegated(_) => person,
        }
    }

    /// Who asks, for limits: the application, else the tenant.
    pub(crate) fn sender(&self) -> &str {
        let application = self.0.application.as_deref();
        application.unwrap_or(&self.0.tenant)
    }
}

impl Authenticated {
    /// The caller whose token is in the headers.
    pub(crate) fn of_headers(headers: &HeaderMap, service: &Service) -> Result<Self, Unauthorized> {
        let header = headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        let caller = service.verifier.verify_header(header, Timestamp::now())?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<Arc<Service>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, ApiError> {
        Self::of_headers(&parts.headers, service).map_err(|reason| ApiError::unauthorized(&reason))
    }
}
