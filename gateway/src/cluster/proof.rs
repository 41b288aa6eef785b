//! Whether what NATS confirmed is on the disks. JetStream does not say so; the monitoring addresses of its servers do. Each
//! server that keeps a copy must be shown once. A server that was shown counts as shown while it does not answer: one that is
//! frozen or restarts must not keep the others from going on. For the same reason one that is away need not be shown, and one that a
//! new leader has not heard yet is waited for until it is either.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_nats::jetstream::stream;
use futures_util::future::join_all;
use http::Uri;
use parking_lot::Mutex;
use serde::Deserialize;
use tokio_rustls::rustls::RootCertStore;

use super::error::ClusterError;
use super::flags::ClusterArgs;
use super::version::is_new_enough;
use crate::base::fetch::{self, Document};

/// The largest answer: a server tells everything about itself.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// How long a monitoring address may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Silence after which a server counts as away, whatever JetStream says: it says so of one that was killed after minutes only,
/// and the leader hears of the others every second.
const AWAY_AFTER: Duration = Duration::from_secs(5);

/// What there is to know from the monitoring addresses.
pub(super) struct Proof {
    monitors: Vec<Document>,
    allow_unsynced: bool,
    /// The names of the servers that were shown to write to their disks at once.
    shown: Mutex<BTreeSet<String>>,
    /// Since when this relay knows of servers that their leader has not heard.
    unheard: Mutex<BTreeMap<String, Instant>>,
}

/// A server that keeps a copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer {
    name: String,
    presence: Presence,
}

/// Whether a server is there, as the leader of a stream knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Presence {
    /// It was heard a moment ago.
    Heard,
    /// Not heard since this leader was elected: one that lives is heard within a second, one that was killed before never.
    Unheard,
    /// It confirms nothing while it is away, and may be away for long.
    Away,
}

/// What a server says of itself at `/varz`.
#[derive(Debug, Deserialize)]
struct Server {
    #[serde(default)]
    server_name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    jetstream: JetStream,
}

#[derive(Debug, Default, Deserialize)]
struct JetStream {
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Debug, Deserialize)]
struct Config {
    /// Left out when it does not.
    #[serde(default)]
    sync_always: bool,
}

impl Proof {
    /// Where to ask. With `--log-ca`, an address of https is trusted as the servers of NATS are.
    pub(super) fn new(args: &ClusterArgs, authorities: Option<&RootCertStore>) -> Result<Self, ClusterError> {
        let monitor = |uri: &Uri| {
            let mut parts = uri.clone().into_parts();
            parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/varz"));
            let uri = Uri::from_parts(parts).map_err(|error| error.to_string())?;
            let tls = match authorities {
                Some(roots) if uri.scheme_str() == Some("https") => Some(fetch::trusting(roots.clone())?),
                _ => fetch::connector(&uri)?,
            };
            Ok(Document { uri, tls, accept: "application/json", limit: MAX_ANSWER_BYTES, within: TIMEOUT })
        };
        let monitors: Result<_, String> = args.nats_monitor.iter().map(monitor).collect();
        let monitors = monitors.map_err(|reason| ClusterError::Monitor { reason })?;
        Ok(Self { monitors, allow_unsynced: args.nats_allow_unsynced, shown: Mutex::default(), unheard: Mutex::default() })
    }

    /// Asks the monitoring addresses whether these servers write to their disks at once.
    pub(super) async fn look(&self, peers: &BTreeSet<Peer>) -> Result<(), ClusterError> {
        if self.monitors.is_empty() {
            return self.missing("it is not known whether the servers of NATS write to their disks at once".to_owned());
        }
        let answers = join_all(self.monitors.iter().map(ask)).await;
        let mut silent = Vec::new();
        for answer in answers {
            match answer {
                Err(reason) => silent.push(reason),
                Ok(server) => self.take(server, peers)?,
            }
        }
        let (unheard, unknown) = self.not_shown(peers, Instant::now());
        if unknown.is_empty() {
            if unheard.is_empty() || self.allow_unsynced {
                return Ok(());
            }
            let reason = format!("its leader is new and has not heard {} yet", unheard.join(", "));
            return Err(ClusterError::JetStream { what: "say which servers keep the log", reason });
        }
        let mut reason = format!("no address shows {}, which keeps a copy", unknown.join(", "));
        if !silent.is_empty() {
            reason = format!("{reason} ({})", silent.join("; "));
        }
        self.missing(reason)
    }

    /// The servers that have yet to be shown: those that their leader may be about to hear, and those that are there.
    fn not_shown<'a>(&self, peers: &'a BTreeSet<Peer>, now: Instant) -> (Vec<&'a str>, Vec<&'a str>) {
        let (shown, mut since) = (self.shown.lock(), self.unheard.lock());
        since.retain(|name, _| peers.iter().any(|peer| peer.name == *name && peer.presence == Presence::Unheard));
        let (mut unheard, mut unknown) = (Vec::new(), Vec::new());
        for peer in peers.iter().filter(|peer| !shown.contains(&peer.name)) {
            match peer.presence {
                Presence::Heard => unknown.push(peer.name.as_str()),
                Presence::Unheard => {
                    let first = *since.entry(peer.name.clone()).or_insert(now);
                    if now.saturating_duration_since(first) < AWAY_AFTER {
                        unheard.push(peer.name.as_str());
                    }
                }
                Presence::Away => {}
            }
        }
        (unheard, unknown)
    }

    fn take(&self, server: Server, peers: &BTreeSet<Peer>) -> Result<(), ClusterError> {
        let Server { server_name: name, version, jetstream } = server;
        // Another server of theirs may be as it likes.
        if !peers.iter().any(|peer| peer.name == name) {
            return Ok(());
        }
        if !is_new_enough(&version) {
            return Err(ClusterError::TooOld { server: name, version });
        }
        if jetstream.config.is_some_and(|config| config.sync_always) {
            self.shown.lock().insert(name);
            return Ok(());
        }
        self.shown.lock().remove(&name);
        self.missing(format!("{name} says that it does not write to its disk at once"))
    }

    fn missing(&self, reason: String) -> Result<(), ClusterError> {
        if self.allow_unsynced { Ok(()) } else { Err(ClusterError::Unsynced { reason }) }
    }

    /// Says once in the log what was allowed.
    pub(super) fn warn(&self) {
        if self.allow_unsynced {
            tracing::warn!(
                "--nats-allow-unsynced: nobody looks whether NATS writes to its disks at once; EVENTS THAT CLIENTS HAVE SEEN \
                 CAN BE LOST when its machines lose their power together"
            );
        }
    }
}

async fn ask(monitor: &Document) -> Result<Server, String> {
    let answer = monitor.get().await?;
    serde_json::from_slice(&answer.body).map_err(|_| format!("{}: this is not the monitoring of a NATS server", monitor.uri))
}

/// The servers that keep a stream; of a server that stands alone, JetStream may not say its name.
pub(super) fn peers(info: &stream::Info, connected: &str) -> BTreeSet<Peer> {
    let leader = info.cluster.as_ref().and_then(|cluster| cluster.leader.clone()).filter(|leader| !leader.is_empty());
    let others = info.cluster.iter().flat_map(|cluster| &cluster.replicas);
    let mut peers: BTreeSet<_> = others.map(|peer| Peer { name: peer.name.clone(), presence: presence(peer) }).collect();
    let heard = |name| Peer { name, presence: Presence::Heard };
    match leader {
        Some(name) => {
            peers.insert(heard(name));
        }
        None if peers.is_empty() => {
            peers.insert(heard(connected.to_owned()));
        }
        None => {}
    }
    peers
}

fn presence(peer: &stream::PeerInfo) -> Presence {
    if peer.offline || peer.active >= AWAY_AFTER {
        Presence::Away
    } else if peer.active.is_zero() && !peer.current {
        Presence::Unheard
    } else {
        Presence::Heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, presence: Presence) -> Peer {
        Peer { name: name.to_owned(), presence }
    }

    /// Monitoring addresses that all showed `a`.
    fn proof() -> Proof {
        let shown = Mutex::new(BTreeSet::from(["a".to_owned()]));
        Proof { monitors: Vec::new(), allow_unsynced: false, shown, unheard: Mutex::default() }
    }

    #[test]
    fn a_server_that_no_leader_hears_is_waited_for_and_then_away() {
        use Presence::{Away, Heard, Unheard};
        let (proof, start) = (proof(), Instant::now());
        let of = |presence| BTreeSet::from([peer("a", Unheard), peer("b", presence)]);
        let at = |seconds| start + Duration::from_secs(seconds);
        let none: (Vec<&str>, Vec<&str>) = (vec![], vec![]);
        assert_eq!(proof.not_shown(&of(Unheard), at(0)), (vec!["b"], vec![]));
        assert_eq!(proof.not_shown(&of(Unheard), at(4)), (vec!["b"], vec![]));
        assert_eq!(proof.not_shown(&of(Unheard), at(5)), none);
        // It lives, and must be shown; the next leader begins anew.
        assert_eq!(proof.not_shown(&of(Heard), at(6)), (vec![], vec!["b"]));
        assert_eq!(proof.not_shown(&of(Unheard), at(7)), (vec!["b"], vec![]));
        assert_eq!(proof.not_shown(&of(Away), at(8)), none);
    }
}
