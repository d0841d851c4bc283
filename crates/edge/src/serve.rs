//! Taking connections.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::connection::{Origin, Scheme, answer};
use crate::tls::Tls;

/// How connections are taken.
#[derive(Default)]
pub struct Edge {
    /// TLS; in plain text without.
    pub tls: Option<Tls>,
    /// What a client may hold.
    pub limits: ConnectionLimits,
}

/// What a client may hold, and for how long.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the header of a request may take, from when it may come: so long a connection may be idle, too.
    pub header: Duration,
    /// How many headers a request may have.
    pub headers: usize,
    /// How many bytes of headers.
    pub header_bytes: u32,
    /// How many requests of a connection are answered at once (HTTP/2).
    pub streams: u32,
    /// How long requests under way are waited for when the server stops.
    pub finish: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(30),
            headers: 100,
            header_bytes: 64 << 10,
            streams: 100,
            finish: Duration::from_secs(30),
        }
    }
}

impl ConnectionLimits {
    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header)
            .max_headers(self.headers)
            .max_buf_size(self.header_bytes as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.streams)
            .max_header_list_size(self.header_bytes)
            // A client that is gone is found out.
            .keep_alive_interval(self.header)
            .keep_alive_timeout(self.header);
        builder
    }
}

/// Why a connection cannot be taken, when that passes: too many files are open, say.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// Serves until `stop` is done, then finishes what is under way.
pub async fn serve<S>(
    listener: TcpListener,
    edge: Edge,
    service: S,
    stop: impl Future<Output = ()> + Send + 'static,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let taking = Taking {
        acceptor: edge.tls.as_ref().map(Tls::acceptor),
        // The protocol is agreed on by TLS; in plain text it is the older one, so that nothing has to be guessed.
        http1: edge.limits.builder().http1_only(),
        http2: edge.limits.builder().http2_only(),
        limits: edge.limits,
    };
    let following = edge.tls.map(|tls| tokio::spawn(tls.follow()));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            taken = accept(&listener) => taken,
            () = &mut stop => break,
        };
        let (taking, service) = (taking.clone(), service.clone());
        let watcher = graceful.watcher();
        tokio::spawn(async move { taking.take(stream, peer, service, watcher).await });
    }
    drop(listener);
    if let Some(following) = following {
        following.abort();
    }
    if tokio::time::timeout(taking.limits.finish, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were not finished in time");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(taken) => return taken,
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Whether an error is of the one connection, which ended before it was taken.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionAborted | ConnectionReset
    )
}

#[derive(Clone)]
struct Taking {
    acceptor: Option<TlsAcceptor>,
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    limits: ConnectionLimits,
}

impl Taking {
    async fn take<S>(self, stream: TcpStream, peer: SocketAddr, service: S, watcher: Watcher)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send,
    {
        // Answers are written whole: there is nothing to wait for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "a connection ended");
            return;
        }
        let Some(acceptor) = &self.acceptor else {
            let scheme = Scheme::Http;
            return answer(
                &self.http1,
                stream,
                Origin { peer, scheme },
                service,
                watcher,
            )
            .await;
        };
        let handshake = acceptor.accept(stream);
        match tokio::time::timeout(self.limits.handshake, handshake).await {
            Ok(Ok(stream)) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let builder = if is_http2 { &self.http2 } else { &self.http1 };
                let scheme = Scheme::Https;
                answer(builder, stream, Origin { peer, scheme }, service, watcher).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
            Err(_) => tracing::debug!(%peer, "TLS took too long"),
        }
    }
}
