//! What every front of the gateway shares.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Authenticator;
use crate::http::access::Access;
use crate::log::EventLog;

/// The state of the router; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The event log, for the event stream.
    pub log: EventLog,
    /// Judges tokens.
    pub authenticator: Arc<dyn Authenticator>,
    /// Which hosts and origins are served. The middleware has checked both before any handler runs, upgrades included.
    pub access: Arc<Access>,
    /// Cancelled when the server begins to drain: finish what is under way, say good-bye, close.
    pub drain: CancellationToken,
    /// Long-lived tasks (one per WebSocket) that a drain waits for, up to [`crate::http::server::DRAIN_TIMEOUT`].
    pub tasks: TaskTracker,
}
