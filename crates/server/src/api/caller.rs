//! Who asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use jiff::Timestamp;
use kbgap_fleet::Snapshot;
use kbgap_identity::{Caller, Grant, IssuerKind, Permission, Person, Rights, Seen, Unauthorized};
use kbgap_store::{StoreError, User};

use super::views::Views;
use crate::audit::Note;
use crate::envelope::ApiError;
use crate::service::Service;
use crate::tenant::Tenant;

/// A caller whose token was verified.
pub(crate) struct Authenticated {
    caller: Arc<Caller>,
    standing: Standing,
    /// What there is for who sees some device groups only; all of the tenant without.
    narrow: Option<Arc<Views>>,
}

/// What a caller may beyond what the token grants.
enum Standing {
    /// An application: the token says all.
    Application,
    /// A person, as far as the person's own rights go (API specification, section 3.4); none for who is in no group.
    Person(Option<Rights>),
}

impl Authenticated {
    /// The caller's tenant, where the caller has one of these permissions.
    pub(crate) fn tenant(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Tenant>, ApiError> {
        self.permit(any_of)?;
        service
            .served(&self.caller.tenant)
            .ok_or_else(|| ApiError::unauthorized(&Unauthorized::Issuer))
    }

    /// The id of the caller's tenant.
    pub(crate) fn tenant_id(&self) -> &str {
        &self.caller.tenant
    }

    /// Whether the caller has one of these permissions.
    pub(crate) fn permit(&self, any_of: &[Permission]) -> Result<(), ApiError> {
        if !self.caller.may(any_of) {
            return Err(ApiError::forbidden(&self.caller, any_of));
        }
        let Standing::Person(rights) = &self.standing else {
            return Ok(());
        };
        let mut granted = any_of.iter().filter(|one| self.caller.may(&[**one]));
        let allows = |one: &Permission| {
            let rights = rights.as_ref();
            rights.is_some_and(|rights| rights.role.allows(*one))
        };
        if granted.clone().any(allows) {
            return Ok(());
        }
        Err(granted.next().map_or_else(
            || ApiError::forbidden(&self.caller, any_of),
            |one| ApiError::no_role(*one),
        ))
    }

    /// The device groups seen, where these are not all.
    pub(crate) fn groups_seen(&self) -> Option<&BTreeSet<Box<str>>> {
        match &self.standing {
            Standing::Person(Some(Rights {
                sees: Seen::Groups(groups),
                ..
            })) => Some(groups),
            _ => None,
        }
    }

    /// The caller's tenant, where the caller may administer it.
    pub(crate) fn administered(&self, service: &Service) -> Result<Arc<Tenant>, ApiError> {
        self.tenant(service, &[Permission::AdministrationReadWrite])
    }

    /// The caller's tenant, whatever of the API the caller may use.
    pub(crate) fn any(&self, service: &Service) -> Result<Arc<Tenant>, ApiError> {
        self.tenant(service, &Permission::ALL)
    }

    /// The machines that the caller sees as they are now, where the caller has one of these permissions.
    pub(crate) fn machines(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Snapshot>, ApiError> {
        let tenant = self.tenant(service, any_of)?;
        Ok(match &self.narrow {
            Some(narrow) => narrow.machines.clone(),
            None => tenant.fleet().snapshot(),
        })
    }

    /// The same with the rows that lists are made of.
    pub(crate) fn views(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Views>, ApiError> {
        let tenant = self.tenant(service, any_of)?;
        Ok(match &self.narrow {
            Some(narrow) => narrow.clone(),
            None => tenant.views(service),
        })
    }

    /// Which of two sets of permissions counts: that of applications, or that of people.
    pub(crate) fn either<'a>(
        &self,
        application: &'a [Permission],
        person: &'a [Permission],
    ) -> &'a [Permission] {
        match self.caller.grant {
            Grant::Application(_) => application,
            Grant::Delegated(_) => person,
        }
    }

    /// Who asks: the person, else the application, else the tenant.
    pub(crate) fn sender(&self) -> &str {
        let person = self.caller.person.as_ref();
        let person = person.map(|person| person.name.as_deref().unwrap_or(&person.id));
        let application = self.caller.application.as_deref();
        person.or(application).unwrap_or(&self.caller.tenant)
    }

    /// The caller whose token a request has. It counts against the limits, and stands in the audit trail.
    pub(crate) async fn of_request(parts: &Parts, service: &Service) -> Result<Self, Refused> {
        let caller = verified(&parts.headers, service).await.map_err(|reason| {
            let counted = service.limits.charge_unknown(&parts.extensions);
            counted.map_or_else(Refused::TooMany, |()| Refused::Unknown(reason))
        })?;
        let counted = service.limits.charge(&caller, &parts.extensions);
        counted.map_err(Refused::TooMany)?;
        if let Some(note) = parts.extensions.get::<Note>() {
            note.caller(&caller);
        }
        Self::of(caller, service).await
    }

    /// A person who is signed in with a browser: as far as the person's role goes.
    pub(crate) async fn of_person(user: &User, service: &Service) -> Result<Self, Refused> {
        let scopes = Permission::ALL.iter().map(|one| one.scope().into());
        let caller = Caller {
            tenant: user.tenant.as_str().into(),
            application: None,
            grant: Grant::Delegated(scopes.collect()),
            person: Some(Person {
                id: user.id.as_str().into(),
                name: Some(user.display_name.as_str().into()),
                groups: Vec::new(),
                roles: Vec::new(),
            }),
            issuer: IssuerKind::Own,
        };
        Self::of(Arc::new(caller), service).await
    }

    async fn of(caller: Arc<Caller>, service: &Service) -> Result<Self, Refused> {
        let standing = match &caller.grant {
            Grant::Application(_) => Standing::Application,
            Grant::Delegated(_) => Standing::Person(rights(&caller, service).await?),
        };
        let mut authenticated = Self {
            caller,
            standing,
            narrow: None,
        };
        if let Some(groups) = authenticated.groups_seen() {
            let tenant = service.served(&authenticated.caller.tenant);
            let tenant = tenant.ok_or(Refused::Unknown(Unauthorized::Issuer))?;
            let narrow = tenant.narrow_views(service, groups).await;
            authenticated.narrow = Some(narrow);
        }
        Ok(authenticated)
    }
}

/// The rights of a person: of our own by the groups the person is in, of a foreign issuer by those the token names.
async fn rights(caller: &Caller, service: &Service) -> Result<Option<Rights>, StoreError> {
    let Some(person) = &caller.person else {
        return Ok(None);
    };
    match &caller.issuer {
        IssuerKind::Own => service.store.rights_of(&caller.tenant, &person.id).await,
        IssuerKind::Foreign(_) => {
            let claims = person.groups.iter().chain(&person.roles);
            let claims: Vec<&str> = claims.map(|claim| &**claim).collect();
            let store = &service.store;
            store.rights_of_claims(&caller.tenant, &claims).await
        }
    }
}

/// Why a request is not answered to whom it claims to be of.
pub(crate) enum Refused {
    /// There is no token that counts.
    Unknown(Unauthorized),
    /// There were too many requests.
    TooMany(ApiError),
    /// It cannot be told.
    Failed(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl FromRequestParts<Arc<Service>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, ApiError> {
        let authenticated = Self::of_request(parts, service).await;
        authenticated.map_err(|refused| match refused {
            Refused::Unknown(reason) => ApiError::unauthorized(&reason),
            Refused::TooMany(error) => error,
            Refused::Failed(error) => error.into(),
        })
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
