//! A share per client address of what there is a limited number of, so that one address does not take what all others need.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use im_chats_protocol::error::Error;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::limit::Limit;
use crate::base::log_throttle::LogThrottle;
use crate::service::full;

/// One address may take one place in so many of a [`SharedLimit`].
const ADDRESSES: usize = 4;

/// Whose places are counted together: one IPv4 address, or one IPv6 network as it is given to one household. A request has it
/// as an extension, unless addresses are not looked at (`--max-connections-per-address 0`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(IpAddr);

impl Peer {
    /// The peer that this address belongs to.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            address => Self(address),
        }
    }
}

/// How many places each address has. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(super) struct Shares(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    size: usize,
    what: &'static str,
    remedy: &'static str,
    taken: Mutex<HashMap<Peer, usize>>,
    throttle: LogThrottle,
}

impl Shares {
    /// `size` places for each address; `what` and `remedy` as of [`Limit::new`].
    pub(super) fn new(size: usize, what: &'static str, remedy: &'static str) -> Self {
        Self(Arc::new(Inner { size, what, remedy, taken: Mutex::default(), throttle: LogThrottle::per_minute() }))
    }

    /// A place of this peer's share.
    ///
    /// # Errors
    /// `serviceUnavailable`, retryable, with `context.limit`, when the share is used up.
    pub(super) fn take(&self, peer: Peer) -> Result<Share, Error> {
        let Inner { size, what, remedy, taken, throttle } = &*self.0;
        let mut taken = taken.lock();
        let own = taken.get(&peer).copied().unwrap_or_default();
        if own < *size {
            taken.insert(peer, own.saturating_add(1));
            drop(taken);
            return Ok(Share { shares: self.clone(), peer });
        }
        drop(taken);
        // Not the address: the log names nobody.
        if let Some(repeated) = throttle.hit() {
            tracing::warn!(limit = size, repeated, "limit reached: no more {what} from one address; see {remedy}");
        }
        Err(full::error(&format!("{what} from one address"), *size))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.taken.lock().is_empty()
    }
}

/// A place of a peer's share, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Shares,
    peer: Peer,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.0.taken.lock();
        if let Some(own) = taken.get_mut(&self.peer) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.peer);
            }
        }
    }
}

/// A limit of which one address can take a quarter at most, rounded up. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SharedLimit {
    all: Limit,
    shares: Shares,
}

impl SharedLimit {
    /// As [`Limit::new`].
    #[must_use]
    pub fn new(size: usize, what: &'static str, remedy: &'static str) -> Self {
        Self { all: Limit::new(size, what, remedy), shares: Shares::new(size.div_ceil(ADDRESSES), what, remedy) }
    }

    /// A place, given back when it is dropped. Without a peer, only the limit of all counts.
    ///
    /// # Errors
    /// `serviceUnavailable`, retryable, with `context.limit`, when all places or those of the peer are taken.
    pub fn take(&self, peer: Option<Peer>) -> Result<Place, Error> {
        let share = peer.map(|peer| self.shares.take(peer)).transpose()?;
        Ok(Place { _slot: self.all.take()?, _share: share })
    }
}

/// A place of a limit, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _slot: OwnedSemaphorePermit,
    _share: Option<Share>,
}

impl From<OwnedSemaphorePermit> for Place {
    fn from(slot: OwnedSemaphorePermit) -> Self {
        Self { _slot: slot, _share: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<Peer> {
        Some(Peer::of(text.parse().unwrap()))
    }

    #[tokio::test]
    async fn one_address_takes_a_quarter_rounded_up_and_gives_it_back() {
        for (size, share) in [(1, 1), (3, 1), (4, 1), (5, 2), (8, 2), (1_024, 256)] {
            let limit = SharedLimit::new(size, "tests", "--max-tests");
            let held: Vec<_> = (0..share).map(|_| limit.take(peer("10.0.0.1")).unwrap()).collect();
            let error = limit.take(peer("::ffff:10.0.0.1")).unwrap_err();
            assert_eq!(error.context_value("limit"), Some(share.to_string().as_str()), "{size}");
            assert!(error.retryable && error.message.contains("from one address"), "{error}");
            assert_eq!(limit.take(peer("10.0.0.2")).is_ok(), size > share, "{size}");
            drop(held);
            limit.take(peer("10.0.0.1")).unwrap();
            assert!(limit.shares.is_empty(), "nobody is remembered who is gone");
        }
    }

    #[tokio::test]
    async fn a_full_limit_costs_no_share_and_without_a_peer_there_is_none() {
        let limit = SharedLimit::new(8, "tests", "--max-tests");
        let held: Vec<_> = (0..8).map(|_| limit.take(None).unwrap()).collect();
        assert_eq!(limit.take(peer("10.0.0.1")).unwrap_err().context_value("limit"), Some("8"));
        assert!(limit.shares.is_empty());
        drop(held);
    }
}
