//! What the claims of a verified token say: whose it is, and what is granted.

use std::sync::Arc;

use crate::caller::{Caller, Grant, IssuerKind, Person};
use crate::claims::{ClaimSet, words};
use crate::foreign::{
    ApplicationRule, ClaimList, ClaimMapping, ClaimPath, ForeignIssuer, MappedClaims,
};
use crate::unauthorized::Unauthorized;

/// Claims of ID tokens (`OpenID` Connect Core 1.0, sections 2 and 3.3.2.11) and of logout tokens (Back-Channel Logout 1.0,
/// section 2.4), which no access token has; and `cnf`, of tokens that count only with a proof beside them (RFC 7800),
/// which is not asked for here.
const NO_BEARER_TOKEN: [&str; 5] = ["nonce", "at_hash", "c_hash", "events", "cnf"];

/// Of whom, for what.
struct Of {
    application: Option<Box<str>>,
    grant: Grant,
    person: Option<Person>,
}

/// The caller of a token issued here.
pub(crate) fn own(claims: &ClaimSet, tenant: &str) -> Result<Caller, Unauthorized> {
    bearer(claims)?;
    let of = entra(claims)?;
    Ok(caller(tenant, IssuerKind::Own, of))
}

/// The caller of a token of a foreign issuer.
pub(crate) fn foreign(claims: &ClaimSet, issuer: &ForeignIssuer) -> Result<Caller, Unauthorized> {
    bearer(claims)?;
    let of = match &issuer.claims {
        ClaimMapping::Entra { .. } => entra(claims)?,
        ClaimMapping::Mapped(mapped) => mapped_claims(claims, mapped)?,
    };
    let kind = IssuerKind::Foreign(Arc::clone(&issuer.name));
    Ok(caller(&issuer.tenant, kind, of))
}

fn caller(tenant: &str, issuer: IssuerKind, of: Of) -> Caller {
    Caller {
        tenant: tenant.into(),
        application: of.application,
        grant: of.grant,
        person: of.person,
        issuer,
    }
}

fn bearer(claims: &ClaimSet) -> Result<(), Unauthorized> {
    if NO_BEARER_TOKEN.iter().any(|name| claims.has(name)) {
        return Err(Unauthorized::Kind);
    }
    Ok(())
}

/// The form of Entra ID (API specification, section 3.3): with `scp` it is a person's, whatever roles stand beside it; an
/// application's own names the application and nobody else.
fn entra(claims: &ClaimSet) -> Result<Of, Unauthorized> {
    let application = match claims.text("appid")? {
        Some(version_1) => Some(version_1),
        None => claims.text("azp")?,
    };
    let roles = claims.texts("roles")?;
    let (object, subject) = (claims.text("oid")?, claims.text("sub")?);
    let of_kind = claims.text("idtyp")?;
    let (grant, person) = if let Some(scopes) = claims.text("scp")? {
        if of_kind == Some("app") {
            return Err(Unauthorized::Subject);
        }
        let mut name = None;
        for claim in ["name", "preferred_username", "upn"] {
            name = name.or(claims.text(claim)?);
        }
        let person = Person {
            id: object.or(subject).ok_or(Unauthorized::Subject)?.into(),
            name: name.map(Box::from),
            groups: claims.texts("groups")?,
            roles,
        };
        (Grant::Delegated(words(scopes)), Some(person))
    } else {
        // An ID token has no scopes either; but it is of a person, whose object is not the pairwise subject, and it
        // names no application as the one it was issued to.
        let of_application = application.is_some()
            && of_kind.is_none_or(|kind| kind == "app")
            && object.is_some()
            && object == subject;
        if !of_application {
            return Err(Unauthorized::Subject);
        }
        (Grant::Application(roles), None)
    };
    Ok(Of {
        application: application.map(Box::from),
        grant,
        person,
    })
}

fn mapped_claims(claims: &ClaimSet, mapped: &MappedClaims) -> Result<Of, Unauthorized> {
    // Keycloak tells by a claim of this name what it issued: ID, Refresh, Offline, Logout, or Bearer.
    if claims
        .text("typ")?
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("Bearer"))
    {
        return Err(Unauthorized::Kind);
    }
    let application = match &mapped.application {
        Some(path) => claims.text_at(path)?,
        None => match claims.text("azp")? {
            Some(authorized) => Some(authorized),
            None => claims.text("client_id")?,
        },
    };
    let of_application = match &mapped.applications {
        ApplicationRule::Never => false,
        ApplicationRule::SubjectIsApplication => {
            application.is_some() && application == claims.text("sub")?
        }
        ApplicationRule::Claim { path, value } => is(claims, path, value.as_deref()),
    };
    let (grant, person) = if of_application {
        if application.is_none() {
            return Err(Unauthorized::Subject);
        }
        let roles = match &mapped.application_roles {
            ClaimList::Array(path) => claims.texts_at(path)?,
            ClaimList::Words(path) => claims.words_at(path)?,
        };
        (Grant::Application(roles), None)
    } else {
        let id = claims.text_at(&mapped.person)?;
        let person = Person {
            id: id.ok_or(Unauthorized::Subject)?.into(),
            name: claims.text_at(&mapped.name)?.map(Box::from),
            groups: claims.texts_at(&mapped.groups)?,
            roles: claims.texts_at(&mapped.roles)?,
        };
        let scopes = claims.words_at(&mapped.scope)?;
        (Grant::Delegated(scopes), Some(person))
    };
    Ok(Of {
        application: application.map(Box::from),
        grant,
        person,
    })
}

fn is(claims: &ClaimSet, path: &ClaimPath, value: Option<&str>) -> bool {
    let found = claims.at(path);
    match value {
        Some(value) => found.and_then(|found| found.as_str()) == Some(value),
        None => found.is_some_and(|found| !found.is_null()),
    }
}
