//! Who reads a page, how it is to be shown, and what is asked of it: the one extractor of all pages.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use kbgap_identity::Permission;
use kbgap_portal::{Asked, Download, Frame, Language, Role, Section, Theme, Viewer};

use super::problem::Problem;
use crate::api::{Authenticated, Refused, Views};
use crate::oauth2::browser::Browser;
use crate::oauth2::sign_in;
use crate::service::Service;
use crate::tenant::Tenant;

/// The cookie of the language.
pub(super) const LANGUAGE: &str = "kbgap_lang";
/// The cookie of the looks.
pub(super) const THEME: &str = "kbgap_theme";

/// The tenant of those who never need two, in paths.
const ANY: &str = "common";

/// Who reads a page, and what is asked of it.
pub(crate) struct Reader {
    caller: Authenticated,
    /// What surrounds the page.
    pub(crate) frame: Frame,
    /// What is asked by the URL.
    pub(crate) asked: Asked,
}

impl Reader {
    /// The same in a part of the portal.
    pub(crate) fn reading(mut self, section: Section) -> Self {
        self.frame.section = Some(section);
        self
    }

    /// The reader's tenant, where the reader has one of these permissions.
    pub(crate) fn tenant(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Tenant>, Problem> {
        let tenant = self.caller.tenant(service, any_of);
        tenant.map_err(|_| Problem::forbidden(&self.frame, any_of))
    }

    /// The machines the reader sees, with the rows that lists are made of, where the reader has one of these permissions.
    pub(crate) fn views(
        &self,
        service: &Service,
        any_of: &[Permission],
    ) -> Result<Arc<Views>, Problem> {
        let views = self.caller.views(service, any_of);
        views.map_err(|_| Problem::forbidden(&self.frame, any_of))
    }

    /// The reader's tenant.
    pub(crate) fn tenant_id(&self) -> &str {
        self.caller.tenant_id()
    }

    /// Whether the reader sees the machines of all device groups.
    pub(crate) fn sees_all(&self) -> bool {
        self.caller.groups_seen().is_none()
    }

    /// The file asked for in place of the page.
    pub(crate) fn download(&self) -> Option<Download> {
        Download::of_name(self.asked.value("format")?)
    }

    /// There is no such thing.
    pub(crate) fn not_found(&self, what: &str) -> Problem {
        Problem::not_found(&self.frame, what)
    }
}

impl FromRequestParts<Arc<Service>> for Reader {
    /// A page that says why, or leads to where one signs in.
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Response> {
        let query = parts.uri.query().unwrap_or_default();
        let here = parts.uri.path_and_query().map(ToString::to_string);
        let frame = Frame::new(
            service.portal.clone(),
            language(parts, query),
            cookie(parts, THEME)
                .and_then(Theme::of_name)
                .unwrap_or_default(),
            here.unwrap_or_else(|| "/".to_owned()),
        );
        let asked = Asked::of_query(query);
        let (caller, session) = known(parts, service, &frame).await?;
        let groups = caller.groups_seen();
        let viewer = Viewer {
            name: caller.sender().to_owned(),
            role: role(&caller),
            groups: groups.map(|groups| groups.iter().map(ToString::to_string).collect()),
            session,
        };
        Ok(Self {
            frame: frame.read_by(viewer),
            caller,
            asked,
        })
    }
}

/// Who asks: by a token, as the API's clients, else the person signed in with the browser; and whether it is that. Nobody
/// else is shown a page: the browser is sent to sign in, and comes back.
async fn known(
    parts: &mut Parts,
    service: &Arc<Service>,
    frame: &Frame,
) -> Result<(Authenticated, bool), Response> {
    let refused = |refused| match refused {
        Refused::Unknown(reason) => Problem::sign_in(frame, reason).into_response(),
        Refused::TooMany(error) => error.into_response(),
        Refused::Failed(error) => Problem::store(frame, &error).into_response(),
    };
    if parts.headers.contains_key(header::AUTHORIZATION) {
        let caller = Authenticated::of_request(parts, service).await;
        return Ok((caller.map_err(refused)?, false));
    }
    let Ok(browser) = Browser::from_request_parts(parts, service).await;
    let signed_in = browser.signed_in_anywhere(service).await;
    let signed_in = signed_in.map_err(|error| Problem::store(frame, &error).into_response())?;
    let Some(signed_in) = signed_in else {
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let place = sign_in::path(ANY, here, "");
        return Err(Problem::sign_in_at(frame, place).into_response());
    };
    let caller = Authenticated::of_person(&signed_in.user, service).await;
    Ok((caller.map_err(refused)?, true))
}

fn role(caller: &Authenticated) -> Role {
    let manages = [Permission::MachineReadWrite, Permission::InventoryWrite];
    if caller
        .permit(&[Permission::AdministrationReadWrite])
        .is_ok()
    {
        Role::Administer
    } else if caller.permit(&manages).is_ok() {
        Role::Manage
    } else {
        Role::View
    }
}

/// The language asked for by the URL, else the one kept, else the one the browser likes best.
fn language(parts: &Parts, query: &str) -> Language {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let asked = pairs.iter().find(|(name, _)| name == "lang");
    let asked = asked.and_then(|(_, tag)| Language::of_tag(tag));
    let accepted = || {
        let header = parts.headers.get(header::ACCEPT_LANGUAGE)?;
        Language::accepted(header.to_str().ok()?)
    };
    let kept = || Language::of_tag(cookie(parts, LANGUAGE)?);
    asked.or_else(kept).or_else(accepted).unwrap_or_default()
}

fn cookie<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let headers = parts.headers.get_all(header::COOKIE).into_iter();
    let texts = headers.filter_map(|value| value.to_str().ok());
    let mut pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}
