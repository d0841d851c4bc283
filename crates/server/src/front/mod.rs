//! Before routing: who calls, by which name; and the one spelling of paths.

mod host;
mod names;
mod proxies;

use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use futures_util::future::Either;
use kbgap_edge::Scheme;
use tower::{Layer, Service};

pub use names::{NotAPublicUrl, PublicUrl};
pub use proxies::{NotANetwork, TrustedProxies};

use crate::envelope::ApiError;
use crate::paths;
use host::{Host, called_host};
use names::Names;

/// The URL of the root that a request called, without a slash at its end.
#[derive(Debug, Clone)]
pub(crate) struct CalledRoot(pub(crate) Arc<str>);

/// Makes of a request what routes are stated for, or refuses it.
#[derive(Clone)]
pub(crate) struct FrontLayer(Arc<Rules>);

struct Rules {
    names: Names,
    proxies: TrustedProxies,
}

#[derive(Clone)]
pub(crate) struct Front<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl FrontLayer {
    pub(crate) fn new(public: Vec<PublicUrl>, local: &str, proxies: TrustedProxies) -> Self {
        let names = Names::new(public, local);
        Self(Arc::new(Rules { names, proxies }))
    }
}

impl<S> Layer<S> for FrontLayer {
    type Service = Front<S>;

    fn layer(&self, inner: S) -> Front<S> {
        let rules = self.0.clone();
        Front { inner, rules }
    }
}

impl<S: Service<Request<Body>, Response = Response>> Service<Request<Body>> for Front<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.rules.place(&mut request) {
            Ok(()) => Either::Left(self.inner.call(paths::normalize(request))),
            Err(refused) => Either::Right(ready(Ok(refused.into_response()))),
        }
    }
}

impl Rules {
    /// Says by what root and from where a request came.
    fn place<B>(&self, request: &mut Request<B>) -> Result<(), ApiError> {
        let scheme = request.extensions().get::<Scheme>().copied();
        let mut scheme = scheme.unwrap_or(Scheme::Http);
        let mut host = called_host(request).map_err(|reason| ApiError::parameter(&reason))?;
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        if let Some(ConnectInfo(peer)) = peer.copied()
            && self.proxies.trusts(peer.ip())
        {
            let said = self.proxies.read(request.headers(), peer);
            scheme = said.scheme.unwrap_or(scheme);
            if let Some(said) = said.host {
                let said = Host::parse(&said).map_err(|reason| ApiError::parameter(&reason))?;
                host = Some(said);
            }
            let client = ConnectInfo(said.client);
            request.extensions_mut().insert(client);
        }
        let root = self.names.root(scheme, host.as_ref());
        request.extensions_mut().insert(CalledRoot(root));
        Ok(())
    }
}
