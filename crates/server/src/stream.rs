//! `POST /kbgap/v1/reports`: one machine, a batch, or a stream of any length.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use kbgap_identity::Permission;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::io::StreamReader;

use crate::api::Authenticated;
use crate::envelope::ApiError;
use crate::intake::IngestSummary;
use crate::service::Service;
use crate::tenant::Tenant;

/// How long a sender waits for its turn before it is told to come again.
const TURN: Duration = Duration::from_secs(5);

/// Takes in a report, an array of reports, any other form that is read from files, or lines of JSON
/// (`application/x-ndjson`) of which no more than a few hundred are held at once.
pub(crate) async fn reports(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<IngestSummary>), ApiError> {
    let tenant = caller.tenant(&service, &[Permission::InventoryWrite])?;
    let summary = if is_lines(&headers) {
        let _turn = turn(&service).await?;
        let body = body.into_data_stream();
        let body = body.map(|bytes| bytes.map_err(std::io::Error::other));
        tenant
            .intake()
            .take_lines(StreamReader::new(body), |_| ())
            .await?
    } else {
        whole(&service, &tenant, body).await?
    };
    let status = if summary.rejected.len() == summary.received {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    Ok((status, Json(summary)))
}

/// Waits for a place among those whose reports are taken in: more would only take memory.
async fn turn(service: &Service) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = service.intake_turns.clone().acquire_owned();
    match tokio::time::timeout(TURN, turn).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(ApiError::busy("Enough reports are being taken in")),
    }
}

fn is_lines(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
    ]
    .iter()
    .any(|lines| kind.eq_ignore_ascii_case(lines))
}

async fn whole(service: &Service, tenant: &Tenant, body: Body) -> Result<IngestSummary, ApiError> {
    let limits = &service.settings;
    let body = tokio::time::timeout(limits.request_timeout, to_bytes(body, limits.max_body));
    let body = body.await.map_err(|_| {
        let seconds = limits.request_timeout.as_secs();
        ApiError::body(format!("it did not come within {seconds} seconds"))
    })?;
    let body = body.map_err(|error| {
        if is_limit(&error) {
            ApiError::too_large(limits.max_body)
        } else {
            ApiError::body(error)
        }
    })?;
    // Only now: who sends slowly does not hold a place.
    let _turn = turn(service).await?;
    let batch = tokio::task::spawn_blocking(move || kbgap_inventory::read(&body))
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(ApiError::body)?;
    let batch = batch.into_iter().map(Into::into).collect();
    Ok(tenant.intake().take(batch).await?)
}

fn is_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}
