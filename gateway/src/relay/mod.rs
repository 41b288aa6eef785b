//! The relay: the real service, for clients that cannot reach it themselves, with a durable log of its events. It may use
//! `service`, the log and `base`.
//!
//! `upstream` is the connection, `service` passes the calls through, `chats` lists the chats that were seen, `ingest` keeps our log up with the upstream's; it
//! carries `merge`, which decides how. `frame`, `event` and `message` are what an event goes through on its way.

mod chats;
mod cursor_refusal;
mod event;
mod failure;
mod flags;
mod frame;
mod ingest;
pub mod merge;
mod noted;
mod service;
mod token;
mod upstream;

use im_chats_protocol::client::Backoff;
use im_chats_protocol::error::Error;

use crate::log::{EventLog, LogWriter};
use crate::service::health::Health;
pub use flags::{RelayArgs, parse_upstream};
pub use ingest::Ingest;
use merge::Timing;
use noted::Noted;
use upstream::Upstream;

/// Silence of a catch-up after which the link is given up, in milliseconds: it has events to send, or its end.
const CATCH_UP_SILENCE_MS: u64 = 10_000;

/// From one catch-up to the next, in milliseconds, while every kind of event comes live: a safety net.
const SAFETY_MS: u64 = 30_000;

/// What is relayed: the upstream, and how its log is followed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Source {
    upstream: Upstream,
    timing: Timing,
}

/// The running relay. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Relay {
    upstream: Upstream,
    log: EventLog,
    noted: Noted,
}

impl Source {
    /// As the options say. Nothing is sent yet.
    ///
    /// # Errors
    /// `invalidArgument` of an option that cannot be used.
    pub fn new(args: &RelayArgs) -> Result<Self, Error> {
        let timing = Timing {
            poll_ms: args.poll_interval_ms,
            safety_ms: args.poll_interval_ms.max(SAFETY_MS),
            live_silence_ms: args.upstream_silence_ms,
            catch_up_silence_ms: CATCH_UP_SILENCE_MS,
            backoff: Backoff::RECONNECT,
        };
        Ok(Self { upstream: Upstream::new(args.settings()?)?, timing })
    }

    /// The relay with this log.
    #[must_use]
    pub fn relay(&self, log: EventLog) -> Relay {
        Relay { upstream: self.upstream.clone(), log, noted: Noted::default() }
    }

    /// The task that keeps a log up with the upstream's. It goes on where the log ends.
    ///
    /// # Errors
    /// What [`LogWriter::last`] says when the log cannot be read.
    pub async fn ingest(&self, writer: Box<dyn LogWriter>, health: Health) -> Result<Ingest, Error> {
        Ingest::new(self.upstream.clone(), writer, self.timing, health).await
    }
}
