//! What runs out is shared out: no address takes more than its share, so that none can take what others need (R54).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How much of something each address holds.
#[derive(Debug)]
pub struct FairShare {
    limit: usize,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One unit, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<FairShare>,
    holder: IpAddr,
}

impl FairShare {
    /// At most `limit` for each address, and at least one.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(1), held: Mutex::default() })
    }

    /// One unit for `address`, unless it holds its share already.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let holder = network(address);
        let mut held = self.held();
        let count = held.entry(holder).or_default();
        if *count == self.limit {
            return None;
        }
        *count += 1;
        Some(Share { of: self.clone(), holder })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held();
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

/// What counts as one address: of IPv6 a /64 network, for one subscriber has a whole one.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_its_share_leaves_the_rest_to_others_and_gets_more_when_it_gives_back() {
        let (shares, one, other) = (FairShare::new(2), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let (first, _second) = (shares.take(one).unwrap(), shares.take(one).unwrap());
        assert!(shares.take(one).is_none());
        let of_other = shares.take(other).unwrap();
        drop(first);
        assert!(shares.take(one).is_some());
        drop(of_other);
        assert_eq!(shares.held().len(), 1, "nothing is kept of who holds nothing");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_an_ipv4_address_in_any_notation_as_itself() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8:0:1::1"), address("2001:db8:0:1:ffff::2"));
        assert_ne!(address("2001:db8:0:1::1"), address("2001:db8:0:2::1"));
        assert_eq!(address("::ffff:10.0.0.1"), address("10.0.0.1"));
        assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
    }
}
