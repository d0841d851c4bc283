//! How much one caller may ask for.

mod keyed;
mod rates;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::Extensions;
use axum::middleware::Next;
use axum::response::Response;
use kbgap_identity::Caller;

use crate::envelope::ApiError;
use crate::service::Service;
pub(crate) use keyed::Keyed;
use rates::Family;
pub use rates::{NotAProfile, Rate, RateLimits};

/// The limits in force. They are this process' own: each of several servers has its own.
pub(crate) struct Limits {
    families: [Limit; Family::ALL.len()],
    unknown: Limit,
}

/// What is left of a rate to each.
struct Limit {
    a_minute: Option<Keyed>,
    an_hour: Option<Keyed>,
}

impl Limit {
    fn new(rate: Rate) -> Self {
        use governor::Quota;
        Self {
            a_minute: rate.minute.map(|many| Keyed::new(Quota::per_minute(many))),
            an_hour: rate.hour.map(|many| Keyed::new(Quota::per_hour(many))),
        }
    }

    fn is_none(&self) -> bool {
        self.a_minute.is_none() && self.an_hour.is_none()
    }

    fn charge(&self, key: blake3::Hash) -> Result<(), ApiError> {
        for limit in [&self.a_minute, &self.an_hour].into_iter().flatten() {
            limit.check(key).map_err(ApiError::too_many)?;
        }
        Ok(())
    }
}

impl Limits {
    pub(crate) fn new(limits: &RateLimits) -> Self {
        Self {
            families: Family::ALL.map(|family| Limit::new(limits.of(family))),
            unknown: Limit::new(limits.unauthenticated),
        }
    }

    /// Counts a request of a caller whose token was verified: by application and tenant, for each family of routes.
    ///
    /// # Errors
    /// Where it had too many: the answer says when to come again.
    pub(crate) fn charge(&self, caller: &Caller, extensions: &Extensions) -> Result<(), ApiError> {
        let route = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
        let limit = &self.families[Family::of(route.unwrap_or_default()) as usize];
        if limit.is_none() {
            return Ok(());
        }
        let mut key = blake3::Hasher::new();
        key.update(caller.tenant.as_bytes());
        key.update(&[0]);
        key.update(caller.application.as_deref().unwrap_or_default().as_bytes());
        limit.charge(key.finalize())
    }

    /// Counts a request of somebody who is not known yet, by address.
    ///
    /// # Errors
    /// Where it had too many: the answer says when to come again.
    pub(crate) fn charge_unknown(&self, extensions: &Extensions) -> Result<(), ApiError> {
        let client = extensions.get::<ConnectInfo<SocketAddr>>();
        let Some(ConnectInfo(client)) = client else {
            return Ok(());
        };
        self.unknown.charge(blake3::hash(&network(client.ip())))
    }
}

/// What counts as one address: of IPv6 a network of 64 bits, for so many everybody has.
fn network(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().octets(),
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).octets(),
    }
}

/// Counts requests by address, for routes that are there to get known: secrets are not to be guessed.
pub(crate) async fn by_address(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    service.limits.charge_unknown(request.extensions())?;
    Ok(next.run(request).await)
}
