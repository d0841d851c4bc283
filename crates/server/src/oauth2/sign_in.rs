//! Signing in and out with a browser, and changing a password.

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use kbgap_identity::{Password, SHORTEST_PASSWORD, SecretHash, UserName};
use kbgap_store::{AuditOutcome, StoreError, Tenant, User};
use serde::Deserialize;
use url::Url;

use super::authorize;
use super::browser::Browser;
use super::page::{self, MessagePage, PageError, PasswordPage, SignInPage, SignOutPage};
use crate::audit::{Act, Who};
use crate::peer::Peer;
use crate::service::Service;

/// How long it takes at least to be told that a password is wrong: how much work it was does not show, and guessing is
/// slow.
const WRONG_TAKES: Duration = Duration::from_millis(400);
/// The longest path that a browser is sent on to.
const LONGEST_PATH: usize = 8 * 1024;

const WRONG: &str = "AADSTS50126: The name or the password is wrong, or there were too many attempts with this name: then wait a while. Whoever manages kbgap can give you a new password.";
const DISABLED: &str = "AADSTS50057: This account is disabled. Ask whoever manages kbgap.";

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    to: String,
    #[serde(default)]
    login_hint: String,
}

#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    #[serde(flatten)]
    now: SignInForm,
    #[serde(default)]
    new: String,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
pub(crate) struct SignOut {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    post_logout_redirect_uri: String,
    #[serde(default)]
    state: String,
}

/// The path of the page on which a person of a tenant signs in, and is then sent on to another path here.
pub(crate) fn path(tenant: &str, to: &str, login_hint: &str) -> String {
    let query = [("to", to), ("login_hint", login_hint)];
    // Texts always have such a form.
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    format!("/{tenant}/oauth2/sign-in?{query}")
}

/// `GET /{tenant}/oauth2/sign-in`
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    Query(asked): Query<Asked>,
    browser: Browser,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    let view = View::of(&service, &tenant, &browser, &asked.to).await;
    view.sign_in(&asked.login_hint, None)
}

/// `POST /{tenant}/oauth2/sign-in`
pub(crate) async fn submit(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    mut browser: Browser,
    Form(form): Form<SignInForm>,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    browser.check(&form.csrf)?;
    let name = form.name.clone();
    let door = Door {
        service: &service,
        tenant: &tenant,
        peer,
        action: "person.sign-in",
    };
    let checked = door.check(&form.name, form.password).await?;
    let view = View::of(&service, &tenant, &browser, &form.to).await;
    match checked {
        Checked::Wrong => view.sign_in(&name, Some(WRONG)),
        Checked::Disabled => view.sign_in(&name, Some(DISABLED)),
        Checked::Right(user) if user.must_change => {
            door.refuse(Some(&user), "the password must be changed first");
            view.password(&name, true, None)
        }
        Checked::Right(user) => {
            drop(view);
            browser.sign_in(&service, &user).await?;
            door.record(&user);
            go_on(&browser, &form.to)
        }
    }
}

/// `GET /{tenant}/oauth2/password`
pub(crate) async fn show_password(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    browser: Browser,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    let signed_in = browser.signed_in(&service, &tenant.id).await?;
    let name = signed_in.map(|signed_in| signed_in.user.name.as_str().to_owned());
    let view = View::of(&service, &tenant, &browser, "").await;
    view.password(name.as_deref().unwrap_or_default(), false, None)
}

/// `POST /{tenant}/oauth2/password`: the person is signed out everywhere, and signed in here.
pub(crate) async fn change_password(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    mut browser: Browser,
    Form(form): Form<PasswordForm>,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    browser.check(&form.now.csrf)?;
    let (name, to) = (form.now.name, form.now.to);
    let same = form.new == form.now.password;
    let door = Door {
        service: &service,
        tenant: &tenant,
        peer,
        action: "person.password",
    };
    let checked = door.check(&name, form.now.password).await?;
    let view = View::of(&service, &tenant, &browser, &to).await;
    let mut user = match checked {
        Checked::Wrong => return view.password(&name, false, Some(WRONG)),
        Checked::Disabled => return view.password(&name, false, Some(DISABLED)),
        Checked::Right(user) => user,
    };
    let again = |why: &str| view.password(&name, user.must_change, Some(why));
    if form.new != form.again {
        return again("The new password was not typed the same way twice.");
    }
    if same {
        return again("The new password is the one up to now. Choose another one.");
    }
    let new = match Password::new(form.new, user.name.as_str()) {
        Ok(new) => new,
        Err(unfit) => return again(&format!("The new password cannot be taken: {unfit}.")),
    };
    drop(view);
    let hash = hash(&service, new).await?;
    let set = service
        .store
        .set_password(&tenant.id, &user.id, hash.as_str(), false);
    set.await?;
    user.must_change = false;
    browser.sign_in(&service, &user).await?;
    door.record(&user);
    go_on(&browser, &to)
}

/// `GET /{tenant}/oauth2/v2.0/logout`: asks, since any page could send a browser here.
pub(crate) async fn ask_sign_out(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    Query(asked): Query<SignOut>,
    browser: Browser,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    let back = signed_out_to(&service, &tenant, &asked).await?;
    let Some(signed_in) = browser.signed_in(&service, &tenant.id).await? else {
        return signed_out(&browser, back);
    };
    let page = SignOutPage {
        tenant_id: &tenant.id,
        csrf: &browser.csrf(),
        user: signed_in.user.name.as_str(),
        client: &asked.client_id,
        redirect: &asked.post_logout_redirect_uri,
        state: &asked.state,
    };
    let sources: Vec<String> = back.into_iter().map(|(source, _)| source).collect();
    Ok(browser.answer(page::show(&page, &sources)?))
}

/// `POST /{tenant}/oauth2/v2.0/logout`
pub(crate) async fn sign_out(
    State(service): State<Arc<Service>>,
    Path(tenant): Path<String>,
    peer: Peer,
    mut browser: Browser,
    Form(form): Form<SignOut>,
) -> Result<Response, PageError> {
    let tenant = super::page_tenant(&service, &tenant).await?;
    browser.check(&form.csrf)?;
    let signed_in = browser.signed_in(&service, &tenant.id).await?;
    browser.sign_out(&service).await?;
    if let Some(signed_in) = signed_in {
        let act = Act::new(Who::person(&signed_in.user.id), "person.sign-out");
        service.audit.record(act.in_tenant(&tenant.id).from(peer.0));
    }
    let back = signed_out_to(&service, &tenant, &form).await?;
    signed_out(&browser, back)
}

/// Where the browser is sent when somebody signed out, with what a page's policy calls it: only where the application may
/// have it sent.
async fn signed_out_to(
    service: &Service,
    tenant: &Tenant,
    asked: &SignOut,
) -> Result<Option<(String, String)>, StoreError> {
    let client = asked.client_id.to_ascii_lowercase();
    let sent = &asked.post_logout_redirect_uri;
    let Some(uri) = authorize::registered(service, &tenant.id, &client, sent).await? else {
        return Ok(None);
    };
    let state = [("state", asked.state.as_str())];
    let state: &[_] = if asked.state.is_empty() { &[] } else { &state };
    let target = if state.is_empty() {
        uri.as_str().to_owned()
    } else {
        uri.with_query(state)
    };
    Ok(Some((uri.source(), target)))
}

fn signed_out(browser: &Browser, back: Option<(String, String)>) -> Result<Response, PageError> {
    let response = match back {
        Some((_, target)) => Redirect::to(&target).into_response(),
        None => message("You are signed out", "You can close this page.")?,
    };
    Ok(browser.answer(response))
}

/// A page that says that something was done.
pub(super) fn message(title: &str, text: &str) -> Result<Response, PageError> {
    let failed = false;
    page::show(
        &MessagePage {
            title,
            text,
            failed,
        },
        &[],
    )
}

/// What came of a name and a password.
enum Checked {
    Right(User),
    Wrong,
    Disabled,
}

/// Where a name and a password are shown, for one purpose.
struct Door<'a> {
    service: &'a Service,
    tenant: &'a Tenant,
    peer: Peer,
    /// What the audit trail calls it.
    action: &'static str,
}

impl Door<'_> {
    async fn check(&self, name: &str, password: String) -> Result<Checked, PageError> {
        let began = tokio::time::Instant::now();
        let now = Timestamp::now();
        let (store, tenant) = (&self.service.store, &self.tenant.id);
        let known = match UserName::new(name) {
            Ok(name) => store.user_by_name(tenant, &name).await?,
            Err(_) => None,
        };
        let tried = match &known {
            Some(user) => store.begin_sign_in(tenant, &user.id, now).await?,
            None => false,
        };
        let hash = known
            .as_ref()
            .filter(|_| tried)
            .map(|user| SecretHash::stored(&user.password_hash));
        let permit = self.service.secret_checks.acquire().await;
        let right = tokio::task::spawn_blocking(move || {
            let password = Password::typed(password);
            password.is_of(hash.as_ref())
        });
        let right = right.await.map_err(|error| PageError::internal(&error))?;
        drop(permit);
        let user = match known {
            Some(user) if tried && right => user,
            other => {
                // A name that nobody has is not told: it may be a password in the wrong field.
                let why = match &other {
                    Some(_) if !tried => "locked: too many attempts",
                    Some(_) => "a wrong password",
                    None => "a name that nobody has",
                };
                self.refuse(other.as_ref(), why);
                tokio::time::sleep_until(began + WRONG_TAKES).await;
                return Ok(Checked::Wrong);
            }
        };
        if user.disabled {
            self.refuse(Some(&user), "the user is disabled");
            return Ok(Checked::Disabled);
        }
        store.signed_in(tenant, &user.id, now).await?;
        Ok(Checked::Right(user))
    }

    /// Records what somebody who proved to be the person did.
    fn record(&self, user: &User) {
        self.service.audit.record(self.act(Who::person(&user.id)));
    }

    /// Records that somebody was refused, and whose name was given.
    fn refuse(&self, user: Option<&User>, why: &'static str) {
        let mut act = self.act(Who::Unknown).with(AuditOutcome::Refused);
        if let Some(user) = user {
            act = act.on(&user.id);
        }
        self.service.audit.record(act.telling(why));
    }

    fn act(&self, who: Who) -> Act {
        let act = Act::new(who, self.action).in_tenant(&self.tenant.id);
        act.from(self.peer.0)
    }
}

/// The hash of a new password, made when it is its turn.
async fn hash(service: &Service, password: Password) -> Result<SecretHash, PageError> {
    let permit = service.secret_checks.acquire().await;
    let hash = tokio::task::spawn_blocking(move || password.hash()).await;
    drop(permit);
    hash.map_err(|error| PageError::internal(&error))?
        .map_err(|error| PageError::internal(&error))
}

/// Sends the browser on, where it came to be sent somewhere here.
fn go_on(browser: &Browser, to: &str) -> Result<Response, PageError> {
    let response = match local(to) {
        Some(path) => Redirect::to(&path).into_response(),
        None => message("You are signed in", "You can close this page.")?,
    };
    Ok(browser.answer(response))
}

/// A path on this server, and nothing that a browser takes for another one.
fn local(to: &str) -> Option<String> {
    if !to.starts_with('/') || to.len() > LONGEST_PATH {
        return None;
    }
    let base = Url::parse("http://local.invalid/").ok()?;
    let url = base.join(to).ok()?;
    if url.origin() != base.origin() {
        return None;
    }
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    // A path that begins so would be read as a host, where it stands alone.
    (!path.starts_with("//")).then(|| path.to_owned())
}

/// What the pages of one request share.
struct View<'a> {
    tenant: &'a Tenant,
    browser: &'a Browser,
    csrf: String,
    to: &'a str,
    sources: Vec<String>,
}

impl<'a> View<'a> {
    async fn of(service: &Service, tenant: &'a Tenant, browser: &'a Browser, to: &'a str) -> Self {
        let source = authorize::source_of(service, tenant, to).await;
        Self {
            tenant,
            csrf: browser.csrf(),
            browser,
            to,
            sources: source.into_iter().collect(),
        }
    }

    fn sign_in(&self, name: &str, error: Option<&str>) -> Result<Response, PageError> {
        let page = SignInPage {
            tenant: &self.tenant.name,
            tenant_id: &self.tenant.id,
            csrf: &self.csrf,
            to: self.to,
            name,
            error,
        };
        Ok(self.browser.answer(page::show(&page, &self.sources)?))
    }

    fn password(
        &self,
        name: &str,
        required: bool,
        error: Option<&str>,
    ) -> Result<Response, PageError> {
        let page = PasswordPage {
            tenant_id: &self.tenant.id,
            csrf: &self.csrf,
            to: self.to,
            name,
            required,
            shortest: SHORTEST_PASSWORD,
            error,
        };
        Ok(self.browser.answer(page::show(&page, &self.sources)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_on_within_this_server_only() {
        for (to, path) in [
            ("/", Some("/")),
            ("/a/b?c=d&e=%2F", Some("/a/b?c=d&e=%2F")),
            (
                "/a?to=https://evil.example",
                Some("/a?to=https://evil.example"),
            ),
            ("", None),
            ("a", None),
            ("//evil.example", None),
            ("/\\evil.example", None),
            ("/\t/evil.example", None),
            ("/a/..//evil.example", None),
            ("https://evil.example", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(local(to).as_deref(), path, "{to:?}");
        }
        assert_eq!(local(&format!("/{}", "x".repeat(9000))), None);
    }
}
