//! Who asks.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use jiff::Timestamp;
use kbgap_fleet::Snapshot;
use kbgap_identity::{Caller, Grant, IssuerKind, Permission, Person, Rights, Unauthorized};
use kbgap_store::StoreError;

use super::views::Views;
use crate::audit::Note;
use crate::envelope::ApiError;
use crate::service::Service;
use crate::tenant::Tenant;

const ADMINISTER: Permission = Permission::AdministrationReadWrite;

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

    /// The caller's tenant, where the caller may administer it. Of a person the role is looked up besides: one that was lost
    /// counts no more, also where a token issued before says otherwise.
    pub(crate) async fn administered(&self, service: &Service) -> Result<Arc<Tenant>, ApiError> {
        let tenant = self.tenant(service, &[ADMINISTER])?;
        if let Grant::Delegated(_) = self.0.grant {
            let rights = match &self.0.person {
                Some(person) => self.rights(service, person).await?,
                None => None,
            };
            if !rights.is_some_and(|rights| rights.role.allows(ADMINISTER)) {
                return Err(ApiError::no_role(ADMINISTER));
            }
        }
        Ok(tenant)
    }

    /// What a person may do now: by the groups kept here, or by those that the token of a foreign issuer names.
    async fn rights(
        &self,
        service: &Service,
        person: &Person,
    ) -> Result<Option<Rights>, StoreError> {
        let tenant = &self.0.tenant;
        match self.0.issuer {
            IssuerKind::Own => service.store.rights_of(tenant, &person.id).await,
            IssuerKind::Foreign(_) => {
                let claims: Vec<&str> = person.groups.iter().map(|group| &**group).collect();
                service.store.rights_of_claims(tenant, &claims).await
            }
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

    /// Who asks: the application, else the tenant.
    pub(crate) fn sender(&self) -> &str {
        let application = self.0.application.as_deref();
        application.unwrap_or(&self.0.tenant)
    }
}

impl FromRequestParts<Arc<Service>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, ApiError> {
        let caller = verified(&parts.headers, service).await;
        let caller = caller.map_err(|reason| {
            let counted = service.limits.charge_unknown(&parts.extensions);
            counted.err().unwrap_or(ApiError::unauthorized(&reason))
        })?;
        service.limits.charge(&caller, &parts.extensions)?;
        if let Some(note) = parts.extensions.get::<Note>() {
            note.caller(&caller);
        }
        Ok(Self(caller))
    }
}

async fn verified(headers: &HeaderMap, service: &Service) -> Result<Arc<Caller>, Unauthorized> {
    let header = one_header(headers)?;
    let verify = || service.verifier.verify_header(header, Timestamp::now());
    match verify() {
        // Perhaps the issuer has a new key.
        Err(Unauthorized::UnknownKeyOf(issuer)) if service.issuers.refreshed(&issuer).await => {
            verify()
        }
        answer => answer,
    }
}

/// The one header that a token is taken of (RFC 6750, section 2.1): of two, which one counts would depend on who reads.
fn one_header(headers: &HeaderMap) -> Result<Option<&str>, Unauthorized> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| Unauthorized::Malformed),
        (Some(_), Some(_)) => Err(Unauthorized::Malformed),
    }
}
