//! Answers in the form that osquery reads.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{NotTaken, Unavailable};

/// Why a request is not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The secret or the node key is not known; the host is to enroll again.
    NodeInvalid,
    /// The body cannot be read.
    Malformed(String),
    /// The body is too large.
    TooLarge(usize),
    /// It comes at a bad time.
    Later {
        /// Whether the host is too fast (429) or the server too slow (503).
        status: StatusCode,
        /// When to try again.
        retry_after: Duration,
    },
    /// It failed here; the log tells why.
    Failed,
}

/// A body that is JSON already.
pub(crate) struct Ready(pub(crate) String);

impl IntoResponse for Ready {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], self.0).into_response()
    }
}

/// A request that is done and has no other answer.
pub(crate) fn done() -> Ready {
    Ready(r#"{"node_invalid": false}"#.to_owned())
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::error!(error, "osquery: a request failed");
        Self::Failed
    }
}

impl From<NotTaken> for Refusal {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Busy { retry_after } => Self::Later {
                status: StatusCode::SERVICE_UNAVAILABLE,
                retry_after,
            },
            NotTaken::Failed(error) => error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = |status: StatusCode, error: &str| {
            (status, Json(json!({ "error": error }))).into_response()
        };
        match self {
            Self::NodeInvalid => Json(json!({ "node_invalid": true })).into_response(),
            Self::Malformed(reason) => error(StatusCode::BAD_REQUEST, &reason),
            Self::TooLarge(limit) => error(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the request is larger than {limit} bytes"),
            ),
            Self::Later {
                status,
                retry_after,
            } => {
                // Rounded up: at the whole second before, it would be too early.
                let seconds = retry_after.as_secs().saturating_add(1);
                let mut response = error(status, &format!("try again in {seconds} seconds"));
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            Self::Failed => error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request failed; the server's log tells why",
            ),
        }
    }
}
