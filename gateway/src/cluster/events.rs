//! What the client of NATS tells of the connection: for the operator's log, and for who waits for it.

use std::sync::LazyLock;

use async_nats::{ClientError, Event, ServerError};
use tokio::sync::watch;

use super::error::ClusterError;
use crate::base::log_throttle::{KeyedLogThrottle, LogThrottle, MINUTE};

/// What the client of NATS tells of the connection.
pub(super) struct Events {
    /// Counts the connections.
    pub(super) connected: watch::Sender<u64>,
    /// What the server does not allow, in its own words.
    pub(super) refuse: watch::Sender<Option<String>>,
    /// Whether the log can be read and written.
    pub(super) link: watch::Sender<Result<(), ClusterError>>,
    /// Where the servers are, for the log.
    pub(super) servers: String,
}

impl Events {
    pub(super) fn take(&self, event: &Event) {
        static LOST: LogThrottle = LogThrottle::per_minute();
        static SLOW: LogThrottle = LogThrottle::per_minute();
        static LAME: LogThrottle = LogThrottle::per_minute();
        static OTHER: LazyLock<KeyedLogThrottle> = LazyLock::new(|| KeyedLogThrottle::new(MINUTE, 32));
        let servers = &self.servers;
        match event {
            Event::Connected => {
                tracing::info!(servers, "connected to NATS");
                self.connected.send_modify(|count| *count += 1);
            }
            Event::Disconnected => {
                let away = ClusterError::Unreachable { servers: servers.clone(), reason: "the connection was lost".to_owned() };
                self.link.send_modify(|link| *link = Err(away));
                if let Some(repeated) = LOST.hit() {
                    tracing::warn!(repeated, servers, "the connection to NATS was lost; connecting again");
                }
            }
            Event::SlowConsumer(subscription) => {
                if let Some(repeated) = SLOW.hit() {
                    tracing::warn!(repeated, subscription, "messages of NATS were dropped: this relay does not keep up");
                }
            }
            Event::LameDuckMode => {
                if let Some(repeated) = LAME.hit() {
                    tracing::info!(repeated, "the server of NATS is about to stop; another one will be used");
                }
            }
            Event::ServerError(error) => {
                let text = error.to_string();
                if let ServerError::Other(reason) = error
                    && reason.to_lowercase().starts_with("permissions violation")
                {
                    self.refuse.send_replace(Some(reason.clone()));
                }
                if let Some(repeated) = OTHER.hit(&text) {
                    tracing::warn!(repeated, "NATS reports: {text}");
                }
            }
            Event::ClientError(ClientError::Other(text)) => {
                if let Some(repeated) = OTHER.hit(text) {
                    tracing::warn!(repeated, servers, "NATS cannot be reached: {text}; trying on");
                }
            }
            Event::ClientError(error) => tracing::warn!(servers, "the client of NATS reports: {error}"),
            Event::Draining | Event::Closed => {}
        }
    }
}
