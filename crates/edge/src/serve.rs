//! Taking connections.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::connection::{Answers, Origin, Protocol, Scheme, answer};
use crate::limits::ConnectionLimits;
use crate::places::{Place, Places};
use crate::tls::Tls;

/// How connections are taken.
#[derive(Default)]
pub struct Edge {
    /// TLS; in plain text without.
    pub tls: Option<Tls>,
    /// What a client may hold.
    pub limits: ConnectionLimits,
}

/// How long is waited where none can be taken for a reason that passes: too many files are open, say.
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
    let places = Places::new(&edge.limits);
    let stopping = CancellationToken::new();
    let taking = Taking {
        acceptor: edge.tls.as_ref().map(Tls::acceptor),
        limits: edge.limits,
        stop: stopping.clone(),
    };
    let following = edge.tls.map(|tls| tokio::spawn(tls.follow()));
    let connections = TaskTracker::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer, place) = tokio::select! {
            taken = accept(&listener, &places) => taken,
            () = &mut stop => break,
        };
        let (taking, service) = (taking.clone(), service.clone());
        connections.spawn(async move {
            taking.take(stream, peer, service).await;
            drop(place);
        });
    }
    drop(listener);
    stopping.cancel();
    if let Some(following) = following {
        following.abort();
    }
    connections.close();
    let finished = tokio::time::timeout(taking.limits.finish, connections.wait());
    if finished.await.is_err() {
        tracing::warn!("some requests were not finished in time");
    }
}

/// Waits for a connection that may have a place.
async fn accept(listener: &TcpListener, places: &Places) -> (TcpStream, SocketAddr, Place) {
    loop {
        let Some(any) = places.any().await else {
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Some(place) = places.of(peer.ip(), any) {
                    return (stream, peer, place);
                }
                tracing::debug!(%peer, "it has too many connections");
            }
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
    limits: ConnectionLimits,
    stop: CancellationToken,
}

impl Taking {
    async fn take(self, stream: TcpStream, peer: SocketAddr, service: impl Answers) {
        // Answers are written whole: there is nothing to wait for.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "a connection ended");
            return;
        }
        let (limits, stop) = (&self.limits, self.stop.clone());
        let Some(acceptor) = &self.acceptor else {
            let scheme = Scheme::Http;
            let origin = Origin { peer, scheme };
            // In plain text it is the older protocol, so that nothing has to be guessed.
            return answer(limits, Protocol::Http1, stream, origin, service, stop).await;
        };
        let handshake = tokio::time::timeout(limits.handshake, acceptor.accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = stop.cancelled() => return,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let protocol = if is_http2 {
                    Protocol::Http2
                } else {
                    Protocol::Http1
                };
                let scheme = Scheme::Https;
                let origin = Origin { peer, scheme };
                answer(limits, protocol, stream, origin, service, stop).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
            Err(_) => tracing::debug!(%peer, "TLS took too long"),
        }
    }
}
