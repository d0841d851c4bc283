//! What a client may hold, and for how long.

use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ipnet::IpNet;

/// What a client may hold, and for how long.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// How many connections there are at most; others wait.
    pub total: usize,
    /// How many of them one address may have; further ones are closed at once. Of IPv6 a network of 64 bits counts as
    /// one address, for so many everybody has.
    pub per_address: usize,
    /// Networks whose addresses may have any number: those of proxies, which speak for many.
    pub not_counted: Vec<IpNet>,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a connection waits for a request's header to be there, whole: also for that of the next request.
    pub header: Duration,
    /// How long a connection may go without anything moving while a request is under way.
    pub stalled: Duration,
    /// How long is waited for the body of a request, at most, beside the time that `body_rate` allows.
    pub body: Duration,
    /// How many bytes of a body have to come for each second it is waited for.
    pub body_rate: u32,
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
            total: 2_000,
            per_address: 256,
            not_counted: Vec::new(),
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(30),
            // Longer than any request may be worked on.
            stalled: Duration::from_mins(2),
            body: Duration::from_secs(30),
            body_rate: 100,
            headers: 100,
            header_bytes: 64 << 10,
            streams: 100,
            finish: Duration::from_secs(30),
        }
    }
}

impl ConnectionLimits {
    pub(crate) fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.header)
            .max_headers(self.headers)
            .max_header_size(self.header_bytes as usize);
        builder
    }

    pub(crate) fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.streams)
            .max_header_list_size(self.header_bytes)
            // A client that is gone is found out.
            .keep_alive_interval(self.header)
            .keep_alive_timeout(self.header);
        builder
    }
}
