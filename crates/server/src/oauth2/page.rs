//! Pages of the provider: rendered here, without scripts, in no frame and no cache.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use kbgap_identity::OAuthError;
use kbgap_store::StoreError;

/// The sign-in page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) tenant: &'a str,
    pub(super) tenant_id: &'a str,
    pub(super) csrf: &'a str,
    pub(super) to: &'a str,
    pub(super) name: &'a str,
    pub(super) error: Option<&'a str>,
}

/// The page to change a password.
#[derive(Template)]
#[template(path = "password.html")]
pub(super) struct PasswordPage<'a> {
    pub(super) tenant_id: &'a str,
    pub(super) csrf: &'a str,
    pub(super) to: &'a str,
    pub(super) name: &'a str,
    pub(super) required: bool,
    pub(super) shortest: usize,
    pub(super) error: Option<&'a str>,
}

/// The page on which a person lets an application act, be it in this browser or on a device.
#[derive(Template)]
#[template(path = "consent.html")]
pub(super) struct ConsentPage<'a> {
    pub(super) action: &'a str,
    pub(super) csrf: &'a str,
    pub(super) application: &'a str,
    pub(super) user: &'a str,
    pub(super) asked: &'a [&'a str],
    pub(super) device: bool,
    pub(super) request: &'a str,
    pub(super) user_code: &'a str,
}

/// The page to enter a device's code.
#[derive(Template)]
#[template(path = "device.html")]
pub(super) struct DevicePage<'a> {
    pub(super) csrf: &'a str,
    pub(super) user_code: &'a str,
    pub(super) error: Option<&'a str>,
}

/// The page to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub(super) struct SignOutPage<'a> {
    pub(super) tenant_id: &'a str,
    pub(super) csrf: &'a str,
    pub(super) user: &'a str,
    pub(super) client: &'a str,
    pub(super) redirect: &'a str,
    pub(super) state: &'a str,
}

/// A page that says something.
#[derive(Template)]
#[template(path = "message.html")]
pub(super) struct MessagePage<'a> {
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) failed: bool,
}

/// A page that brings fields to an application (OAuth 2.0 Form Post Response Mode). It sends itself where scripts run.
#[derive(Template)]
#[template(path = "form_post.html")]
pub(super) struct FormPostPage<'a> {
    pub(super) action: &'a str,
    pub(super) fields: &'a [(&'a str, &'a str)],
}

/// A page that says what failed.
pub(crate) struct PageError {
    status: StatusCode,
    title: &'static str,
    text: String,
}

impl PageError {
    /// The form is of another browser, or of a page shown long ago.
    pub(super) fn stale() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            title: "This page is too old",
            text: "It was not shown to this browser, or before it signed in or out. Go back, load the page anew and try again; cookies must be allowed.".to_owned(),
        }
    }

    /// What was asked for cannot be done.
    pub(super) fn refused(error: &OAuthError) -> Self {
        Self {
            status: StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::BAD_REQUEST),
            title: "This cannot be done",
            text: error.name_and_description().1.to_owned(),
        }
    }

    /// The server failed; what it is, only the log tells.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a page could not be shown");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            title: "The server failed",
            text: "Try again later. Its log tells more.".to_owned(),
        }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let page = MessagePage {
            title: self.title,
            text: &self.text,
            failed: true,
        };
        match show(&page, &[]) {
            Ok(page) => (self.status, page).into_response(),
            Err(_) => self.status.into_response(),
        }
    }
}

/// A page whose forms lead back here, and from here to these places at most: browsers look at a page's policy also where a
/// form's answer sends them on.
pub(super) fn show(page: &impl Template, leads_to: &[String]) -> Result<Response, PageError> {
    respond(page, "", leads_to)
}

/// A page that sends its form by itself, by the one script there is.
pub(super) fn show_sending(
    page: &FormPostPage<'_>,
    leads_to: &[String],
) -> Result<Response, PageError> {
    respond(page, "script-src 'self'; ", leads_to)
}

fn respond(
    page: &impl Template,
    scripts: &str,
    leads_to: &[String],
) -> Result<Response, PageError> {
    let failed = |error: &(dyn std::error::Error + 'static)| PageError::internal(error);
    let html = page.render().map_err(|error| failed(&error))?;
    let mut forms = String::from("'self'");
    for source in leads_to {
        forms.push(' ');
        forms.push_str(source);
    }
    let policy = format!(
        "default-src 'none'; style-src 'self'; {scripts}form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).map_err(|error| failed(&error))?;
    let fixed = |text: &'static str| HeaderValue::from_static(text);
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, fixed("DENY")),
        (header::CACHE_CONTROL, fixed("no-store")),
        (header::REFERRER_POLICY, fixed("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
    ];
    Ok((headers, Html(html)).into_response())
}

/// `GET /kbgap/sign-in.css`
pub(crate) async fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../templates/sign-in.css"),
    )
}

/// `GET /kbgap/send-form.js`
pub(crate) async fn script() -> Response {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../../templates/send-form.js"),
    )
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}
