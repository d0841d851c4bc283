//! The places of connections: so many in all, so many for an address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::ConnectionLimits;

/// The places there are.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    taken: Arc<Taken>,
    limits: ConnectionLimits,
}

/// How many places each address has taken; only those that have any.
type Taken = Mutex<HashMap<IpAddr, usize>>;

/// A connection's place, which is free when it is dropped.
pub(crate) struct Place {
    _any: OwnedSemaphorePermit,
    _own: Option<OwnPlace>,
}

struct OwnPlace {
    address: IpAddr,
    taken: Arc<Taken>,
}

impl Places {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limits.total.min(Semaphore::MAX_PERMITS))),
            taken: Arc::default(),
            limits: limits.clone(),
        }
    }

    /// Waits until there is a place for whoever comes; `None` only when places are no more given.
    pub(crate) async fn any(&self) -> Option<OwnedSemaphorePermit> {
        self.free.clone().acquire_owned().await.ok()
    }

    /// The place of an address; `None` where it has as many as it may have.
    pub(crate) fn of(&self, address: IpAddr, any: OwnedSemaphorePermit) -> Option<Place> {
        let address = address.to_canonical();
        let not_counted = &self.limits.not_counted;
        if not_counted.iter().any(|network| network.contains(&address)) {
            return Some(Place {
                _any: any,
                _own: None,
            });
        }
        let address = counted(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.limits.per_address {
            return None;
        }
        *count += 1;
        Some(Place {
            _any: any,
            _own: Some(OwnPlace {
                address,
                taken: self.taken.clone(),
            }),
        })
    }
}

/// What counts as one address.
fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).into(),
    }
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = taken.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_have_places_of_their_own() {
        let places = Places::new(&ConnectionLimits {
            per_address: 2,
            not_counted: vec!["10.0.0.0/8".parse().unwrap()],
            ..ConnectionLimits::default()
        });
        let mut held = Vec::new();
        for (address, has) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2:1", true),
            ("2001:db8::3:1", false),
            ("2001:db8:0:1::1", true),
            ("10.1.2.3", true),
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
        ] {
            let any = places.any().await.unwrap();
            let place = places.of(address.parse().unwrap(), any);
            assert_eq!(place.is_some(), has, "{address}");
            held.extend(place);
        }
        held.clear();
        assert!(places.taken.lock().unwrap().is_empty());
        let all = places.limits.total;
        assert_eq!(places.free.available_permits(), all);
    }
}
