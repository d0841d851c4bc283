//! Devices without a browser: they show a code, which a person enters in a browser elsewhere (RFC 8628).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use jiff::{SignedDuration, Timestamp};
use kbgap_identity::{EndpointVersion, Handle, OAuthError, OAuthErrorKind, ScopeRequest, UserCode};
use kbgap_store::{Application, AuditOutcome, DeviceCode, Tenant};
use serde::Deserialize;
use serde_json::json;

use super::authorize::{Decision, asked, in_words};
use super::browser::{Browser, SignedIn};
use super::page::{self, ConsentPage, DevicePage, PageError};
use super::{Refused, client, failed, sign_in};
use crate::api::Root;
use crate::audit::{Act, Who};
use crate::peer::Peer;
use crate::service::Service;

/// For how long a device waits, as Entra ID has it.
const WAITS: SignedDuration = SignedDuration::from_mins(15);
/// How often it may ask.
const POLL: SignedDuration = SignedDuration::from_secs(5);
/// How often a code is made anew that another device waits with.
const TRIES: usize = 5;

const UNKNOWN: &str = "No device waits with this code. Look whether it is typed as the device shows it; after a quarter of an hour the device must show a new one.";

#[derive(Deserialize)]
pub(crate) struct Entered {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    user_code: String,
}

/// `POST /{tenant}/oauth2/v2.0/devicecode`
pub(crate) async fn begin(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    called: Root,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    wait(&service, &tenant, &called, &body, EndpointVersion::V2).await
}

/// `POST /{tenant}/oauth2/devicecode`, which takes `resource`.
pub(crate) async fn begin_v1(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    called: Root,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refused> {
    wait(&service, &tenant, &called, &body, EndpointVersion::V1).await
}

async fn wait(
    service: &Service,
    tenant: &str,
    called: &Root,
    body: &Result<Bytes, BytesRejection>,
    version: EndpointVersion,
) -> Result<Response, Refused> {
    let tenant = super::tenant(service, tenant).await?;
    let form = super::form(body)?;
    let application = client::named(service, &tenant, form.required("client_id")?).await?;
    let audiences = service.verifier.audiences();
    let scope = match version {
        EndpointVersion::V2 => form.required("scope")?.to_owned(),
        EndpointVersion::V1 => {
            let resource = form.optional("resource")?;
            ScopeRequest::of_resource(resource.unwrap_or(audiences.first()))
        }
    };
    ScopeRequest::parse(&scope, audiences).map_err(OAuthError::from)?;
    let code = DeviceCode {
        tenant: tenant.id,
        client: application.client,
        scope,
        poll_every: POLL,
        expires_at: Timestamp::now() + WAITS,
    };
    let (handle, user_code) = put(service, &code).await?;
    let page = format!("{}/devicelogin", called.text());
    let message = format!(
        "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
    );
    let (waits, poll) = (WAITS.as_secs(), POLL.as_secs());
    let body = match version {
        EndpointVersion::V2 => json!({
            "user_code": user_code.to_string(),
            "device_code": handle.expose(),
            "verification_uri": page,
            "expires_in": waits,
            "interval": poll,
            "message": message,
        }),
        EndpointVersion::V1 => json!({
            "user_code": user_code.to_string(),
            "device_code": handle.expose(),
            "verification_url": page,
            "expires_in": waits.to_string(),
            "interval": poll.to_string(),
            "message": message,
        }),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

async fn put(service: &Service, code: &DeviceCode) -> Result<(Handle, UserCode), OAuthError> {
    for _ in 0..TRIES {
        let handle = Handle::generate().map_err(|error| failed(&error))?;
        let user_code = UserCode::generate().map_err(|error| failed(&error))?;
        let put = service
            .store
            .put_device_code(handle.digest(), user_code.digest(), code);
        if put.await.map_err(|error| failed(&error))? {
            return Ok((handle, user_code));
        }
    }
    Err(OAuthError::new(
        OAuthErrorKind::Server,
        "Too many devices wait; try again later.",
    ))
}

/// `GET /devicelogin` and `GET /{tenant}/oauth2/deviceauth`: the page to enter the code.
pub(crate) async fn show(
    Query(entered): Query<Entered>,
    browser: Browser,
) -> Result<Response, PageError> {
    enter(&browser, &entered.user_code, None)
}

/// `POST /devicelogin` and `POST /{tenant}/oauth2/deviceauth`: a code was entered.
pub(crate) async fn submit(
    State(service): State<Arc<Service>>,
    browser: Browser,
    Form(entered): Form<Entered>,
) -> Result<Response, PageError> {
    browser.check(&entered.csrf)?;
    let Some(waiting) = Waiting::find(&service, &entered.user_code).await? else {
        return enter(&browser, &entered.user_code, Some(UNKNOWN));
    };
    let tenant = &waiting.tenant;
    let Some(signed_in) = browser.signed_in(&service, &tenant.id).await? else {
        let code = &waiting.user_code;
        let to = format!("/{}/oauth2/deviceauth?user_code={code}", tenant.id);
        return Ok(Redirect::to(&sign_in::path(&tenant.id, &to, "")).into_response());
    };
    let Some(names) = waiting.asked(&service, &signed_in).await? else {
        return enter(&browser, "", Some(NO_RIGHTS));
    };
    let names: Vec<&str> = names.iter().map(|name| in_words(name)).collect();
    let page = ConsentPage {
        action: &format!("/{}/oauth2/deviceauth/decision", tenant.id),
        csrf: &browser.csrf(),
        application: &waiting.application.name,
        user: signed_in.user.name.as_str(),
        asked: &names,
        device: true,
        request: "",
        user_code: &waiting.user_code.to_string(),
    };
    page::show(&page, &[])
}

const NO_RIGHTS: &str = "AADSTS50105: You belong to no group that may do what the device asks for. Ask whoever manages kbgap.";

/// `POST /{tenant}/oauth2/deviceauth/decision`: the person lets the device in, or not.
pub(crate) async fn decide(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    browser: Browser,
    Form(form): Form<Decision>,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    browser.check(&form.csrf)?;
    let Some(signed_in) = browser.signed_in(&service, &tenant.id).await? else {
        return Err(PageError::stale());
    };
    let waiting = Waiting::find(&service, &form.user_code).await?;
    let Some(waiting) = waiting.filter(|waiting| waiting.tenant.id == tenant.id) else {
        return enter(&browser, &form.user_code, Some(UNKNOWN));
    };
    let (store, code, now) = (&service.store, waiting.user_code.digest(), Timestamp::now());
    let (user, client) = (&signed_in.user.id, &waiting.application.client);
    let act = Act::new(Who::person(user), "device.sign-in").from(peer.0);
    let act = act.in_tenant(&tenant.id).on(client);
    if form.answer != "accept" {
        store.refuse_device(code, &tenant.id, now).await?;
        let refused = act.with(AuditOutcome::Refused);
        service.audit.record(refused.telling("the person declined"));
        return sign_in::message("The device was refused", "You can close this page.");
    }
    let Some(names) = waiting.asked(&service, &signed_in).await? else {
        return enter(&browser, "", Some(NO_RIGHTS));
    };
    store.consent(&tenant.id, user, client, &names).await?;
    let by = (user.as_str(), signed_in.at);
    if !store.let_device_in(code, &tenant.id, by, now).await? {
        return enter(&browser, "", Some(UNKNOWN));
    }
    service.audit.record(act.telling(names.join(" ")));
    sign_in::message(
        "The device is signed in",
        "Go back to it; you can close this page.",
    )
}

fn enter(browser: &Browser, user_code: &str, error: Option<&str>) -> Result<Response, PageError> {
    let page = DevicePage {
        csrf: &browser.csrf(),
        user_code,
        error,
    };
    Ok(browser.answer(page::show(&page, &[])?))
}

/// A device that waits, with whose it is.
struct Waiting {
    user_code: UserCode,
    code: DeviceCode,
    tenant: Tenant,
    application: Application,
}

impl Waiting {
    async fn find(service: &Service, typed: &str) -> Result<Option<Self>, PageError> {
        let Some(user_code) = UserCode::typed(typed) else {
            return Ok(None);
        };
        let found = service
            .store
            .waiting_device(user_code.digest(), Timestamp::now());
        let Some(code) = found.await? else {
            return Ok(None);
        };
        let tenant = service.tenant(&code.tenant).await?;
        let application = service
            .store
            .application(&code.tenant, &code.client)
            .await?;
        Ok(tenant.zip(application).map(|(tenant, application)| Self {
            user_code,
            code,
            tenant,
            application,
        }))
    }

    /// What the device asks for, as far as application and person may; `None` where that is nothing.
    async fn asked(
        &self,
        service: &Service,
        signed_in: &SignedIn,
    ) -> Result<Option<Vec<&'static str>>, PageError> {
        let (tenant, user) = (&self.tenant.id, &signed_in.user.id);
        let Some(rights) = service.store.rights_of(tenant, user).await? else {
            return Ok(None);
        };
        let scope = ScopeRequest::parse(&self.code.scope, service.verifier.audiences())
            .map_err(|error| PageError::internal(&error))?;
        let granted = scope.granted(&super::permissions(&self.application), &rights);
        let nothing = granted.is_empty() && scope.wants_api();
        Ok((!nothing).then(|| asked(&scope, &granted)))
    }
}
