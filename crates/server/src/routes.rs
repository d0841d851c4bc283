//! All routes, and the limits around them.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use kbgap_edge::Edge;
use tokio::net::TcpListener;
use tower::Layer;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::api;
use crate::audit::watch;
use crate::envelope::ApiError;
use crate::front::FrontLayer;
use crate::osquery::{self, OsqueryService, OsquerySettings, PackError};
use crate::osquery_store::OsqueryStore;
use crate::service::Service;
use crate::{limits, machine, oauth2, stream};

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
        .route("/{tenant}/discovery/keys", get(oauth2::keys))
        .route("/common/discovery/instance", get(oauth2::instance))
        .merge(oauth2::people())
        .layer(DefaultBodyLimit::max(TOKEN_BODY))
        .layer(from_fn_with_state(service.clone(), limits::by_address));
    // A stream takes as long as it is: it has limits of its own.
    let streams = Router::new()
        .route("/kbgap/v1/reports", post(stream::reports))
        .layer(RequestDecompressionLayer::new());
    let files = Router::new()
        .route("/exports/{*path}", get(api::export_files::file))
        .with_state(service.clone());
    let settings = &service.settings;
    let max_requests = settings.max_requests;
    // Tokens are recorded by who issues them.
    let recorded = axum::middleware::from_fn_with_state(service.clone(), watch);
    let in_time =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout);
    let routes = Router::new()
        .route("/healthz", get(health))
        .route("/openapi.json", get(api::openapi::document))
        .route("/openapi", get(api::openapi::page))
        .route("/openapi.css", get(api::openapi::style))
        .merge(software_routes())
        .merge(vulnerability_routes())
        .merge(machine_routes())
        .merge(not_collected_routes())
        .merge(task_routes())
        .merge(application_routes())
        .merge(addition_routes())
        .merge(people_routes())
        .merge(export_routes())
        .merge(crate::portal::routes())
        .route("/api", get(api::service_document))
        .route("/api/$metadata", get(api::metadata))
        .route("/api/software/{id}/getmissingkbs", get(api::of_software))
        .route("/api/machines/{id}/getmissingkbs", get(api::of_machine))
        .route(
            "/kbgap/v1/machines/setdevicegroup",
            post(api::machine_actions::set_group),
        )
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
        .layer(in_time)
        .layer(recorded.clone())
        .merge(oauth2::assets())
        .merge(tokens.layer(in_time))
        .merge(streams.layer(recorded.clone()))
        .with_state(service)
        .merge(osquery::router(hosts).layer(in_time).layer(recorded))
        .layer(CompressionLayer::new())
        // Behind the compression: these files are packed already.
        .merge(files)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(GlobalConcurrencyLimitLayer::new(max_requests))
        .layer(TraceLayer::new_for_http());
    Ok(routes)
}

fn software_routes() -> Router<Arc<Service>> {
    use api::software;
    Router::new()
        .route("/api/software", get(software::list))
        .route("/api/software/$count", get(software::count))
        .route("/api/software/{id}", get(software::one))
        .route(
            "/api/software/{id}/distributions",
            get(software::distributions),
        )
        .route(
            "/api/software/{id}/machinereferences",
            get(software::machines),
        )
        .route(
            "/api/software/{id}/vulnerabilities",
            get(software::weaknesses),
        )
}

fn machine_routes() -> Router<Arc<Service>> {
    use api::{assessments, machine_actions, machines, not_collected};
    Router::new()
        .route("/api/machines", get(machines::list))
        .route("/api/machines/$count", get(machines::count))
        .route("/api/machines/findbytag", get(machines::by_tag))
        .route("/api/machines/untaggedmachines", get(machines::untagged))
        .route(
            "/api/machines/{id}",
            get(machines::one).patch(machine_actions::patch),
        )
        .route("/api/machines/{id}/tags", post(machine_actions::tags))
        .route(
            "/api/machines/addorremovetagformultiplemachines",
            post(machine_actions::tag_many),
        )
        .route(
            "/api/machines/{id}/setdevicevalue",
            post(machine_actions::set_value),
        )
        .route(
            "/api/machines/{id}/setexclusion",
            post(machine_actions::set_exclusion),
        )
        .route("/api/machines/{id}/software", get(machines::software))
        .route(
            "/api/machines/{id}/vulnerabilities",
            get(machines::weaknesses),
        )
        .route(
            "/api/machines/{id}/recommendations",
            get(machines::recommendations),
        )
        .route("/api/machines/{id}/firmware", get(not_collected::firmware))
        .route(
            "/api/machines/softwareinventorybymachine",
            get(assessments::inventory),
        )
        .route(
            "/api/machines/softwareinventorynoproductcodebymachine",
            get(assessments::inventory_without_code),
        )
        .route(
            "/api/machines/softwarevulnerabilitiesbymachine",
            get(assessments::vulnerabilities),
        )
}

fn export_routes() -> Router<Arc<Service>> {
    use api::export_files as files;
    let routes = Router::new()
        .route(
            "/api/machines/softwareinventoryexport",
            get(files::inventory),
        )
        .route(
            "/api/machines/softwareinventorynoncpeexport",
            get(files::inventory_without_code),
        )
        .route(
            "/api/machines/softwarevulnerabilitiesexport",
            get(files::vulnerabilities),
        )
        .route(
            "/api/machines/secureconfigurationsassessmentexport",
            get(files::configurations),
        )
        .route("/api/machines/infogatheringexport", get(files::gathering));
    routes
        .route(
            "/api/machines/baselinecomplianceassessmentexport",
            get(files::baselines),
        )
        .route(
            "/api/machines/certificateassessmentexport",
            get(files::certificates),
        )
        .route(
            "/api/machines/browserextensionsinventoryexport",
            get(files::browser_extensions),
        )
        .route(
            "/api/machines/hardwarefirmwareinventoryexport",
            get(files::hardware_firmware),
        )
}

fn addition_routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/api/missingkbs", get(api::missing_updates::list))
        .route(
            "/api/missingkbs/{kb}/machinereferences",
            get(api::missing_updates::machines),
        )
        .route(
            "/api/machines/softwarevulnerabilitychangesbymachine",
            get(api::changes::list),
        )
}

fn people_routes() -> Router<Arc<Service>> {
    use api::{groups, users};
    Router::new()
        .route("/kbgap/v1/users", get(users::list).post(users::create))
        .route(
            "/kbgap/v1/users/{id}",
            get(users::one).patch(users::change).delete(users::remove),
        )
        .route("/kbgap/v1/groups", get(groups::list).post(groups::create))
        .route(
            "/kbgap/v1/groups/{id}",
            get(groups::one)
                .patch(groups::change)
                .delete(groups::remove),
        )
}

fn task_routes() -> Router<Arc<Service>> {
    use api::remediation_tasks as tasks;
    Router::new()
        .route("/api/remediationtasks", get(tasks::list))
        .route("/api/remediationtasks/{id}", get(tasks::one))
        .route(
            "/api/remediationtasks/{id}/machinereferences",
            get(tasks::machines),
        )
        .route("/kbgap/v1/remediationtasks", post(tasks::create))
        .route(
            "/kbgap/v1/remediationtasks/{id}",
            axum::routing::patch(tasks::set_status),
        )
}

fn application_routes() -> Router<Arc<Service>> {
    use api::applications;
    let one = get(applications::one).patch(applications::change);
    Router::new()
        .route(
            "/kbgap/v1/applications",
            get(applications::list).post(applications::create),
        )
        .route(
            "/kbgap/v1/applications/{id}",
            one.delete(applications::remove),
        )
        .route(
            "/kbgap/v1/applications/{id}/secrets",
            post(applications::add_secret),
        )
        .route(
            "/kbgap/v1/applications/{id}/secrets/{secret}",
            delete(applications::remove_secret),
        )
        .route(
            "/kbgap/v1/applications/{id}/certificates",
            post(applications::add_certificate),
        )
        .route(
            "/kbgap/v1/applications/{id}/certificates/{thumbprint}",
            delete(applications::remove_certificate),
        )
}

fn not_collected_routes() -> Router<Arc<Service>> {
    use api::not_collected as none;
    Router::new()
        .route(
            "/api/machines/secureconfigurationsassessmentbymachine",
            get(none::configurations),
        )
        .route(
            "/api/machines/browserextensionsinventorybymachine",
            get(none::browser_extensions),
        )
        .route(
            "/api/machines/hardwarefirmwareinventorybymachine",
            get(none::hardware_firmware),
        )
        .route(
            "/api/machines/certificateassessmentbymachine",
            get(none::certificates),
        )
        .route(
            "/api/machines/baselinecomplianceassessmentbymachine",
            get(none::baselines),
        )
        .route(
            "/api/browserextensions/permissionsinfo",
            get(none::permissions_info),
        )
        .route("/api/baselineprofiles", get(none::baseline_profiles))
        .route("/api/baselineprofiles/{id}", get(none::baseline))
        .route(
            "/api/baselineconfigurations",
            get(none::baseline_configurations),
        )
        .route("/api/baselineconfigurations/{id}", get(none::baseline))
        .route("/api/baselineexceptions", get(none::baseline_exceptions))
        .route("/api/baselineexceptions/{id}", get(none::baseline))
}

fn vulnerability_routes() -> Router<Arc<Service>> {
    use api::{machine_vulnerabilities, recommendations, scores, vulnerabilities};
    Router::new()
        .route("/api/vulnerabilities", get(vulnerabilities::list))
        .route("/api/vulnerabilities/$count", get(vulnerabilities::count))
        .route(
            "/api/vulnerabilities/machinesvulnerabilities",
            get(machine_vulnerabilities::list),
        )
        .route("/api/vulnerabilities/{id}", get(vulnerabilities::one))
        .route(
            "/api/vulnerabilities/{id}/machinereferences",
            get(vulnerabilities::machines),
        )
        .route("/api/recommendations", get(recommendations::list))
        .route("/api/recommendations/$count", get(recommendations::count))
        .route("/api/recommendations/{id}", get(recommendations::one))
        .route(
            "/api/recommendations/{id}/software",
            get(recommendations::software),
        )
        .route(
            "/api/recommendations/{id}/machinereferences",
            get(recommendations::machines),
        )
        .route(
            "/api/recommendations/{id}/vulnerabilities",
            get(recommendations::weaknesses),
        )
        .route("/api/exposurescore", get(scores::exposure))
        .route("/api/exposurescore/bymachinegroups", get(scores::by_groups))
        .route("/kbgap/v1/exposurescore/history", get(scores::history))
        .route("/api/configurationscore", get(scores::configuration))
}

/// Serves until `stop` is done, then finishes what is under way.
///
/// # Errors
/// Where what is asked of osquery's hosts does not hold together.
pub async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    edge: Edge,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let settings = &service.settings;
    let (public, local) = (settings.public_urls.clone(), &settings.local_url);
    let front = FrontLayer::new(public, local, settings.trusted_proxies.clone());
    let routes = front.layer(router(service).map_err(std::io::Error::other)?);
    kbgap_edge::serve(listener, edge, routes, stop).await;
    Ok(())
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
