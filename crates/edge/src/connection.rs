//! One connection, and the requests on it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use crate::activity::{Activity, Answered, Paced, Quiet};
use crate::limits::ConnectionLimits;

/// How long a connection is given that is told to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In plain text.
    Http,
    /// By TLS.
    Https,
}

impl Scheme {
    /// As URLs begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What is known of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    pub(crate) scheme: Scheme,
}

/// What answers requests.
pub(crate) trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Answers the requests of a connection until it ends or holds up, or all are answered once the server stops.
pub(crate) async fn answer<I>(
    limits: &ConnectionLimits,
    protocol: Protocol,
    io: I,
    origin: Origin,
    service: impl Answers,
    stop: CancellationToken,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let (body, body_rate) = (limits.body, limits.body_rate);
    let moving = activity.clone();
    let requests = service_fn(move |request: Request<Incoming>| {
        let under_way = moving.begin();
        let mut request =
            request.map(|incoming| Body::new(Paced::new(incoming, &moving, body, body_rate)));
        request.extensions_mut().insert(ConnectInfo(origin.peer));
        request.extensions_mut().insert(origin.scheme);
        let answer = service.clone().oneshot(request);
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| Answered { body, under_way }))
        }
    });
    let io = TokioIo::new(io);
    let ended = match protocol {
        Protocol::Http1 => {
            let connection = limits.http1().serve_connection(io, requests);
            drive(connection, limits, &activity, stop).await
        }
        Protocol::Http2 => {
            let connection = limits.http2().serve_connection(io, requests);
            drive(connection, limits, &activity, stop).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %origin.peer, "a connection ended");
    }
}

/// Lets a connection go on for as long as it may.
async fn drive(
    connection: impl GracefulConnection<Error = hyper::Error>,
    limits: &ConnectionLimits,
    activity: &Activity,
    stop: CancellationToken,
) -> Result<(), hyper::Error> {
    let mut connection = pin!(connection);
    let quiet = tokio::select! {
        ended = connection.as_mut() => return ended,
        () = stop.cancelled() => None,
        quiet = activity.quiet(limits.header, limits.stalled) => Some(quiet),
    };
    let patience = match quiet {
        // Nobody listens.
        Some(Quiet::Stalled) => return Ok(()),
        Some(Quiet::Idle) => FAREWELL,
        None => limits.finish,
    };
    connection.as_mut().graceful_shutdown();
    let ended = tokio::time::timeout(patience, connection).await;
    ended.unwrap_or(Ok(()))
}
