//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use im_chats::error::Error;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;
use super::flags::ServerLimits;
use super::limit::Limit;
use crate::full;
use crate::log_throttle::LogThrottle;

/// Refused connections that are being told why; one more is closed at once.
const FAREWELLS: usize = 64;

/// How long that may take.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// The connections that are open. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Limit,
    per_peer: usize,
    peers: Mutex<HashMap<Peer, usize>>,
    crowded: LogThrottle,
    farewells: Arc<Semaphore>,
}

/// Whose connections are counted together: one IPv4 address, or one IPv6 network as it is given to one household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Peer(IpAddr);

impl Peer {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self(IpAddr::V6(Ipv6Addr::from_bits(network)))
            }
            address => Self(address),
        }
    }
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    peer: Peer,
    _slot: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(limits: &ServerLimits) -> Self {
        Self(Arc::new(Inner {
            all: Limit::new(limits.max_connections, "connections", "--max-connections"),
            per_peer: match limits.max_connections_per_address {
                0 => usize::MAX,
                limit => limit,
            },
            peers: Mutex::default(),
            crowded: LogThrottle::per_minute(),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
        }))
    }

    /// A place for a connection from `address`.
    ///
    /// # Errors
    /// `serviceUnavailable`, retryable, with `context.limit`.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Place, Error> {
        let slot = self.0.all.take()?;
        let peer = Peer::of(address);
        let mut peers = self.0.peers.lock();
        let open = peers.entry(peer).or_insert(0);
        if *open >= self.0.per_peer {
            let limit = self.0.per_peer;
            // Not the address: the log names nobody.
            if let Some(repeated) = self.0.crowded.hit() {
                tracing::warn!(
                    limit,
                    repeated,
                    "limit reached: no more connections from one address; see --max-connections-per-address"
                );
            }
            return Err(full::error("connections from one address", limit));
        }
        *open = open.saturating_add(1);
        drop(peers);
        Ok(Place { connections: self.clone(), peer, _slot: slot })
    }

    /// Answers a connection that found no place, where HTTP can be spoken at once, and closes it.
    pub(super) fn refuse(&self, mut stream: TcpStream, error: Error, plain: bool) {
        let Ok(permit) = Arc::clone(&self.0.farewells).try_acquire_owned() else { return };
        if !plain {
            return;
        }
        tokio::spawn(async move {
            let farewell = async {
                stream.write_all(&refusal(error)).await?;
                stream.shutdown().await?;
                // A connection that is closed while bytes of the client are unread takes the answer with it.
                let mut sink = [0; 1024];
                while stream.read(&mut sink).await? > 0 {}
                Ok::<_, std::io::Error>(())
            };
            let _ = tokio::time::timeout(FAREWELL_TIME, farewell).await;
            drop(permit);
        });
    }
}

/// A whole answer, byte for byte: no connection is made of it that could say it.
fn refusal(error: Error) -> Vec<u8> {
    let mut headers = HeaderMap::new();
    let body = Failure::with_status(error, StatusCode::SERVICE_UNAVAILABLE).render(&mut headers, "");
    let mut answer = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n".to_vec();
    for (name, value) in &headers {
        answer.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    answer.extend_from_slice(&body);
    answer
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.connections.0.peers.lock();
        if let Some(open) = peers.get_mut(&self.peer) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_gets_it_back() {
        let limits = ServerLimits { max_connections: 4, max_connections_per_address: 2, ..ServerLimits::default() };
        let connections = Connections::new(&limits);
        let enter = |text: &str| connections.enter(address(text));
        let first = enter("10.0.0.1").unwrap();
        let second = enter("::ffff:10.0.0.1").unwrap();
        let crowded = enter("10.0.0.1").unwrap_err();
        assert!(crowded.message.contains("from one address"), "{crowded}");
        assert_eq!((crowded.context_value("limit"), crowded.retryable), (Some("2"), true));
        let home = [enter("2001:db8:1:2::1").unwrap(), enter("2001:db8:1:2:ffff::1").unwrap()];
        assert_eq!(enter("10.0.0.2").unwrap_err().context_value("limit"), Some("4"));
        drop((first, home));
        // A whole network counts as one, its neighbour does not.
        let _home = [enter("2001:db8:1:2::1").unwrap(), enter("2001:db8:1:2:3::1").unwrap()];
        assert!(enter("2001:db8:1:2::9").is_err());
        let neighbour = enter("2001:db8:1:3::1").unwrap();
        drop((second, neighbour));
        enter("10.0.0.1").unwrap();
        drop(_home);
        assert!(connections.0.peers.lock().is_empty(), "nobody is remembered who is gone");
    }

    #[tokio::test]
    async fn zero_is_no_limit() {
        let limits = ServerLimits { max_connections_per_address: 0, ..ServerLimits::default() };
        let connections = Connections::new(&limits);
        let all: Vec<_> = (0..2_000).map(|_| connections.enter(address("::1")).unwrap()).collect();
        assert_eq!(all.len(), 2_000);
    }
}
