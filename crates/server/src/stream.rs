//! `POST /kbgap/v1/reports`: one machine, a batch, or a stream of any length.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use kbgap_identity::Permission;
use kbgap_inventory::{ReadError, ReadReport};
use kbgap_store::StoreError;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, FramedRead};
use tokio_util::io::StreamReader;

use crate::api::Authenticated;
use crate::envelope::ApiError;
use crate::intake::{Incoming, IngestSummary};
use crate::service::Service;
use crate::tenant::Tenant;

/// How many lines are stored at once.
const LINES: usize = 500;
/// How many bytes are stored at once, where lines are long.
const BYTES: usize = 8 << 20;
/// The longest line: a report with some ten thousand programs.
const LINE: usize = 8 << 20;
/// How many batches of one stream are under way: one is prepared while one is written.
const UNDER_WAY: usize = 2;
/// How many reports of a stream may be rejected before it is given up: it is of another form.
const REJECTED: usize = 10_000;
/// How long a stream may pause.
const PAUSE: Duration = Duration::from_secs(30);
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
    service.limits.check(caller.sender())?;
    let _turn = turn(&service).await?;
    let summary = if is_lines(&headers) {
        lines(&tenant, body).await?
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
    let body = to_bytes(body, service.settings.max_body)
        .await
        .map_err(|error| {
            if is_limit(&error) {
                ApiError::too_large(service.settings.max_body)
            } else {
                ApiError::body(error)
            }
        })?;
    let batch = tokio::task::spawn_blocking(move || kbgap_inventory::read(&body))
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(ApiError::body)?;
    let batch = batch.into_iter().map(Into::into).collect();
    Ok(tenant.take(batch).await?)
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

async fn lines(tenant: &Arc<Tenant>, body: Body) -> Result<IngestSummary, ApiError> {
    let body = body.into_data_stream();
    let body = body.map(|bytes| bytes.map_err(std::io::Error::other));
    let codec = AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), b"\n".to_vec(), LINE);
    let mut lines = FramedRead::new(StreamReader::new(body), codec);
    let mut stream = UnderWay::new(tenant.clone());
    let mut batch = Batch::default();
    loop {
        let next = tokio::time::timeout(PAUSE, lines.next()).await;
        let Ok(next) = next else {
            let reason = format!("nothing came for {} seconds", PAUSE.as_secs());
            return Err(stream.broken(batch, &reason).await);
        };
        match next {
            None => break,
            Some(Ok(line)) if line.iter().all(u8::is_ascii_whitespace) => continue,
            Some(Ok(line)) => batch.push(Ok(line)),
            Some(Err(AnyDelimiterCodecError::MaxChunkLengthExceeded)) => {
                batch.push(Err(format!("the line is longer than {LINE} bytes")));
            }
            Some(Err(AnyDelimiterCodecError::Io(error))) => {
                return Err(stream.broken(batch, &error.to_string()).await);
            }
        }
        if batch.is_full() {
            stream.push(std::mem::take(&mut batch)).await?;
        }
    }
    stream.push(batch).await?;
    stream.finish().await
}

/// Lines to be stored at once.
#[derive(Default)]
struct Batch {
    lines: Vec<Result<Bytes, String>>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, line: Result<Bytes, String>) {
        self.bytes += line.as_ref().map_or(0, Bytes::len);
        self.lines.push(line);
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= LINES || self.bytes >= BYTES
    }
}

/// Batches of a stream on their way to the store.
struct UnderWay {
    tenant: Arc<Tenant>,
    batches: VecDeque<JoinHandle<Result<IngestSummary, StoreError>>>,
    summary: IngestSummary,
}

impl UnderWay {
    fn new(tenant: Arc<Tenant>) -> Self {
        Self {
            tenant,
            batches: VecDeque::new(),
            summary: IngestSummary::default(),
        }
    }

    /// Sends a batch on its way; waits where enough are.
    async fn push(&mut self, batch: Batch) -> Result<(), ApiError> {
        if batch.lines.is_empty() {
            return Ok(());
        }
        if self.batches.len() >= UNDER_WAY {
            self.arrive().await?;
        }
        let tenant = self.tenant.clone();
        self.batches
            .push_back(tokio::spawn(store(tenant, batch.lines)));
        if self.summary.rejected.len() > REJECTED {
            let first = &self.summary.rejected[0];
            let reason = format!(
                "over {REJECTED} reports were rejected, the first of them (number {}): {}",
                first.index, first.reason
            );
            return Err(self.gave_up(&reason));
        }
        Ok(())
    }

    async fn arrive(&mut self) -> Result<(), ApiError> {
        let Some(batch) = self.batches.pop_front() else {
            return Ok(());
        };
        match batch.await {
            Ok(Ok(summary)) => {
                self.summary.add(summary);
                Ok(())
            }
            Ok(Err(error)) => Err(ApiError::from(error).after(&self.stored())),
            Err(error) => Err(ApiError::internal(&error)),
        }
    }

    async fn finish(mut self) -> Result<IngestSummary, ApiError> {
        while !self.batches.is_empty() {
            self.arrive().await?;
        }
        Ok(self.summary)
    }

    /// The stream broke off: what came whole is stored still.
    async fn broken(mut self, batch: Batch, reason: &str) -> ApiError {
        if let Err(error) = self.push(batch).await {
            return error;
        }
        while !self.batches.is_empty() {
            if let Err(error) = self.arrive().await {
                return error;
            }
        }
        self.gave_up(reason)
    }

    fn gave_up(&self, reason: &str) -> ApiError {
        ApiError::body(format!("{reason}. {}", self.stored()))
    }

    fn stored(&self) -> String {
        let (taken, received) = (self.summary.taken(), self.summary.received);
        format!(
            "Of {received} reports {taken} are stored; send all again: what is stored changes nothing"
        )
    }
}

async fn store(
    tenant: Arc<Tenant>,
    lines: Vec<Result<Bytes, String>>,
) -> Result<IngestSummary, StoreError> {
    let read = tokio::task::spawn_blocking(move || {
        let lines = lines.into_iter();
        lines.map(incoming).collect::<Vec<Incoming>>()
    });
    match read.await {
        Ok(batch) => tenant.take(batch).await,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// A line: one report.
fn incoming(line: Result<Bytes, String>) -> Incoming {
    let read =
        line.and_then(|line| kbgap_inventory::read(&line).map_err(|error| error.to_string()));
    match read {
        Ok(reports) => {
            let mut reports: VecDeque<Result<ReadReport, ReadError>> = reports.into();
            match (reports.pop_front(), reports.is_empty()) {
                (Some(report), true) => report.into(),
                _ => Incoming::failed(&"a line must be one report"),
            }
        }
        Err(reason) => Incoming::failed(&reason),
    }
}
