//! The relay: the real service, for clients that cannot reach it themselves, with a durable log of its events. It may use
//! `service`, the log and `base`.
//!
//! `upstream` is the connection, `service` passes the nine calls through, `ingest` keeps our log up with the upstream's; it
//! carries `merge`, which decides how. `frame`, `event` and `message` are what an event goes through on its way.

mod cursor_refusal;
mod event;
mod failure;
mod flags;
mod frame;
mod ingest;
pub mod merge;
mod message;
mod service;
mod token;
mod upstream;

use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::Error;

use crate::log::store::{Owner, RoomArgs, Store, StoreError};
use crate::log::{self, EventLog};
use crate::metrics::Metrics;
use crate::service::health::Health;
pub use flags::{RelayArgs, parse_upstream};
pub use ingest::Ingest;
use merge::Timing;
use upstream::Upstream;

/// Silence of a catch-up after which the link is given up, in milliseconds: it has events to send, or its end.
const CATCH_UP_SILENCE_MS: u64 = 10_000;

/// The running relay. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    upstream: Upstream,
    log: EventLog,
}

/// Why the relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// An option cannot be used.
    #[error("{}", .0.message)]
    Option(Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Relay {
    /// Checks the options, opens the log, and gives the relay and the task that must run beside it. Nothing is sent yet.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub fn open(args: &RelayArgs, room: &RoomArgs, health: Health, metrics: Metrics) -> Result<(Self, Ingest), RelayError> {
        let upstream = Upstream::new(args.settings().map_err(RelayError::Option)?).map_err(RelayError::Option)?;
        let store = Store::open_with(&args.data, room, metrics)?;
        store.claim(Owner::Relay)?;
        let (log, appender) = log::open(&store)?;
        let timing = Timing {
            poll_ms: args.poll_interval_ms,
            live_silence_ms: args.upstream_silence_ms,
            catch_up_silence_ms: CATCH_UP_SILENCE_MS,
            backoff: Backoff::RECONNECT,
        };
        let ingest = Ingest::new(upstream.clone(), appender, timing, health).map_err(|error| store.damaged(error))?;
        Ok((Self { upstream, log }, ingest))
    }

    /// The event log.
    #[must_use]
    pub const fn event_log(&self) -> &EventLog {
        &self.log
    }
}
