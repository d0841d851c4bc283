//! One connection, and the requests on it.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

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

/// What is known of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) peer: SocketAddr,
    pub(crate) scheme: Scheme,
}

/// Answers the requests of a connection until it ends, or all are answered once the server stops.
pub(crate) async fn answer<I, S>(
    builder: &Builder<TokioExecutor>,
    io: I,
    origin: Origin,
    service: S,
    watcher: Watcher,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let requests = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(origin.peer));
        request.extensions_mut().insert(origin.scheme);
        service.clone().oneshot(request)
    });
    let connection = builder.serve_connection(TokioIo::new(io), requests);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, peer = %origin.peer, "a connection ended");
    }
}
