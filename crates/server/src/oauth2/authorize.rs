//! The authorization endpoint: a person signs in and agrees, and the browser brings a code to the application
//! (RFC 6749, section 4.1, with PKCE; `OpenID` Connect Core 1.0, section 3.1).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use kbgap_identity::{
    Form, Handle, OAuthError, OAuthErrorKind, Permission, PkceChallenge, RedirectUri, ScopeRequest,
};
use kbgap_store::{
    Application, AuditOutcome, AuthorizationCode, PersonGrant, StoreError, Tenant, User,
};
use serde::Deserialize;
use serde_json::json;

use super::browser::{Browser, SignedIn};
use super::page::{self, ConsentPage, FormPostPage, PageError};
use super::{client, sign_in};
use crate::audit::{Act, Who};
use crate::peer::Peer;
use crate::service::Service;

/// For how long a code can be redeemed; ten minutes are the most (RFC 6749, section 4.1.2).
const CODE: SignedDuration = SignedDuration::from_mins(5);
/// The longest text that a client gets back as it sent it.
const LONGEST_ECHO: usize = 4096;

/// A person's answer to what an application asks for.
#[derive(Deserialize)]
pub(super) struct Decision {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) request: String,
    #[serde(default)]
    pub(super) user_code: String,
    #[serde(default, rename = "decision")]
    pub(super) answer: String,
}

/// How the browser brings the answer to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseMode {
    Query,
    FormPost,
}

/// Where an answer goes: a redirect URI of the application that asks.
struct Target {
    redirect: RedirectUri,
    mode: ResponseMode,
    state: Option<String>,
}

/// What an application asks for.
struct Request {
    application: Application,
    target: Target,
    scope: ScopeRequest,
    scope_text: String,
    challenge: Option<PkceChallenge>,
    nonce: Option<String>,
    prompt: Vec<String>,
    login_hint: String,
    client_info: bool,
}

/// Why nothing can be done. Only a redirect URI that is the application's is told.
enum Refusal {
    Page(PageError),
    Client(Box<Target>, OAuthError),
}

impl<T: Into<PageError>> From<T> for Refusal {
    fn from(error: T) -> Self {
        Self::Page(error.into())
    }
}

/// `GET /{tenant}/oauth2/v2.0/authorize`
pub(crate) async fn ask(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
    browser: Browser,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    let query = query.unwrap_or_default();
    let answer = match read(&service, &tenant, &query).await {
        Ok(request) => answer(&service, &tenant, &browser, &query, request).await,
        Err(refusal) => Err(refusal),
    };
    let response = match answer {
        Ok(response) => response,
        Err(Refusal::Page(error)) => return Err(error),
        Err(Refusal::Client(target, error)) => target.refuse(&error)?,
    };
    Ok(browser.answer(response))
}

/// `POST /{tenant}/oauth2/v2.0/authorize`: the same, with what is asked for in the body. A browser does not send its cookie
/// with a form of another site, so it is sent here once more.
pub(crate) async fn ask_by_form(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    body: String,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    // Form encoding has no character that a query may not have; anything else is refused when it is read.
    let safe = body.bytes().all(|byte| byte.is_ascii_graphic());
    let query = if safe { body.as_str() } else { "" };
    Ok(Redirect::to(&path(&tenant.id, query)).into_response())
}

/// `POST /{tenant}/oauth2/consent`
pub(crate) async fn decide(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    browser: Browser,
    axum::Form(form): axum::Form<Decision>,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    browser.check(&form.csrf)?;
    let request = match read(&service, &tenant, &form.request).await {
        Ok(request) => request,
        Err(Refusal::Page(error)) => return Err(error),
        Err(Refusal::Client(target, error)) => return target.refuse(&error),
    };
    let signed_in = browser.signed_in(&service, &tenant.id).await?;
    let client = &request.application.client;
    let act = |who: Who| {
        let act = Act::new(who, "consent.give").in_tenant(&tenant.id);
        act.on(client).from(peer.0)
    };
    if form.answer != "accept" {
        let who = signed_in.map(|signed_in| Who::person(&signed_in.user.id));
        let refused = act(who.unwrap_or(Who::Unknown)).with(AuditOutcome::Refused);
        service.audit.record(refused.telling("the person declined"));
        let words = "The person did not let the application act.";
        let error = OAuthError::new(OAuthErrorKind::ConsentDeclined, words);
        return request.target.refuse(&error);
    }
    let Some(signed_in) = signed_in else {
        return Err(PageError::stale());
    };
    if let Some(granted) = granted(&service, &signed_in.user, &request).await? {
        let names = asked(&request.scope, &granted);
        let user = &signed_in.user.id;
        let kept = service.store.consent(&tenant.id, user, client, &names);
        kept.await?;
        let given = act(Who::person(user)).telling(names.join(" "));
        service.audit.record(given);
    }
    let query = without_prompt(&form.request);
    Ok(Redirect::to(&path(&tenant.id, &query)).into_response())
}

/// The redirect URI of an application that one sent by a client means.
pub(super) async fn registered(
    service: &Service,
    tenant: &str,
    client: &str,
    sent: &str,
) -> Result<Option<RedirectUri>, StoreError> {
    let Ok(sent) = RedirectUri::new(sent) else {
        return Ok(None);
    };
    let registered = service.store.redirect_uris(tenant, client).await?;
    let is_meant = registered
        .iter()
        .filter_map(|uri| RedirectUri::new(uri).ok())
        .any(|uri| uri.is_meant_by(&sent));
    Ok(is_meant.then_some(sent))
}

/// What a page's policy calls the place to which a browser is sent from a path, where that is this endpoint.
pub(super) async fn source_of(service: &Service, tenant: &Tenant, to: &str) -> Option<String> {
    let query = to.strip_prefix(&path(&tenant.id, ""))?;
    let request = read(service, tenant, query).await.ok()?;
    Some(request.target.redirect.source())
}

/// The names that a person is asked about and agrees to.
pub(super) fn asked(scope: &ScopeRequest, granted: &[Permission]) -> Vec<&'static str> {
    let permissions = granted.iter().map(|permission| permission.scope());
    scope.of_person().chain(permissions).collect()
}

/// What each of these names means to a person.
pub(super) fn in_words(name: &str) -> &str {
    match name {
        "openid" => "know who you are",
        "profile" => "know your name",
        "email" => "know your address",
        "offline_access" => "act for you also while you are away",
        "Software.Read" => "read software and missing updates (Software.Read)",
        "Vulnerability.Read" => "read vulnerabilities (Vulnerability.Read)",
        "SecurityRecommendation.Read" => {
            "read security recommendations (SecurityRecommendation.Read)"
        }
        "Score.Read" => "read scores (Score.Read)",
        "RemediationTasks.Read" => "read remediation tasks (RemediationTasks.Read)",
        "SecurityBaselinesAssessment.Read" => {
            "read assessments of security baselines (SecurityBaselinesAssessment.Read)"
        }
        "Machine.Read" => "read machines (Machine.Read)",
        "Machine.ReadWrite" => "read and change machines (Machine.ReadWrite)",
        "Inventory.Write" => "send reports of machines (Inventory.Write)",
        "Administration.ReadWrite" => {
            "manage applications, users and groups (Administration.ReadWrite)"
        }
        other => other,
    }
}

/// Who signed in, as the Microsoft Authentication Library wants it told.
pub(super) fn client_info(tenant: &str, user: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "uid": user, "utid": tenant }).to_string())
}

fn path(tenant: &str, query: &str) -> String {
    format!("/{tenant}/oauth2/v2.0/authorize?{query}")
}

/// What an application asks for in the name of a person, as far as both may. `None` where the person has no rights here.
async fn granted(
    service: &Service,
    user: &User,
    request: &Request,
) -> Result<Option<Vec<Permission>>, StoreError> {
    let rights = service.store.rights_of(&user.tenant, &user.id).await?;
    let permissions = super::permissions(&request.application);
    Ok(rights.map(|rights| request.scope.granted(&permissions, &rights)))
}

/// Reads what is asked for. Where application and redirect URI do not belong together, only a page says so: the browser is
/// not sent to whom it was not meant for.
async fn read(service: &Service, tenant: &Tenant, query: &str) -> Result<Request, Refusal> {
    let refused = |error: OAuthError| Refusal::Page(PageError::refused(&error));
    let form = serde_urlencoded::from_str(query)
        .map(Form::new)
        .map_err(|_| {
            refused(OAuthError::new(
                OAuthErrorKind::InvalidRequest,
                "The request cannot be read.",
            ))
        })?;
    let client = form.required("client_id").map_err(refused)?;
    let application = client::named(service, tenant, client).await;
    let application = application.map_err(refused)?;
    let client = application.client.as_str();
    let sent = form.required("redirect_uri").map_err(refused)?;
    let redirect = registered(service, &tenant.id, client, sent).await?;
    let redirect = redirect.ok_or_else(|| {
        refused(OAuthError::new(
            OAuthErrorKind::RedirectMismatch,
            format!("The redirect URI '{sent}' is not one of the application '{client}': register it by 'kbgap app redirect add'."),
        ))
    })?;
    let mut target = Target {
        redirect,
        mode: ResponseMode::Query,
        state: None,
    };
    let is_public = service.store.is_public(&tenant.id, client).await?;
    match target.read(&form).and_then(|()| {
        let rest = Rest::read(&form, is_public)?;
        let scope = ScopeRequest::parse(&rest.scope_text, service.verifier.audiences())?;
        Ok((rest, scope))
    }) {
        Ok((rest, scope)) => Ok(Request {
            application,
            target,
            scope,
            scope_text: rest.scope_text,
            challenge: rest.challenge,
            nonce: rest.nonce,
            prompt: rest.prompt,
            login_hint: rest.login_hint,
            client_info: rest.client_info,
        }),
        Err(error) => Err(Refusal::Client(Box::new(target), error)),
    }
}

/// The fields of a request that mean something once it is known who asks.
struct Rest {
    scope_text: String,
    challenge: Option<PkceChallenge>,
    nonce: Option<String>,
    prompt: Vec<String>,
    login_hint: String,
    client_info: bool,
}

impl Rest {
    fn read(form: &Form, is_public: bool) -> Result<Self, OAuthError> {
        let invalid = |words: &str| OAuthError::new(OAuthErrorKind::InvalidRequest, words);
        if form.required("response_type")? != "code" {
            return Err(OAuthError::new(
                OAuthErrorKind::UnsupportedResponseType,
                "The response_type must be 'code'.",
            ));
        }
        let method = form.optional("code_challenge_method")?;
        let challenge = match form.optional("code_challenge")? {
            Some(challenge) => Some(
                PkceChallenge::new(challenge, method)
                    .map_err(|error| invalid(&format!("The challenge is not taken: {error}.")))?,
            ),
            None if is_public => {
                return Err(invalid(
                    "The application has no secret: the request must contain the parameters 'code_challenge' and 'code_challenge_method=S256' (RFC 7636).",
                ));
            }
            None => None,
        };
        let nonce = form.optional("nonce")?;
        if nonce.is_some_and(|nonce| nonce.len() > 1000) {
            return Err(invalid("The nonce is longer than 1,000 bytes."));
        }
        let prompt = form.optional("prompt")?.unwrap_or_default();
        let prompt: Vec<String> = prompt.split_whitespace().map(str::to_owned).collect();
        let known = ["none", "login", "consent", "select_account"];
        if prompt.iter().any(|one| !known.contains(&one.as_str()))
            || (prompt.len() > 1 && prompt.iter().any(|one| one == "none"))
        {
            return Err(invalid(
                "The prompt must be 'none' alone, or of 'login', 'consent' and 'select_account'.",
            ));
        }
        Ok(Self {
            scope_text: form.required("scope")?.to_owned(),
            challenge,
            nonce: nonce.map(str::to_owned),
            prompt,
            login_hint: form.optional("login_hint")?.unwrap_or_default().to_owned(),
            client_info: form.optional("client_info")? == Some("1"),
        })
    }
}

/// Signs the person in, asks the person where that is needed, and answers with a code.
async fn answer(
    service: &Service,
    tenant: &Tenant,
    browser: &Browser,
    query: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let wants = |prompt: &str| request.prompt.iter().any(|one| one == prompt);
    let silent = wants("none");
    let signed_in = browser.signed_in(service, &tenant.id).await?;
    let signed_in = signed_in.filter(|_| !wants("login") && !wants("select_account"));
    let Some(signed_in) = signed_in else {
        if silent {
            return Err(request.refused(OAuthErrorKind::LoginRequired, "Nobody is signed in."));
        }
        // Signed in anew, the person is not asked to once more.
        let to = path(&tenant.id, &without_prompt(query));
        let page = sign_in::path(&tenant.id, &to, &request.login_hint);
        return Ok(Redirect::to(&page).into_response());
    };
    let Some(granted) = granted(service, &signed_in.user, &request).await? else {
        let words =
            "The person belongs to no group here: add the person by 'kbgap group member add'.";
        return Err(request.refused(OAuthErrorKind::AccessDenied, words));
    };
    if granted.is_empty() && request.scope.wants_api() {
        let words = "Application and person together have none of the scopes asked for.";
        return Err(request.refused(OAuthErrorKind::AccessDenied, words));
    }
    let asked = asked(&request.scope, &granted);
    let (user, client) = (&signed_in.user.id, &request.application.client);
    let known = service.store.consents(&tenant.id, user, client).await?;
    let agreed = |name: &&str| known.iter().any(|known| known == name);
    if wants("consent") || !asked.iter().all(agreed) {
        if silent {
            let words = "The person has not let the application act yet.";
            return Err(request.refused(OAuthErrorKind::ConsentRequired, words));
        }
        let asked: Vec<&str> = asked.iter().map(|name| in_words(name)).collect();
        let page = ConsentPage {
            action: &format!("/{}/oauth2/consent", tenant.id),
            csrf: &browser.csrf(),
            application: &request.application.name,
            user: signed_in.user.name.as_str(),
            asked: &asked,
            device: false,
            request: query,
            user_code: "",
        };
        let sources = [request.target.redirect.source()];
        return Ok(page::show(&page, &sources)?);
    }
    Ok(give_code(service, tenant, request, &signed_in).await?)
}

async fn give_code(
    service: &Service,
    tenant: &Tenant,
    request: Request,
    signed_in: &SignedIn,
) -> Result<Response, PageError> {
    let handle = Handle::generate().map_err(|error| PageError::internal(&error))?;
    let code = AuthorizationCode {
        grant: PersonGrant {
            tenant: tenant.id.clone(),
            client: request.application.client,
            user: signed_in.user.id.clone(),
            scope: request.scope_text,
            signed_in_at: signed_in.at,
        },
        redirect_uri: request.target.redirect.as_str().to_owned(),
        challenge: request
            .challenge
            .map(|challenge| challenge.as_str().to_owned()),
        nonce: request.nonce,
        expires_at: Timestamp::now() + CODE,
    };
    let put = service.store.put_authorization_code(handle.digest(), &code);
    put.await?;
    let info = client_info(&tenant.id, &signed_in.user.id);
    let mut fields = vec![("code", handle.expose())];
    if request.client_info {
        fields.push(("client_info", info.as_str()));
    }
    request.target.send(fields)
}

impl Request {
    fn refused(&self, kind: OAuthErrorKind, words: &str) -> Refusal {
        let target = Target {
            redirect: self.target.redirect.clone(),
            mode: self.target.mode,
            state: self.target.state.clone(),
        };
        Refusal::Client(Box::new(target), OAuthError::new(kind, words))
    }
}

impl Target {
    fn read(&mut self, form: &Form) -> Result<(), OAuthError> {
        let invalid = |words: &str| OAuthError::new(OAuthErrorKind::InvalidRequest, words);
        let state = form.optional("state")?;
        if state.is_some_and(|state| state.len() > LONGEST_ECHO) {
            return Err(invalid("The state is longer than 4,096 bytes."));
        }
        self.state = state.map(str::to_owned);
        self.mode = match form.optional("response_mode")? {
            None | Some("query") => ResponseMode::Query,
            Some("form_post") => ResponseMode::FormPost,
            Some(_) => return Err(invalid("The response_mode must be 'query' or 'form_post'.")),
        };
        Ok(())
    }

    /// Has the browser bring fields to the application.
    fn send<'a>(&'a self, mut fields: Vec<(&'a str, &'a str)>) -> Result<Response, PageError> {
        if let Some(state) = &self.state {
            fields.push(("state", state));
        }
        match self.mode {
            ResponseMode::Query => {
                Ok(Redirect::to(&self.redirect.with_query(&fields)).into_response())
            }
            ResponseMode::FormPost => {
                let page = FormPostPage {
                    action: self.redirect.as_str(),
                    fields: &fields,
                };
                page::show_sending(&page, &[self.redirect.source()])
            }
        }
    }

    fn refuse(&self, error: &OAuthError) -> Result<Response, PageError> {
        let (name, description) = error.name_and_description();
        self.send(vec![("error", name), ("error_description", description)])
    }
}

/// A query without its prompt.
fn without_prompt(query: &str) -> String {
    let fields = url::form_urlencoded::parse(query.as_bytes());
    let fields = fields.filter(|(name, _)| name != "prompt");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
