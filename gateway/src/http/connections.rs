//! How many connections there may be, in all and from one address.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use im_chats_protocol::error::Error;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;
use super::flags::ServerLimits;
use super::limit::Limit;
use super::share::{Peer, Share, Shares};
use crate::metrics::{Metrics, Open};

/// Refused connections that are being answered at once, at most; one more is closed without an answer.
const FAREWELLS: usize = 64;

/// The longest time that answering a refused connection takes.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// The connections that are open. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Limit,
    shares: Shares,
    farewells: Arc<Semaphore>,
    metrics: Metrics,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _share: Share,
    _slot: OwnedSemaphorePermit,
    _counted: Open,
}

impl Connections {
    pub(super) fn new(limits: &ServerLimits, metrics: Metrics) -> Self {
        let share = match limits.max_connections_per_address {
            0 => usize::MAX,
            limit => limit,
        };
        Self(Arc::new(Inner {
            all: Limit::new(limits.max_connections, "connections", "--max-connections"),
            shares: Shares::new(share, "connections", "--max-connections-per-address"),
            farewells: Arc::new(Semaphore::new(FAREWELLS)),
            metrics,
        }))
    }

    /// A place for a connection from this peer.
    ///
    /// # Errors
    /// `serviceUnavailable`, retryable, with `context.limit`.
    pub(super) fn enter(&self, peer: Peer) -> Result<Place, Error> {
        let slot = self.0.all.take()?;
        Ok(Place { _share: self.0.shares.take(peer)?, _slot: slot, _counted: self.0.metrics.connection() })
    }

    /// Answers a connection that found no place, where HTTP can be spoken at once, and closes it.
    pub(super) fn refuse(&self, mut stream: TcpStream, error: Error, plain: bool) {
        self.0.metrics.refused(&error.code);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer::of(text.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_its_share_and_gets_it_back() {
        let limits = ServerLimits { max_connections: 4, max_connections_per_address: 2, ..ServerLimits::default() };
        let connections = Connections::new(&limits, Metrics::default());
        let enter = |text: &str| connections.enter(peer(text));
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
        assert!(connections.0.shares.is_empty(), "nobody is remembered who is gone");
    }

    #[tokio::test]
    async fn zero_is_no_limit() {
        let limits = ServerLimits { max_connections_per_address: 0, ..ServerLimits::default() };
        let connections = Connections::new(&limits, Metrics::default());
        let all: Vec<_> = (0..2_000).map(|_| connections.enter(peer("::1")).unwrap()).collect();
        assert_eq!(all.len(), 2_000);
    }
}
