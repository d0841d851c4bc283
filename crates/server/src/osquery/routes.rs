//! The routes.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use kbgap_inventory::osquery::{
    HostDetails, OsqueryError, OsqueryHost, OsqueryRead, read_distributed, read_log,
};
use serde::Deserialize;
use serde_json::json;
use tower_http::decompression::RequestDecompressionLayer;

use crate::audit::{Note, Who};

use super::answer::{Ready, Refusal, done};
use super::node_key::{self, UnverifiedKey};
use super::{EnrollSecret, EnrollSecrets, Node, ObservationSink, OsqueryService};

type Shared<E, S> = State<Arc<OsqueryService<E, S>>>;
type Body = Result<Bytes, BytesRejection>;

/// The five routes of osquery's remote API, under `/kbgap/v1/osquery`. Bodies may be compressed with gzip; their limit
/// is that of what they are decompressed to.
pub fn router<E: EnrollSecrets, S: ObservationSink>(service: OsqueryService<E, S>) -> Router {
    let max_body = service.settings.max_body;
    let routes = Router::new()
        .route("/enroll", post(enroll::<E, S>))
        .route("/config", post(config::<E, S>))
        .route("/log", post(log::<E, S>))
        .route("/distributed/read", post(distributed_read::<E, S>))
        .route("/distributed/write", post(distributed_write::<E, S>))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(RequestDecompressionLayer::new())
        .with_state(Arc::new(service));
    Router::new().nest("/kbgap/v1/osquery", routes)
}

#[derive(Deserialize)]
struct Enrollment {
    #[serde(default)]
    enroll_secret: String,
    #[serde(default)]
    host_identifier: String,
    #[serde(default)]
    host_details: HostDetails,
}

async fn enroll<E: EnrollSecrets, S: ObservationSink>(
    State(service): Shared<E, S>,
    note: Note,
    body: Body,
) -> Result<Response, Refusal> {
    let enrolled = service.enroll(&note, body).await;
    if matches!(enrolled, Err(Refusal::NodeInvalid)) {
        note.refused("the secret is not known, or the host not told");
    }
    enrolled
}

async fn config<E: EnrollSecrets, S: ObservationSink>(
    State(service): Shared<E, S>,
    body: Body,
) -> Result<Ready, Refusal> {
    service.node(&service.text(body)?).await?;
    Ok(Ready(service.pack.config()))
}

async fn log<E: EnrollSecrets, S: ObservationSink>(
    State(service): Shared<E, S>,
    note: Note,
    body: Body,
) -> Result<Ready, Refusal> {
    service.take(&note, body, read_log).await
}

async fn distributed_read<E: EnrollSecrets, S: ObservationSink>(
    State(service): Shared<E, S>,
    body: Body,
) -> Result<Ready, Refusal> {
    let node = service.node(&service.text(body)?).await?;
    if service.is_stale(&node).await? && service.limits.may_ask(&node) {
        tracing::debug!(tenant = %node.tenant, machine = %node.host.machine, "osquery: a host is asked at once");
        return Ok(Ready(service.pack.ask()));
    }
    Ok(Ready(
        r#"{"queries": {}, "node_invalid": false}"#.to_owned(),
    ))
}

async fn distributed_write<E: EnrollSecrets, S: ObservationSink>(
    State(service): Shared<E, S>,
    note: Note,
    body: Body,
) -> Result<Ready, Refusal> {
    service.take(&note, body, read_distributed).await
}

type Read = fn(&str, &OsqueryHost) -> Result<OsqueryRead, OsqueryError>;

#[derive(Deserialize)]
struct NodeRequest {
    #[serde(default)]
    node_key: String,
}

impl<E: EnrollSecrets, S: ObservationSink> OsqueryService<E, S> {
    async fn enroll(&self, note: &Note, body: Body) -> Result<Response, Refusal> {
        let body = self.text(body)?;
        let enrollment: Enrollment = serde_json::from_str(&body).map_err(malformed)?;
        let Some(secret) = EnrollSecret::of_text(&enrollment.enroll_secret) else {
            tracing::warn!("osquery: a host tried to enroll with what is no enroll secret");
            return Err(Refusal::NodeInvalid);
        };
        let record = self.secrets.find(secret.id()).await?;
        let Some(record) = record.filter(|record| record.matches(&secret)) else {
            tracing::warn!(
                secret = secret.id(),
                "osquery: a host tried to enroll with an unknown secret"
            );
            return Err(Refusal::NodeInvalid);
        };
        let host = OsqueryHost::enroll(
            &enrollment.host_identifier,
            &enrollment.host_details,
            Timestamp::now(),
        );
        let host = host.map_err(|reason| {
            tracing::warn!(secret = secret.id(), %reason, "osquery: a host cannot be enrolled");
            Refusal::NodeInvalid
        })?;
        let key = node_key::issue(&record, &host).map_err(|error| {
            tracing::error!(%error, "osquery: a node key cannot be written");
            Refusal::Failed
        })?;
        note.who(Who::Host(secret.id().to_owned()), &record.tenant);
        note.on(host.machine.as_ref());
        tracing::info!(tenant = %record.tenant, machine = %host.machine, "osquery: a host enrolled");
        Ok(Json(json!({ "node_key": key, "node_invalid": false })).into_response())
    }

    /// The body as text; bytes that are no UTF-8, which names of programs may have, become U+FFFD.
    fn text(&self, body: Body) -> Result<String, Refusal> {
        let body = body.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge(self.settings.max_body),
            _ => Refusal::Malformed(error.body_text()),
        })?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// The host that sends a request, where its key is known and it does not send too many.
    async fn node(&self, body: &str) -> Result<Node, Refusal> {
        let request: NodeRequest = serde_json::from_str(body).map_err(malformed)?;
        let key = UnverifiedKey::read(&request.node_key).ok_or(Refusal::NodeInvalid)?;
        let record = self.secrets.find(key.secret()).await?;
        let record = record.ok_or(Refusal::NodeInvalid)?;
        let node = Node {
            host: key.verify(&record).ok_or(Refusal::NodeInvalid)?,
            tenant: record.tenant,
        };
        self.limits
            .request(&node)
            .map_err(|retry_after| Refusal::Later {
                status: StatusCode::TOO_MANY_REQUESTS,
                retry_after,
            })?;
        Ok(node)
    }

    /// Hands over what a request says of its host, and answers once that is durable.
    async fn take(&self, note: &Note, body: Body, read: Read) -> Result<Ready, Refusal> {
        let body = self.text(body)?;
        let host = self.node(&body).await.inspect_err(|refusal| {
            if matches!(refusal, Refusal::NodeInvalid) {
                note.refused("the host is not known");
            }
        });
        let Node { tenant, host } = host?;
        let machine = host.machine.clone();
        note.who(Who::Host(machine.to_string()), &tenant);
        let read = tokio::task::spawn_blocking(move || read(&body, &host))
            .await
            .map_err(|error| {
                tracing::error!(%error, "osquery: a request failed");
                Refusal::Failed
            })?
            .map_err(|error| Refusal::Malformed(error.to_string()))?;
        if let Some(first) = read.rejected.first() {
            // One line a request: a host that sends nothing else is not to fill the log.
            let (query, reason) = (first.query.as_deref(), &first.reason);
            let count = read.tally.rejected;
            tracing::warn!(%tenant, %machine, count, query, %reason, "osquery: answers are left out; the first");
        }
        let tally = read.tally;
        if read.observations.is_empty() {
            tracing::debug!(%tenant, %machine, ?tally, "osquery: nothing to take");
        } else {
            let taken = self.sink.take(&tenant, read.observations).await?;
            tracing::debug!(%tenant, %machine, ?tally, ?taken, "osquery: answers taken");
        }
        if read.renamed {
            tracing::info!(%tenant, %machine, "osquery: a host was renamed and is to enroll again");
            return Err(Refusal::NodeInvalid);
        }
        Ok(done())
    }

    /// Whether a host is to be asked: one that runs Windows, and was not heard of for long.
    async fn is_stale(&self, node: &Node) -> Result<bool, Refusal> {
        if !node.host.windows {
            return Ok(false);
        }
        let seen = self
            .sink
            .last_seen(&node.tenant, &node.host.machine)
            .await?;
        let stale = seen
            .is_none_or(|seen| Timestamp::now().duration_since(seen) > self.settings.stale_after);
        Ok(stale)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "an error's own place is map_err"
)]
fn malformed(error: serde_json::Error) -> Refusal {
    Refusal::Malformed(format!("the request cannot be read: {error}"))
}
