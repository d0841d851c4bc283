//! Error answers of the API (API specification, section 5).

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kbgap_identity::{Caller, Grant, Permission, Unauthorized};
use kbgap_odata::ODataError;
use kbgap_store::StoreError;
use serde::Serialize;
use uuid::Uuid;

use crate::audit::Why;
use crate::intake::StreamError;
use crate::tenant::ReportError;

/// After how many seconds a busy service is asked again.
const BUSY: u64 = 5;

/// An error as the Defender API words it.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    challenge: Option<String>,
    /// In how many seconds to come again.
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
    /// A unique id of the request, by which the log tells more.
    target: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            challenge: None,
            retry_after: None,
        }
    }

    /// A resource that does not exist.
    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let message = format!("{kind} {id} was not found");
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", message)
    }

    /// A route that does not exist.
    pub(crate) fn no_route(path: &str) -> Self {
        let message = format!("There is nothing at {path}");
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// A parameter that is not there (API specification, section 5).
    pub(crate) fn parameter_missing(name: &str) -> Self {
        let message = format!("Parameter {name} is missing");
        Self::new(StatusCode::BAD_REQUEST, "MissingRequiredParameter", message)
    }

    /// A value that is not what it should be; the code tells what was expected.
    pub(crate) fn invalid(code: &'static str, name: &str, value: &str) -> Self {
        let message = format!("Invalid input {value} for {name}");
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// A parameter that cannot be taken, in the words of who reads it.
    pub(crate) fn parameter(reason: &impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidInput", reason.to_string())
    }

    /// A list with more items than a request may have (API specification, section 5).
    pub(crate) fn too_many_items(received: usize, allowed: usize) -> Self {
        let message =
            format!("Maximum batch size exceeded, received {received}, allowed {allowed}");
        Self::new(StatusCode::BAD_REQUEST, "MaximumBatchSizeExceeded", message)
    }

    /// What is there already.
    pub(crate) fn exists(what: &str) -> Self {
        let message = format!("{what} exists already");
        Self::new(StatusCode::CONFLICT, "ResourceAlreadyExists", message)
    }

    /// What is not for who sees some device groups only.
    pub(crate) fn sees_too_little() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "This is for who sees the machines of all device groups",
        )
    }

    /// A method that the route does not have.
    pub(crate) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "This method is not allowed here",
        )
    }

    /// A body that cannot be read.
    pub(crate) fn body(reason: impl std::fmt::Display) -> Self {
        let message = format!("Request body is incorrect: {reason}");
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestBody", message)
    }

    /// A body that is too large.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLarge", message)
    }

    /// A request without a token that counts; the challenge is that of RFC 6750, section 3.
    pub(crate) fn unauthorized(reason: &Unauthorized) -> Self {
        let challenge = match reason {
            Unauthorized::Missing => "Bearer".to_owned(),
            other => format!("Bearer error=\"invalid_token\", error_description=\"{other}\""),
        };
        Self {
            challenge: Some(challenge),
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                "Unauthorized",
                format!("Unauthorized request - reason of failure: {reason}"),
            )
        }
    }

    /// A token without the permission, in the newer of the two wordings known.
    pub(crate) fn forbidden(caller: &Caller, any_of: &[Permission]) -> Self {
        let message = match &caller.grant {
            Grant::Application(roles) => {
                let required: Vec<_> = any_of.iter().map(|permission| permission.role()).collect();
                format!(
                    "Missing application roles. API required roles: {}, application roles: {}.",
                    required.join(", "),
                    roles.join(",")
                )
            }
            Grant::Delegated(_) => {
                let required: Vec<_> = any_of.iter().map(|permission| permission.scope()).collect();
                format!(
                    "The application does not have any of the required delegated permissions ({}) to access the resource.",
                    required.join(", ")
                )
            }
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// A person whose role does not allow what the token would.
    pub(crate) fn no_role(permission: Permission) -> Self {
        let message = format!(
            "The user has no role that allows {}: whoever manages kbgap can add the user to a group that has one.",
            permission.scope()
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// A sender that asked for too much.
    pub(crate) fn too_many(wait: Duration) -> Self {
        Self {
            retry_after: Some(wait.as_secs() + 1),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Too many requests; come again after the time that Retry-After states",
            )
        }
    }

    /// A service that has enough to do, or whose database does not answer.
    pub(crate) fn busy(why: &str) -> Self {
        Self {
            retry_after: Some(BUSY),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                format!("{why}; come again after the time that Retry-After states"),
            )
        }
    }

    /// A failure of the service itself; what it is, only the log tells.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::panicked()
    }

    /// A failure of which not even the error is at hand.
    pub(crate) fn panicked() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "The request failed; its target is in the log. Try again later",
        )
    }
}

impl From<ODataError> for ApiError {
    /// A query that cannot be answered: the message names the option and the place.
    fn from(error: ODataError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ODataError", error.to_string())
    }
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => error.into(),
            ReportError::Damaged(error) => Self::internal(&error),
        }
    }
}

impl From<StreamError> for ApiError {
    fn from(error: StreamError) -> Self {
        let progress = error.progress();
        match error {
            StreamError::Broken { .. } => Self::body(error),
            StreamError::Store { source, .. } => {
                let error = Self::from(source);
                Self {
                    message: format!("{}. {progress}", error.message),
                    ..error
                }
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Full { .. } => {
                tracing::error!(%error, "the disk is full");
                Self::busy("The disk of the database is full")
            }
            error if error.is_temporary() => {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "the database does not answer"
                );
                Self::busy("The database does not answer")
            }
            error => Self::internal(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let target = Uuid::new_v4().to_string();
        tracing::debug!(status = %self.status, code = self.code, message = %self.message, %target, "refused");
        let body = Json(Body {
            error: Inner {
                code: self.code,
                message: &self.message,
                target,
            },
        });
        let mut response = (self.status, body).into_response();
        // Who is refused is told in full; other messages may repeat what the client sent.
        let refused = matches!(
            self.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        let code = self.code.to_owned();
        let why = if refused { self.message } else { code };
        response.extensions_mut().insert(Why(why));
        if let Some(Ok(challenge)) = self.challenge.map(|text| HeaderValue::from_str(&text)) {
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
