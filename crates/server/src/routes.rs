//! All routes, and the limits around them.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, OriginalUri, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, ServiceExt};
use tokio::net::TcpListener;
use tower::Layer;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::api;
use crate::envelope::ApiError;
use crate::osquery::{self, OsqueryService, OsquerySettings, PackError};
use crate::osquery_store::OsqueryStore;
use crate::service::Service;
use crate::{machine, oauth2, paths, stream};

/// A token request is a few hundred bytes.
const TOKEN_BODY: usize = 64 * 1024;

fn router(service: Arc<Service>) -> Result<Router, PackError> {
    let hosts = OsqueryService::new(
        OsqueryStore(service.clone()),
        OsqueryStore(service.clone()),
        OsquerySettings::default(),
    )?;
    let tokens = Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(oauth2::v2))
        .route("/{tenant}/oauth2/token", post(oauth2::v1))
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(oauth2::metadata_v2),
        )
        .route(
            "/{tenant}/.well-known/openid-configuration",
            get(oauth2::metadata_v1),
        )
        .route("/{tenant}/discovery/v2.0/keys", get(oauth2::keys))
        .layer(DefaultBodyLimit::max(TOKEN_BODY));
    // A stream takes as long as it is: it has limits of its own.
    let streams = Router::new()
        .route("/kbgap/v1/reports", post(stream::reports))
        .layer(RequestDecompressionLayer::new());
    let settings = &service.settings;
    let max_requests = settings.max_requests;
    let in_time =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout);
    let routes = Router::new()
        .route("/healthz", get(health))
        .route("/api", get(api::service_document))
        .route("/api/$metadata", get(api::metadata))
        .route("/api/software/{id}/getmissingkbs", get(api::of_software))
        .route("/api/machines/{id}/getmissingkbs", get(api::of_machine))
        .route("/kbgap/v1/machines/{id}/report", get(machine::report))
        .route("/kbgap/v1/machines/{id}/history", get(machine::history))
        .route("/kbgap/v1/machines/{id}/evidence", get(machine::of_machine))
        .route(
            "/kbgap/v1/machines/{id}/evidence/{kb}",
            get(machine::of_update),
        )
        .fallback(no_route)
        .method_not_allowed_fallback(|| async { ApiError::method() })
        .layer(DefaultBodyLimit::max(settings.max_body))
        .merge(tokens)
        .layer(in_time)
        .merge(streams)
        .with_state(service)
        .merge(osquery::router(hosts).layer(in_time))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(GlobalConcurrencyLimitLayer::new(max_requests))
        .layer(TraceLayer::new_for_http());
    Ok(routes)
}

/// Serves until `stop` is done, then finishes what is under way.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // Before routing: the routes are stated in one spelling only.
    let routes = MapRequestLayer::new(paths::normalize::<Body>)
        .layer(router(service).map_err(std::io::Error::other)?);
    axum::serve(listener, ServiceExt::<Request>::into_make_service(routes))
        .with_graceful_shutdown(stop)
        .await
}

async fn health() -> impl IntoResponse {
    Json(serde_json::json!({ "status": "ok" }))
}

async fn no_route(OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::no_route(uri.path())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the panic over"
)]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = words.unwrap_or("no words"), "a request panicked");
    ApiError::panicked().into_response()
}
