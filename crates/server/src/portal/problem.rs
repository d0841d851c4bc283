//! What went wrong, as a page in the reader's language.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kbgap_identity::{Permission, Unauthorized};
use kbgap_portal::{Frame, pages};
use kbgap_store::StoreError;

use super::answer;

/// A page that cannot be answered.
pub(crate) struct Problem {
    frame: Box<Frame>,
    kind: Kind,
}

enum Kind {
    SignIn(Unauthorized),
    SignInAt(String),
    Forbidden(String),
    NotFound(String),
    Failed,
}

impl Problem {
    fn new(frame: &Frame, kind: Kind) -> Self {
        Self {
            frame: Box::new(frame.clone()),
            kind,
        }
    }

    /// Nobody is known to ask.
    pub(super) fn sign_in(frame: &Frame, reason: Unauthorized) -> Self {
        Self::new(frame, Kind::SignIn(reason))
    }

    /// Nobody is signed in: where that is done.
    pub(super) fn sign_in_at(frame: &Frame, place: String) -> Self {
        Self::new(frame, Kind::SignInAt(place))
    }

    /// Who asks may not.
    pub(super) fn forbidden(frame: &Frame, any_of: &[Permission]) -> Self {
        let names: Vec<&str> = any_of.iter().map(|one| one.role()).collect();
        Self::new(frame, Kind::Forbidden(names.join(", ")))
    }

    /// There is no such thing.
    pub(super) fn not_found(frame: &Frame, what: &str) -> Self {
        Self::new(frame, Kind::NotFound(what.to_owned()))
    }

    /// The service fails; the log tells why.
    pub(super) fn failed(frame: &Frame, error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a page could not be made");
        Self::new(frame, Kind::Failed)
    }

    /// The store fails.
    pub(super) fn store(frame: &Frame, error: &StoreError) -> Self {
        Self::failed(frame, error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let c = &*self.frame;
        let (status, title, words) = match &self.kind {
            Kind::SignInAt(_) => (
                StatusCode::SEE_OTHER,
                c.t("problem-sign-in"),
                c.t("problem-sign-in-words"),
            ),
            Kind::SignIn(_) => (
                StatusCode::UNAUTHORIZED,
                c.t("problem-sign-in"),
                c.t("problem-sign-in-words"),
            ),
            Kind::Forbidden(names) => (
                StatusCode::FORBIDDEN,
                c.t("problem-forbidden"),
                c.t1("problem-forbidden-words", "permission", names),
            ),
            Kind::NotFound(what) => (
                StatusCode::NOT_FOUND,
                c.t("problem-not-found"),
                c.t1("problem-not-found-words", "what", what),
            ),
            Kind::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                c.t("problem-failed"),
                c.t("problem-failed-words"),
            ),
        };
        let page = answer::page(&pages::Problem { c, title, words });
        let mut response = (status, page).into_response();
        match self.kind {
            Kind::SignIn(reason) => {
                tracing::debug!(%reason, "a page was refused");
                let challenge = HeaderValue::from_static("Bearer");
                let headers = response.headers_mut();
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Kind::SignInAt(place) => {
                if let Ok(place) = HeaderValue::from_str(&place) {
                    response.headers_mut().insert(header::LOCATION, place);
                }
            }
            _ => {}
        }
        response
    }
}
