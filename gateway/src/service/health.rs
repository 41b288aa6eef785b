//! Whether the service behind the fronts is there.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use parking_lot::RwLock;

/// The state of the gateway's upstream, if it has one. Cheap to clone; all clones share the state.
#[derive(Debug, Clone)]
pub struct Health(Arc<RwLock<HealthState>>);

/// What is known of the upstream.
#[derive(Debug, Clone)]
pub enum HealthState {
    /// There is no upstream.
    Alone,
    /// It has not been reached yet.
    Connecting,
    /// It is there, and the log is up with it.
    Ok,
    /// It is away, or refuses; the error says why.
    Degraded(Box<Error>),
}

impl Health {
    /// Of a gateway that needs no other server.
    #[must_use]
    pub fn alone() -> Self {
        Self::of(HealthState::Alone)
    }

    /// Of a gateway that has not reached its upstream yet.
    #[must_use]
    pub fn connecting() -> Self {
        Self::of(HealthState::Connecting)
    }

    fn of(state: HealthState) -> Self {
        Self(Arc::new(RwLock::new(state)))
    }

    /// The upstream is there, and the log is up with it.
    pub fn ok(&self) {
        *self.0.write() = HealthState::Ok;
    }

    /// The upstream is away, or refuses.
    pub fn degraded(&self, error: &Error) {
        *self.0.write() = HealthState::Degraded(Box::new(error.clone()));
    }

    /// The state of this moment.
    #[must_use]
    pub fn state(&self) -> HealthState {
        self.0.read().clone()
    }
}
